package capture

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
)

// key is a packet of a pressed key (RFC 4733).
func key(from string, n int) *media.Frame {
	f := rtp(from, n)
	f.Event, f.Payload = true, []byte{4, 10, 0x03, 0x20}
	return f
}

// TestPause: while a recording is paused nothing of either side is written, however it comes; numbers and time go on, and the journal says who it was.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		rec, _ := b.Start(twoParties("r1"))
		p := rec.(interface {
			Pause(recorder.Order) bool
			Resume(recorder.Order)
		})
		by := recorder.Order{By: "2001", How: recorder.ByCode, Reason: "card"}
		for n := range 300 { // 6 s
			switch n {
			case 100:
				if !p.Pause(by) || p.Pause(by) { // the second is none
					t.Error("paused not once")
				}
			case 150: // a secret's mask that ends meanwhile ends nothing else
				rec.(interface{ Mask(bool, string) }).Mask(true, "pin")
				rec.(interface{ Mask(bool, string) }).Mask(false, "pin")
			case 200:
				p.Resume(recorder.Order{How: recorder.ByItself})
			}
			f := rtp("A", n)
			if n%10 == 0 {
				f = key("A", n)
			}
			rec.Tap().Tap(f)
			played := rtp("B", n)
			played.Played = n%2 == 0
			rec.Tap().Tap(played)
			<-time.After(20 * time.Millisecond)
		}
		rec.Stop(time.Now(), "bye")
		<-b.ended
		all, _ := b.read(t, "r1")
		var marks []journal.Pause
		got := map[uint8]int{}
		for _, x := range all {
			switch x.Kind {
			case journal.KindPause:
				marks = append(marks, x.Pause)
			case journal.KindFrame:
				f := x.Frame
				got[f.Party]++
				paused, pressed := f.Sequence >= 100 && f.Sequence < 200, f.Party == 0 && f.Sequence%10 == 0
				if blank := len(f.Payload) == 0 && f.Event && f.Timestamp == 0 && f.Codec == ""; blank != (paused || pressed) {
					t.Fatalf("party %d, frame %d: %+v", f.Party, f.Sequence, f)
				}
			}
		}
		want := []journal.Pause{{On: true, At: 2 * time.Second, Order: by}, {At: 4 * time.Second, Order: recorder.Order{How: recorder.ByItself}}}
		if !slices.Equal(marks, want) || got[0] != 300 || got[1] != 300 {
			t.Errorf("%+v, frames %v", marks, got)
		}
		b.Close()
	})
}

// TestPausesAreBounded: a pause that the manifest could not show is none.
func TestPausesAreBounded(t *testing.T) {
	b := newBench(t, nil)
	rec, _ := b.Start(twoParties("r1"))
	c := rec.(*recording)
	n := 0
	for c.Pause(recorder.Order{By: "2001"}) {
		c.Resume(recorder.Order{By: "2001"})
		n++
	}
	if n != maxPauseMarks/2 || c.silent() {
		t.Errorf("%d pauses, silent %v", n, c.silent())
	}
	b.Close()
}
