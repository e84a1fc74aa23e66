// Package journaltest makes journals in memory for tests. It never touches a disk.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"naisen/recorder/journal"
)

// File is a journal's file in memory. B is for when nobody writes any more.
type File struct {
	mu   sync.Mutex
	B    []byte
	room int
	err  error
}

// Limit makes writes fail with err that would make the file longer than room; nil lifts it.
func (f *File) Limit(room int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room, f.err = room, err
}

// WriteAt implements journal.File; like a full disk it may take a part.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	want := int(off) + len(p)
	if f.err != nil && want > f.room {
		n := max(f.room-int(off), 0)
		f.write(p[:n], int(off))
		return n, f.err
	}
	f.write(p, int(off))
	return len(p), nil
}

// Content is a copy of what was written so far, for readers beside the writer.
func (f *File) Content() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.B)
}

func (f *File) write(p []byte, off int) {
	if need := off + len(p); need > len(f.B) {
		f.B = append(f.B, make([]byte, need-len(f.B))...)
	}
	copy(f.B[off:], p)
}

// Sync implements journal.File.
func (f *File) Sync() error { return nil }

// Close implements journal.File.
func (f *File) Close() error { return nil }

// Keeper hides keys with a mask: enough where the test is not about the key. Anything it did not make is refused.
type Keeper struct{}

var errMask = errors.New("journaltest: not made by Keeper")

// SealSpool implements journal.Keeper.
func (Keeper) SealSpool(_ context.Context, plain []byte) ([]byte, error) {
	return append([]byte("mask:"), mask(plain)...), nil
}

// OpenSpool implements journal.Keeper.
func (Keeper) OpenSpool(_ context.Context, sealed []byte, _ int64) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, []byte("mask:"))
	if !ok {
		return nil, errMask
	}
	return mask(rest), nil
}

func mask(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out
}

// New starts a journal in memory.
func New(t testing.TB, id string) (*journal.Writer, *File) {
	t.Helper()
	f := &File{}
	w, err := journal.NewWriter(context.Background(), f, Keeper{}, id, make([]byte, journal.SlotSize))
	if err != nil {
		t.Fatal(err)
	}
	return w, f
}

// Open reads it.
func Open(t testing.TB, b []byte, id string) *journal.Reader {
	t.Helper()
	r, err := journal.Open(context.Background(), bytes.NewReader(b), int64(len(b)), Keeper{}, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// All reads every record; frames get payloads of their own.
func All(t testing.TB, r *journal.Reader) []journal.Record {
	t.Helper()
	var all []journal.Record
	for {
		var rec journal.Record
		err := r.Next(&rec)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		rec.Frame.Payload = bytes.Clone(rec.Frame.Payload)
		all = append(all, rec)
	}
}
