package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// Numbers of the office that are recorded, or are not, beside those of the features.
const (
	simTaped     = "+81361000001" // early notice, rings 2002
	simTapedCall = "0361000001"
	simBare      = "+81361000002" // rings 2001
	simBareOwner = "+81361000003" // rings 2009, whose own calls are recorded
	simBareMenu  = "+81361000004"
	simSentOn    = "+81361000005" // an extension that is always forwarded to the recorded number
	simOverflown = "+81361000006" // a group that overflows to it
)

func policiesOffice() []provisioning.Entity {
	return append(recordedOffice(),
		provisioning.DID{Number: simTaped, To: []string{"2002"}, Policy: "early", RingSeconds: 10}, provisioning.DID{Number: simBare, To: []string{"2001"}},
		provisioning.DID{Number: simBareOwner, To: []string{simWatcher}}, provisioning.DID{Number: simBareMenu, Menu: "office"},
		provisioning.Extension{Number: "2104"}, forwards("2104", provisioning.Forwarding{Always: toNumber(simTapedCall)}),
		provisioning.Group{Number: "6005", Members: []string{"2001"}, Overflow: toNumber(simTapedCall), Payer: "2001"},
		provisioning.DID{Number: simSentOn, To: []string{"2104"}}, provisioning.DID{Number: simOverflown, Group: "6005"})
}

// making is a way in which somebody calls.
type making struct {
	name  string
	play  func(h *hands, who string)
	want  []string // by 2009, whose calls are recorded; another one's are not
	tapes []string
}

func dials(number string) func(*hands, string) {
	return func(h *hands, who string) {
		h.dial(who, number)
		h.run(12 * time.Second)
	}
}

func makings() []making {
	inside, to2002 := []string{"2002 2009 @1"}, []string{"@1 2009 told 2009 who 2009,2002"}
	return []making{
		{"inside", dials("2002"), inside, to2002},
		{"outside: who is called is told", dials("0312345678"), []string{"2009 carrier @1"}, []string{"@1 2009 told 0312345678 who 2009,0312345678"}},
		{"with the PIN", func(h *hands, who string) {
			h.dial(who, "*330312345678")
			h.run(3 * time.Second)
			h.press(who, "4711#")
			h.run(8 * time.Second)
		}, []string{"2009 carrier @1"}, []string{"@1 2009 told 0312345678 who 2009,0312345678"}},
		{"the last caller", func(h *hands, who string) {
			h.dial(who, "*69")
			h.run(7 * time.Second)
			h.press(who, "1")
			h.run(8 * time.Second)
		}, []string{"2003 2009 @1"}, []string{"@1 2009 told 2009 who 2009,2003"}},
		{"a short number", dials("*01"), inside, to2002},
		{"intercom", dials("*552002"), inside, to2002},
		{"a group", func(h *hands, who string) {
			if h.rule["2001"] = "busy"; who == "2001" {
				h.rule["2001"] = ""
			}
			dials("6001")(h, who)
		}, inside, to2002},
		{"a queue", dials("7001"), []string{"2003 2009 @1"}, []string{"@1 2009 told 2009 who 2009,2003"}},
		{"a room", func(h *hands, who string) {
			h.dial("2002", "8000")
			dials("8000")(h, who)
		}, inside, to2002},
		{"a number of our own that is not recorded", dials("0361000002"), []string{"2001 2009 @1"}, []string{"@1 2009 told 2009 who 2009,2001"}},
		{"click-to-call", func(h *hands, who string) {
			h.click(who, "2002")
			h.run(14 * time.Second)
		}, inside, to2002},
		{"a mailbox", dials("*967100"), nil, []string{"@1 2009 told 2009 who 2009"}},
		{"and is sent on", func(h *hands, who string) {
			dials("2002")(h, who)
			h.refer("2002", "2003")
		}, []string{"2002 2009 @1", "2003 2009 @1"}, []string{"@1 2009 told 2009 who 2009,2002,2003"}},
		{"nobody but the clock", dials("*60"), nil, nil},
		{"for help, and hears no notice", func(h *hands, who string) {
			h.dial(who, "119")
			h.run(time.Second)
			if g := h.at("carrier"); !g.up {
				h.t.Error("help is kept waiting")
			}
			h.run(3 * time.Second)
		}, []string{"2009 carrier"}, nil},
	}
}

// TestRecordedCallers plays each way in which somebody calls whose calls are recorded, and somebody whose are not.
func TestRecordedCallers(t *testing.T) {
	onStage(t, "", func(o *stage) {
		h := newHands(o)
		for _, m := range makings() {
			for _, who := range []string{simWatcher, "2001"} {
				name, want, tapes := m.name, m.want, m.tapes
				if who == "2001" {
					if strings.Contains(strings.Join(want, ""), "2001") { // nobody calls itself
						continue
					}
					name, want, tapes = name+", not recorded", nil, nil
					for _, s := range bare(m.want) {
						names := strings.Fields(strings.Replace(s, simWatcher, who, 1))
						slices.Sort(names)
						want = append(want, strings.Join(names, " "))
					}
				}
				h.begin()
				m.play(h, who)
				h.part()
				h.compare(name, want, tapes)
				h.linked()
			}
		}
		o.mu.Lock()
		o.checkEvidence()
		o.mu.Unlock()
	}, policiesOffice()...)
}

// TestRecordedFromThenOn: a call is recorded from the moment at which it comes to a number that demands it, by the strictest of the numbers that it has
// touched, and only if it arrives there. Who asks for it takes no part, so its own policy does not matter; and nobody from outside is recorded unawares.
func TestRecordedFromThenOn(t *testing.T) {
	taped := []string{"@1 " + simTaped + simTold + " who " + simCaller + ",2002"}
	onStage(t, "", func(o *stage) {
		h := newHands(o)
		for _, c := range []struct {
			name  string
			play  func()
			want  []string
			tapes []string
		}{
			{"sent to a recorded number", func() {
				comes(h, simBare)
				h.refer("2001", simTapedCall)
				h.run(3 * time.Second)
			}, []string{"2001 carrier", "2002 carrier @1"}, taped},
			{"sent there in vain, and then elsewhere", func() {
				comes(h, simBare)
				h.rule["2002"] = "busy"
				h.refer("2001", simTapedCall)
				h.refer("2001", "2003")
			}, []string{"2001 carrier", "2003 carrier"}, nil},
			{"sent there by keys in vain", func() {
				comes(h, simBare)
				h.rule["2002"] = "busy"
				h.press("2001", "##"+simTapedCall+"#")
				h.run(12 * time.Second)
				h.refer("2001", "2003")
			}, []string{"2001 carrier", "2003 carrier"}, nil},
			{"sent there by one who hangs up, in vain", func() {
				comes(h, simBare)
				h.rule["2002"] = "rings"
				g := h.at("2001")
				g.p.Send(g.referral("sip:" + simTapedCall + "@" + simDomain))
				h.run(time.Second)
				g.p.Send(g.request("BYE"))
				g.over = true
				h.run(20 * time.Second)
			}, []string{"2001 carrier"}, nil},
			{"sent to a recorded queue by one whose own calls are recorded", func() {
				comes(h, simBareOwner)
				h.refer(simWatcher, "7002")
				h.run(6 * time.Second)
			}, []string{"2009 carrier", "2003 carrier @1"}, []string{"@1 7002" + simTold + " who " + simCaller + ",2003"}},
			{"a recorded consultation goes on with who waited", func() {
				comes(h, simBare)
				h.consult("2001", "7002", 14*time.Second)
			}, []string{"2001 carrier", "2001 2003 @1", "2003 carrier @2"},
				[]string{"@1 7002 told 2001 who 2001,2003 merged-into", "@2 7002 told 2001," + simCaller + " who " + simCaller + ",2003 merged-from"}},
			{"who comes from a consultation into the queue hears the notice", func() {
				comes(h, simBare)
				h.rule["2003"] = "rings"
				h.consult("2001", "7002", 10*time.Second)
				h.run(4 * time.Second)
				h.picks("2003")
				h.run(4 * time.Second)
			}, []string{"2001 carrier", "2003 carrier @1"}, []string{"@1 7002 told 2001," + simCaller + " who " + simCaller + ",2003 merged-from"}},
			{"two recorded calls become one", func() {
				h.dial("carrier", simTaped)
				h.run(8 * time.Second)
				h.consult("2002", "7002", 14*time.Second)
			}, []string{"2002 carrier @1", "2002 2003 @2", "2003 carrier @1"},
				[]string{"@1 " + simTaped + simTold + " who " + simCaller + ",2002,2003 merged-from", "@2 7002 told 2002 who 2002,2003 merged-into"}},
			{"redirected to a recorded number, and picked up by another", func() {
				h.rule["2001"], h.rule["2002"] = "to:"+simTapedCall, "rings"
				h.dial("2003", "2001")
				h.run(2 * time.Second)
				h.dial("2004", "**2002")
				h.run(7 * time.Second)
			}, []string{"2003 2004 @1"}, []string{"@1 " + simTaped + " told 2003 who 2003,2103"}},
			{"always forwarded to a recorded number", func() {
				comes(h, simSentOn)
			}, []string{"2002 carrier @1"}, taped},
			{"a group that overflows to a recorded number", func() {
				h.rule["2001"] = "busy"
				comes(h, simOverflown)
			}, []string{"2002 carrier @1"}, taped},
			{"a menu that leads to a recorded queue", func() {
				comes(h, simBareMenu)
				h.press("carrier", "4")
				h.run(12 * time.Second)
			}, []string{"2003 carrier @1"}, []string{"@1 7002" + simTold + " who " + simCaller + ",2003"}},
			{"sent into a recorded room", func() {
				h.dial("2002", "8002")
				h.run(6 * time.Second)
				comes(h, simBare)
				h.refer("2001", "8002")
			}, []string{"2001 carrier", "2002 carrier @1 @2"},
				[]string{"@1 8002 told 2002 who 2002," + simCaller, "@2 8002" + simTold + " who " + simCaller + ",2002"}},
			{"a recorded call is sent to 119 at once", func() {
				h.dial("carrier", simTaped)
				h.run(8 * time.Second)
				g := h.at("2002")
				g.p.Send(g.referral("sip:119@" + simDomain))
				h.run(time.Second)
				if help := h.at("carrier"); !help.up || help.out {
					t.Error("help is kept waiting")
				}
				h.run(3 * time.Second)
			}, []string{"2002 carrier @1", "carrier carrier @1"}, []string{"@1 " + simTaped + simTold + " who " + simCaller + ",2002,119"}},
			{"somebody at another's desk calls as who they are", func() {
				h.dial("2004", "2001")
				h.run(4 * time.Second)
			}, []string{"2001 2004 @1"}, []string{"@1 2103 who 2103,2001"}},
		} {
			h.begin()
			c.play()
			h.part()
			h.compare(c.name, c.want, c.tapes)
			h.linked()
		}
		o.mu.Lock()
		o.checkEvidence()
		o.mu.Unlock()
	}, policiesOffice()...)
}
