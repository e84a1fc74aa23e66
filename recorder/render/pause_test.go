package render

import (
	"slices"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
)

// blanked is what a journal has of frames that came in a stretch of which nothing was kept.
func blanked(from, to time.Duration) func(int, *journal.Frame) bool {
	return func(_ int, f *journal.Frame) bool {
		if f.At >= from && f.At < to {
			f.Event, f.Codec, f.Payload, f.Timestamp = true, "", nil, 0
		}
		return true
	}
}

func pauses(t testing.TB, marks ...journal.Pause) func(*journal.Writer) {
	return func(w *journal.Writer) {
		for _, m := range marks {
			must(t, w.Mark(journal.KindPause, m))
		}
	}
}

// TestPausedCopy: in the copy stands silence of the same length, to the sample, on both channels, and everything else is as it would be without a pause.
func TestPausedCopy(t *testing.T) {
	const from, to, long = 3 * sec, 7*sec + 500*time.Millisecond, 12 * sec
	who, back := recorder.Order{By: "2001", How: recorder.ByCode, Reason: "card"}, recorder.Order{By: "2001", How: recorder.ByCode}
	for _, codecs := range [][2]media.Codec{{media.PCMU, media.PCMU}, {media.PCMA, media.PCMU}} {
		talks := func(change func(int, *journal.Frame) bool) []talk {
			return []talk{{party: 0, codec: codecs[0], hz: 440, to: long, seq: 65400, ts: 1<<32 - 4000, change: change},
				{party: 1, codec: codecs[1], hz: 1000, to: long, change: change}, {party: 1, played: true, hz: 700, from: 5 * sec, to: 9 * sec, ssrc: 9, change: change}}
		}
		whole, _ := renderAll(t, journalOf(t, long, talks(nil)...))
		got, m := renderAll(t, journalWith(t, pauses(t, journal.Pause{On: true, At: from, Order: who}, journal.Pause{At: to, Order: back}), long, talks(blanked(from, to))...))
		first, end := int(from.Seconds()*8000), int(to.Seconds()*8000)
		for ch := range 2 {
			if len(got.ch[ch]) != len(whole.ch[ch]) || !slices.Equal(got.ch[ch][:first], whole.ch[ch][:first]) || !slices.Equal(got.ch[ch][end:], whole.ch[ch][end:]) {
				t.Errorf("%v: channel %d is not the same beside the pause", codecs, ch)
			}
			if i := slices.IndexFunc(got.ch[ch][first:end], func(x int16) bool { return x != 0 }); i >= 0 {
				t.Errorf("%v: channel %d sounds %d samples into the pause", codecs, ch, i)
			}
		}
		want := []recorder.Pause{{FromMS: 3000, ToMS: 7500, Paused: who, Resumed: back}}
		if !slices.Equal(m.Pauses, want) || m.Lost != 0 || m.DurationMS != long.Milliseconds() {
			t.Errorf("%v: %+v", codecs, m)
		}
		gaps := []recorder.Gap{{Party: "caller", FromMS: 3000, ToMS: 7500, Reason: "paused"}, {Party: "called", FromMS: 3000, ToMS: 7500, Reason: "paused"}}
		if len(m.Gaps) != 2 || !slices.Contains(m.Gaps, gaps[0]) || !slices.Contains(m.Gaps, gaps[1]) {
			t.Errorf("%v: gaps %+v", codecs, m.Gaps)
		}
	}
}

// TestPauseIsByWhatWasSaid: a packet that was on its way when the pause began or ended does not sound in it.
func TestPauseIsByWhatWasSaid(t *testing.T) {
	const from, to = 3 * sec, 5 * sec
	late := func(n int, f *journal.Frame) bool {
		if n%10 == 9 { // each tenth is late, so that some said before the end of the pause come after it
			f.At += 90 * time.Millisecond
		}
		return blanked(from, to)(n, f)
	}
	a, m := renderAll(t, journalWith(t, pauses(t, journal.Pause{On: true, At: from + 7*time.Millisecond}, journal.Pause{At: to - 3*time.Millisecond}), 8*sec,
		talk{party: 0, hz: 440, to: 8 * sec, change: late}, talk{party: 1, hz: 1000, to: 8 * sec, change: late}))
	for ch := range 2 {
		if p := a.peak(ch, from+7*time.Millisecond, to-3*time.Millisecond); p != 0 {
			t.Errorf("channel %d: a peak of %d in the pause", ch, p)
		}
		a.tone(t, ch, []float64{440, 1000}[ch], 0, from-200*time.Millisecond)
		a.tone(t, ch, []float64{440, 1000}[ch], to+100*time.Millisecond, 8*sec)
	}
	if len(m.Pauses) != 1 || m.Pauses[0].FromMS != 3007 || m.Pauses[0].ToMS != 4997 {
		t.Errorf("%+v", m.Pauses)
	}
}

// TestPauseIsNoLoss: however long it lasts, and to the end too.
func TestPauseIsNoLoss(t *testing.T) {
	for _, c := range []struct{ from, to, long time.Duration }{{2 * sec, 32 * sec, 35 * sec}, {2 * sec, 70 * sec, 75 * sec}, {5 * sec, 0, 40 * sec}} {
		marks := []journal.Pause{{On: true, At: c.from, Order: recorder.Order{By: "2001", How: recorder.ByREST}}}
		end := c.long
		if c.to > 0 {
			marks, end = append(marks, journal.Pause{At: c.to, Order: recorder.Order{How: recorder.ByItself}}), c.to
		}
		a, m := renderAll(t, journalWith(t, pauses(t, marks...), c.long, talk{party: 0, hz: 440, to: c.long, change: blanked(c.from, end)},
			talk{party: 1, hz: 1000, to: c.long, change: blanked(c.from, end)}))
		if m.Lost != 0 || m.Dropped != 0 || m.DurationMS != c.long.Milliseconds() || len(m.Pauses) != 1 || m.Pauses[0].ToMS != end.Milliseconds() ||
			(m.Pauses[0].Resumed == recorder.Order{}) != (c.to == 0) {
			t.Errorf("%v to %v: lost %d, %d ms, %+v", c.from, c.to, m.Lost, m.DurationMS, m.Pauses)
		}
		if end < c.long {
			a.tone(t, 0, 440, end, c.long)
		}
	}
}
