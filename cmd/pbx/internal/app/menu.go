package app

import (
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

const (
	maxMenus    = 16               // that lead from one to the next without a person in between
	menuLimit   = 10 * time.Minute // in one menu: a line that was left off the hook
	dialPause   = 2 * time.Second  // after the last digit of an extension
	keyPatience = 5 * time.Second
)

// menuing leads a caller through menus. What leads where is provisioning's pure walk; this only speaks and listens.
type menuing struct {
	from  Programs
	menu  provisioning.Menu
	walk  *provisioning.MenuWalk
	at    provisioning.MenuStep
	menus int
}

// menu is the script of an active menu.
func (p Programs) menu(domain string, r route.Run) (call.Script, bool) {
	if p.Menu == nil {
		return nil, false
	}
	m, ok := p.Menu(domain, r.Name)
	return &menuing{from: p, menu: m}, ok
}

// On implements call.Script.
func (s *menuing) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return append([]call.Order{call.PickUp{}, call.Wake{After: menuLimit}}, s.open(f, f.Language)...)
	case call.Gathered:
		return s.follow(f, s.walk.Press(c.Keys.Reveal(), f.Now))
	case call.Refused:
		return s.follow(f, s.walk.Wrong(false, f.Now))
	case call.Played:
		if s.at.Keys == 0 {
			return s.leave(f)
		}
	case call.Elapsed:
		return finish()
	}
	return nil
}

// open enters the menu at its start.
func (s *menuing) open(f call.Facts, language string) []call.Order {
	if s.menus++; s.menus > maxMenus {
		return finish()
	}
	walk, step := s.menu.Walk(language, f.Now, func(name string) (provisioning.Calendar, bool) { return s.from.Calendar(f.Domain, name) })
	s.walk = walk
	return s.follow(f, step)
}

// follow says what a step says, and waits for keys or leaves.
func (s *menuing) follow(f call.Facts, step provisioning.MenuStep) []call.Order {
	s.at = step
	var orders []call.Order
	if len(step.Prompts) > 0 {
		var what []Phrase
		for _, p := range step.Prompts {
			what = append(what, Say(p))
		}
		orders = append(orders, call.Play{Program: s.from.Speak(f.Domain, step.Language, what...)})
	}
	switch {
	case step.Keys > 0:
		return append(orders, call.Gather{Max: step.Keys, First: keyPatience, Next: dialPause})
	case len(orders) > 0:
		return orders // Played leaves
	}
	return s.leave(f)
}

func (s *menuing) leave(f call.Facts) []call.Order {
	out := s.at.Out
	switch {
	case out == nil || out.Hangup:
		return finish()
	case out.Dial != "":
		return []call.Order{call.Goto{Number: out.Dial, For: s.menu.Owner, Inside: s.at.Inside}}
	}
	if out.Voicemail != "" || out.Messages {
		return s.mailbox(f, out)
	}
	next, ok := s.from.Menu(f.Domain, out.Menu)
	if !ok { // not active yet
		return s.follow(f, s.walk.Wrong(false, f.Now))
	}
	s.menu = next
	return s.open(f, s.at.Language)
}

// mailbox sends the caller to where messages are left, or heard.
func (s *menuing) mailbox(f call.Facts, out *provisioning.MenuGoto) []call.Order {
	plan := route.Messages(route.Plan{})
	if out.Voicemail != "" {
		plan = s.from.Leave(f.Domain, out.Voicemail)
	}
	if plan.Language = s.at.Language; plan.Language == "" {
		plan.Language = f.Language
	}
	return []call.Order{call.Follow{Plan: plan}}
}

// Yields implements call.Yielding: everybody who calls hears the same.
func (*menuing) Yields() {}
