package render

import (
	"encoding/binary"
	"io"
	"runtime"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

// FuzzRender: a peer may send any sequence of numbers, clocks and payloads; the recording stays as long as the call was, and its size is
// what its header says.
func FuzzRender(f *testing.F) {
	f.Add([]byte{0, 20, 0, 1, 0, 160, 0, 20, 0, 2, 1, 64})
	f.Add([]byte{1, 20, 0, 1, 255, 255, 9, 1, 128, 1, 0, 0, 3, 250, 0, 1, 0, 160})
	f.Fuzz(func(t *testing.T, b []byte) {
		w, file := journaltest.New(t, "r1")
		must(t, w.Mark(journal.KindCase, recorder.Case{ID: "r1", Started: started}))
		var at time.Duration
		var seq uint16
		var ts uint32
		codecs := []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus, ""}
		for n := 0; len(b) >= 6 && n < 150; n++ {
			// flags, milliseconds since the last one, sequence step, clock step
			at += time.Duration(b[1]) * time.Millisecond
			seq += uint16(int16(int8(b[3])))
			ts += uint32(int32(int16(binary.BigEndian.Uint16(b[4:])))) << (b[2] % 18)
			must(t, w.Frame(&journal.Frame{Party: b[0] >> 6, Played: b[0]&1 != 0, Event: b[0]&2 != 0, Codec: codecs[int(b[0]>>2&7)%len(codecs)], Sequence: seq,
				Timestamp: ts, SSRC: uint32(b[0] >> 4 & 3), At: at, Payload: b[:min(len(b), 1+int(b[2])*5)]}))
			b = b[6:]
		}
		must(t, w.Mark(journal.KindStop, journal.Stop{At: at}))
		must(t, w.Finish())
		var n counted
		m, err := stereo(t.Context(), journaltest.Open(t, file.B, "r1"), &n)
		if err != nil {
			t.Fatal(err)
		}
		scale := int64(8)
		if m.Format == "audio/wav; rate=16000; channels=2" {
			scale = 16
		}
		if int64(n) != m.AudioBytes || m.DurationMS != at.Milliseconds() || m.AudioBytes-44 != m.DurationMS*scale*4 {
			t.Fatalf("%d bytes written, %+v, %v", n, m, at)
		}
	})
}

type counted int64

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}

// Rendering keeps seconds in memory, not the recording: ten times the length costs no more.
func TestBoundedMemory(t *testing.T) {
	cost := func(long time.Duration) uint64 {
		j := journalOf(t, long, talk{party: 0, hz: 440, to: long, jitter: 40 * time.Millisecond, loss: 0.05}, talk{party: 1, hz: 1000, to: long})
		r := journaltest.Open(t, j, "r1")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := stereo(t.Context(), r, io.Discard); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	short, long := cost(time.Minute), cost(10*time.Minute)
	t.Logf("1 min: %d KiB allocated in all, 10 min: %d KiB", short>>10, long>>10)
	if long > 8<<20 || long > 3*short {
		t.Errorf("1 min: %d bytes allocated, 10 min: %d", short, long)
	}
}
