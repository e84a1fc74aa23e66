package provisioning

import (
	"cmp"
	"slices"
)

const (
	// MaxPaged bounds the members of a paging group: with who speaks they are as many as a bridge mixes.
	MaxPaged = 49

	defaultPage     = 120 // seconds that an announcement may last
	defaultPageWait = 5   // and that members have to answer before it begins
)

// PagingGroup is a number by which somebody speaks to many (一斉呼び出し): its members' telephones answer by themselves and are heard by nobody.
// Who talks, is not to be disturbed, or sends calls elsewhere, is left alone.
type PagingGroup struct {
	Number   string   `json:"number"`
	Title    string   `json:"title"`
	Members  []string `json:"members" doc:"Extensions, at most 49"`
	Callers  []string `json:"callers" doc:"Extensions that may speak"`
	Everyone bool     `json:"everyone,omitempty" doc:"Every extension may speak; callers is then empty"`
	Seconds  int      `json:"seconds,omitempty" doc:"How long an announcement may last; 0: 120"`
	Wait     int      `json:"wait_seconds,omitempty" doc:"How long members have to answer before who speaks hears the tone, where not all have answered before; 0: 5"`
	Announce string   `json:"announce,omitempty" doc:"Prompt that all hear after the tone, before somebody speaks"`
	Policy   string   `json:"policy,omitempty" doc:"Recording policy: who speaks is recorded, members never are"`
}

// Kind, Key: see Entity.
func (PagingGroup) Kind() string  { return KindPagingGroup }
func (g PagingGroup) Key() string { return g.Number }

// Refs of a paging group: its members, who may speak, its recording policy.
func (g PagingGroup) Refs() []Ref {
	out := append(refs("members", KindExtension, g.Members), refs("callers", KindExtension, g.Callers)...)
	if g.Policy != "" {
		out = append(out, Ref{"policy", KindPolicy, g.Policy})
	}
	return out
}

func (g PagingGroup) normal() Entity {
	g.Members, g.Callers = list(g.Members), list(g.Callers)
	return g
}

// Validate: see Entity. Nobody may speak unless it says who.
func (g PagingGroup) Validate() error {
	var c check
	insideNumber(&c, "number", g.Number)
	c.text("title", g.Title)
	c.list("members", len(g.Members), 1, MaxPaged)
	c.each("members", g.Members, func(at, s string) { extensionNumber(&c, at, s) })
	c.list("callers", len(g.Callers), 0, maxList)
	c.each("callers", g.Callers, func(at, s string) { extensionNumber(&c, at, s) })
	c.must(g.Everyone || len(g.Callers) > 0, "callers", "must name who may speak, or everyone must be true")
	c.must(!g.Everyone || len(g.Callers) == 0, "callers", "must be empty where everyone may speak")
	c.between("seconds", g.Seconds, 0, 600)
	c.between("wait_seconds", g.Wait, 0, 15)
	if g.Announce != "" {
		checkPrompt(&c, "announce", g.Announce)
	}
	if g.Policy != "" {
		c.name("policy", g.Policy)
	}
	return c.result()
}

// May tells whether an extension may speak to the members.
func (g PagingGroup) May(extension string) bool {
	return g.Everyone || slices.Contains(g.Callers, extension)
}

// Longest is how long an announcement may last, in seconds.
func (g PagingGroup) Longest() int { return cmp.Or(g.Seconds, defaultPage) }

// Patience is how long members have to answer before it begins, in seconds.
func (g PagingGroup) Patience() int { return cmp.Or(g.Wait, defaultPageWait) }
