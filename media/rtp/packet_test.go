package rtp

import (
	"bytes"
	"errors"
	"testing"

	prtp "github.com/pion/rtp"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name string
		pkt  []byte
		body string
		err  error
	}{
		{"plain", append([]byte{0x80, 0x88, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, "ab"...), "ab", nil},
		{"no payload", []byte{0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, "", nil},
		{"padding", append([]byte{0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 'a', 0, 2), "a", nil},
		{"only padding", append([]byte{0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 1), "", nil},
		{"CSRC", append([]byte{0x81, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9}, 'a'), "a", nil},
		{"extension", append([]byte{0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 1, 2, 3, 4}, 'a'), "a", nil},
		// E5
		{"0 B", nil, "", ErrMalformed},
		{"11 B", make([]byte, 11), "", ErrMalformed},
		{"version 0", make([]byte, 20), "", ErrMalformed},
		{"version 3", append([]byte{0xc0}, make([]byte, 20)...), "", ErrMalformed},
		{"padding 0", append([]byte{0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 'a', 0), "", ErrMalformed},
		{"padding 255", append([]byte{0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 'a', 255), "", ErrMalformed},
		{"padding without room", []byte{0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, "", ErrMalformed},
		{"15 CSRC missing", append([]byte{0x8f}, make([]byte, 30)...), "", ErrMalformed},
		{"extension cut", []byte{0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe}, "", ErrMalformed},
		{"absurd extension", append([]byte{0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0xff, 0xff}, make([]byte, 60)...), "", ErrMalformed},
	} {
		h, err := Parse(c.pkt)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		} else if err == nil && string(c.pkt[h.Start:h.End]) != c.body {
			t.Errorf("%s: %q", c.name, c.pkt[h.Start:h.End])
		}
	}
}

func TestAppendAndPut(t *testing.T) {
	h := Header{Marker: true, PayloadType: 8, Sequence: 65535, Timestamp: 1 << 31, SSRC: 0xdeadbeef}
	buf := make([]byte, 0, 200)
	pkt := h.Append(buf, []byte("payload"))
	back, err := Parse(pkt)
	h.Start, h.End = 12, 19
	if err != nil || back != h {
		t.Errorf("%v %+v", err, back)
	}
	payload := make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		pkt = h.Append(buf, payload)
		if _, err := Parse(pkt); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestIsRTCP(t *testing.T) {
	for _, c := range []struct {
		second byte
		want   bool
	}{{0, false}, {0x80 | 101, false}, {191, false}, {200, true}, {207, true}, {224, false}} {
		if got := IsRTCP([]byte{0x80, c.second, 0, 0, 0, 0, 0, 0}); got != c.want {
			t.Errorf("%d: %v", c.second, got)
		}
	}
	if IsRTCP([]byte{0x80, 200, 0}) {
		t.Error("three octets are no RTCP")
	}
}

// FuzzRTP: never panics, and agrees with pion/rtp on what is a packet and where its payload is.
func FuzzRTP(f *testing.F) {
	f.Add([]byte{0xb1, 0x88, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0, 0, 0, 1, 1, 2, 3, 4, 'a', 'b', 1})
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 5, 0x80, 3, 0x20})
	f.Fuzz(func(t *testing.T, pkt []byte) {
		h, err := Parse(pkt)
		if err == nil {
			if h.Start < HeaderSize || h.End < h.Start || h.End > len(pkt) {
				t.Fatalf("payload outside the packet: %+v of %d", h, len(pkt))
			}
			NewEventDetector(8000).Packet(h, pkt[h.Start:h.End], 0)
			NewReceiver(8000).Packet(h, 0, true)
			NewRestamper(1, 2, 3, 8000).Stamp(Source{}, h, 0)
			out := h.Append(nil, pkt[h.Start:h.End])
			if again, err := Parse(out); err != nil || !bytes.Equal(out[again.Start:again.End], pkt[h.Start:h.End]) || again.SSRC != h.SSRC {
				t.Fatalf("rebuilt: %v", err)
			}
		}
		var p prtp.Packet
		if e := p.Unmarshal(pkt); e == nil && p.Version == 2 && p.ExtensionProfile != 0xBEDE && p.ExtensionProfile != 0x1000 {
			if p.Padding && p.PaddingSize == 0 {
				return // pion takes a padding of 0, RFC 3550 section 5.1 does not
			}
			if err != nil || !bytes.Equal(p.Payload, pkt[h.Start:h.End]) || p.SequenceNumber != h.Sequence || p.SSRC != h.SSRC {
				t.Fatalf("pion reads %q, we %v %+v", p.Payload, err, h)
			}
		}
	})
}
