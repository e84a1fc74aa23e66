package call

import (
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// starting is a telephone of 2002 that rings then.
func starting(after time.Duration, turn int) Destination {
	d := ours
	d.Start = route.Start{After: after * time.Second, Turn: turn}
	return d
}

// ringing says which legs were dialled so far, and which of them ring.
func (r *rig) ringing() (out string) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.order[1:] {
		if l.ends == 0 && !l.ended {
			out += "R"
		} else {
			out += "-"
		}
	}
	return out
}

// after waits and compares what rings: R a leg that does, - one that does no more.
func (r *rig) after(t *testing.T, seconds time.Duration, want string) {
	t.Helper()
	time.Sleep(seconds * time.Second)
	if got := r.ringing(); got != want {
		t.Errorf("%s rings, want %s", got, want)
	}
}

// One after the other: each has its turn, the clock of the step is that of all of them, and the extension has missed one call.
func TestDevicesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, starting(0, 0), starting(10, 1), starting(20, 2))
		a := r.start(media.SDP("PCMU"))
		r.after(t, 9, "R")
		r.after(t, 2, "-R")
		if c := r.leg(1).cause; c != sip.CauseNoAnswer {
			t.Errorf("the first was told %+v", c)
		}
		r.after(t, 10, "--R")
		time.Sleep(10 * time.Second)
		cdr := r.settled(t)
		if a.cause.Status != sip.CauseNoAnswer.Status || len(cdr.Rang) != 1 || cdr.Rang[0].Outcome != RungMissed {
			t.Errorf("caller was told %+v, %+v", a.cause, cdr)
		}
	})
}

// The last one answers: nobody else rings, and the extension has answered.
func TestDeviceInOrderAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, starting(0, 0), starting(10, 1), starting(20, 2))
		a := r.start(media.SDP("PCMU"))
		r.after(t, 12, "-R")
		r.last().post(Answered{r.last().id, media.SDP("PCMU")})
		r.after(t, 30, "-R")
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.AnsweredBy != "2002" || len(cdr.Rang) != 1 || cdr.Rang[0].Outcome != RungAnswered {
			t.Errorf("%+v", cdr)
		}
	})
}

// One later: it rings besides, and who loses hears that the call was taken elsewhere.
func TestDevicesDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, starting(0, 0), starting(5, 0), starting(20, 0))
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		r.after(t, 6, "RR")
		b.post(Answered{b.id, media.SDP("PCMU")})
		r.after(t, 30, "R-")
		if c := r.leg(2).cause; c != sip.CauseCompletedElsewhere {
			t.Errorf("the loser was told %+v", c)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// Nobody waits for a telephone that says no: the next one rings at once, and those after it as much sooner.
func TestBusyDeviceGivesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, starting(0, 0), starting(10, 1), starting(20, 2))
		a := r.start(media.SDP("PCMU"))
		r.leg(1).hangup(sip.CauseBusy)
		r.after(t, 0, "-R")
		r.after(t, 9, "-R")
		r.after(t, 2, "--R")
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
	synctest.Test(t, func(t *testing.T) { // two at once: one of them still rings
		r := newRig(plain, starting(0, 0), starting(0, 0), starting(10, 0))
		a := r.start(media.SDP("PCMU"))
		r.leg(1).hangup(sip.CauseBusy)
		r.after(t, 5, "-R")
		r.leg(2).hangup(sip.CauseTimeout)
		r.after(t, 0, "--R")
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

// All of them say no: the step is over at once, busy.
func TestDevicesAllBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, starting(0, 0), starting(10, 1))
		a := r.start(media.SDP("PCMU"))
		r.after(t, 12, "-R")
		r.last().hangup(sip.CauseBusy)
		if cdr := r.settled(t); a.cause.Status != 486 || cdr.Ended.Sub(cdr.Started) != 12*time.Second || cdr.Rang[0].Outcome != RungBusy {
			t.Errorf("caller was told %+v, %+v", a.cause, cdr)
		}
	})
}

// Who declines at one telephone declines at all of them, also at those that have not rung yet; a colleague's ring on. What a telephone says of itself
// counts for that one.
func TestDeclinedAtOneDevice(t *testing.T) {
	colleague := Destination{Number: "2003", Extension: "2003"}
	for _, c := range []struct {
		cause  sip.Cause
		others string // after the refusal
		told   int    // the caller, when the colleague is busy
	}{
		{sip.CauseDeclined, "--R", 603}, {sip.Cause{Status: 600}, "--R", 600}, {sip.Cause{Status: 607}, "--R", 607}, {sip.Cause{Status: 608}, "--R", 608},
		{sip.CauseBusy, "-RR", 0}, {sip.StatusCause(604), "-RR", 0}, {sip.StatusCause(606), "-RR", 0}, {sip.StatusCause(480), "-RR", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, starting(0, 0), starting(0, 0), starting(25, 0), colleague)
			a := r.start(media.SDP("PCMU"))
			r.leg(1).hangup(c.cause)
			r.after(t, 0, c.others)
			if c.told == 0 {
				a.hangup(sip.CauseCancelled)
				r.settled(t)
				return
			}
			if got := r.leg(2).cause; got != c.cause {
				t.Errorf("%d: the other telephone was told %+v", c.cause.Status, got)
			}
			r.after(t, 26, c.others)
			r.leg(3).hangup(sip.CauseBusy)
			if r.settled(t); a.cause.Status != c.told {
				t.Errorf("%d: the caller was told %+v", c.cause.Status, a.cause)
			}
		})
	}
}

// The one that the caller heard is called off: it hears the ringing of the next one.
func TestDeviceThatWasHeardIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, starting(0, 0), starting(10, 1))
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.post(Progress{b.id, 183, media.SDP("PCMU")})
		synctest.Wait()
		if got := r.endpoints[0].hears(); got != "" || len(r.members()) != 2 {
			t.Errorf("the caller hears %q, %d in the bridge", got, len(r.members()))
		}
		r.after(t, 11, "-R")
		if got := r.endpoints[0].hears(); got != "ringback" || len(r.members()) != 1 {
			t.Errorf("the caller hears %q, %d in the bridge", got, len(r.members()))
		}
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

// A transfer while they ring takes those along that have not rung yet.
func TestWaitingDevicesMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.extension("c1", "2001")
		b := r.last()
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		r.found = []Destination{starting(0, 0), starting(10, 1)}
		a2 := r.extension("c2", "2001")
		r.after(t, 5, "RRR")
		a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id)}})
		synctest.Wait()
		first := r.last()
		r.after(t, 6, "R--R")
		if first.cause != sip.CauseNoAnswer || r.last().id.Call() != "c1" {
			t.Errorf("the first was told %+v, the next one is %s", first.cause, r.last().id)
		}
		r.last().post(Answered{r.last().id, media.SDP("PCMU")})
		synctest.Wait()
		b.hangup(sip.CauseNormal)
		r.allSettled(t, 2)
	})
}
