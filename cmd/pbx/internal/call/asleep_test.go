package call

import (
	"testing"
	"testing/synctest"
	"time"

	"naisen/media"
	"naisen/sip"
)

// sleeping is a telephone of 2002 that has to be woken.
func sleeping() Destination {
	d := ours
	d.Asleep = true
	return d
}

// wake lets a held leg's device be back.
func (l *fakeLeg) wake(at Destination) {
	l.rig.mu.Lock()
	l.ended = true // its last event
	l.rig.mu.Unlock()
	l.post(Woken{l.id, at})
}

// A device that sleeps: nothing is offered to it before it wakes, the others ring meanwhile, and then it rings with an offer of its own.
func TestHeldBranch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours, sleeping())
		a := r.start(media.SDP("PCMU"))
		r.after(t, 3, "RR")
		held := r.leg(2)
		if held.offer != nil || len(r.endpoints) != 2 {
			t.Fatalf("a device that sleeps was offered %q, %d endpoints", held.offer, len(r.endpoints))
		}
		held.wake(ours)
		r.after(t, 1, "R-R")
		b := r.leg(3)
		if b.offer == nil || len(r.endpoints) != 3 {
			t.Fatal("the device that woke was offered nothing")
		}
		b.post(Answered{b.id, media.SDP("PCMU")})
		r.after(t, 1, "--R")
		if c := r.leg(1).cause; c != sip.CauseCompletedElsewhere || held.ends != 0 {
			t.Errorf("the other was told %+v, the held one ended %d times", c, held.ends)
		}
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.AnsweredBy != "2002" || cdr.Rang[0].Outcome != RungAnswered {
			t.Errorf("%+v", cdr)
		}
	})
}

// Nobody but a device that sleeps: the call waits for it, for as long as its leg says, and is refused when it does not come.
func TestHeldAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, sleeping())
		a := r.start(media.SDP("PCMU"))
		r.after(t, 20, "R")
		if a.ends != 0 {
			t.Fatal("the caller was refused while the device may still wake")
		}
		r.leg(1).hangup(sip.CauseNoAnswer)
		cdr := r.settled(t)
		if a.cause.Status != 480 || len(cdr.Rang) != 1 || cdr.Rang[0].Outcome != RungMissed || len(r.endpoints) != 1 {
			t.Errorf("caller was told %+v, %+v", a.cause, cdr)
		}
	})
}

// In order: a device that cannot be woken costs the next one no time.
func TestHeldFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := sleeping()
		r := newRig(plain, first, starting(15, 1))
		a := r.start(media.SDP("PCMU"))
		r.after(t, 1, "R")
		r.leg(1).hangup(sip.CauseUnavailable) // the push service is down
		r.after(t, 0, "-R")
		b := r.leg(2)
		b.post(Answered{b.id, media.SDP("PCMU")})
		r.after(t, 1, "-R")
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// Somebody else answers: the held branch is told why, once, and rings nobody however it ends.
func TestHeldLoses(t *testing.T) {
	for _, late := range []string{"never wakes", "wakes in the same instant"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, ours, sleeping())
			a := r.start(media.SDP("PCMU"))
			r.after(t, 1, "RR")
			b, held := r.leg(1), r.leg(2)
			b.post(Answered{b.id, media.SDP("PCMU")})
			if late != "never wakes" {
				r.mu.Lock()
				r.autoEnd = false // Woken was its last event
				r.mu.Unlock()
				held.wake(ours)
			}
			synctest.Wait()
			r.mu.Lock()
			r.autoEnd = true
			r.mu.Unlock()
			if held.ends != 1 || held.cause != sip.CauseCompletedElsewhere {
				t.Errorf("%s: ended %d times by %+v", late, held.ends, held.cause)
			}
			if r.mu.Lock(); len(r.order) != 3 {
				t.Errorf("%s: %d legs", late, len(r.order))
			}
			r.mu.Unlock()
			time.Sleep(time.Minute)
			a.hangup(sip.CauseNormal)
			if cdr := r.settled(t); cdr.AnsweredBy != "2002" {
				t.Errorf("%s: %+v", late, cdr)
			}
		})
	}
}

// The caller gives up while the device sleeps: its branch hears of that, and the call is over.
func TestHeldIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, sleeping())
		a := r.start(media.SDP("PCMU"))
		r.after(t, 1, "R")
		a.hangup(sip.CauseCancelled)
		r.settled(t)
		if held := r.leg(1); held.ends != 1 || held.cause != sip.CauseCancelled {
			t.Errorf("ended %d times by %+v", held.ends, held.cause)
		}
	})
}
