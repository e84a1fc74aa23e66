package call

import (
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// originate begins a call from 2001 to 2002 that nobody dialled.
func (r *rig) originate(done func(Originated)) {
	err := r.sw.Originate(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002"},
		Origin: &Origin{Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2001", Direct: true},
			Shown: route.Shown{Number: "2002", Display: "call back"}, Ring: 20 * time.Second, Done: done}})
	if err != nil {
		panic(err)
	}
}

// originated is a call whose first party rings: two phones of its extension, of which the table looks at one.
func originated() (r *rig, a, b *fakeLeg) {
	r = newRig(plain, phone, phone2)
	r.autoEnd = false
	r.originate(nil)
	a, b = r.leg(0), r.leg(1)
	return r, a, b
}

// outcomes collects what an origin is told.
type outcomes struct{ list []Originated }

func (o *outcomes) done(x Originated) { o.list = append(o.list, x) }

func (o *outcomes) only(t *testing.T, want Originated) {
	t.Helper()
	if len(o.list) != 1 || o.list[0].Answered != want.Answered || o.list[0].Reached != want.Reached || o.list[0].Cause.Status != want.Cause.Status {
		t.Errorf("the origin was told %+v, want once %+v", o.list, want)
	}
}

// TestOriginate: the first phone that answers is the caller, hears the tone, and talks with whom it asked for.
func TestOriginate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, told := newRig(plain, phone, phone2), &outcomes{}
		r.originate(told.done)
		a, other := r.leg(0), r.leg(1)
		if a == nil || other == nil || r.leg(2) != nil {
			t.Fatalf("%d legs ring, want the two phones of the first party", len(r.order))
		}
		if len(a.offer) == 0 {
			t.Error("the first party was not offered any media")
		}
		s, _ := r.sw.Snapshot("c1")
		if s.Phase != Originating || len(s.Parties) != 2 || s.Parties[0].With.Display != "call back" || s.From != "2001" || s.To != "2002" {
			t.Errorf("while it rings: %+v", s)
		}
		time.Sleep(3 * time.Second)
		a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
		synctest.Wait()
		if other.cause.Status != sip.CauseCompletedElsewhere.Status {
			t.Errorf("the other phone was told %v", other.cause)
		}
		b := r.leg(2)
		if b == nil || r.endpoints[0].hears() != "ringback" {
			t.Fatalf("the second party does not ring, or the first hears %q", r.endpoints[0].hears())
		}
		if len(told.list) != 0 {
			t.Error("told before anybody was reached")
		}
		time.Sleep(4 * time.Second)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if s, _ = r.sw.Snapshot("c1"); s.Phase != Talking {
			t.Fatalf("phase %v", s.Phase)
		}
		told.only(t, Originated{Answered: true, Reached: true})
		time.Sleep(5 * time.Second)
		a.hangup(sip.CauseNormal)
		cdr := r.settled(t)
		if cdr.From != "2001" || cdr.To != "2002" || cdr.Talk != 5*time.Second || cdr.EndedBy != "caller" || cdr.Direction != route.Internal {
			t.Errorf("CDR %+v", cdr)
		}
		told.only(t, Originated{Answered: true, Reached: true})
		if len(r.asked) != 2 || !r.asked[0].Direct || r.asked[1].Dialled != "2002" {
			t.Errorf("routed %+v", r.asked)
		}
	})
}

// TestOriginateFails walks through the ways in which nobody is reached. Each leaves one CDR, no leg, and one word for who began it.
func TestOriginateFails(t *testing.T) {
	busy := func(r *rig) { r.leg(1).hangup(sip.CauseBusy) }
	answer := func(r *rig) { l := r.leg(0); l.mailbox.Post(Answered{l.id, media.SDP("PCMU")}); synctest.Wait() }
	for _, c := range []struct {
		name   string
		play   func(*rig)
		want   Originated
		status int
		heard  string
	}{
		{"does not answer", func(*rig) { time.Sleep(21 * time.Second) }, Originated{Cause: sip.CauseNoAnswer}, 480, ""},
		{"declines", func(r *rig) { r.leg(0).hangup(sip.CauseDeclined) }, Originated{Cause: sip.CauseDeclined}, 603, ""},
		{"sends the call elsewhere", func(r *rig) {
			l := r.leg(0)
			l.ended = true
			l.post(Ended{Leg: l.id, Cause: sip.StatusCause(302), Moved: "sip:2009@d"})
		}, Originated{Cause: sip.StatusCause(480)}, 480, ""},
		{"answers nonsense", func(r *rig) { l := r.leg(0); l.mailbox.Post(Answered{l.id, nil}) }, Originated{Cause: sip.StatusCause(502)}, 502, ""},
		{"is called back by REST", func(r *rig) { r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal}) }, Originated{Cause: sip.StatusCause(480)}, 480, ""},
		{"hangs up while the second rings", func(r *rig) { answer(r); r.leg(0).hangup(sip.CauseNormal) },
			Originated{Answered: true, Cause: sip.CauseCancelled}, 487, ""},
		{"the second is busy", func(r *rig) { answer(r); busy(r) }, Originated{Answered: true, Cause: sip.CauseBusy}, 486, "call/busy"},
		{"the second does not answer", func(r *rig) { answer(r); time.Sleep(31 * time.Second) },
			Originated{Answered: true, Cause: sip.CauseNoAnswer}, 480, "call/unavailable"},
		{"the second is not allowed", func(r *rig) {
			r.mu.Lock()
			r.plan = route.Plan{Refuse: sip.CauseForbidden}
			r.mu.Unlock()
			answer(r)
		}, Originated{Answered: true, Cause: sip.CauseForbidden}, 403, "call/barred"},
		{"the second is a call for help", func(r *rig) {
			r.mu.Lock()
			r.plan.Emergency = true
			r.mu.Unlock()
			answer(r)
		}, Originated{Answered: true, Cause: sip.CauseForbidden}, 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, told := newRig(plain, phone), &outcomes{}
				r.act = announce
				r.originate(told.done)
				synctest.Wait()
				c.play(r)
				synctest.Wait()
				if heard := r.endpoints[0].hears(); heard != c.heard {
					t.Errorf("the first party hears %q, want %q", heard, c.heard)
				}
				if c.heard != "" {
					r.endpoints[0].on(media.PlayEnded{Complete: true})
				}
				cdr := r.settled(t)
				if cdr.Cause.Status != c.status || cdr.Talk != 0 || !cdr.Answered.IsZero() {
					t.Errorf("CDR %+v", cdr)
				}
				told.only(t, c.want)
			})
		})
	}
}

// announce is what app's script of that name does.
func announce(f Facts, c Cue) []Order {
	switch c.(type) {
	case Began:
		return []Order{Play{program{nil, f.Run.Name}}}
	case Played:
		return []Order{Finish{f.Run.Cause}}
	}
	return nil
}

// TestOriginateRefused: nobody rings.
func TestOriginateRefused(t *testing.T) {
	for name, plan := range map[string]route.Plan{
		"by rights":       {Refuse: sip.CauseForbidden},
		"call for help":   {Emergency: true, Steps: plain.Steps},
		"only a script":   scripted,
		"nothing to ring": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, told := newRig(plan, phone), &outcomes{}
				r.originate(told.done)
				if cdr := r.settled(t); cdr.Cause.Status != 403 || len(r.order) != 0 {
					t.Errorf("%d legs, CDR %+v", len(r.order), cdr)
				}
				told.only(t, Originated{Cause: sip.CauseForbidden})
			})
		})
	}
}

// TestOriginateOutside: a carrier's leg runs from its answer on, is shown what the carrier accepts of us, and hears the notice before a colleague rings.
func TestOriginateOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := plain
		out.Direction, out.Shown = route.Outbound, route.Shown{Number: "+81311112222"}
		r := newRig(plain, Destination{Number: "+819011112222", Trunk: "main"})
		r.routes = func(q route.Request) route.Plan {
			if q.Direct {
				return out
			}
			return recorded(route.NoticeEarly)
		}
		r.originate(nil)
		a := r.leg(0)
		if s, _ := r.sw.Snapshot("c1"); s.Parties[0].With.Number != "+81311112222" {
			t.Errorf("the carrier is shown %+v", s.Parties[0].With)
		}
		a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
		synctest.Wait()
		if r.endpoints[0].hears() != "notice/recording" || len(r.order) != 1 || a.saw("answer PCMU") {
			t.Fatalf("it hears %q, %d legs, was told %q", r.endpoints[0].hears(), len(r.order), a.did)
		}
		time.Sleep(6 * time.Second)
		r.endpoints[0].on(media.PlayEnded{Complete: true})
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].of.Notice == nil || r.records[0].of.Notice.Mode != string(route.NoticeCalled) {
			t.Fatalf("recordings %+v", r.records)
		}
		time.Sleep(4 * time.Second)
		b.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.Talk != 10*time.Second || cdr.Direction != route.Outbound {
			t.Errorf("CDR %+v: a carrier's call costs from its answer", cdr)
		}
	})
}

// TestOriginateToAScript: who is rung finds itself in a menu, a mailbox or a room.
func TestOriginateToAScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, told := newRig(plain, phone), &outcomes{}
		r.routes = func(q route.Request) route.Plan {
			if q.Direct {
				return plain
			}
			return scripted
		}
		r.act = opening(Play{program{nil, "prompt"}})
		r.originate(told.done)
		a := r.leg(0)
		a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
		synctest.Wait()
		told.only(t, Originated{Answered: true, Reached: true})
		time.Sleep(3 * time.Second)
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.Talk != 3*time.Second || cdr.AnsweredBy == "" {
			t.Errorf("CDR %+v", cdr)
		}
	})
}

// Who is rung at a softphone outside the premises calls from there: the rules of that place are asked.
func TestOriginateFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := phone
		away.Remote = route.RemoteSoft
		r := newRig(plain, away)
		r.originate((&outcomes{}).done)
		a := r.leg(0)
		a.mailbox.Post(Answered{a.id, media.SDP("PCMU")})
		synctest.Wait()
		if q := r.asked[len(r.asked)-1]; q.Dialled != "2002" || q.Remote != route.RemoteSoft {
			t.Errorf("asked for %+v", q)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}
