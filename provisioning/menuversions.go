package provisioning

import (
	"strconv"
	"time"
)

// MenuVersions are the menus that were activated under one name. One of them is what callers hear.
type MenuVersions struct {
	Menu     string        `json:"menu"`
	Active   int           `json:"active"`
	Versions []MenuVersion `json:"versions" doc:"The newest first; the last three are kept"`
}

// MenuVersion is a menu as it was activated.
type MenuVersion struct {
	Number int    `json:"number"`
	Body   Menu   `json:"body"`
	By     string `json:"by"`
}

const keptVersions = 3

// Kind, Key: see Entity.
func (MenuVersions) Kind() string  { return KindMenuVersions }
func (v MenuVersions) Key() string { return v.Menu }

// Refs: the menu, and what the active version needs.
func (v MenuVersions) Refs() []Ref {
	out := []Ref{{"menu", KindMenu, v.Menu}}
	if m, ok := v.Live(); ok {
		out = append(out, m.Refs()...)
	}
	return out
}

func (v MenuVersions) normal() Entity { v.Versions = list(v.Versions); return v }

// Validate: see Entity.
func (v MenuVersions) Validate() error {
	var c check
	c.name("menu", v.Menu)
	c.list("versions", len(v.Versions), 1, keptVersions)
	_, ok := v.Live()
	c.must(ok, "active", "is no version that is kept")
	for i, o := range v.Versions {
		if err := o.Body.Validate(); err != nil {
			c.fail("versions["+strconv.Itoa(i)+"]", err.Error())
		}
	}
	return c.result()
}

// Check refuses menus that hand a caller round who presses nothing: each may be right by itself.
func (v MenuVersions) Check(r Reader, domain string) error {
	m, _ := v.Live()
	seen := map[string]bool{}
	var follow func(m Menu, way string) error
	follow = func(m Menu, way string) error {
		for _, name := range m.silent() {
			if name == v.Menu {
				return &Invalid{Field: "active", Reason: "goes in a circle when nobody presses a key: " + way + " → " + name}
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			other, err := optional[MenuVersions](r, domain, name)
			if err != nil {
				return err
			}
			if next, ok := other.Live(); ok {
				if err := follow(next, way+" → "+name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return follow(m, v.Menu)
}

// Live is the menu that callers hear.
func (v MenuVersions) Live() (Menu, bool) {
	for _, o := range v.Versions {
		if o.Number == v.Active {
			return o.Body, true
		}
	}
	return Menu{}, false
}

// Activate makes a menu the newest version, which callers hear from now on. One that is the active version already changes nothing.
func (v MenuVersions) Activate(m Menu, by string) MenuVersions {
	next := 1
	if len(v.Versions) > 0 {
		next = v.Versions[0].Number + 1
	}
	versions := append([]MenuVersion{{next, m, by}}, v.Versions...)
	return MenuVersions{Menu: m.Name, Active: next, Versions: versions[:min(len(versions), keptVersions)]}
}

// MenuStep is what a caller meets in a menu: announcements, then a wait for keys, or the way out.
type MenuStep struct {
	Node     string    `json:"node"`
	Language string    `json:"language"`
	Prompts  []string  `json:"prompts"`
	Keys     int       `json:"keys" doc:"How many keys are waited for; 0: none"`
	Out      *MenuGoto `json:"out,omitempty" doc:"Where the caller leaves the menu"`
	Inside   bool      `json:"inside,omitempty" doc:"The caller chose the number: it must be one of our own"`
}

// MenuWalk is one caller in one menu. It is pure: the same keys at the same time, by the same calendars, lead the same way.
type MenuWalk struct {
	menu      Menu
	calendars Calendars
	node      *MenuNode
	language  string
	tries     int
}

// Calendars gives those of a domain by name.
type Calendars func(name string) (Calendar, bool)

// maxDialled are the digits of an extension.
const maxDialled = 8

// menuTime is where opening hours hold.
var menuTime = time.FixedZone("JST", 9*60*60)

// Walk begins at the start of a menu.
func (m Menu) Walk(language string, now time.Time, of Calendars) (*MenuWalk, MenuStep) {
	w := &MenuWalk{menu: m, calendars: of, language: language}
	return w, w.enter(m.Start, nil, now)
}

// enter goes to a node, and on as far as nobody has to press anything.
func (w *MenuWalk) enter(name string, said []string, now time.Time) MenuStep {
	for range maxNodes + 1 { // Validate lets no circle through
		w.node, w.tries = &w.menu.Nodes[w.menu.index(name)], 0
		n := w.node
		if n.Language != "" {
			w.language = n.Language
		}
		if n.Prompt != "" {
			said = append(said, n.Prompt)
		}
		to := n.Then
		switch {
		case n.waits():
			return w.wait(said)
		case n.clocked():
			to = n.due(now, w.calendars)
		}
		if to.Node == "" {
			return w.step(said, 0, to)
		}
		name = to.Node
	}
	return w.step(said, 0, &MenuGoto{Hangup: true})
}

func (w *MenuWalk) step(said []string, keys int, out *MenuGoto) MenuStep {
	return MenuStep{Node: w.node.Name, Language: w.language, Prompts: list(said), Keys: keys, Out: out}
}

func (w *MenuWalk) wait(said []string) MenuStep {
	keys := 1
	if w.node.Dial {
		keys = maxDialled
	}
	return w.step(said, keys, nil)
}

// Press takes what was pressed at the node; empty: nothing in time.
func (w *MenuWalk) Press(keys string, now time.Time) MenuStep {
	n := w.node
	for i := range n.Keys {
		if n.Keys[i].Key == keys {
			return w.take(&n.Keys[i].To, nil, now)
		}
	}
	if n.Dial && len(keys) > 1 && only(keys, digits) && keys != "110" && keys != "118" && keys != "119" {
		step := w.step(nil, 0, &MenuGoto{Dial: keys})
		step.Inside = true
		return step
	}
	return w.Wrong(keys == "", now)
}

// Wrong is what follows when a key led nowhere, or none was pressed.
func (w *MenuWalk) Wrong(silent bool, now time.Time) MenuStep {
	said := []string{"ivr/invalid"}
	if silent {
		said = []string{"ivr/timeout"}
	}
	tries := w.node.Tries
	if tries == 0 {
		tries = defaultTries
	}
	if w.tries++; w.tries >= tries || !w.node.waits() {
		return w.take(w.node.Then, said, now)
	}
	if w.node.Prompt != "" {
		said = append(said, w.node.Prompt)
	}
	return w.wait(said)
}

func (w *MenuWalk) take(to *MenuGoto, said []string, now time.Time) MenuStep {
	if to.Node == "" {
		return w.step(said, 0, to)
	}
	return w.enter(to.Node, said, now)
}

// due is where a node goes that looks at the clock. A calendar that is not there closes nothing.
func (n *MenuNode) due(now time.Time, of Calendars) *MenuGoto {
	mode := ModeDay
	if n.Calendar != "" {
		if c, ok := of(n.Calendar); ok {
			mode = c.Mode(now)
		}
	} else if !n.open(now) {
		mode = ModeNight
	}
	switch {
	case mode == ModeDay:
		return n.Open
	case mode == ModeHoliday && n.Holiday != nil:
		return n.Holiday
	}
	return n.Closed
}

func (n *MenuNode) open(now time.Time) bool {
	now = now.In(menuTime)
	at := now.Hour()*60 + now.Minute()
	for _, h := range n.Hours {
		on, _ := h.days()
		from, _ := clock(h.From)
		to, _ := clock(h.To)
		if on[now.Weekday()] && at >= from && at < to {
			return true
		}
	}
	return false
}
