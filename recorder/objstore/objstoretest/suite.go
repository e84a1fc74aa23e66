// Package objstoretest is the one conformance suite of objstore.Store: every implementation runs it. It knows nothing of any of them.
package objstoretest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/recorder/objstore"
)

// Run runs the suite. The store must be empty. now is the time that its locks run by.
func Run(t *testing.T, s objstore.Store, now func() time.Time) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, c := range []struct {
		name string
		fn   func(*testing.T, context.Context, objstore.Store)
	}{{"put and get", putGet}, {"ranges", ranges}, {"missing", missing}, {"names", names}, {"immutable", immutable}, {"sizes", sizes},
		{"one of many writers", race}, {"failing reader", failing}, {"cancelled", cancelled}, {"list", list}} {
		t.Run(c.name, func(t *testing.T) { c.fn(t, ctx, s) })
	}
	for name, fn := range map[string]func(*testing.T, context.Context, objstore.Store, func() time.Time){"locks": locks, "protect": protect, "protect nothing": protectNothing} {
		t.Run(name, func(t *testing.T) { fn(t, ctx, s, now) })
	}
}

func content(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func put(t *testing.T, ctx context.Context, s objstore.Store, name string, b []byte, lock objstore.Lock) {
	t.Helper()
	if err := s.Put(ctx, name, bytes.NewReader(b), int64(len(b)), lock); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func get(t *testing.T, ctx context.Context, s objstore.Store, name string, off, n int64) []byte {
	t.Helper()
	r, err := s.Get(ctx, name, off, n)
	if err != nil {
		t.Fatalf("get %s %d %d: %v", name, off, n, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return b
}

func want(t *testing.T, op string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: got %v, want %v", op, err, target)
	}
}

func putGet(t *testing.T, ctx context.Context, s objstore.Store) {
	for _, n := range []int{0, 1, 4095, 70_000, 6 << 20} {
		name := fmt.Sprintf("put/x%d.age", n)
		b := content(n)
		r := bytes.NewReader(b)
		r.Seek(int64(n), io.SeekStart) // Put reads from the start wherever the reader stands
		if err := s.Put(ctx, name, r, int64(n), objstore.Lock{}); err != nil {
			t.Fatalf("put of %d: %v", n, err)
		}
		if !bytes.Equal(get(t, ctx, s, name, 0, -1), b) {
			t.Errorf("%d bytes came back different", n)
		}
		info, err := s.Stat(ctx, name)
		if err != nil || info.Size != int64(n) || info.Name != name || info.ETag == "" {
			t.Errorf("stat: %+v, %v", info, err)
		}
		if err := s.Delete(ctx, name); err != nil {
			t.Errorf("delete: %v", err)
		}
		_, err = s.Stat(ctx, name)
		want(t, "stat after delete", err, objstore.ErrNotFound)
	}
}

func ranges(t *testing.T, ctx context.Context, s objstore.Store) {
	b := content(1000)
	put(t, ctx, s, "range.age", b, objstore.Lock{})
	for _, c := range []struct{ off, n, from, to int64 }{{0, 10, 0, 10}, {10, 10, 10, 20}, {990, 100, 990, 1000}, {999, -1, 999, 1000},
		{0, -1, 0, 1000}, {5, 0, 5, 5}, {1000, -1, 1000, 1000}, {1000, 5, 1000, 1000}, {5000, 5, 1000, 1000}} {
		if got := get(t, ctx, s, "range.age", c.off, c.n); !bytes.Equal(got, b[c.from:c.to]) {
			t.Errorf("get %d %d: %d bytes, want [%d:%d]", c.off, c.n, len(got), c.from, c.to)
		}
	}
}

func missing(t *testing.T, ctx context.Context, s objstore.Store) {
	put(t, ctx, s, "some/where/there.age", content(3), objstore.Lock{})
	for _, name := range []string{"none.age", "no/such/thing", "some/where", "some/where/there.age/below"} {
		_, err := s.Get(ctx, name, 0, -1)
		if err == nil {
			t.Errorf("get %s: no error", name)
		}
		_, err = s.Stat(ctx, name)
		if err == nil {
			t.Errorf("stat %s: no error", name)
		}
		if err := s.Delete(ctx, name); err == nil {
			t.Errorf("delete %s: no error", name)
		}
	}
	_, err := s.Get(ctx, "none.age", 0, -1)
	want(t, "get", err, objstore.ErrNotFound)
	_, err = s.Get(ctx, "none.age", 0, 0)
	want(t, "get of nothing", err, objstore.ErrNotFound)
	want(t, "delete", s.Delete(ctx, "none.age"), objstore.ErrNotFound)
}

func names(t *testing.T, ctx context.Context, s objstore.Store) {
	for _, name := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".tmp/x", "a/.hidden", "a\\b", "a b",
		"a\x00b", "a\nb", "ä", "a=b", "a?b", "a%2e", strings.Repeat("a", 129), strings.Repeat("aaaaaaa/", 65) + "a"} {
		want(t, fmt.Sprintf("put %q", name), s.Put(ctx, name, bytes.NewReader(nil), 0, objstore.Lock{}), objstore.ErrName)
		_, err := s.Get(ctx, name, 0, -1)
		want(t, fmt.Sprintf("get %q", name), err, objstore.ErrName)
		_, err = s.Stat(ctx, name)
		want(t, fmt.Sprintf("stat %q", name), err, objstore.ErrName)
		want(t, fmt.Sprintf("delete %q", name), s.Delete(ctx, name), objstore.ErrName)
		if name != "" && name != "a/" { // these can begin a name
			want(t, fmt.Sprintf("list %q", name), s.List(ctx, name, func(objstore.Info) error { return nil }), objstore.ErrName)
		}
	}
}

func immutable(t *testing.T, ctx context.Context, s objstore.Store) {
	b := content(100)
	put(t, ctx, s, "once.age", b, objstore.Lock{})
	want(t, "second put", s.Put(ctx, "once.age", bytes.NewReader(content(100)), 100, objstore.Lock{}), objstore.ErrExists)
	want(t, "same again", s.Put(ctx, "once.age", bytes.NewReader(b), 100, objstore.Lock{}), objstore.ErrExists)
	if !bytes.Equal(get(t, ctx, s, "once.age", 0, -1), b) {
		t.Error("the object changed")
	}
}

func sizes(t *testing.T, ctx context.Context, s objstore.Store) {
	for _, said := range []int64{99, 101} {
		want(t, fmt.Sprintf("said %d", said), s.Put(ctx, "size.age", bytes.NewReader(content(100)), said, objstore.Lock{}), objstore.ErrSize)
		_, err := s.Stat(ctx, "size.age")
		want(t, "stat", err, objstore.ErrNotFound)
	}
}

func race(t *testing.T, ctx context.Context, s objstore.Store) {
	const writers = 8
	var wg sync.WaitGroup
	errs := make([]error, writers)
	all := make([][]byte, writers)
	for i := range writers {
		all[i] = content(50_000)
		wg.Go(func() {
			errs[i] = s.Put(ctx, "race.age", bytes.NewReader(all[i]), int64(len(all[i])), objstore.Lock{})
		})
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("writers %d and %d both won", winner, i)
		case err == nil:
			winner = i
		default:
			want(t, "loser", err, objstore.ErrExists)
		}
	}
	if winner < 0 || !bytes.Equal(get(t, ctx, s, "race.age", 0, -1), all[winner]) {
		t.Errorf("winner %d is not what is stored", winner)
	}
}

type brokenReader struct{ *bytes.Reader }

var errBroken = errors.New("broken")

func (b brokenReader) Read(p []byte) (int, error) {
	if b.Len() < 40_000 {
		return 0, errBroken
	}
	return b.Reader.Read(p[:min(len(p), 10_000)])
}

func failing(t *testing.T, ctx context.Context, s objstore.Store) {
	err := s.Put(ctx, "broken.age", brokenReader{bytes.NewReader(content(80_000))}, 80_000, objstore.Lock{})
	want(t, "put", err, errBroken)
	_, err = s.Stat(ctx, "broken.age")
	want(t, "stat", err, objstore.ErrNotFound)
	put(t, ctx, s, "broken.age", content(10), objstore.Lock{})
}

func cancelled(t *testing.T, ctx context.Context, s objstore.Store) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Put(ctx, "cancelled.age", bytes.NewReader(content(1000)), 1000, objstore.Lock{}); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if _, err := s.Stat(context.WithoutCancel(ctx), "cancelled.age"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
}

func list(t *testing.T, ctx context.Context, s objstore.Store) {
	in := []string{"list/a.age", "list/a/1.age", "list/a/2.age", "list/b.age", "list/b/c/d.age", "listing.age"}
	for _, name := range in {
		put(t, ctx, s, name, content(5), objstore.Lock{})
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{{"list/", in[:5]}, {"list/a", in[:3]}, {"list/a/", in[1:3]}, {"list", in}, {"list/b/c/d.age", in[4:5]}, {"list/x", nil}} {
		var got []string
		err := s.List(ctx, c.prefix, func(i objstore.Info) error {
			got = append(got, i.Name)
			if i.Size != 5 {
				t.Errorf("%s: size %d", i.Name, i.Size)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("list %q: %v %v, want %v", c.prefix, got, err, c.want)
		}
	}
	stop := errors.New("stop")
	n := 0
	want(t, "stopped list", s.List(ctx, "list/", func(objstore.Info) error { n++; return stop }), stop)
	if n != 1 {
		t.Errorf("fn was called %d times", n)
	}
}
