package capture

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

// synced is a file that counts its own syncs.
type synced struct {
	journal.File
	n   *atomic.Int64
	err *atomic.Pointer[error]
}

func (f synced) Sync() error {
	f.n.Add(1)
	if err := f.err.Load(); err != nil {
		return *err
	}
	return f.File.Sync()
}

// Many journals are synced by one call. Where that fails each is asked, so that only what is broken is told, and few are synced by themselves.
func TestSyncTogether(t *testing.T) {
	var alone, together atomic.Int64
	var refuse, broken atomic.Pointer[error]
	r, err := Open(Config{Dir: filepath.Join(t.TempDir(), "j"), Keeper: journaltest.Keeper{}, Drain: time.Millisecond, Flush: time.Millisecond, Sync: 5 * time.Millisecond,
		Open: func(string) (journal.File, error) { return synced{&journaltest.File{}, &alone, &broken}, nil },
		SyncAll: func() error {
			together.Add(1)
			if err := refuse.Load(); err != nil {
				return *err
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var failed atomic.Int64
	begin := func(n int) {
		for i := range n {
			rec, err := r.Start(twoParties(fmt.Sprintf("r%d-%d", n, i)))
			if err != nil {
				t.Fatal(err)
			}
			rec.OnFailure(func(error) { failed.Add(1) })
		}
	}
	begin(1) // its case is a mark that is flushed at once
	eventually(t, func() bool { return alone.Load() >= 1 })
	if together.Load() != 0 {
		t.Error("one journal was synced by the call for many")
	}
	begin(40)
	eventually(t, func() bool { return together.Load() >= 1 })
	before := alone.Load()
	if before > 20 { // the first of them may have come alone
		t.Errorf("%d syncs of single journals", before)
	}
	oops := error(syscall.EIO)
	refuse.Store(&oops)
	broken.Store(&oops)
	begin(39)
	eventually(t, func() bool { return alone.Load() >= before+3 && failed.Load() > 0 })
	if n := r.Stats().SyncErrors; n == 0 {
		t.Error("no error was counted")
	}
	refuse.Store(nil)
	broken.Store(nil)
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("never")
		}
	}
}
