package call

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// yielding is a script that bears another telephone in its caller's place.
type yielding struct{ acting }

func (yielding) Yields() {}

// replaced is what becomes of an INVITE of an extension that names the dialog of leg a: how the new leg was ended, and whether it was answered.
func (r *rig) replaced(a *fakeLeg, ext string, join bool) (answered bool, status int) {
	n := r.newLeg("new", nil)
	a.post(Replace{Leg: a.id, Join: join, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: ext, Number: ext}}})
	synctest.Wait()
	return n.saw("answer PCMU"), n.cause.Status
}

// TestScriptKeepsItsCaller: what somebody has opened with a PIN, and whom he listens to, is not had by a colleague who read the tags off a lamp.
func TestScriptKeepsItsCaller(t *testing.T) {
	for _, tc := range []struct {
		ext    string
		yields bool
		status int // 0: the new leg stands there
	}{{"2003", false, sip.CauseDeclined.Status}, {"2001", false, 0}, {"2003", true, 0}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(scripted, phone)
			r.act = opening(PickUp{}, Play{prompt("messages")})
			if tc.yields {
				r.script = yielding{acting{r}}
			}
			a := r.extension("c1", "2001")
			synctest.Wait()
			answered, status := r.replaced(a, tc.ext, false)
			if answered != (tc.status == 0) || status != tc.status || (a.ends == 0) != (tc.status != 0) {
				t.Errorf("%+v: answered %v, ended with %d; who was there was ended %d times", tc, answered, status, a.ends)
			}
			r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// A script that acts for bob goes on for nobody else: bob is called back by who waits, who hears none of it. It is the same when his phone asks for the
// transfer.
func TestConsultationOfAScriptForSomebody(t *testing.T) {
	for _, run := range []route.Run{{Verb: route.VerbFeature, Name: "forward-on", For: "2002"}, {Verb: "test", For: "2002"}} {
		forBob := scripted
		forBob.Steps = []route.Step{{Run: run}}
		synctest.Test(t, func(t *testing.T) {
			o := talking(t, plain)
			o.now(forBob, carols)
			o.script = acting{o.rig}
			o.act = opening(PickUp{}, Play{program{o.rig, "prompt"}}, Gather{Max: 9})
			o.bob.presses("#70*51#")
			o.alone(o.bobs, "prompt")
			o.now(plain, ours)
			o.bob.hangup(sip.CauseNormal)
			o.alone(o.annas, "music")
			again := o.last()
			if again == o.bob {
				t.Fatal("bob is not rung again")
			}
			again.post(Answered{again.id, media.SDP("PCMU")})
			o.talk(o.annas, o.endpoints[2])
			o.over("m1 2002 *51 "+run.String()+" caller", "c1 2001 2002 2002 caller")
		})
		synctest.Test(t, func(t *testing.T) {
			o := talking(t, plain)
			o.now(forBob, carols)
			o.script = acting{o.rig}
			o.act = opening(PickUp{}, Play{program{o.rig, "prompt"}}, Gather{Max: 9})
			asks := o.extension("c2", "2002")
			synctest.Wait()
			o.bob.post(Referred{Leg: o.bob.id, To: to("2009"), Replaces: Replaces{CallID: string(asks.id)}})
			synctest.Wait()
			if o.anna.ends+o.bob.ends+asks.ends > 0 || !o.bob.saw("report 480") {
				t.Errorf("anna %q, bob %q, his other call %q", o.anna.did, o.bob.did, asks.did)
			}
			o.talk(o.annas, o.bobs)
			asks.hangup(sip.CauseNormal)
			synctest.Wait()
			o.over("c2 2002 2002 "+run.String()+" caller", "c1 2001 2002 2002 caller")
		})
	}
}

// helping is the plan of a call for help.
var helping = route.Plan{Direction: route.Outbound, To: "119", Emergency: true, Steps: []route.Step{{Targets: []route.Target{{Kind: route.ToTrunk, Number: "119"}}, Ring: time.Minute}}}

// parks says that a party can send the other one to a parking lot.
func (r *rig) parks(a *fakeLeg) bool {
	r.script, r.plan = keeping{yielding{acting{r}}}, scripted
	done := make(chan Sent, 1)
	a.post(Send{Leg: a.id, Dialled: "700", Done: done})
	return (<-done).Slot != ""
}

// TestHelpIsUrgentHoweverReached: nobody listens to a call for help, nor to the police who call back, though a transfer led there.
func TestHelpIsUrgentHoweverReached(t *testing.T) {
	back := plain
	back.CallBack = true
	for name, plans := range map[string][2]route.Plan{"transferred to help": {plain, helping}, "called back and transferred": {back, plain}, "neither": {plain, plain}} {
		synctest.Test(t, func(t *testing.T) {
			r, a, b := heard(t, plans[0])
			r.plan = plans[1]
			b.post(Referred{Leg: b.id, To: to("119")})
			c := r.leg(2)
			c.post(Answered{c.id, media.SDP("PCMU")})
			synctest.Wait()
			if w := r.watch(t, "2001"); (w.Gallery != nil) != (name == "neither") {
				t.Errorf("%s: a gallery %v", name, w.Gallery != nil)
			}
			if parks := r.parks(a); parks != (name == "neither") {
				t.Errorf("%s: parked %v", name, parks)
			}
			r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// TestNobodyListensToHelpThatJoined: the leg to the fire brigade came from another call.
func TestNobodyListensToHelpThatJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, _ := heard(t, plain)
		r.plan = helping
		asks := r.extension("c2", "2001")
		c := r.leg(3)
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		a.post(Referred{Leg: a.id, To: to("119"), Replaces: Replaces{CallID: string(asks.id)}})
		synctest.Wait()
		if w := r.watch(t, "2002"); w.Gallery != nil || c.ends != 0 {
			t.Errorf("a gallery %v, help was ended %d times", w.Gallery != nil, c.ends)
		}
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
		time.Sleep(time.Minute)
		r.allSettled(t, 2)
	})
}

// TestHelpThatJoined: whoever is brought together with help has it in the record, with its site, and help keeps the number that it was shown.
func TestHelpThatJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, b := heard(t, plain)
		r.plan = helping
		r.plan.Site = "hall"
		r.plan.Steps = []route.Step{{Targets: []route.Target{{Kind: route.ToTrunk, Number: "119", Emergency: true}}, Ring: time.Minute}}
		asks := r.extension("c2", "2001")
		c := r.leg(3)
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		a.post(Referred{Leg: a.id, To: to("119"), Replaces: Replaces{CallID: string(asks.id)}})
		synctest.Wait()
		if slices.ContainsFunc(c.did, func(s string) bool { return strings.HasPrefix(s, "show") }) || c.ends+b.ends != 0 {
			t.Errorf("help was told %q; ended %d and %d times", c.did, c.ends, b.ends)
		}
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
		time.Sleep(time.Minute)
		for _, cdr := range r.allSettled(t, 2) {
			if !cdr.Emergency || cdr.Site != "hall" {
				t.Errorf("%s: emergency %v, site %q", cdr.ID, cdr.Emergency, cdr.Site)
			}
		}
	})
}

// TestOriginatedScriptCallsNoHelp: help is called from a phone whose place is known, though a script leads there.
func TestOriginatedScriptCallsNoHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2001", Extension: "2001"})
		r.routes = func(q route.Request) route.Plan {
			switch {
			case q.Direct:
				return plain
			case q.Dialled == "110":
				return helping
			}
			return scripted
		}
		r.act = opening(Goto{Number: "110"})
		r.originate(nil)
		a := r.leg(0)
		a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
		r.expect(t, "Began{}", "Refused{"+fmt.Sprint(sip.CauseForbidden)+"}")
		if r.leg(1) != nil {
			t.Error("help is called")
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// TestLockHoldsForWhoIsSentToAScript: a script that acts for another dials now; only a wish that it names itself stood before.
func TestLockHoldsForWhoIsSentToAScript(t *testing.T) {
	for order, want := range map[Goto]bool{{Number: "0312345678"}: false, {Number: "0312345678", For: "2500"}: true, {Number: "0312345678", For: "2001"}: false} {
		synctest.Test(t, func(t *testing.T) {
			plan := scripted
			plan.Steps = []route.Step{{Run: route.Run{Verb: "test", Name: "x", For: "2500"}}}
			r := newRig(plan, phone)
			r.routes = func(q route.Request) route.Plan {
				if q.Dialled == "0312345678" {
					return plain
				}
				return plan
			}
			r.act = opening(order)
			a := r.extension("c1", "2001")
			synctest.Wait()
			if q := r.asked; len(q) != 2 || q[1].Standing != want {
				t.Errorf("%+v: asked %+v", order, q)
			}
			a.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// TestLampShowsOnlyTheCode: whom a supervisor hears, and whose mailbox is open, is what was dialled behind the code.
func TestLampShowsOnlyTheCode(t *testing.T) {
	for verb, want := range map[string]string{route.VerbFeature: "*51", "test": "*512001"} {
		synctest.Test(t, func(t *testing.T) {
			plan := scripted
			plan.To = "*512001"
			plan.Steps = []route.Step{{Run: route.Run{Verb: verb, Data: map[string]string{route.Argument: "2001"}}}}
			r := newRig(plan, phone)
			r.script = acting{r}
			a := r.extension("c1", "2003")
			synctest.Wait()
			if s := r.sw.Snapshots("d"); len(s) != 1 || s[0].Parties[0].With.Number != want {
				t.Errorf("%s: shown %+v", verb, s)
			}
			a.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// keeping is a parking lot of one slot.
type keeping struct{ yielding }

func (keeping) Admit(Facts) (string, sip.Cause) { return "701", sip.Cause{} }

// TestParkedCallIsFetchedHoweverOftenItWentRound: the last place that a call may be sent to is one from which somebody gets it.
func TestParkedCallIsFetchedHoweverOftenItWentRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, b := heard(t, plain)
		r.plan = plain
		for range maxTransfers - 1 {
			b.post(Referred{Leg: b.id, To: to("2002")})
			synctest.Wait()
			b = r.order[len(r.order)-1]
			b.post(Answered{b.id, media.SDP("PCMU")})
			synctest.Wait()
		}
		r.script, r.plan = keeping{yielding{acting{r}}}, scripted
		b.post(Referred{Leg: b.id, To: to("700")})
		synctest.Wait()
		if s := r.sw.Snapshots("d"); len(s) != 1 || s[0].Parked == nil {
			t.Fatalf("not parked: %+v", s)
		}
		if answered, status := r.replaced(a, "2003", true); !answered || status != 0 {
			t.Errorf("fetched: %v, ended with %d", answered, status)
		}
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// TestHelpFindsWhoSends: whoever sends a call to 119 is where its telephone stands, whether it was called, took the call over, uses keys or redirects.
func TestHelpFindsWhoSends(t *testing.T) {
	desk := Destination{Number: "2002", Extension: "2002", Site: "annex", Desk: "3001", Remote: route.RemoteSoft}
	for name, send := range map[string]func(r *rig, a, b *fakeLeg){
		"REFER": func(r *rig, _, b *fakeLeg) {
			b.post(Answered{b.id, media.SDP("PCMU")})
			b.post(Referred{Leg: b.id, To: to("119")})
		},
		"keys": func(r *rig, _, b *fakeLeg) {
			b.post(Answered{b.id, media.SDP("PCMU")})
			b.presses("##")
			synctest.Wait()
			b.presses("119#")
		},
		"redirection": func(r *rig, _, b *fakeLeg) {
			b.ended = true
			b.post(Ended{Leg: b.id, Cause: sip.StatusCause(302), Moved: "sip:119@d"})
		},
		"taken over": func(r *rig, a, b *fakeLeg) {
			b.post(Answered{b.id, media.SDP("PCMU")})
			n := r.newLeg("new", nil)
			a.post(Replace{Leg: a.id, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Site: "annex", Desk: "3001", Remote: route.RemoteSoft}}})
			synctest.Wait()
			n.post(Referred{Leg: n.id, To: to("119")})
		},
		"caller": func(r *rig, a, b *fakeLeg) {
			b.post(Answered{b.id, media.SDP("PCMU")})
			a.post(Referred{Leg: a.id, To: to("119")})
		},
		"script": func(r *rig, a, b *fakeLeg) {
			b.post(Answered{b.id, media.SDP("PCMU")})
			synctest.Wait()
			r.act = opening(Goto{Number: "119", For: "2002"})
			b.post(Referred{Leg: b.id, To: to("2009")})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, desk)
			r.sw.deps.Codes = func(string, string) []Code { return []Code{{Keys: "##"}} }
			r.routes = func(q route.Request) route.Plan {
				switch q.Dialled {
				case "119":
					return helping
				case "2009":
					return scripted
				}
				return plain
			}
			a := r.begin(Incoming{ID: "c1", Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002", Site: "hall", Desk: "3000", Remote: route.RemoteDesk}})
			send(r, a, r.leg(1))
			synctest.Wait()
			q, want := r.asked[len(r.asked)-1], where{"annex", "3001", route.RemoteSoft}
			if name == "caller" {
				want = where{"hall", "3000", route.RemoteDesk}
			}
			if placeOf(q) != want || q.Dialled != "119" {
				t.Errorf("%s: asked for %s at %q, desk %q", name, q.Dialled, q.Site, q.Desk)
			}
			c := r.order[len(r.order)-1]
			c.post(Answered{c.id, media.SDP("PCMU")})
			synctest.Wait()
			if w := r.watch(t, "2001"); w.Gallery != nil {
				t.Errorf("%s: somebody may listen", name)
			}
			r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}
