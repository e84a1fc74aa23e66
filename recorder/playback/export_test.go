package playback

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/objstore"
	"naisen/recorder/unseal"
)

// ledger is an audit log that is believed: what a real one proves is shown elsewhere.
type ledger struct {
	entries []evidence.Entry
	slow    func(context.Context)
}

func (l *ledger) Extract(ctx context.Context, _, _ string) (evidence.Extract, error) {
	if l.slow != nil {
		l.slow(ctx)
	}
	text, err := json.Marshal(l.entries)
	return evidence.Extract{Text: text, Key: "log"}, err
}

func (l *ledger) open(extract []byte, _ string) (p evidence.Proved, err error) {
	return p, json.Unmarshal(extract, &p.Entries)
}

// addSound stores a tenth of a second of real WAV.
func (h *house) addSound(t *testing.T, id string) (manifestSum string) {
	t.Helper()
	le := binary.LittleEndian
	wav := append(le.AppendUint32([]byte("RIFF"), 36+3200), "WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00"...)
	wav = append(le.AppendUint32(le.AppendUint32(wav, 8000), 32000), "\x04\x00\x10\x00data"...)
	wav = append(le.AppendUint32(wav, 3200), bytes.Repeat([]byte{1, 2, 3, 4}, 800)...)
	hash := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	h.wav[id] = wav
	sealed := h.sealed(t, wav)
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: "a.example", Call: "c", DID: "100", Started: began}, Ended: began.Add(100 * time.Millisecond), DurationMS: 100,
		AudioSHA256: hash(wav), AudioBytes: int64(len(wav)), SealedSHA256: hash(sealed), SealedBytes: int64(len(sealed))}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	object := catalogue.ObjectName(m.Case)
	for name, b := range map[string][]byte{object: sealed, catalogue.ManifestName(object): h.sealed(t, text)} {
		if err := h.store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return hash(text)
}

// TestExport: an evidence pack for whom the Gate lets, after the audit entry, with its length; a bad order by field, and nothing else.
func TestExport(t *testing.T) {
	h := newHouse(t)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	log := &ledger{}
	h.gate.listener = "kakari@a.example"
	h.Handler, err = New(Config{Gate: h.gate, Catalogue: h.cat, Store: h.store, Sealer: h.sealer, Marker: h.cfg.Marker,
		Packs: &evidence.Builder{Opener: unseal.New(h.store, h.sealer), Log: log, Check: log.open, Key: key, Now: time.Now}})
	if err != nil {
		t.Fatal(err)
	}
	sum := h.addSound(t, "r1")
	ask := func(id, token, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", base+"/"+id+"/evidence", strings.NewReader(body))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const order = `{"purpose":"開示請求","redactions":[{"from_ms":10,"to_ms":20,"side":"both","reason":"x"}]}`
	if w := ask("r1", "export:100", order); w.Code != 409 || problemOf(t, w)["type"] != problemType+"unlogged" {
		t.Errorf("a recording that the log does not know: %d %s", w.Code, w.Body)
	}
	log.entries = []evidence.Entry{{Seq: 1, Domain: "a.example", Action: evidence.StoredAction, Object: "recording/r1", Detail: map[string]any{"manifest_sha256": sum}}}
	before := len(h.gate.log())
	for _, c := range []struct {
		id, token, body string
		want            int
		field           string
	}{
		{"r1", "", order, 401, ""}, {"none", "", order, 401, ""}, {"r1", "listen:*,list:*", order, 404, ""}, {"r1", "export:999", order, 404, ""}, {"none", "export:*", order, 404, ""},
		{"r1", "export:100", ``, 400, "body"}, {"r1", "export:100", `{"purpose":"x","redaction":[]}`, 400, "body"}, {"r1", "export:100", order + order, 400, "body"},
		{"r1", "export:100", `{}`, 400, "purpose"}, {"r1", "export:100", strings.Replace(order, "20", "101", 1), 400, "redactions[0].to_ms"},
		{"r1", "export:100", `{"purpose":"` + strings.Repeat("x", maxOrder) + `"}`, 400, "body"},
	} {
		w := ask(c.id, c.token, c.body)
		if p := problemOf(t, w); w.Code != c.want || c.field != "" && p["field"] != c.field {
			t.Errorf("%s %q %.60s: %d %s", c.id, c.token, c.body, w.Code, w.Body)
		}
	}
	if hidden, missing := ask("r1", "listen:*", order), ask("none", "listen:*", order); hidden.Body.String() != missing.Body.String() {
		t.Error("a hidden recording can be told from a missing one")
	}
	if len(h.gate.log()) != before {
		t.Errorf("refused orders stand in the audit log as packs: %q", h.gate.log()[before:])
	}
	w := ask("r1", "export:100", order)
	pack := w.Body.Bytes()
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/zip" || w.Header().Get("Content-Length") != strconv.Itoa(len(pack)) || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %.200s", w.Code, w.Header(), pack)
	}
	trust := evidence.Trust{Fingerprint: evidence.Fingerprint(key.Public().(ed25519.PublicKey)), Log: log.open}
	_, rep, err := evidence.Verify(bytes.NewReader(pack), int64(len(pack)), trust)
	if err != nil || !rep.OK() || rep.Index.By != "kakari@a.example" || len(rep.Index.Redactions) != 1 || rep.Index.Purpose != "開示請求" {
		t.Errorf("%v %+v", err, rep)
	}
	if entries := h.gate.log()[before:]; len(entries) != 2 || !strings.HasPrefix(entries[0], "begin export r1") || entries[1] != "done export r1 "+strconv.Itoa(len(pack))+" <nil>" {
		t.Errorf("audit: %q", entries)
	}
	h.gate.deny = errors.New("audit log is full")
	if w := ask("r1", "export:100", order); w.Code != 503 || bytes.Contains(w.Body.Bytes(), []byte("PK")) {
		t.Errorf("no audit: %d %.80s", w.Code, w.Body)
	}
	if s := h.Stats(); s.Exports != 1 {
		t.Errorf("%+v", s)
	}
}

// TestOnePackAtATime: of many who order packs at once one is served at a time, some wait, the others are told to come again; who goes away waits no more.
func TestOnePackAtATime(t *testing.T) {
	h := newHouse(t)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var now, most atomic.Int64
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	log := &ledger{slow: func(context.Context) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		entered <- struct{}{}
		<-leave
		now.Add(-1)
	}}
	h.Handler, err = New(Config{Gate: h.gate, Catalogue: h.cat, Store: h.store, Sealer: h.sealer, Marker: h.cfg.Marker,
		Packs: &evidence.Builder{Opener: unseal.New(h.store, h.sealer), Log: log, Check: log.open, Key: key, Now: time.Now}})
	if err != nil {
		t.Fatal(err)
	}
	log.entries = []evidence.Entry{{Seq: 1, Domain: "a.example", Action: evidence.StoredAction, Object: "recording/r1", Detail: map[string]any{"manifest_sha256": h.addSound(t, "r1")}}}
	codes := make(chan int, 3*maxPacks)
	code := func() int {
		t.Helper()
		select {
		case c := <-codes:
			return c
		case <-time.After(time.Minute):
			t.Fatal("nobody was answered")
			return 0
		}
	}
	order := func(ctx context.Context) {
		r := httptest.NewRequestWithContext(ctx, "POST", base+"/r1/evidence", strings.NewReader(`{"purpose":"開示請求"}`))
		r.Header.Set("Authorization", "Bearer export:100")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == 503 && w.Header().Get("Retry-After") == "" {
			t.Error("nobody says when to come again")
		}
		codes <- w.Code
	}
	going, goes := context.WithCancel(t.Context())
	go order(t.Context())
	<-entered // the first one is being made
	go order(going)
	for range maxPacks - 2 {
		go order(t.Context())
	}
	for late := time.Now().Add(time.Minute); len(h.packs) < maxPacks && time.Now().Before(late); {
		runtime.Gosched()
	}
	for range maxPacks {
		go order(t.Context())
		if got := code(); got != 503 {
			t.Errorf("one too many: %d", got)
		}
	}
	goes()
	if got := code(); got != 200 { // nothing was written
		t.Errorf("who went away: %d", got)
	}
	close(leave)
	for range maxPacks - 1 {
		if got := code(); got != 200 {
			t.Errorf("who waited: %d", got)
		}
	}
	if most.Load() != 1 || len(h.packs) != 0 || len(h.making) != 0 || len(entered) != maxPacks-2 {
		t.Errorf("%d at once, %d and %d slots taken, %d made", most.Load(), len(h.packs), len(h.making), len(entered)+1)
	}
}
