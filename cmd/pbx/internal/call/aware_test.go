package call

import (
	"slices"
	"testing"
	"testing/synctest"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// Wishes implements media.Wisher.
func (e *fakeEndpoint) Wishes() media.Preference {
	e.rig.mu.Lock()
	defer e.rig.mu.Unlock()
	return e.wish
}

// tapes is what an endpoint's descriptions have said of a recording since it was last asked.
func (r *rig) tapes(i int) []media.Recorded {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.endpoints[i].tapes
	r.endpoints[i].tapes = nil
	return out
}

func (r *rig) says(t *testing.T, i int, want ...media.Recorded) {
	t.Helper()
	if got := r.tapes(i); !slices.Equal(got, want) {
		t.Errorf("endpoint %d was told %q, want %q", i, got, want)
	}
}

func (l *fakeLeg) agrees() { l.post(Agreed{l.id, media.SDP("PCMU")}); synctest.Wait() }

// Who is aware of recordings is told in each description what there is, and by an offer of ours when it changes: once, and never while one is open.
func TestAwareIsTold(t *testing.T) {
	const on, off, paused = media.RecordedOn, media.RecordedOff, media.RecordedPaused
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeNone), ours)
		r.sw.deps.Party = func(_ string, p route.Party) route.Record {
			out := route.Record{Notice: route.NoticeNone}
			if p.Extension == "2003" {
				out.Never = "2003"
			}
			return out
		}
		r.aware = true
		a, b := r.up("c1")
		r.says(t, 0, on)     // the answer says what begins with it
		r.says(t, 1, "", on) // whom we called had not said that it understands
		r.stands(a, "2003", false)
		r.says(t, 2, on, paused) // what holds once it is in
		r.says(t, 1)             // it has not answered the first yet
		b.agrees()
		r.says(t, 1, paused)
		n := r.last()
		n.agrees()
		b.agrees()
		b.post(Offered{b.id, media.SDP("hold:PCMU")})
		r.says(t, 1, paused)
		b.post(Offered{b.id, media.SDP("PCMU")})
		r.says(t, 1, paused)
		r.stands(n, "2004", false)
		r.says(t, 1, on)
		b.post(Disagreed{b.id, sip.CauseNotAcceptable})
		b.post(Digit{b.id, '1'})
		r.says(t, 1) // it was told, and is not asked again
		r.over(t, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		r.aware = true
		_, b := r.up("c1")
		r.says(t, 0, off)
		r.says(t, 1, "") // nothing to tell
		if err := r.byHand(); err != nil {
			t.Fatal(err)
		}
		r.says(t, 0, on)
		r.says(t, 1, on)
		r.leg(0).agrees()
		b.agrees()
		done := make(chan error, 1)
		_ = r.sw.Post("d", "c1", Record{Done: done})
		<-done
		r.says(t, 0, off)
		r.says(t, 1, off)
		r.over(t, 1)
	})
	synctest.Test(t, func(t *testing.T) { // and who is not is left alone
		r := newRig(recorded(route.NoticeNone), ours)
		a, b := r.up("c1")
		r.says(t, 0, "")
		r.says(t, 1, "")
		if a.saw("offer PCMU,PCMA") || b.saw("offer PCMU,PCMA") {
			t.Error("offers")
		}
		r.over(t, 1)
	})
}

// Two who need a common codec wait until what one of them is told is answered.
func TestAwareAndAligned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeNone), ours)
		r.aware = true
		a := r.extension("c1", "2001")
		b := r.leg(1)
		b.post(Answered{b.id, media.SDP("PCMU,G722")})
		synctest.Wait()
		n := r.newLeg("new-1", nil)
		a.post(Replace{Leg: a.id, By: n, In: Incoming{Offer: media.SDP("G722"), Request: route.Request{Domain: "d", Extension: "2004", Number: "2004"}}})
		synctest.Wait()
		if b.saw("offer G722") {
			t.Error("asked while another offer is open")
		}
		b.agrees()
		if !b.saw("offer G722") {
			t.Errorf("not asked: %q", b.did)
		}
		r.over(t, 1)
	})
}

// What a telephone prefers is followed where a policy leaves the recording to those who talk; else it is counted, and nothing else.
func TestPreference(t *testing.T) {
	demand := plain
	demand.Record.OnDemand = true
	for _, c := range []struct {
		name    string
		plan    route.Plan
		aware   bool
		from    int
		wish    media.Preference
		heeded  []bool
		stopped bool
		orders  []string
	}{
		{"off, on demand", demand, true, 0, media.PreferOff, []bool{true}, true, nil},
		{"pause, on demand", demand, true, 1, media.PreferPause, []bool{true}, false, []string{"pause 2002 telephone", "resume 2002 telephone"}},
		{"off, always", recorded(route.NoticeNone), true, 0, media.PreferOff, []bool{false}, false, nil},
		{"pause, always", recorded(route.NoticeNone), true, 0, media.PreferPause, []bool{false}, false, nil},
		{"off, by hand where no policy leaves it to them", plain, true, 0, media.PreferOff, []bool{false}, false, nil},
		{"off, of one who is not aware", demand, false, 0, media.PreferOff, nil, false, nil},
		{"nothing", demand, true, 0, media.PreferNothing, nil, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(c.plan, ours)
				var heeded []bool
				r.sw.deps.Wished = func(yes bool) { heeded = append(heeded, yes) }
				r.aware = c.aware
				r.up("c1")
				if !c.plan.Record.On {
					if err := r.byHand(); err != nil {
						t.Fatal(err)
					}
				}
				for _, wish := range []media.Preference{c.wish, media.PreferNothing} {
					r.mu.Lock()
					r.endpoints[c.from].wish = wish
					r.mu.Unlock()
					l := r.leg(c.from)
					l.post(Digit{l.id, '1'})
					synctest.Wait()
				}
				rec := r.records[0]
				if stopped := rec.stops == 1; !slices.Equal(heeded, c.heeded) || stopped != c.stopped || !slices.Equal(rec.orders, c.orders) || len(r.records) != 1 {
					t.Errorf("heeded %v, stopped %v, orders %q", heeded, stopped, rec.orders)
				}
				r.over(t, 1)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // nobody from outside
		r := newRig(demand, ours)
		r.aware = true
		r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "0901", Dialled: "2002"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
		b := r.leg(1)
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if err := r.byHand(); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		r.endpoints[0].wish = media.PreferOff
		r.mu.Unlock()
		b.post(Digit{b.id, '1'})
		synctest.Wait()
		if r.records[0].stops != 0 || len(r.records[0].orders) != 0 {
			t.Error("a stranger has a say in what is recorded")
		}
		r.over(t, 1)
	})
}
