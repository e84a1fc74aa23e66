package playback

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"naisen/recorder"
)

// A stream brings a second in a second, beyond what it may be ahead; all requests of one listener together, and no other's.
func TestStreamIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacer{budgets: map[string]*rate.Limiter{}, now: time.Now}
		began := time.Now()
		play := func(listener string, seconds int) *meter {
			m := &meter{ResponseWriter: httptest.NewRecorder(), ctx: t.Context(), stall: time.Minute, recheck: time.Hour, permit: &permit{g: &gate{}}, sound: wave{perSecond: 32_000}, budget: p.of(listener)}
			for range seconds {
				if n, err := m.Write(make([]byte, 32_000)); n != 32_000 || err != nil {
					t.Fatal(n, err)
				}
			}
			return m
		}
		play("a", 30)
		if d := time.Since(began); d > time.Millisecond {
			t.Errorf("what may be ahead took %v", d)
		}
		play("a", 45)
		if d := time.Since(began); d < 44*time.Second || d > 46*time.Second {
			t.Errorf("45 s more took %v", d)
		}
		play("a", 5) // another recording, the same listener
		if d := time.Since(began); d < 49*time.Second {
			t.Errorf("another recording came in %v", d)
		}
		at := time.Now()
		play("b", 30)
		if d := time.Since(at); d > time.Millisecond {
			t.Errorf("another listener waited %v", d)
		}
	})
}

// Whose right ends while it plays hears no more than what the next look lets through.
func TestRightEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		m := &meter{ResponseWriter: httptest.NewRecorder(), ctx: t.Context(), stall: time.Minute, recheck: 5 * time.Second, permit: &permit{g: g},
			sound: wave{perSecond: 32_000}, budget: rate.NewLimiter(1000, 1000)}
		for range 10 {
			if _, err := m.Write(make([]byte, 32_000)); err != nil {
				t.Fatal(err)
			}
		}
		g.ended = recorder.ErrNoApproval
		n, err := m.Write(make([]byte, 60*32_000))
		if !errors.Is(err, recorder.ErrNoApproval) || !m.revoked || n > 6*32_000 || m.n != int64(n)+10*32_000 {
			t.Errorf("%d bytes more, %v", n, err)
		}
	})
}

func TestWave(t *testing.T) {
	good := append(waveHead(32_000), make([]byte, 32_000)...)
	w, err := readWave(bytes.NewReader(good), int64(len(good)))
	if err != nil || w != (wave{at: 44, size: 32_000, perSecond: 32_000}) {
		t.Fatalf("%+v %v", w, err)
	}
	for _, c := range []struct{ from, to, fromMS, toMS int64 }{
		{0, 44, 0, 0}, {0, 45, 0, 1}, {44, 44 + 32_000, 0, 1000}, {44 + 16_000, 44 + 16_001, 500, 501}, {44 + 31_999, 99_999, 999, 1000}, {5, 5, 0, 0}, {99_000, 99_999, 0, 0},
	} {
		if a, b := w.span(c.from, c.to); a != c.fromMS || b != c.toMS {
			t.Errorf("%d to %d: %d to %d ms", c.from, c.to, a, b)
		}
	}
	for name, bad := range map[string][]byte{"empty": nil, "short": good[:20], "no sound": good[:36], "rate of 0": append(append(bytes.Clone(good[:28]), 0, 0, 0, 0), good[32:]...),
		"no WAV": make([]byte, 100), "a chunk without end": append(append(bytes.Clone(good[:12]), "LIST\xff\xff\xff\xff"...), good[12:]...)} {
		if _, err := readWave(bytes.NewReader(bad), int64(len(bad))); !errors.Is(err, errNoWave) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What reached the listener is told in seconds of the recording: of a range, of a whole, of what was cut off, and of nothing.
func TestServedSeconds(t *testing.T) {
	h := newHouse(t)
	h.voiced = true
	h.add(t, "r1", "100", began)
	for _, c := range []struct {
		method, header string
		want           recorder.Served
	}{
		{"GET", "", recorder.Served{Bytes: 320_044, ToMS: 10_000}},
		{"GET", "bytes=32044-64043", recorder.Served{Bytes: 32_000, FromMS: 1000, ToMS: 2000}},
		{"GET", "bytes=0-43", recorder.Served{Bytes: 44}},
		{"GET", "bytes=-32000", recorder.Served{Bytes: 32_000, FromMS: 9000, ToMS: 10_000}},
		{"GET", "bytes=400000-", recorder.Served{}},
		{"HEAD", "", recorder.Served{}},
	} {
		h.pacer.budgets = map[string]*rate.Limiter{}
		h.ask(c.method, base+"/r1/audio", "listen:100", "Range", c.header)
		if got := h.gate.served[len(h.gate.served)-1]; got != c.want && !(c.want.Bytes == 0 && got.ToMS == 0) {
			t.Errorf("%s %s: %+v, want %+v", c.method, c.header, got, c.want)
		}
	}
	cut := &cutWriter{ResponseRecorder: httptest.NewRecorder(), left: 44 + 3*32_000}
	r := httptest.NewRequest("GET", base+"/r1/audio", nil)
	r.Header.Set("Authorization", "Bearer listen:100")
	h.pacer.budgets = map[string]*rate.Limiter{}
	h.ServeHTTP(cut, r)
	if got := h.gate.served[len(h.gate.served)-1]; got != (recorder.Served{Bytes: 44 + 3*32_000, ToMS: 3000}) {
		t.Errorf("cut off: %+v", got)
	}
	if log := h.gate.log(); log[len(log)-1] != "done listen r1 96044 the line broke" {
		t.Errorf("%q", log[len(log)-1])
	}
}

// cutWriter is a connection that breaks.
type cutWriter struct {
	*httptest.ResponseRecorder
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	n, _ := w.ResponseRecorder.Write(p[:min(len(p), w.left)])
	if w.left -= n; n < len(p) {
		return n, errors.New("the line broke")
	}
	return n, nil
}

// A file is taken away by a right of its own; a stream is never offered as one.
func TestStreamOrFile(t *testing.T) {
	h := newHouse(t)
	h.voiced = true
	h.add(t, "r1", "100", began)
	stream := h.ask("GET", base+"/r1/audio", "listen:100")
	if d := stream.Header().Get("Content-Disposition"); d != "inline" || stream.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("stream: %q", d)
	}
	if w := h.ask("GET", base+"/r1/audio?download=1", "listen:100"); w.Code != http.StatusNotFound || w.Body.Len() > 1000 {
		t.Errorf("a file with the right to listen: %d", w.Code)
	}
	file := h.ask("GET", base+"/r1/audio?download=1", "download:100")
	if d := file.Header().Get("Content-Disposition"); file.Code != 200 || d != `attachment; filename="r1.wav"` || !bytes.Equal(file.Body.Bytes(), h.wav["r1"]) {
		t.Errorf("file: %d %q", file.Code, d)
	}
}

// The waveform is for those who may hear; the manifest that others are shown is without it.
func TestPeaks(t *testing.T) {
	h := newHouse(t)
	h.add(t, "old", "100", began)
	h.voiced = true
	h.add(t, "r1", "100", began)
	if w := h.ask("GET", base+"/r1/peaks", "look:100"); w.Code != 200 || w.Body.String() != `{"duration_ms":60000,"left":[0,200],"recording":"r1","right":[255,1],"step_us":20000}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.ask("GET", base+"/r1", "list:100"); w.Code != 200 || bytes.Contains(w.Body.Bytes(), []byte("peaks")) || !bytes.Contains(w.Body.Bytes(), []byte(`"gaps"`)) {
		t.Errorf("manifest: %d %s", w.Code, w.Body)
	}
	for path, want := range map[string]int{"/old/peaks": 404, "/none/peaks": 404} {
		if w := h.ask("GET", base+path, "look:*"); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := h.ask("GET", base+"/r1/peaks", "list:100"); w.Code != 404 {
		t.Errorf("with the right to list: %d", w.Code)
	}
}
