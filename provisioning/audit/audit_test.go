package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal is a log in memory that a test can spoil.
type journal struct {
	records []audit.Record
	size    int64
}

func (j *journal) AuditSize(context.Context) (int64, error) { return j.size, nil }

func (j *journal) AuditRecords(_ context.Context, after int64, limit int) (out []audit.Record, _ error) {
	for _, r := range j.records {
		if r.Seq > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (j *journal) AuditHashes(_ context.Context, seqs []int64) (map[int64][]byte, error) {
	return j.hashes(seqs)
}

func (j *journal) hashes(seqs []int64) (map[int64][]byte, error) {
	out := map[int64][]byte{}
	for _, r := range j.records {
		if slices.Contains(seqs, r.Seq) {
			out[r.Seq] = r.Hashes
		}
	}
	return out, nil
}

func entry(i int64) provisioning.AuditEntry {
	return provisioning.AuditEntry{
		Time: time.Unix(1_700_000_000+i, 42), Domain: "a.example", Subject: "boss@a.example", Action: "extension.put",
		Object: fmt.Sprint(2000 + i), Outcome: "ok", Detail: map[string]any{"display": "<山田> & co", "n": i},
	}
}

func (j *journal) add(t testing.TB, e provisioning.AuditEntry) {
	t.Helper()
	e.Seq = j.size + 1
	leaf, read, err := audit.Canonical(e)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := audit.Append(j.size, leaf, j.hashes)
	if err != nil {
		t.Fatal(err)
	}
	read.Detail = nil
	j.records = append(j.records, audit.Record{Seq: e.Seq, Leaf: leaf, Hashes: hashes, Entry: read})
	j.size++
}

func logOf(t testing.TB, n int64) *journal {
	t.Helper()
	j := &journal{}
	for i := range n {
		j.add(t, entry(i+1))
	}
	return j
}

// rebuild recomputes every hash, as an intruder who understands the log would.
func (j *journal) rebuild(t testing.TB) {
	t.Helper()
	old := j.records
	j.records, j.size = nil, 0
	for _, r := range old {
		var e provisioning.AuditEntry
		if err := json.Unmarshal(r.Leaf, &e); err != nil {
			t.Fatal(err)
		}
		j.add(t, e)
	}
}

func checkpoint(t testing.TB, j *journal) audit.Checkpoint {
	t.Helper()
	r, err := audit.Verify(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Checkpoint{Size: r.Size, Root: r.Root}
}

// TestTree compares with the library's own tree for every size, and the canonical form with its golden text.
func TestTree(t *testing.T) {
	j := &journal{}
	var stored []tlog.Hash
	library := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, _ error) {
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for n := range int64(70) {
		want, err := tlog.TreeHash(n, library)
		if err != nil {
			t.Fatal(err)
		}
		r, err := audit.Verify(t.Context(), j, audit.Checkpoint{Size: n, Root: want})
		if err != nil || r.Root != want || r.Size != n || r.Checkpoints != 1 || r.Since != 0 {
			t.Fatalf("tree of %d: %v, %v", n, r, err)
		}
		j.add(t, entry(n+1))
		more, err := tlog.StoredHashes(n, j.records[n].Leaf, library)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	const want = `{"seq":1,"time":"2023-11-14T22:13:21.000000042Z","domain":"a.example","subject":"boss@a.example","action":"extension.put",` +
		`"object":"2001","outcome":"ok","kind":"admin","detail":{"display":"<山田> & co","n":1}}`
	if got := string(j.records[0].Leaf); got != want {
		t.Errorf("leaf is\n%s, want\n%s", got, want)
	}
}

// spoiled is one way to spoil a log of 11 entries, with the range that the verifier must name.
type spoiled struct {
	name        string
	spoil       func(*testing.T, *journal)
	first, last int64
}

func change6(j *journal) {
	r := &j.records[5]
	r.Leaf = bytes.Replace(r.Leaf, []byte("2006"), []byte("6666"), 1)
	r.Entry.Object = "6666"
}

func renumber(j *journal) {
	for i := range j.records {
		j.records[i].Seq = int64(i) + 1
	}
	j.size = int64(len(j.records))
}

// TestTampering: H8. Checkpoints stand at 4 and 8.
func TestTampering(t *testing.T) {
	for _, c := range slices.Concat(crude(), clever(), cut()) {
		t.Run(c.name, func(t *testing.T) {
			at4, at8 := checkpoint(t, logOf(t, 4)), checkpoint(t, logOf(t, 8))
			j := logOf(t, 11)
			c.spoil(t, j)
			r, err := audit.Verify(t.Context(), j, at8, at4)
			if r.First != c.first || r.Last != c.last || errors.Is(err, audit.ErrBroken) != (c.first != 0) || r.OK() != (err == nil) {
				t.Errorf("%v, %v (%d to %d); want %d to %d", r, err, r.First, r.Last, c.first, c.last)
			}
			if c.first == 0 && (r.Since != 3 || r.Checkpoints != 2) {
				t.Errorf("good log: %+v", r)
			}
		})
	}
}

// crude: rows changed, hashes left alone (but in one).
func crude() []spoiled {
	return []spoiled{
		{"nothing", func(*testing.T, *journal) {}, 0, 0},
		{"changed", func(t *testing.T, j *journal) { change6(j) }, 6, 6},
		{"detail changed", func(t *testing.T, j *journal) {
			j.records[5].Leaf = bytes.Replace(j.records[5].Leaf, []byte(`"n":6`), []byte(`"n":7`), 1)
		}, 6, 6},
		{"search columns changed", func(t *testing.T, j *journal) { j.records[5].Entry.Action = "call.ended" }, 6, 6},
		{"hidden from its domain", func(t *testing.T, j *journal) { j.records[5].Entry.Domain = "" }, 6, 6},
		{"not readable", func(t *testing.T, j *journal) { j.records[5].Leaf = []byte("{") }, 6, 6},
		{"hash lost", func(t *testing.T, j *journal) { j.records[5].Hashes = nil }, 6, 6},
		{"changed with its hash", func(t *testing.T, j *journal) {
			h := tlog.RecordHash(bytes.Replace(j.records[4].Leaf, []byte("2005"), []byte("6666"), 1))
			j.records[4].Leaf = bytes.Replace(j.records[4].Leaf, []byte("2005"), []byte("6666"), 1)
			j.records[4].Entry.Object = "6666"
			j.records[4].Hashes = h[:]
		}, 5, 6},
	}
}

// clever: everything rewritten so that it fits: only checkpoints tell.
func clever() []spoiled {
	return []spoiled{
		{"changed and rewritten", func(t *testing.T, j *journal) { change6(j); j.rebuild(t) }, 5, 8},
		{"changed before a good checkpoint and rewritten", func(t *testing.T, j *journal) {
			j.records[1].Leaf = bytes.Replace(j.records[1].Leaf, []byte("2002"), []byte("6666"), 1)
			j.rebuild(t)
		}, 1, 4},
		{"removed", func(t *testing.T, j *journal) { j.records = slices.Delete(j.records, 5, 6) }, 6, 6},
		{"removed, the rest moved up", func(t *testing.T, j *journal) {
			j.records = slices.Delete(j.records, 5, 6)
			renumber(j)
		}, 6, 6},
		{"removed and rewritten", func(t *testing.T, j *journal) { j.records = slices.Delete(j.records, 5, 6); j.rebuild(t) }, 5, 8},
		{"inserted, the rest moved down", func(t *testing.T, j *journal) {
			j.records = slices.Insert(j.records, 5, j.records[2])
			renumber(j)
		}, 6, 6},
		{"inserted and rewritten", func(t *testing.T, j *journal) { j.records = slices.Insert(j.records, 5, j.records[2]); j.rebuild(t) }, 5, 8},
		{"two exchanged", func(t *testing.T, j *journal) {
			j.records[5], j.records[6] = j.records[6], j.records[5]
			j.records[5].Seq, j.records[6].Seq = 6, 7
		}, 6, 6},
		{"two exchanged and rewritten", func(t *testing.T, j *journal) {
			j.records[5], j.records[6] = j.records[6], j.records[5]
			j.rebuild(t)
		}, 5, 8},
	}
}

// cut: entries gone or added at the end.
func cut() []spoiled {
	return []spoiled{
		{"tail cut", func(t *testing.T, j *journal) { j.records = j.records[:9] }, 10, 10},
		{"tail cut, counter too", func(t *testing.T, j *journal) { j.records, j.size = j.records[:7], 7 }, 8, 8},
		{"rolled back and went on", func(t *testing.T, j *journal) {
			j.records, j.size = j.records[:5], 5
			for i := range int64(6) {
				j.add(t, entry(i+100))
			}
		}, 5, 8},
		{"inserted at the end", func(t *testing.T, j *journal) { j.add(t, entry(12)); j.size-- }, 12, 12},
		{"everything gone", func(t *testing.T, j *journal) { *j = journal{} }, 1, 1},
	}
}

// TestAnyFlippedBitIsFound: any bit of any stored byte before the last checkpoint, also when the intruder rewrites all hashes.
func TestAnyFlippedBitIsFound(t *testing.T) {
	good := logOf(t, 20)
	c := checkpoint(t, good)
	rapid.Check(t, func(rt *rapid.T) {
		j := logOf(t, 20)
		r := &j.records[rapid.IntRange(0, 19).Draw(rt, "record")]
		field := &r.Leaf
		if rapid.Bool().Draw(rt, "hashes") {
			field = &r.Hashes
		}
		i := rapid.IntRange(0, len(*field)-1).Draw(rt, "byte")
		(*field)[i] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		rep, err := audit.Verify(t.Context(), j, c)
		if !errors.Is(err, audit.ErrBroken) || rep.First > r.Seq || rep.Last < r.Seq {
			rt.Fatalf("entry %d spoiled: %v, %v", r.Seq, rep, err)
		}
	})
}

func TestCanonicalRefuses(t *testing.T) {
	e := entry(1)
	e.Subject, e.Object = strings.Repeat("長", 1000), "a\x00b\r\nc\xff"
	leaf, read, err := audit.Canonical(e)
	if err != nil || len([]rune(read.Subject)) != 257 || read.Object != "a\uFFFDb\uFFFD\uFFFDc\uFFFD" {
		t.Errorf("%q, %v", read.Object, err)
	}
	if again, _, err := audit.Canonical(read); err != nil || !bytes.Equal(again, leaf) {
		t.Errorf("reading and writing again changes it: %v", err)
	}
	type named string
	for _, c := range []struct {
		name   string
		detail map[string]any
		ok     bool
	}{
		{"facts", map[string]any{
			"s": "x", "i": 1, "u": uint8(2), "f": 0.5, "b": true, "t": time.Unix(0, 0), "d": time.Second, "n": nil, "l": []string{"a"},
			"r": []provisioning.Role{"admin"}, "m": map[string]int{"a": 1}, "named": named("x"), "any": []any{1, "x"},
		}, true},
		{"password", map[string]any{"Password": "x"}, false},
		{"in a list", map[string]any{"l": []any{map[string]any{"pin": 1}}}, false},
		{"struct", map[string]any{"s": struct{}{}}, false},
		{"credential", map[string]any{"c": provisioning.SIPCredential{}}, false},
		{"error", map[string]any{"e": errors.New("x")}, false},
		{"function", map[string]any{"f": func() {}}, false},
		{"bytes", map[string]any{"b": []byte("x")}, false},
		{"NaN", map[string]any{"f": nan()}, false},
		{"int keys", map[string]any{"m": map[int]string{1: "x"}}, false},
	} {
		e := entry(1)
		e.Detail = c.detail
		_, _, err := audit.Canonical(e)
		var i *provisioning.Invalid
		if (err == nil) != c.ok || !c.ok && !errors.As(err, &i) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func key(t *testing.T, dir string) *audit.Key {
	t.Helper()
	k, err := audit.OpenKey(filepath.Join(dir, "keys", "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKey(t *testing.T) {
	dir := t.TempDir()
	k := key(t, dir)
	path := filepath.Join(dir, "keys", "audit.key")
	if key(t, dir).Public() != k.Public() {
		t.Error("a restart made another key")
	}
	pub, err := os.ReadFile(path + ".pub")
	if err != nil || strings.TrimSpace(string(pub)) != k.Public() || strings.Contains(string(pub), "PRIVATE") {
		t.Errorf("public half: %q, %v", pub, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenKey(path); !errors.Is(err, audit.ErrKeyFile) {
		t.Errorf("a key that everybody can read: %v", err)
	}
	if err := errors.Join(os.WriteFile(path, []byte("garbage\n"), 0o600), os.Chmod(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenKey(path); !errors.Is(err, audit.ErrKeyFile) || strings.Contains(err.Error(), "garbage") {
		t.Errorf("a garbage key: %v", err)
	}
}

func TestCheckpointNote(t *testing.T) {
	k, other := key(t, t.TempDir()), key(t, t.TempDir())
	c := checkpoint(t, logOf(t, 5))
	c.Time = time.Unix(1_700_000_000, 0).UTC()
	signed, err := k.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := audit.OpenCheckpoint(signed, k.Public()); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := audit.OpenCheckpoint(signed, other.Public()); !errors.Is(err, audit.ErrCheckpoint) {
		t.Errorf("another's key: %v", err)
	}
	for i := range signed {
		bad := bytes.Clone(signed)
		bad[i] ^= 1
		if got, err := audit.OpenCheckpoint(bad, k.Public()); err == nil && got != c {
			t.Errorf("byte %d flipped: %+v", i, got)
		}
	}
}

func checkpointer(t *testing.T, j audit.Source, dir string, k *audit.Key, interval time.Duration) (*audit.Checkpointer, error) {
	t.Helper()
	return audit.NewCheckpointer(t.Context(), j, audit.Config{Dir: dir, Key: k, Interval: interval, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func TestCheckpointer(t *testing.T) {
	dir := t.TempDir()
	k := key(t, dir)
	dir = filepath.Join(dir, "checkpoints")
	j := logOf(t, 3)
	c, err := checkpointer(t, j, dir, k, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second says nothing new
		if got, err := c.Write(t.Context()); err != nil || got.Size != 3 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	j.add(t, entry(4))
	if err := c.Close(); err != nil { // writes the last one
		t.Fatal(err)
	}
	past, err := audit.LoadCheckpoints(dir, k.Public())
	if err != nil || len(past) != 2 || past[0].Size != 3 || past[1].Size != 4 {
		t.Fatalf("%+v, %v", past, err)
	}
	if r, err := audit.Verify(t.Context(), j, past...); err != nil || r.Checkpoints != 2 {
		t.Errorf("%v, %v", r, err)
	}

	// A log that was cut, rolled back or rewritten is noticed at the next start, and no longer signed while running.
	for name, bad := range map[string]*journal{"cut": logOf(t, 2), "rewritten": func() *journal { j := logOf(t, 3); j.add(t, entry(99)); return j }()} {
		if _, err := checkpointer(t, bad, dir, k, time.Hour); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err = checkpointer(t, j, dir, k, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	*j = *logOf(t, 2)
	if _, err := c.Write(t.Context()); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("signed a log that was cut: %v", err)
	}
	if err := c.Close(); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("closed: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "0000000000000009.checkpoint"), []byte("forged\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.LoadCheckpoints(dir, k.Public()); !errors.Is(err, audit.ErrCheckpoint) || !strings.Contains(err.Error(), "0009.checkpoint") {
		t.Errorf("a forged checkpoint: %v", err)
	}
}

// TestCheckpointerInterval: it writes by itself.
func TestCheckpointerInterval(t *testing.T) {
	dir := t.TempDir()
	k := key(t, dir)
	c, err := checkpointer(t, logOf(t, 3), filepath.Join(dir, "cp"), k, 5*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if past, err := audit.LoadCheckpoints(filepath.Join(dir, "cp"), k.Public()); err == nil && len(past) == 1 {
			break
		}
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatal("no checkpoint in 10 s")
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	k, err := audit.OpenKey(filepath.Join(f.TempDir(), "k"))
	if err != nil {
		f.Fatal(err)
	}
	signed, err := k.Sign(audit.Checkpoint{Size: 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte("naisen audit log\n1\n\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := audit.OpenCheckpoint(b, k.Public())
		if err == nil && c.Size != 3 {
			t.Errorf("a checkpoint nobody signed: %+v", c)
		}
	})
}
