package playback

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

const base = "/v1/domains/a.example/recordings"

func problemOf(t testing.TB, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var p map[string]any
	if w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d: content type %q", w.Code, w.Header().Get("Content-Type"))
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Errorf("%d: %v: %.100s", w.Code, err, w.Body)
	}
	return p
}

// What each kind of asker gets: without the right, a recording that exists looks exactly like one that does not.
func TestWhoGetsWhat(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", "100", began)
	for _, c := range []struct {
		token, path string
		want        int
	}{
		{"", base + "/r1/audio", 401}, {"", base + "/none/audio", 401}, {"", base + "/r1", 401}, {"", base, 401}, {"", base + "?bad=1", 401},
		{"listen:999", base + "/r1/audio", 404}, {"listen:999", base + "/none/audio", 404}, {"listen:999", base + "/r1", 404}, {"listen:999", base, 404},
		{"list:100", base + "/r1/audio", 404}, {"list:100", base + "/r1", 200}, {"list:100", base, 200}, {"list:999", base, 200}, {"list:*", base + "?label=secret", 400},
		{"asks", base + "/r1/audio", 403}, {"asks", base + "/r1/peaks", 403}, {"asks", base + "/none/audio", 404}, {"listen:*", base + "/r1/audio?download=1", 404},
		{"listen:100", base + "/r1/audio", 200}, {"listen:*", base + "/none/audio", 404}, {"listen:*", "/v1/domains/b.example/recordings/r1/audio", 404},
		{"list:*", "/v1/domains/b.example/recordings", 404}, {"broken", base + "/r1/audio", 503}, {"broken", base, 503}, {"list:*", base + "?bad=1", 400},
		{"list:*", base + "?limit=0", 400}, {"list:*", base + "?limit=9999", 400}, {"list:*", base + "?from=yesterday", 400}, {"list:*", base + "?cursor=AAAA", 400},
		{"list:*", base + "?number=1&number=2", 400}, {"listen:*", base + "/r1/other", 404}, {"listen:*", base + "/..%2f..%2fr1/audio", 404},
	} {
		w := h.ask("GET", c.path, c.token)
		if w.Code != c.want {
			t.Errorf("%q %s: %d, want %d: %.100s", c.token, c.path, w.Code, c.want, w.Body)
			continue
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", c.path)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", c.path)
		}
		if w.Code >= 400 {
			problemOf(t, w)
		}
	}
	hidden, missing := h.ask("GET", base+"/r1/audio", "listen:999"), h.ask("GET", base+"/none/audio", "listen:999")
	if hidden.Body.String() != missing.Body.String() || fmt.Sprint(hidden.Header()) != fmt.Sprint(missing.Header()) {
		t.Error("a hidden recording can be told from a missing one")
	}
	if w := h.ask("DELETE", base+"/r1", "listen:*"); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("DELETE: %d", w.Code)
	}
	if p := problemOf(t, h.ask("GET", base+"/none", "list:*", "Accept-Language", "ja-JP,en;q=0.5")); p["title"] != notFound.ja {
		t.Errorf("Japanese title: %v", p)
	}
}

func TestListenAndRanges(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", "100", began)
	wav := h.wav["r1"]
	w := h.ask("GET", base+"/r1/audio", "listen:100")
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), wav) || w.Header().Get("Content-Type") != "audio/wav" || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf("whole: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	for _, c := range []struct {
		header   string
		code     int
		from, to int
	}{{"bytes=0-43", 206, 0, 44}, {"bytes=100000-100099", 206, 100000, 100100}, {"bytes=-10", 206, 199990, 200000}, {"bytes=65530-65545", 206, 65530, 65546},
		{"bytes=199999-", 206, 199999, 200000}, {"bytes=0-", 206, 0, 200000}, {"nonsense", 200, 0, 0}, {"lines=1-2", 200, 0, 0}, {"bytes=nonsense", 416, 0, 0}, {"bytes=200000-", 416, 0, 0}} {
		w := h.ask("GET", base+"/r1/audio", "listen:100", "Range", c.header)
		if c.code == 416 && (problemOf(t, w)["status"] != 416.0 || c.header != "bytes=nonsense" && w.Header().Get("Content-Range") != "bytes */200000" || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %v", c.header, w.Header())
		}
		if w.Code != c.code || c.code == 206 && !bytes.Equal(w.Body.Bytes(), wav[c.from:c.to]) {
			t.Errorf("%s: %d, %d bytes", c.header, w.Code, w.Body.Len())
		}
	}
	if w := h.ask("HEAD", base+"/r1/audio", "listen:100"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "200000" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	log := h.gate.log()
	if log[0] != "begin listen r1 " || log[1] != "done listen r1 200000 <nil>" || log[2] != "begin listen r1 bytes=0-43" || log[3] != "done listen r1 44 <nil>" {
		t.Errorf("audit: %q", log[:4])
	}
	// Plain audio is nowhere on the disk.
	filepath.WalkDir(h.root, func(path string, d os.DirEntry, err error) error {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, wav[5000:5032]) {
			t.Errorf("%s holds plain audio", path)
		}
		return nil
	})
}

// No audit, no byte; and none for a manifest or a list either.
func TestNoAuditNoByte(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", "100", began)
	h.gate.deny = errors.New("audit log is full")
	for _, path := range []string{"/r1/audio", "/r1", ""} {
		w := h.ask("GET", base+path, "listen:*,list:*")
		if w.Code != 503 || bytes.Contains(w.Body.Bytes(), []byte("r1")) || bytes.Contains(w.Body.Bytes(), h.wav["r1"][:8]) {
			t.Errorf("%q: %d %.80s", path, w.Code, w.Body)
		}
	}
	if s := h.Stats(); s.Unaudited != 3 || s.Plays != 0 {
		t.Errorf("%+v", s)
	}
}

// Row H7: a bit flipped anywhere, a cut tail, swapped objects or manifests: 502, and not one sample.
func TestAltered(t *testing.T) {
	h := newHouse(t)
	row, other := h.add(t, "r1", "100", began), h.add(t, "r2", "100", began)
	file := func(name string) string { return filepath.Join(h.root, "store", name) }
	audio, manifest := file(row.Object), file(catalogue.ManifestName(row.Object))
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	goodAudio, goodManifest := read(audio), read(manifest)
	check := func(name string, a, m []byte) {
		t.Helper()
		if err := errors.Join(os.WriteFile(audio, a, 0o600), os.WriteFile(manifest, m, 0o600)); err != nil {
			t.Fatal(err)
		}
		for _, rng := range []string{"", "bytes=0-43", "bytes=150000-150010"} {
			w := h.ask("GET", base+"/r1/audio", "listen:*", "Range", rng)
			if w.Code != 502 || problemOf(t, w)["status"] != 502.0 {
				t.Errorf("%s, range %q: %d", name, rng, w.Code)
			}
		}
	}
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 4
		return b
	}
	if w := h.ask("GET", base+"/r1/audio", "listen:*"); w.Code != 200 { // proved once: the proof must not outlive the change
		t.Fatalf("before: %d", w.Code)
	}
	for at := 0; at < len(goodAudio); at += 1 + len(goodAudio)/40 {
		check(fmt.Sprintf("audio byte %d", at), flip(goodAudio, at), goodManifest)
	}
	for at := 0; at < len(goodManifest); at += 1 + len(goodManifest)/40 {
		check(fmt.Sprintf("manifest byte %d", at), goodAudio, flip(goodManifest, at))
	}
	check("tail cut", goodAudio[:len(goodAudio)-70_000], goodManifest)
	check("one byte cut", goodAudio[:len(goodAudio)-1], goodManifest)
	check("longer", append(bytes.Clone(goodAudio), 0), goodManifest)
	check("audio of another", read(file(other.Object)), goodManifest)
	check("both of another", read(file(other.Object)), read(file(catalogue.ManifestName(other.Object))))
	check("sealed anew by somebody who has the public key", h.sealed(t, h.wav["r1"]), goodManifest)
	os.Remove(audio)
	if w := h.ask("GET", base+"/r1/audio", "listen:*"); w.Code != 502 {
		t.Errorf("gone: %d", w.Code)
	}
	if err := errors.Join(os.WriteFile(audio, goodAudio, 0o600), os.WriteFile(manifest, goodManifest, 0o600)); err != nil {
		t.Fatal(err)
	}
	if w := h.ask("GET", base+"/r1/audio", "listen:*"); w.Code != 200 || !bytes.Equal(w.Body.Bytes(), h.wav["r1"]) {
		t.Errorf("put right again: %d", w.Code)
	}
	if s := h.Stats(); s.Integrity < 200 || s.Plays != 2 {
		t.Errorf("%+v", s)
	}
}

// A store that fails in the middle cuts the connection; one that is down is 503. Neither is called altered.
func TestStoreFails(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", "100", began)
	srv := httptest.NewServer(h)
	defer srv.Close()
	get := func() (*http.Response, []byte, error) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+base+"/r1/audio", nil)
		req.Header.Set("Authorization", "Bearer listen:*")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res, b, err
	}
	if res, b, err := get(); err != nil || res.StatusCode != 200 || len(b) != 200_000 {
		t.Fatalf("%v", err)
	}
	h.store.mu.Lock()
	h.store.err, h.store.after = errors.New("reset"), 90_000 // enough for manifest and last chunk, not for the whole
	h.store.mu.Unlock()
	_, b, err := get()
	if err == nil || len(b) == 0 || !bytes.HasPrefix(h.wav["r1"], b) {
		t.Errorf("cut off: %d bytes, %v", len(b), err)
	}
	h.store.mu.Lock()
	h.store.after = 0
	h.store.mu.Unlock()
	if res, _, err := get(); err != nil || res.StatusCode != 503 {
		t.Errorf("down: %v %v", res, err)
	}
	if s := h.Stats(); s.Integrity != 0 {
		t.Errorf("%+v", s)
	}
	log := h.gate.log()
	if last := log[len(log)-1]; !strings.HasPrefix(last, "done listen r1 0 ") {
		t.Errorf("audit: %q", last)
	}
}

func TestNotStoredYet(t *testing.T) {
	h := newHouse(t)
	k := recorder.Case{ID: "r1", Domain: "a.example", DID: "100", Started: began}
	for _, c := range []struct {
		enter func() error
		state recorder.State
	}{{func() error { return h.cat.Begin(t.Context(), k) }, recorder.Capturing},
		{func() error { return h.cat.Captured(t.Context(), recorder.Manifest{Case: k}) }, recorder.Captured},
		{func() error { return h.cat.Fail(t.Context(), k, "journal damaged") }, recorder.Failed}} {
		if err := c.enter(); err != nil {
			t.Fatal(err)
		}
		w := h.ask("GET", base+"/r1/audio", "listen:*")
		if p := problemOf(t, w); w.Code != 409 || p["state"] != string(c.state) {
			t.Errorf("%s: %d %v", c.state, w.Code, p)
		}
		if w := h.ask("GET", base+"/r1", "list:*"); w.Code != 200 {
			t.Errorf("%s: metadata %d", c.state, w.Code)
		}
	}
	if len(h.gate.log()) != 6 { // begin and done of the three metadata requests
		t.Errorf("audit: %q", h.gate.log())
	}
}

// A list shows what may be known, page by page, and its cursors tell nothing.
func TestList(t *testing.T) {
	h := newHouse(t)
	for i := range 30 {
		number := "100"
		if i%3 == 0 {
			number = "200"
		}
		k := recorder.Case{ID: fmt.Sprintf("r%02d", i), Domain: "a.example", DID: number, Started: began.Add(time.Duration(i) * time.Minute),
			Parties: []recorder.Party{{Role: "caller", Number: fmt.Sprintf("090%d", i)}}}
		if err := h.cat.Begin(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	type page struct {
		Recordings []item `json:"recordings"`
		Next       string `json:"next"`
	}
	walk := func(token, query string) (ids []string, pages int) {
		cursor := ""
		for {
			w := h.ask("GET", base+"?limit=4"+query+cursor, token)
			if w.Code != 200 {
				t.Fatalf("%s %s: %d %s", token, query, w.Code, w.Body)
			}
			var p page
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			pages++
			for _, r := range p.Recordings {
				ids = append(ids, r.ID)
			}
			if p.Next == "" {
				return ids, pages
			}
			if text, err := base64.RawURLEncoding.DecodeString(p.Next); err != nil || bytes.Contains(text, []byte(ids[len(ids)-1])) {
				t.Errorf("the cursor can be read: %v", err)
			}
			cursor = "&cursor=" + p.Next
		}
	}
	if ids, _ := walk("list:*", ""); len(ids) != 30 || ids[0] != "r29" || ids[29] != "r00" {
		t.Errorf("all: %v", ids)
	}
	if ids, _ := walk("list:100", ""); len(ids) != 20 || slices.Contains(ids, "r00") {
		t.Errorf("only 100: %v", ids)
	}
	if ids, _ := walk("list:*", "&number=200"); len(ids) != 10 {
		t.Errorf("number: %v", ids)
	}
	if ids, _ := walk("list:*", "&party=0907"); len(ids) != 1 || ids[0] != "r07" {
		t.Errorf("party: %v", ids)
	}
	if ids, _ := walk("list:*", "&from=2026-04-01T09:10:00Z&to=2026-04-01T09:12:00Z"); len(ids) != 2 {
		t.Errorf("time: %v", ids)
	}
	if ids, pages := walk("list:*", "&number=none"); len(ids) != 0 || pages != 1 {
		t.Errorf("none: %v", ids)
	}
	if w := h.ask("GET", base+"?number=200", "list:100"); w.Code != 200 || strings.Contains(w.Body.String(), "r0") {
		t.Errorf("another's number: %d %s", w.Code, w.Body)
	}
}
