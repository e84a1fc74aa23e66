package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"slices"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

// wavTrack is a WAV file of one voice, read by itself.
type wavTrack struct {
	tag, channels, rate int
	data                []byte
	pcm                 []int16
}

func parseTrack(t testing.TB, b []byte) wavTrack {
	t.Helper()
	if string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" || int(binary.LittleEndian.Uint32(b[4:]))+8 != len(b) {
		t.Fatalf("not a WAV file: % x", b[:60])
	}
	var w wavTrack
	for at := 12; at+8 <= len(b); {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		body := b[at+8 : at+8+size]
		switch string(b[at : at+4]) {
		case "fmt ":
			w.tag, w.channels = int(binary.LittleEndian.Uint16(body)), int(binary.LittleEndian.Uint16(body[2:]))
			w.rate = int(binary.LittleEndian.Uint32(body[4:]))
		case "data":
			w.data = body
		}
		at += 8 + size + size&1
	}
	switch w.tag {
	case 7:
		w.pcm = g711.DecodeU(nil, w.data)
	case 6:
		w.pcm = g711.DecodeA(nil, w.data)
	default:
		for i := 0; i+1 < len(w.data); i += 2 {
			w.pcm = append(w.pcm, int16(binary.LittleEndian.Uint16(w.data[i:])))
		}
	}
	return w
}

func tracksOf(t testing.TB, b []byte) ([]wavTrack, []recorder.Track) {
	t.Helper()
	work, err := Open(t.Context(), journaltest.Open(t, b, "r1"))
	if err != nil {
		t.Fatal(err)
	}
	var files []wavTrack
	var said []recorder.Track
	for _, party := range work.Voices() {
		var out bytes.Buffer
		tr, err := work.Track(t.Context(), party, &out)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(out.Bytes())
		if tr.AudioSHA256 != hex.EncodeToString(sum[:]) || tr.AudioBytes != int64(out.Len()) {
			t.Errorf("track of party %d: %+v", party, tr)
		}
		files, said = append(files, parseTrack(t, out.Bytes())), append(said, tr)
	}
	return files, said
}

// A conference of three, each with a codec of its own: each track has one voice, the whole length, and nothing of the others nor of what was played.
func TestTracks(t *testing.T) {
	third := func(w *journal.Writer) {
		must(t, w.Mark(journal.KindParty, journal.Party{Index: 2, Party: recorder.Party{Role: "called", Number: "3"}}))
	}
	b := journalWith(t, third, 10*sec+125*time.Microsecond,
		talk{party: 0, codec: media.PCMU, hz: 440, to: 10 * sec}, talk{party: 1, codec: media.PCMA, hz: 1000, from: sec, to: 9 * sec},
		talk{party: 2, codec: media.G722, hz: 1800, from: 4 * sec, to: 8 * sec}, talk{party: 0, played: true, hz: 600, to: 2 * sec, ssrc: 77})
	files, said := tracksOf(t, b)
	if len(files) != 3 {
		t.Fatalf("%d tracks", len(files))
	}
	tones := []float64{440, 1000, 1800}
	spoke := [][2]int{{0, 10}, {1, 9}, {4, 8}}
	for i, f := range files {
		want := []struct {
			tag, rate int
			format    string
		}{{7, 8000, "audio/wav; codec=PCMU; rate=8000; channels=1"}, {6, 8000, "audio/wav; codec=PCMA; rate=8000; channels=1"},
			{1, 16000, "audio/wav; codec=L16; rate=16000; channels=1"}}[i]
		if f.tag != want.tag || f.rate != want.rate || f.channels != 1 || said[i].Format != want.format || said[i].Parties[0].Number != []string{"1", "2", "3"}[i] {
			t.Errorf("track %d: %+v, tag %d, rate %d", i, said[i], f.tag, f.rate)
		}
		if n := len(f.pcm); n != 10*f.rate+f.rate/8000 {
			t.Errorf("track %d has %d samples", i, n)
		}
		a := audio{rate: f.rate}
		a.ch[0], a.ch[1] = f.pcm, f.pcm
		for j, hz := range append(slices.Clone(tones), 600) {
			level := a.level(0, hz, 5*sec, 7*sec)
			if j == i != (level > 3000) || j != i && level > 40 {
				t.Errorf("track %d: %.0f Hz at %.0f", i, hz, level)
			}
		}
		if level := a.level(0, 600, 0, sec); level > 40 {
			t.Errorf("track %d: what was played is in it: %.0f", i, level)
		}
		for _, s := range f.pcm[:spoke[i][0]*f.rate] {
			if s > 8 || s < -8 {
				t.Errorf("track %d: a sound before its party spoke", i)
				break
			}
		}
	}
}

// Of G.711 a track holds the octets that came.
func TestTrackKeepsTheOctets(t *testing.T) {
	third := func(w *journal.Writer) {
		must(t, w.Mark(journal.KindParty, journal.Party{Index: 2, Party: recorder.Party{Role: "called", Number: "3"}}))
	}
	var sent []byte
	keep := func(_ int, f *journal.Frame) bool {
		sent = append(sent, f.Payload...)
		return true
	}
	b := journalWith(t, third, 2*sec, talk{party: 0, codec: media.PCMA, hz: 440, to: 2 * sec, change: keep}, talk{party: 1, hz: 900, to: 2 * sec}, talk{party: 2, hz: 700, to: 2 * sec})
	files, _ := tracksOf(t, b)
	if !bytes.Equal(files[0].data, sent) {
		t.Errorf("%d octets of %d, and not the same", len(files[0].data), len(sent))
	}
}

// Two parties have a channel each: a track would say it again.
func TestNoTracksOfTwo(t *testing.T) {
	b := journalOf(t, 2*sec, talk{party: 0, hz: 440, to: 2 * sec}, talk{party: 1, hz: 900, to: 2 * sec}, talk{party: 1, played: true, hz: 900, to: sec, ssrc: 5})
	if files, _ := tracksOf(t, b); len(files) != 0 {
		t.Errorf("%d tracks", len(files))
	}
}

// Eight parties for half a minute: a track takes the memory of one voice, whoever else is there.
func TestTracksInBoundedMemory(t *testing.T) {
	const parties = 8
	var talks []talk
	for i := range parties {
		talks = append(talks, talk{party: uint8(i), hz: float64(300 + 50*i), to: 30 * sec})
	}
	b := journalWith(t, func(w *journal.Writer) {
		for i := 2; i < parties; i++ {
			must(t, w.Mark(journal.KindParty, journal.Party{Index: i, Party: recorder.Party{Role: "called"}}))
		}
	}, 30*sec, talks...)
	work, err := Open(t.Context(), journaltest.Open(t, b, "r1"))
	if err != nil {
		t.Fatal(err)
	}
	voices := work.Voices()
	if len(voices) != parties {
		t.Fatalf("%d voices", len(voices))
	}
	before, most := live(), uint64(0)
	for _, party := range voices {
		w := &watermark{}
		if _, err := work.Track(t.Context(), party, w); err != nil {
			t.Fatal(err)
		}
		most = max(most, w.most)
	}
	if most == 0 || most > before+1<<20 {
		t.Errorf("%d KiB more while a track was written", (most-before)>>10)
	}
	runtime.KeepAlive(work)
}

// live is what the heap holds.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watermark throws away and watches the live heap.
type watermark struct {
	most uint64
	n    int
}

func (w *watermark) Write(p []byte) (int, error) {
	if w.n++; w.n%20 == 0 {
		w.most = max(w.most, live())
	}
	return len(p), nil
}
