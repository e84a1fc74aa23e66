package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning/audit"
)

func exported(t testing.TB, j *journal) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := audit.Export(t.Context(), j, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyExport(t testing.TB, text []byte, checkpoints ...audit.Checkpoint) (audit.Report, error) {
	t.Helper()
	x, err := audit.OpenExport(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return audit.Report{}, err
	}
	return audit.Verify(t.Context(), x, checkpoints...)
}

// TestExport: what is true of the database is true of its export, over several pages, and its faults are named by number.
func TestExport(t *testing.T) {
	j := logOf(t, 1100)
	at := checkpoint(t, j)
	text := exported(t, j)
	if r, err := verifyExport(t, text, at); err != nil || r.Size != 1100 || r.Root != at.Root || r.Checkpoints != 1 {
		t.Fatalf("%v %v", r, err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for _, c := range []struct {
		name  string
		spoil func([]string) []string
		first int64
	}{
		{"edited", func(l []string) []string { l[1034] = strings.Replace(l[1034], "boss@", "toss@", 1); return l }, 1034},
		{"removed", func(l []string) []string { return slices.Delete(l, 1034, 1035) }, 1034},
		{"two exchanged", func(l []string) []string { l[1034], l[1035] = l[1035], l[1034]; return l }, 1034},
		{"twice", func(l []string) []string { return slices.Insert(l, 1034, l[1033]) }, 1034},
		{"cut", func(l []string) []string { return l[:1051] }, 1051},
		{"cut in a line", func(l []string) []string { l[1050] = l[1050][:60]; return l[:1051] }, 1050},
		{"cut, and the head says so", func(l []string) []string { l[0] = "naisen audit export v1 1050\n"; return l[:1051] }, 1051},
		{"added", func(l []string) []string { l[0] = "naisen audit export v1 1099\n"; return l }, 1100},
	} {
		r, err := verifyExport(t, []byte(strings.Join(c.spoil(slices.Clone(lines)), "")), at)
		if !errors.Is(err, audit.ErrBroken) || r.First != c.first {
			t.Errorf("%s: %v, %v, want %d", c.name, r, err, c.first)
		}
	}
	for _, no := range []string{"", "naisen audit export v1 x\n", "PK\x03\x04", "naisen audit export v1 1\n" + strings.Repeat("x", 50_000) + "\n"} {
		if _, err := verifyExport(t, []byte(no)); err == nil {
			t.Errorf("%.40q is an export", no)
		}
	}
}

// TestMutatedLog: ten thousand random changes of rows, hashes, columns, order and length; each is found, and none is named behind the entry that it touched.
func TestMutatedLog(t *testing.T) {
	const n = 12
	good := logOf(t, n)
	at := checkpoint(t, good)
	rnd := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	for range mutations {
		j := &journal{records: slices.Clone(good.records), size: good.size}
		i := rnd.IntN(n)
		kind := mutate(rnd, j, i)
		r, err := audit.Verify(t.Context(), j, at)
		if !errors.Is(err, audit.ErrBroken) || r.First > int64(i)+1 || r.First < 1 {
			t.Fatalf("%s at %d: %v, %v", kind, i+1, r, err)
		}
		kinds[kind]++
	}
	if len(kinds) != 8 {
		t.Errorf("only %v", kinds)
	}
}

func flipped(rnd *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
	return b
}

func mutate(rnd *rand.Rand, j *journal, i int) string {
	r := &j.records[i]
	switch rnd.IntN(8) {
	case 0:
		r.Leaf = flipped(rnd, r.Leaf)
		return "leaf"
	case 1:
		r.Hashes = flipped(rnd, r.Hashes)
		return "hash"
	case 2:
		r.Hashes = r.Hashes[:rnd.IntN(len(r.Hashes))]
		return "hash cut"
	case 3:
		f := []*string{&r.Entry.Domain, &r.Entry.Subject, &r.Entry.Action, &r.Entry.Object, &r.Entry.Outcome}[rnd.IntN(5)]
		*f = string(flipped(rnd, []byte(*f)))
		return "column"
	case 4:
		j.records = slices.Delete(j.records, i, i+1)
		return "removed"
	case 5:
		k := (i + 1 + rnd.IntN(len(j.records)-1)) % len(j.records)
		j.records[i], j.records[k] = j.records[k], j.records[i]
		j.records[i].Seq, j.records[k].Seq = int64(i)+1, int64(k)+1
		return "exchanged"
	case 6:
		j.records, j.size = j.records[:i], int64(i)
		return "rolled back"
	}
	j.records = slices.Insert(j.records, i, j.records[(i+1+rnd.IntN(len(j.records)-1))%len(j.records)])
	renumber(j)
	return "inserted"
}

// TestExtract: entries prove themselves against the checkpoint, and nothing else does.
func TestExtract(t *testing.T) {
	b := newBench(t, 40)
	c, _ := b.open(t)
	_, signed, err := c.Signed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x, err := audit.NewExtract(t.Context(), b.log, signed, b.key.Public(), []int64{1, 17, 40})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	read, err := audit.ReadExtract(text)
	if err != nil {
		t.Fatal(err)
	}
	at, entries, err := read.Open(b.key.Public())
	if err != nil || at.Size != 40 || len(entries) != 3 || entries[1].Seq != 17 || entries[1].Object != "2017" {
		t.Fatalf("%+v %+v %v", at, entries, err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*audit.Extract)
		want  string
	}{
		{"edited", func(x *audit.Extract) { x.Entries[1].Leaf = strings.Replace(x.Entries[1].Leaf, "2017", "2018", 1) }, "entry 17 "},
		{"another place", func(x *audit.Extract) { x.Entries[1].Seq = 18 }, "entry 18 "},
		{"exchanged", func(x *audit.Extract) { x.Entries[0], x.Entries[1] = x.Entries[1], x.Entries[0] }, "entry 1 "},
		{"twice", func(x *audit.Extract) { x.Entries[1] = x.Entries[0] }, "entry 1 "},
		{"proof cut", func(x *audit.Extract) { x.Entries[2].Proof = x.Entries[2].Proof[1:] }, "entry 40 "},
		{"proof changed", func(x *audit.Extract) { x.Entries[2].Proof[0][5] ^= 1 }, "entry 40 "},
		{"behind the checkpoint", func(x *audit.Extract) { x.Entries[2].Seq = 41 }, "entry 41 "},
	} {
		x, err := audit.ReadExtract(text)
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(&x)
		if _, _, err := x.Open(b.key.Public()); !errors.Is(err, audit.ErrBroken) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, _, err := x.Open(key(t, t.TempDir()).Public()); !errors.Is(err, audit.ErrCheckpoint) {
		t.Errorf("another log's key: %v", err)
	}
	for _, no := range []string{"", "{}x", `{"more":1}`, "[]"} {
		if _, err := audit.ReadExtract([]byte(no)); err == nil {
			t.Errorf("%q is an extract", no)
		}
	}
	if _, err := audit.NewExtract(t.Context(), b.log, signed, b.key.Public(), []int64{99}); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("an entry that is not there: %v", err)
	}
}
