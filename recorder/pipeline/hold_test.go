package pipeline

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
)

// TestHeldBecomesARecording: what was held in memory is stored as the beginning of the recording that somebody asked for, and the manifest says who; of a
// call for which nobody asked there is no row and no file.
func TestHeldBecomesARecording(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, func(c *Config) { c.Rings = 2 })
	began := time.Now()
	said := bytes.Repeat([]byte{0x12, 0x34, 0x56, 0x78}, 40)
	speak := func(h recorder.Held, from, to int) {
		for n := from; n < to; n++ {
			f := media.Frame{Codec: media.PCMU, Payload: said, Sequence: uint16(n), Timestamp: uint32(n) * 160, SSRC: 1, Arrived: int64(n) * int64(20*time.Millisecond)}
			for _, f.From = range []string{"A", "B"} {
				h.Tap().Tap(&f)
			}
			if n%100 == 99 || n == to-1 {
				drained(t, h)
			}
		}
	}
	var calls []recorder.Held
	for _, id := range []string{"r1", "r2"} {
		h, err := r.Hold(someCase(id, began), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		speak(h, 0, 150) // 3 s
		calls = append(calls, h)
	}
	k := someCase("r1", began)
	k.Asked = &recorder.Asked{Order: recorder.Order{By: "2001", How: recorder.ByCode}, At: time.Now()}
	calls[0].Keep(k)
	speak(calls[0], 150, 250)
	for _, h := range calls {
		h.Stop(began.Add(5*time.Second), "bye")
	}
	r.settle(t)
	scan(t, r.root, said[:16])
	wav, m := r.open(t, "r1")
	if m.Asked == nil || m.Asked.By != "2001" || m.Lost != 0 || m.Dropped != 0 || m.DurationMS < 4800 || len(m.Parties) != 2 {
		t.Errorf("%+v, asked %+v", m, m.Asked)
	}
	if l := left(wav); bytes.Count(l, linear(said[:4])) < 4800*8/4 || longestSilence(l) > 8*250 {
		t.Errorf("%d ms sound, %d samples are silent together", bytes.Count(l, linear(said[:4]))*4/8, longestSilence(l))
	}
	if _, err := r.cat.Get(t.Context(), "a.example", "r2"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("a row of what nobody asked for: %v", err)
	}
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// drained waits until what was said is out of the queues.
func drained(t testing.TB, h recorder.Recording) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !h.(interface{ Drained() bool }).Drained() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the queues never empty")
		}
	}
}
