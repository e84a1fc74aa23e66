package call

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
)

// demanded is a line that is recorded on demand.
func demanded(notice route.Notice, before bool) route.Plan {
	p := recorded(notice)
	p.Record.On, p.Record.OnDemand, p.Record.PreBuffer = false, true, before
	return p
}

func (o *trial) keeps(by recorder.Order) error {
	done := make(chan error, 1)
	return o.asksFor(Record{On: true, Demand: true, By: by, Done: done}, done)
}

// Nobody is told at the beginning. The clerk presses the code: the citizen hears the notice while the clerk hears music, and then it is recorded.
func TestOnDemand(t *testing.T) {
	for _, code := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := counter(t, demanded(route.NoticeEarly, false))
			if len(o.records) != 0 || o.anna.ends > 0 {
				t.Fatalf("%d recordings before anybody asked", len(o.records))
			}
			by := "2002"
			if code {
				o.bob.presses("#78")
			} else if by = clerk.By; o.keeps(clerk) != nil {
				t.Fatal("refused")
			}
			o.alone(o.annas, "notice/recording")
			o.alone(o.bobs, "music")
			if len(o.records) != 0 || o.bridges[0].gates[media.Endpoint(o.annas)] != media.GateNone {
				t.Errorf("%d recordings while the notice plays", len(o.records))
			}
			if err := o.keeps(clerk); err != nil { // once more changes nothing
				t.Error(err)
			}
			o.anna.played()
			o.talk(o.annas, o.bobs)
			if len(o.records) != 1 {
				t.Fatalf("%d recordings", len(o.records))
			}
			k := o.records[0].of
			if k.Asked == nil || k.Asked.By != by || k.Notice == nil || k.Notice.Party != "0901" || k.Policy != "p" || k.ID != "c1" || o.bridges[0].taps != 1 {
				t.Errorf("%+v, asked %+v", k, k.Asked)
			}
			done := make(chan error, 1)
			if err := o.asksFor(Record{Done: done}, done); err != nil || o.records[0].stops != 1 {
				t.Errorf("switched off: %v", err)
			}
			if c := o.ends(); c.Recording != "c1" || c.Asked == nil || c.Asked.By != by {
				t.Errorf("record %q, asked %+v", c.Recording, c.Asked)
			}
		})
	}
}

// Where nobody must be told it is recorded at once, and the clerk hears that it is.
func TestOnDemandInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, demanded(route.NoticeNone, false))
		o.bob.presses("#78")
		o.alone(o.bobs, sayKept)
		o.alone(o.annas, "")
		if len(o.records) != 1 || o.records[0].held {
			t.Errorf("%d recordings", len(o.records))
		}
		o.ends()
	})
}

// The notice that somebody asked for cannot be played, or is refused: nothing is recorded, and they talk on.
func TestOnDemandRefused(t *testing.T) {
	for _, by := range []string{"broken", "refused"} {
		synctest.Test(t, func(t *testing.T) {
			plan := demanded(route.NoticeAnswer, false)
			plan.Record.Refusal = route.Refusal{Key: '9', Wait: 3 * time.Second}
			o := counter(t, plan)
			if by == "broken" {
				o.mu.Lock()
				o.openErr = errFake
				o.mu.Unlock()
			}
			if err := o.keeps(clerk); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if by == "refused" {
				o.anna.key('9')
				o.alone(o.annas, sayUnrecorded)
				o.anna.played()
			}
			o.talk(o.annas, o.bobs)
			if err := o.keeps(clerk); err != ErrState || len(o.records) != 0 {
				t.Errorf("%s: once more: %v, %d recordings", by, err, len(o.records))
			}
			o.ends()
		})
	}
}

// A code, or who only may ask for a line on demand, begins no recording elsewhere; not while somebody holds either, since it would not hear the notice.
func TestNotOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, plain)
		if err := o.keeps(clerk); err != ErrNotOnDemand {
			t.Errorf("without a policy: %v", err)
		}
		o.bob.presses("#78")
		o.alone(o.bobs, notPossible)
		o.through(o.bob)
		o.ends()
	})
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, demanded(route.NoticeAnswer, false))
		o.anna.post(Offered{o.anna.id, media.SDP("hold:PCMU")})
		synctest.Wait()
		if err := o.keeps(clerk); err != ErrState {
			t.Errorf("while the citizen holds: %v", err)
		}
		o.anna.post(Offered{o.anna.id, media.SDP("PCMU")})
		synctest.Wait()
		if err := o.keeps(clerk); err != nil {
			t.Errorf("and afterwards: %v", err)
		}
		o.ends()
	})
}

// What was said before stands in memory from when everybody was told, and is the beginning of the recording that somebody asks for; else it is destroyed.
func TestHeldBack(t *testing.T) {
	for _, asked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := counter(t, demanded(route.NoticeEarly, true))
			if len(o.records) != 1 || !o.records[0].held || o.records[0].of.Notice == nil || o.bridges[0].taps != 1 {
				t.Fatalf("%d held", len(o.records))
			}
			if s := o.sw.Snapshots("d")[0]; s.Recording != "" {
				t.Errorf("shown as the recording %q", s.Recording)
			}
			if err := o.pauses(true, clerk); err != nil { // a card number is kept out of memory too
				t.Error(err)
			}
			if o.sw.Snapshots("d")[0].Paused {
				t.Error("shown as paused, though nothing is recorded")
			}
			if err := o.pauses(false, clerk); err != nil {
				t.Error(err)
			}
			if asked {
				o.bob.presses("#78")
				o.alone(o.bobs, sayKept)
				o.through(o.bob)
				o.talk(o.annas, o.bobs)
				if f := o.records[0]; len(o.records) != 1 || f.held || f.stops > 0 || f.of.Asked == nil || f.of.Asked.By != "2002" || f.failed == nil || o.bridges[0].taps != 1 {
					t.Errorf("%d recordings, %+v", len(o.records), f)
				}
			}
			c := o.ends()
			if asked != (c.Recording == "c1") || asked != (c.Asked != nil) || asked != (len(c.Pauses) == 1) || o.records[0].held == asked {
				t.Errorf("asked %v: record of %q, asked %+v, %d pauses", asked, c.Recording, c.Asked, len(c.Pauses))
			}
		})
	}
}

// What is held goes on through a transfer, when who comes has heard the notice; it is gone when the call comes to a number that is never recorded, and
// no part of a recording that a policy demands from then on.
func TestHeldBackGoesOn(t *testing.T) {
	never := recorded(route.NoticeNone)
	never.Record = route.Record{Never: "2003", Notice: route.NoticeNone}
	strict := recorded(route.NoticeEarly)
	strict.Record.Refuse = true
	for name, c := range map[string]struct {
		next          route.Plan
		records       int
		first, second bool // held
		stops         int
	}{
		"to an ordinary number":    {plain, 1, true, false, 0},
		"to one that is never":     {never, 1, true, false, 1},
		"to one that is always so": {recorded(route.NoticeEarly), 2, true, false, 1},
		"or has no call":           {strict, 2, true, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := counter(t, demanded(route.NoticeEarly, true))
			o.now(c.next, carols)
			o.bob.post(Referred{Leg: o.bob.id, To: to("2003")})
			o.carol = o.last()
			o.answers()
			if len(o.records) != c.records || o.records[0].held != c.first || o.records[0].stops != c.stops {
				t.Errorf("%s: %d recordings, the first is held %v and stopped %d times", name, len(o.records), o.records[0].held, o.records[0].stops)
			}
			if o.anna.ends > 0 {
				t.Errorf("%s: the call has ended", name)
			}
			if c.records == 2 && len(o.records) == 2 && (o.records[1].held || o.records[1].of.ID == o.records[0].of.ID || o.records[1].of.Asked != nil) {
				t.Errorf("%s: %+v", name, o.records[1].of)
			}
			o.ends()
		})
	}
}

// There is no room in memory: the call goes on, somebody is told, and what comes after somebody asked is recorded.
func TestNothingHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, demanded(route.NoticeEarly, true), func(r *rig) { r.holdErr = errors.New("full") })
		if !slices.Contains(o.alarms, "hold-full") || len(o.records) != 0 {
			t.Errorf("alarms %q, %d held", o.alarms, len(o.records))
		}
		if err := o.keeps(clerk); err != nil || len(o.records) != 1 || o.records[0].held {
			t.Errorf("%v, %d recordings", err, len(o.records))
		}
		o.ends()
	})
}

// Who was asked to talk in another call comes with what somebody asked for: the recording there names who did, and has nothing that was held there before.
func TestAskedGoesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, demanded(route.NoticeNone, false))
		if err := o.keeps(clerk); err != nil || len(o.records) != 1 {
			t.Fatalf("%v, %d recordings", err, len(o.records))
		}
		o.now(plain, carols)
		o.bob.presses("#702003#")
		o.carol, o.cars = o.last(), o.endpoints[2]
		o.answers()
		o.bob.presses("#73")
		o.talk(o.annas, o.bobs, o.cars)
		if len(o.records) != 2 || o.records[1].of.Asked == nil || o.records[1].of.Asked.By != clerk.By {
			t.Errorf("%d recordings", len(o.records))
		}
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
}

// Where somebody must be told and was not, which can be a machine without an ear, nothing is held.
func TestUntoldIsNotHeld(t *testing.T) {
	c := &Call{deps: Deps{Holder: newRig(plain)}, plan: demanded(route.NoticeEarly, true), caller: &party{outside: true}, winner: &party{ext: "2002"}}
	if c.holdable() {
		t.Error("it is held")
	}
	c.notice = &recorder.Notice{}
	if !c.holdable() {
		t.Error("it is not held, though the caller was told")
	}
}
