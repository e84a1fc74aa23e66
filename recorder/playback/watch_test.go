package playback

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"naisen/recorder"
)

// bell rings for whoever listens.
type bell struct {
	mu   sync.Mutex
	of   map[chan struct{}]bool
	came chan struct{}
}

func (b *bell) listen(string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	b.of[c] = true
	b.mu.Unlock()
	b.came <- struct{}{}
	return c, func() { b.mu.Lock(); delete(b.of, c); b.mu.Unlock() }
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.of {
		c <- struct{}{}
	}
}

// stuck is a connection whose other end reads nothing: a write ends when its deadline is in the past.
type stuck struct {
	header http.Header
	once   sync.Once
	late   chan struct{}
}

func (w *stuck) Header() http.Header { return w.header }
func (w *stuck) WriteHeader(int)     {}
func (w *stuck) Write([]byte) (int, error) {
	<-w.late
	return 0, errors.New("deadline")
}
func (w *stuck) SetWriteDeadline(t time.Time) error {
	if !t.After(time.Now()) {
		w.once.Do(func() { close(w.late) })
	}
	return nil
}

// A play ends as soon as the right to it does, also while nothing moves; rings that mean somebody else end nothing.
func TestEndedAtOnce(t *testing.T) {
	b := &bell{of: map[chan struct{}]bool{}, came: make(chan struct{}, 1)}
	h := newHouse(t)
	h.cfg.Again, h.voiced = b.listen, true
	h.add(t, "r1", "100", began)
	slow := rate.NewLimiter(500, 250) // ten seconds of sound take twenty
	h.pacer.budgets = map[string]*rate.Limiter{"taro@a.example": slow}
	s := httptest.NewServer(h)
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+base+"/r1/audio", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer listen:100")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-b.came
	b.ring() // the right goes on
	first := make([]byte, 16_000)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatalf("somebody else's ring: %v", err)
	}
	h.gate.mu.Lock()
	h.gate.ended = recorder.ErrNoApproval
	h.gate.mu.Unlock()
	b.ring()
	if rest, err := io.ReadAll(resp.Body); err == nil || len(rest) > 160_000 {
		t.Errorf("%d bytes more of %d, %v", len(rest), 320_044, err)
	}
	if n := h.Stats().Revoked; n != 1 {
		t.Errorf("%d revoked", n)
	}

	h.gate.mu.Lock()
	h.gate.ended = nil
	h.gate.mu.Unlock()
	h.pacer.budgets = map[string]*rate.Limiter{}
	w := &stuck{header: http.Header{}, late: make(chan struct{})}
	r := httptest.NewRequest(http.MethodGet, base+"/r1/audio", nil)
	r.Header.Set("Authorization", "Bearer listen:100")
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		h.ServeHTTP(w, r)
	}()
	<-b.came
	h.gate.mu.Lock()
	h.gate.ended = recorder.ErrNoApproval
	h.gate.mu.Unlock()
	b.ring()
	if got := <-done; got != http.ErrAbortHandler {
		t.Errorf("who does not read: %v", got)
	}
	if n := h.Stats().Revoked; n != 2 {
		t.Errorf("%d revoked", n)
	}
}
