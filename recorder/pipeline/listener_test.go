package pipeline

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
)

// TestListener: who listens stands in the manifest with the time; a whisper is in no file, what all hear is on the right channel.
func TestListener(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	began := time.Now()
	rec, err := r.Start(someCase("r1", began))
	if err != nil {
		t.Fatal(err)
	}
	w, ok := rec.(interface {
		Listener(string, recorder.Listener)
	})
	if !ok {
		t.Fatal("a recording that names no listener")
	}
	boss := func(mode string) { w.Listener("S", recorder.Listener{Number: "2003", Name: "Boss", Mode: mode}) }
	whispered, spoken := bytes.Repeat([]byte{0x12, 0x34, 0x56, 0x78}, 40), bytes.Repeat([]byte{0x21, 0x43, 0x65, 0x07}, 40)
	boss(recorder.Whispers)
	for n := range 75 { // half a second of each
		payload := whispered
		switch {
		case n == 25:
			boss(recorder.Barges)
		case n == 50:
			boss(recorder.Listens)
		}
		if n >= 25 && n < 50 {
			payload = spoken
		}
		f := media.Frame{From: "S", Codec: media.PCMU, Payload: payload, Sequence: uint16(n), Timestamp: uint32(n) * 160, SSRC: 1, Arrived: int64(n) * int64(20*time.Millisecond)}
		rec.Tap().Tap(&f)
	}
	w.Listener("S", recorder.Listener{})
	rec.Stop(began.Add(1500*time.Millisecond), "bye")
	r.settle(t)
	scan(t, r.root, whispered[:16])
	wav, m := r.open(t, "r1")
	var modes []string
	for i, l := range m.Listeners {
		modes = append(modes, fmt.Sprint(l.Number, l.Name, l.Mode))
		if l.FromMS > l.ToMS || i > 0 && l.FromMS != m.Listeners[i-1].ToMS {
			t.Errorf("stretch %d: %+v", i, m.Listeners)
		}
	}
	if got := fmt.Sprint(modes); got != "[2003Bosswhisper 2003Bossbarge 2003Bosslisten]" || m.Lost != 0 || m.Dropped != 0 {
		t.Errorf("%s, lost %d, dropped %d", got, m.Lost, m.Dropped)
	}
	if n := len(m.Parties); n != 3 || m.Parties[2] != (recorder.Party{Role: "supervisor", Number: "2003", Name: "Boss"}) {
		t.Errorf("parties %+v", m.Parties)
	}
	right := left(wav[2:])
	if bytes.Contains(right, linear(whispered[:4])) || bytes.Contains(left(wav), linear(whispered[:4])) || !bytes.Contains(right, linear(spoken[:8])) {
		t.Error("the right channel does not have what was said to all, and that alone")
	}
}
