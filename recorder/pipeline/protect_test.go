package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// A recording is locked until its class lets it go, all of it, and the manifest says by which rule; a lying store cannot use the lock to keep a bad copy.
func TestRetentionLocks(t *testing.T) {
	store := &faulty{halve: 1, flip: 1}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { store.Store = s; return store }, nil)
	r.days = 30
	r.record(t, "r1", 1, "C")
	wait(t, func() bool { return r.Stats().Stored == 1 })
	r.settle(t)
	_, m := r.open(t, "r1")
	if m.RetentionDays != 30 || !m.RetainUntil().Equal(m.Ended.Add(30*24*time.Hour).Truncate(time.Millisecond)) {
		t.Errorf("%+v", m)
	}
	if row := r.row(t, "r1"); !row.RetainUntil.Equal(m.RetainUntil()) {
		t.Errorf("catalogue %v, manifest %v", row.RetainUntil, m.RetainUntil())
	}
	names := r.objects(t)
	if len(names) < 5 { // audio, three voices, manifest
		t.Errorf("%v", names)
	}
	for _, name := range names {
		if l, err := r.store.Locked(t.Context(), name); err != nil || !l.Until.Equal(m.RetainUntil()) || l.LegalHold {
			t.Errorf("%s: %+v %v", name, l, err)
		}
		if err := r.store.Delete(t.Context(), name); !errors.Is(err, objstore.ErrLocked) {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if s := r.Stats(); s.Mismatches != 2 || s.Unlocked != 0 {
		t.Errorf("%+v", s)
	}
}

// onProtect is a store that does something when it is asked to lock, or refuses.
type onProtect struct {
	objstore.Store
	do func(name string) error
}

func (o *onProtect) Retain(ctx context.Context, name string, until time.Time) error {
	if err := o.do(name); err != nil {
		return err
	}
	return o.Store.Retain(ctx, name, until)
}

// A hold counts whenever it is set: before anything is stored, and in the moment between lock and entry.
func TestHeldWhileStored(t *testing.T) {
	down := &faulty{down: errors.New("down")}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { down.Store = s; return down }, nil)
	r.record(t, "r1", 1)
	r.settle(t)
	if err := r.cat.Hold(t.Context(), "a.example", "r1", "boss", "x"); err != nil {
		t.Fatal(err)
	}
	down.set(func(f *faulty) { f.down = nil })
	wait(t, func() bool { return r.Stats().Stored == 1 })
	r.held(t)

	between := &onProtect{}
	r2 := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { between.Store = s; return between }, nil)
	var once atomic.Bool
	between.do = func(name string) error {
		if strings.HasSuffix(name, manifestExt) && once.CompareAndSwap(false, true) { // the last to be locked
			return r2.cat.Hold(context.Background(), "a.example", "r1", "boss", "x")
		}
		return nil
	}
	r2.days = 1
	r2.record(t, "r1", 1)
	wait(t, func() bool { return r2.Stats().Stored == 1 })
	r2.held(t)
}

func (r *rig) held(t *testing.T) {
	t.Helper()
	for _, name := range r.objects(t) {
		if l, err := r.store.Locked(t.Context(), name); err != nil || !l.LegalHold {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
}

// A store that keeps no locks gets the recordings all the same, and that is shown; one that does not answer the lock is asked again, and what is
// here stays until it did.
func TestLockRefused(t *testing.T) {
	none := &onProtect{do: func(string) error { return fmt.Errorf("s3: %w", objstore.ErrNoLocks) }}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { none.Store = s; return none }, nil)
	r.days = 30
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().Stored == 1 })
	if s := r.Stats(); s.Unlocked != 1 || s.StoreDown {
		t.Errorf("%+v", s)
	}
	var refuse atomic.Bool
	refuse.Store(true)
	later := &onProtect{do: func(string) error {
		if refuse.Load() {
			return errors.New("503")
		}
		return nil
	}}
	r2 := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { later.Store = s; return later }, nil)
	r2.days = 30
	r2.record(t, "r1", 1)
	wait(t, func() bool { return r2.Stats().UploadErrors > 1 })
	if row := r2.row(t, "r1"); row.State != recorder.Captured || len(r2.leftovers(t)) == 0 || !r2.Stats().StoreDown {
		t.Errorf("%s, %v", row.State, r2.leftovers(t))
	}
	refuse.Store(false)
	wait(t, func() bool { return r2.Stats().Stored == 1 })
	wait(t, func() bool { return len(r2.leftovers(t)) == 0 })
}

// slow is a store in which the upload of one recording hangs until it is let go.
type slow struct {
	objstore.Store
	id   string
	hung chan struct{}
	let  chan struct{}
}

func (s *slow) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	if strings.HasSuffix(name, s.id+audioExt) {
		select {
		case s.hung <- struct{}{}:
		default:
		}
		select {
		case <-s.let:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Store.Put(ctx, name, r, size, lock)
}

// An upload that hangs holds up no other one, and what waits is weighed.
func TestSlowStore(t *testing.T) {
	s := &slow{id: "r0", hung: make(chan struct{}, 1), let: make(chan struct{})}
	r := openRig(t, t.TempDir(), func(base objstore.Store) objstore.Store { s.Store = base; return s },
		func(c *Config) { c.Sweep = 20 * time.Millisecond })
	r.record(t, "r0", 1)
	<-s.hung
	for i := range 3 {
		r.record(t, fmt.Sprintf("r%d", i+1), 1)
	}
	wait(t, func() bool {
		st := r.Stats()
		return st.Stored == 3 && st.Uploading == 1 && st.WaitingBytes > 1000 && st.OldestUpload > 0
	})
	close(s.let)
	wait(t, func() bool { return r.Stats().Stored == 4 })
	wait(t, func() bool { return r.Stats().WaitingBytes == 0 })
}

// A store without room takes small objects and refuses large ones: what it took stays, the rest waits, nothing is there twice.
func TestStoreOutOfSpace(t *testing.T) {
	full := &small{most: 5000}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { full.Store = s; return full }, nil)
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().UploadErrors > 1 })
	if st := r.Stats(); !st.StoreDown || st.Stored != 0 {
		t.Errorf("%+v", st)
	}
	full.lift.Store(true)
	wait(t, func() bool { return r.Stats().Stored == 1 })
	r.settle(t)
	if n := len(r.objects(t)); n != 2 || r.Stats().StoreDown {
		t.Errorf("%d objects, %+v", n, r.Stats())
	}
	wav, _ := r.open(t, "r1")
	checkTones(t, wav)
}

type small struct {
	objstore.Store
	most int64
	lift atomic.Bool
}

func (s *small) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	if size > s.most && !s.lift.Load() {
		return errors.New("507 insufficient storage")
	}
	return s.Store.Put(ctx, name, r, size, lock)
}

// Row H10: the clock is set during calls and while uploads wait. Lengths come from the packets, nothing falls due early, everything arrives once.
func TestClockSet(t *testing.T) {
	var offset atomic.Int64
	store := &faulty{down: errors.New("down")}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { store.Store = s; return store },
		func(c *Config) { c.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) } })
	const day = 24 * time.Hour
	began := time.Now()
	// Only wall clocks are set; a time that a call took from one has the other clock in it, so what it says of a length is right. One without, as here
	// the second, is data: then the packets tell.
	for i, by := range []time.Duration{time.Hour, -time.Hour} {
		ended := began.Add(2 * time.Second)
		if by < 0 {
			ended = ended.Add(by)
		}
		id := fmt.Sprintf("r%d", i)
		c := someCase(id, began)
		c.RetentionDays = 1
		rec, err := r.Start(c)
		if err != nil {
			t.Fatal(err)
		}
		a, b := newVoice(t, "A", 440), newVoice(t, "B", 1000)
		for n := range 100 {
			rec.Tap().Tap(a.next())
			rec.Tap().Tap(b.next())
			if n == 50 {
				wait(t, func() bool { return ringsEmpty(rec) })
			}
		}
		offset.Store(int64(by))
		rec.Stop(ended, "bye")
	}
	r.settle(t)
	offset.Store(int64(-40 * day))
	store.set(func(f *faulty) { f.down = nil })
	wait(t, func() bool { return r.Stats().Stored == 2 })
	for i := range 2 {
		row := r.row(t, fmt.Sprintf("r%d", i))
		if row.Duration != 2*time.Second || row.RetainUntil.Before(began.Add(day)) {
			t.Errorf("%v long, due %v after the start", row.Duration, row.RetainUntil.Sub(began))
		}
		m, err := catalogue.ReadManifest(t.Context(), r.store, r.sealer, "a.example", catalogue.ManifestName(row.Object))
		if err != nil || !m.RetainUntil().Equal(row.RetainUntil) {
			t.Errorf("%v %v", m.RetainUntil(), err)
		}
	}
	if n := len(r.objects(t)); n != 4 {
		t.Errorf("%d objects", n)
	}
}
