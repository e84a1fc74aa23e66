package playback

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/seal"
)

// keyless opens nothing, for a reason of its keys.
type keyless struct{ err error }

func (k keyless) Manifest(context.Context, catalogue.Row) (recorder.Manifest, error) {
	return recorder.Manifest{}, k.err
}

func (k keyless) Open(context.Context, catalogue.Row) (io.ReaderAt, int64, io.Closer, error) {
	return nil, 0, nil, k.err
}

func (k keyless) Track(context.Context, catalogue.Row, int) (io.ReaderAt, int64, io.Closer, error) {
	return nil, 0, nil, k.err
}

func (k keyless) Waveform(context.Context, catalogue.Row) (recorder.Manifest, *recorder.Peaks, error) {
	return recorder.Manifest{}, nil, k.err
}

// Whoever may listen is told what stands in the way: the keeper of the key does not answer (503, later), or refuses it (423).
func TestKeyProblems(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		slug   string
		retry  bool
	}{
		{seal.ErrUnavailable, http.StatusServiceUnavailable, "key-away", true},
		{seal.ErrRefused, http.StatusLocked, "key-refused", false},
		{seal.ErrNoKey, http.StatusServiceUnavailable, "no-key", false},
	} {
		h := newHouse(t)
		h.Handler.opener = keyless{fmt.Errorf("seal: identities: %w", c.err)}
		h.add(t, "r1", "100", began)
		for _, path := range []string{"/r1/audio", "/r1/tracks/1", "/r1"} {
			w := h.ask("GET", base+path, "listen:100,list:100")
			p := problemOf(t, w)
			if w.Code != c.status || !strings.HasSuffix(fmt.Sprint(p["type"]), ":"+c.slug) || (w.Header().Get("Retry-After") != "") != c.retry {
				t.Errorf("%s: %d %v %q", path, w.Code, p, w.Header().Get("Retry-After"))
			}
		}
	}
}

// switchedSafe keeps keys until somebody disables them.
type switchedSafe struct{ off atomic.Bool }

func (*switchedSafe) Kind() string                                     { return "switched" }
func (*switchedSafe) Wrap(_ context.Context, b []byte) ([]byte, error) { return bytes.Clone(b), nil }
func (s *switchedSafe) Unwrap(_ context.Context, b []byte) ([]byte, error) {
	if s.off.Load() {
		return nil, seal.ErrRefused
	}
	return bytes.Clone(b), nil
}

// A key that was disabled is refused to the next listener, although what it gave is held for much longer.
func TestDisabledKeyIsNoticedAtOnce(t *testing.T) {
	safe := &switchedSafe{}
	h := newHouseOf(t, seal.Config{Safe: safe, Hold: time.Hour})
	h.add(t, "r1", "100", began)
	for _, path := range []string{"/r1/audio", "/r1"} {
		if w := h.ask("GET", base+path, "listen:100,list:100"); w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
	}
	safe.off.Store(true)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second) // far below the minute after which anybody would be refused
	for {
		w := h.ask("GET", base+"/r1/audio", "listen:100,list:100")
		if w.Code == http.StatusLocked {
			break
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("still played: %d", w.Code)
		}
	}
	if w := h.ask("GET", base+"/r1", "listen:100,list:100"); w.Code != http.StatusLocked {
		t.Errorf("its manifest: %d", w.Code)
	}
}
