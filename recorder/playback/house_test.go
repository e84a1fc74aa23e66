package playback

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/seal"
	"naisen/recorder/watermark"
)

// gate grants by number: the token is a list of "action:number", or "action:*" for all.
type gate struct {
	mu      sync.Mutex
	deny    error // of Begin
	ended   error // of Still
	entries []string
	served  []recorder.Served

	listener string   // who asks
	marks    []string // numbers of listenings, as told to Begin
}

type permit struct {
	g      *gate
	action recorder.Action
	what   string
}

func (g *gate) rights(r *http.Request) ([]string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, &recorder.Unauthenticated{Challenge: `Bearer realm="naisen"`}
	}
	if token == "broken" {
		return nil, errors.New("policy store is down")
	}
	return strings.Split(token, ","), nil
}

// Scope is of all "list" rights: numbers, "*", and "<label" for labels alone.
func (g *gate) Scope(r *http.Request, domain string) (recorder.Scope, recorder.Permit, error) {
	var s recorder.Scope
	rights, err := g.rights(r)
	for _, right := range rights {
		if n, ok := strings.CutPrefix(right, "list:"); ok && domain == "a.example" {
			if l, ok := strings.CutPrefix(n, "<"); ok {
				s.Labels = append(s.Labels, recorder.Label(l))
				continue
			}
			s.All = s.All || n == "*"
			s.Numbers = append(s.Numbers, n)
		}
	}
	if err == nil && !s.All && len(s.Numbers) == 0 {
		err = recorder.ErrNotFound
	}
	return s, &permit{g: g, action: recorder.List, what: "list "}, err
}

func (g *gate) Permit(r *http.Request, action recorder.Action, i recorder.Item) (recorder.Permit, error) {
	rights, err := g.rights(r)
	if err != nil {
		return nil, err
	}
	for _, right := range rights {
		if right == string(action)+":*" && i.Domain == "a.example" || i.Number != "" && right == string(action)+":"+i.Number && i.Domain == "a.example" {
			return &permit{g: g, action: action, what: fmt.Sprintf("%s %s", action, i.ID)}, nil
		}
		if right == "asks" {
			return nil, recorder.ErrNoApproval
		}
	}
	return nil, recorder.ErrNotFound
}

func (p *permit) Terms() recorder.Terms {
	return recorder.Terms{Listener: cmp.Or(p.g.listener, "taro@a.example"), Request: "q1", Purpose: "complaint", Whole: p.action == recorder.Download}
}

func (p *permit) Still(context.Context) error {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	return p.g.ended
}

func (p *permit) Begin(_ context.Context, detail map[string]any) error {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	if p.g.deny != nil {
		return p.g.deny
	}
	p.g.entries = append(p.g.entries, fmt.Sprintf("begin %s %v", p.what, detail["range"]))
	if mark, ok := detail["watermark"].(string); ok {
		p.g.marks = append(p.g.marks, mark)
	}
	return nil
}

func (p *permit) Done(s recorder.Served, err error) {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.g.entries = append(p.g.entries, fmt.Sprintf("done %s %d %v", p.what, s.Bytes, err))
	p.g.served = append(p.g.served, s)
}

func (g *gate) log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.entries)
}

// broken lets reads fail after some bytes.
type broken struct {
	objstore.Store
	mu    sync.Mutex
	after int64 // of each Get; <0: never
	err   error
	gets  atomic.Int64
}

func (b *broken) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	b.gets.Add(1)
	r, err := b.Store.Get(ctx, name, off, n)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || b.err == nil {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&short{r, b.after, b.err}, r}, nil
}

type short struct {
	io.Reader
	left int64
	err  error
}

func (s *short) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, s.err
	}
	n, err := s.Reader.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

// unmarked gives everybody the same copy, so that a test can hold it against what was stored.
type unmarked struct{}

func (unmarked) ID(watermark.Listening) watermark.ID { return 1 }

func (unmarked) Copy(plain io.ReaderAt, _ int64, _ watermark.ID) (io.ReaderAt, error) {
	return plain, nil
}

type house struct {
	*Handler
	gate   *gate
	cat    *catalogue.Catalogue
	store  *broken
	sealer *seal.Sealer
	root   string
	wav    map[string][]byte
	tracks int    // of each recording added
	sound  []byte // of each recording added; nil: of no meaning
	voiced bool   // recordings are ten seconds of real WAV, with a waveform
	label  recorder.Label
}

var began = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

func newHouse(t testing.TB) *house {
	t.Helper()
	return newHouseOf(t, seal.Config{})
}

// newHouseOf is one whose keys are kept in another way.
func newHouseOf(t testing.TB, keys seal.Config) *house {
	t.Helper()
	h := &house{gate: &gate{}, root: t.TempDir(), wav: map[string][]byte{}}
	keys.Dir = filepath.Join(h.root, "keys")
	files, err := seal.Open(keys)
	if err != nil {
		t.Fatal(err)
	}
	h.sealer = seal.New(files)
	local, err := dir.Open(filepath.Join(h.root, "store"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	h.store = &broken{Store: local}
	if h.cat, err = catalogue.Open(t.Context(), filepath.Join(h.root, "c.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.cat.Close() })
	h.Handler, err = New(Config{Gate: h.gate, Catalogue: h.cat, Store: h.store, Sealer: h.sealer,
		Marker: func(context.Context) (Marker, error) { return unmarked{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) sealed(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := h.sealer.Seal(t.Context(), "a.example", &b)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(plain)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// add stores a recording.
func (h *house) add(t testing.TB, id, number string, at time.Time) catalogue.Row {
	t.Helper()
	wav := h.sound
	if wav == nil {
		wav = make([]byte, 200_000)
		rand.Read(wav)
	}
	if h.voiced {
		wav = append(waveHead(10*32_000), make([]byte, 10*32_000)...)
		rand.Read(wav[44:])
	}
	h.wav[id] = wav
	audio := h.sealed(t, wav)
	sum := sha256.Sum256(audio)
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: "a.example", Call: "c-" + id, DID: number, Started: at,
		Parties: []recorder.Party{{Role: "caller", Number: "090"}}}, Ended: at.Add(time.Minute), DurationMS: 60_000, AudioBytes: int64(len(wav)),
		SealedSHA256: hex.EncodeToString(sum[:]), SealedBytes: int64(len(audio)), Gaps: []recorder.Gap{{Party: "caller", FromMS: 1, ToMS: 99, Reason: "loss"}}}
	m.Label = h.label
	if h.voiced {
		text, err := json.Marshal(recorder.Peaks{StepUS: 20_000, Left: []byte{0, 200}, Right: []byte{255, 1}})
		if err != nil {
			t.Fatal(err)
		}
		m.Peaks = h.sealed(t, text)
	}
	object := catalogue.ObjectName(m.Case)
	objects := map[string][]byte{object: audio}
	for n := range h.tracks {
		voice := []byte(fmt.Sprintf("the voice %d of %s", n+1, id))
		b := h.sealed(t, voice)
		sum := sha256.Sum256(b)
		objects[catalogue.TrackName(object, n+1)] = b
		m.Tracks = append(m.Tracks, recorder.Track{Number: n + 1, SealedBytes: int64(len(b)), SealedSHA256: hex.EncodeToString(sum[:]), AudioBytes: int64(len(voice))})
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	objects[catalogue.ManifestName(object)] = h.sealed(t, text)
	for name, b := range objects {
		if err := h.store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	row, err := h.cat.Get(t.Context(), "a.example", id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func (h *house) ask(method, path, token string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// waveHead is the head of a stereo file of 16 bit at 8 kHz.
func waveHead(size int) []byte {
	b := []byte("RIFF....WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x7d\x00\x00\x04\x00\x10\x00data....")
	binary.LittleEndian.PutUint32(b[4:], uint32(size+36))
	binary.LittleEndian.PutUint32(b[40:], uint32(size))
	return b
}
