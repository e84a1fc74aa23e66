package pipeline

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/recorder/objstore"
)

// closed is a store in which one domain's bucket refuses all that is put there.
type closed struct {
	objstore.Store
	prefix string
	open   atomic.Bool
	tried  atomic.Int64
}

func (c *closed) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	if strings.HasPrefix(name, c.prefix) {
		if c.tried.Add(1); !c.open.Load() {
			return errors.New("there is no such bucket")
		}
	}
	return c.Store.Put(ctx, name, r, size, lock)
}

// Where one domain's bucket is away the others' recordings are stored, the alarm stands until that bucket is back, and nothing that they store makes the
// switch ask it more often.
func TestOneBucketAway(t *testing.T) {
	var store *closed
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store {
		store = &closed{Store: s, prefix: "b.example/"}
		return store
	}, func(c *Config) { c.RetryFirst, c.RetryMost = time.Hour, time.Hour })
	began := time.Now()
	b := someCase("rb", began)
	b.Domain = "b.example"
	rec, err := r.Start(b)
	if err != nil {
		t.Fatal(err)
	}
	v := newVoice(t, "A", 440)
	for range 50 {
		rec.Tap().Tap(v.next())
	}
	rec.Stop(began.Add(time.Second), "bye")
	wait(t, func() bool { return store.tried.Load() == 1 && r.Stats().StoreDown })
	for _, id := range []string{"r1", "r2", "r3"} {
		r.record(t, id, 1)
	}
	wait(t, func() bool { return r.Stats().Stored == 3 })
	r.settle(t)
	if n := store.tried.Load(); n != 1 || !r.Stats().StoreDown {
		t.Errorf("asked %d times, down: %v", n, r.Stats().StoreDown)
	}
	store.open.Store(true)
	r.uploads.hurry()
	wait(t, func() bool { return r.Stats().Stored == 4 })
	if r.Stats().StoreDown {
		t.Error("the alarm stands")
	}
}
