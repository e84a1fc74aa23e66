package provisioning

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// RuleTwoPeople refuses who agrees to an own wish, or a second time.
const RuleTwoPeople = "two-people"

// Errors of proposals; callers use errors.Is.
var (
	ErrExpired   = errors.New("provisioning: nobody agreed in time")
	ErrOvertaken = errors.New("provisioning: what was to be changed is another thing by now")
)

// proposalTime is how long a proposal waits for others.
const proposalTime = 30 * 24 * time.Hour

// KindRecording is the kind of what a Proposal about one recording would change. It is no entity's.
const KindRecording = "recording"

// Proposal is a change that loosens how recordings are protected. It waits until enough other people have agreed; until then what was stays.
type Proposal struct {
	ID      string           `json:"id" doc:"Kind and key of what it would change; of a recording the field too"`
	Of      string           `json:"kind"`
	Name    string           `json:"key"`
	Delete  bool             `json:"delete,omitempty" doc:"It would be deleted"`
	Changes []ProposedChange `json:"changes"`
	Loosens []string         `json:"loosens" doc:"What protection it takes away, in words"`
	Class   string           `json:"class,omitempty" doc:"Class of the domain's own rules that asks for it, where it takes no protection of recordings away"`
	People  int              `json:"people" doc:"How many others must agree"`
	Agreed  []Agreement      `json:"agreed"`
	By      string           `json:"by"`
	Reason  string           `json:"reason,omitempty"`
	Asked   time.Time        `json:"asked"`
	Expires time.Time        `json:"expires"`
}

// ProposedChange is a field and its JSON values, null where it is left out.
type ProposedChange struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from"`
	To    json.RawMessage `json:"to"`
}

// Agreement is somebody's word.
type Agreement struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// Wish says who wants something, why and when.
type Wish struct {
	By, Reason string
	At         time.Time
}

// ProposalID is that of the proposal about an entity. A domain's needs no key: it is in that domain.
func ProposalID(kind, key string) string {
	if kind == KindDomain {
		return kind
	}
	return kind + ":" + key
}

// Kind, Key: see Entity.
func (Proposal) Kind() string  { return KindProposal }
func (p Proposal) Key() string { return p.ID }

// Refs: see Entity. A proposal holds nothing that it names: whoever agrees is told if that is gone.
func (Proposal) Refs() []Ref { return nil }

// Validate: see Entity.
func (p Proposal) Validate() error {
	var c check
	c.must(p.ID != "" && len(p.ID) <= 128 && p.Of != "", "id", "must be 1 to 128 characters")
	c.must(p.Delete || len(p.Changes) > 0, "changes", "must have an entry")
	c.must(len(p.Changes) <= maxList, "changes", "has too many entries")
	c.between("people", p.People, onePerson, twoPeople)
	c.list("agreed", len(p.Agreed), 0, twoPeople)
	c.must(p.By != "", "by", "is missing")
	c.reason("reason", p.Reason)
	for _, a := range p.Agreed {
		c.reason("agreed.reason", a.Reason)
	}
	return c.result()
}

func (c *check) reason(field, s string) {
	c.must(len(s) <= 2000, field, "is longer than 2000 bytes")
}

func (p Proposal) normal() Entity {
	p.Changes, p.Loosens, p.Agreed = list(p.Changes), list(p.Loosens), list(p.Agreed)
	return p
}

// Propose is a proposal of what needs others. Of a recording it has one change.
func Propose(id, kind, key string, w Wish, changes []ProposedChange, loosens []Weakening) Proposal {
	p := Proposal{ID: id, Of: kind, Name: key, Changes: changes, By: w.By, Reason: w.Reason, Asked: w.At.UTC(), Expires: w.At.Add(proposalTime).UTC()}
	p.Loosens, p.People, p.Class = told(loosens)
	return p
}

// told is what a change takes away, in words, how many others must agree, and the class that asks for it where nothing protects recordings.
func told(lost []Weakening) (why []string, people int, class string) {
	plain := true
	for _, l := range lost {
		why, people = append(why, l.Why), max(people, l.People)
		plain, class = plain && l.Class != "", cmp.Or(class, l.Class)
	}
	if !plain {
		class = ""
	}
	return why, people, class
}

// Loosening is a Weakening to which one other person must agree.
func Loosening(field, from, to string) []Weakening {
	return []Weakening{{field, field + ": " + quoted(from) + " to " + quoted(to), onePerson, ""}}
}

// Stands says that what it wants would take away just what people were asked about, and needs as many of them.
func (p Proposal) Stands(lost []Weakening) bool {
	now := Propose(p.ID, p.Of, p.Name, Wish{}, p.Changes, lost)
	return p.People == now.People && slices.Equal(p.Loosens, now.Loosens)
}

// Same says that two proposals want the same, and take away the same.
func (p Proposal) Same(o Proposal) bool {
	return p.ID == o.ID && p.Delete == o.Delete && p.People == o.People && slices.Equal(p.Loosens, o.Loosens) && slices.EqualFunc(p.Changes, o.Changes, func(a, b ProposedChange) bool {
		return a.Field == b.Field && string(a.From) == string(b.From) && string(a.To) == string(b.To)
	})
}

// Open says that it still waits.
func (p Proposal) Open(now time.Time) bool { return now.Before(p.Expires) }

// Agree is the proposal with somebody's word, and whether that was the last one that it needs. ErrExpired. *Denied: the wish is the person's own, or
// it has agreed already. A proposal that everybody has agreed to, and that could not be carried out, may be tried again by who agreed.
func (p Proposal) Agree(w Wish) (Proposal, bool, error) {
	mine := slices.ContainsFunc(p.Agreed, func(a Agreement) bool { return a.By == w.By })
	switch {
	case !p.Open(w.At):
		return p, false, ErrExpired
	case p.By == w.By:
		return p, false, &Denied{Rule: RuleTwoPeople}
	case len(p.Agreed) >= p.People:
		return p, true, nil
	case mine:
		return p, false, &Denied{Rule: RuleTwoPeople}
	}
	p.Agreed = append(slices.Clip(p.Agreed), Agreement{w.By, w.At.UTC(), w.Reason})
	return p, len(p.Agreed) >= p.People, nil
}
