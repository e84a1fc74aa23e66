package render

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

// talk is one endpoint's stream: a tone, and what the network does to it.
type talk struct {
	party  uint8
	played bool
	codec  media.Codec
	hz     float64
	from   time.Duration
	to     time.Duration
	delay  time.Duration
	jitter time.Duration // each packet is late by up to this
	loss   float64
	dup    float64
	ppm    float64 // the sender's clock is fast by this
	ssrc   uint32
	seq    uint16
	ts     uint32
	// change alters the n-th packet; false: it is not sent.
	change func(n int, f *journal.Frame) bool
}

// frames makes the stream in sending order, with arrival times.
func (k talk) frames(t testing.TB, rnd *rand.Rand) []journal.Frame {
	if k.codec == "" {
		k.codec = media.PCMU
	}
	if k.ssrc == 0 {
		k.ssrc = 1000 + uint32(k.party)
	}
	enc, err := codec.NewEncoder(k.codec)
	if err != nil {
		t.Fatal(err)
	}
	per := enc.Rate() / 50
	pcm := make([]int16, per)
	var out []journal.Frame
	phase := 0.0
	for n := 0; ; n++ {
		sent := k.from + time.Duration(float64(n)*float64(20*time.Millisecond)/(1+k.ppm/1e6))
		if sent >= k.to {
			return out
		}
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(phase))
			phase += 2 * math.Pi * k.hz / float64(enc.Rate())
		}
		at := sent + k.delay
		if k.jitter > 0 {
			at += time.Duration(rnd.Int64N(int64(k.jitter)))
		}
		f := journal.Frame{Party: k.party, Played: k.played, Codec: k.codec, Sequence: k.seq + uint16(n), Timestamp: k.ts + uint32(n*k.codec.Clock()/50),
			SSRC: k.ssrc, At: at, Payload: enc.Encode(nil, pcm)}
		if rnd.Float64() < k.loss || k.change != nil && !k.change(n, &f) {
			continue
		}
		out = append(out, f)
		if rnd.Float64() < k.dup {
			f.At += 3 * time.Millisecond
			out = append(out, f)
		}
	}
}

var started = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

// journalOf writes the streams in order of arrival. A negative length leaves the journal without its end.
func journalOf(t testing.TB, length time.Duration, talks ...talk) []byte {
	t.Helper()
	return journalWith(t, func(*journal.Writer) {}, length, talks...)
}

// journalWith writes more marks behind those of the two parties.
func journalWith(t testing.TB, more func(*journal.Writer), length time.Duration, talks ...talk) []byte {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	w, f := journaltest.New(t, "r1")
	c := recorder.Case{ID: "r1", Domain: "a.example", Call: "c1", DID: "100", Started: started}
	must(t, w.Mark(journal.KindCase, c))
	must(t, w.Mark(journal.KindParty, journal.Party{Index: 0, Party: recorder.Party{Role: "caller", Number: "1"}}))
	must(t, w.Mark(journal.KindParty, journal.Party{Index: 1, Party: recorder.Party{Role: "called", Number: "2"}}))
	more(w)
	var all []journal.Frame
	for _, k := range talks {
		all = append(all, k.frames(t, rnd)...)
	}
	slices.SortStableFunc(all, func(a, b journal.Frame) int { return int(a.At - b.At) })
	for i := range all {
		must(t, w.Frame(&all[i]))
	}
	if length < 0 {
		must(t, w.Flush())
		return f.B
	}
	must(t, w.Mark(journal.KindStop, journal.Stop{Ended: started.Add(length), At: length, Why: "bye"}))
	must(t, w.Finish())
	return f.B
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// audio is a decoded WAV file.
type audio struct {
	rate int
	ch   [2][]int16
}

// stereo does both passes.
func stereo(ctx context.Context, r *journal.Reader, w io.Writer) (recorder.Manifest, error) {
	work, err := Open(ctx, r)
	if err != nil {
		return recorder.Manifest{}, err
	}
	return work.Stereo(ctx, w)
}

func renderAll(t testing.TB, b []byte) (audio, recorder.Manifest) {
	t.Helper()
	var out bytes.Buffer
	m, err := stereo(t.Context(), journaltest.Open(t, b, "r1"), &out)
	if err != nil {
		t.Fatal(err)
	}
	return parseWAV(t, out.Bytes()), m
}

func parseWAV(t testing.TB, b []byte) audio {
	t.Helper()
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" {
		t.Fatalf("not a WAV file")
	}
	if int(binary.LittleEndian.Uint32(b[4:]))+8 != len(b) || int(binary.LittleEndian.Uint32(b[40:]))+44 != len(b) {
		t.Fatalf("sizes in the header do not fit %d bytes", len(b))
	}
	a := audio{rate: int(binary.LittleEndian.Uint32(b[24:]))}
	for i := 44; i+3 < len(b); i += 4 {
		a.ch[0] = append(a.ch[0], int16(binary.LittleEndian.Uint16(b[i:])))
		a.ch[1] = append(a.ch[1], int16(binary.LittleEndian.Uint16(b[i+2:])))
	}
	return a
}

func (a audio) length() time.Duration {
	return time.Duration(len(a.ch[0])) * time.Second / time.Duration(a.rate)
}

func (a audio) part(ch int, from, to time.Duration) []int16 {
	i, j := int(from.Seconds()*float64(a.rate)), int(to.Seconds()*float64(a.rate))
	return a.ch[ch][min(i, len(a.ch[ch])):min(j, len(a.ch[ch]))]
}

// level is the amplitude of a tone in a stretch (Goertzel).
func (a audio) level(ch int, hz float64, from, to time.Duration) float64 {
	s := a.part(ch, from, to)
	w := 2 * math.Pi * hz / float64(a.rate)
	var s1, s2 float64
	for _, x := range s {
		s1, s2 = float64(x)+2*math.Cos(w)*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - 2*math.Cos(w)*s1*s2
	return 2 * math.Sqrt(max(power, 0)) / float64(max(len(s), 1))
}

func (a audio) peak(ch int, from, to time.Duration) int {
	most := 0
	for _, x := range a.part(ch, from, to) {
		most = max(most, int(x), -int(x))
	}
	return most
}

// first is when a channel is first louder than noise at or after from.
func (a audio) first(ch int, from time.Duration) time.Duration {
	i := int(from.Seconds() * float64(a.rate))
	for ; i < len(a.ch[ch]); i++ {
		if x := a.ch[ch][i]; x > 1000 || x < -1000 {
			break
		}
	}
	return time.Duration(i) * time.Second / time.Duration(a.rate)
}

// tone fails unless a channel holds the tone in each 200 ms of a stretch.
func (a audio) tone(t *testing.T, ch int, hz float64, from, to time.Duration) {
	t.Helper()
	for at := from; at+200*time.Millisecond <= to; at += 200 * time.Millisecond {
		if l := a.level(ch, hz, at, at+200*time.Millisecond); l < 6000 {
			t.Errorf("channel %d at %v: %.0f Hz has level %.0f", ch, at, hz, l)
			return
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func open4bench(b *testing.B, j []byte) *journal.Reader { return journaltest.Open(b, j, "r1") }
