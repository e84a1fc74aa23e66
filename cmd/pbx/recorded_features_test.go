package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/stack"
)

// feature is a way in which calls of a number go, with what is recorded of it where the number is recorded. Where it is not, nothing is.
type feature struct {
	name   string
	number provisioning.DID // as the outside calls it; its number and policy are filled in. Without To and the like: people call people
	play   func(h *hands, number string)
	want   []string // conversations; "@1" stands behind what the first recording has
	tapes  []string // recordings: "@1 told carrier who carrier,2001"
}

// numberOf gives each feature an outside number with a policy and one without.
func numberOf(i int, recorded bool) string {
	if recorded {
		return fmt.Sprintf("+8137%07d", i)
	}
	return fmt.Sprintf("+8138%07d", i)
}

func to(number string) provisioning.DID { return provisioning.DID{To: []string{number}} }

// comes is a caller from outside, until somebody has answered and the notice is over.
func comes(h *hands, number string) {
	h.dial("carrier", number)
	h.run(8 * time.Second)
}

const (
	simCaller  = "+81300000000" // the caller's number
	simTold    = " told " + simCaller
	simToldWho = simTold + " who " + simCaller
)

// inboundFeatures are calls to a number.
func inboundFeatures() []feature {
	return []feature{
		{"hold, resume and a change of codec", to("2001"), func(h *hands, n string) {
			comes(h, n)
			for _, d := range []string{"sendonly", "sendrecv", "sendonly", "sendrecv"} {
				h.describes(h.at("2001"), d)
			}
		}, []string{"2001 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"blind transfer", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.refer("2001", "2002")
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002"}},
		{"blind transfer that comes back", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.rule["2002"] = "busy"
			h.refer("2001", "2002")
		}, []string{"2001 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"attended transfer", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.consult("2001", "2002", 5*time.Second)
		}, []string{"2001 carrier @1", "2001 2002", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002 merged-from"}},
		{"attended transfer while it rings", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.rule["2002"] = "rings"
			h.consult("2001", "2002", 3*time.Second)
			h.picks("2002")
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002 merged-from"}},
		{"transfer outside: that one is told too", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.refer("2001", "0312345678")
		}, []string{"2001 carrier @1", "carrier carrier @1"}, []string{"@1" + simTold + ",0312345678 who " + simCaller + ",2001,0312345678"}},
		{"transfer by keys", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.press("2001", "##2002#")
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002"}},
		{"transfer by keys that fails", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.rule["2002"] = "busy"
			h.press("2001", "##2002#")
			h.run(6 * time.Second)
		}, []string{"2001 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"consultation by keys: who consults calls by itself; hanging up connects", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.press("2001", "#702002#")
			h.run(3 * time.Second)
			g := h.at("2001")
			g.p.Send(g.request("BYE"))
			g.over = true
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2001 2002", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002 merged-from"}},
		{"consultation by keys, and back", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.press("2001", "#702002#")
			h.run(3 * time.Second)
			g := h.at("2002")
			g.p.Send(g.request("BYE"))
			g.over = true
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2001 2002", "2001 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"three by keys", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.press("2001", "#702002#")
			h.run(3 * time.Second)
			h.press("2001", "#73")
			h.run(8 * time.Second)
			g := h.at("2001")
			g.p.Send(g.request("BYE"))
			g.over = true
			h.run(2 * time.Second)
		}, []string{"2001 carrier @1", "2001 2002", "2001 2002 carrier @2", "2002 carrier @2"},
			[]string{"@1" + simToldWho + ",2001 merged-into", "@2" + simTold + " who 2001,2002," + simCaller + " merged-from"}},
		{"transfer into a room", to("2001"), func(h *hands, n string) {
			h.dial("2002", "8000")
			comes(h, n)
			h.refer("2001", "8000")
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002"}},
		{"redirection by the telephone", to("2001"), func(h *hands, n string) {
			h.rule["2001"] = "to:2002"
			comes(h, n)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"pick-up by code", to("2001"), func(h *hands, n string) {
			h.rule["2001"] = "rings"
			comes(h, n)
			h.dial("2002", "**2001")
			h.run(3 * time.Second)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"group pick-up", to("2001"), func(h *hands, n string) {
			h.rule["2001"] = "rings"
			comes(h, n)
			h.dial("2002", "*8")
			h.run(3 * time.Second)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"taken over by Replaces", to("2001"), func(h *hands, n string) {
			comes(h, n)
			g := h.at("2001")
			h.ask("2002", "2001", func(r *stack.Request) {
				r.Set("Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", g.invite.CallID(), g.invite.From().Tag(), g.tag))
			})
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002"}},
		{"parked by transfer and fetched", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.refer("2001", "700")
			h.dial("2002", "701")
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002"}},
		{"parked by an attended transfer", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.consult("2001", "700", 6*time.Second)
			h.dial("2002", "701")
			h.run(3 * time.Second)
		}, []string{"2001 carrier @1", "2002 carrier @1"}, []string{"@1" + simToldWho + ",2001,2002 merged-from"}},
		{"parked by code, and back", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.describes(h.at("2001"), "sendonly")
			h.dial("2001", "*70")
			h.run(30 * time.Second)
		}, []string{"2001 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"parked by keys, back in vain, to the fallback", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.press("2001", "#72")
			h.run(8 * time.Second)
			h.rule["2001"] = "rings"
			h.run(50 * time.Second)
		}, []string{"2001 carrier @1", "2003 carrier @1"}, []string{"@1" + simToldWho + ",2001,2003"}},
		{"forwarded always", to("2101"), comes, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"forwarded when busy", to("2004"), func(h *hands, n string) {
			h.rule["2004"] = "busy"
			comes(h, n)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"forwarded without an answer", to("2004"), func(h *hands, n string) {
			h.rule["2004"] = "rings"
			comes(h, n)
			h.run(6 * time.Second)
		}, []string{"2003 carrier @1"}, []string{"@1" + simToldWho + ",2003"}},
		{"forwarded outside: who is there stands for the owner", to("2102"), comes, []string{"carrier carrier @1"}, []string{"@1" + simToldWho + ",0312345678"}},
		{"a group, one after the other", provisioning.DID{Group: "6001"}, func(h *hands, n string) {
			h.rule["2001"] = "busy"
			comes(h, n)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"a group that rings together", provisioning.DID{Group: "6002"}, func(h *hands, n string) {
			h.rule["2001"], h.rule["2002"] = "rings", "rings"
			comes(h, n)
			h.picks("2002")
			h.run(2 * time.Second)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"a group in a circle, and its overflow", provisioning.DID{Group: "6003"}, func(h *hands, n string) {
			h.rule["2001"], h.rule["2002"] = "busy", "busy"
			comes(h, n)
			h.run(3 * time.Second)
		}, []string{"2003 carrier @1"}, []string{"@1" + simToldWho + ",2003"}},
		{"a group, whoever was idle longest", provisioning.DID{Group: "6004"}, comes, []string{"2003 carrier @1"}, []string{"@1" + simToldWho + ",2003"}},
		{"night, with an announcement", provisioning.DID{To: []string{"2001"}, Closing: &provisioning.Closing{Calendar: "shut",
			Night: &provisioning.Turn{Announce: "greeting/closed", To: toExt("2002")}}}, func(h *hands, n string) {
			comes(h, n)
			h.run(3 * time.Second)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"menu to an extension", provisioning.DID{Menu: "office"}, func(h *hands, n string) {
			comes(h, n)
			h.press("carrier", "1")
			h.run(4 * time.Second)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"menu to a queue, whose agent sends the caller on", provisioning.DID{Menu: "office"}, func(h *hands, n string) {
			comes(h, n)
			h.press("carrier", "2")
			h.run(10 * time.Second)
			h.refer("2003", "2001")
		}, []string{"2003 carrier @1", "2001 carrier @1"}, []string{"@1" + simToldWho + ",2003,2001"}},
		{"menu to a mailbox", provisioning.DID{Menu: "office"}, func(h *hands, n string) {
			comes(h, n)
			h.press("carrier", "3")
			h.run(10 * time.Second)
		}, nil, []string{"@1" + simToldWho}},
		{"queue", provisioning.DID{Queue: "7001"}, func(h *hands, n string) {
			comes(h, n)
			h.run(4 * time.Second)
			h.describes(h.at("2003"), "sendonly")
			h.describes(h.at("2003"), "sendrecv")
		}, []string{"2003 carrier @1"}, []string{"@1" + simToldWho + ",2003"}},
		{"queue that overflows", provisioning.DID{Queue: "7003"}, func(h *hands, n string) {
			comes(h, n)
			h.run(4 * time.Second)
		}, []string{"2002 carrier @1"}, []string{"@1" + simToldWho + ",2002"}},
		{"voicemail", provisioning.DID{Voicemail: "7100"}, func(h *hands, n string) {
			comes(h, n)
			h.run(6 * time.Second)
		}, nil, []string{"@1" + simToldWho}},
		{"room by a number", provisioning.DID{Conference: "8001"}, func(h *hands, n string) {
			h.dial("2001", "8001")
			comes(h, n)
		}, []string{"2001 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"a supervisor listens, whispers and joins", to("2001"), func(h *hands, n string) {
			comes(h, n)
			h.dial("2003", "*512001")
			h.run(4 * time.Second)
			h.press("2003", "5")
			h.run(2 * time.Second)
			h.press("2003", "6")
			h.run(2 * time.Second)
		}, []string{"2001 carrier @1", "2001 2003 carrier @1"}, []string{"@1" + simToldWho + ",2001"}},
		{"of somebody signed in at another's desk", to("2103"), comes, []string{"2004 carrier @1"}, []string{"@1" + simToldWho + ",2103"}},
		{"nobody answers", to("2001"), func(h *hands, n string) {
			h.rule["2001"] = "rings"
			comes(h, n)
		}, nil, nil},
		{"everybody is busy", to("2001"), func(h *hands, n string) {
			h.rule["2001"] = "busy"
			comes(h, n)
		}, nil, nil},
	}
}

// recordedOffice has what the features need. Nobody's own calls are recorded but those of 2009.
func recordedOffice() []provisioning.Entity {
	person := func(n string, change func(*provisioning.Extension)) provisioning.Entity {
		e := provisioning.Extension{Number: n, Display: "Ext " + n, AllowMD5: true, Media: "srtp-preferred", Pickup: "counter"}
		if change != nil {
			change(&e)
		}
		return e
	}
	menu := provisioning.Menu{Name: "office", Owner: "2004", Start: "top", Nodes: []provisioning.MenuNode{{Name: "top", Prompt: "greeting/open",
		Keys: []provisioning.MenuKey{{Key: "1", To: provisioning.MenuGoto{Dial: "2002"}}, {Key: "2", To: provisioning.MenuGoto{Dial: "7001"}},
			{Key: "3", To: provisioning.MenuGoto{Voicemail: "7100"}}, {Key: "4", To: provisioning.MenuGoto{Dial: "7002"}}}, Then: &provisioning.MenuGoto{Hangup: true}}}}
	queue := func(n, policy string, members ...provisioning.QueueMember) provisioning.Queue {
		return provisioning.Queue{Number: n, Strategy: provisioning.ByRank, Policy: policy, WrapUp: 1, Members: members, Announce: provisioning.QueueAnnounce{Welcome: "queue/wait"}}
	}
	empty := queue("7003", "", provisioning.QueueMember{Agent: "2004"})
	empty.Overflow = provisioning.QueueOverflow{NoAgents: toExt("2002"), Payer: "2001"}
	return []provisioning.Entity{
		provisioning.User{Name: "boss", Roles: []provisioning.Role{provisioning.RoleSupervisor}}, provisioning.User{Name: "hanako"},
		person("2001", nil), person("2002", nil), person("2003", func(e *provisioning.Extension) { e.User = "boss" }),
		person("2004", func(e *provisioning.Extension) { e.HotDesk = &provisioning.HotDesking{} }),
		person(simWatcher, func(e *provisioning.Extension) { e.Record, e.Pickup = "after", "" }),
		person("2101", nil), person("2102", nil), person("2103", func(e *provisioning.Extension) { e.Record = "silent" }),
		provisioning.HotDesk{Desk: "2004", Person: "2103", Since: simStart, Until: simStart.Add(24 * time.Hour)},
		provisioning.Settings{Extension: "2001", CallCodes: true},
		forwards("2101", provisioning.Forwarding{Always: toExt("2002")}), forwards("2102", provisioning.Forwarding{Always: toNumber("0312345678")}),
		forwards("2004", provisioning.Forwarding{Busy: toExt("2002"), NoAnswer: toExt("2003"), Seconds: 5}),
		provisioning.Group{Number: "6001", Strategy: provisioning.Sequential, Members: []string{"2001", "2002"}},
		provisioning.Group{Number: "6002", Strategy: provisioning.Simultaneous, Members: []string{"2001", "2002"}},
		provisioning.Group{Number: "6003", Strategy: provisioning.Circular, Members: []string{"2001", "2002"}, Overflow: toExt("2003")},
		provisioning.Group{Number: "6004", Strategy: provisioning.LongestIdle, Members: []string{"2003"}},
		provisioning.Calendar{Name: "shut", Manual: "night"}, provisioning.Mailbox{Number: "7100"}, menu, provisioning.MenuVersions{Menu: "office"}.Activate(menu, "hanako"),
		queue("7001", "", provisioning.QueueMember{Agent: "2003"}), queue("7002", "early", provisioning.QueueMember{Agent: "2003"}), empty,
		provisioning.Agent{Number: "2003", SignedIn: true}, provisioning.Agent{Number: "2004"},
		provisioning.Conference{Number: "8000"}, provisioning.Conference{Number: "8001"},
		provisioning.Conference{Number: "8002", Policy: "early"},
		provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 5, Seconds: 20, Fallback: toExt("2003")},
		provisioning.ShortNumbers{List: "system", Entries: []provisioning.ShortNumber{{Code: "1", Number: "2002"}}},
		provisioning.Supervision{Name: "desk", Supervisors: []string{"boss"}, Extensions: []string{"2001"}, Tone: true,
			Modes: []string{provisioning.MonitorListen, provisioning.MonitorWhisper, provisioning.MonitorBarge}},
	}
}

// bare is what an unrecorded number leaves: the same conversations, and nothing of them.
func bare(want []string) (out []string) {
	for _, s := range want {
		s, _, _ = strings.Cut(s, " @")
		out = append(out, s)
	}
	return slices.Compact(out)
}

// compare looks at what was said and what was recorded since begin.
func (h *hands) compare(name string, want, tapes []string) {
	h.t.Helper()
	if got := h.spells(); !slices.Equal(got, want) {
		h.t.Errorf("%s: heard each other, and recorded\n%q\nwant\n%q", name, got, want)
	}
	if got := h.tapes(); !slices.Equal(got, tapes) {
		h.t.Errorf("%s: recordings\n%q\nwant\n%q", name, got, tapes)
	}
}

// linked compares the CDRs since begin with the recordings: each names its own, and no other.
func (h *hands) linked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tape.mu.Lock()
	defer h.tape.mu.Unlock()
	of := map[string]string{}
	for _, r := range h.tape.recordings[h.seen:] {
		if of[r.of.Call] != "" {
			h.t.Errorf("two recordings of call %s", r.of.Call)
		}
		of[r.of.Call] = r.of.ID
	}
	for _, c := range h.cdrs {
		if !c.Started.Before(h.from) && c.Recording != of[c.ID] {
			h.t.Errorf("CDR %s > %s names recording %q, not %q", c.From, c.To, c.Recording, of[c.ID])
		}
	}
}

// TestRecordedFeatures plays each way in which a call can go with a recorded number and with one that is not: one recording for the call, from the
// moment at which the notice was heard to the end, whoever talks; every voice known to it; and none where the number has no policy.
func TestRecordedFeatures(t *testing.T) {
	features := inboundFeatures()
	entities := recordedOffice()
	for i, f := range features {
		for _, recorded := range []bool{true, false} {
			did := f.number
			if did.Number = numberOf(i, recorded); recorded {
				did.Policy = "early"
			}
			entities = append(entities, did)
		}
	}
	onStage(t, "", func(o *stage) {
		o.air.audience = true
		h := newHands(o)
		for i, f := range features {
			for _, recorded := range []bool{true, false} {
				number, name, want := numberOf(i, recorded), f.name, f.want
				var tapes []string
				if h.begin(); recorded {
					for _, s := range f.tapes {
						tapes = append(tapes, s[:2]+" "+number+s[2:])
					}
				} else {
					name, want = name+", not recorded", bare(want)
				}
				f.play(h, number)
				h.part()
				h.compare(name, want, tapes)
				h.linked()
			}
		}
		o.mu.Lock()
		o.checkEvidence()
		o.mu.Unlock()
	}, entities...)
}
