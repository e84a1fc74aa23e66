package call

import (
	"errors"
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

// neverRig is a call of 2001 with 2002, in which some extensions may not be recorded.
func neverRig(plan route.Plan, never ...string) (r *rig, a, b *fakeLeg) {
	r = newRig(plan, ours)
	r.sw.deps.Party = func(_ string, p route.Party) route.Record {
		out := route.Record{Notice: route.NoticeNone}
		if slices.Contains(never, p.Extension) {
			out.Never = p.Extension
		}
		return out
	}
	a = r.extension("c1", "2001")
	b = r.leg(1)
	b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
	synctest.Wait()
	return r, a, b
}

// sent lets who has a leg send the other one to an extension, which answers.
func (r *rig) sent(by *fakeLeg, number string) *fakeLeg {
	r.mu.Lock()
	r.found = []Destination{{Number: number, Extension: number}}
	r.mu.Unlock()
	by.post(Referred{Leg: by.id, To: to(number)})
	l := r.last()
	l.mailbox.Post(Answered{l.id, media.SDP("PCMU")})
	synctest.Wait()
	return l
}

func (r *rig) byHand() error {
	done := make(chan error, 1)
	if err := r.sw.Post("d", "c1", Record{On: true, Done: done}); err != nil {
		return err
	}
	return <-done
}

// A person who may not be recorded is silence in a recording that runs, and no longer than it takes part.
func TestNeverIsSilenceWhileThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, _ := neverRig(recorded(route.NoticeNone), "2003")
		if len(r.records) != 1 || len(r.records[0].masks) != 0 {
			t.Fatalf("%d recordings", len(r.records))
		}
		c := r.sent(a, "2003") // 2002 stays
		rec := r.records[0]
		if !slices.Equal(rec.masks, []bool{true}) || rec.stops != 0 {
			t.Errorf("with 2003: masked %v, stopped %d times", rec.masks, rec.stops)
		}
		if err := r.byHand(); err != ErrForbidden {
			t.Errorf("by hand: %v", err)
		}
		d := r.sent(c, "2004")
		if !slices.Equal(rec.masks, []bool{true, false}) || rec.stops != 0 || len(r.records) != 1 {
			t.Errorf("without it: masked %v, stopped %d times, %d recordings", rec.masks, rec.stops, len(r.records))
		}
		d.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// Where a person who may not be recorded is there from the beginning nothing is recorded before it is gone; who calls counts as well as who is called.
func TestNeverComesFirst(t *testing.T) {
	for _, who := range []string{"2001", "2002"} {
		synctest.Test(t, func(t *testing.T) {
			r, a, b := neverRig(recorded(route.NoticeNone), who)
			if err := r.byHand(); err != ErrForbidden || len(r.records) != 0 {
				t.Fatalf("%s: by hand %v, %d recordings", who, err, len(r.records))
			}
			leaves := a
			if who == "2002" {
				leaves = b
			}
			c := r.sent(leaves, "2003")
			if len(r.records) != 1 || slices.Contains(r.records[0].masks, true) {
				t.Errorf("%s is gone: %d recordings", who, len(r.records))
			}
			c.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// A line that is never recorded is not, whoever else is in the call, wherever the call goes, and whoever asks; nobody hears a notice of what is not done.
// A target that was not reached forbids nothing.
func TestNeverOfALine(t *testing.T) {
	line := recorded(route.NoticeEarly)
	line.Record.Never = "+81312345678"
	synctest.Test(t, func(t *testing.T) {
		r, a, _ := neverRig(line)
		if got := r.endpoints[0].hears(); got != "" {
			t.Errorf("the caller hears %q", got)
		}
		r.plan = recorded(route.NoticeNone)
		c := r.sent(a, "2003")
		if err := r.byHand(); err != ErrForbidden || len(r.records) != 0 {
			t.Errorf("by hand: %v, %d recordings", err, len(r.records))
		}
		c.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
	synctest.Test(t, func(t *testing.T) {
		r, a, b := neverRig(recorded(route.NoticeNone))
		r.plan = line
		a.post(Referred{Leg: a.id, To: to("2003")})
		c := r.last()
		c.hangup(sip.CauseBusy)
		synctest.Wait()
		if slices.Contains(r.records[0].masks, true) || r.records[0].stops != 0 {
			t.Errorf("not reached: masked %v", r.records[0].masks)
		}
		r.sent(a, "2003")
		if !slices.Equal(r.records[0].masks, []bool{true}) {
			t.Errorf("reached: masked %v", r.records[0].masks)
		}
		b.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// The policy of who takes the call counts from then on, beside the others.
func TestWhoTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		var asked []route.Party
		r.sw.deps.Party = func(_ string, p route.Party) route.Record {
			asked = append(asked, p)
			if p.Extension == "2002" && !p.Calls {
				return recorded(route.NoticeNone).Record
			}
			return route.Record{Notice: route.NoticeNone}
		}
		a := r.extension("c1", "2001")
		b := r.leg(1)
		if len(r.records) != 0 {
			t.Error("recorded while it rings")
		}
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].of.Label != recorder.Restricted {
			t.Errorf("%d recordings", len(r.records))
		}
		if !slices.ContainsFunc(asked, func(p route.Party) bool { return p.Extension == "2001" && p.Calls && p.Direction == route.Internal }) {
			t.Errorf("%+v", asked)
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// A supervisor who may not be recorded is named in the recording of the call that it joins, under a name by which no voice is heard.
func TestNeverAsSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, _ := heard(t, recorded(route.NoticeNone))
		s := r.spectator(r.watch(t, "2002").Gallery.For("2002", nil), "s")
		err := s.room.Enter(Guest{Endpoint: s.ep, Party: recorder.Party{Number: "2009"}, Gate: media.GateBoth, Never: true, Tell: func() {}})
		if synctest.Wait(); err != nil {
			t.Fatal(err)
		}
		s.room.Leave("s")
		synctest.Wait()
		if got := r.records[0].listeners; !slices.Equal(got, []string{"never:s barge", "never:s "}) || len(r.records[0].more) != 0 {
			t.Errorf("%q, %q", got, r.records[0].more)
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// Several reasons keep something out of a recording; it goes on when the last one is over.
func TestHide(t *testing.T) {
	f := &fakeRecording{}
	c := &Call{recording: f}
	c.hide(coverSecret, true, "menu")
	c.hide(coverNever, true, "2003")
	c.hide(coverNever, true, "2003")
	c.hide(coverSecret, false, "menu")
	if !slices.Equal(f.masks, []bool{true}) {
		t.Errorf("%v", f.masks)
	}
	c.hide(coverNever, false, "")
	c.hide(coverFax, false, "")
	if !slices.Equal(f.masks, []bool{true, false}) {
		t.Errorf("%v", f.masks)
	}
}

// TestOnFailure: what becomes of a call whose recording cannot begin, finds the journal's disk full, or fails later, in each mode. What was only asked for
// ends no call, and what is never recorded does not fail.
func TestOnFailure(t *testing.T) {
	always, never := recorded(route.NoticeNone), recorded(route.NoticeNone)
	demand := recorded(route.NoticeNone)
	demand.Record.On, demand.Record.OnDemand = false, true
	never.Record = route.Record{Never: "+81312345678", Notice: route.NoticeNone}
	for _, m := range []struct {
		name string
		plan route.Plan
		hand bool
	}{{"always", always, false}, {"on demand", demand, true}, {"on demand, and nobody asks", demand, false}, {"never", never, false}} {
		for _, fault := range []string{"start", "full", "later"} {
			for _, refuse := range []bool{false, true} {
				t.Run(fmt.Sprint(m.name, " ", fault, " refuse=", refuse), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						m.plan.Record.Refuse = refuse
						r := newRig(m.plan, phone)
						switch fault {
						case "start":
							r.startErr = errFake
						case "full":
							r.full = recorder.ErrDiskFull
						}
						a := r.start(media.SDP("PCMU"))
						b := r.leg(1)
						b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
						synctest.Wait()
						if m.hand {
							if err := r.byHand(); (err != nil) != (fault == "start") {
								t.Errorf("by hand: %v", err)
							}
						}
						synctest.Wait()
						tried := m.plan.Record.On || m.hand
						if fault == "later" && tried {
							r.records[0].failed(errors.New("i/o error"))
							synctest.Wait()
						}
						ended := a.ends > 0
						if want := refuse && m.name == "always"; ended != want {
							t.Errorf("the call ended: %t, want %t", ended, want)
						}
						if alarmed := len(r.alarms) > 0; alarmed != tried {
							t.Errorf("alarms %q", r.alarms)
						}
						if !ended {
							a.hangup(sip.CauseNormal)
						}
						if cdr := r.settled(t); cdr.RecordingFailed != tried || (cdr.Cause.Status == 503) != ended {
							t.Errorf("%+v", cdr)
						}
					})
				})
			}
		}
	}
}
