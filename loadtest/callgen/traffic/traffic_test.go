package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/relay"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func leg(t *testing.T, p Protection) *Leg {
	t.Helper()
	l, err := NewLeg(loopback, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// talk lets two legs that hear each other talk, directly or by way of a relay.
func talk(t *testing.T, p Protection, through bool) *Generator {
	t.Helper()
	a, b := leg(t, p), leg(t, p)
	if through {
		bridge(t, a, b)
	} else {
		offer, err := a.Offer()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.Answer(offer)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Accept(answer); err != nil {
			t.Fatal(err)
		}
	}
	g, err := NewGenerator(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	for _, l := range []*Leg{a, b} {
		if err := g.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Run(context.Background(), 100*time.Millisecond, false); err != nil {
		t.Fatal(err)
	}
	g.Reset()
	if err := g.Run(context.Background(), 400*time.Millisecond, true); err != nil {
		t.Fatal(err)
	}
	return g
}

func bridge(t *testing.T, legs ...*Leg) {
	t.Helper()
	e, err := relay.New(relay.Config{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	br := e.Bridge()
	for _, l := range legs {
		ep, err := e.Endpoint(media.Profile{Local: loopback, SecureSIP: true}, func(media.Event) {})
		if err != nil {
			t.Fatal(err)
		}
		offer, err := l.Offer()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := ep.Answer(offer, media.Want{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Accept(answer); err != nil {
			t.Fatal(err)
		}
		if err := br.Join(ep); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTalk(t *testing.T) {
	for _, through := range []bool{false, true} {
		for _, p := range []Protection{Plain, CM, GCM} {
			g := talk(t, p, through)
			c := g.Counts()
			if c.Sent < 2 || c.Sent > 42 || c.Lost != 0 || c.Received != c.Sent || c.Duplicates+c.Corrupt+c.Refused != 0 || c.Silent != 0 {
				t.Errorf("%s through %v: %+v", p, through, c)
			}
			if d := g.Delay.Quantile(.5); d <= 0 {
				t.Errorf("%s through %v: delay %v", p, through, d)
			}
		}
	}
}

// Who was dropped is silent, and the others talk on.
func TestDrop(t *testing.T) {
	g := talk(t, Plain, false)
	first, second := g.legs[0], g.legs[1]
	extra, err := NewLeg(loopback, Plain) // the generator closes it
	if err != nil {
		t.Fatal(err)
	}
	offer, err := extra.Offer()
	if err != nil {
		t.Fatal(err)
	}
	other := leg(t, Plain)
	answer, err := other.Answer(offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(extra.Accept(answer), g.Add(extra)); err != nil {
		t.Fatal(err)
	}
	g.Drop(extra)
	g.Reset()
	if err := g.Run(t.Context(), 200*time.Millisecond, true); err != nil {
		t.Fatal(err)
	}
	if extra.sent != 0 || len(g.legs) != 2 || first.received == 0 || second.received == 0 {
		t.Errorf("dropped: sent %d; %d legs; others received %d and %d", extra.sent, len(g.legs), first.received, second.received)
	}
}

func TestLossIsSeen(t *testing.T) {
	a, b := leg(t, Plain), leg(t, Plain)
	offer, _ := a.Offer()
	answer, err := b.Answer(offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Accept(answer); err != nil {
		t.Fatal(err)
	}
	d := a.deal.Load()
	var buf [2048]byte
	pkt := func() []byte {
		p, err := a.packet(d, buf[:], 1000)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte(nil), p...)
	}
	ids := map[uint32]*Leg{a.id: a, 7: {}}
	first, _, third, fourth := pkt(), pkt(), pkt(), pkt()
	for i, step := range []struct {
		pkt      []byte
		measured bool
	}{{first, true}, {fourth, true}, {third, true}, {third, false}, {first, false}} {
		if got := b.take(append([]byte(nil), step.pkt...), 3000, ids); got.measured != step.measured || got.measured && got.delay != 2000 {
			t.Errorf("step %d: %+v", i, got)
		}
	}
	b.take([]byte{1, 2, 3}, 0, ids)
	stale := pkt()
	foreign := append([]byte(nil), stale...)
	binary.BigEndian.PutUint32(foreign[16:], 7) // another leg's
	a.round++
	b.take(stale, 0, ids) // of the round before
	b.take(foreign, 0, ids)
	if b.received != 3 || b.duplicates != 2 || b.reordered != 1 || b.corrupt != 2 {
		t.Errorf("received %d, duplicates %d, reordered %d, corrupt %d", b.received, b.duplicates, b.reordered, b.corrupt)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(.5) != 0 {
		t.Error("empty")
	}
	for us := range int64(100) {
		h.Add(us * 1000)
	}
	h.Add(int64(time.Second))
	h.Add(-5)
	if got := h.Quantile(.5); got != 50*time.Microsecond {
		t.Errorf("median %v", got)
	}
	if h.Quantile(1) != time.Second || h.Max() != time.Second {
		t.Errorf("max %v", h.Max())
	}
}

func TestRefusals(t *testing.T) {
	if _, err := NewLeg(loopback, "none"); !errors.Is(err, ErrProtection) {
		t.Error(err)
	}
	if _, err := NewLeg(netip.IPv6Loopback(), Plain); err == nil {
		t.Error("IPv6")
	}
	g, err := NewGenerator(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := g.Add(leg(t, Plain)); !errors.Is(err, ErrNotNegotiated) {
		t.Error(err)
	}
}
