package jitter_test

import (
	"encoding/binary"
	"testing"
	"time"

	"naisen/media/jitter"
	"naisen/media/mediatest"
)

const (
	ms    = int64(time.Millisecond)
	frame = 160
)

func number(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// outcome of a run: what was played, in order, and the longest stretch in which nothing was.
type outcome struct {
	played, merged []int
	lost, waited   int
	longest        int64
}

// run plays n packets, each 20 ms, that arrive as the schedule says, with a tick every 20 ms from the first packet's time on.
func run(b *jitter.Buffer, arrivals []mediatest.Arrival, n int, stamp func(i int) uint32) outcome {
	var o outcome
	next, tick, last := 0, int64(-1), int64(-1)
	end := int64(n)*20*ms + 1000*ms
	for now := int64(0); now < end; now += ms {
		for next < len(arrivals) && int64(arrivals[next].At) <= now {
			i := arrivals[next].Index
			b.Put(stamp(i), frame, number(i), now)
			next++
		}
		if at, ok := b.Start(); ok && tick < 0 && now >= at {
			tick = now
		}
		if tick < 0 || now < tick {
			continue
		}
		tick += 20 * ms
		switch what, _, payload := b.Next(now); what {
		case jitter.Play, jitter.Merge:
			i := int(binary.BigEndian.Uint32(payload))
			o.played = append(o.played, i)
			if what == jitter.Merge {
				o.merged = append(o.merged, i)
				_, _, payload = b.Next(now)
				o.played = append(o.played, int(binary.BigEndian.Uint32(payload)))
			}
			if last >= 0 {
				o.longest = max(o.longest, now-last)
			}
			last = now
		case jitter.Lost:
			o.lost++
		case jitter.Wait:
			o.waited++
		case jitter.Dry:
			tick = -1
		}
	}
	return o
}

func plain(i int) uint32 { return uint32(i) * frame }

func inOrder(t *testing.T, o outcome) {
	t.Helper()
	for i := 1; i < len(o.played); i++ {
		if o.played[i] <= o.played[i-1] {
			t.Fatalf("packet %d after %d", o.played[i], o.played[i-1])
		}
	}
}

func TestPerfectNetwork(t *testing.T) {
	b := jitter.New(8000)
	o := run(b, mediatest.Impairment{Delay: 30 * time.Millisecond}.Schedule(500, 20*time.Millisecond), 500, plain)
	inOrder(t, o)
	if len(o.played) != 500 || o.lost != 0 || b.Delay() > 20*time.Millisecond {
		t.Errorf("%d played, %+v, delay %v", len(o.played), b.Count, b.Delay())
	}
}

// The delay follows the network up, and down again when it is good.
func TestAdapts(t *testing.T) {
	for _, c := range []struct {
		jitter   time.Duration
		min, max time.Duration
		share    float64
	}{{40 * time.Millisecond, 40 * time.Millisecond, 65 * time.Millisecond, 0.97}, {200 * time.Millisecond, 170 * time.Millisecond, 230 * time.Millisecond, 0.94}} {
		b := jitter.New(8000)
		o := run(b, mediatest.Impairment{Jitter: c.jitter, Seed: 4}.Schedule(1500, 20*time.Millisecond), 1500, plain)
		inOrder(t, o)
		if d := b.Delay(); d < c.min || d > c.max {
			t.Errorf("jitter of %v: delay %v", c.jitter, d)
		}
		if share := float64(len(o.played)) / 1500; share < c.share || o.longest > 100*ms {
			t.Errorf("jitter of %v: %.3f played, longest gap %d ms, %+v", c.jitter, share, o.longest/ms, b.Count)
		}
	}
	b := jitter.New(8000)
	bad := mediatest.Impairment{Jitter: 150 * time.Millisecond, Seed: 5}.Schedule(500, 20*time.Millisecond)
	for i := 500; i < 3000; i++ {
		bad = append(bad, mediatest.Arrival{Index: i, At: time.Duration(i) * 20 * time.Millisecond})
	}
	o := run(b, bad, 3000, plain)
	inOrder(t, o)
	if b.Delay() > 25*time.Millisecond || b.Count.Merged < 4 || len(o.played) < 2950 {
		t.Errorf("delay %v after a minute without jitter, %+v", b.Delay(), b.Count)
	}
}

func TestLossReorderAndDuplicates(t *testing.T) {
	b := jitter.New(8000)
	arrivals := mediatest.Impairment{Loss: 0.4, Duplicate: 0.1, Jitter: 60 * time.Millisecond, Seed: 9}.Schedule(2000, 20*time.Millisecond)
	o := run(b, arrivals, 2000, plain)
	inOrder(t, o)
	if len(o.played) < 1100 || o.lost < 600 || b.Count.Doubled == 0 {
		t.Errorf("%d played, %d lost, %+v", len(o.played), o.lost, b.Count)
	}
}

// Timestamps wrap, jump and stop; every voice comes out again.
func TestTimestamps(t *testing.T) {
	for name, stamp := range map[string]func(int) uint32{
		"wrap":         func(i int) uint32 { return uint32(i)*frame - 100*frame },
		"jump forward": func(i int) uint32 { return plain(i) + uint32(i/100)*1_000_000 },
		"jump back":    func(i int) uint32 { return plain(i) - uint32(i/100)*1_000_000 },
	} {
		b := jitter.New(8000)
		o := run(b, mediatest.Impairment{Jitter: 10 * time.Millisecond}.Schedule(300, 20*time.Millisecond), 300, stamp)
		inOrder(t, o)
		if len(o.played) < 288 || o.longest > 100*ms {
			t.Errorf("%s: %d played, longest gap %d ms, %+v", name, len(o.played), o.longest/ms, b.Count)
		}
	}
	b := jitter.New(8000)
	var talk []mediatest.Arrival // silence suppression: two seconds of voice, two without a packet
	for i := range 500 {
		if i/100%2 == 0 {
			talk = append(talk, mediatest.Arrival{Index: i, At: time.Duration(i) * 20 * time.Millisecond})
		}
	}
	if o := run(b, talk, 500, plain); len(o.played) != 300 || b.Count.Restarts != 0 {
		t.Errorf("silences: %d played, %+v", len(o.played), b.Count)
	}
}

// A sender whose clock is wrong by a thousandth is followed for an hour's worth of drift in a minute.
func TestClockDrift(t *testing.T) {
	for _, each := range []time.Duration{19980 * time.Microsecond, 20020 * time.Microsecond} {
		b := jitter.New(8000)
		var arrivals []mediatest.Arrival
		for i := range 3000 {
			arrivals = append(arrivals, mediatest.Arrival{Index: i, At: time.Duration(i) * each})
		}
		o := run(b, arrivals, 3000, plain)
		inOrder(t, o)
		if len(o.played) < 2990 || o.longest > 60*ms {
			t.Errorf("%v: %d played, longest gap %d ms, %+v", each, len(o.played), o.longest/ms, b.Count)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	b := jitter.New(8000)
	payload, i := make([]byte, frame), 0
	step := func() {
		b.Put(plain(i), frame, payload, int64(i)*20*ms)
		b.Next(int64(i) * 20 * ms)
		i++
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// Whatever comes: never more than the capacity, never out of order within a stream, and a good stream afterwards is heard.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 200, 0, 0, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		b := jitter.New(8000)
		now := int64(0)
		for ; len(script) >= 4; script = script[4:] {
			now += int64(script[0]) * ms
			ts := uint32(script[1])<<24>>(script[3]&31) + uint32(script[2])*80
			b.Put(ts, int(script[3])*4, script[:script[3]&3], now)
			what, n, payload := b.Next(now)
			if n < 0 || what == jitter.Dry && n != 0 || (what == jitter.Play || what == jitter.Merge) != (payload != nil) && len(payload) > 0 {
				t.Fatalf("%v %d %d", what, n, len(payload))
			}
		}
		good := 0
		for i := range 200 {
			now += 20 * ms
			b.Put(1<<20+plain(i), frame, number(i), now)
			if what, _, payload := b.Next(now); (what == jitter.Play || what == jitter.Merge) && len(payload) == 4 {
				good++
			}
		}
		if good < 100 {
			t.Fatalf("%d of 200 good packets were played: %+v", good, b.Count)
		}
	})
}
