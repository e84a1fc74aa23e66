package capture

import (
	"bytes"
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

func held(n int) func(*Config) { return func(c *Config) { c.Rings = n } }

// untouched says that nothing of what was held is left: not in rings, not where keys stand, not where chunks are worked on.
func (r *rings) untouched() bool {
	return !slices.ContainsFunc([][]byte{r.mem, r.keys, r.work}, func(m []byte) bool {
		return slices.ContainsFunc(m, func(b byte) bool { return b != 0 })
	})
}

// talkOn lets both parties say frames from to to, 20 ms each.
func talkOn(h recorder.Recording, from, to int) {
	for n := from; n < to; n++ {
		h.Tap().Tap(rtp("A", n))
		h.Tap().Tap(rtp("B", n))
		<-time.After(20 * time.Millisecond)
	}
}

// numbers are the sequence numbers of a party's frames, in order, and when the first and the last of them came.
func numbers(all []journal.Record, party uint8) (seq []uint16, first, last time.Duration) {
	for _, x := range all {
		if x.Kind == journal.KindFrame && x.Frame.Party == party {
			if len(seq) == 0 {
				first = x.Frame.At
			}
			seq, last = append(seq, x.Frame.Sequence), x.Frame.At
		}
	}
	return seq, first, last
}

// TestHeldIsKept: what was said in the last two minutes before somebody asked is the beginning of the recording, each frame once and at its time, and what
// comes goes on behind it. Who had left before is not there.
func TestHeldIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held(2))
		began := time.Now()
		h, err := b.Hold(twoParties("r1"), time.Hour) // never more than two minutes
		if err != nil {
			t.Fatal(err)
		}
		c := h.(*recording)
		h.Party(recorder.Party{Endpoint: "C", Role: "called", Number: "3"})
		c.Linked(recorder.Link{Call: "c0", How: recorder.Follows})
		talkOn(h, 0, 2500) // 50 s
		c.Left("C")
		c.Pause(recorder.Order{By: "2001", How: recorder.ByCode})
		talkOn(h, 2500, 3000)
		c.Resume(recorder.Order{By: "2001", How: recorder.ByCode})
		talkOn(h, 3000, 10000) // to 200 s
		h.Party(recorder.Party{Endpoint: "D", Role: "called", Number: "4"})
		if s := b.Stats(); s.Live != 0 || s.Holding != 1 || s.Bytes != 0 || len(b.began) != 0 {
			t.Errorf("before: %+v, %d began", s, len(b.began))
		}
		if bytes.Contains(b.rings.mem, bytes.Repeat([]byte{7}, 20)) {
			t.Error("a voice is plain in the ring")
		}
		asked := &recorder.Asked{Order: recorder.Order{By: "2002", How: recorder.ByCode}, At: time.Now()}
		h.Keep(recorder.Case{DID: "100", Policy: "counter", RetentionDays: 30, Asked: asked, Parties: twoParties("").Parties})
		h.Keep(recorder.Case{DID: "again"})
		talkOn(h, 10000, 10500)
		h.Stop(time.Now(), "bye")
		<-b.ended
		all, r := b.read(t, "r1")
		k := all[0].Case
		if !r.Complete() || k.DID != "100" || k.Policy != "counter" || k.RetentionDays != 30 || k.Domain != "d" || k.Call != "c" || k.ID != "r1" || k.Asked == nil ||
			k.Asked.By != "2002" {
			t.Errorf("%+v", k)
		}
		before := time.Duration(k.Asked.BeforeMS) * time.Millisecond
		if before > MaxWindow || before < MaxWindow-150*time.Millisecond || k.Started.Sub(began) != 200*time.Second-before {
			t.Errorf("%v are kept from before, the case began after %v", before, k.Started.Sub(began))
		}
		for party := range uint8(2) {
			seq, first, last := numbers(all, party)
			skipped := 10000 - int(before/(20*time.Millisecond))
			for i, n := range seq {
				if int(n) != skipped+i {
					t.Fatalf("party %d: frame %d where %d should be", party, n, skipped+i)
				}
			}
			if first > 20*time.Millisecond || last != before+10*time.Second-20*time.Millisecond || len(seq) != 10500-skipped {
				t.Errorf("party %d: %d frames from %v to %v", party, len(seq), first, last)
			}
		}
		for _, x := range all {
			switch {
			case x.Kind == journal.KindParty && x.Party.Index == 2, x.Kind == journal.KindLeft, x.Kind == journal.KindPause:
				t.Errorf("of before: %+v", x)
			case x.Kind == journal.KindParty && x.Party.Index == 3 && x.Party.At != before:
				t.Errorf("who came last came at %v", x.Party.At)
			case x.Kind == journal.KindStop && x.Stop.At != before+10*time.Second:
				t.Errorf("stopped at %v", x.Stop.At)
			}
		}
		if s := b.Stats(); s.Holding != 0 || s.Kept != 1 || s.Forgotten != 0 || s.Dropped != 0 || !b.rings.untouched() || len(b.rings.free) != 2 {
			t.Errorf("after: %+v, ring and key cleared: %v, %d free", s, b.rings.untouched(), len(b.rings.free))
		}
		b.Close()
	})
}

// TestHeldIsForgotten: if nobody asks there is no journal, no row, and nothing left in memory, whichever way the call ends.
func TestHeldIsForgotten(t *testing.T) {
	for _, how := range []string{"the call ends", "the switch ends"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, held(1))
			h, err := b.Hold(twoParties("r1"), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			talkOn(h, 0, 1000)
			if b.rings.untouched() {
				t.Fatal("nothing is held at all")
			}
			h.Tap().Tap(rtp("A", 1000)) // waits in the queue
			if how == "the call ends" {
				h.Stop(time.Now(), "bye")
				<-time.After(2 * b.cfg.Drain)
				h.Keep(recorder.Case{}) // too late
				h.Tap().Tap(rtp("A", 1001))
				<-time.After(2 * b.cfg.Drain)
			} else if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if s := b.Stats(); s.Forgotten != 1 || s.Kept != 0 || s.Holding != 0 || s.Live != 0 || s.Finished != 0 || s.Bytes != 0 {
				t.Errorf("%s: %+v", how, s)
			}
			if !b.rings.untouched() || b.Live("r1") || len(b.files)+len(b.began)+len(b.ended) != 0 {
				t.Errorf("%s: cleared %v, live %v, %d files", how, b.rings.untouched(), b.Live("r1"), len(b.files))
			}
			for i := range b.pool.used.Load() + 1 {
				if slices.ContainsFunc(b.pool.blocks[i].data[:], func(x byte) bool { return x != 0 }) {
					t.Fatalf("%s: a frame is left in the queues' memory", how)
				}
			}
			b.Close()
		})
	}
}

// TestHeldIsBounded: there is room for so many calls and no more, and somebody counts those that had none. One that ends makes room.
func TestHeldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held(2))
		first, err := b.Hold(twoParties("r1"), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Hold(twoParties("r1"), time.Minute); !errors.Is(err, ErrExists) {
			t.Errorf("twice: %v", err)
		}
		if _, err := b.Hold(twoParties("r2"), time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Hold(twoParties("r3"), time.Minute); !errors.Is(err, ErrNoRing) {
			t.Errorf("one too many: %v", err)
		}
		if s := b.Stats(); s.Holding != 2 || s.Held != 2 || s.NotHeld != 2 {
			t.Errorf("%+v", s)
		}
		first.Stop(time.Now(), "bye")
		<-time.After(time.Second)
		if _, err := b.Hold(twoParties("r3"), time.Minute); err != nil {
			t.Errorf("after one ended: %v", err)
		}
		b.Close()
		none := newBench(t, nil)
		if _, err := none.Hold(twoParties("r1"), time.Minute); !errors.Is(err, ErrNoRing) {
			t.Errorf("where none is wished for: %v", err)
		}
		none.Close()
	})
}

// TestHeldTakesNobodysPlace: calls that are only held are none of the recordings that may run at once, and each of them can become one even then.
func TestHeldTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *Config) { c.Max, c.Rings = 1, 2 })
		var held []recorder.Held
		for _, id := range []string{"h1", "h2"} {
			h, err := b.Hold(twoParties(id), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, h)
		}
		rec, err := b.Start(twoParties("r1"))
		if err != nil {
			t.Fatalf("beside two that are held: %v", err)
		}
		if _, err := b.Start(twoParties("r2")); !errors.Is(err, ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		for _, h := range held {
			h.Keep(twoParties(""))
		}
		for n := range 50 {
			for _, c := range append([]recorder.Recording{rec}, held[0], held[1]) {
				c.Tap().Tap(rtp("A", n))
			}
			<-time.After(20 * time.Millisecond)
		}
		if _, err := b.Hold(twoParties("h3"), time.Minute); !errors.Is(err, ErrTooMany) {
			t.Errorf("three run, and one more is held, for whose journal there is no room: %v", err)
		}
		for _, c := range append([]recorder.Recording{rec}, held[0], held[1]) {
			c.Stop(time.Now(), "bye")
		}
		for range 3 {
			<-b.ended
		}
		for _, id := range []string{"r1", "h1", "h2"} {
			all, r := b.read(t, id)
			if seq, _, _ := numbers(all, 0); !r.Complete() || len(seq) != 50 {
				t.Errorf("%s: %d frames, complete: %v", id, len(seq), r.Complete())
			}
		}
		b.Close()
	})
}

// TestHeldOverflows: packets that are too large for two minutes leave a shorter stretch, and a whole one.
func TestHeldOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held(1))
		h, err := b.Hold(twoParties("r1"), MaxWindow)
		if err != nil {
			t.Fatal(err)
		}
		const last = 3000
		for n := range last {
			f := rtp("A", n)
			f.Payload = bytes.Repeat([]byte{byte(n)}, maxPayload)
			h.Tap().Tap(f)
			<-time.After(20 * time.Millisecond)
		}
		h.Keep(recorder.Case{})
		h.Stop(time.Now(), "bye")
		<-b.ended
		all, _ := b.read(t, "r1")
		seq, first, _ := numbers(all, 0)
		if most := ringSize / maxPayload; len(seq) > most || len(seq) < most*9/10 || int(seq[len(seq)-1]) != last-1 || first != 0 {
			t.Fatalf("%d frames, the last %d, the first at %v", len(seq), seq[len(seq)-1], first)
		}
		for i := range seq[1:] {
			if seq[i+1] != seq[i]+1 {
				t.Fatalf("%d follows %d", seq[i+1], seq[i])
			}
		}
		b.Close()
	})
}

// TestHeldWhileTheDiskRefuses: what is held waits for the disk, and comes once.
func TestHeldWhileTheDiskRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &journaltest.File{}
		b := newBench(t, func(c *Config) {
			c.Rings, c.Open = 1, func(string) (journal.File, error) { return file, nil }
		})
		h, err := b.Hold(twoParties("r1"), MaxWindow)
		if err != nil {
			t.Fatal(err)
		}
		talkOn(h, 0, 500)
		file.Limit(3*journal.SlotSize+100, syscall.ENOSPC)
		failed := failuresOf(h)
		h.Keep(recorder.Case{})
		talkOn(h, 500, 550)
		if err := <-failed; !errors.Is(err, recorder.ErrDiskFull) {
			t.Errorf("told %v", err)
		}
		if b.rings.untouched() {
			t.Error("what the disk has not taken is gone")
		}
		file.Limit(0, nil)
		talkOn(h, 550, 600)
		h.Stop(time.Now(), "bye")
		<-b.ended
		all := journaltest.All(t, journaltest.Open(t, file.Content(), "r1"))
		for party := range uint8(2) {
			seq, _, _ := numbers(all, party)
			for i, n := range seq {
				if int(n) != i {
					t.Fatalf("party %d: frame %d where %d should be", party, n, i)
				}
			}
			if len(seq) != 600 {
				t.Errorf("party %d: %d frames", party, len(seq))
			}
		}
		if !b.rings.untouched() {
			t.Error("ring or key is left")
		}
		b.Close()
	})
}

// TestHeldWhenTheDiskNeverTakesIt: what the disk refuses to the end is not left in memory either.
func TestHeldWhenTheDiskNeverTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &journaltest.File{}
		file.Limit(0, syscall.ENOSPC)
		b := newBench(t, func(c *Config) {
			c.Rings, c.Open = 1, func(string) (journal.File, error) { return file, nil }
		})
		h, err := b.Hold(twoParties("r1"), MaxWindow)
		if err != nil {
			t.Fatal(err)
		}
		talkOn(h, 0, 500)
		h.Keep(recorder.Case{})
		talkOn(h, 500, 550)
		if b.rings.untouched() {
			t.Error("it is gone before the end")
		}
		b.Close()
		if s := b.Stats(); !b.rings.untouched() || s.Holding != 0 || len(b.rings.free) != 1 {
			t.Errorf("cleared %v, %+v", b.rings.untouched(), s)
		}
	})
}

// TestHeldWhilePaused: a pause that lasts when somebody asks goes on in the recording.
func TestHeldWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held(1))
		h, _ := b.Hold(twoParties("r1"), 10*time.Second)
		talkOn(h, 0, 100)
		h.(*recording).Pause(recorder.Order{By: "2001", How: recorder.ByCode})
		talkOn(h, 100, 1000) // until 20 s: the window holds blank frames alone
		h.Keep(recorder.Case{})
		talkOn(h, 1000, 1100)
		h.Stop(time.Now(), "bye")
		<-b.ended
		all, _ := b.read(t, "r1")
		paused := false
		for _, x := range all {
			if x.Kind == journal.KindPause {
				paused = x.Pause.On && x.Pause.At == 0 && x.Pause.By == "2001"
			}
			if x.Kind == journal.KindFrame && len(x.Frame.Payload) > 0 {
				t.Fatalf("frame %d holds something", x.Frame.Sequence)
			}
		}
		if !paused {
			t.Error("the journal does not say that it is paused")
		}
		b.Close()
	})
}

// TestHeldAllocatesNothing: neither where packets pass, nor where they are sealed.
func TestHeldAllocatesNothing(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rings, c.Drain = 1, time.Hour })
	h, err := b.Hold(twoParties("r1"), MaxWindow)
	if err != nil {
		t.Fatal(err)
	}
	c, tap := h.(*recording), h.Tap()
	var scratch [maxPayload]byte
	f := rtp("A", 1)
	tap.Tap(f)
	c.remember(&scratch)
	n := 0
	if allocs := testing.AllocsPerRun(2000, func() {
		n++
		f.Sequence, f.Arrived = uint16(n), int64(n)*int64(20*time.Millisecond)
		tap.Tap(f)
		c.remember(&scratch)
	}); allocs != 0 {
		t.Errorf("%.2f allocations for a packet", allocs)
	}
	b.Close()
}

// BenchmarkHeld is what a packet costs from the tap into the ring.
func BenchmarkHeld(b *testing.B) {
	x := newBench(b, func(c *Config) { c.Rings, c.Drain = 1, time.Hour })
	defer x.Close()
	h, err := x.Hold(twoParties("r1"), MaxWindow)
	if err != nil {
		b.Fatal(err)
	}
	c, tap := h.(*recording), h.Tap()
	var scratch [maxPayload]byte
	f := rtp("A", 1)
	n := 0
	for b.Loop() {
		f.Arrived = int64(n) * int64(20*time.Millisecond)
		tap.Tap(f)
		if n++; n%10 == 0 { // as much as a tenth of a second brings
			c.remember(&scratch)
		}
	}
}
