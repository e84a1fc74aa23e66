package rtp

import (
	"errors"
	"testing"
	"time"
)

func TestReceiverLoss(t *testing.T) {
	r := NewReceiver(8000)
	for i := range 100 {
		if i%10 == 3 {
			continue
		}
		r.Packet(Header{SSRC: 5, Sequence: uint16(65500 + i), Timestamp: uint32(i * 160)}, int64(i)*20*ms, true)
	}
	if r.Lost() != 10 || r.Jitter() != 0 {
		t.Errorf("lost %d jitter %v", r.Lost(), r.Jitter())
	}
	b, ok := r.Report(2000 * ms)
	if !ok || b.SSRC != 5 || b.Lost != 10 || b.Fraction != 25 || b.Highest != 65599 || b.LastSR != 0 || b.Delay != 0 {
		t.Errorf("%+v", b)
	}
	if b, _ := r.Report(2100 * ms); b.Fraction != 0 {
		t.Errorf("fraction of an empty interval %d", b.Fraction)
	}
	r.Packet(Header{SSRC: 5, Sequence: 57}, 2000*ms, false) // a late one lowers the loss
	if r.Lost() != 9 {
		t.Errorf("lost %d after a late packet", r.Lost())
	}
}

func TestReceiverSSRCChange(t *testing.T) {
	r := NewReceiver(8000)
	for _, seq := range []uint16{1, 2, 4} {
		r.Packet(Header{SSRC: 1, Sequence: seq}, 0, false)
	}
	for _, seq := range []uint16{60, 61} {
		r.Packet(Header{SSRC: 2, Sequence: seq}, 0, false)
	}
	if b, _ := r.Report(0); r.Lost() != 1 || b.SSRC != 2 || b.Lost != 0 || b.Highest != 61 {
		t.Errorf("lost %d report %+v", r.Lost(), b)
	}
	r.Packet(Header{SSRC: 2, Sequence: 20000}, 0, false) // restarted without a new SSRC
	if r.Lost() != 1 {
		t.Errorf("a restart counts as %d lost", r.Lost())
	}
	if _, ok := NewReceiver(8000).Report(0); ok {
		t.Error("report about nothing")
	}
}

func TestReceiverJitter(t *testing.T) {
	r := NewReceiver(8000)
	for i := range 1000 {
		at := int64(i)*20*ms + int64(i%2)*10*ms // every second packet 10 ms late
		r.Packet(Header{Sequence: uint16(i), Timestamp: uint32(i * 160)}, at, true)
	}
	if j := r.Jitter(); j < 9*time.Millisecond || j > 10*time.Millisecond {
		t.Errorf("jitter %v", j)
	}
}

func TestReceiverTimestampWrap(t *testing.T) {
	r := NewReceiver(8000)
	for i := range 100 {
		r.Packet(Header{Sequence: uint16(i), Timestamp: uint32(i*160) - 8000}, int64(i)*20*ms, true)
	}
	if r.Jitter() != 0 {
		t.Errorf("jitter %v from a wrap", r.Jitter())
	}
}

func TestReportsRoundTrip(t *testing.T) {
	block := Reception{SSRC: 9, Fraction: 3, Lost: -2, Highest: 70000, Jitter: 12, LastSR: 0x11112222, Delay: 0x8000}
	for _, c := range []struct {
		name string
		s    *Sender
		r    *Reception
		bye  bool
	}{
		{"SR with block", &Sender{NTP: 1<<40 + 5, Timestamp: 7, Packets: 8, Octets: 9}, &block, false},
		{"RR", nil, &block, false},
		{"empty RR and BYE", nil, nil, true},
	} {
		b, err := AppendReport([]byte("x"), 42, c.s, c.r, "naisen", c.bye)
		if err != nil || b[0] != 'x' || (len(b)-1)%4 != 0 {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := ParseRTCP(b[1:])
		if err != nil || got.SSRC != 42 || got.Bye != c.bye {
			t.Errorf("%s: %v %+v", c.name, err, got)
		}
		if (c.s == nil) != (got.Sender == nil) || c.s != nil && *c.s != *got.Sender {
			t.Errorf("%s: sender %+v", c.name, got.Sender)
		}
		if (c.r == nil) != (len(got.Reception) == 0) || c.r != nil && got.Reception[0] != *c.r {
			t.Errorf("%s: reception %+v", c.name, got.Reception)
		}
	}
}

func TestRoundTripTime(t *testing.T) {
	sent := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	peer := NewReceiver(8000)
	peer.Packet(Header{SSRC: 1}, 0, false)
	peer.SenderReport(NTP(sent), 1000*ms)
	b, _ := peer.Report(1500 * ms) // the peer answers half a second later
	got := b.RoundTrip(NTP(sent.Add(580 * time.Millisecond)))
	if got < 79*time.Millisecond || got > 81*time.Millisecond {
		t.Errorf("round trip %v", got)
	}
	if (Reception{}).RoundTrip(NTP(sent)) != 0 || b.RoundTrip(NTP(sent)) != 0 {
		t.Error("round trip out of nothing, or negative")
	}
	if NTP(time.Unix(0, 500_000_000))>>32 != 2208988800 || uint32(NTP(time.Unix(0, 500_000_000))) != 1<<31 {
		t.Error("NTP epoch")
	}
}

func TestParseRTCPBounds(t *testing.T) {
	for _, b := range [][]byte{nil, {0x80, 200}, make([]byte, 8), append([]byte{0x80, 200, 0xff, 0xff}, make([]byte, 40)...), make([]byte, 9000)} {
		if _, err := ParseRTCP(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d octets: %v", len(b), err)
		}
	}
}

func FuzzRTCP(f *testing.F) {
	b, err := AppendReport(nil, 1, &Sender{}, &Reception{SSRC: 2}, "x", true)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, pkt []byte) {
		c, err := ParseRTCP(pkt)
		if err != nil {
			return
		}
		if len(c.Reception) > 31*maxRTCPPackets {
			t.Fatalf("%d blocks", len(c.Reception))
		}
		for _, r := range c.Reception {
			if r.RoundTrip(1<<40) < 0 {
				t.Fatal("negative round trip")
			}
		}
	})
}
