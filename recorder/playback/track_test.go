package playback

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/recorder/catalogue"
)

// A track is a part of its recording: who may listen to the one may listen to the other, each by an audit entry of its own; whoever may not sees no
// difference between one that is there and one that is not.
func TestTracks(t *testing.T) {
	h := newHouse(t)
	h.tracks = 3
	h.add(t, "r1", "100", began)
	for _, c := range []struct {
		token, path string
		want        int
	}{{"listen:100", "/r1/tracks/2", 200}, {"listen:100", "/r1/tracks/4", 404}, {"listen:100", "/r1/tracks/0", 404}, {"listen:100", "/r1/tracks/x", 404},
		{"listen:100", "/r1/tracks/999999999999999999999", 404}, {"listen:100", "/r1/tracks/..%2f1", 404}, {"list:100", "/r1/tracks/2", 404}, {"listen:999", "/r1/tracks/2", 404},
		{"listen:999", "/none/tracks/2", 404}, {"", "/r1/tracks/2", 401}, {"", "/none/tracks/2", 401}} {
		w := h.ask("GET", base+c.path, c.token)
		if w.Code != c.want || c.want == 200 && w.Body.String() != "the voice 2 of r1" || c.want != 200 && strings.Contains(w.Body.String(), "voice") {
			t.Errorf("%q %s: %d %.60s", c.token, c.path, w.Code, w.Body)
		}
	}
	if hidden, missing := h.ask("GET", base+"/r1/tracks/2", "listen:999"), h.ask("GET", base+"/none/tracks/2", "listen:999"); hidden.Body.String() != missing.Body.String() {
		t.Error("a hidden track can be told from a missing one")
	}
	if w := h.ask("GET", base+"/r1/tracks/1", "listen:100", "Range", "bytes=4-8"); w.Code != 206 || w.Body.String() != "voice" {
		t.Errorf("range: %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := h.ask("GET", base+"/r1/tracks/1?download=1", "download:100"); w.Code != 200 || !strings.Contains(w.Header().Get("Content-Disposition"), `"r1.track-01.wav"`) {
		t.Errorf("file: %d %v", w.Code, w.Header())
	}
	if log := strings.Join(h.gate.log(), "|"); !strings.Contains(log, "begin listen r1 |done listen r1 17 <nil>|") {
		t.Errorf("audit: %s", log)
	}
}

// Row H7 for tracks: altered, exchanged or gone is 502 and not one octet.
func TestTrackAltered(t *testing.T) {
	for name, harm := range map[string]func(one, two string) error{
		"a bit": func(one, _ string) error {
			b, err := os.ReadFile(one)
			if err == nil {
				b[len(b)-3] ^= 4
				err = os.WriteFile(one, b, 0o600)
			}
			return err
		},
		"another": func(one, two string) error { return os.Rename(two, one) },
		"gone":    func(one, _ string) error { return os.Remove(one) },
	} {
		h := newHouse(t)
		h.tracks = 2
		row := h.add(t, "r1", "100", began)
		path := func(n int) string { return filepath.Join(h.root, "store", catalogue.TrackName(row.Object, n)) }
		_ = os.Chmod(path(1), 0o600)
		if err := harm(path(1), path(2)); err != nil {
			t.Fatal(err)
		}
		if w := h.ask("GET", base+"/r1/tracks/1", "listen:100"); w.Code != 502 || strings.Contains(w.Body.String(), "voice") {
			t.Errorf("%s: %d %.60s", name, w.Code, w.Body)
		}
		if s := h.Stats(); s.Integrity != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
