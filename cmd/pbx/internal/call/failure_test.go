package call

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// hands lets the legs end only by hand.
func (r *rig) hands() { r.mu.Lock(); r.autoEnd = false; r.mu.Unlock() }

// A panic anywhere in a call ends that call with 500 and nothing else (threats.md I12).
func TestPanicEndsOneCall(t *testing.T) {
	for _, part := range []string{"route", "find", "program", "end", "ledger", "script", "script work"} {
		t.Run(part, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(recorded(route.NoticeEarly), phone)
				if part == "find" {
					r.plan = plain
				}
				if strings.HasPrefix(part, "script") {
					r.plan, r.act = scripted, opening(Beside{func(context.Context) any { r.fault("script work"); return nil }})
				}
				r.faulty = part
				a := r.start(media.SDP("PCMU"))
				synctest.Wait()
				if part == "end" || part == "ledger" {
					r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
				}
				time.Sleep(2 * guard)
				synctest.Wait()
				if r.sw.Len() != 0 || len(r.cdrs) != 1 || !slices.Contains(r.alarms, "call-panic") {
					t.Fatalf("%d calls left, %d CDRs, alarms %q", r.sw.Len(), len(r.cdrs), r.alarms)
				}
				if part != "end" && part != "ledger" && (a.cause.Status != 500 || r.cdrs[0].Cause.Status != 500) {
					t.Errorf("caller was told %+v, CDR %+v", a.cause, r.cdrs[0].Cause)
				}
			})
		})
	}
}

// A panic in connect leaves no call behind: a drain would wait for it for ever.
func TestPanicBeforeTheCallRuns(t *testing.T) {
	r := newRig(plain, phone)
	func() {
		defer func() { _ = recover() }()
		_ = r.sw.Start(Incoming{ID: "c1"}, func(LegID, *Mailbox) (Leg, bool) { panic("connect") })
	}()
	if r.sw.Len() != 0 {
		t.Error("a call that never ran is still there")
	}
	ctx, cancel := contextAfter(t, time.Minute)
	defer cancel()
	r.sw.Drain(ctx)
}

// What a leg takes to be gone (32 s when its BYE is not answered) is nobody's talk.
func TestTalkEndsWithTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		time.Sleep(5 * time.Second)
		r.hands()
		b.hangup(sip.CauseNormal)
		time.Sleep(32 * time.Second)
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.Talk != 5*time.Second || cdr.Ended.Sub(cdr.Started) != 5*time.Second {
			t.Errorf("talk %v, call %v", cdr.Talk, cdr.Ended.Sub(cdr.Started))
		}
	})
}

// A caller's leg that never ends gives its ports back all the same.
func TestStuckCallerKeepsNoMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		r.start(media.SDP("PCMU"))
		b := r.leg(1)
		r.hands()
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
		b.hangup(sip.CauseCancelled)
		time.Sleep(guard + time.Second)
		synctest.Wait()
		for _, e := range r.endpoints {
			if e.closes != 1 {
				t.Errorf("endpoint %s closed %d times", e.id, e.closes)
			}
		}
	})
}

func TestWhatTheCallerIsTold(t *testing.T) {
	outbound := plain
	outbound.Direction = route.Outbound
	for _, c := range []struct {
		plan     route.Plan
		of, told int
	}{
		{plain, 486, 486}, {plain, 603, 603}, {plain, 302, 480}, {plain, 401, 502}, {plain, 420, 502}, {plain, 430, 480},
		{plain, 503, 480}, {plain, 408, 480}, {plain, 483, 483}, {outbound, 407, 502}, {outbound, 503, 500}, {outbound, 408, 504},
		{outbound, 404, 404},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(c.plan, phone)
			a := r.start(media.SDP("PCMU"))
			r.leg(1).hangup(sip.StatusCause(c.of))
			if cdr := r.settled(t); a.cause.Status != c.told || cdr.Cause.Status != c.told {
				t.Errorf("%d (%s): caller was told %d, CDR %d, want %d", c.of, c.plan.Direction, a.cause.Status, cdr.Cause.Status, c.told)
			}
		})
	}
}

// A CANCEL is 487 in the CDR whatever its Reason says; a call taken elsewhere is no missed call, one that was given up is.
func TestReasonOfACancel(t *testing.T) {
	for _, c := range []struct{ of, told sip.Cause }{
		{sip.CauseCancelled, sip.CauseCancelled}, {sip.CauseCompletedElsewhere, sip.CauseCompletedElsewhere}, {sip.CauseNormal, sip.CauseCancelled},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, phone)
			a := r.start(media.SDP("PCMU"))
			b := r.leg(1)
			a.hangup(c.of)
			if cdr := r.settled(t); cdr.Cause.Status != 487 || b.cause != c.told {
				t.Errorf("%v: CDR %v, phone was told %v", c.of, cdr.Cause, b.cause)
			}
		})
	}
}

// The caller goes on hold while it rings after an answered notice: whoever answers hears music, not silence.
func TestHoldBeforeAnybodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeAnswer), phone)
		a := r.start(media.SDP("PCMU"))
		synctest.Wait()
		a.mailbox.Post(Media{a.id, media.PlayEnded{Complete: true}})
		b := r.leg(1)
		a.mailbox.Post(Offered{a.id, media.SDP("hold:PCMU")})
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if r.bridges[0].gates[r.endpoints[0]] != media.GateNone || r.endpoints[1].hears() != "music" {
			t.Errorf("gate %v, the called side hears %q", r.bridges[0].gates[r.endpoints[0]], r.endpoints[1].hears())
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// A carrier rings first and then speaks ("the number you have dialled ..."): the caller hears it.
func TestEarlyMediaAfterRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Progress{b.id, 180, nil})
		b.mailbox.Post(Progress{b.id, 183, media.SDP("PCMU")})
		b.mailbox.Post(Progress{b.id, 183, media.SDP("PCMU")}) // another fork: our description stands
		synctest.Wait()
		if !slices.Equal(a.did, []string{"show 2002", "ring", "ring PCMU"}) {
			t.Errorf("caller saw %q", a.did)
		}
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

// Early media ends with its leg: until the next phone answers the caller hears ringing, not silence.
func TestRingbackAfterLostEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plain
		p.Steps = []route.Step{plain.Steps[0], plain.Steps[0]}
		r := newRig(p, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Progress{b.id, 183, media.SDP("PCMU")})
		b.hangup(sip.CauseBusy)
		if r.leg(2) == nil || r.endpoints[0].hears() != "ringback" {
			t.Errorf("%d legs, caller hears %q", len(r.order), r.endpoints[0].hears())
		}
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

// The notice is spoken before anybody knows who will answer: in a codec that every phone has, if the caller has it.
func TestCodecOfTheNotice(t *testing.T) {
	for offer, want := range map[string]string{"G722,PCMA": "ring PCMA", "G722": "ring G722"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(recorded(route.NoticeEarly), phone)
			a := r.start(media.SDP(offer))
			synctest.Wait()
			if !a.saw(want) {
				t.Errorf("offer %s: caller saw %q", offer, a.did)
			}
			a.hangup(sip.CauseCancelled)
			r.settled(t)
		})
	}
}

// A leg that was told to end in an earlier step is not called again for what it says last.
func TestDismissedLegIsNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := phone
		d.Profile.SecureSIP = true
		p := plain
		p.Steps = []route.Step{plain.Steps[0], plain.Steps[0]}
		r := newRig(p, d)
		r.hands()
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		time.Sleep(31 * time.Second)
		c := r.leg(2)
		b.hangup(sip.StatusCause(488))
		if r.leg(3) != nil {
			t.Error("rung again")
		}
		a.hangup(sip.CauseCancelled)
		synctest.Wait()
		c.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

// The dialog layer takes one off; taking two off here made 1 into "not set", which is 70 (threats.md C21).
func TestMaxForwardsIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		if b := r.leg(1); b.hops != 70 {
			t.Errorf("Max-Forwards %d, want what the INVITE came with", b.hops)
		}
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

func TestTrunkOfAnUnansweredCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plain
		p.Direction = route.Outbound
		p.Steps = []route.Step{{Targets: []route.Target{{Kind: route.ToTrunk, Trunk: "carrier"}}, Ring: time.Minute}}
		r := newRig(p, phone)
		r.start(media.SDP("PCMU"))
		r.leg(1).hangup(sip.CauseBusy)
		if cdr := r.settled(t); cdr.Trunk != "carrier" {
			t.Errorf("CDR %+v", cdr)
		}
	})
}

// A full switch refuses calls, but none for help.
func TestFullSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		r.sw.max = 1
		a := r.start(media.SDP("PCMU"))
		refused := r.sw.Start(Incoming{ID: "c2", Request: route.Request{Extension: "2001", Dialled: "2002"}}, nil)
		carrier := r.sw.Start(Incoming{ID: "c3", Request: route.Request{Trunk: "carrier", Dialled: "119"}}, nil)
		if refused != ErrFull || carrier != ErrFull {
			t.Errorf("above the limit: %v, from a carrier: %v", refused, carrier)
		}
		connected := false
		err := r.sw.Start(Incoming{ID: "c4", Request: route.Request{Extension: "2001", Dialled: "119"}}, func(LegID, *Mailbox) (Leg, bool) {
			connected = true
			return nil, false
		})
		if err != nil || !connected {
			t.Errorf("a call for help: %v", err)
		}
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}
