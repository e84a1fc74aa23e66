package call

import (
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// summon begins a call in which 2002 is to hear what 2001 says to the group 6500.
func (r *rig) summon(t *testing.T, done func(Originated)) *fakeLeg {
	t.Helper()
	err := r.sw.Originate(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "6500"},
		Origin: &Origin{Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002"}, Shown: route.Shown{Number: "2001", Display: "page"},
			Then: scripted.Steps[0].Run, Page: "c0", Done: done}})
	if err != nil {
		t.Fatal(err)
	}
	return r.leg(0)
}

// TestOriginateThen: who answers is called, not the one that calls; a script has it at once, and nothing else is routed.
func TestOriginateThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, told := newRig(plain, ours), &outcomes{}
		r.act = opening()
		a := r.summon(t, told.done)
		time.Sleep(2 * time.Second)
		a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
		r.expect(t, "Began{}")
		told.only(t, Originated{Answered: true, Reached: true})
		s, _ := r.sw.Snapshot("c1")
		if s.Phase != Scripted || s.Page != "c0" || s.From != "2001" || s.To != "6500" || len(s.Parties) != 1 || s.Parties[0].With != (route.Shown{Number: "2001", Display: "page"}) {
			t.Errorf("while it hears: %+v", s)
		}
		if len(r.asked) != 1 {
			t.Errorf("routed %+v", r.asked)
		}
		time.Sleep(3 * time.Second)
		a.hangup(sip.CauseNormal)
		c := r.settled(t)
		if c.From != "2001" || c.To != "6500" || c.AnsweredBy != "2002" || c.EndedBy != "called" || c.Page != "c0" || c.Talk != 3*time.Second || c.Recording != "" {
			t.Errorf("CDR %+v", c)
		}
		if len(c.Rang) != 1 || c.Rang[0] != (Rung{"2002", RungAnswered}) {
			t.Errorf("rang %+v", c.Rang)
		}
	})
}

// TestOriginateThenInVain: nobody answers, and the script is never begun.
func TestOriginateThenInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, told := newRig(plain, ours), &outcomes{}
		r.act = opening()
		a := r.summon(t, told.done)
		a.hangup(sip.CauseBusy)
		c := r.settled(t)
		if c.Cause.Status != 486 || c.AnsweredBy != "" || !c.Answered.IsZero() || c.Page != "c0" || len(r.told()) != 0 {
			t.Errorf("CDR %+v", c)
		}
		told.only(t, Originated{Cause: sip.CauseBusy})
	})
}

// mute is a script whose party only listens.
type mute struct{ acting }

func (mute) Silent() {}

// TestSilent: a telephone that sends nothing is gone, unless its script only wants it to listen.
func TestSilent(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, ours)
			if silent {
				r.script = mute{acting{r}}
			}
			a := r.summon(t, nil)
			a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
			synctest.Wait()
			time.Sleep(time.Minute)
			r.endpoints[0].on(media.Timeout{Silent: time.Minute})
			synctest.Wait()
			if alive := r.sw.Len() == 1; alive != silent {
				t.Errorf("silent %v: alive %v", silent, alive)
			}
			_ = r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
			r.settled(t)
		})
	}
}
