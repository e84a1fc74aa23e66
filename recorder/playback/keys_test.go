package playback

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

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
