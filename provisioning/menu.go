package provisioning

import (
	"slices"
	"strconv"
	"strings"
)

// Menu is what callers hear and press before somebody answers: a draft, until it is activated. See MenuVersions.
type Menu struct {
	Name  string     `json:"name"`
	Title string     `json:"title"`
	Owner string     `json:"owner" doc:"Extension in whose name callers are sent on: its rights and limits count"`
	Start string     `json:"start" doc:"The place where a caller comes in"`
	Nodes []MenuNode `json:"nodes"`
}

// MenuNode is one place in a menu. It either looks at the clock (calendar or hours, open, closed), or says something and waits for a key (keys or
// dial_extension), or says something and goes on.
type MenuNode struct {
	Name     string      `json:"name"`
	Calendar string      `json:"calendar,omitempty" doc:"Looks at this calendar, and what was set there by hand: open, closed or holiday is where it goes"`
	Hours    []MenuHours `json:"hours,omitempty" doc:"In place of calendar: hours of its own, without holidays"`
	Open     *MenuGoto   `json:"open,omitempty"`
	Closed   *MenuGoto   `json:"closed,omitempty"`
	Holiday  *MenuGoto   `json:"holiday,omitempty" doc:"With calendar: on holidays and closed days; left out: as closed"`
	Language string      `json:"language,omitempty" doc:"ja or en from here on; empty: as before"`
	Prompt   string      `json:"prompt,omitempty" doc:"Announcement; empty: none"`
	Keys     []MenuKey   `json:"keys,omitempty"`
	Dial     bool        `json:"dial_extension,omitempty" doc:"The number of an extension may be dialled here"`
	Tries    int         `json:"tries,omitempty" doc:"How often it is said to who presses nothing, or a wrong key; 0: 3"`
	Then     *MenuGoto   `json:"then,omitempty" doc:"Without keys: where it goes afterwards. With keys: where who pressed none goes"`
}

// MenuHours are opening hours, in the country's time.
type MenuHours struct {
	Days string `json:"days" doc:"mon to sun, with commas and ranges: mon-fri,sun"`
	From string `json:"from" doc:"08:30"`
	To   string `json:"to" doc:"17:00, not included; 24:00 is midnight"`
}

// MenuKey is what a key does.
type MenuKey struct {
	Key string   `json:"key" doc:"One of 0-9 * #"`
	To  MenuGoto `json:"to"`
}

// MenuGoto is where a caller goes. Exactly one field is set.
type MenuGoto struct {
	Node      string `json:"node,omitempty"`
	Menu      string `json:"menu,omitempty" doc:"Another menu, at its start"`
	Dial      string `json:"dial,omitempty" doc:"What the owner would dial: an extension, a group, a queue, an outside number"`
	Voicemail string `json:"voicemail,omitempty" doc:"Mailbox in which the caller leaves a message"`
	Messages  bool   `json:"messages,omitempty" doc:"The caller hears the messages of a mailbox, by its number and PIN"`
	Hangup    bool   `json:"hangup,omitempty"`
}

const (
	maxNodes     = 32
	defaultTries = 3
)

// Kind, Key: see Entity.
func (Menu) Kind() string  { return KindMenu }
func (m Menu) Key() string { return m.Name }

// Refs of a menu: its owner, its calendars, and the menus and mailboxes that it leads to. What it dials is judged when it is dialled.
func (m Menu) Refs() []Ref {
	out := []Ref{{"owner", KindExtension, m.Owner}}
	for i, n := range m.Nodes {
		if n.Calendar != "" {
			out = append(out, Ref{"nodes[" + strconv.Itoa(i) + "].calendar", KindCalendar, n.Calendar})
		}
	}
	for at, g := range m.ways {
		if g.Menu != "" && g.Menu != m.Name {
			out = append(out, Ref{at + ".menu", KindMenu, g.Menu})
		}
		if g.Voicemail != "" {
			out = append(out, Ref{at + ".voicemail", KindMailbox, g.Voicemail})
		}
	}
	return out
}

func (m Menu) normal() Entity { m.Nodes = list(m.Nodes); return m }

// ways goes through everything that leads anywhere, with its field.
func (m Menu) ways(yield func(field string, g *MenuGoto) bool) {
	for i := range m.Nodes {
		at := "nodes[" + strconv.Itoa(i) + "]"
		if !m.Nodes[i].ways(func(field string, g *MenuGoto) bool { return yield(at+"."+field, g) }) {
			return
		}
	}
}

// ways of one node; false: the other side has enough.
func (n *MenuNode) ways(yield func(field string, g *MenuGoto) bool) bool {
	for i := range n.Keys {
		if !yield("keys["+strconv.Itoa(i)+"].to", &n.Keys[i].To) {
			return false
		}
	}
	return n.automatic(yield)
}

// automatic are those that are taken when nobody presses anything.
func (n *MenuNode) automatic(yield func(field string, g *MenuGoto) bool) bool {
	for _, w := range []struct {
		field string
		to    *MenuGoto
	}{{"open", n.Open}, {"closed", n.Closed}, {"holiday", n.Holiday}, {"then", n.Then}} {
		if w.to != nil && !yield(w.field, w.to) {
			return false
		}
	}
	return true
}

// clocked says that the node looks at the clock.
func (n *MenuNode) clocked() bool { return len(n.Hours) > 0 || n.Calendar != "" }

// waits says that the node waits for keys.
func (n *MenuNode) waits() bool { return len(n.Keys) > 0 || n.Dial }

// Validate: see Entity. Every place leads somewhere, is reached from the start, and no caller goes in a circle without pressing a key.
func (m Menu) Validate() error {
	var c check
	c.name("name", m.Name)
	c.text("title", m.Title)
	extensionNumber(&c, "owner", m.Owner)
	c.list("nodes", len(m.Nodes), 1, maxNodes)
	for i := range m.Nodes {
		if c.err != nil {
			break
		}
		at := "nodes[" + strconv.Itoa(i) + "]"
		n := &m.Nodes[i]
		c.must(m.index(n.Name) == i, at+".name", "is there twice")
		n.check(&c, at)
	}
	c.must(c.err != nil || m.index(m.Start) >= 0, "start", "is no place of this menu")
	for at, g := range m.ways {
		c.must(g.Node == "" || m.index(g.Node) >= 0, at+".node", "leads nowhere: there is no "+g.Node)
	}
	if c.err == nil {
		m.checkWays(&c)
	}
	return c.result()
}

func (m Menu) index(name string) int {
	return slices.IndexFunc(m.Nodes, func(n MenuNode) bool { return n.Name == name })
}

func (n *MenuNode) check(c *check, at string) {
	c.name(at+".name", n.Name)
	c.oneOf(at+".language", n.Language, "", "ja", "en")
	c.must(n.Prompt == "" || promptName(n.Prompt), at+".prompt", "is no name of an announcement")
	c.between(at+".tries", n.Tries, 0, 9)
	c.list(at+".hours", len(n.Hours), 0, maxList)
	c.list(at+".keys", len(n.Keys), 0, 12)
	c.must(n.Calendar == "" || len(n.Hours) == 0, at+".hours", "are those of the calendar")
	if n.Calendar != "" {
		c.name(at+".calendar", n.Calendar)
	}
	switch {
	case n.clocked():
		c.must(n.Holiday == nil || n.Calendar != "", at+".holiday", "needs a calendar: hours know no holidays")
		c.must(n.Open != nil && n.Closed != nil, at, "looks at the clock and needs open and closed")
		c.must(!n.waits() && n.Then == nil && n.Prompt == "", at, "looks at the clock: it says nothing and waits for nothing")
	default:
		c.must(n.Open == nil && n.Closed == nil && n.Holiday == nil, at+".calendar", "is needed for open, closed and holiday, or hours are")
		c.must(n.Then != nil, at+".then", "is needed: a caller who presses nothing must come somewhere")
	}
	for i, h := range n.Hours {
		field := at + ".hours[" + strconv.Itoa(i) + "]"
		_, ok := h.days()
		c.must(ok, field+".days", "must be days such as mon-fri,sun")
		from, okFrom := clock(h.From)
		to, okTo := clock(h.To)
		c.must(okFrom && from < 24*60, field+".from", "must be a time such as 08:30")
		c.must(okTo && to > from, field+".to", "must be a later time such as 17:00")
	}
	for i, k := range n.Keys {
		field := at + ".keys[" + strconv.Itoa(i) + "].key"
		c.must(len(k.Key) == 1 && only(k.Key, digits+"*#"), field, "must be one of 0-9 * #")
		c.must(slices.IndexFunc(n.Keys, func(o MenuKey) bool { return o.Key == k.Key }) == i, field, "is there twice")
	}
	n.ways(func(field string, g *MenuGoto) bool { g.check(c, at+"."+field); return true })
}

func (g *MenuGoto) check(c *check, at string) {
	set := 0
	for _, on := range []bool{g.Node != "", g.Menu != "", g.Dial != "", g.Voicemail != "", g.Messages, g.Hangup} {
		if on {
			set++
		}
	}
	c.must(set == 1, at, "must name exactly one place")
	if g.Menu != "" {
		c.name(at+".menu", g.Menu)
	}
	if g.Voicemail != "" {
		extensionNumber(c, at+".voicemail", g.Voicemail)
	}
	c.must(len(g.Dial) <= 32 && only(strings.TrimPrefix(g.Dial, "+"), digits), at+".dial", "must be at most 32 digits, perhaps after +")
	n := strings.TrimPrefix(strings.TrimPrefix(g.Dial, "184"), "186")
	c.must(n != "110" && n != "118" && n != "119", at+".dial", "is an emergency number")
}

func promptName(s string) bool {
	return len(s) <= 128 && only(s, "abcdefghijklmnopqrstuvwxyz0123456789/-_") && s[0] != '/' && s[len(s)-1] != '/' && !strings.Contains(s, "//")
}

// checkWays walks from the start.
func (m Menu) checkWays(c *check) {
	reached := make([]bool, len(m.Nodes))
	var reach func(i int)
	reach = func(i int) {
		if reached[i] {
			return
		}
		reached[i] = true
		m.Nodes[i].ways(func(_ string, g *MenuGoto) bool {
			if g.Node != "" {
				reach(m.index(g.Node))
			}
			return true
		})
	}
	reach(m.index(m.Start))
	for i, ok := range reached {
		at := "nodes[" + strconv.Itoa(i) + "]"
		c.must(ok, at+".name", "is reached from nowhere")
		if way := m.circle(i, nil); way != nil {
			c.fail(at+".then", "goes in a circle when nobody presses a key: "+strings.Join(way, " → "))
		}
	}
}

// circle follows what happens without a key; the way, when it comes back to where it began.
func (m Menu) circle(i int, way []string) []string {
	way = append(way, m.Nodes[i].Name)
	if len(way) > 1 && way[0] == m.Nodes[i].Name {
		return way
	}
	if len(way) > len(m.Nodes) { // a circle that somebody else is in
		return nil
	}
	var found []string
	m.Nodes[i].automatic(func(_ string, g *MenuGoto) bool {
		if g.Node != "" {
			found = m.circle(m.index(g.Node), slices.Clone(way))
		}
		if g.Menu == m.Name {
			found = append(slices.Clone(way), "start")
		}
		return found == nil
	})
	return found
}

// silent are the menus to which a caller comes who presses nothing.
func (m Menu) silent() (menus []string) {
	seen := map[int]bool{}
	var follow func(i int)
	follow = func(i int) {
		if i < 0 || seen[i] {
			return
		}
		seen[i] = true
		m.Nodes[i].automatic(func(_ string, g *MenuGoto) bool {
			switch {
			case g.Node != "":
				follow(m.index(g.Node))
			case g.Menu != "":
				menus = append(menus, g.Menu)
			}
			return true
		})
	}
	follow(m.index(m.Start))
	return menus
}

// weekdays in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// days are those that hours hold on, by time.Weekday.
func (h MenuHours) days() (on [7]bool, ok bool) {
	for part := range strings.SplitSeq(h.Days, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if from < 0 || to < 0 {
			return on, false
		}
		for d := from; ; d = (d + 1) % 7 {
			if on[d] = true; d == to {
				break
			}
		}
	}
	return on, true
}

// clock is a time of day in minutes.
func clock(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	if !ok || len(h) != 2 || len(m) != 2 || !only(h+m, digits) {
		return 0, false
	}
	hours, _ := strconv.Atoi(h)
	minutes, _ := strconv.Atoi(m)
	return hours*60 + minutes, minutes < 60 && (hours < 24 || hours == 24 && minutes == 0)
}
