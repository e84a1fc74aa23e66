package mailbox

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// until waits for something that the recorder does by itself.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// A message that is being spoken when its mailbox is cleared never shows, and leaves nothing in the store.
func TestClearWhileSpoken(t *testing.T) {
	o := open(t, t.TempDir())
	take, err := o.Record(Letter{ID: "m1", Domain: here, Mailbox: box})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "no row", func() bool { _, err := o.cfg.Catalogue.Get(t.Context(), here, "m1"); return err == nil })
	if all, err := o.Tallies(t.Context()); len(all) != 1 || all[0].Held != 1 || all[0].New != 0 || err != nil {
		t.Errorf("while it is spoken: %+v %v", all, err)
	}
	if err := o.Clear(t.Context(), here, box, time.Now().Add(time.Minute), true); err != nil {
		t.Fatal(err)
	}
	s, tap := speaks(t, media.PCMU, 600), take.Tap()
	for i := range 100 {
		f := s.next(media.PCMU, "leg")
		f.Arrived = int64(i) * int64(20*time.Millisecond)
		tap.Tap(f)
	}
	take.Stop(time.Now().Add(2*time.Second), "hung up")
	o.settled(t)
	if n := o.Stats().Stored; n != 1 {
		t.Errorf("%d stored: there was nothing to delete", n)
	}
	if all, err := o.Messages(t.Context(), here, box); len(all) != 0 || err != nil {
		t.Errorf("the next owner hears %+v %v", all, err)
	}
	until(t, "objects stay", func() bool { return o.objects(t) == 0 })
}

// All go, however many there are and whatever became of them; drafts of greetings go by their age, those in use stay.
func TestClearMany(t *testing.T) {
	o := open(t, t.TempDir())
	began := time.Now().Add(-time.Hour)
	for i := range catalogue.MaxLimit + 50 {
		k := recorder.Case{ID: fmt.Sprint("m", i), Domain: here, Call: "c", DID: box, Policy: messagePolicy, Started: began.Add(time.Duration(i) * time.Second)}
		if err := o.cfg.Catalogue.Fail(t.Context(), k, "damaged"); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"g1", "g2"} {
		k := recorder.Case{ID: id, Domain: here, Call: "c", DID: box, Policy: greetingPolicy + "busy", Started: began}
		if err := o.cfg.Catalogue.Fail(t.Context(), k, "damaged"); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.cfg.Catalogue.Mark(t.Context(), here, "g2", began); err != nil {
		t.Fatal(err)
	}
	if err := o.Clear(t.Context(), here, box, time.Now().Add(time.Hour), false); err != nil {
		t.Fatal(err)
	}
	left := func() (ids string) {
		rows, err := o.cfg.Catalogue.List(t.Context(), catalogue.Query{Domain: here, Number: box, Limit: catalogue.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids += r.ID + " "
		}
		return ids
	}
	if got := left(); got != "g2 g1 " {
		t.Errorf("left: %s", got)
	}
	if err := o.ClearDrafts(t.Context(), here, box, began); err != nil || left() != "g2 g1 " {
		t.Errorf("a young draft goes: %s %v", left(), err)
	}
	if err := o.ClearDrafts(t.Context(), here, box, time.Now()); err != nil || left() != "g2 " {
		t.Errorf("drafts: %s %v", left(), err)
	}
	until(t, "rows stay", func() bool {
		rows, err := o.cfg.Catalogue.Removed(t.Context())
		o.purgeSoon()
		return err == nil && len(rows) == 0
	})
}

// Messages stop before call recordings do.
func TestNoRoom(t *testing.T) {
	o := open(t, t.TempDir())
	o.cfg.MinFree = 1 << 62
	if _, err := o.Record(Letter{ID: "m1", Domain: here, Mailbox: box}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("%v", err)
	}
}
