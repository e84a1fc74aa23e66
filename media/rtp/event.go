package rtp

import (
	"encoding/binary"
	"strings"
	"time"
)

// EventSize is the size of a telephone-event payload (RFC 4733 section 2.3).
const EventSize = 4

const (
	digits       = "0123456789*#ABCD" // event codes 0 to 15, RFC 4733 section 3.2
	volume       = 10                 // -10 dBm0, as phones send
	endRepeats   = 3                  // RFC 4733 section 2.5.1.4
	maxDuration  = 0xffff             // one segment, RFC 4733 section 2.5.1.3
	lostEnd      = 300 * time.Millisecond
	recentEvents = 4
)

// IsDigit says whether r can be sent as an event: 0-9, *, #, A-D.
func IsDigit(r rune) bool { return r < 0x80 && strings.ContainsRune(digits, r) }

// Press is one recognised key press.
type Press struct {
	Rune     rune
	Duration time.Duration
}

// EventDetector turns telephone-event packets into presses, each exactly once: it is reported with the first end packet, or, when
// all end packets are lost, with the next event or by Expire. Not safe for concurrent use.
type EventDetector struct {
	clock   int64
	active  bool
	code    uint8
	ts      uint32 // of the first segment
	segment uint32 // timestamp of the current segment
	whole   uint32 // duration of the segments before, RTP clock units
	length  uint32 // duration so far of the current one
	last    int64  // arrival of its last packet
	done    [recentEvents]uint32
	doneLen int
	doneAt  int
	out     [2]Press
}

// NewEventDetector for events on the given RTP clock, Hz.
func NewEventDetector(clock int) *EventDetector { return &EventDetector{clock: int64(clock)} }

// Clock of the events, Hz.
func (d *EventDetector) Clock() int { return int(d.clock) }

// Packet takes one telephone-event payload. The result, of at most two presses, is valid until the next call.
// Malformed payloads and events other than the sixteen digits give nothing.
func (d *EventDetector) Packet(h Header, payload []byte, now int64) []Press {
	if len(payload) < EventSize || payload[0] >= uint8(len(digits)) {
		return nil
	}
	code, end, length := payload[0], payload[1]&0x80 != 0, uint32(binary.BigEndian.Uint16(payload[2:]))
	n := 0
	switch {
	case d.active && h.Timestamp == d.segment:
	case d.active && code == d.code && h.Timestamp == d.segment+maxDuration: // the next segment of a long press
		d.whole, d.segment, d.length = d.whole+maxDuration, h.Timestamp, 0
	case d.finished(h.Timestamp):
		return nil // a repeated end packet, or a late one of an event that was told
	case d.active && int32(h.Timestamp-d.segment) < 0:
		return nil // late, and never seen as active: older than what is being pressed
	default:
		if d.active {
			d.out[n] = d.close()
			n++
		}
		d.active, d.code, d.ts, d.segment, d.whole, d.length = true, code, h.Timestamp, h.Timestamp, 0, 0
	}
	d.length, d.last = max(d.length, length), now
	if end {
		d.out[n] = d.close()
		n++
	}
	return d.out[:n]
}

// Expire reports a press whose end packets were all lost; call it now and then, every 100 ms or with each audio packet.
func (d *EventDetector) Expire(now int64) []Press {
	if !d.active || now-d.last < int64(lostEnd) {
		return nil
	}
	d.out[0] = d.close()
	return d.out[:1]
}

// Pressed says whether an event is in progress.
func (d *EventDetector) Pressed() bool { return d.active }

func (d *EventDetector) close() Press {
	d.active = false
	d.done[d.doneAt] = d.segment
	d.doneAt = (d.doneAt + 1) % recentEvents
	d.doneLen = min(d.doneLen+1, recentEvents)
	length := time.Duration(int64(d.whole+d.length) * int64(time.Second) / d.clock)
	return Press{Rune: rune(digits[d.code]), Duration: length}
}

func (d *EventDetector) finished(ts uint32) bool {
	for _, t := range d.done[:d.doneLen] {
		if t == ts {
			return true
		}
	}
	return false
}

// Event generates the packets of one press, one for every 20 ms: a fixed timestamp, a growing duration, the marker on the first and
// the last one three times with the end bit (RFC 4733 section 2.5).
type Event struct {
	code    uint8
	frame   uint32
	total   uint32
	length  uint32
	ends    int
	payload [EventSize]byte
}

// NewEvent prepares a press of the given length, held between 40 ms and 8 s; ok is false if r is no digit.
func NewEvent(r rune, length time.Duration, clock int) (e *Event, ok bool) {
	if !IsDigit(r) {
		return nil, false
	}
	length = min(max(length, 40*time.Millisecond), 8*time.Second)
	frame := uint32(clock / 50)
	total := uint32(int64(length) * int64(clock) / int64(time.Second))
	total = (total + frame - 1) / frame * frame
	return &Event{code: uint8(strings.IndexRune(digits, r)), frame: frame, total: min(total, maxDuration)}, true
}

// Next gives the payload of the next packet; ok is false when the event is over. All packets carry the same timestamp and each the
// next sequence number. The payload is valid until the next call. The three end packets need not be 20 ms apart.
func (e *Event) Next() (payload []byte, marker, ok bool) {
	if e.ends == endRepeats {
		return nil, false, false
	}
	marker = e.length == 0
	if e.length < e.total {
		e.length = min(e.length+e.frame, e.total)
	}
	e.payload = [EventSize]byte{e.code, volume}
	if e.length == e.total {
		e.payload[1] |= 0x80
		e.ends++
	}
	binary.BigEndian.PutUint16(e.payload[2:], uint16(e.length))
	return e.payload[:], marker, true
}

// Duration of the press in RTP clock units.
func (e *Event) Duration() uint32 { return e.total }
