package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/event"
	"naisen/sip/stack"
)

// fromOutside sends an INVITE of the carrier.
func (o *stage) fromOutside(did string) *stack.Request {
	r := o.carrier.NewRequest("INVITE", did)
	r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
	r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
	o.carrier.Send(r)
	return r
}

// On the first of January the office is closed: its number says so before anything is charged, its lamp is lit, and in the window after an
// emergency call its telephone rings all the same.
func TestClosedOffice(t *testing.T) {
	holiday := provisioning.Calendar{Name: "hall", Holidays: true, Number: "7000"}
	onStage(t, "closed-announcement", func(o *stage) {
		o.panelOn("7000", "confirmed")
		r := o.fromOutside(simPlain)
		if resp := o.carrier.ExpectStatus(183, "INVITE"); len(resp.Body) == 0 {
			t.Error("the announcement has no early media")
		}
		o.carrier.Ack(r, o.carrier.ExpectStatus(480, "INVITE"))
		o.wait(time.Second)
		o.p.signalling.callbacks.open(simDomain, "2003", time.Minute, simPlain)
		r = o.fromOutside(simPlain)
		in := o.phones["2003"].Expect("INVITE")
		c, p := o.pickUp(side{o.carrier, r, nil, true}, side{o.phones["2003"], in, nil, false})
		c.bye(p)
		o.wait(time.Minute) // the lamp's subscription ends
	}, holiday, provisioning.DID{Number: simPlain, To: []string{"2003"}, Closing: &provisioning.Closing{Calendar: "hall", Night: &provisioning.Turn{Announce: "greeting/closed"}}})
	onStage(t, "closed-guard", func(o *stage) {
		r := o.fromOutside(simPlain)
		o.carrier.ExpectStatus(183, "INVITE")
		in := o.phones["2004"].Expect("INVITE")
		c, p := o.pickUp(side{o.carrier, r, nil, true}, side{o.phones["2004"], in, nil, false})
		c.bye(p)
	}, holiday, provisioning.DID{Number: simPlain, To: []string{"2003"},
		Closing: &provisioning.Closing{Calendar: "hall", Night: &provisioning.Turn{Announce: "greeting/closed", To: toExt("2004")}}})
}

// Lamps follow the clock and the hand.
func TestClosedLampFollowsTheClock(t *testing.T) {
	day := map[[2]string]bool{}
	night := map[[2]string]bool{{simDomain, "7000"}: true, {simDomain, "2001"}: true}
	var mu sync.Mutex
	told := map[event.AOR]int{}
	tell := func(a event.AOR) { mu.Lock(); told[a]++; mu.Unlock() }
	switched(day, night, tell)
	switched(night, night, tell)
	switched(night, day, tell)
	if len(told) != 2 || told[event.AOR{User: "7000", Domain: simDomain}] != 2 {
		t.Errorf("%v", told)
	}
	d := simDirectory(t, provisioning.Calendar{Name: "hall", Number: "7000",
		Hours: []provisioning.Hours{{Days: []string{"sat"}, From: "08:30", To: "17:15"}}})
	synctest.Test(t, func(t *testing.T) { // it begins on a Saturday at nine in Japan
		q := quiet{calls: newLamps(func(event.AOR) {}), directory: d}
		at := event.AOR{User: "7000", Domain: simDomain}
		if len(q.Dialogs(at)) != 0 {
			t.Error("lit by day")
		}
		time.Sleep(9 * time.Hour)
		if len(q.Dialogs(at)) != 1 || !d.Snapshot().Lit(time.Now())[[2]string{simDomain, "7000"}] {
			t.Error("dark by night")
		}
	})
}

// A number that molests hears why nobody answers, and nothing is charged; the one who answered a call for help gets through.
func TestRejection(t *testing.T) {
	onStage(t, "rejected", func(o *stage) {
		r := o.fromOutside(simPlain)
		o.carrier.ExpectStatus(183, "INVITE")
		o.carrier.Ack(r, o.carrier.ExpectStatus(603, "INVITE"))
		o.p.signalling.callbacks.open(simDomain, "2003", time.Minute, simPlain)
		r = o.fromOutside(simPlain)
		in := o.phones["2003"].Expect("INVITE")
		c, p := o.pickUp(side{o.carrier, r, nil, true}, side{o.phones["2003"], in, nil, false})
		c.bye(p)
	}, provisioning.Rejection{Name: "nuisance", Numbers: []string{"+81300000000"}, Announce: "call/rejected", Approval: "a test"})
}

// The night key is dialled: it is answered and done, without a word that a lamp says better. The telephone that may not press it is told so.
func TestNightKeyByCode(t *testing.T) {
	onStage(t, "night-key", func(o *stage) {
		o.ends(o.script(o.phones["2001"], "*287000"), 1)
		o.ends(o.script(o.phones["2002"], "*28"), 1)
		if got, want := strings.Join(o.desk.set, "; "), "2001 night-key 7000; 2002 night-key "; got != want {
			t.Errorf("set %q", got)
		}
		if got := o.library.heard(); got != "" {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > *287000 feature:night-key 200 Normal call clearing by switch", "2002 > *28 feature:night-key 200 Normal call clearing by switch")
	}, provisioning.Calendar{Name: "hall", Number: "7000", Operators: []string{"2001"}})
}

// Callers without a number are turned away by the reason that the carrier names, each by itself.
func TestRejectionByReason(t *testing.T) {
	shown := map[string]string{provisioning.WithheldAnonymous: "Anonymous", provisioning.WithheldPayphone: "Coin line/payphone", provisioning.WithheldUnavailable: "Unavailable"}
	for reason := range shown {
		onStage(t, "rejected-"+reason, func(o *stage) {
			for _, other := range slices.Sorted(maps.Keys(shown)) {
				r := o.invite(o.carrier, simPlain, func(r *stack.Request) {
					r.SetFrom(sip.Address{Display: shown[other], URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}.WithTag("c" + other))
				})
				if other == reason {
					o.carrier.Ack(r, o.carrier.ExpectStatus(603, "INVITE"))
					continue
				}
				in := o.phones["2003"].Expect("INVITE")
				c, p := o.pickUp(side{o.carrier, r, nil, true}, side{o.phones["2003"], in, nil, false})
				c.bye(p)
			}
		}, provisioning.Rejection{Name: "withheld", Withheld: []string{reason}, Approval: "a test"})
	}
}
