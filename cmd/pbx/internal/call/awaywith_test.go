package call

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/media"
	"naisen/sip"
)

// Announce lets the whole bridge hear something.
func (b *fakeBridge) Announce(open func(media.Codec) (media.Source, error)) {
	src, err := open(media.PCMU)
	b.rig.mu.Lock()
	defer b.rig.mu.Unlock()
	if err == nil {
		b.announced = append(b.announced, src.(named).name)
	}
}

func (l *fakeLeg) goes()      { l.lulls(); l.reached(false) }
func (l *fakeLeg) holds()     { l.offers("hold:PCMU") }
func elapses(d time.Duration) { time.Sleep(d); synctest.Wait() } // of the virtual clock

// ended are the records that were written, while calls go on.
func (r *rig) ended() []CDR { r.mu.Lock(); defer r.mu.Unlock(); return slices.Clone(r.cdrs) }

// A script is told, and waits: what was said meanwhile is said again, and the time for keys begins when the party is back.
func TestAwayFromScript(t *testing.T) {
	onScript(t, media.SDP("PCMU"), opening(PickUp{}, Play{prompt("menu")}, Gather{Max: 2}), func(r *rig, a *fakeLeg) {
		e := r.endpoints[0]
		r.expect(t, "Began{}")
		a.goes()
		r.expect(t, "Interrupted{}")
		a.lulls() // it is told once
		e.playedOut()
		elapses(20 * time.Second)
		r.expect(t)
		if a.did0("probe") != 1 {
			t.Errorf("asked %d times", a.did0("probe"))
		}
		a.speaks()
		if e.hears() != "menu" {
			t.Fatalf("it is back, and hears %q", e.hears())
		}
		e.playedOut()
		r.expect(t, "Played{true}")
		a.goes()
		elapses(20 * time.Second)
		r.expect(t, "Interrupted{}")
		a.speaks()
		elapses(6 * time.Second)
		r.expect(t)
		elapses(time.Second)
		r.expect(t, "Gathered{ 2}")
	})
}

// Who only listens to a script need not speak, and is not asked.
func TestAwayFromSilentScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.script = quiet{acting{r}}
		r.act = opening(PickUp{})
		a := r.extension("c1", "2001")
		synctest.Wait()
		if a.lulls(); a.saw("probe") {
			t.Error("asked")
		}
		a.hangup(sip.CauseNormal)
		elapses(time.Minute)
		r.settled(t)
	})
}

type quiet struct{ acting }

func (quiet) Silent() {}

// In a room, too, the script is told.
func TestAwayFromRoom(t *testing.T) {
	var room *fakeRoom
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		room = &fakeRoom{r: r, gates: map[string]media.Gate{}}
		r.act = opening(PickUp{}, Enter{Room: room, Gate: media.GateBoth})
		a := r.extension("c1", "2001")
		r.told()
		a.goes()
		r.expect(t, "Interrupted{}")
		elapses(mediaPatience)
		a.post(Media{a.id, media.Timeout{Silent: 30 * time.Second}})
		elapses(time.Minute)
		if got := r.settled(t).Cause.Text; got != "Connection of the caller lost" || len(room.left) != 1 {
			t.Errorf("%q, left %v", got, room.left)
		}
	})
}

// The two who are left of three hear of it beside each other, once, and talk on.
func TestAwayFromThree(t *testing.T) {
	together(t, func(o *trial) {
		said := func() []string { o.mu.Lock(); defer o.mu.Unlock(); return o.bridges[1].announced }
		for i, l := range []*fakeLeg{o.anna, o.bob, o.carol} {
			l.goes()
			l.lulls()
			if got := said(); len(got) != i+1 || got[i] != promptOneInterrupted {
				o.t.Fatalf("said %q", got)
			}
			o.talk(o.annas, o.bobs, o.cars)
			for _, e := range []*fakeEndpoint{o.annas, o.bobs, o.cars} {
				if e.hears() != "" {
					o.t.Errorf("%s hears %q", e.id, e.hears())
				}
			}
			l.speaks()
		}
		o.carol.goes()
		elapses(mediaPatience)
		o.carol.post(Media{o.carol.id, media.Timeout{Silent: mediaPatience}})
		o.talk(o.annas, o.bobs)
		if o.carol.cause.Text != "Connection of the called lost" {
			o.t.Errorf("carol is let go: %q", o.carol.cause.Text)
		}
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 called")
	})
}

// Who holds need not send, and is asked from time to time. Who answered once and does not any more is away: who is held is told, and hears music again.
func TestAwayOnHold(t *testing.T) {
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		b.holds()
		elapses(vigilEvery)
		b.reached(true)
		elapses(vigilEvery)
		b.reached(false)
		if as.hears() != promptInterrupted {
			t.Fatalf("a hears %q", as.hears())
		}
		as.playedOut()
		elapses(vigilAway)
		b.reached(false)
		if as.hears() != "music" {
			t.Errorf("then a hears %q", as.hears())
		}
		elapses(vigilAway)
		b.reached(true)
		if as.hears() != "music" || b.did0("probe") != 4 {
			t.Errorf("b is back and holds: a hears %q; asked %d times", as.hears(), b.did0("probe"))
		}
		b.offers("PCMU")
		elapses(time.Minute)
		if as.hears() != "" || b.did0("probe") != 4 {
			t.Errorf("b resumed: a hears %q; asked %d times", as.hears(), b.did0("probe"))
		}
	})
}

// A carrier that holds is not asked.
func TestCarrierHolds(t *testing.T) {
	mobile := ofDevice()
	mobile.Trunk = "carrier"
	for _, called := range []Destination{phone, mobile} {
		absence(t, called, func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
			b.holds()
			elapses(time.Hour)
			if b.saw("probe") || as.hears() != "music" {
				t.Errorf("asked %v, a hears %q", b.saw("probe"), as.hears())
			}
		})
	}
}

// One that never answered is left alone. One that never comes back loses the call.
func TestAwayOnHoldForGood(t *testing.T) {
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		b.holds()
		elapses(vigilEvery)
		b.reached(false)
		elapses(time.Hour)
		if as.hears() != "music" || b.did0("probe") != 1 {
			t.Errorf("a hears %q; asked %d times", as.hears(), b.did0("probe"))
		}
	})
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		bs.received = 1
		b.holds()
		elapses(vigilEvery)
		b.reached(true)
		elapses(vigilEvery)
		b.reached(false)
		for range 6 {
			if len(r.ended()) != 0 {
				t.Fatal("ended before its time")
			}
			elapses(vigilAway)
			b.reached(false)
		}
		elapses(vigilAway)
		if got := r.ended(); len(got) != 1 || got[0].Cause.Text != "Connection of the called lost" {
			t.Fatalf("CDRs %+v", got)
		}
		if l := r.ended()[0].Legs; l[0].Interruptions != 1 || l[0].Interrupted < mediaPatience {
			t.Errorf("%+v", l)
		}
	})
}

// The record tells how often, and how long: from the last that was heard to the first that is heard again.
func TestAwayIsRecorded(t *testing.T) {
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		as.received, bs.received = 1, 1
		b.lulls()
		b.reached(true)
		for range 2 {
			b.lulls() // 3 s
			elapses(2 * time.Second)
			b.reached(false)
			elapses(5 * time.Second)
			b.speaks()
			elapses(5 * time.Second)
		}
		b.goes()
		b.hangup(sip.CauseNormal)
		synctest.Wait()
		if got := r.cdrs[0].Legs; !slices.ContainsFunc(got, func(l LegMedia) bool { return l.Interruptions == 3 && l.Interrupted == 23*time.Second }) ||
			!slices.ContainsFunc(got, func(l LegMedia) bool { return l.Interruptions == 0 && l.Interrupted == 0 }) {
			t.Errorf("%+v", got)
		}
	})
}
