package rtp

import (
	"encoding/binary"
	"testing"
	"time"
)

func event(code byte, end bool, length uint16) []byte {
	p := []byte{code, 10, 0, 0}
	if end {
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint16(p[2:], length)
	return p
}

type packetIn struct {
	ts     uint32
	code   byte
	end    bool
	length uint16
}

func TestEventDetector(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []packetIn
		want string
		last time.Duration
	}{
		{"end three times is one digit (E14)", []packetIn{
			{100, 5, false, 160}, {100, 5, false, 320}, {100, 5, true, 480}, {100, 5, true, 480}, {100, 5, true, 480}}, "5", 60 * time.Millisecond},
		{"same key twice", []packetIn{{100, 1, true, 800}, {100, 1, true, 800}, {2000, 1, true, 800}, {2000, 1, true, 800}}, "11", 100 * time.Millisecond},
		{"only one end packet arrives", []packetIn{{100, 11, true, 400}}, "#", 50 * time.Millisecond},
		{"end packets lost, next key tells", []packetIn{{100, 10, false, 160}, {100, 10, false, 320}, {2000, 0, true, 160}}, "*0", 20 * time.Millisecond},
		{"late packet after the end", []packetIn{{100, 9, true, 480}, {100, 9, false, 320}}, "9", 60 * time.Millisecond},
		{"late packet of the key before", []packetIn{{100, 9, true, 480}, {900, 8, false, 160}, {100, 9, true, 480}, {900, 8, true, 320}}, "98", 40 * time.Millisecond},
		{"late packet of a key that was never seen", []packetIn{{900, 8, false, 160}, {100, 9, false, 160}, {900, 8, true, 320}}, "8", 40 * time.Millisecond},
		{"ABCD", []packetIn{{1, 12, true, 160}, {2, 13, true, 160}, {3, 14, true, 160}, {4, 15, true, 160}}, "ABCD", 20 * time.Millisecond},
		{"flash and beyond are no digits", []packetIn{{1, 16, true, 160}, {2, 255, true, 160}}, "", 0},
		{"long press in segments", []packetIn{
			{100, 3, false, 160}, {100, 3, false, 65535}, {100 + 65535, 3, false, 160}, {100 + 65535, 3, true, 4465}}, "3", 8750 * time.Millisecond},
	} {
		d := NewEventDetector(8000)
		got, last := "", time.Duration(0)
		for i, p := range c.in {
			for _, press := range d.Packet(Header{Timestamp: p.ts}, event(p.code, p.end, p.length), int64(i)*20*ms) {
				got, last = got+string(press.Rune), press.Duration
			}
		}
		if got != c.want || last != c.last || d.Pressed() {
			t.Errorf("%s: %q last %v", c.name, got, last)
		}
	}
}

func TestEventExpires(t *testing.T) {
	d := NewEventDetector(8000)
	d.Packet(Header{Timestamp: 1}, event(7, false, 800), 0)
	if got := d.Expire(299 * ms); len(got) != 0 || !d.Pressed() {
		t.Errorf("too early: %v", got)
	}
	if got := d.Expire(301 * ms); len(got) != 1 || got[0].Rune != '7' || got[0].Duration != 100*time.Millisecond {
		t.Errorf("%v", got)
	}
	if got := d.Expire(900 * ms); len(got) != 0 {
		t.Errorf("twice: %v", got)
	}
	if got := d.Packet(Header{Timestamp: 1}, event(7, true, 900), 400*ms); len(got) != 0 {
		t.Errorf("end packet after the expiry: %v", got)
	}
	if got := d.Packet(Header{}, []byte{1, 0x80, 0}, 0); len(got) != 0 {
		t.Errorf("short payload: %v", got)
	}
}

func TestEventGenerator(t *testing.T) {
	e, ok := NewEvent('#', 100*time.Millisecond, 8000)
	if !ok || e.Duration() != 800 {
		t.Fatalf("%v", ok)
	}
	d := NewEventDetector(8000)
	var lengths []uint16
	var markers, ends int
	presses := ""
	for i := 0; ; i++ {
		p, marker, ok := e.Next()
		if !ok {
			break
		}
		if marker {
			markers++
			if i != 0 {
				t.Error("marker later than the first packet")
			}
		}
		if p[0] != 11 || p[1]&0x40 != 0 {
			t.Errorf("payload %x", p)
		}
		if p[1]&0x80 != 0 {
			ends++
		}
		lengths = append(lengths, binary.BigEndian.Uint16(p[2:]))
		for _, x := range d.Packet(Header{Timestamp: 4711}, p, 0) {
			presses += string(x.Rune)
		}
	}
	want := []uint16{160, 320, 480, 640, 800, 800, 800}
	if len(lengths) != len(want) || markers != 1 || ends != 3 || presses != "#" {
		t.Fatalf("lengths %v markers %d ends %d presses %q", lengths, markers, ends, presses)
	}
	for i := range want {
		if lengths[i] != want[i] {
			t.Errorf("lengths %v", lengths)
		}
	}
	for _, r := range "xé F\x00" {
		if _, ok := NewEvent(r, time.Second, 8000); ok {
			t.Errorf("%q is no digit", r)
		}
	}
	for _, r := range digits {
		if _, ok := NewEvent(r, 0, 8000); !ok {
			t.Errorf("%q is a digit", r)
		}
	}
}
