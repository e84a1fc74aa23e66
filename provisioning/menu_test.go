package provisioning

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// officeMenu: by day a language and a department, at night a notice; 0 and silence lead to the exchange.
func officeMenu() Menu {
	return Menu{Name: "office", Title: "代表", Owner: "2001", Start: "clock", Nodes: []MenuNode{
		{Name: "clock", Hours: []MenuHours{{Days: "mon-fri", From: "08:30", To: "17:00"}}, Open: &MenuGoto{Node: "language"}, Closed: &MenuGoto{Node: "night"}},
		{Name: "language", Prompt: "greeting/open", Keys: []MenuKey{{"9", MenuGoto{Node: "english"}}}, Dial: true, Tries: 2, Then: &MenuGoto{Dial: "2000"}},
		{Name: "english", Language: "en", Prompt: "ivr/menu-prompt", Keys: []MenuKey{{"1", MenuGoto{Dial: "2005"}}, {"2", MenuGoto{Menu: "tax"}}, {"*", MenuGoto{Node: "language"}}},
			Then: &MenuGoto{Hangup: true}},
		{Name: "night", Prompt: "greeting/closed", Then: &MenuGoto{Hangup: true}},
	}}
}

func TestMenuValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Menu)
		field  string
	}{
		{func(*Menu) {}, ""},
		{func(m *Menu) { m.Start = "nowhere" }, "start"},
		{func(m *Menu) { m.Owner = "x" }, "owner"},
		{func(m *Menu) { m.Nodes = nil }, "nodes"},
		{func(m *Menu) { m.Nodes[3].Name = "clock" }, "nodes[3].name"},
		{func(m *Menu) { m.Nodes[2].Keys[0].To = MenuGoto{Node: "gone"} }, "nodes[2].keys[0].to.node"},
		{func(m *Menu) { m.Nodes[2].Keys[0].To = MenuGoto{} }, "nodes[2].keys[0].to"},
		{func(m *Menu) { m.Nodes[2].Keys[0].To = MenuGoto{Dial: "2001", Hangup: true} }, "nodes[2].keys[0].to"},
		{func(m *Menu) { m.Nodes[2].Keys[0].To = MenuGoto{Dial: "119"} }, "nodes[2].keys[0].to.dial"},
		{func(m *Menu) { m.Nodes[2].Keys[0].To = MenuGoto{Dial: "*78"} }, "nodes[2].keys[0].to.dial"},
		{func(m *Menu) { m.Nodes[2].Keys[1].Key = "1" }, "nodes[2].keys[1].key"},
		{func(m *Menu) { m.Nodes[2].Keys[1].Key = "12" }, "nodes[2].keys[1].key"},
		{func(m *Menu) { m.Nodes[2].Then = nil }, "nodes[2].then"},
		{func(m *Menu) { m.Nodes[2].Language = "fr" }, "nodes[2].language"},
		{func(m *Menu) { m.Nodes[1].Tries = 10 }, "nodes[1].tries"},
		{func(m *Menu) { m.Nodes[0].Closed = nil }, "nodes[0]"},
		{func(m *Menu) { m.Nodes[0].Prompt = "greeting/open" }, "nodes[0]"},
		{func(m *Menu) { m.Nodes[0].Calendar = "hall" }, "nodes[0].hours"}, // either
		{func(m *Menu) { m.Nodes[0].Hours, m.Nodes[0].Calendar = nil, "Hall 1" }, "nodes[0].calendar"},
		{func(m *Menu) { m.Nodes[0].Hours = nil }, "nodes[0].calendar"},
		{func(m *Menu) { m.Nodes[0].Holiday = &MenuGoto{Hangup: true} }, "nodes[0].holiday"},
		{func(m *Menu) { m.Nodes[3].Holiday = &MenuGoto{Hangup: true} }, "nodes[3].calendar"},
		{func(m *Menu) {
			m.Nodes[0].Hours, m.Nodes[0].Calendar, m.Nodes[0].Holiday = nil, "hall", &MenuGoto{Node: "clock"}
		}, "nodes[0].then"}, // for ever, on holidays
		{func(m *Menu) { m.Nodes[0].Hours[0].Days = "mon-fry" }, "nodes[0].hours[0].days"},
		{func(m *Menu) { m.Nodes[0].Hours[0].To = "08:00" }, "nodes[0].hours[0].to"},
		{func(m *Menu) { m.Nodes[3].Prompt = "../x" }, "nodes[3].prompt"},
		{func(m *Menu) { m.Nodes[0].Closed = &MenuGoto{Hangup: true} }, "nodes[3].name"},   // reached from nowhere
		{func(m *Menu) { m.Nodes[3].Then = &MenuGoto{Node: "clock"} }, "nodes[0].then"},    // night → clock → night, without a key
		{func(m *Menu) { m.Nodes[1].Then = &MenuGoto{Node: "language"} }, "nodes[1].then"}, // for ever to who presses nothing
		{func(m *Menu) { m.Nodes[3].Then = &MenuGoto{Menu: "office"} }, "nodes[0].then"},
	} {
		m := officeMenu()
		c.change(&m)
		err := m.Validate()
		var bad *Invalid
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &bad) || bad.Field != c.field) {
			t.Errorf("want %q, got %v", c.field, err)
		}
	}
}

func TestMenuWalk(t *testing.T) {
	monday := time.Date(2026, 11, 30, 9, 0, 0, 0, menuTime)
	for _, c := range []struct {
		at   time.Time
		keys string // "-" is nothing in time
		want string
	}{
		{monday, "", "language[greeting/open]8"},
		{monday, "9 1", "language[greeting/open]8 english[ivr/menu-prompt]1 english[]→2005"},
		{monday, "9 2", "language[greeting/open]8 english[ivr/menu-prompt]1 english[]→tax"},
		{monday, "9 * 2005", "language[greeting/open]8 english[ivr/menu-prompt]1 language[greeting/open]8 language[]→2005"},
		{monday, "- -", "language[greeting/open]8 language[ivr/timeout greeting/open]8 language[ivr/timeout]→2000"},
		{monday, "5 -", "language[greeting/open]8 language[ivr/invalid greeting/open]8 language[ivr/timeout]→2000"},
		{monday, "119 110", "language[greeting/open]8 language[ivr/invalid greeting/open]8 language[ivr/invalid]→2000"}, // nobody is sent to the police
		{monday, "9 7 7 7", "language[greeting/open]8 english[ivr/menu-prompt]1 english[ivr/invalid ivr/menu-prompt]1 english[ivr/invalid ivr/menu-prompt]1 english[ivr/invalid]→hangup"},
		{monday.Add(-31 * time.Minute), "", "night[greeting/closed]→hangup"},
		{monday.Add(8 * time.Hour), "", "night[greeting/closed]→hangup"},
		{monday.Add(-24 * time.Hour), "", "night[greeting/closed]→hangup"},
	} {
		w, step := officeMenu().Walk("ja", c.at.UTC(), nil)
		got := show(step)
		for _, k := range strings.Fields(c.keys) {
			step = w.Press(strings.Trim(k, "-"), c.at.UTC())
			got += " " + show(step)
		}
		if got != c.want {
			t.Errorf("%s %q:\n got %s\nwant %s", c.at.Format("Mon 15:04"), c.keys, got, c.want)
		}
	}
	w, _ := officeMenu().Walk("ja", monday, nil)
	if step := w.Press("9", monday); step.Language != "en" {
		t.Errorf("after 9 it speaks %q", step.Language)
	}
}

// A menu that looks at the calendar of night mode: hours, holidays, closed days and what was set by hand, which every menu and number by it follows.
func TestMenuCalendar(t *testing.T) {
	at := func(s string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04", s, menuTime)
		if err != nil {
			t.Fatal(err)
		}
		return moment.UTC()
	}
	hall := Calendar{Name: "hall", Holidays: true, Hours: []Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "08:30", To: "17:15"}},
		Closed: []Closed{{From: "2026-12-29", To: "2027-01-03"}}}
	byHand := hall
	byHand.Manual, byHand.Until = ModeNight, at("2026-11-30 12:00")
	menu := officeMenu()
	menu.Nodes[0].Hours, menu.Nodes[0].Calendar = nil, "hall"
	apart := menu
	apart.Nodes = append(append([]MenuNode{}, menu.Nodes...), MenuNode{Name: "feast", Prompt: "greeting/holiday", Then: &MenuGoto{Hangup: true}})
	apart.Nodes[0].Holiday = &MenuGoto{Node: "feast"}
	for _, c := range []struct {
		menu     Menu
		calendar *Calendar // nil: it is gone
		at       string
		want     string
	}{
		{menu, &hall, "2026-11-30 08:30", "language"},
		{menu, &hall, "2026-11-30 17:15", "night"},
		{menu, &hall, "2026-11-28 10:00", "night"},      // Saturday
		{menu, &hall, "2026-11-23 10:00", "night"},      // a holiday, for which the menu has nothing of its own
		{apart, &hall, "2026-11-23 10:00", "feast"},     // and where it has
		{apart, &hall, "2026-12-30 10:00", "feast"},     // 閉庁日
		{apart, &hall, "2026-11-30 20:00", "night"},     // an evening is none
		{menu, &byHand, "2026-11-30 10:00", "night"},    // by hand
		{menu, &byHand, "2026-11-30 12:00", "language"}, // which is over
		{menu, nil, "2026-11-28 10:00", "language"},
	} {
		if err := c.menu.Validate(); err != nil {
			t.Fatal(err)
		}
		_, step := c.menu.Walk("ja", at(c.at), func(name string) (Calendar, bool) {
			if c.calendar == nil || name != "hall" {
				return Calendar{}, false
			}
			return *c.calendar, true
		})
		if step.Node != c.want {
			t.Errorf("%s: %s, want %s", c.at, step.Node, c.want)
		}
	}
}

func show(s MenuStep) string {
	out := fmt.Sprintf("%s%v", s.Node, s.Prompts)
	switch {
	case s.Out == nil:
		return out + fmt.Sprint(s.Keys)
	case s.Out.Hangup:
		return out + "→hangup"
	}
	return out + "→" + s.Out.Dial + s.Out.Menu
}

func TestMenuVersions(t *testing.T) {
	v := MenuVersions{Menu: "office"}
	if v.Validate() == nil {
		t.Error("no version is no menu")
	}
	for i := range keptVersions + 2 {
		m := officeMenu()
		m.Title = fmt.Sprint(i + 1)
		v = v.Activate(m, "hanako")
	}
	if live, ok := v.Live(); !ok || live.Title != "5" || v.Active != 5 || len(v.Versions) != keptVersions || v.Validate() != nil {
		t.Errorf("active %d of %d, %v", v.Active, len(v.Versions), v.Validate())
	}
	v.Active = 4
	if live, _ := v.Live(); live.Title != "4" || v.Validate() != nil {
		t.Errorf("gone back to %q", live.Title)
	}
	v.Active = 2 // not kept any more
	if v.Validate() == nil {
		t.Error("a version that is gone cannot be active")
	}
}

func FuzzMenuWalk(f *testing.F) {
	f.Add("9*2005", int64(1_800_000_000))
	f.Fuzz(func(t *testing.T, keys string, at int64) {
		now := time.Unix(at%4_000_000_000, 0)
		w, step := officeMenu().Walk("ja", now, nil)
		for i := 0; i < len(keys) && step.Out == nil; i++ {
			step = w.Press(keys[i:min(len(keys), i+1+i%4)], now)
		}
	})
}
