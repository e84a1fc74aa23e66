package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/objstore"
)

// From the packet to the stored object, with a known µ-law pattern in the call: nothing on the disk ever holds it, and the listener gets it.
func TestCaptureToStore(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	began := time.Now()
	rec, err := r.Start(someCase("r1", began))
	if err != nil {
		t.Fatal(err)
	}
	pattern := bytes.Repeat([]byte{0x12, 0x34, 0x56, 0x78}, 40)
	v := newVoice(t, "B", 1000)
	for n := range 75 { // 1.5 s
		rec.Tap().Tap(&media.Frame{From: "A", Codec: media.PCMU, Payload: pattern, Sequence: uint16(n), Timestamp: uint32(n) * 160, SSRC: 1,
			Arrived: int64(n) * int64(20*time.Millisecond)})
		rec.Tap().Tap(v.next())
	}
	wait(t, func() bool {
		_, err := r.cat.Get(t.Context(), "a.example", "r1")
		return ringsEmpty(rec) && err == nil
	})
	if row := r.row(t, "r1"); row.State != recorder.Capturing {
		t.Errorf("during the call: %s", row.State)
	}
	needles := [][]byte{pattern[:16], linear(pattern[:8])}
	for _, n := range needles {
		scan(t, r.root, n)
	}
	rec.Stop(began.Add(1500*time.Millisecond), "bye")
	r.settle(t)
	for _, n := range needles {
		scan(t, r.root, n)
	}
	wav, m := r.open(t, "r1")
	if m.DurationMS != 1500 || m.Interrupted || m.Why != "bye" || m.DID != "100" || len(m.Parties) != 2 || len(m.Gaps) != 0 {
		t.Errorf("%+v", m)
	}
	if !bytes.Contains(left(wav), linear(pattern[:8])) {
		t.Error("the pattern is not in the recording")
	}
	row := r.row(t, "r1")
	if row.State != recorder.Stored || row.Duration != 1500*time.Millisecond || row.Object != fmt.Sprintf("a.example/%s/r1.age", began.UTC().Format("2006/01/02")) {
		t.Errorf("%+v", row)
	}
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left on the machine: %v", left)
	}
}

// linear is what a µ-law pattern is in a WAV file's one channel; left takes the left channel out of one.
func linear(ulaw []byte) []byte {
	var out []byte
	for _, u := range ulaw {
		u = ^u
		n := (int(u&0x0f)<<3+0x84)<<(u>>4&7) - 0x84
		if u&0x80 != 0 {
			n = -n
		}
		out = append(out, byte(n), byte(n>>8))
	}
	return out
}

func left(wav []byte) []byte {
	var out []byte
	for i := 44; i+3 < len(wav); i += 4 {
		out = append(out, wav[i], wav[i+1])
	}
	return out
}

// Close stores what it can and leaves the rest for the next start, which needs no hand on it.
func TestCloseAndReopen(t *testing.T) {
	root := t.TempDir()
	store := &faulty{down: errors.New("down")}
	wrap := func(s objstore.Store) objstore.Store { store.Store = s; return store }
	r := openRig(t, root, wrap, nil)
	r.record(t, "r1", 1)
	rec, err := r.Start(someCase("r2", time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	v := newVoice(t, "A", 440)
	for range 50 {
		rec.Tap().Tap(v.next())
	}
	r.close(t, 10*time.Second)
	if left := r.leftovers(t); len(left) != 8 {
		t.Errorf("left for the next start: %v", left)
	}
	store.set(func(f *faulty) { f.down = nil })
	r = openRig(t, root, wrap, nil)
	wait(t, func() bool { return r.Stats().Stored == 2 })
	if _, m := r.open(t, "r2"); m.Interrupted || m.Why != "shutdown" {
		t.Errorf("%+v", m)
	}
	wait(t, func() bool { return len(r.leftovers(t)) == 0 }) // the last of them goes after it was counted as stored
}

// Every stage can be run again: files that a crash left behind at any point lead to one object, one row, no file.
func TestCrashBetweenStages(t *testing.T) {
	store := &faulty{down: errors.New("down")}
	root := t.TempDir()
	wrap := func(s objstore.Store) objstore.Store { store.Store = s; return store }
	r := openRig(t, root, wrap, nil)
	r.record(t, "r1", 1)
	r.settle(t)
	saved := map[string][]byte{}
	for _, path := range []string{r.journal("r1"), r.spooled("r1", audioExt), r.spooled("r1", manifestExt), r.spooled("r1", jobExt)} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		saved[path] = b
	}
	store.set(func(f *faulty) { f.down = nil })
	wait(t, func() bool { return r.Stats().Stored == 1 })
	r.settle(t)
	r.close(t, time.Second)
	j, a, m, n := r.journal("r1"), r.spooled("r1", audioExt), r.spooled("r1", manifestExt), r.spooled("r1", jobExt)
	for name, back := range map[string][]string{"nothing was removed": {j, a, m, n}, "journal removed": {a, m, n}, "audio removed too": {m, n},
		"only the note": {n}, "only the journal": {j}, "journal and audio": {j, a}, "sealed files": {a, m}, "half a file": {a + tmpExt}} {
		for _, path := range back {
			b := saved[strings.TrimSuffix(path, tmpExt)]
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r = openRig(t, root, wrap, nil)
		ok := false
		wait(t, func() bool { ok = len(r.leftovers(t)) == 0; return ok })
		if got := r.objects(t); len(got) != 2 {
			t.Errorf("%s: objects %v", name, got)
		}
		if row := r.row(t, "r1"); row.State != recorder.Stored {
			t.Errorf("%s: %s", name, row.State)
		}
		wav, _ := r.open(t, "r1")
		checkTones(t, wav)
		r.close(t, time.Second)
		for path := range saved {
			os.Remove(path)
		}
	}
}

// An id given twice, one call after the other, does not cost the second recording.
func TestIDGivenTwice(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().Stored == 1 })
	r.settle(t)
	<-time.After(2 * time.Millisecond) // another start time
	r.record(t, "r1", 2)
	wait(t, func() bool { return r.Stats().Stored == 2 })
	if n := len(r.objects(t)); n != 4 {
		t.Errorf("%d objects", n)
	}
	if row := r.row(t, "r1"); row.Duration != time.Second {
		t.Errorf("the first one's row changed: %+v", row)
	}
}

// A journal that does not open is put aside, with an alarm, and never played; an empty one is removed.
func TestBadJournals(t *testing.T) {
	root := t.TempDir()
	r := openRig(t, root, nil, nil)
	r.close(t, time.Second)
	garbage := bytes.Repeat([]byte("garbage!"), 4096)
	if err := errors.Join(os.WriteFile(r.journal("bad"), garbage, 0o600), os.WriteFile(r.journal("empty"), nil, 0o600),
		os.WriteFile(r.journal("..bad"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r = openRig(t, root, nil, nil)
	r.settle(t)
	if s := r.Stats(); s.Failed != 1 || s.Empty != 1 || s.Rendered != 0 {
		t.Errorf("%+v", s)
	}
	if b, err := os.ReadFile(filepath.Join(r.dir(failed), "bad.journal")); err != nil || !bytes.Equal(b, garbage) {
		t.Errorf("the bad one: %v", err)
	}
	if n := len(r.objects(t)); n != 0 {
		t.Errorf("%d objects", n)
	}
}

// A lost catalogue comes back from the sealed manifests.
func TestRebuild(t *testing.T) {
	root := t.TempDir()
	r := openRig(t, root, nil, nil)
	for i := range 3 {
		r.record(t, fmt.Sprintf("r%d", i), 1)
	}
	wait(t, func() bool { return r.Stats().Stored == 3 })
	before := r.row(t, "r1")
	swapped := before.Object[:len(before.Object)-len("r1.age")] + "evil.manifest.age"
	b, err := os.ReadFile(filepath.Join(root, "recordings", before.Object[:len(before.Object)-4]+".manifest.age"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.Put(t.Context(), swapped, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	r.close(t, time.Second)
	for _, ext := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(root, "recordings.db"+ext))
	}
	r = openRig(t, root, nil, nil)
	res, err := r.cat.Rebuild(t.Context(), r.store, r.sealer)
	if err != nil || res.Rows != 3 || len(res.Bad) != 1 || res.Bad[0] != swapped {
		t.Errorf("%+v %v", res, err)
	}
	after := r.row(t, "r1")
	before.Changed, after.Changed = time.Time{}, time.Time{}
	if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", after) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

// E15: while a recording is masked neither the audio of either side nor what is pressed reaches any file; time goes on, nothing counts as lost, and
// the manifest says when and for whom.
func TestMasked(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	began := time.Now()
	rec, err := r.Start(someCase("r1", began))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := rec.(interface{ Mask(on bool, by string) })
	if !ok {
		t.Fatal("a recording that cannot be masked")
	}
	open, hidden := bytes.Repeat([]byte{0x12, 0x34, 0x56, 0x78}, 40), bytes.Repeat([]byte{0x21, 0x43, 0x65, 0x07}, 40)
	for n := range 75 { // half a second of each
		payload := open
		switch n {
		case 25:
			m.Mask(true, "card-number")
		case 50:
			m.Mask(false, "card-number")
		}
		f := media.Frame{From: "A", Codec: media.PCMU, Payload: payload, Sequence: uint16(n), Timestamp: uint32(n) * 160, SSRC: 1, Arrived: int64(n) * int64(20*time.Millisecond)}
		if n >= 25 && n < 50 {
			f.Payload = hidden
			if n%5 == 0 {
				f.Event, f.Payload = true, []byte{7, 0x80, 3, 0x20}
			}
		}
		rec.Tap().Tap(&f)
		f.From = "B"
		rec.Tap().Tap(&f)
	}
	rec.Stop(began.Add(1500*time.Millisecond), "bye")
	r.settle(t)
	scan(t, r.root, hidden[:16])
	wav, manifest := r.open(t, "r1")
	if manifest.DurationMS != 1500 || manifest.Lost != 0 || manifest.Dropped != 0 || len(manifest.Masks) != 1 || manifest.Masks[0].By != "card-number" {
		t.Errorf("%+v", manifest)
	}
	if l := left(wav); bytes.Contains(l, linear(hidden[:4])) || !bytes.Contains(l, linear(open[:8])) || longestSilence(l) < 450*8 {
		t.Errorf("the left channel is not the open audio with silence in the middle: %v %v %d", bytes.Contains(l, linear(hidden[:4])), bytes.Contains(l, linear(open[:8])), longestSilence(l))
	}
}

// longestSilence is the longest run of zero samples.
func longestSilence(pcm []byte) (most int) {
	run := 0
	for i := 0; i+1 < len(pcm); i += 2 {
		if run++; pcm[i] != 0 || pcm[i+1] != 0 {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

// The row of a call that was hung up says so before its recording is rendered, however long that waits.
func TestOverBeforeItIsRendered(t *testing.T) {
	held, entered := make(chan struct{}), make(chan struct{}, 100)
	r := openRig(t, t.TempDir(), nil, func(c *Config) {
		c.Keep = func(recorder.Manifest) bool { <-held; return true } // the one render waits here
		c.Entered = func() { entered <- struct{}{} }
	})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	r.record(t, "first", 1)
	r.record(t, "second", 1)
	late := time.After(20 * time.Second)
	for {
		row, err := r.cat.Get(t.Context(), "a.example", "second")
		if err == nil && !row.Ended.IsZero() {
			if row.State != recorder.Capturing || row.Why == "" || row.Duration <= 0 {
				t.Errorf("%+v", row)
			}
			break
		}
		select {
		case <-entered:
		case <-late:
			t.Fatalf("%+v %v", row, err)
		}
	}
	release()
	r.settle(t)
	if row := r.row(t, "second"); row.State != recorder.Stored {
		t.Errorf("%+v", row)
	}
}

// What is not worth keeping leaves nothing, also when the process dies between the steps of its removal; what is stored is told.
func TestKeep(t *testing.T) {
	told := make(chan string, 10)
	root := t.TempDir()
	change := func(c *Config) {
		c.Keep = func(m recorder.Manifest) bool { return m.DurationMS > 1500 }
		c.Stored = func(m recorder.Manifest) { told <- m.ID }
	}
	r := openRig(t, root, nil, change)
	r.record(t, "short", 1)
	r.record(t, "long", 2)
	r.settle(t)
	if s := r.Stats(); s.NotKept != 1 || s.Stored != 1 {
		t.Errorf("%+v", s)
	}
	if id := <-told; id != "long" || len(told) != 0 {
		t.Errorf("told of %s", id)
	}
	if _, err := r.cat.Get(t.Context(), "a.example", "short"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("its row: %v", err)
	}
	if left := r.leftovers(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
