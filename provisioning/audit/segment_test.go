package audit_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"naisen/provisioning/audit"
)

func segmentKey(t *testing.T) *audit.Key {
	t.Helper()
	k, err := audit.OpenKey(filepath.Join(t.TempDir(), "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// unpacked is what gzip holds, packed the other way.
func unpacked(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func packed(t *testing.T, b []byte) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return &out
}

// TestSegment: a block is written and read; nothing that is no block is written.
func TestSegment(t *testing.T) {
	j, key := logOf(t, 40), segmentKey(t)
	var b bytes.Buffer
	made := time.Date(2028, 1, 2, 3, 4, 5, 6, time.UTC)
	s, err := key.WriteSegment(&b, j.records[16:32], made)
	if err != nil || s.First != 17 || s.Last != 32 || !s.Newest.Equal(entry(32).Time) {
		t.Fatalf("%+v %v", s, err)
	}
	n := 0
	got, err := audit.ReadSegment(bytes.NewReader(b.Bytes()), key.Public(), func(r audit.Record) {
		if want := j.records[16+n]; r.Seq != want.Seq || !bytes.Equal(r.Leaf, want.Leaf) || !bytes.Equal(r.Hashes, want.Hashes) {
			t.Errorf("entry %d is another one", r.Seq)
		}
		n++
	})
	if err != nil || n != 16 || got != s || !got.Made.Equal(made.Truncate(time.Second)) {
		t.Errorf("%+v, want %+v: %d entries, %v", got, s, n, err)
	}
	if err := audit.HoldSegment(t.Context(), j, got); err != nil {
		t.Error(err)
	}
	if _, err := audit.ReadSegment(bytes.NewReader(b.Bytes()), segmentKey(t).Public(), nil); !errors.Is(err, audit.ErrSegment) {
		t.Errorf("another's signature: %v", err)
	}
	for name, from := range map[string][]audit.Record{"not aligned": j.records[8:24], "no power of two": j.records[0:12], "a gap": append(append([]audit.Record{}, j.records[0:7]...), j.records[8]), "nothing": nil} {
		if _, err := key.WriteSegment(io.Discard, from, made); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	altered := append([]audit.Record{}, j.records[16:32]...)
	altered[3].Entry.Object = "2999"
	if _, err := key.WriteSegment(io.Discard, altered, made); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("altered: %v", err)
	}
	signed, err := key.Sign(audit.Checkpoint{Size: 5, Time: made})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Appendf(nil, "naisen audit archive v1 %d\n", len(signed))
	if _, err := audit.ReadSegment(packed(t, append(text, signed...)), key.Public(), nil); !errors.Is(err, audit.ErrSegment) {
		t.Errorf("a checkpoint passes for an archive: %v", err)
	}
}

// TestMutatedSegment: of 3,000 archives with a random change each, none is read.
func TestMutatedSegment(t *testing.T) {
	j, key := logOf(t, 8), segmentKey(t)
	var b bytes.Buffer
	if _, err := key.WriteSegment(&b, j.records, time.Now()); err != nil {
		t.Fatal(err)
	}
	plain := unpacked(t, b.Bytes())
	r := rand.New(rand.NewPCG(5, 5))
	for range 3000 {
		other := bytes.Clone(plain)
		at := r.IntN(len(other))
		switch r.IntN(4) {
		case 0:
			other[at] ^= byte(1 + r.IntN(255))
		case 1:
			other = other[:at]
		case 2:
			other = append(other[:at], other[min(at+1+r.IntN(200), len(other)):]...)
		case 3:
			other = append(other, plain[at:]...)
		}
		if s, err := audit.ReadSegment(packed(t, other), key.Public(), nil); err == nil {
			t.Fatalf("%+v was read though it was changed at %d", s, at)
		}
	}
}
