package unseal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
)

// forger is a store that gives another audio object from some moment on.
type forger struct {
	objstore.Store
	name string

	mu     sync.Mutex
	forged []byte // nil: the real one
}

func (f *forger) set(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forged = b
}

func (f *forger) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	f.mu.Lock()
	b := f.forged
	f.mu.Unlock()
	if b == nil || name != f.name {
		return f.Store.Get(ctx, name, off, n)
	}
	b = b[min(off, int64(len(b))):]
	if n >= 0 {
		b = b[:min(n, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (f *forger) Stat(ctx context.Context, name string) (objstore.Info, error) {
	i, err := f.Store.Stat(ctx, name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.forged != nil && name == f.name {
		i.Size = int64(len(f.forged))
	}
	return i, err
}

const chunk = 64 << 10 // of age

// TestMutatedObject: ten thousand random changes of a sealed recording. Before it was proved none of it opens; after that, when the store gives
// something else than what was proved, not a sample of the altered chunk or of anything behind it comes out.
func TestMutatedObject(t *testing.T) {
	files, err := seal.OpenFiles(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sealer, inner := seal.New(files), mem.New(time.Now)
	put := func(name string, plain []byte) []byte {
		var b bytes.Buffer
		w, err := sealer.Seal(t.Context(), "a.example", &b)
		if err == nil {
			_, err = w.Write(plain)
		}
		if err = errors.Join(err, w.Close()); err == nil {
			err = inner.Put(t.Context(), name, bytes.NewReader(b.Bytes()), int64(b.Len()), objstore.Lock{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	record := func(id string, size int) (wav, sealed []byte, row catalogue.Row) {
		wav = make([]byte, size)
		for i := range wav {
			wav[i] = byte(rnd.Uint32())
		}
		m := recorder.Manifest{Case: recorder.Case{ID: id, Domain: "a.example", Started: time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)}}
		row = catalogue.Row{ID: m.ID, Domain: m.Domain, Object: catalogue.ObjectName(m.Case)}
		sealed = put(row.Object, wav)
		sum := sha256.Sum256(sealed)
		row.SealedSHA256, row.SealedBytes = hex.EncodeToString(sum[:]), int64(len(sealed))
		return wav, sealed, row
	}

	_, sealed, row := record("r1", 1000)
	store := &forger{Store: inner, name: row.Object}
	for range mutations / 2 { // altered when it is opened
		bad, at := alter(rnd, sealed)
		store.set(bad)
		plain, _, _, err := New(store, sealer).open(t.Context(), row)
		if !errors.Is(err, recorder.ErrIntegrity) || plain != nil {
			t.Fatalf("mutation at %d of %d opens: %v", at, len(sealed), err)
		}
	}

	wav, sealed, row := record("r2", chunk+1000)
	store = &forger{Store: inner, name: row.Object}
	o := New(store, sealer)
	head := len(sealed) - len(wav) - 2*16 // of age, with the nonce
	altered := 0
	for range mutations / 2 { // altered after it was proved
		bad, at := alter(rnd, sealed)
		store.set(nil)
		plain, size, closer, err := o.open(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		store.set(bad)
		out := &listener{want: wav}
		_, err = io.Copy(out, io.NewSectionReader(plain, 0, size))
		closer.Close()
		allowed := len(wav) // what was proved is kept here: its head may be altered elsewhere
		if at >= headSize || len(bad) != len(sealed) {
			allowed = max(at-head, 0) / (chunk + 16) * chunk
			altered++
			if err == nil {
				t.Fatalf("mutation at %d: played to the end", at)
			}
		}
		if out.heard > allowed || out.wrong {
			t.Fatalf("mutation at %d: %d bytes came out, at most %d are good", at, out.heard, allowed)
		}
	}
	if altered < mutations/4 {
		t.Errorf("only %d mutations reached a chunk", altered)
	}
}

// listener hears what comes out and knows what it should be.
type listener struct {
	want  []byte
	heard int
	wrong bool
}

func (l *listener) Write(p []byte) (int, error) {
	l.wrong = l.wrong || !bytes.HasPrefix(l.want[min(l.heard, len(l.want)):], p)
	l.heard += len(p)
	return len(p), nil
}

// alter changes one thing, and says where.
func alter(rnd *rand.Rand, sealed []byte) ([]byte, int) {
	bad, at := bytes.Clone(sealed), rnd.IntN(len(sealed))
	switch rnd.IntN(4) {
	case 0:
		bad[at] ^= 1 << rnd.IntN(8)
	case 1: // cut
		return bad[:at], at
	case 2: // a byte more
		return append(bad[:at:at], append([]byte{byte(rnd.Uint32())}, bad[at:]...)...), at
	default:
		bad[at] += byte(1 + rnd.IntN(255))
	}
	return bad, at
}
