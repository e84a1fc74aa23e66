package apart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
)

const domain = "a.example"

// house is a switch with public keys, and a vault beside it.
type house struct {
	public, private, socket string

	vault  *seal.Files
	store  *broken
	server *Server
	ring   *seal.Files
	client *Client
	sealer *seal.Sealer
	rows   map[string]catalogue.Row
	audio  map[string][]byte
}

func newHouse(t *testing.T) *house {
	t.Helper()
	root, err := os.MkdirTemp("", "apart") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	h := &house{public: filepath.Join(root, "keys"), private: filepath.Join(root, "private"), socket: filepath.Join(root, "vault.sock"),
		store: &broken{Store: mem.New(time.Now)}, rows: map[string]catalogue.Row{}, audio: map[string][]byte{}}
	if h.vault, err = seal.Open(seal.Config{Dir: h.public, Private: h.private}); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	if h.ring, err = seal.Open(seal.Config{Dir: h.public, Public: true}); err != nil {
		t.Fatal(err)
	}
	if h.client, err = Dial(h.socket, h.public); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.client.Close)
	h.sealer = seal.Apart(h.ring, h.client)
	return h
}

func (h *house) start(t *testing.T) {
	t.Helper()
	var err error
	h.server, err = Listen(ServerConfig{Socket: h.socket, Keys: h.public, Sealer: seal.New(h.vault), Store: h.store, Parts: []string{"messages"}, Status: h.vault.Ask})
	if err != nil {
		t.Fatal(err)
	}
	s := h.server
	t.Cleanup(func() { closeServer(t, s) })
}

func closeServer(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

// put seals something with public keys alone, and stores it.
func (h *house) put(t *testing.T, store objstore.Store, name string, plain []byte) (sha string, size int64) {
	t.Helper()
	b := h.seal(t, plain)
	if err := store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), int64(len(b))
}

// seal is with public keys alone.
func (h *house) seal(t *testing.T, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := h.sealer.Seal(t.Context(), domain, &b)
	if err == nil {
		_, err = w.Write(plain)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// recording is one with a track, of n bytes each.
func (h *house) recording(t *testing.T, store objstore.Store, id string, n int) catalogue.Row {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{byte(n)})
	audio, voice := make([]byte, n), make([]byte, n)
	noise.Read(audio)
	noise.Read(voice)
	return h.keep(t, store, id, audio, voice)
}

// keep stores one with a track.
func (h *house) keep(t *testing.T, store objstore.Store, id string, audio, voice []byte) catalogue.Row {
	t.Helper()
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	c := recorder.Case{ID: id, Domain: domain, Call: "c-" + id, Started: at}
	object := catalogue.ObjectName(c)
	m := recorder.Manifest{Version: 1, Case: c, Tracks: []recorder.Track{{Number: 1}}}
	m.SealedSHA256, m.SealedBytes = h.put(t, store, object, audio)
	m.Tracks[0].SealedSHA256, m.Tracks[0].SealedBytes = h.put(t, store, catalogue.TrackName(object, 1), voice)
	text, err := json.Marshal(recorder.Peaks{StepUS: 20_000, Left: []byte(id)})
	if err != nil {
		t.Fatal(err)
	}
	m.Peaks = h.seal(t, text)
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	h.put(t, store, catalogue.ManifestName(object), text)
	h.audio[id], h.audio[id+".1"] = audio, voice
	row := catalogue.Row{ID: id, Domain: domain, Object: object, SealedSHA256: m.SealedSHA256, SealedBytes: m.SealedBytes, State: recorder.Stored}
	h.rows[id] = row
	return row
}

// broken is a store that can be told to fail at an offset, where it is read up to there.
type broken struct {
	objstore.Store
	after int64 // > 0
}

var errBroken = errors.New("store is down")

func (b *broken) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	r, err := b.Store.Get(ctx, name, off, n)
	if err != nil || off >= b.after || strings.HasSuffix(name, ".manifest.age") {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, b.after-off), failing{}), r}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func whole(r io.ReaderAt, size int64) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(r, 0, size))
}
