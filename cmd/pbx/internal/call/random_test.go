package call

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

func contextAfter(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(context.Background(), d)
}

// TestRandomEvents throws every kind of event at calls in random order: one End per leg at most, one Close per endpoint, one CDR, no goroutine left.
func TestRandomEvents(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func play(t *testing.T, rnd *rand.Rand) {
	plan := []route.Plan{plain, recorded(route.NoticeEarly), recorded(route.NoticeAnswer), recorded(route.NoticeNone), scripted}[rnd.IntN(5)]
	if rnd.IntN(3) == 0 {
		plan.Steps = []route.Step{plan.Steps[0], plan.Steps[0], scripted.Steps[0]}
	}
	if rnd.IntN(4) == 0 {
		plan.Direction = route.Outbound
	}
	found := []Destination{phone, phone2, {Number: "3", Profile: media.Profile{SecureSIP: true}}}[:1+rnd.IntN(3)]
	if rnd.IntN(2) == 0 {
		for i := range found {
			found[i].Start = route.Start{After: time.Duration(i*rnd.IntN(12)) * time.Second, Turn: i * rnd.IntN(2)}
		}
	}
	if rnd.IntN(3) == 0 {
		for i := range found {
			found[i].Asleep = rnd.IntN(2) == 0
		}
	}
	r := newRig(plan, found...)
	if rnd.IntN(3) == 0 { // on demand, with what was said before or without
		plan.Record.On, plan.Record.OnDemand, plan.Record.PreBuffer = false, true, rnd.IntN(2) == 0
		r.plan, r.sw.deps.Holder = plan, r
	}
	own := rand.New(rand.NewPCG(rnd.Uint64(), 2)) // it runs on the call's goroutine
	r.act = func(Facts, Cue) []Order { return orders(r, own) }
	var offer media.SDP
	if rnd.IntN(4) != 0 {
		offer = media.SDP("PCMU,PCMA")
	}
	var a *fakeLeg
	if rnd.IntN(4) == 0 {
		r.originate(nil)
		if a = r.leg(0); a == nil { // its plan rings nobody
			r.settled(t)
			return
		}
	} else {
		a = r.start(offer)
	}
	for range 5 + rnd.IntN(30) {
		synctest.Wait()
		r.mu.Lock()
		l := r.order[rnd.IntN(len(r.order))]
		dead := l.ended
		r.mu.Unlock()
		if dead {
			continue // Ended is a leg's last event
		}
		step(r, l, rnd)
		if rnd.IntN(5) == 0 {
			time.Sleep(time.Duration(rnd.IntN(20)) * time.Second)
		}
	}
	a.hangup(sip.CauseNormal)
	_ = r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal}) // another phone may have become the caller
	time.Sleep(2 * guard)
	r.settled(t)
}

// step posts one random event of leg l.
func step(r *rig, l *fakeLeg, rnd *rand.Rand) {
	if l.dest.Asleep { // it wakes, or it ends
		if l.dest.Asleep = false; rnd.IntN(3) == 0 {
			l.hangup(sip.CauseNoAnswer)
		} else {
			l.wake(l.dest)
		}
		return
	}
	sdp := []media.SDP{media.SDP("PCMU"), media.SDP("hold:PCMU"), media.SDP("bad"), nil}[rnd.IntN(4)]
	switch rnd.IntN(14) {
	case 0, 1:
		l.mailbox.Post(Progress{l.id, 183, sdp})
	case 2, 3:
		l.mailbox.Post(Answered{l.id, media.SDP("PCMU")})
	case 4:
		l.mailbox.Post(Answered{l.id, sdp})
	case 5:
		l.mailbox.Post(Offered{l.id, sdp})
	case 6:
		l.mailbox.Post(Agreed{l.id, sdp})
	case 7:
		l.mailbox.Post(Disagreed{l.id, sip.StatusCause(491)})
	case 8:
		l.mailbox.Post(Media{l.id, media.PlayEnded{Complete: rnd.IntN(2) == 0}})
	case 9:
		l.mailbox.Post(Digit{l.id, '5'})
		l.mailbox.Post(Referred{Leg: l.id})
	case 10:
		l.hangup(sip.CauseBusy)
	case 11:
		l.mailbox.Post(Record{On: rnd.IntN(2) == 0, Demand: rnd.IntN(2) == 0, Done: make(chan error, 1)})
	case 12:
		l.mailbox.Post(Pause{On: rnd.IntN(3) > 0, Done: make(chan error, 1)})
	case 13:
		l.mailbox.Post(Media{l.id, media.PlayEnded{Complete: true}})
	}
}

// orders is what a script without sense wants.
func orders(r *rig, rnd *rand.Rand) []Order {
	var out []Order
	for range rnd.IntN(4) {
		out = append(out, []Order{Play{program{r, "prompt"}}, Play{program{r, "other"}}, Hush{}, Gather{Max: 1 + rnd.IntN(3), Secret: rnd.IntN(2) == 0},
			Wake{time.Duration(rnd.IntN(20)) * time.Second}, Beside{func(context.Context) any { return nil }}, PickUp{}, Ring{plain.Steps[0]},
			Ring{route.Step{}}, Unring{}, Goto{Number: "2009"}, Follow{plain}, Follow{route.Plan{Refuse: sip.CauseForbidden}},
			Finish{sip.CauseNormal}}[rnd.IntN(14)])
	}
	return out
}
