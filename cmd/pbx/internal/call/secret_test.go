package call

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// forwarding is a plan whose phone is busy, and sends the call on then; else a script has it.
var forwarding = route.Plan{Direction: route.Internal, To: "2002", Steps: []route.Step{
	{Targets: []route.Target{{Number: "2002"}}, Ring: time.Minute, Forward: []route.Forward{{On: route.Busy, Reason: "user-busy"}}},
	{Run: route.Run{Verb: "test", Name: "x"}}}}

// TestForwardIntoTheClass: nobody rings there for a caller who could not talk then. It goes on to what comes next.
func TestForwardIntoTheClass(t *testing.T) {
	for _, c := range []struct {
		name  string
		offer string
		heard bool // it was answered before, for the notice
		yes   bool
	}{
		{"encrypted", "PCMU", false, true},
		{"in the clear", "clear:PCMU", false, false},
		{"encrypted already", "PCMU", true, true},
		{"in the clear already", "clear:PCMU", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := forwarding
				if c.heard {
					first.Record = recorded(route.NoticeAnswer).Record
				}
				r := newRig(first, ours)
				r.act = opening(PickUp{})
				r.routes = func(q route.Request) route.Plan {
					if q.Forward != nil {
						return secret()
					}
					return first
				}
				a := r.start(media.SDP(c.offer))
				synctest.Wait()
				if c.heard {
					r.endpoints[0].secure = c.yes
					a.post(Media{a.id, media.PlayEnded{Complete: true}})
				}
				r.last().hangup(sip.CauseBusy)
				told := r.told()
				if yes := len(r.order) == 3; yes != c.yes || slices.Contains(told, "Began{}") == c.yes || a.ends != 0 {
					t.Errorf("%d legs, the script was told %q, the caller %q", len(r.order), told, a.did)
				}
				if c.yes {
					l := r.last()
					l.post(Answered{l.id, media.SDP("PCMU")})
					r.nothingHappened(t, 0, a, l)
				}
				a.hangup(sip.CauseNormal)
				r.settled(t)
			})
		})
	}
}

// TestConsultANumberOfTheClass: who asks is encrypted before anybody is rung. If it cannot be, it hears so, and has its party back.
func TestConsultANumberOfTheClass(t *testing.T) {
	eachAnswer(t, func(t *testing.T, say func(*fakeLeg), yes bool) {
		o := talking(t, plain)
		o.now(secret(), carols)
		o.bob.presses("#702003#")
		synctest.Wait()
		if !o.bob.saw("offer PCMU,PCMA") || len(o.order) != 2 {
			t.Fatalf("bob: %q, %d legs", o.bob.did, len(o.order))
		}
		o.alone(o.annas, "music")
		say(o.bob)
		synctest.Wait()
		if yes {
			o.carol, o.cars = o.last(), o.endpoints[2]
			o.answers()
			o.talk(o.bobs, o.cars)
		} else {
			o.alone(o.bobs, whyNotThere)
			o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
			o.talk(o.annas, o.bobs)
		}
		if o.bobs.secure != yes || len(o.order) > 3 {
			t.Errorf("bob is encrypted: %v, %d legs", o.bobs.secure, len(o.order))
		}
		for _, l := range []*fakeLeg{o.anna, o.bob} {
			l.hangup(sip.CauseNormal)
		}
		time.Sleep(time.Minute)
		for _, l := range o.order {
			l.hangup(sip.CauseNormal)
		}
		time.Sleep(time.Minute)
		o.allSettled(t, 2)
	})
}

// TestCallIntoTheClassInTheClear: nobody's phone rings for a caller whose offer cannot be answered encrypted.
func TestCallIntoTheClassInTheClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(secret(), ours)
		a := r.start(media.SDP("clear:PCMU"))
		if cdr := r.settled(t); a.cause.Status != 488 || cdr.Cause.Status != 488 || len(r.order) != 1 {
			t.Errorf("%+v, %d legs", a.cause, len(r.order))
		}
	})
}
