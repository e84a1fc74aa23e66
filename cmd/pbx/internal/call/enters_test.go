package call

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// stands lets an extension stand where a leg stands, or talk with it where it is parked.
func (r *rig) stands(at *fakeLeg, ext string, join bool) *fakeLeg {
	r.mu.Lock()
	id := LegID(fmt.Sprintf("new%d-1", len(r.order)))
	r.mu.Unlock()
	n := r.newLeg(id, nil)
	at.post(Replace{Leg: at.id, Join: join, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: ext, Number: ext}}})
	synctest.Wait()
	return n
}

// silent says that the one recording of the call, if there is one, keeps nothing now, and that nobody can switch one on.
func (r *rig) silent(t *testing.T) {
	t.Helper()
	if err := r.byHand(); err != ErrForbidden {
		t.Errorf("by hand: %v", err)
	}
	for _, rec := range r.records {
		if n := len(rec.masks); rec.stops == 0 && (n == 0 || !rec.masks[n-1]) {
			t.Errorf("it is recorded: masked %v", rec.masks)
		}
	}
}

func (r *rig) over(t *testing.T, calls int) {
	t.Helper()
	for _, s := range r.sw.Snapshots("d") {
		_ = r.sw.Post("d", s.ID, Hangup{Cause: sip.CauseNormal})
	}
	time.Sleep(time.Minute)
	r.allSettled(t, calls)
}

// Whoever may not be recorded is silence in what runs, whichever way it comes into the call, and no longer than it takes part.
func TestNeverByReplaces(t *testing.T) {
	for _, caller := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r, a, b := neverRig(recorded(route.NoticeNone), "2003")
			at := b
			if caller {
				at = a
			}
			n := r.stands(at, "2003", false)
			if len(r.records) != 1 || !slices.Equal(r.records[0].masks, []bool{true}) {
				t.Fatalf("%d recordings, masked %v", len(r.records), r.records[0].masks)
			}
			r.silent(t)
			n = r.stands(n, "2003", false) // another telephone of it
			r.silent(t)
			r.stands(n, "2004", false)
			if !slices.Equal(r.records[0].masks, []bool{true, false}) || r.records[0].stops != 0 || len(r.records) != 1 {
				t.Errorf("without it: masked %v, stopped %d times, %d recordings", r.records[0].masks, r.records[0].stops, len(r.records))
			}
			r.over(t, 1)
		})
	}
}

// The same of who picks up what rings for somebody else, and of who fetches a parked call.
func TestNeverPicksUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := neverRig(recorded(route.NoticeNone), "2003")
		r.over(t, 1)
		r.cdrs, r.order, r.records = nil, nil, nil
		r.extension("c1", "2001")
		r.stands(r.last(), "2003", false)
		if len(r.records) != 0 {
			t.Errorf("%d recordings", len(r.records))
		}
		r.silent(t)
		r.over(t, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		r, a, b := neverRig(recorded(route.NoticeNone), "2003")
		if !r.parks(b) {
			t.Fatal("not parked")
		}
		r.stands(a, "2003", true)
		r.silent(t)
		r.over(t, 1)
	})
}

// originated begins a call that nobody dialled; who is rung first answers, and then ours.
func (r *rig) originated(t *testing.T, in Incoming) (a, b *fakeLeg) {
	t.Helper()
	if err := r.sw.Originate(in); err != nil {
		t.Fatal(err)
	}
	a = r.leg(0)
	r.mu.Lock()
	r.found = []Destination{ours}
	r.mu.Unlock()
	a.post(Answered{a.id, media.SDP("PCMU")})
	b = r.leg(1)
	b.post(Answered{b.id, media.SDP("PCMU")})
	synctest.Wait()
	return a, b
}

// Of a call that begins with nobody's dialling both are asked: who is rung first, whoever pays, and who is rung then.
func TestNeverOriginated(t *testing.T) {
	for _, who := range []string{"2001", "2002"} {
		for _, payer := range []string{"2001", "2500"} {
			synctest.Test(t, func(t *testing.T) {
				r, _, _ := neverRig(plain, who)
				r.over(t, 1)
				r.cdrs, r.order = nil, nil
				r.plan = recorded(route.NoticeNone)
				r.found = []Destination{{Number: "2001", Extension: "2001"}}
				a, b := r.originated(t, Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: payer, Number: "2001", Dialled: "2002", Away: payer != "2001"},
					Origin: &Origin{Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2001", Direct: true}}})
				r.silent(t)
				r.sent(map[string]*fakeLeg{"2001": a, "2002": b}[who], "2004") // who may not is gone
				if len(r.records) != 1 || slices.Contains(r.records[0].masks, true) {
					t.Errorf("%s paid by %s: %d recordings", who, payer, len(r.records))
				}
				r.over(t, 1)
			})
		}
	}
}

// Who is rung first is in the call with what its own policy demands, where another one pays; a stranger with that of its trunk.
func TestSummonedDemands(t *testing.T) {
	for _, m := range []struct {
		first   Destination
		demands route.Party
	}{{Destination{Number: "2001", Extension: "2001"}, route.Party{Extension: "2001"}}, {Destination{Number: "0901", Trunk: "carrier"}, route.Party{Trunk: "carrier"}}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, m.first)
			r.sw.deps.Party = func(_ string, p route.Party) route.Record {
				if p.Extension == m.demands.Extension && p.Trunk == m.demands.Trunk && !p.Calls {
					return recorded(route.NoticeNone).Record
				}
				return route.Record{Notice: route.NoticeNone}
			}
			r.originated(t, Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2500", Number: "2001", Dialled: "2002", Away: true},
				Origin: &Origin{Request: route.Request{Domain: "d", Extension: "2500", Number: "2500", Dialled: m.first.Number, Direct: true}}})
			if len(r.records) != 1 || r.records[0].of.Policy != "p" {
				t.Errorf("%d recordings", len(r.records))
			}
			r.over(t, 1)
		})
	}
}

// Who consults somebody makes a call: what its policy says of calls that it makes holds there, and not in the call to which it comes back. Who is
// brought into a call from another one is in it as if it had been called there.
func TestNeverOfAConsultation(t *testing.T) {
	rule := func(o *trial, never func(route.Party) bool) {
		o.sw.deps.Party = func(_ string, p route.Party) route.Record {
			r := route.Record{Notice: route.NoticeNone}
			if never(p) {
				r.Never = p.Extension
			}
			return r
		}
	}
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, recorded(route.NoticeNone))
		rule(o, func(p route.Party) bool { return p.Extension == "2002" && p.Calls })
		o.bob.presses("#702003#")
		o.carol, o.cars = o.last(), o.endpoints[2]
		o.answers()
		o.talk(o.bobs, o.cars)
		if len(o.records) != 1 {
			t.Errorf("what bob asks is recorded: %d recordings", len(o.records))
		}
		o.bob.presses("#71")
		o.talk(o.annas, o.bobs)
		if len(o.records) != 1 || slices.Contains(o.records[0].masks, true) || o.records[0].stops != 0 {
			t.Errorf("back with anna: %d recordings, masked %v", len(o.records), o.records[0].masks)
		}
		for _, l := range []*fakeLeg{o.anna, o.bob, o.carol} {
			l.hangup(sip.CauseNormal)
			synctest.Wait()
		}
		o.rig.over(t, 2)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeNone), ours)
		r.sw.deps.Party = func(_ string, p route.Party) route.Record {
			out := route.Record{Notice: route.NoticeNone}
			if p.Extension == "2003" && p.Direction == route.Inbound { // and not what its colleagues ask it
				out.Never = "2003"
			}
			return out
		}
		a, _ := r.up("c1")
		r.mu.Lock()
		r.plan, r.found = plain, []Destination{carols}
		r.mu.Unlock()
		asks := r.extension("c2", "2001")
		c := r.last()
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		a.post(Referred{Leg: a.id, To: to("2003"), Replaces: Replaces{CallID: string(asks.id)}})
		synctest.Wait()
		r.silent(t)
		r.over(t, 2)
	})
}

// A number whose calls are recorded is recorded from then on, when it stands where another one stood: a stranger there hears the notice before.
func TestReplacingDemands(t *testing.T) {
	for _, trunk := range []string{"", "carrier"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, ours)
			r.sw.deps.Party = func(_ string, p route.Party) route.Record {
				if p.Extension == "2003" {
					out := recorded(route.NoticeAnswer).Record
					if trunk == "" {
						out.Notice = route.NoticeNone
					}
					return out
				}
				return route.Record{Notice: route.NoticeNone}
			}
			r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: trunk, Number: "2001", Dialled: "2002"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
			b := r.leg(1)
			b.post(Answered{b.id, media.SDP("PCMU")})
			synctest.Wait()
			n := r.stands(b, "2003", false)
			if trunk != "" {
				if got := r.endpoints[0].hears(); got != "notice/recording" || len(r.records) != 0 {
					t.Fatalf("the stranger hears %q, and there are %d recordings", got, len(r.records))
				}
				n.post(Offered{n.id, media.SDP("hold:PCMU")})
				n.post(Offered{n.id, media.SDP("PCMU")})
				if got := r.hears(0); got != "notice/recording" {
					t.Fatalf("the stranger hears %q while the other one holds", got)
				}
				r.leg(0).played()
				synctest.Wait()
			}
			if len(r.records) != 1 || !slices.ContainsFunc(r.records[0].of.Parties, func(p recorder.Party) bool { return p.Number == "2003" }) || n.ends != 0 {
				t.Errorf("%d recordings", len(r.records))
			}
			if s, _ := r.sw.Snapshot("c1"); s.Phase != Talking {
				t.Errorf("phase %v", s.Phase)
			}
			r.over(t, 1)
		})
	}
}

// A notice that somebody hears is not over because the other one's telephone is another now: it is heard, and the call is recorded.
func TestNoticeOutlivesAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := recorded(route.NoticeAnswer)
		p.Direction = route.Outbound
		p.Steps = []route.Step{{Targets: []route.Target{{Kind: route.ToTrunk, Number: "0901", Trunk: "carrier"}}, Ring: time.Minute}}
		r := newRig(p, Destination{Number: "0901", Trunk: "carrier"})
		a := r.extension("c1", "2001")
		b := r.leg(1)
		b.post(Answered{b.id, media.SDP("PCMU")})
		if got := r.hears(1); got != "notice/recording" {
			t.Fatalf("who is called hears %q", got)
		}
		r.stands(a, "2003", false)
		if got := r.hears(1); got != "notice/recording" || len(r.records) != 0 {
			t.Fatalf("with another caller it hears %q, %d recordings", got, len(r.records))
		}
		b.played()
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].of.Notice == nil {
			t.Errorf("%d recordings", len(r.records))
		}
		r.over(t, 1)
	})
	synctest.Test(t, func(t *testing.T) { // a carrier moves its own leg while it hears what comes before anybody is rung
		r := newRig(recorded(route.NoticeAnswer), phone)
		from := Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "0901", Dialled: "2002"}, Offer: media.SDP("PCMU"), MaxForwards: 70}
		a := r.begin(from)
		if got := r.hears(0); got != "notice/recording" {
			t.Fatalf("the caller hears %q", got)
		}
		n := r.newLeg("new-1", nil)
		a.post(Replace{Leg: a.id, By: n, In: from})
		if got := r.hears(1); got != "notice/recording" || len(r.order) != 2 {
			t.Fatalf("from elsewhere it hears %q, %d legs", got, len(r.order))
		}
		n.played()
		b := r.last()
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 {
			t.Errorf("%d recordings", len(r.records))
		}
		r.over(t, 1)
	})
}

// Where a recording has failed, or could not be announced, the call does not go on to a number that would rather have no call than no recording.
func TestInsistsAfterAFailure(t *testing.T) {
	for _, fault := range []string{"failed", "not announced", "none"} {
		for _, insists := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				p := recorded(route.NoticeNone)
				if fault == "not announced" {
					p = recorded(route.NoticeEarly)
				}
				r := newRig(p, ours)
				if fault == "not announced" {
					r.openErr = errFake
				}
				a := r.extension("c1", "2001")
				b := r.leg(1)
				b.post(Answered{b.id, media.SDP("PCMU")})
				synctest.Wait()
				if fault == "failed" {
					r.records[0].failed(errFake)
					synctest.Wait()
				}
				r.plan.Record.Refuse = insists
				r.sent(b, "2003")
				if ended := a.ends == 1; ended != (insists && fault != "none") || ended && a.cause.Status != 503 {
					t.Errorf("%s, insists %v: ended %d times, %v", fault, insists, a.ends, a.cause)
				}
				r.over(t, 1)
			})
		}
	}
}

// What was hidden for somebody's sake is not hidden any more when he has sent the other one away, though nobody talks yet.
func TestNeverLeavesByATransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, b := neverRig(recorded(route.NoticeNone), "2003")
		n := r.stands(b, "2003", false)
		r.silent(t)
		r.mu.Lock()
		r.found = []Destination{{Number: "2004", Extension: "2004"}}
		r.mu.Unlock()
		n.post(Referred{Leg: n.id, To: to("2004")})
		r.last()
		if !slices.Equal(r.records[0].masks, []bool{true, false}) {
			t.Errorf("masked %v", r.records[0].masks)
		}
		r.over(t, 1)
	})
}

// What only stands in memory is no recording that has failed: a number that refuses calls without one is reached, and the call is recorded. It is told
// to nobody as a recording.
func TestHeldIsNotBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(demanded(route.NoticeNone, true), ours)
		r.sw.deps.Holder, r.aware = r, true
		a, b := r.up("c1")
		if len(r.records) != 1 || !r.records[0].held {
			t.Fatalf("%d held", len(r.records))
		}
		r.says(t, 0, media.RecordedOff)
		r.plan = recorded(route.NoticeNone)
		r.plan.Record.Refuse = true
		r.sent(b, "2003")
		if a.ends != 0 || len(r.records) != 2 || r.records[1].held {
			t.Errorf("ended %d times with %v, %d recordings", a.ends, a.cause, len(r.records))
		}
		r.says(t, 0, media.RecordedOn)
		r.over(t, 1)
	})
}
