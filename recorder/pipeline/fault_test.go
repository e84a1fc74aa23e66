package pipeline

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/objstore"
)

// Rows H1, H13: the store refuses for a while; every recording arrives once, whole, and the alarm comes and goes.
func TestStoreDown(t *testing.T) {
	store := &faulty{down: errors.New("503 slow down")}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { store.Store = s; return store }, nil)
	const calls = 12
	for i := range calls {
		r.record(t, fmt.Sprintf("r%d", i), 1)
	}
	r.settle(t)
	if s := r.Stats(); !s.StoreDown || s.Uploading != calls || s.Stored != 0 || s.OldestUpload <= 0 || s.Rendered != calls {
		t.Errorf("while down: %+v", s)
	}
	if row := r.row(t, "r3"); row.State != recorder.Captured {
		t.Errorf("while down: %s", row.State)
	}
	store.set(func(f *faulty) { f.down, f.lose = nil, 5 }) // it is back, and loses some answers
	wait(t, func() bool { return r.Stats().Stored == calls })
	r.settle(t)
	if s := r.Stats(); s.StoreDown || s.Uploading != 0 {
		t.Errorf("after: %+v", s)
	}
	if n := len(r.objects(t)); n != 2*calls {
		t.Errorf("%d objects for %d calls", n, calls)
	}
	for name, n := range store.accepted {
		if n != 1 {
			t.Errorf("%s was stored %d times", name, n)
		}
	}
	for i := range calls {
		wav, _ := r.open(t, fmt.Sprintf("r%d", i))
		checkTones(t, wav)
	}
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// Row H2: the store says that all is well but keeps half, or something else. The read-back notices, and the copy here stays until it is right.
func TestLyingStore(t *testing.T) {
	store := &faulty{halve: 2, flip: 2}
	r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { store.Store = s; return store }, nil)
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().Stored == 1 })
	if s := r.Stats(); s.Mismatches != 4 {
		t.Errorf("%+v", s)
	}
	wav, _ := r.open(t, "r1")
	checkTones(t, wav)
}

// An object of the same name that this run did not put is never taken away, and never taken for ours.
func TestForeignObjectStays(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	name := fmt.Sprintf("a.example/%s/r1.age", time.Now().UTC().Format("2006/01/02"))
	if err := r.store.Put(t.Context(), name, strings.NewReader("other"), 5, objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().Mismatches > 1 })
	if info, err := r.store.Stat(t.Context(), name); err != nil || info.Size != 5 {
		t.Errorf("%+v %v", info, err)
	}
	if row := r.row(t, "r1"); row.State != recorder.Captured {
		t.Errorf("%s", row.State)
	}
}

// A spool file that was altered on the disk, or of which a power cut left the name alone, is rendered again from the journal.
func TestSpoolAltered(t *testing.T) {
	for _, ext := range []string{audioExt, manifestExt, trackExt(2), jobExt, "cut" + audioExt, "cut" + manifestExt, "cut" + trackExt(1)} {
		ext, cut := strings.CutPrefix(ext, "cut")
		store := &faulty{down: errors.New("down")}
		r := openRig(t, t.TempDir(), func(s objstore.Store) objstore.Store { store.Store = s; return store }, nil)
		r.record(t, "r1", 1, "C")
		r.settle(t)
		path := r.spooled("r1", ext)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if b[len(b)-40] ^= 1; cut {
			b = nil
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		tried := store.tried()
		wait(t, func() bool { return store.tried() >= tried+2 || r.Stats().Rendered == 2 }) // what was read before the change has failed by now
		store.set(func(f *faulty) { f.down = nil })
		wait(t, func() bool { return r.Stats().Stored == 1 })
		wav, _ := r.open(t, "r1")
		checkTones(t, wav)
		if s := r.Stats(); s.Rendered != 2 {
			t.Errorf("%s: %+v", ext, s)
		}
	}
}

// Row H3: the journal disk is full in a call. The call is told, the rest waits, and what the disk took is a recording.
func TestJournalDiskFull(t *testing.T) {
	var full limited
	full.room.Store(6 * journal.SlotSize)
	r := openRig(t, t.TempDir(), nil, func(c *Config) { c.OpenJournal = full.open })
	began := time.Now()
	rec, err := r.Start(someCase("r1", began))
	if err != nil {
		t.Fatal(err)
	}
	a, b := newVoice(t, "A", 440), newVoice(t, "B", 1000)
	for range 6 * 50 { // more than may wait
		rec.Tap().Tap(a.next())
		rec.Tap().Tap(b.next())
	}
	failures := make(chan error, 1)
	rec.OnFailure(func(err error) { failures <- err })
	if err := <-failures; !errors.Is(err, recorder.ErrDiskFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("failed: %v", err)
	}
	if s := r.Stats().Capture; s.Failing != 1 || !s.DiskFull {
		t.Errorf("%+v", s)
	}
	full.room.Store(1 << 30)
	rec.Stop(began.Add(6*time.Second), "bye")
	r.settle(t)
	wav, m := r.open(t, "r1")
	if m.Dropped == 0 || m.Interrupted || m.DurationMS != 6000 || len(m.Gaps) == 0 {
		t.Errorf("%+v", m)
	}
	if level(wav[:44+8000], 0, 440) < 6000 {
		t.Error("the beginning is not there")
	}
	if s := r.Stats().Capture; s.Failing != 0 || s.DiskFull {
		t.Errorf("%+v", s)
	}
}

// The spool cannot be written: rendering waits and goes on; the journal stays.
func TestSpoolDiskFull(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	if err := os.Rename(r.dir(spool), r.dir("away")); err != nil {
		t.Fatal(err)
	}
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().RenderErrors > 1 })
	if _, err := os.Stat(r.journal("r1")); err != nil {
		t.Errorf("the journal: %v", err)
	}
	if err := os.Rename(r.dir("away"), r.dir(spool)); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool { return r.Stats().Stored == 1 })
}
