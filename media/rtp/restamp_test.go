package rtp

import (
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

// stream feeds packets of one source, 20 ms apart, and returns the last header out.
func stream(t *testing.T, r *Restamper, from Source, h Header, n int, at int64) (first, last Header, end int64) {
	t.Helper()
	for i := range n {
		out, ok := r.Stamp(from, h, at)
		if !ok {
			t.Fatalf("packet %d of %+v dropped", i, from)
		}
		if i == 0 {
			first = out
		}
		last = out
		h.Sequence++
		h.Timestamp += 160
		at += 20 * ms
	}
	return first, last, at
}

func TestRestampOneSource(t *testing.T) {
	r := NewRestamper(77, 0x8005, 1000, 8000)
	first, last, _ := stream(t, r, Source{1, 5}, Header{Sequence: 65530, Timestamp: 1<<32 - 320, PayloadType: 8, Start: 12, End: 172}, 100, 0)
	if first.Sequence != 5 || first.Timestamp != 1000 || !first.Marker || first.SSRC != 77 || first.PayloadType != 8 || first.End != 172 {
		t.Errorf("first: %+v", first)
	}
	if last.Sequence != 104 || last.Timestamp != 1000+99*160 || last.Marker {
		t.Errorf("last: %+v", last)
	}
}

func TestRestampKeepsLossAndOrder(t *testing.T) {
	r := NewRestamper(1, 100, 0, 8000)
	var got []uint16
	for _, seq := range []uint16{10, 11, 14, 13, 13, 9, 15, 14} { // 12 lost, 13 late and twice, 9 of before the start
		if out, ok := r.Stamp(Source{}, Header{Sequence: seq, Timestamp: uint32(seq) * 160}, int64(seq)*20*ms); ok {
			got = append(got, out.Sequence)
		}
	}
	want := []uint16{100, 101, 104, 103, 105}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v", got)
		}
	}
}

func TestRestampThroughSourceChanges(t *testing.T) {
	r := NewRestamper(1, 0, 5000, 8000)
	_, ring, at := stream(t, r, Source{1, 1}, Header{Sequence: 1, Timestamp: 99}, 50, 0)
	at += 480 * ms // half a second between the last ring-back frame and the other leg's first
	voice, last, at := stream(t, r, Source{2, 9}, Header{Sequence: 40000, Timestamp: 7}, 50, at)
	if !voice.Marker || voice.Sequence != ring.Sequence+1 || voice.Timestamp != ring.Timestamp+25*160 {
		t.Errorf("after %+v came %+v", ring, voice)
	}
	// the other leg's re-INVITE: a new SSRC at once
	next, _, _ := stream(t, r, Source{2, 10}, Header{Sequence: 3, Timestamp: 1 << 30}, 10, at)
	if !next.Marker || next.Sequence != last.Sequence+1 || next.Timestamp != last.Timestamp+160 {
		t.Errorf("after %+v came %+v", last, next)
	}
	// a late packet of the source before is a change back; a late one of this source from before its start is dropped
	if _, ok := r.Stamp(Source{2, 10}, Header{Sequence: 2, Timestamp: 1<<30 - 160}, at+10*20*ms); ok {
		t.Error("packet of before the change would take a used sequence number")
	}
}

func TestRestampNeverEarlierThanBefore(t *testing.T) {
	r := NewRestamper(1, 0, 0, 8000)
	_, a, at := stream(t, r, Source{1, 1}, Header{}, 5, 0)
	b, _, _ := stream(t, r, Source{2, 1}, Header{}, 1, at-30*ms) // comes early: jitter
	if b.Timestamp != a.Timestamp+160 {
		t.Errorf("%d after %d", b.Timestamp, a.Timestamp)
	}
}

func TestRestampMendsRestarts(t *testing.T) {
	for _, c := range []struct {
		name string
		next Header
		at   int64
		want uint32 // timestamp step
	}{
		{"sequence jumps", Header{Sequence: 30000, Timestamp: 10 * 160}, 200 * ms, 160},
		{"timestamp jumps (E8)", Header{Sequence: 10, Timestamp: 10*160 + 1_000_000}, 200 * ms, 160},
		{"timestamp falls", Header{Sequence: 10, Timestamp: 1<<32 + 10*160 - 1_000_000}, 200 * ms, 160},
		{"a minute of silence is not a jump", Header{Sequence: 10, Timestamp: 10*160 + 60*8000}, 60_200 * ms, 160 + 60*8000},
	} {
		r := NewRestamper(1, 0, 0, 8000)
		_, a, _ := stream(t, r, Source{1, 1}, Header{}, 10, 0)
		b, ok := r.Stamp(Source{1, 1}, c.next, c.at)
		if !ok || b.Sequence != a.Sequence+1 || b.Timestamp-a.Timestamp != c.want {
			t.Errorf("%s: %v %+v after %+v", c.name, ok, b, a)
		}
	}
}

// A digit has one timestamp for all its packets, through a press longer than the skew that counts as a restart.
func TestRestampDigit(t *testing.T) {
	r := NewRestamper(1, 0, 0, 8000)
	_, voice, at := stream(t, r, Source{1, 1}, Header{}, 10, 0)
	h := Header{Sequence: 10, Timestamp: 1600}
	var ts uint32
	for i := range 150 { // 3 s
		out, ok := r.Stamp(Source{1, 1}, h, at)
		if !ok || i > 0 && out.Timestamp != ts {
			t.Fatalf("%d: %v %+v", i, ok, out)
		}
		ts = out.Timestamp
		h.Sequence++
		at += 20 * ms
	}
	if ts != voice.Timestamp+160 {
		t.Errorf("digit at %d after %d", ts, voice.Timestamp)
	}
	h.Timestamp += 150 * 160
	out, ok := r.Stamp(Source{1, 1}, h, at)
	if !ok || out.Marker || out.Timestamp != ts+150*160 {
		t.Errorf("voice after the digit: %+v", out)
	}
}

// A digit of our own between the packets of the other leg: what follows must lie behind its end.
func TestRestampOwnDigit(t *testing.T) {
	r := NewRestamper(1, 0, 0, 8000)
	_, voice, at := stream(t, r, Source{1, 1}, Header{}, 10, 0)
	var digit Header
	for i := range 10 {
		out, ok := r.Stamp(Source{99, 1}, Header{Sequence: uint16(i)}, at)
		if !ok {
			t.Fatal("dropped")
		}
		digit = out
		at += 20 * ms
	}
	if digit.Timestamp != voice.Timestamp+160 {
		t.Errorf("digit at %d", digit.Timestamp)
	}
	back, _, _ := stream(t, r, Source{1, 1}, Header{Sequence: 20, Timestamp: 20 * 160}, 1, at)
	if back.Timestamp != digit.Timestamp+10*160 || back.Sequence != digit.Sequence+1 {
		t.Errorf("%+v after %+v", back, digit)
	}
}

func TestRestampGivesNoSequenceTwice(t *testing.T) {
	r := NewRestamper(1, 0, 0, 8000)
	seen := map[int64]bool{}
	seed := uint32(1)
	rnd := func(n uint32) uint32 { seed = seed*1664525 + 1013904223; return seed >> 8 % 31 % n }
	for i := range 50_000 {
		from := Source{Owner: uint64(rnd(400) / 399), SSRC: 1}
		seq := uint16(i) + uint16(rnd(7)) - 3
		if rnd(500) == 0 {
			seq += 60
		}
		out, ok := r.Stamp(from, Header{Sequence: seq, Timestamp: uint32(seq) * 160}, int64(i)*20*ms)
		if !ok {
			continue
		}
		if out.Sequence != uint16(r.top) && r.top-int64(uint16(r.top)-out.Sequence) < 0 {
			t.Fatal("before the start")
		}
		ext := r.top - int64(uint16(r.top)-out.Sequence)
		if seen[ext] {
			t.Fatalf("sequence %d twice", ext)
		}
		seen[ext] = true
	}
	if len(seen) < 20_000 {
		t.Errorf("only %d packets went through", len(seen))
	}
}

func TestMarkShifts(t *testing.T) {
	for ahead := range int64(300) {
		r := NewRestamper(1, 1000, 0, 8000)
		for _, e := range []int64{1000, 1001, 1003} {
			r.mark(e)
		}
		r.mark(1003 + ahead)
		for _, c := range []struct {
			ext  int64
			free bool
		}{{1000, false}, {1001, false}, {1002, true}, {1003, false}} {
			want := c.free && r.top-c.ext < sentWindow
			if got := r.mark(c.ext); got != want {
				t.Fatalf("%d ahead: %d gives %v", ahead, c.ext, got)
			}
		}
	}
}

func TestRestampNoAllocations(t *testing.T) {
	r := NewRestamper(1, 0, 0, 8000)
	h := Header{}
	if n := testing.AllocsPerRun(100, func() {
		h.Sequence++
		h.Timestamp += 160
		r.Stamp(Source{}, h, int64(h.Sequence)*20*ms)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
