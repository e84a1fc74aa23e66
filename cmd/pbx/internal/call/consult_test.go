package call

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// codes are those of everybody in these tests.
func codes(string, string) []Code {
	return []Code{{Keys: "##"}, {Keys: "#72", Dial: "2002"}, {Keys: "#70", Does: Consults}, {Keys: "#71", Does: Swaps}, {Keys: "#73", Does: Joins},
		{Keys: "#74", Does: Completes}, {Keys: "#75", Does: Returns}, {Keys: "#76", Does: Pauses}}
}

var carols = Destination{Number: "2003", Extension: "2003"}

// trial is three telephones: anna has called bob, who has codes and rings carol.
type trial struct {
	*rig
	t                 *testing.T
	anna, bob, carol  *fakeLeg
	annas, bobs, cars *fakeEndpoint
}

// consulting brings anna and bob together and lets bob ring carol.
func consulting(t *testing.T, plan route.Plan, play func(*trial)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plan)
		o.now(plain, carols)
		o.bob.presses("#702003#")
		o.carol = o.last()
		if o.carol == o.bob {
			t.Fatal("nobody is rung")
		}
		o.cars = o.endpoints[2]
		play(o)
	})
}

func talking(t *testing.T, plan route.Plan) *trial {
	o := &trial{rig: newRig(plan, ours), t: t}
	o.sw.deps.Codes = codes
	o.anna = o.extension("c1", "2001")
	if plan.Record.On && plan.Record.Notice != route.NoticeNone { // it has to hear that
		synctest.Wait()
		o.anna.post(Media{o.anna.id, media.PlayEnded{Complete: true}})
	}
	o.bob = o.last()
	o.bob.post(Answered{o.bob.id, media.SDP("PCMU")})
	synctest.Wait()
	o.now(plan, carols)
	o.annas, o.bobs = o.endpoints[0], o.endpoints[1]
	o.routes = func(q route.Request) route.Plan {
		p := o.plan
		p.To = q.Dialled
		return p
	}
	return o
}

// now says how calls are routed from now on, and to which telephone.
func (o *trial) now(plan route.Plan, found Destination) {
	o.mu.Lock()
	o.rig.plan, o.rig.found = plan, []Destination{found}
	o.mu.Unlock()
}

func (o *trial) answers() {
	o.carol.post(Answered{o.carol.id, media.SDP("PCMU")})
	synctest.Wait()
}

// talk says that these hear each other, and nobody else with them.
func (o *trial) talk(who ...*fakeEndpoint) {
	o.t.Helper()
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range o.bridges {
		if !slices.ContainsFunc(who, func(e *fakeEndpoint) bool { return !slices.Contains(b.members, media.Endpoint(e)) }) {
			for _, m := range b.members {
				if in := slices.Contains(who, m.(*fakeEndpoint)); in != (b.gates[m] == media.GateBoth) || !in {
					o.t.Errorf("%s takes part as %v", m.ID(), b.gates[m])
				}
			}
			for _, e := range who {
				if e.playing != "" {
					o.t.Errorf("%s hears %s", e.id, e.playing)
				}
			}
			return
		}
	}
	o.t.Errorf("%d do not talk", len(who))
}

func (o *trial) alone(e *fakeEndpoint, hears string) {
	o.t.Helper()
	synctest.Wait()
	if got := e.hears(); got != hears {
		o.t.Errorf("%s hears %q, want %q", e.id, got, hears)
	}
}

// over hangs up who is left, and compares the records: who was called, by whom it ended, and the call that it was merged into.
func (o *trial) over(want ...string) {
	o.t.Helper()
	for _, l := range []*fakeLeg{o.anna, o.bob, o.carol} {
		if l != nil && l.ends == 0 {
			l.hangup(sip.CauseNormal)
			synctest.Wait()
		}
	}
	var got []string
	for _, c := range o.allSettled(o.t, len(want)) {
		got = append(got, strings.TrimSpace(c.ID+" "+c.From+" "+c.To+" "+c.AnsweredBy+" "+c.EndedBy+" "+c.MergedInto))
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("records\n%q\nwant\n%q", got, want)
	}
	if len(o.alarms) > 0 {
		o.t.Errorf("alarms %q", o.alarms)
	}
}

// Who consults talks with the one while the other hears music, and connects the two by hanging up.
func TestConsultation(t *testing.T) {
	consulting(t, plain, func(o *trial) {
		o.alone(o.annas, "music")
		o.alone(o.bobs, "ringback")
		if got := o.asked[len(o.asked)-1]; got.Extension != "2002" || got.Number != "2002" || got.Dialled != "2003" {
			t.Errorf("carol is asked for as %+v: it is bob who pays", got)
		}
		o.answers()
		o.talk(o.bobs, o.cars)
		o.alone(o.annas, "music")
		if !o.bob.saw("show 2003") || o.anna.saw("show 2003") {
			t.Errorf("bob was shown %q, anna %q", o.bob.did, o.anna.did)
		}
		o.bob.hangup(sip.CauseNormal)
		o.talk(o.annas, o.cars)
		if !o.anna.saw("show 2003") || !o.carol.saw("show 2001") {
			t.Errorf("anna was shown %q, carol %q", o.anna.did, o.carol.did)
		}
		o.over("m1 2002 2003 2003 caller c1", "c1 2001 2002 2002 caller")
	})
}

// The code connects them too, and lets bob go.
func TestConsultationCompletes(t *testing.T) {
	consulting(t, plain, func(o *trial) {
		o.answers()
		o.bob.presses("#74")
		o.talk(o.annas, o.cars)
		if o.bob.ends != 1 {
			t.Error("bob was not let go")
		}
		o.over("m1 2002 2003 2003 caller c1", "c1 2001 2002 2002 caller")
	})
}

// Bob hangs up, or connects, while carol rings: anna hears it ring, and has bob again when carol says no.
func TestConsultationRings(t *testing.T) {
	for _, by := range []string{"hook", "code"} {
		consulting(t, plain, func(o *trial) {
			if by == "hook" {
				o.bob.hangup(sip.CauseNormal)
			} else {
				o.bob.presses("#74")
			}
			o.alone(o.annas, "ringback")
			o.now(plain, ours)
			o.carol.hangup(sip.CauseBusy)
			again := o.last()
			if again == o.carol {
				t.Fatal("bob is not rung again")
			}
			again.post(Answered{again.id, media.SDP("PCMU")})
			o.talk(o.annas, o.endpoints[3])
			o.over("m1 2002 2003  caller c1", "c1 2001 2002 2002 caller")
		})
	}
}

// Nobody picks up after bob hung up: he is rung again, as after a transfer.
func TestConsultationRingsTooLong(t *testing.T) {
	consulting(t, plain, func(o *trial) {
		o.bob.hangup(sip.CauseNormal)
		synctest.Wait()
		o.now(plain, ours)
		time.Sleep(time.Minute)
		again := o.last()
		if again == o.carol || o.carol.ends != 1 {
			t.Fatalf("bob is not rung again; carol was ended %d times", o.carol.ends)
		}
		again.hangup(sip.CauseBusy)
		o.over("m1 2002 2003  caller c1", "c1 2001 2002 2002 switch")
	})
}

// However a consultation comes to nothing, bob has anna back.
func TestConsultationReturns(t *testing.T) {
	for name, c := range map[string]struct {
		ends  func(*trial)
		hears string // before he talks again
		want  string
	}{
		"busy":         {func(o *trial) { o.carol.hangup(sip.CauseBusy) }, whyBusy, "m1 2002 2003  switch"},
		"no answer":    {func(o *trial) { time.Sleep(time.Minute) }, whyNotThere, "m1 2002 2003  switch"},
		"code, rings":  {func(o *trial) { o.bob.presses("#75") }, "", "m1 2002 2003  caller"},
		"code, talks":  {func(o *trial) { o.answers(); o.bob.presses("#75") }, "", "m1 2002 2003 2003 caller"},
		"she hangs up": {func(o *trial) { o.answers(); o.carol.hangup(sip.CauseNormal) }, "", "m1 2002 2003 2003 called"},
		"out of money": {func(o *trial) { o.answers(); _ = o.sw.Post("d", "m1", Hangup{Cause: sip.CauseForbidden}) }, "", "m1 2002 2003 2003 switch"},
		"to and fro": {func(o *trial) {
			o.answers()
			o.bob.presses("#71")
			o.talk(o.annas, o.bobs)
			o.carol.hangup(sip.CauseNormal)
		}, "", "m1 2002 2003 2003 called"},
		"twice swapped": {func(o *trial) { o.answers(); o.bob.presses("#71#71"); o.talk(o.cars, o.bobs); o.bob.presses("#75") }, "", "m1 2002 2003 2003 caller"},
	} {
		t.Run(name, func(t *testing.T) {
			consulting(t, plain, func(o *trial) {
				c.ends(o)
				synctest.Wait()
				o.alone(o.bobs, c.hears)
				if c.hears != "" {
					o.alone(o.annas, "music")
					o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
				}
				o.talk(o.annas, o.bobs)
				o.over(c.want, "c1 2001 2002 2002 caller")
			})
		})
	}
}

// Where the plan that refuses has words of its own, these are said.
func TestConsultationRefusedWithAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plain)
		o.now(route.Plan{Refuse: sip.CauseForbidden, Say: "call/emergency-mobile"}, carols)
		o.bob.presses("#70110")
		synctest.Wait()
		time.Sleep(4 * time.Second)
		o.alone(o.bobs, "call/emergency-mobile")
		o.alone(o.annas, "music")
		o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
		o.talk(o.annas, o.bobs)
		o.over("m1 2002 110  switch", "c1 2001 2002 2002 caller")
	})
}

// What bob may not call, or what is no number, is said.
func TestConsultationRefused(t *testing.T) {
	for status, says := range map[int]string{403: whyBarred, 404: whyUnknown, 503: whyNotThere} {
		synctest.Test(t, func(t *testing.T) {
			o := talking(t, plain)
			o.now(route.Plan{Refuse: sip.StatusCause(status)}, carols)
			o.bob.presses("#70000#")
			o.alone(o.bobs, says)
			o.alone(o.annas, "music")
			o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
			o.talk(o.annas, o.bobs)
			o.over("m1 2002 000  switch", "c1 2001 2002 2002 caller")
		})
	}
	synctest.Test(t, func(t *testing.T) { // the switch begins no more calls
		o := talking(t, plain)
		o.sw.Refuse()
		o.bob.presses("#702003#")
		o.alone(o.bobs, whyNotThere)
		o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
		o.talk(o.annas, o.bobs)
		o.over("c1 2001 2002 2002 caller")
	})
}

// Anna hangs up while she waits: bob and carol talk on, and whatever bob presses then means nothing.
func TestWaitingPartyHangsUp(t *testing.T) {
	consulting(t, plain, func(o *trial) {
		o.answers()
		o.anna.hangup(sip.CauseNormal)
		synctest.Wait()
		o.bob.presses("#71#75#74")
		o.talk(o.bobs, o.cars)
		o.over("c1 2001 2002 2002 caller", "m1 2002 2003 2003 caller")
	})
}

// She hangs up in the instant in which bob goes back to her, or comes from her: nobody is left alone.
func TestHangUpCrossesSwap(t *testing.T) {
	for _, first := range []bool{true, false} {
		consulting(t, plain, func(o *trial) {
			o.answers()
			if first {
				o.anna.hangup(sip.CauseNormal)
				o.bob.presses("#71")
			} else {
				o.bob.presses("#71")
				o.anna.hangup(sip.CauseNormal)
			}
			o.talk(o.bobs, o.cars)
			o.over("c1 2001 2002 2002 caller", "m1 2002 2003 2003 caller")
		})
	}
}

// Bob hangs up in the instant in which he has dialled.
func TestHangUpCrossesConsultation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plain)
		o.bob.presses("#702003")
		o.bob.presses("#")
		o.bob.hangup(sip.CauseNormal)
		o.alone(o.annas, "ringback")
		o.carol, o.cars = o.last(), o.endpoints[2]
		o.answers()
		o.talk(o.annas, o.cars)
		o.over("m1 2002 2003  caller c1", "c1 2001 2002 2002 caller")
	})
	synctest.Test(t, func(t *testing.T) { // and so does anna
		o := talking(t, plain)
		o.bob.presses("#702003")
		o.bob.presses("#")
		o.anna.hangup(sip.CauseNormal)
		synctest.Wait()
		for _, l := range o.order {
			l.hangup(sip.CauseNormal)
		}
		synctest.Wait()
		if n := len(o.cdrs); n != 1 && n != 2 {
			t.Errorf("%d records", n)
		}
		o.allSettled(t, len(o.cdrs))
	})
}

// Who calls for help is not sent on by ringing off: bob is called back by who waits, and no key means anything meanwhile.
func TestConsultationWithHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plain)
		help := plain
		help.Emergency, help.Direction = true, route.Outbound
		o.now(help, carols)
		o.bob.presses("#70119#")
		o.carol, o.cars = o.last(), o.endpoints[2]
		o.answers()
		o.bob.presses("#74#75#71")
		o.talk(o.bobs, o.cars)
		o.now(plain, ours)
		o.bob.hangup(sip.CauseNormal)
		again := o.last()
		if again == o.carol || o.carol.ends != 1 {
			t.Fatal("bob is not called back")
		}
		again.post(Answered{again.id, media.SDP("PCMU")})
		o.talk(o.annas, o.endpoints[3])
		o.over("m1 2002 119 2003 caller", "c1 2001 2002 2002 caller")
	})
}

// A script may be consulted, and the code to go back is heard beside it; who waits gets the script when bob hangs up.
func TestConsultationOfAScript(t *testing.T) {
	for _, back := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := talking(t, plain)
			o.now(scripted, carols)
			o.act = opening(PickUp{}, Play{program{o.rig, "prompt"}}, Gather{Max: 9})
			o.bob.presses("#707001#")
			o.alone(o.bobs, "prompt")
			if back {
				o.bob.presses("1#75")
				o.talk(o.annas, o.bobs)
				o.over("m1 2002 7001 test:x caller", "c1 2001 2002 2002 caller")
				return
			}
			o.bob.hangup(sip.CauseNormal)
			o.alone(o.annas, "prompt")
			o.over("m1 2002 7001 test:x caller c1", "c1 2001 2002 2002 caller")
		})
	}
}

// While bob consults nobody else changes either call, but carol's ringing may be picked up.
func TestConsultationIsLeftAlone(t *testing.T) {
	consulting(t, plain, func(o *trial) {
		n := o.newLeg("n-1", nil)
		o.carol.post(Replace{Leg: o.carol.id, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2004", Number: "2004"}}})
		synctest.Wait()
		if o.carol.ends != 1 || n.ends != 0 {
			t.Fatal("not picked up")
		}
		o.carol, o.cars = n, o.endpoints[3]
		o.talk(o.bobs, o.cars)
		o.carol.presses("##2001#")
		o.carol.post(Referred{Leg: o.carol.id, To: to("2001")})
		o.bob.post(Referred{Leg: o.bob.id, To: to("2001")})
		o.anna.post(Referred{Leg: o.anna.id, To: to("2001")})
		asks := NewMailbox()
		o.bob.post(Surrender{Leg: o.bob.id, Domain: "d", Ext: "2002", To: asks})
		synctest.Wait()
		if !o.carol.saw("refuse") || !o.bob.saw("refuse") || !o.anna.saw("refuse") {
			t.Errorf("carol %q bob %q anna %q", o.carol.did, o.bob.did, o.anna.did)
		}
		if k, ok := asks.Take()[0].(Kept); !ok || k.Cause.Status != 491 {
			t.Errorf("surrender: %+v", k)
		}
		o.talk(o.bobs, o.cars)
		o.bob.presses("#75")
		o.talk(o.annas, o.bobs)
		o.over("m1 2002 2003 2004 caller", "c1 2001 2002 2002 caller")
	})
}

// What is said in a consultation is no part of the recording of the call that waits; once connected, and when bob is back, it goes on.
func TestConsultationIsNotRecorded(t *testing.T) {
	consulting(t, recorded(route.NoticeEarly), func(o *trial) {
		o.answers()
		rec := o.records[0]
		if len(o.records) != 1 || len(rec.more) != 0 || o.bridges[1].taps != 0 {
			t.Errorf("%d recordings, parties %q, %d taps beside", len(o.records), rec.more, o.bridges[1].taps)
		}
		o.bob.presses("#71")
		o.talk(o.annas, o.bobs)
		if o.bridges[0].taps != 1 || rec.stops != 0 {
			t.Errorf("the recording did not go on: %d taps, %d stops", o.bridges[0].taps, rec.stops)
		}
		o.bob.presses("#71#74")
		o.talk(o.annas, o.cars)
		if len(o.records) != 1 || !slices.Contains(rec.more, "2003/called") {
			t.Errorf("%d recordings, parties %q", len(o.records), rec.more)
		}
		o.over("m1 2002 2003 2003 caller c1", "c1 2001 2002 2002 caller")
	})
}

// Who waits in a call where everything is encrypted is connected with who was consulted once that one is encrypted too, and never in the clear.
func TestConsultationIntoTheClass(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			consulting(t, secret(), func(o *trial) {
				o.answers()
				o.talk(o.bobs, o.cars)
				o.bob.presses("#74")
				synctest.Wait()
				if !o.carol.saw("offer PCMU,PCMA") {
					t.Fatalf("carol was not asked: %q", o.carol.did)
				}
				c.say(o.carol)
				synctest.Wait()
				if c.yes {
					o.talk(o.annas, o.cars)
				} else {
					o.alone(o.bobs, whyNotThere)
				}
				o.anna.hangup(sip.CauseNormal)
				o.carol.hangup(sip.CauseNormal)
			})
		})
	}
}

// Nor are three brought together so, and who rings off instead of completing is called back by the one who waits.
func TestNobodyInTheClearIsJoined(t *testing.T) {
	consulting(t, secret(), func(o *trial) {
		o.answers()
		o.bob.presses("#73")
		o.alone(o.bobs, notPossible)
		o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
		o.talk(o.bobs, o.cars)
		legs := len(o.order)
		o.bob.hangup(sip.CauseNormal)
		synctest.Wait()
		if o.carol.ends != 1 || len(o.order) != legs+1 {
			t.Errorf("carol's leg ended %d times, %d legs were rung", o.carol.ends, len(o.order)-legs)
		}
		o.anna.hangup(sip.CauseNormal)
	})
}
