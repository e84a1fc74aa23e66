package call

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// tapeCodes are those about the recording, of extensions.
func tapeCodes(_, extension string) []Code {
	if extension == "" {
		return nil
	}
	return []Code{{Keys: "##"}, {Keys: "#76", Does: Pauses}, {Keys: "#77", Does: Resumes}, {Keys: "#78", Does: Keeps}}
}

// counter is a call from outside to 2002, who has codes: anna is the citizen, bob the clerk.
func counter(t *testing.T, plan route.Plan, change ...func(*rig)) *trial {
	t.Helper()
	o := &trial{rig: newRig(plan, ours), t: t}
	o.sw.deps.Codes, o.sw.deps.Holder = tapeCodes, o.rig
	for _, f := range change {
		f(o.rig)
	}
	o.anna = o.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "0901", Dialled: "0312345678"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
	synctest.Wait()
	if o.hears(0) == "notice/recording" {
		o.anna.played()
	}
	o.bob = o.last()
	o.bob.post(Answered{o.bob.id, media.SDP("PCMU")})
	synctest.Wait()
	o.annas, o.bobs = o.endpoints[0], o.endpoints[1]
	return o
}

// order asks as a program does.
func (o *trial) asksFor(e Event, done chan error) error {
	o.t.Helper()
	if err := o.sw.Post("d", "c1", e); err != nil {
		return err
	}
	return <-done
}

func (o *trial) pauses(on bool, by recorder.Order) error {
	done := make(chan error, 1)
	return o.asksFor(Pause{On: on, By: by, Done: done}, done)
}

// through lets what a leg hears come to its end.
func (o *trial) through(l *fakeLeg) {
	synctest.Wait()
	l.played()
	synctest.Wait()
}

// want compares what the only recording was told of pauses.
func (o *trial) want(orders ...string) {
	o.t.Helper()
	synctest.Wait()
	if got := o.records[0].ordered(); len(o.records) != 1 || !slices.Equal(got, orders) {
		o.t.Errorf("%d recordings, the first was told %q, want %q", len(o.records), got, orders)
	}
}

func (o *trial) ends() CDR {
	o.t.Helper()
	o.anna.hangup(sip.CauseNormal)
	time.Sleep(time.Minute)
	return o.settled(o.t)
}

var clerk = recorder.Order{By: "hanako@d", How: recorder.ByREST, Reason: "card"}

// The clerk pauses the recording by a code and lets it go on: both stand in the recording and in the call's record, and the clerk hears it, the
// citizen does not.
func TestPausedByCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, recorded(route.NoticeNone))
		o.anna.presses("#76")
		o.want() // who calls has no say
		o.bob.presses("#76")
		o.want("pause 2002 code")
		if o.bobs.hears() != sayPaused || o.annas.hears() != "" || !o.sw.Snapshots("d")[0].Paused {
			t.Errorf("the clerk hears %q, the citizen %q; shown as paused: %v", o.bobs.hears(), o.annas.hears(), o.sw.Snapshots("d")[0].Paused)
		}
		o.through(o.bob)
		o.bob.presses("#76") // it is, already
		o.through(o.bob)
		time.Sleep(time.Minute)
		o.bob.presses("#77")
		o.want("pause 2002 code", "resume 2002 code")
		if o.bobs.hears() != sayResumed || o.sw.Snapshots("d")[0].Paused {
			t.Errorf("the clerk hears %q", o.bobs.hears())
		}
		o.through(o.bob)
		o.bob.presses("#77")
		if o.hears(1) != notPossible {
			t.Errorf("of what is not paused the clerk hears %q", o.bobs.hears())
		}
		o.through(o.bob)
		o.talk(o.annas, o.bobs)
		c := o.ends()
		if len(c.Pauses) != 1 || c.Pauses[0].Began.By != "2002" || c.Pauses[0].Resumed.How != recorder.ByCode || c.Pauses[0].To.Sub(c.Pauses[0].From) != time.Minute {
			t.Errorf("%+v", c.Pauses)
		}
	})
}

// A program pauses it. Nobody lets it go on: it does by itself when the time of the policy is over, and somebody is told.
func TestPauseEndsByTime(t *testing.T) {
	for _, most := range []time.Duration{0, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			plan := recorded(route.NoticeNone)
			plan.Record.PauseMost = most
			o := counter(t, plan)
			if err := o.pauses(false, clerk); err != ErrState {
				t.Errorf("what is not paused goes on: %v", err)
			}
			for range 2 { // the second is none, and lasts no longer
				if err := o.pauses(true, clerk); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
			o.want("pause hanako@d rest card")
			if most == 0 {
				most = route.UsualPause
			}
			time.Sleep(most - 21*time.Second)
			o.want("pause hanako@d rest card")
			time.Sleep(2 * time.Second)
			o.want("pause hanako@d rest card", "resume automatic time")
			if !slices.Equal(o.alarms, []string{"pause-expired"}) {
				t.Errorf("alarms %q", o.alarms)
			}
			if err := o.pauses(true, clerk); err != nil { // and once more, to the end of the call
				t.Fatal(err)
			}
			c := o.ends()
			if len(c.Pauses) != 2 || c.Pauses[1].Resumed != (recorder.Order{}) || !c.Pauses[1].To.Equal(c.Ended) {
				t.Errorf("%+v, ended %v", c.Pauses, c.Ended)
			}
		})
	}
}

// Whoever paused is gone, or the call is transferred: who comes next does not know that nothing is kept, so it is.
func TestPauseEndsWithWhoAskedForIt(t *testing.T) {
	for name, c := range map[string]struct {
		by   func(o *trial) error
		what func(o *trial)
		want string
	}{
		"the clerk sends the citizen on": {func(o *trial) error { o.bob.presses("#76"); return nil },
			func(o *trial) { o.bob.post(Referred{Leg: o.bob.id, To: to("2003")}) }, "resume automatic transfer"},
		"a program asked, and so": {func(o *trial) error { return o.pauses(true, clerk) },
			func(o *trial) { o.bob.post(Referred{Leg: o.bob.id, To: to("2003")}) }, "resume automatic transfer"},
		"the clerk's other telephone takes over": {func(o *trial) error { return o.pauses(true, clerk) }, func(o *trial) {
			n := o.newLeg("new", nil)
			o.bob.post(Replace{Leg: o.bob.id, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2002", Number: "2002"}}})
		}, "resume automatic transfer"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := counter(t, recorded(route.NoticeNone))
			if err := c.by(o); err != nil {
				t.Fatal(err)
			}
			c.what(o)
			synctest.Wait()
			got := o.records[0].ordered()
			if len(got) != 2 || got[1] != c.want {
				t.Errorf("%s: %q", name, got)
			}
			_ = o.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
			time.Sleep(2 * guard)
			o.settled(t)
			if len(o.alarms) > 0 {
				t.Errorf("%s: alarms %q", name, o.alarms)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // of three, one goes
		o := talking(t, recorded(route.NoticeNone))
		o.now(plain, carols)
		o.bob.presses("#702003#")
		o.carol, o.cars = o.last(), o.endpoints[2]
		o.answers()
		o.bob.presses("#73")
		o.talk(o.annas, o.bobs, o.cars)
		r := o.records[0]
		if len(o.records) > 1 {
			r = o.records[1]
		}
		before := len(r.ordered())
		o.carol.presses("#76")
		synctest.Wait()
		if len(r.ordered()) != before+1 {
			t.Fatalf("one of three pauses: %q", r.ordered())
		}
		o.carol.hangup(sip.CauseNormal)
		synctest.Wait()
		if got := r.ordered()[len(r.ordered())-1]; got != "resume 2003 automatic left" {
			t.Errorf("who paused has gone: %q", r.ordered())
		}
		o.anna.hangup(sip.CauseNormal)
		o.bob.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
	})
}

// Nothing leaves for a recorder outside while the recording is paused, or while something else is hidden: only with the last reason it goes on.
func TestPausedOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &trial{rig: newRig(recorded(route.NoticeNone), ours), t: t}
		f := &fakeOutside{rig: o.rig}
		o.sw.deps.Outside = f
		a, _ := o.up("c1")
		f.want(t, "begin c1", "party 2001/caller", "party 2002/called")
		if err := o.pauses(true, clerk); err != nil {
			t.Fatal(err)
		}
		f.want(t, "pause true")
		if err := o.pauses(false, clerk); err != nil {
			t.Fatal(err)
		}
		f.want(t, "pause false")
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		o.settled(t)
	})
	c := &Call{outside: &fakeOutside{rig: newRig(plain)}, paused: &pausing{}}
	f := c.outside.(*fakeOutside)
	c.hide(coverFax, true, "fax")
	c.hide(coverFax, false, "fax")
	if len(f.said) != 0 {
		t.Errorf("a fax in a pause: %q", f.said)
	}
}

// What cannot be paused says so: a call that is not recorded, one that nobody talks in, a recording that takes no more pauses.
func TestNoPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, plain)
		if err := o.pauses(true, clerk); err != ErrState {
			t.Errorf("not recorded: %v", err)
		}
		o.bob.presses("#76")
		if o.hears(1) != notPossible {
			t.Errorf("by code the clerk hears %q", o.bobs.hears())
		}
		o.ends()
	})
	synctest.Test(t, func(t *testing.T) {
		o := counter(t, recorded(route.NoticeNone))
		o.records[0].full = true
		if err := o.pauses(true, clerk); err != ErrState || o.sw.Snapshots("d")[0].Paused {
			t.Errorf("too often: %v", err)
		}
		o.ends()
	})
}

// Everything but what came by program is told to whoever writes it down.
func TestOrdersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &trial{rig: newRig(recorded(route.NoticeNone), ours), t: t}
		var got []string
		o.sw.deps.Codes = tapeCodes
		o.sw.deps.Ordered = func(x Ordered) {
			got = append(got, strings.Join(strings.Fields(x.Does+" "+x.Recording+" "+x.Order.By+" "+x.Order.How+" "+x.Order.Reason), " "))
		}
		a, b := o.up("c1")
		b.presses("#76")
		time.Sleep(route.UsualPause + time.Second)
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		o.settled(t)
		if want := []string{"pause c1 2002 code", "resume c1 automatic time"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
