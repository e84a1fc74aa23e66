package call

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// absence lets 2001 talk with the called party, whose telephone it is.
func absence(t *testing.T, called Destination, play func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, called)
		a := r.extension("c1", "2001")
		b := r.leg(1)
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		play(r, a, b, r.endpoints[0], r.endpoints[1])
		b.hangup(sip.CauseNormal)
		synctest.Wait()
		if len(r.cdrs) != 1 {
			t.Errorf("%d CDRs", len(r.cdrs))
		}
	})
}

// ofDevice is a telephone of 2002.
func ofDevice() Destination {
	d := phone
	d.Extension = "2002"
	return d
}

func (l *fakeLeg) lulls()             { l.post(Media{l.id, media.Lull{Silent: 3 * time.Second}}); synctest.Wait() }
func (l *fakeLeg) speaks()            { l.post(Media{l.id, media.Heard{}}); synctest.Wait() }
func (l *fakeLeg) reached(there bool) { l.post(Probed{l.id, there}); synctest.Wait() }
func (l *fakeLeg) offers(s string)    { l.post(Offered{l.id, media.SDP(s)}); synctest.Wait() }
func (e *fakeEndpoint) playedOut()    { e.on(media.PlayEnded{Complete: true}); synctest.Wait() }
func (l *fakeLeg) did0(what string) (n int) {
	for _, d := range l.did {
		if d == what {
			n++
		}
	}
	return n
}

// A telephone that sends nothing is asked; only who does not answer is away. The other one is told, then hears music, and has its party back with the first
// packet.
func TestAway(t *testing.T) {
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		b.lulls()
		if !b.saw("probe") {
			t.Fatal("nobody asked")
		}
		b.reached(true) // it only saves its battery
		if as.hears() != "" {
			t.Errorf("a hears %q", as.hears())
		}
		b.lulls()
		b.reached(false)
		if as.hears() != promptInterrupted || bs.hears() != "" {
			t.Errorf("a hears %q, b %q", as.hears(), bs.hears())
		}
		as.playedOut()
		if as.hears() != "music" {
			t.Errorf("then a hears %q", as.hears())
		}
		b.lulls() // it is not said again and again
		if as.hears() != "music" {
			t.Errorf("then a hears %q", as.hears())
		}
		b.reached(true) // signalling alone is no voice
		if as.hears() != "music" {
			t.Errorf("a hears %q", as.hears())
		}
		b.speaks()
		if as.hears() != "" {
			t.Errorf("b is back, and a hears %q", as.hears())
		}
		b.lulls()
		b.reached(false)
		if as.hears() != promptInterrupted {
			t.Errorf("the second time a hears %q", as.hears())
		}
		b.offers("PCMU") // from its new network
		if as.hears() != "" {
			t.Errorf("b is back, and a hears %q", as.hears())
		}
		if got := b.did0("probe"); got != 3 {
			t.Errorf("asked %d times", got)
		}
	})
}

// Who never comes back ends the call, and the record says whose connection it was.
func TestAwayForGood(t *testing.T) {
	for _, from := range []string{"caller", "called"} {
		absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
			gone := map[string]*fakeLeg{"caller": a, "called": b}[from]
			gone.lulls()
			gone.reached(false)
			time.Sleep(mediaPatience)
			gone.post(Media{gone.id, media.Timeout{Silent: 30 * time.Second}})
			synctest.Wait()
			want := sip.Cause{Status: 200, Q850: 27, Text: "Connection of the " + from + " lost"}
			if len(r.cdrs) != 1 || r.cdrs[0].Cause != want || r.cdrs[0].EndedBy != bySwitch {
				t.Errorf("CDRs %+v", r.cdrs)
			}
		})
	}
}

// The limit is what is configured.
func TestAwayAsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ofDevice())
		r.sw.deps.Silence = time.Minute
		r.extension("c1", "2001")
		b := r.leg(1)
		b.post(Answered{b.id, media.SDP("PCMU")})
		time.Sleep(57 * time.Second)
		b.post(Media{b.id, media.Timeout{Silent: time.Minute}})
		synctest.Wait()
		if len(r.cdrs) != 0 {
			t.Error("ended too soon")
		}
		time.Sleep(2 * time.Second)
		b.post(Media{b.id, media.Timeout{Silent: time.Minute}})
		synctest.Wait()
		if len(r.cdrs) != 1 || r.cdrs[0].Cause != sip.CauseMediaTimeout {
			t.Errorf("CDRs %+v", r.cdrs)
		}
	})
}

// A carrier is not asked, nor anybody who holds or is held; who hears something else is told later.
func TestAwayIsAboutTelephones(t *testing.T) {
	absence(t, phone, func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) { // no extension's
		b.lulls()
		b.reached(false)
		if b.saw("probe") || as.hears() != "" {
			t.Errorf("probed %v, a hears %q", b.saw("probe"), as.hears())
		}
	})
	mobile := ofDevice()
	mobile.Trunk = "carrier" // of 2002, and not ours to ask
	absence(t, mobile, func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		if b.lulls(); b.saw("probe") {
			t.Error("a carrier was asked")
		}
	})
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		b.offers("hold:PCMU")
		b.lulls()
		if b.saw("probe") || as.hears() != "music" {
			t.Errorf("who holds was asked; a hears %q", as.hears())
		}
		b.offers("PCMU")
		a.offers("hold:PCMU")
		b.lulls()
		b.reached(false)
		if as.hears() != "" {
			t.Errorf("who holds hears %q", as.hears())
		}
		a.offers("PCMU")
		b.lulls()
		if as.hears() != promptInterrupted || b.did0("probe") != 1 {
			t.Errorf("a hears %q, b was asked %d times", as.hears(), b.did0("probe"))
		}
		b.offers("hold:PCMU") // it is back, and holds
		if as.hears() != "music" {
			t.Errorf("a hears %q", as.hears())
		}
		b.speaks()
		if as.hears() != "music" {
			t.Errorf("its music on hold ended: a hears %q", as.hears())
		}
	})
}

// roaming is an endpoint that is told.
type roaming struct {
	*fakeEndpoint
	from []netip.Addr
}

func (e *roaming) Roamed(a netip.Addr) { e.from = append(e.from, a) }

// A telephone in another network is heard from there, and the help that it calls by a transfer finds it there.
func TestRoamedTelephoneIsFound(t *testing.T) {
	absence(t, ofDevice(), func(r *rig, a, b *fakeLeg, as, bs *fakeEndpoint) {
		at := netip.MustParseAddr("198.51.100.7")
		c := r.sw.calls["c1"]
		ep := &roaming{fakeEndpoint: bs}
		c.winner.ep = ep
		b.post(Roamed{b.id, at, "annex"})
		a.post(Roamed{"stranger", at, "annex"})
		synctest.Wait()
		r.routes = func(q route.Request) route.Plan { return route.Plan{Refuse: sip.CauseForbidden} }
		b.post(Referred{Leg: b.id, To: to("110")})
		synctest.Wait()
		if got := r.asked[len(r.asked)-1]; got.Dialled != "110" || got.Site != "annex" {
			t.Errorf("help is called as %+v", got)
		}
		if !slices.Equal(ep.from, []netip.Addr{at}) {
			t.Errorf("media was told %v", ep.from)
		}
		c.winner.ep = bs
	})
}
