package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

// captured is the journal of a recording that was captured and nothing more: what a switch leaves that died then. Its class is in the journal.
func captured(t *testing.T, root, id string, days int) []byte {
	t.Helper()
	r := openRig(t, root, func(s objstore.Store) objstore.Store { return &faulty{Store: s, down: errors.New("down")} }, nil)
	r.days = days
	r.record(t, id, 1)
	wait(t, func() bool { return r.Stats().StoreDown })
	r.close(t, time.Second)
	whole, err := os.ReadFile(r.journal(id))
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{audioExt, manifestExt, jobExt} {
		if err := os.Remove(r.spooled(id, ext)); err != nil {
			t.Fatal(err)
		}
	}
	return whole
}

// headless is a journal whose key does not open: nothing of it can be read.
func headless(whole []byte) []byte {
	b := bytes.Clone(whole)
	b[20] ^= 1
	return b
}

func (r *rig) write(t *testing.T, stage, id string, b []byte, at time.Time) {
	t.Helper()
	path, err := AsideOf(filepath.Join(r.root, "spool")).path(stage, id)
	if err == nil {
		err = errors.Join(os.WriteFile(path, b, 0o600), os.Chtimes(path, at, at))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ruled is the rule for what nobody can read.
func ruled(days int) func(*Config) {
	return func(c *Config) {
		c.Unreadable = func(_ context.Context, domain string) (string, int, error) {
			if domain == "" {
				domain = "a.example"
			}
			return domain, days, nil
		}
	}
}

// A journal that cannot be rendered is kept as its recording would have been: by the longest rule, where nothing of it opens.
func TestAsideEnds(t *testing.T) {
	root := t.TempDir()
	whole := captured(t, root, "r1", 30)
	ended := time.Now().Add(time.Hour).Truncate(time.Millisecond) // by the file, since nothing else tells
	(&rig{root: root}).write(t, journals, "r1", headless(whole), ended)
	r := openRig(t, root, nil, ruled(365))
	wait(t, func() bool { return r.Stats().Aside == 1 })
	row := r.row(t, "r1")
	if row.State != recorder.Failed || row.Problem != problem || row.Call != "call-r1" || !row.RetainUntil.Equal(ended.Add(365*24*time.Hour)) {
		t.Errorf("%+v", row)
	}
	body, err := AsideOf(r.cfg.Dir).Open("r1")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); err != nil || !bytes.Equal(b, headless(whole)) {
		t.Errorf("what lies aside: %v", err)
	}
}

// What lies aside from before there was a rule, or since the catalogue was lost, gets a row with its class, from the journal itself if that opens.
func TestAsideIsEntered(t *testing.T) {
	root := t.TempDir()
	whole := captured(t, root, "r1", 30)
	lost := &rig{root: root}
	if err := errors.Join(os.Remove(filepath.Join(root, "recordings.db")), os.Remove(filepath.Join(root, "spool", journals, "r1.journal"))); err != nil {
		t.Fatal(err)
	}
	ended := time.Now().Add(-48 * time.Hour).Truncate(time.Millisecond)
	lost.write(t, failed, "r1", whole, ended)
	lost.write(t, failed, "r2", headless(whole), ended)
	r := openRig(t, root, nil, ruled(0))
	wait(t, func() bool {
		rows, err := r.cat.Find(t.Context(), "r2")
		return err == nil && rows.State == recorder.Failed
	})
	if row := r.row(t, "r1"); row.State != recorder.Failed || row.Call != "call-r1" || row.RetainUntil.Before(row.Started.Add(30*24*time.Hour)) ||
		row.RetainUntil.After(row.Started.Add(31*24*time.Hour)) {
		t.Errorf("r1: %+v", row)
	}
	if row := r.row(t, "r2"); !row.RetainUntil.IsZero() || !row.Started.Equal(ended) { // no end, before somebody says
		t.Errorf("r2: %+v", row)
	}
	if n := r.Stats().Aside; n != 2 {
		t.Errorf("%d aside", n)
	}
}

// Somebody brought the true header back: the journal is tried again, and what stood for it becomes its recording.
func TestAsideAgain(t *testing.T) {
	root := t.TempDir()
	whole := captured(t, root, "r1", 30)
	if err := os.Remove(filepath.Join(root, "recordings.db")); err != nil {
		t.Fatal(err)
	}
	(&rig{root: root}).write(t, journals, "r1", headless(whole), time.Now())
	r := openRig(t, root, nil, func(c *Config) { ruled(365)(c); c.Sweep = 20 * time.Millisecond })
	wait(t, func() bool { return r.Stats().Aside == 1 })
	if err := r.cat.Hold(t.Context(), "a.example", "r1", "kudo", "complaint"); err != nil {
		t.Fatal(err)
	}
	a := AsideOf(r.cfg.Dir)
	for _, id := range []string{"r2", "../failed/r1", ""} {
		if err := a.Retry(id); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("retry %q: %v", id, err)
		}
	}
	if err := a.Retry("r1"); err != nil { // no better than before: it comes back
		t.Fatal(err)
	}
	wait(t, func() bool { return r.Stats().Failed == 2 && r.Stats().Aside == 1 })
	r.write(t, failed, "r1", whole, time.Now())
	if err := a.Retry("r1"); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool { return r.Stats().Stored == 1 && r.Stats().Aside == 0 })
	r.settle(t) // what is local goes after that
	row := r.row(t, "r1")
	if row.State != recorder.Stored || row.Call != "call-r1" || row.Held.IsZero() || row.RetainUntil.Before(time.Now().Add(364*24*time.Hour)) {
		t.Errorf("%+v", row)
	}
	wav, _ := r.open(t, "r1")
	checkTones(t, wav)
	if l, err := r.store.Locked(t.Context(), row.Object); err != nil || !l.LegalHold {
		t.Errorf("locked: %+v %v", l, err)
	}
	if left := r.leftovers(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What is being tried again is not removed, and what is there is not written over.
func TestAsideInUse(t *testing.T) {
	root := t.TempDir()
	whole := captured(t, root, "r1", 30)
	r := &rig{root: root}
	a := AsideOf(filepath.Join(root, "spool"))
	if err := a.Remove("r1"); !errors.Is(err, ErrAgain) {
		t.Errorf("remove: %v", err)
	}
	if _, err := a.Open("r1"); !errors.Is(err, ErrAgain) {
		t.Errorf("open: %v", err)
	}
	r.write(t, failed, "r1", whole, time.Now())
	if err := a.Retry("r1"); !errors.Is(err, ErrAgain) {
		t.Errorf("retry over another: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "spool", journals, "r1.journal")); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove("r1"); err != nil {
		t.Errorf("remove: %v", err)
	}
	if err := a.Remove("r1"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("remove again: %v", err)
	}
}

// What no class keeps, as a voice message, lies aside for a while only.
func TestAsideFor(t *testing.T) {
	root := t.TempDir()
	whole := captured(t, root, "r1", 0)
	old := &rig{root: root}
	old.write(t, journals, "r1", headless(whole), time.Now().Add(-2*time.Hour))
	old.write(t, failed, "r2", headless(whole), time.Now())
	r := openRig(t, root, nil, func(c *Config) { c.AsideFor, c.Sweep = time.Hour, 20*time.Millisecond })
	wait(t, func() bool {
		_, err := AsideOf(r.cfg.Dir).Open("r1")
		return r.Stats().Failed == 1 && r.Stats().Aside == 1 && errors.Is(err, objstore.ErrNotFound)
	})
	all, err := AsideOf(r.cfg.Dir).List()
	if err != nil || len(all) != 1 || all[0].ID != "r2" {
		t.Errorf("%+v %v", all, err)
	}
}
