package capture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/journal/journaltest"
)

// bench is a Recorder whose journals are in memory.
type bench struct {
	*Recorder
	mu    sync.Mutex
	files map[string]*journaltest.File
	ended chan string
	began chan string
}

func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	b := &bench{files: map[string]*journaltest.File{}, ended: make(chan string, 100), began: make(chan string, 100)}
	cfg := Config{Dir: t.TempDir(), Keeper: journaltest.Keeper{}, MinFree: -1,
		Open: func(path string) (journal.File, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			f := &journaltest.File{}
			b.files[path] = f
			return f, nil
		},
		Began: func(c recorder.Case) { b.began <- c.ID }, Ended: func(m recorder.Manifest) { b.ended <- m.ID }}
	if change != nil {
		change(&cfg)
	}
	r, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Recorder = r
	return b
}

func (b *bench) read(t testing.TB, id string) ([]journal.Record, *journal.Reader) {
	b.mu.Lock()
	f := b.files[Path(b.cfg.Dir, id)]
	b.mu.Unlock()
	r := journaltest.Open(t, f.Content(), id)
	return journaltest.All(t, r), r
}

func twoParties(id string) recorder.Case {
	return recorder.Case{ID: id, Domain: "d", Call: "c", Started: time.Now(),
		Parties: []recorder.Party{{Endpoint: "A", Role: "caller", Number: "1"}, {Endpoint: "B", Role: "called", Number: "2"}}}
}

func failuresOf(rec recorder.Recording) <-chan error {
	c := make(chan error, 1)
	rec.OnFailure(func(err error) { c <- err })
	return c
}

func rtp(from string, n int) *media.Frame {
	return &media.Frame{From: from, Codec: media.PCMU, Payload: bytes.Repeat([]byte{byte(n)}, 160), Sequence: uint16(n), Timestamp: uint32(n) * 160,
		SSRC: 1, Arrived: int64(n) * int64(20*time.Millisecond)}
}

func TestCaptureToJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		rec, err := b.Start(twoParties("r1"))
		if err != nil {
			t.Fatal(err)
		}
		tap := rec.Tap()
		for n := range 500 { // 10 s
			tap.Tap(rtp("A", n))
			tap.Tap(rtp("B", n))
			if n == 250 {
				rec.Party(recorder.Party{Endpoint: "C", Role: "called", Number: "3"})
			}
			if n > 250 {
				tap.Tap(rtp("C", n))
			}
			tap.Tap(rtp("nobody", n))
			<-time.After(20 * time.Millisecond)
		}
		rec.Stop(time.Now(), "bye")
		rec.Stop(time.Now().Add(time.Hour), "again") // idempotent
		tap.Tap(rtp("A", 501))                       // after the end
		if id := <-b.ended; id != "r1" {
			t.Errorf("ended %s", id)
		}
		all, r := b.read(t, "r1")
		count := map[uint8]int{}
		for _, x := range all {
			if x.Kind == journal.KindFrame {
				if x.Frame.Payload[0] != byte(x.Frame.Sequence) || len(x.Frame.Payload) != 160 {
					t.Fatalf("frame %d holds another one's payload", x.Frame.Sequence)
				}
				count[x.Frame.Party]++
			}
		}
		last := all[len(all)-1]
		if !r.Complete() || all[0].Kind != journal.KindCase || last.Kind != journal.KindStop || last.Stop.Why != "bye" || last.Stop.At != 10*time.Second {
			t.Errorf("complete %v, last %+v", r.Complete(), last.Stop)
		}
		if count[0] != 500 || count[1] != 500 || count[2] != 249 {
			t.Errorf("frames %v", count)
		}
		if s := b.Stats(); s.Frames != 1249 || s.Strangers != 500 || s.Dropped != 0 || s.Live != 0 || s.Finished != 1 || s.Failing != 0 {
			t.Errorf("%+v", s)
		}
		b.Close()
	})
}

// Whatever the packet rate, no more than a second is missing on disk at any moment.
func TestNeverASecondBehind(t *testing.T) {
	for _, every := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, nil)
			rec, err := b.Start(twoParties("r1"))
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for n := range int(10 * time.Second / every) {
				f := rtp("A", n)
				f.Arrived = int64(time.Since(began))
				rec.Tap().Tap(f)
				<-time.After(every)
				if time.Since(began) < time.Second || time.Duration(n)*every%(437*time.Millisecond) > every {
					continue // reading a whole journal is slow; look at odd moments
				}
				synctest.Wait()
				all, _ := b.read(t, "r1")
				have := 0
				for _, x := range all {
					if x.Kind == journal.KindFrame {
						have++
					}
				}
				if due := int((time.Since(began) - time.Second) / every); have < due {
					t.Fatalf("every %v at %v: %d frames on disk, want %d", every, time.Since(began), have, due)
				}
			}
			b.Close()
		})
	}
}

// A slow writer: the queue refuses, counts, and the journal says so; nothing that was taken is lost.
func TestRingFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *Config) { c.Drain = 10 * time.Second })
		rec, _ := b.Start(twoParties("r1"))
		for n := range 300 {
			rec.Tap().Tap(rtp("A", n))
		}
		<-time.After(11 * time.Second)
		rec.Stop(time.Now(), "bye")
		<-b.ended
		all, _ := b.read(t, "r1")
		frames, drops := 0, int64(0)
		for _, x := range all {
			switch x.Kind {
			case journal.KindFrame:
				frames++
			case journal.KindDrops:
				drops += x.Drops.N
			}
		}
		if frames != 234 || drops != 66 || b.Stats().Dropped != 66 {
			t.Errorf("%d frames, %d drops, %+v", frames, drops, b.Stats())
		}
		b.Close()
	})
}

// A full disk: Failed says so once, the capture goes on with what it has, and comes back by itself.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &journaltest.File{}
		file.Limit(5*journal.SlotSize, syscall.ENOSPC)
		b := newBench(t, func(c *Config) { c.Open = func(string) (journal.File, error) { return file, nil } })
		rec, _ := b.Start(twoParties("r1"))
		failures := failuresOf(rec)
		var failed error
		for n := range 1000 { // 20 s
			rec.Tap().Tap(rtp("A", n))
			<-time.After(20 * time.Millisecond)
			select {
			case failed = <-failures:
				if s := b.Stats(); s.Failing != 1 || !s.DiskFull || s.Failures != 1 {
					t.Errorf("%+v", s)
				}
				other, err := b.Start(twoParties("r2"))
				if err != nil {
					t.Fatal(err)
				}
				if err := <-failuresOf(other); !errors.Is(err, recorder.ErrDiskFull) {
					t.Errorf("a start on a full disk: %v", err)
				}
				other.Stop(time.Now(), "bye")
			default:
			}
			if n == 600 {
				file.Limit(0, nil)
			}
		}
		rec.Stop(time.Now(), "bye")
		for <-b.ended != "r1" {
		}
		if !errors.Is(failed, recorder.ErrDiskFull) {
			t.Errorf("failed: %v", failed)
		}
		b.Close()
		// r2 wrote over r1 in the same fake file; what matters here is the state after recovery.
		if s := b.Stats(); s.Failing != 0 || s.DiskFull || s.Dropped == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// The journal that a full disk interrupted holds everything before, the drops, and everything after.
func TestDiskFullJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &journaltest.File{}
		file.Limit(5*journal.SlotSize+77, syscall.ENOSPC)
		b := newBench(t, func(c *Config) { c.Open = func(string) (journal.File, error) { return file, nil } })
		rec, _ := b.Start(twoParties("r1"))
		for n := range 1000 {
			rec.Tap().Tap(rtp("A", n))
			<-time.After(20 * time.Millisecond)
			if n == 600 {
				file.Limit(0, nil)
			}
		}
		rec.Stop(time.Now(), "bye")
		<-b.ended
		r := journaltest.Open(t, file.B, "r1")
		var frames, drops int64
		var last uint16
		for _, x := range journaltest.All(t, r) {
			switch x.Kind {
			case journal.KindFrame:
				frames++
				last = x.Frame.Sequence
			case journal.KindDrops:
				drops += x.Drops.N
			}
		}
		if !r.Complete() || r.Damaged() != 0 || frames+drops != 1000 || drops == 0 || last != 999 {
			t.Errorf("complete %v damaged %d frames %d drops %d last %d", r.Complete(), r.Damaged(), frames, drops, last)
		}
		b.Close()
	})
}

func TestStartRefuses(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Max = 2 })
	for _, id := range []string{"", "a/b", "../x", ".x", "a b", "x.manifest", string(make([]byte, 200)), "日本"} {
		c := twoParties(id)
		if _, err := b.Start(c); !errors.Is(err, ErrCase) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := b.Start(twoParties("r1")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(twoParties("r1")); !errors.Is(err, ErrExists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := b.Start(twoParties("r2")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(twoParties("r3")); !errors.Is(err, ErrTooMany) {
		t.Errorf("third: %v", err)
	}
	b.Close()
	if _, err := b.Start(twoParties("r4")); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	for range 2 { // Close ended both
		<-b.ended
	}
}

// On a real disk: the file is private, and an existing journal is never written over.
func TestRealFile(t *testing.T) {
	dir := t.TempDir()
	ended := make(chan string, 1)
	r, err := Open(Config{Dir: dir, Keeper: journaltest.Keeper{}, Ended: func(m recorder.Manifest) { ended <- m.ID }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.WriteFile(filepath.Join(dir, "old.journal"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	rec, _ := r.Start(twoParties("old"))
	if err := <-failuresOf(rec); !errors.Is(err, os.ErrExist) {
		t.Errorf("over an old one: %v", err)
	}
	rec, _ = r.Start(twoParties("new"))
	rec.Tap().Tap(rtp("A", 1))
	rec.Stop(time.Now(), "bye")
	<-ended
	if info, err := os.Stat(Path(dir, "new")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "old.journal")); string(b) != "old" {
		t.Error("the old journal was written over")
	}
}

// The packet path must not allocate.
func TestTapDoesNotAllocate(t *testing.T) {
	b := newBench(t, nil)
	defer b.Close()
	rec, _ := b.Start(twoParties("r1"))
	tap, f := rec.Tap(), rtp("B", 1)
	if n := testing.AllocsPerRun(1000, func() { tap.Tap(f) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkTap(b *testing.B) {
	q := newQueue(b, maxWaiting)
	q.endpoint = "A"
	rec := &recording{of: &Recorder{}}
	rec.queues.Store(&[]*queue{q})
	tap, f := rec.Tap(), rtp("A", 1)
	var scratch [maxPayload]byte
	var out journal.Frame
	b.ReportAllocs()
	rec.epoch.Store(0)
	for b.Loop() {
		tap.Tap(f)
		q.peek(&out, &scratch)
		q.drop()
	}
}

// BenchmarkDrain is what one packet costs the goroutine that writes journals, encryption and write to a real file included.
func BenchmarkDrain(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "j"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w, err := journal.NewWriter(b.Context(), f, journaltest.Keeper{}, "r1", make([]byte, journal.SlotSize))
	if err != nil {
		b.Fatal(err)
	}
	fr := &journal.Frame{Codec: media.PCMU, Payload: make([]byte, 160)}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Frame(fr); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(w.Written())/float64(b.N), "disk-B/frame")
}

func ExampleValidID() {
	fmt.Println(ValidID("0f3c-22.a"), ValidID("../etc"))
	// Output: true false
}
