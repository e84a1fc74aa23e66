package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

var began = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// spoiling is a store whose audio changes under whoever reads it.
type spoiling struct {
	objstore.Store
	spoil atomic.Bool
}

func (s *spoiling) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	r, err := s.Store.Get(ctx, name, off, n)
	if err != nil || !s.spoil.Load() {
		return r, err
	}
	b, err := io.ReadAll(r)
	for i := range b {
		b[i] ^= 0x55
	}
	return io.NopCloser(bytes.NewReader(b)), errors.Join(err, r.Close())
}

// rig is a vault with one recording in it, and a log that is believed as it stands: what a real one proves is shown where the two meet.
type rig struct {
	builder *Builder
	store   *spoiling
	sealer  *seal.Sealer
	row     catalogue.Row
	plain   map[string][]byte // by member
	entries []Entry
	leftOut []LeftOut
	text    []byte // of the manifest
}

// length of a recording where it does not matter.
const length = 500 * time.Millisecond

func samples(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 7))
	for i := range b {
		b[i] = byte(r.Uint32() | 1) // never silence
	}
	return b
}

func wavFile(tag, channels, width int, data []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("WAVEfmt "), 16)
	if tag != 1 {
		le.PutUint32(b[8:], 18)
	}
	for _, v := range []int{tag, channels} {
		b = le.AppendUint16(b, uint16(v))
	}
	b = le.AppendUint32(le.AppendUint32(b, 8000), uint32(8000*channels*width))
	b = le.AppendUint16(le.AppendUint16(b, uint16(channels*width)), uint16(8*width))
	if tag != 1 {
		b = le.AppendUint32(append(le.AppendUint16(b, 0), "fact"...), 4)
		b = le.AppendUint32(b, uint32(len(data)/channels/width))
	}
	b = append(le.AppendUint32(append(b, "data"...), uint32(len(data))), data...)
	return append(le.AppendUint32([]byte("RIFF"), uint32(len(b))), b...)
}

func newRig(t testing.TB, tracks int) *rig { return newRigOf(t, tracks, length) }

func newRigOf(t testing.TB, tracks int, length time.Duration) *rig {
	t.Helper()
	files, err := seal.OpenFiles(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{store: &spoiling{Store: mem.New(time.Now)}, sealer: seal.New(files), plain: map[string][]byte{}}
	n := int(length.Milliseconds()) * 8
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: "r1", Domain: "a.example", Call: "c1", DID: "+81312345678", Direction: "inbound", Started: began,
		Parties: []recorder.Party{{Role: Caller, Number: "0901"}, {Role: Called, Number: "2001", Name: "<山田> & 課"}},
		Notice:  &recorder.Notice{Prompt: "notice/recording", Language: "ja", SHA256: "ab", Mode: "early-media", Packets: 50, Complete: true, Started: began}},
		Ended: began.Add(length), DurationMS: length.Milliseconds()}
	object := catalogue.ObjectName(m.Case)
	r.plain[audioName] = wavFile(1, 2, 2, samples(4*n))
	m.AudioSHA256, m.AudioBytes = sum(r.plain[audioName]), int64(len(r.plain[audioName]))
	m.SealedSHA256, m.SealedBytes = r.put(t, object, r.plain[audioName])
	for i := range tracks {
		parties := [][]recorder.Party{{{Role: Caller, Number: "0901"}}, {{Role: Called, Number: "2001"}}, {{Role: "guest", Number: "2003"}}}[i%3]
		name := trackName(i + 1)
		r.plain[name] = wavFile([]int{7, 6, 1}[i%3], 1, []int{1, 1, 2}[i%3], samples(n*[]int{1, 1, 2}[i%3]))
		track := recorder.Track{Number: i + 1, Parties: parties, AudioSHA256: sum(r.plain[name]), AudioBytes: int64(len(r.plain[name]))}
		track.SealedSHA256, track.SealedBytes = r.put(t, catalogue.TrackName(object, i+1), r.plain[name])
		m.Tracks = append(m.Tracks, track)
	}
	if r.text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	r.put(t, catalogue.ManifestName(object), r.text)
	r.row = catalogue.Row{ID: m.ID, Domain: m.Domain, Object: object, SealedSHA256: m.SealedSHA256, SealedBytes: m.SealedBytes}
	r.entries = []Entry{
		{Seq: 4, Time: began.Add(time.Minute), Domain: "a.example", Subject: "system", Action: StoredAction, Object: "recording/r1", Detail: r.deposit(m)},
		{Seq: 9, Time: began.Add(time.Hour), Domain: "a.example", Subject: "kakari@a.example", Action: "recording.export", Object: "r1"},
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.builder = &Builder{Opener: unseal.New(r.store, r.sealer), Log: r, Check: openEntries, Key: key, Now: func() time.Time { return began.Add(24 * time.Hour) }}
	return r
}

// deposit is what the log says of a recording that was stored.
func (r *rig) deposit(m recorder.Manifest) map[string]any {
	tracks := []any{}
	for _, t := range m.Tracks {
		tracks = append(tracks, map[string]any{"track": float64(t.Number), "audio_sha256": t.AudioSHA256, "sealed_sha256": t.SealedSHA256})
	}
	return map[string]any{"manifest_sha256": sum(r.text), "audio_sha256": m.AudioSHA256, "tracks": tracks}
}

// Extract implements Log.
func (r *rig) Extract(context.Context, string, string) (Extract, error) {
	text, err := json.Marshal(r.entries)
	return Extract{text, "log-key", r.leftOut}, err
}

func openEntries(extract []byte, key string) (p Proved, err error) {
	if key != "log-key" {
		return p, fmt.Errorf("another log: %q", key)
	}
	p.Size, p.Time = 20, began
	return p, json.Unmarshal(extract, &p.Entries)
}

func (r *rig) put(t testing.TB, name string, plain []byte) (sha string, size int64) {
	t.Helper()
	var b bytes.Buffer
	w, err := r.sealer.Seal(t.Context(), "a.example", &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Put(t.Context(), name, bytes.NewReader(b.Bytes()), int64(b.Len()), objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(s[:]), int64(b.Len())
}

func (r *rig) trust() Trust {
	return Trust{Fingerprint: Fingerprint(r.builder.Key.Public().(ed25519.PublicKey)), Log: openEntries}
}

func (r *rig) pack(t testing.TB, q Request) []byte {
	t.Helper()
	if q.Purpose == "" {
		q.Purpose, q.By = "開示請求 令和8年第12号", "kakari@a.example"
	}
	p, err := r.builder.Prepare(t.Context(), r.row, q)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var b bytes.Buffer
	if n, err := p.WriteTo(&b); err != nil || n != p.Size() || int64(b.Len()) != n {
		t.Fatalf("%d of %d bytes: %v", n, p.Size(), err)
	}
	return b.Bytes()
}

func verify(t testing.TB, pack []byte, trust Trust) (*Opened, Report) {
	t.Helper()
	o, r, err := Verify(bytes.NewReader(pack), int64(len(pack)), trust)
	if err != nil {
		t.Fatal(err)
	}
	if (o != nil) != r.OK() {
		t.Fatalf("audio is given: %v, findings: %v", o != nil, r.Findings)
	}
	return o, r
}

// parts takes a pack apart, as somebody would who makes another one of it.
func parts(t testing.TB, pack []byte) []source {
	t.Helper()
	members, err := readZIP(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	var out []source
	for _, m := range members {
		out = append(out, inMemory(m.name, pack[m.at:m.at+m.size]))
	}
	return out
}

func join(t testing.TB, list []source) []byte {
	t.Helper()
	p := &Pack{content: list}
	if err := p.lay(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(s source) []byte {
	b, _ := io.ReadAll(s.parts())
	return b
}
