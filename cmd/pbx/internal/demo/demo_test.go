package demo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/sip/stack"
)

// sine makes frames of a tone in µ-law.
func sine(hz float64, frames int) (out [][]byte) {
	for i := range frames {
		pcm := make([]int16, 160)
		for j := range pcm {
			pcm[j] = int16(math.Round(8000 * math.Sin(2*math.Pi*hz*float64(160*i+j)/rate)))
		}
		out = append(out, g711.EncodeU(nil, pcm))
	}
	return out
}

// hear gives frames to an ear, with RTP sequence numbers that begin near their end; skip are not heard.
func hear(frames [][]byte, skip ...int) *ear {
	e := newEar()
next:
	for i, f := range frames {
		for _, s := range skip {
			if s == i {
				continue next
			}
		}
		e.Tap(&media.Frame{Codec: media.PCMU, Payload: f, Sequence: uint16(65530 + i)})
	}
	return e
}

func TestNoticeInOrder(t *testing.T) {
	silence := [][]byte{bytes.Repeat([]byte{g711.SilenceU}, 160)}
	var notice [][]byte
	for hz := 300.0; hz < 1000; hz += 50 {
		notice = append(notice, sine(hz, 1)...)
	}
	around := append(append(append([][]byte{}, silence...), notice...), silence...)
	swapped := append([][]byte{}, notice...)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for _, c := range []struct {
		name string
		got  *ear
		want int
	}{
		{"whole", hear(notice), len(notice)},
		{"between silence", hear(around), len(notice)},
		{"one lost", hear(around, 5), len(notice) - 1},
		{"start clipped", hear(notice, 0, 1), len(notice) - 2},
		{"two swapped", hear(swapped), len(notice) - 2},
		{"something else", hear(sine(1100, 20)), 0},
		{"nothing", newEar(), 0},
	} {
		if n := inOrder(c.got.since(0), notice); n != c.want {
			t.Errorf("%s: %d frames, want %d", c.name, n, c.want)
		}
	}
}

func TestToneHeard(t *testing.T) {
	const ms = time.Millisecond
	frames := sine(700, 50)
	late := append(sine(1100, 5), frames...)
	for _, c := range []struct {
		name        string
		got         *ear
		length, gap time.Duration
	}{
		{"all", hear(frames), 1000 * ms, 0},
		{"after another tone", hear(late), 1000 * ms, 0},
		{"lost in the middle", hear(frames, 20, 21, 22), 1000 * ms, 60 * ms},
		{"another tone", hear(sine(1100, 50)), 0, 0},
		{"nothing", newEar(), 0, 0},
	} {
		length, gap := toneHeard(c.got.since(0), 700)
		if length != c.length || gap != c.gap {
			t.Errorf("%s: %s with a gap of %s, want %s and %s", c.name, length, gap, c.length, c.gap)
		}
	}
}

// An ear takes the peer's voice only, in the stream's order, once, and never more than it has room for.
func TestEar(t *testing.T) {
	e, f := newEar(), sine(700, 1)[0]
	for _, x := range []*media.Frame{
		{Codec: media.PCMU, Payload: f, Played: true}, {Codec: media.PCMU, Payload: f, Event: true},
		{Codec: media.PCMA, Payload: f}, {Codec: media.PCMU, Payload: f[:80]},
		{Codec: media.PCMU, Payload: f, Sequence: 10}, {Codec: media.PCMU, Payload: f, Sequence: 12}, {Codec: media.PCMU, Payload: f, Sequence: 11},
		{Codec: media.PCMU, Payload: f, Sequence: 12},
	} {
		e.Tap(x)
	}
	var at []int
	for _, h := range e.since(0) {
		at = append(at, h.at)
	}
	if len(at) != 3 || at[0] != 0 || at[1] != 1 || at[2] != 2 || e.missed.Load() != 2 {
		t.Errorf("heard %v, missed %d", at, e.missed.Load())
	}
	for range maxHeard {
		e.Tap(&media.Frame{Codec: media.PCMU, Payload: f})
	}
	if e.mark() != maxHeard || e.missed.Load() != 6 {
		t.Errorf("%d kept, %d missed", e.mark(), e.missed.Load())
	}
}

func TestShare(t *testing.T) {
	tone := g711.DecodeU(nil, sine(700, 1)[0])
	if s := share(tone, 700); s < 0.99 {
		t.Errorf("its own tone: %.3f", s)
	}
	if s := share(tone, 1100); s > 0.01 {
		t.Errorf("another: %.3f", s)
	}
	if s := share(make([]int16, 160), 700); s != 0 {
		t.Errorf("silence: %.3f", s)
	}
	if w := windows(append(tone, make([]int16, 480)...), 700); w != 0.25 {
		t.Errorf("a quarter: %.3f", w)
	}
	if w := windows(nil, 700); w != 0 {
		t.Errorf("nothing: %.3f", w)
	}
}

func wav(channels, hz, bits int, data string) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+len(data)))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00"...)
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(hz))
	b = le.AppendUint32(b, uint32(hz*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	b = append(b, "data"...)
	return append(le.AppendUint32(b, uint32(len(data))), data...)
}

func TestReadWAV(t *testing.T) {
	got, err := readWAV(wav(2, 8000, 16, "\x01\x00\xff\xff\x02\x00\xfe\xff"))
	if err != nil || len(got.left) != 2 || got.left[1] != 2 || got.right[0] != -1 || got.length() != 250*time.Microsecond {
		t.Errorf("%+v %v", got, err)
	}
	whole := wav(2, 8000, 16, "0123")
	for name, b := range map[string][]byte{"nothing": nil, "mono": wav(1, 8000, 16, "0123"), "8 bit": wav(2, 8000, 8, "0123"),
		"another rate": wav(2, 16000, 16, "0123"), "short": whole[:46], "long": append(bytes.Clone(whole), 0), "no RIFF": bytes.ToLower(whole)} {
		if _, err := readWAV(b); !errors.Is(err, errWAV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSearch(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	voice := bytes.Join(sine(700, 3), nil)
	for name, text := range map[string][]byte{"sealed": []byte("age-encryption.org/v1"), "leak": append([]byte("header"), voice[7:]...)} {
		if err := os.WriteFile(filepath.Join(sub, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := search(dir, []pattern{{"voice", voice[:patternBytes]}, {"password", []byte("secret")}})
	if err != nil || got.files != 2 || len(got.found) != 1 || !strings.HasSuffix(got.String(), "leak") {
		t.Errorf("%+v %v", got, err)
	}
	if err := copyTree(filepath.Join(t.TempDir(), "copy"), dir); err != nil {
		t.Error(err)
	}
}

func TestUntil(t *testing.T) {
	if err := until(t.Context(), time.Millisecond, func() (bool, error) { return false, nil }); !errors.Is(err, errNothing) {
		t.Error(err)
	}
	if err := until(t.Context(), time.Minute, func() (bool, error) { return false, errWAV }); !errors.Is(err, errWAV) {
		t.Error(err)
	}
	n := 0
	if err := until(t.Context(), time.Minute, func() (bool, error) { n++; return n == 3, nil }); err != nil || n != 3 {
		t.Error(n, err)
	}
}

// What fails is said, ends the story, and is an error.
func TestFailure(t *testing.T) {
	var out bytes.Buffer
	err := Run(t.Context(), Config{Out: &out, Dir: t.TempDir(), Start: func(context.Context, string, func(stack.Traced)) (*Switch, error) {
		return nil, errors.New("no port is free")
	}})
	if !errors.Is(err, ErrFailed) || !strings.Contains(out.String(), "FAIL  no port is free") || !strings.Contains(out.String(), "FAILED: 1 of 1 checks") {
		t.Errorf("%v\n%s", err, &out)
	}
	if strings.Contains(out.String(), "2. ") {
		t.Errorf("the story went on:\n%s", &out)
	}
}

func TestLadder(t *testing.T) {
	var w wire
	at := time.Unix(0, 0)
	flow := func(remote string) *stack.Flow { return stackFlow(t, remote) }
	carrier, desk := flow(carrierHost+":5060"), flow(deskHost+":5061")
	w.trace(stack.Traced{At: at.Add(10 * time.Millisecond), Sent: true, Flow: desk, Method: "INVITE", Label: "INVITE"})
	w.trace(stack.Traced{At: at, Flow: carrier, Method: "INVITE", Label: "INVITE"})
	w.trace(stack.Traced{At: at.Add(12 * time.Millisecond), Flow: desk, Method: "INVITE", Status: 180, Label: "180 Ringing"})
	want := "" +
		"          carrier           pbx               desk\n" +
		"       0m | INVITE -------->|                 |\n" +
		"      10m |                 | INVITE -------->|\n" +
		"      12m |                 |<--- 180 Ringing |\n"
	if got := w.ladder(); got != want || w.count("INVITE", 180) != 1 || w.count("INVITE", 0) != 2 {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for range maxTraced {
		w.trace(stack.Traced{Flow: desk})
	}
	if n := len(w.all()); n != maxTraced {
		t.Errorf("%d messages kept", n)
	}
	w.clear()
	if got := w.ladder(); strings.Count(got, "\n") != 1 {
		t.Errorf("after clear:\n%s", got)
	}
}

// stackFlow is a flow of a stack that nobody serves.
func stackFlow(t *testing.T, remote string) *stack.Flow {
	t.Helper()
	local := netip.MustParseAddrPort("127.0.0.1:0")
	s, err := stack.New(stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: local}}}, &phone{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Flow("udp", netip.AddrPort{}, netip.MustParseAddrPort(remote))
}
