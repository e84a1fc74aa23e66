package playback

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/seal"
	"naisen/recorder/watermark"
)

// rustle is a WAV file of 8 kHz and two channels of noise that comes and goes, as speech does.
func rustle(seconds int) []byte {
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 16, 0, 0, 0, 1, 0, 2, 0, 0x40, 0x1f, 0, 0, 0, 0x7d, 0, 0, 4, 0, 16, 0)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(seconds*32000))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)+seconds*32000-8))
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range seconds * 16000 {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(rnd.NormFloat64()*float64(500+i/4000%5*400))))
	}
	return b
}

// marking is a house whose copies are marked, with one recording and a clock.
func marking(t *testing.T, seconds int) (h *house, key *watermark.Key, now *time.Time) {
	t.Helper()
	h = newHouse(t)
	key, err := watermark.NewHolder(filepath.Join(h.root, "watermark.age"), h.sealer).Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now = new(began.Add(time.Hour))
	h.cfg.Marker, h.cfg.Now = func(context.Context) (Marker, error) { return key, nil }, func() time.Time { return *now }
	h.sound = rustle(seconds)
	h.add(t, "r1", "100", began)
	h.gate.listener = "suzuki@a.example"
	return h, key, now
}

// Each listener gets a copy of their own, as long and with the same head as what was stored. Whoever has the file and the key reads from it the number
// that stands in the audit entry; every range of it is a piece of the same copy.
func TestEachListeningHasItsCopy(t *testing.T) {
	h, key, now := marking(t, 26)
	ask := func(headers ...string) *httptest.ResponseRecorder {
		return h.ask("GET", base+"/r1/audio", "listen:100", headers...)
	}
	w := ask()
	copied := w.Body.Bytes()
	if w.Code != 200 || len(copied) != len(h.sound) || !bytes.Equal(copied[:44], h.sound[:44]) || bytes.Equal(copied, h.sound) {
		t.Fatalf("%d, %d bytes", w.Code, len(copied))
	}
	f, err := watermark.OpenFile(bytes.NewReader(copied), int64(len(copied)))
	if err != nil {
		t.Fatal(err)
	}
	report, err := key.Find(t.Context(), f)
	if err != nil || len(report.Marks) != 1 || !report.Marks[0].Read {
		t.Fatalf("%+v %v", report, err)
	}
	id := report.Marks[0].ID
	if want := key.ID(watermark.Listening{Listener: "suzuki@a.example", Domain: "a.example", Recording: "r1", Began: *now}); id != want || h.gate.marks[0] != id.String() {
		t.Errorf("mark %v, audit %v, want %v", id, h.gate.marks, want)
	}
	*now = now.Add(pause - time.Second)
	for _, c := range [][2]int{{0, 100}, {44, 45}, {31_337, 600_001}, {len(copied) - 9, len(copied)}} {
		part := ask("Range", fmt.Sprintf("bytes=%d-%d", c[0], c[1]-1))
		if part.Code != 206 || !bytes.Equal(part.Body.Bytes(), copied[c[0]:c[1]]) || part.Header().Get("ETag") != w.Header().Get("ETag") {
			t.Errorf("range %v: %d, %d bytes, ETag %s", c, part.Code, part.Body.Len(), part.Header().Get("ETag"))
		}
	}
	if slices.ContainsFunc(h.gate.marks, func(s string) bool { return s != id.String() }) {
		t.Errorf("one listening has several numbers: %v", h.gate.marks)
	}
	before := w
	*now = now.Add(pause + time.Second)
	later := ask()
	h.gate.listener = "sato@a.example"
	other := ask()
	for name, w := range map[string]*httptest.ResponseRecorder{"later": later, "somebody else": other} {
		if bytes.Equal(w.Body.Bytes(), copied) || w.Header().Get("ETag") == before.Header().Get("ETag") {
			t.Errorf("%s: the same copy", name)
		}
	}
	if bytes.Equal(later.Body.Bytes(), other.Body.Bytes()) {
		t.Error("two listeners have the same copy")
	}
}

// Without the key of the marks no sound leaves; what can be read without it can.
func TestNoMarkNoSound(t *testing.T) {
	h, _, _ := marking(t, 1)
	h.cfg.Marker = func(context.Context) (Marker, error) { return nil, seal.ErrNoKey }
	if w := h.ask("GET", base+"/r1/audio", "listen:100"); w.Code != 503 || !strings.HasSuffix(problemOf(t, w)["type"].(string), "no-key") {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
	if w := h.ask("GET", base+"/r1", "list:100"); w.Code != 200 {
		t.Errorf("manifest: %d", w.Code)
	}
}

// What cannot be marked is not served as it is.
func TestUnmarkable(t *testing.T) {
	h, _, _ := marking(t, 1)
	h.sound = []byte("neither a WAV file nor anything else that is known")
	h.add(t, "r2", "100", began)
	if w := h.ask("GET", base+"/r2/audio", "listen:100"); w.Code != 503 || bytes.Contains(w.Body.Bytes(), h.sound[:20]) {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
	if s := h.Stats(); s.Plays != 0 {
		t.Errorf("%+v", s)
	}
}

// What is remembered of listenings has a bound, and whoever is hearing something is forgotten last.
func TestListeningsAreBounded(t *testing.T) {
	l := listenings{known: map[heard]*span{}}
	row := func(n int) catalogue.Row { return catalogue.Row{Domain: "a.example", ID: fmt.Sprint(n)} }
	now := began
	first := l.of("suzuki", row(0), now)
	for n := range maxListenings + 300 {
		now = now.Add(10 * time.Millisecond)
		l.of("suzuki", row(n+1), now)
		if n%100 == 0 && l.of("suzuki", row(0), now) != first {
			t.Fatalf("forgotten after %d others", n)
		}
	}
	if len(l.known) != maxListenings {
		t.Errorf("%d are remembered", len(l.known))
	}
	now = now.Add(2 * pause)
	if l.of("suzuki", row(0), now) == first || len(l.known) != 1 {
		t.Errorf("%d remembered after a long pause", len(l.known))
	}
	if again := l.of("suzuki", row(0), now.Add(-time.Hour)); again.Began.After(now) {
		t.Errorf("a clock that was set back: %v", again.Began)
	}
}
