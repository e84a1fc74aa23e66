package provisioning

import (
	"slices"
	"strconv"
	"strings"
)

// Purpose is one that recordings are heard for.
type Purpose struct {
	Name  string `json:"name"`
	Title string `json:"title" doc:"Japanese"`
	En    string `json:"en,omitempty"`
}

// ListeningRules are a domain's: for what recordings are heard, and what needs no second person. The zero value denies everything that may be denied.
type ListeningRules struct {
	Purposes    []Purpose `json:"purposes" doc:"Empty: complaint, content, disclosure, training, incident"`
	PurposeOnly []string  `json:"purpose_only" doc:"Labels of which a stated purpose is enough, without an approval; never restricted"`
	Download    []string  `json:"download" doc:"Labels that may be taken away as files, where that was approved; all others are heard as a stream"`
	MaxHours    int       `json:"max_hours" doc:"How long a request is valid at most; 0: 72"`
	MaxPlays    int       `json:"max_plays" doc:"How many plays one may ask for; 0: 20"`
}

// rulesOfListening is the one key.
const rulesOfListening = "rules"

// Kind, Key: see Entity.
func (ListeningRules) Kind() string { return KindListeningRules }

// Key of the one table of a domain.
func (ListeningRules) Key() string { return rulesOfListening }

// Refs: see Entity.
func (ListeningRules) Refs() []Ref { return nil }

func (r ListeningRules) normal() Entity {
	r.Purposes, r.PurposeOnly, r.Download = list(r.Purposes), list(r.PurposeOnly), list(r.Download)
	return r
}

// Validate: see Entity.
func (r ListeningRules) Validate() error {
	var c check
	c.list("purposes", len(r.Purposes), 0, maxList)
	var names []string
	for i, p := range r.Purposes {
		at := "purposes[" + strconv.Itoa(i) + "]"
		c.text(at+".title", p.Title)
		c.text(at+".en", p.En)
		c.must(strings.TrimSpace(p.Title) != "", at+".title", "is missing")
		names = append(names, p.Name)
	}
	c.each("purposes", names, c.name)
	c.each("purpose_only", r.PurposeOnly, func(at, l string) {
		c.oneOf(at, l, labelNames()...)
		c.must(l != string(LabelRestricted), at, "is the highest: it needs an approval")
	})
	c.each("download", r.Download, func(at, l string) { c.oneOf(at, l, labelNames()...) })
	c.between("max_hours", r.MaxHours, 0, int(MaxListening.Hours()))
	c.between("max_plays", r.MaxPlays, 0, maxListens)
	return c.result()
}

func labelNames() (out []string) {
	for _, l := range Labels() {
		out = append(out, string(l))
	}
	return out
}

// Bounds are the rules with what is left out filled in.
func (r ListeningRules) Bounds() ListeningRules {
	r.PurposeOnly, r.Download = list(r.PurposeOnly), list(r.Download)
	if len(r.Purposes) == 0 {
		r.Purposes = []Purpose{{"complaint", "苦情・要望への対応", "Complaints"}, {"content", "通話内容の確認", "What was said"},
			{"disclosure", "情報公開・個人情報開示の請求", "Requests for disclosure"}, {"training", "応対品質の向上・研修", "Quality and training"},
			{"incident", "事件・事故・カスタマーハラスメントへの対応", "Incidents and harassment"}}
	}
	if r.MaxHours == 0 {
		r.MaxHours = 72
	}
	if r.MaxPlays == 0 {
		r.MaxPlays = 20
	}
	return r
}

// weakened says what needs no second person any more under the next rules, or is allowed for longer, more often, or for another purpose.
func (r ListeningRules) weakened(next ListeningRules) (out []Weakening) {
	from, to := r.Bounds(), next.Bounds()
	more := func(on bool, field, before, after string) {
		if on {
			out = append(out, Loosening(field, before, after)...)
		}
	}
	list := func(field string, before, after []string) {
		more(beyond(after, before), field, strings.Join(before, ", "), strings.Join(after, ", "))
	}
	more(beyond(to.Purposes, from.Purposes), "purposes", // with another title it is another one
		strings.Join(names(from.Purposes), ", "), strings.Join(names(to.Purposes), ", "))
	list("purpose_only", from.PurposeOnly, to.PurposeOnly)
	list("download", from.Download, to.Download)
	more(to.MaxHours > from.MaxHours, "max_hours", itoa(from.MaxHours), itoa(to.MaxHours))
	more(to.MaxPlays > from.MaxPlays, "max_plays", itoa(from.MaxPlays), itoa(to.MaxPlays))
	return out
}

func names(all []Purpose) (out []string) {
	for _, p := range all {
		out = append(out, p.Name)
	}
	return out
}

// Knows says that a purpose is on the list.
func (r ListeningRules) Knows(purpose string) bool {
	return slices.ContainsFunc(r.Bounds().Purposes, func(p Purpose) bool { return p.Name == purpose })
}
