package main

import (
	"fmt"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

const (
	wardLot   = "7100"
	wardRooms = 5
)

// wardEntities are 2,500 people with their settings, 60 groups, 10 queues, menus, rooms, a parking lot, mailboxes, and their numbers.
func wardEntities() (out []provisioning.Entity) {
	for i := range wardPeople {
		out = append(out, provisioning.Extension{Number: fmt.Sprint(2001 + i), AllowMD5: true, Media: "srtp-forbidden"})
	}
	out = append(out, wardSettings()...)
	out = append(out, wardHunting()...)
	strategies := []string{provisioning.LongestIdle, provisioning.ByRank, provisioning.BySkill, provisioning.RingAll, provisioning.LongestIdle}
	for i := range wardQueues {
		q := provisioning.Queue{Number: fmt.Sprint(7001 + i), Strategy: strategies[i%len(strategies)], WrapUp: 20, MaxWait: 100, RingSeconds: 15,
			Policy: "silent", Priority: i % 2, Announce: provisioning.QueueAnnounce{Welcome: "queue/wait", Position: true, Estimate: true, Every: 30},
			Overflow: provisioning.QueueOverflow{Time: toExt(fmt.Sprint(4000 + i)), Payer: "2001"}}
		if q.Strategy == provisioning.BySkill {
			q.Skill, q.Level, q.Relax = "tax", 3, 30
		}
		for a := range 14 { // each queue has ten of its own, and shares four
			q.Members = append(q.Members, provisioning.QueueMember{Agent: fmt.Sprint(2001 + (10*i+a)%wardAgents), Rank: a % 3})
		}
		out = append(out, q, provisioning.DID{Number: fmt.Sprintf("+8132000%04d", i), Queue: q.Number})
	}
	for i := range wardRooms {
		out = append(out, provisioning.Conference{Number: fmt.Sprint(8001 + i), Tones: true}, provisioning.DID{Number: fmt.Sprintf("+8133000%04d", i), Conference: fmt.Sprint(8001 + i)})
	}
	menu := provisioning.Menu{Name: "ward", Owner: "2001", Start: "top", Nodes: []provisioning.MenuNode{{Name: "top", Prompt: "greeting/open",
		Keys: []provisioning.MenuKey{{Key: "1", To: provisioning.MenuGoto{Dial: "7001"}}, {Key: "2", To: provisioning.MenuGoto{Dial: "6001"}},
			{Key: "3", To: provisioning.MenuGoto{Dial: "2400"}}}, Then: &provisioning.MenuGoto{Dial: "6002"}}}}
	return append(out, menu, provisioning.MenuVersions{Menu: "ward"}.Activate(menu, "hanako"), provisioning.DID{Number: "+81340000000", Menu: "ward"},
		provisioning.ParkingLot{Number: wardLot, FirstSlot: "7101", Slots: 30, Seconds: 45})
}

// wardSettings: every tenth has a mailbox for who is not answered, others send calls on, want no second one, or none at all.
func wardSettings() (out []provisioning.Entity) {
	for i := wardAgents; i < wardPeople; i++ {
		n, next := fmt.Sprint(2001+i), fmt.Sprint(2001+wardAgents+(i+7)%(wardPeople-wardAgents))
		s := provisioning.Settings{Extension: n}
		switch i % 20 {
		case 0, 10:
			out = append(out, provisioning.Mailbox{Number: n})
			s.Forward = provisioning.Forwarding{Busy: &provisioning.Destination{Voicemail: n}, NoAnswer: &provisioning.Destination{Voicemail: n}, Seconds: 12}
		case 3:
			s.Forward = provisioning.Forwarding{Busy: toExt(next), NoAnswer: toExt(next), Seconds: 10}
		case 5:
			s.NoCallWaiting = true
		case 7:
			if i%40 == 7 {
				s.Forward = provisioning.Forwarding{Always: toExt(next)}
			} else {
				s.Forward = provisioning.Forwarding{NoAnswer: toNumber("0312345678"), Seconds: 15}
			}
		case 9:
			s.DoNotDisturb = i%60 == 9
		default:
			continue
		}
		out = append(out, s)
	}
	return out
}

// wardHunting are groups of the four strategies, whose calls go on in five ways when nobody takes them.
func wardHunting() (out []provisioning.Entity) {
	strategies := []string{provisioning.Simultaneous, provisioning.Sequential, provisioning.Circular, provisioning.LongestIdle}
	groups := make([]provisioning.Group, wardGroups)
	for i := range groups {
		g := &groups[i]
		*g = provisioning.Group{Number: fmt.Sprint(6001 + i), Strategy: strategies[i%4], RingSeconds: 8}
		for m := range 6 {
			g.Members = append(g.Members, fmt.Sprint(2001+wardAgents+6*i+m))
		}
		out = append(out, *g, provisioning.DID{Number: fmt.Sprintf("+8131000%04d", i), Group: g.Number})
	}
	for i, g := range groups { // when all are there
		switch i % 5 {
		case 0:
			out = append(out, provisioning.Mailbox{Number: g.Number})
			g.Overflow = &provisioning.Destination{Voicemail: g.Number}
		case 1:
			g.Overflow = &provisioning.Destination{Group: groups[(i+1)%wardGroups].Number}
		case 2:
			g.Overflow = toExt(fmt.Sprint(4100 + i))
		case 3:
			g.Overflow, g.Payer = toNumber("0312345678"), "2001"
		default:
			continue
		}
		out = append(out, g)
	}
	return out
}

// wardLive is the moment as routing reads it.
type wardLive struct{ w *ward }

func (l wardLive) Busy(domain, extension string) bool { return l.w.book.busy(at(domain, extension)) }
func (l wardLive) IdleSince(domain, extension string) time.Time {
	return l.w.book.idleSince(at(domain, extension))
}
func (l wardLive) Turn(domain, group string) int { return l.w.book.turns(at(domain, group)) }
func (l wardLive) Registered(_, extension string) bool {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return !l.w.away[extension]
}

// planned counts the calls of groups, as the switch does.
func (w *ward) planned(p route.Plan) {
	if p.Group == "" {
		return
	}
	w.book.given(at(simDomain, p.Group))
	g, _ := w.dir.Snapshot().Group(simDomain, p.Group)
	w.count("group " + g.Strategy)
}

func (w *ward) count(what string) { w.mu.Lock(); defer w.mu.Unlock(); w.seen[what]++ }

// nothingLeft: no leg is known, no slot is taken, no room is open, no message is being spoken, and nobody has a call in the book of limits. Called
// with mu held.
func (w *ward) nothingLeft() {
	w.book.mu.Lock()
	if n := len(w.book.whos) + len(w.book.of); n > 0 {
		w.wrong("%d legs are still known", n)
	}
	w.book.mu.Unlock()
	if n, rooms := w.parks.taken(), w.rooms.Len(); n > 0 || rooms > 0 {
		w.wrong("%d slots are taken and %d rooms are open at rest", n, rooms)
	}
	w.boxes.mu.Lock()
	if live, begun, kept := len(w.boxes.live), w.boxes.begun, len(w.boxes.kept); live > 0 || begun != kept {
		w.wrong("%d messages begun, %d kept, %d still recorded", begun, kept, live)
	}
	w.seen["message left"] = len(w.boxes.kept)
	w.boxes.mu.Unlock()
	if n := len(w.purse.book.Running()); n > 0 {
		w.wrong("%d calls still run in the book of limits", n)
	}
	for _, payer := range []string{"", "2001"} {
		if u, _ := w.purse.book.State(limit.Payer{Domain: simDomain, Extension: payer}); u.Calls != 0 {
			w.wrong("%q still has %d calls in the book of limits", payer, u.Calls)
		}
	}
}

// lively: each of what a ward does was seen. Called with mu held.
func (w *ward) lively() {
	w.t.Logf("of these: %v", w.seen)
	if raced { // its first minutes
		return
	}
	for _, what := range []string{"group " + provisioning.Simultaneous, "group " + provisioning.Sequential, "group " + provisioning.Circular, "group " + provisioning.LongestIdle,
		"message left", "forwarded", "parked", "fetched", "came back", "transferred", "menu", "in a room"} {
		if w.seen[what] < 20 {
			w.wrong("hardly a ward: %s %d times", what, w.seen[what])
		}
	}
}

// forwarded counts what was sent on.
func (w *ward) forwarded(out call.Outgoing) {
	if len(out.Way) > 0 {
		w.count("forwarded")
	}
}
