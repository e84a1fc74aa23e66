package provisioning

// Strategies of a hunt group.
const (
	Simultaneous = "simultaneous" // all together
	Sequential   = "sequential"   // one after the other, the first member first
	Circular     = "circular"     // one after the other, each call begins with the next member
	LongestIdle  = "longest-idle" // one after the other, who had no call for longest first
)

// Group is a hunt group (代表): a number that rings its members. Who talks, is not to be disturbed or forwards every call is passed over.
type Group struct {
	Number      string       `json:"number"`
	Title       string       `json:"title"`
	Strategy    string       `json:"strategy" doc:"simultaneous (default), sequential, circular, longest-idle"`
	Members     []string     `json:"members" doc:"Extensions"`
	RingSeconds int          `json:"ring_seconds,omitempty" doc:"How long each member rings in turn, or all together; 0: 20"`
	RingBusy    bool         `json:"ring_busy" doc:"Members are rung while they talk"`
	Overflow    *Destination `json:"overflow,omitempty" doc:"When nobody took the call, or nobody is free"`
	Closing     *Closing     `json:"closing,omitempty" doc:"Night and holidays"`
	Payer       string       `json:"payer,omitempty" doc:"Extension whose rights and limits decide about an outside number"`
	Policy      string       `json:"policy,omitempty" doc:"Recording policy of calls to it"`
	Department  string       `json:"department,omitempty" doc:"Whose it is: who administers that department sees and changes it"`
}

// Kind, Key: see Entity.
func (Group) Kind() string  { return KindGroup }
func (g Group) Key() string { return g.Number }

// Refs of a group: its members, where calls go on, and its recording policy.
func (g Group) Refs() []Ref {
	out := refs("members", KindExtension, g.Members)
	out = append(out, g.Overflow.refs("overflow")...)
	out = append(out, g.Closing.refs()...)
	if g.Payer != "" {
		out = append(out, Ref{"payer", KindExtension, g.Payer})
	}
	if g.Policy != "" {
		out = append(out, Ref{"policy", KindPolicy, g.Policy})
	}
	return out
}

func (g Group) normal() Entity { g.Members = list(g.Members); return g }

// Validate: see Entity.
func (g Group) Validate() error {
	var c check
	insideNumber(&c, "number", g.Number)
	c.text("title", g.Title)
	c.text("department", g.Department)
	c.oneOf("strategy", g.Strategy, "", Simultaneous, Sequential, Circular, LongestIdle)
	c.list("members", len(g.Members), 1, maxTargets)
	c.each("members", g.Members, func(at, s string) { extensionNumber(&c, at, s) })
	c.between("ring_seconds", g.RingSeconds, 0, 300)
	g.Overflow.check(&c, "overflow")
	if d := g.Overflow; d != nil {
		c.must(d.Group != g.Number, "overflow.group", "is the group itself")
		c.must(d.Number == "" || g.Payer != "", "payer", "must name the extension that answers for the outside number")
	}
	g.Closing.check(&c)
	if field, out := g.Closing.outside(); out {
		c.must(g.Payer != "", "payer", "must name the extension that answers for the outside number of "+field)
	}
	if g.Payer != "" {
		extensionNumber(&c, "payer", g.Payer)
	}
	if g.Policy != "" {
		c.name("policy", g.Policy)
	}
	return c.result()
}

// Check: calls that nobody takes do not go round.
func (g Group) Check(r Reader, domain string) error {
	return circle(r, domain, "overflow", Destination{Group: g.Number}, g.Overflow)
}

// insideNumber is what people inside dial: an extension's, a group's.
func insideNumber(c *check, field, s string) {
	extensionNumber(c, field, s)
	c.must(s != "110" && s != "118" && s != "119", field, "is an emergency number")
}

// circle follows what sends every call on, beginning with from, whose wish is to. It refuses a way that leads back, or never ends.
func circle(r Reader, domain, field string, from Destination, to *Destination) error {
	way := from.inside()
	for next := to; next != nil && next.inside() != ""; {
		way += " → " + next.inside()
		if *next == from {
			return &Invalid{Field: field + "." + to.field(), Reason: "leads back: " + way}
		}
		if len(way) > 512 {
			return &Invalid{Field: field + "." + to.field(), Reason: "leads too far: " + way}
		}
		var err error
		if next, err = next.always(r, domain); err != nil {
			return err
		}
	}
	return nil
}

// always is where every call that comes to a destination goes on, or every call that nobody there takes; nil: nowhere.
func (d *Destination) always(r Reader, domain string) (*Destination, error) {
	if d.Group != "" {
		g, err := optional[Group](r, domain, d.Group)
		return g.Overflow, err
	}
	s, err := optional[Settings](r, domain, d.Extension)
	return s.Forward.Always, err
}

// inside is the number of an extension or a group; empty: another place.
func (d Destination) inside() string { return d.Extension + d.Group }

func (d Destination) field() string {
	if d.Group != "" {
		return "group"
	}
	return "extension"
}
