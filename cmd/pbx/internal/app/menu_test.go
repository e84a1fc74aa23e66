package app

import (
	"fmt"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

func menus(list ...provisioning.Menu) Programs {
	return Programs{Menu: func(_, name string) (provisioning.Menu, bool) {
		for _, m := range list {
			if m.Name == name {
				return m, true
			}
		}
		return provisioning.Menu{}, false
	}}
}

func choice(name string, to provisioning.MenuGoto) provisioning.Menu {
	return provisioning.Menu{Name: name, Owner: "2001", Start: "a", Nodes: []provisioning.MenuNode{
		{Name: "a", Prompt: "ivr/menu-prompt", Keys: []provisioning.MenuKey{{Key: "1", To: to}}, Tries: 2, Then: &provisioning.MenuGoto{Hangup: true}}}}
}

// A menu speaks, waits, sends on in its owner's name, says when that is refused, and leads to other menus.
func TestMenuing(t *testing.T) {
	p := menus(choice("one", provisioning.MenuGoto{Menu: "two"}), choice("two", provisioning.MenuGoto{Dial: "2005"}))
	s, ok := p.Script("d", route.Run{Verb: route.VerbMenu, Name: "one"})
	if !ok {
		t.Fatal("no script")
	}
	f := call.Facts{Domain: "d", Language: "ja"}
	press := func(k string) call.Cue { return call.Gathered{Keys: call.NewKeys(k, false)} }
	for i, c := range []struct {
		cue  call.Cue
		want string
		said string
	}{
		{call.Began{}, "PickUp Wake Play Gather", "[ivr/menu-prompt]"},
		{press("5"), "Play Gather", "[ivr/invalid ivr/menu-prompt]"},
		{call.Played{Complete: true}, "", ""},
		{press("1"), "Play Gather", "[ivr/menu-prompt]"}, // the second menu
		{press("1"), "Goto", ""},
		{call.Refused{Cause: sip.CauseForbidden}, "Play Gather", "[ivr/invalid ivr/menu-prompt]"},
		{press(""), "Play", "[ivr/timeout]"},
		{call.Played{Complete: true}, "Finish", ""},
	} {
		orders := s.On(f, c.cue)
		if got := kinds(orders); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
		for _, o := range orders {
			if _, ok := o.(call.Play); ok && fmt.Sprint(phrases(o)) != c.said {
				t.Errorf("%d: said %v, want %s", i, phrases(o), c.said)
			}
			if g, ok := o.(call.Goto); ok && g != (call.Goto{Number: "2005", For: "2001"}) {
				t.Errorf("%d: %+v", i, g)
			}
		}
	}
	if _, ok := p.Script("d", route.Run{Verb: route.VerbMenu, Name: "three"}); ok {
		t.Error("a menu that is not active")
	}
}

// Menus that hand a caller round without a key come to an end.
func TestMenusInACircle(t *testing.T) {
	next := func(name, to string) provisioning.Menu {
		return provisioning.Menu{Name: name, Owner: "2001", Start: "a", Nodes: []provisioning.MenuNode{{Name: "a", Then: &provisioning.MenuGoto{Menu: to}}}}
	}
	p := menus(next("one", "two"), next("two", "one"))
	s, _ := p.Script("d", route.Run{Verb: route.VerbMenu, Name: "one"})
	if got := kinds(s.On(call.Facts{}, call.Began{})); got != "PickUp Wake Finish" {
		t.Error(got)
	}
}

// Who dials an extension in a menu is a stranger: the number is asked for as one inside only.
func TestMenuDialsInside(t *testing.T) {
	m := choice("one", provisioning.MenuGoto{Hangup: true})
	m.Nodes[0].Dial = true
	s, _ := menus(m).Script("d", route.Run{Verb: route.VerbMenu, Name: "one"})
	f := call.Facts{Domain: "d", Language: "ja"}
	s.On(f, call.Began{})
	got := s.On(f, call.Gathered{Keys: call.NewKeys("184119", false)})
	if want := (call.Goto{Number: "184119", For: "2001", Inside: true}); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
