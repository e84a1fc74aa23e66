package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"naisen/provisioning/audit"
)

// shelf is an archive in memory.
type shelf struct {
	mu   sync.Mutex
	kept map[string][]byte
	down error
}

func (s *shelf) Put(_ context.Context, name string, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil && s.kept[name] == nil {
		s.kept[name] = bytes.Clone(signed)
	}
	return s.down
}

func (s *shelf) Last(_ context.Context, before string) (last string, signed []byte, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.kept {
		if name > last && (before == "" || name < before) {
			last = name
		}
	}
	return last, s.kept[last], s.down
}

func (s *shelf) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for name := range s.kept {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// onlooker is a witness as C2SP tlog-witness says, written from that document: it signs nothing whose consistency it has not proved.
type onlooker struct {
	t    testing.TB
	name string
	key  ed25519.PrivateKey
	log  string // the one log's public key

	mu   sync.Mutex
	last audit.Checkpoint
	lie  bool // sign something else
}

func newOnlooker(t testing.TB, log string) *onlooker {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &onlooker{t: t, name: "witness.example/w1", key: key, log: log}
}

func (o *onlooker) raw() []byte { return append([]byte{4}, o.key.Public().(ed25519.PublicKey)...) }

func (o *onlooker) hash() []byte {
	sum := sha256.Sum256(append([]byte(o.name+"\n"), o.raw()...))
	return sum[:4]
}

func (o *onlooker) vkey() string {
	return fmt.Sprintf("%s+%x+%s", o.name, o.hash(), base64.StdEncoding.EncodeToString(o.raw()))
}

func (o *onlooker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	head, signed, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	var old int64
	if _, err := fmt.Sscanf(lines[0], "old %d", &old); err != nil || !ok || r.URL.Path != "/sub/add-checkpoint" {
		w.WriteHeader(400)
		return
	}
	c, err := audit.OpenCheckpoint([]byte(signed), o.log)
	switch {
	case err != nil:
		w.WriteHeader(403)
		return
	case old > c.Size:
		w.WriteHeader(400)
		return
	case old != o.last.Size, old == c.Size && c.Root != o.last.Root:
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(409)
		fmt.Fprintln(w, o.last.Size)
		return
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			w.WriteHeader(400)
			return
		}
		proof = append(proof, h)
	}
	if old > 0 && old < c.Size {
		err = tlog.CheckTree(proof, c.Size, c.Root, old, o.last.Root)
	} else if len(proof) > 0 {
		err = errors.New("a proof of nothing")
	}
	if err != nil {
		w.WriteHeader(422)
		return
	}
	o.last = c
	text, _, _ := strings.Cut(signed, "\n\n")
	if o.lie {
		text += "x"
	}
	at := uint64(1_750_000_000)
	sig := ed25519.Sign(o.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, text))
	line := binary.BigEndian.AppendUint64(o.hash(), at)
	fmt.Fprintf(w, "— somebody.else AAAAAAAA\n— %s %s\n", o.name, base64.StdEncoding.EncodeToString(append(line, sig...)))
}

func (o *onlooker) reset(lie bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lie, o.last = lie, audit.Checkpoint{}
}

func (o *onlooker) size() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last.Size
}

// guarded is a journal that grows while somebody reads it.
type guarded struct {
	mu sync.Mutex
	j  *journal
}

func (g *guarded) AuditSize(ctx context.Context) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.j.AuditSize(ctx)
}

func (g *guarded) AuditRecords(ctx context.Context, after int64, limit int) ([]audit.Record, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.j.AuditRecords(ctx, after, limit)
}

func (g *guarded) AuditHashes(ctx context.Context, seqs []int64) (map[int64][]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.j.AuditHashes(ctx, seqs)
}

func (g *guarded) add(t testing.TB, i int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.j.add(t, entry(i))
}

// bench is a log with all that signs it.
type bench struct {
	log     *guarded
	key     *audit.Key
	dir     string
	shelf   *shelf
	broken  chan error
	witness *audit.Witness
	mine    func() bool
}

func newBench(t testing.TB, n int64) *bench {
	dir := t.TempDir()
	k, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	return &bench{log: &guarded{j: logOf(t, n)}, key: k, dir: filepath.Join(dir, "checkpoints"), shelf: &shelf{kept: map[string][]byte{}}, broken: make(chan error, 10)}
}

// open starts checkpointer and publisher; what the first publication says is waited for by publishing again.
func (b *bench) open(t testing.TB) (*audit.Checkpointer, *audit.Publisher) {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	c, err := audit.NewCheckpointer(t.Context(), b.log, audit.Config{Dir: b.dir, Key: b.key, Interval: time.Hour, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	p := audit.NewPublisher(t.Context(), audit.PublisherConfig{Checkpoints: c, Key: b.key, Source: b.log, Archive: b.shelf, Witness: b.witness, Interval: time.Hour, Mine: b.mine,
		Broken: func(err error) { b.broken <- err }, Log: quiet})
	t.Cleanup(func() { _ = p.Close(context.Background()); _ = c.Close() })
	return c, p
}

// told waits for what the publisher tells.
func told(c chan error) error {
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	select {
	case err := <-c:
		return err
	case <-end.C:
		return errors.New("nothing in 10 s")
	}
}

// TestPublisher: checkpoints reach the archive; an archive that is down gets the newest one later; a database that was rolled back together with its own
// checkpoints, and one that was rewritten, are found out by the archive's.
func TestPublisher(t *testing.T) {
	b := newBench(t, 3)
	b.shelf.down = errors.New("away")
	c, p := b.open(t)
	if err := p.Publish(t.Context()); err == nil || errors.Is(err, audit.ErrBroken) {
		t.Errorf("archive down: %v", err)
	}
	b.shelf.mu.Lock()
	b.shelf.down = nil
	b.shelf.mu.Unlock()
	for range 2 {
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.log.add(t, 4)
	if err := errors.Join(p.Close(t.Context()), c.Close()); err != nil {
		t.Fatal(err)
	}
	if got := b.shelf.names(); !slices.Equal(got, []string{"0000000000000003.checkpoint", "0000000000000004.checkpoint"}) {
		t.Errorf("kept: %q", got)
	}
	// Somebody put two more there that hide the last one.
	b.shelf.kept["0000000000000009.checkpoint"] = []byte("nonsense")
	b.shelf.kept["0000000000000008.checkpoint"] = b.shelf.kept["0000000000000003.checkpoint"]

	for name, bad := range map[string]*journal{"rolled back": logOf(t, 2), "rolled back and went on": func() *journal {
		j := logOf(t, 3)
		for i := range int64(5) {
			j.add(t, entry(100+i))
		}
		return j
	}()} {
		again := *b
		again.log, again.dir, again.broken = &guarded{j: bad}, filepath.Join(t.TempDir(), "restored"), make(chan error, 10)
		c, p := again.open(t)
		if err := p.Publish(t.Context()); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if err := told(again.broken); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%s: told %v", name, err)
		}
		if _, err := c.Write(t.Context()); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%s is signed all the same: %v", name, err)
		}
		if err := p.Close(t.Context()); err != nil || len(again.broken) > 0 {
			t.Errorf("%s: told twice, or %v", name, err)
		}
	}
	c, p = b.open(t) // as it was
	if err := p.Publish(t.Context()); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := c.Write(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOneOfTwoPublishes: who does not do it takes nothing anywhere and misses nothing, also at its end; when it is its turn it goes on from what the archive has.
func TestOneOfTwoPublishes(t *testing.T) {
	b := newBench(t, 3)
	var mine atomic.Bool
	b.mine = mine.Load
	_, p := b.open(t)
	other := *b
	other.dir, other.mine = filepath.Join(t.TempDir(), "other"), nil
	_, q := other.open(t)
	for _, p := range []*audit.Publisher{p, q} {
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if p.Proven() != 0 || q.Proven() != 3 || !p.Behind().IsZero() {
		t.Errorf("proven %d and %d, behind %v", p.Proven(), q.Proven(), p.Behind())
	}
	b.log.add(t, 4)
	if err := q.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	mine.Store(true)
	if err := p.Publish(t.Context()); err != nil || p.Proven() != 4 {
		t.Errorf("proven %d, %v", p.Proven(), err)
	}
	mine.Store(false)
	b.log.add(t, 5)
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := b.shelf.names(); len(got) != 2 {
		t.Errorf("kept %q", got)
	}
}

// TestWitness: what it signs is kept with its signature; a history that it has not seen is not signed, and is told.
func TestWitness(t *testing.T) {
	b := newBench(t, 5)
	o := newOnlooker(t, b.key.Public())
	server := httptest.NewServer(o)
	defer server.Close()
	witness := func() *audit.Witness {
		w, err := audit.NewWitness(server.URL+"/sub/", o.vkey(), server.Client())
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	b.witness = witness()
	c, p := b.open(t)
	for i := range int64(3) { // each grows out of the one before, and the first contact of each run asks how far the witness is
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, signed, err := c.Signed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at, err := audit.Cosigned(signed, o.vkey()); err != nil || at.Unix() != 1_750_000_000 || !bytes.Equal(signed, b.shelf.kept[fmt.Sprintf("%016d.checkpoint", 5+i)]) {
			t.Errorf("%v %v %s", at, err, signed)
		}
		if _, err := audit.OpenCheckpoint(signed, b.key.Public()); err != nil {
			t.Error(err)
		}
		b.log.add(t, 6+i)
	}
	if err := errors.Join(p.Close(t.Context()), c.Close()); err != nil || o.size() != 8 {
		t.Fatal(err, o.size())
	}
	b.witness = witness() // a restart: nothing is known of the witness
	b.log.add(t, 9)
	_, p = b.open(t)
	if err := p.Publish(t.Context()); err != nil || o.size() != 9 {
		t.Errorf("after a restart: %v, %d", err, o.size())
	}

	other := newBench(t, 7)
	other.key, other.witness = b.key, witness()
	for i := range int64(4) {
		other.log.add(t, 100+i)
	}
	for _, entries := range []int64{11, 9, 4} { // the last without a single shared checkpoint, and a whole new archive
		other.log.j.records, other.log.j.size = other.log.j.records[:entries], entries
		_, p := other.open(t)
		if err := p.Publish(t.Context()); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("another history of %d entries: %v", entries, err)
		}
		if err := told(other.broken); !errors.Is(err, audit.ErrBroken) {
			t.Error(err)
		}
		_ = p.Close(t.Context())
		other.dir, other.shelf, other.witness = filepath.Join(t.TempDir(), "c"), &shelf{kept: map[string][]byte{}}, witness()
	}
}

// TestWitnessFails: one that is away, or signs with another key or something else, keeps nothing from the archive, and none of its lines is kept.
func TestWitnessFails(t *testing.T) {
	b := newBench(t, 3)
	o, stranger := newOnlooker(t, b.key.Public()), newOnlooker(t, b.key.Public())
	server := httptest.NewServer(o)
	defer server.Close()
	for name, key := range map[string]string{"of another key": stranger.vkey(), "that lies": o.vkey()} {
		o.reset(key == o.vkey())
		w, err := audit.NewWitness(server.URL+"/sub", key, server.Client())
		if err != nil {
			t.Fatal(err)
		}
		again := *b
		again.witness, again.dir, again.shelf = w, filepath.Join(t.TempDir(), "c"), &shelf{kept: map[string][]byte{}}
		c, p := again.open(t)
		if err := p.Publish(t.Context()); !errors.Is(err, audit.ErrWitness) {
			t.Errorf("%s: %v", name, err)
		}
		_, signed, err := c.Signed(t.Context())
		if err != nil || len(again.shelf.names()) != 1 {
			t.Errorf("%s: %v, kept %q", name, err, again.shelf.names())
		}
		if _, err := audit.Cosigned(signed, key); !errors.Is(err, audit.ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, key := range []string{"", "a+b", b.key.Public(), strings.Replace(o.vkey(), "w1", "w2", 1)} {
		if _, err := audit.NewWitness("https://w.example", key, nil); err == nil {
			t.Errorf("the key of a witness: %q", key)
		}
	}
	if _, err := audit.NewWitness("ftp://w.example", o.vkey(), nil); err == nil {
		t.Error("a witness by FTP")
	}
}

// TestCheckpointForm: the note is what C2SP tlog-checkpoint says, with the key's name as origin; those of before are still read.
func TestCheckpointForm(t *testing.T) {
	dir := t.TempDir()
	k := key(t, dir)
	name, _, _ := strings.Cut(k.Public(), "+")
	signed, err := k.Sign(audit.Checkpoint{Size: 20852163, Time: time.Unix(1_700_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	want := name + "\n20852163\n" + strings.Repeat("A", 43) + "=\ntime 2023-11-14T22:13:20Z\n\n— " + name + " "
	if !strings.HasPrefix(string(signed), want) || !strings.HasPrefix(name, "naisen-audit/") || key(t, t.TempDir()).Public()[:len(name)] == name {
		t.Errorf("%s\nwant\n%s", signed, want)
	}
	private, public, err := note.GenerateKey(nil, "naisen-audit")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{"naisen audit log\n3\n": true, "naisen-audit\n3\n": true, "another log\n3\n": false, "naisen-audit\n03\n": false, "naisen-audit\n-3\n": false} {
		old, err := note.Sign(&note.Note{Text: text + strings.Repeat("A", 43) + "=\ntime 2023-11-14T22:13:20Z\n"}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := audit.OpenCheckpoint(old, public); (err == nil) != ok || ok && c.Size != 3 {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}
