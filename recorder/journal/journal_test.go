package journal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

func frame(n int) *journal.Frame {
	p := bytes.Repeat([]byte{byte(n)}, 160)
	return &journal.Frame{Party: uint8(n % 2), Played: n%7 == 0, Event: n%11 == 0, Marker: n%5 == 0, Codec: media.PCMA, Sequence: uint16(n),
		Timestamp: uint32(n) * 160, SSRC: 0xfeedface, At: time.Duration(n) * 20 * time.Millisecond, Payload: p}
}

// sample makes a journal with a case, n frames and, if asked for, an end.
func sample(t testing.TB, n int, end bool) []byte {
	w, f := journaltest.New(t, "r1")
	must(t, w.Mark(journal.KindCase, recorder.Case{ID: "r1", Domain: "d"}))
	for i := range n {
		must(t, w.Frame(frame(i)))
		if i == n/3 {
			must(t, w.Flush()) // a slot that is not full
		}
	}
	if end {
		must(t, w.Mark(journal.KindStop, journal.Stop{Why: "bye"}))
		must(t, w.Finish())
	} else {
		must(t, w.Flush())
	}
	return f.B
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	b := sample(t, 300, true)
	r := journaltest.Open(t, b, "r1")
	for range 2 { // and once more after Rewind
		all := journaltest.All(t, r)
		if len(all) != 302 || all[0].Case.Domain != "d" || all[301].Stop.Why != "bye" || !r.Complete() || r.Damaged() != 0 {
			t.Fatalf("%d records, complete %v, damaged %d", len(all), r.Complete(), r.Damaged())
		}
		for i, rec := range all[1:301] {
			want := frame(i)
			got := rec.Frame
			if !bytes.Equal(got.Payload, want.Payload) {
				t.Fatalf("frame %d: payload differs", i)
			}
			got.Payload, want.Payload = nil, nil
			if got.Party != want.Party || got.Played != want.Played || got.Event != want.Event || got.Marker != want.Marker || got.At != want.At ||
				got.Sequence != want.Sequence || got.Timestamp != want.Timestamp || got.SSRC != want.SSRC || got.Codec != want.Codec {
				t.Fatalf("frame %d: %+v, want %+v", i, got, want)
			}
		}
		r.Rewind()
	}
	if bytes.Contains(b, bytes.Repeat([]byte{7}, 16)) {
		t.Error("a payload is readable")
	}
}

// Cut at any byte, a journal gives the records of its whole slots and does not claim to be complete.
func TestTruncated(t *testing.T) {
	b := sample(t, 200, true)
	full := len(journaltest.All(t, journaltest.Open(t, b, "r1")))
	for _, cut := range []int{1, 15, 16, 4095, 4096, 4097, 9000, len(b) / 2} {
		r := journaltest.Open(t, b[:len(b)-cut], "r1")
		n := len(journaltest.All(t, r))
		if r.Complete() || n >= full {
			t.Errorf("cut %d: complete %v, %d records of %d", cut, r.Complete(), n, full)
		}
		lost := (cut + journal.SlotSize - 1) / journal.SlotSize * 23
		if n < full-lost-2 {
			t.Errorf("cut %d: only %d of %d records", cut, n, full)
		}
	}
	if r := journaltest.Open(t, sample(t, 50, false), "r1"); len(journaltest.All(t, r)) != 51 || r.Complete() {
		t.Error("a journal without its end must read whole but incomplete")
	}
}

// A flipped bit costs its slot and is never read: every record that comes is one that was written.
func TestFlipped(t *testing.T) {
	good := sample(t, 100, true)
	for at := journal.SlotSize; at < len(good); at += 97 {
		b := bytes.Clone(good)
		b[at] ^= 0x10
		r := journaltest.Open(t, b, "r1")
		for _, rec := range journaltest.All(t, r) {
			if rec.Kind == journal.KindFrame && !bytes.Equal(rec.Frame.Payload, frame(int(rec.Frame.Sequence)).Payload) {
				t.Fatalf("byte %d: an altered frame was read", at)
			}
		}
		if r.Damaged() != 1 {
			t.Fatalf("byte %d: damaged %d", at, r.Damaged())
		}
	}
	for at := range 60 { // the header
		b := bytes.Clone(good)
		b[at] ^= 0x10
		r, err := journal.Open(context.Background(), bytes.NewReader(b), int64(len(b)), journaltest.Keeper{}, "r1")
		if err == nil && len(journaltest.All(t, r)) > 0 {
			t.Fatalf("header byte %d: journal was read", at)
		}
	}
}

// Slots in another order, taken from another journal, or put behind the end are refused.
func TestSwapped(t *testing.T) {
	good, other := sample(t, 100, true), sample(t, 100, true)
	const s = journal.SlotSize
	swap := bytes.Clone(good)
	copy(swap[s:2*s], good[2*s:3*s])
	copy(swap[2*s:3*s], good[s:2*s])
	foreign := bytes.Clone(good)
	copy(foreign[2*s:3*s], other[2*s:3*s])
	again := slices.Concat(good, good[s:2*s])
	for name, b := range map[string][]byte{"swapped": swap, "foreign": foreign, "behind the end": again} {
		r := journaltest.Open(t, b, "r1")
		journaltest.All(t, r)
		if r.Damaged() == 0 {
			t.Errorf("%s: not noticed", name)
		}
	}
	if _, err := journal.Open(context.Background(), bytes.NewReader(good), int64(len(good)), journaltest.Keeper{}, "r2"); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("another recording's journal: %v", err)
	}
}

// A full disk loses nothing that was taken: the same call again goes on, whatever part of a slot the disk took.
func TestFullDiskAndBack(t *testing.T) {
	w, f := journaltest.New(t, "r1")
	f.Limit(3*journal.SlotSize+100, syscall.ENOSPC)
	taken, refused := 0, 0
	must(t, w.Mark(journal.KindCase, recorder.Case{ID: "r1"}))
	for i := 0; taken < 300; i++ {
		switch err := w.Frame(frame(taken)); {
		case err == nil:
			taken++
		case errors.Is(err, syscall.ENOSPC):
			if refused++; refused == 50 {
				f.Limit(0, nil)
			}
		default:
			t.Fatal(err)
		}
	}
	must(t, w.Finish())
	r := journaltest.Open(t, f.B, "r1")
	if n := len(journaltest.All(t, r)); n != 301 || !r.Complete() || r.Damaged() != 0 || refused != 50 {
		t.Errorf("%d records, complete %v, damaged %d, refused %d", n, r.Complete(), r.Damaged(), refused)
	}
}

func TestTooLarge(t *testing.T) {
	w, _ := journaltest.New(t, "r1")
	if err := w.Frame(&journal.Frame{Payload: make([]byte, journal.MaxPayload+1)}); !errors.Is(err, journal.ErrTooLarge) {
		t.Error(err)
	}
	must(t, w.Frame(&journal.Frame{Payload: make([]byte, journal.MaxPayload)}))
	must(t, w.Finish())
	if err := w.Frame(frame(1)); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
}

// FuzzReader: whatever is on the disk, the reader ends, without a panic and without an altered frame.
func FuzzReader(f *testing.F) {
	good := sample(f, 60, true)
	f.Add(good)
	f.Add(good[:5000])
	f.Add([]byte("NAISENJ1\xff\xff"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := journal.Open(context.Background(), bytes.NewReader(b), int64(len(b)), journaltest.Keeper{}, "r1")
		if err != nil {
			return
		}
		var rec journal.Record
		for n := 0; ; n++ {
			if err := r.Next(&rec); err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if n > len(b) {
				t.Fatal("does not end")
			}
		}
	})
}
