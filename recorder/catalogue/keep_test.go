package catalogue

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

const day = 24 * time.Hour

// kept is a stored recording of a class.
func kept(t *testing.T, c *Catalogue, id string, days int) Row {
	t.Helper()
	k := someCase(id, began)
	k.RetentionDays = days
	if err := c.Stored(t.Context(), manifest(k)); err != nil {
		t.Fatal(err)
	}
	return got(t, c, id)
}

func got(t *testing.T, c *Catalogue, id string) Row {
	t.Helper()
	r, err := c.Get(t.Context(), "a.example", id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A recording falls due by the class that it was made under; the time only gets later, and what was agreed to counts for one time only.
func TestRetention(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	end := began.Add(time.Minute)
	if r := kept(t, c, "1", 30); !r.RetainUntil.Equal(end.Add(30 * day)) {
		t.Errorf("due %v", r.RetainUntil)
	}
	if r := kept(t, c, "2", 0); !r.RetainUntil.IsZero() {
		t.Errorf("without a class: due %v", r.RetainUntil)
	}
	if err := c.Extend(t.Context(), "a.example", "1", end.Add(29*day)); !errors.Is(err, ErrEarlier) {
		t.Errorf("earlier: %v", err)
	}
	if err := errors.Join(c.Extend(t.Context(), "a.example", "1", end.Add(40*day)), c.Extend(t.Context(), "a.example", "1", end.Add(40*day))); err != nil {
		t.Errorf("later: %v", err)
	}
	if err := c.Extend(t.Context(), "a.example", "2", end.Add(day)); !errors.Is(err, ErrEarlier) || !got(t, c, "2").RetainUntil.IsZero() {
		t.Errorf("an end where there is none: %v", err)
	}
	if err := c.Date(t.Context(), "a.example", "1", end.Add(50*day)); !errors.Is(err, ErrChanged) {
		t.Errorf("dated where there is an end: %v", err)
	}
	if err := c.Date(t.Context(), "a.example", "2", end.Add(day)); err != nil || !got(t, c, "2").RetainUntil.Equal(end.Add(day)) {
		t.Errorf("dated: %v", err)
	}
	if err := c.Date(t.Context(), "a.example", "2", end.Add(2*day)); !errors.Is(err, ErrChanged) {
		t.Errorf("dated twice: %v", err)
	}
	kept(t, c, "1", 30) // a stage that reports late
	if r := got(t, c, "1"); !r.RetainUntil.Equal(end.Add(40 * day)) {
		t.Errorf("an extension was forgotten: %v", r.RetainUntil)
	}
	for _, err := range []error{c.Extend(t.Context(), "a.example", "9", end), c.Date(t.Context(), "a.example", "9", end), c.Hold(t.Context(), "b.example", "1", "x", "y"), c.Release(t.Context(), Row{Domain: "a.example", ID: "9"}),
		c.Hold(t.Context(), "a.example", "1\x00", "x", "y")} {
		if !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
	}
}

// What is held is held by nobody else as well, who is told by whom; one that was only found in the store is anybody's to name. A release ends the hold
// that was read.
func TestOneHold(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	kept(t, c, "1", 30)
	hold := func(by, reason string) error { return c.Hold(t.Context(), "a.example", "1", by, reason) }
	if err := errors.Join(hold(restoredBy, ""), hold("boss", "a complaint"), hold("boss", "a complaint")); err != nil {
		t.Fatal(err)
	}
	r := got(t, c, "1")
	for _, err := range []error{hold("boss", "another"), hold("other", "a complaint"), hold(restoredBy, "")} {
		var held *HeldError
		if !errors.As(err, &held) || held.By != "boss" || held.Reason != "a complaint" {
			t.Errorf("%v", err)
		}
	}
	if got(t, c, "1").HoldReason != "a complaint" {
		t.Error("it was replaced")
	}
	for _, change := range []func(*Row){func(r *Row) { r.Held = time.Time{} }, func(r *Row) { r.HoldBy = "other" }, func(r *Row) { r.HoldReason = "" }} {
		old := r
		change(&old)
		if err := c.Release(t.Context(), old); !errors.Is(err, ErrChanged) {
			t.Errorf("a hold that is not the one that stands: %v", err)
		}
	}
	if err := errors.Join(c.Release(t.Context(), r), hold("other", "a lawsuit")); err != nil {
		t.Error(err)
	}
}

// What may be destroyed: due, agreed to as the list was read, and not held.
func TestApproveAndDestroy(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	end := began.Add(time.Minute)
	for _, id := range []string{"1", "2", "3"} {
		kept(t, c, id, 30)
	}
	kept(t, c, "4", 60)
	month := Due{Domain: "a.example", From: began, To: end.Add(31 * day)}
	tally := func() DueTally {
		t.Helper()
		n, err := c.TallyDue(t.Context(), month)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	old := tally()
	if old.Due != 3 || old.Held != 0 || old.Approved != 0 {
		t.Errorf("%+v", old)
	}
	if err := c.Hold(t.Context(), "a.example", "2", "boss@a.example", "a complaint"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Approve(t.Context(), month, old.Digest, "boss"); !errors.Is(err, ErrChanged) {
		t.Errorf("a list that changed: %v", err)
	}
	if n, err := c.Approve(t.Context(), month, tally().Digest, "boss"); err != nil || n != 2 {
		t.Errorf("approved %d %v", n, err)
	}
	if n := tally(); n.Due != 3 || n.Held != 1 || n.Approved != 2 {
		t.Errorf("%+v", n)
	}
	if r := got(t, c, "1"); r.ApprovedBy != "boss" || !r.Approved.Equal(began) {
		t.Errorf("%+v", r)
	}
	destroyable := func(at time.Time) (ids string) {
		t.Helper()
		rows, err := c.ToDestroy(t.Context(), at, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids += r.ID
		}
		return ids
	}
	if ids := destroyable(end.Add(30*day - time.Second)); ids != "" {
		t.Errorf("before their time: %q", ids)
	}
	if ids := destroyable(end.Add(90 * day)); ids != "13" {
		t.Errorf("after it: %q", ids)
	}
	if n, err := c.Overdue(t.Context(), end.Add(90*day)); err != nil || n != 1 { // the fourth
		t.Errorf("overdue: %d %v", n, err)
	}
	// A hold takes the word back, and its end does not give it again.
	if err := errors.Join(c.Hold(t.Context(), "a.example", "3", "boss", "again"), c.Release(t.Context(), got(t, c, "3"))); err != nil {
		t.Fatal(err)
	}
	now := end.Add(31 * day)
	for id, want := range map[string]error{"1": nil, "2": recorder.ErrNotFound, "3": recorder.ErrNotFound, "4": recorder.ErrNotFound} {
		r := got(t, c, id)
		if err := c.BeginDestroy(t.Context(), r, end, "early"); !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("%s before its time: %v", id, err)
		}
		if err := c.BeginDestroy(t.Context(), r, now, "certificate"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if _, err := c.Get(t.Context(), "a.example", "1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("its destruction has begun: %v", err)
	}
	if err := c.Hold(t.Context(), "a.example", "1", "boss", "too late"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("hold: %v", err)
	}
	if rows, err := c.Destroying(t.Context(), ""); err != nil || len(rows) != 1 || rows[0].Certificate != "certificate" {
		t.Errorf("%+v %v", rows, err)
	}
	// A manifest that is found later does not bring it back, nor make it look kept.
	k := someCase("1", began)
	k.RetentionDays = 30
	if err := c.Restore(t.Context(), manifest(k), objstore.Lock{LegalHold: true, Until: end.Add(99 * day)}); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), "a.example", "1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("after a rebuild: %v", err)
	}
}

// What only the store's locks still know comes back with a rebuild.
func TestRestore(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	k := someCase("1", began)
	k.RetentionDays = 30
	m := manifest(k)
	if err := c.Restore(t.Context(), m, objstore.Lock{Until: m.RetainUntil().Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if r := got(t, c, "1"); !r.RetainUntil.Equal(m.RetainUntil()) || !r.Held.IsZero() {
		t.Errorf("%+v", r)
	}
	for range 2 {
		if err := c.Restore(t.Context(), m, objstore.Lock{Until: m.RetainUntil().Add(day), LegalHold: true}); err != nil {
			t.Fatal(err)
		}
	}
	if r := got(t, c, "1"); !r.RetainUntil.Equal(m.RetainUntil().Add(day)) || r.HoldBy != restoredBy {
		t.Errorf("%+v", r)
	}
}

// The list is in order, in pages, and of one domain.
func TestDuePages(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	for i, id := range []string{"c", "a", "d", "b"} {
		kept(t, c, id, 10+i/2)
	}
	d := Due{Domain: "a.example", To: began.Add(99 * day), Limit: 3}
	order := ""
	for {
		rows, err := c.Due(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			order, d.After, d.AfterDue = order+r.ID, r.ID, r.RetainUntil
		}
		if len(rows) < 3 {
			break
		}
	}
	if order != "acbd" {
		t.Errorf("order %q", order)
	}
	if first, err := c.FirstDue(t.Context(), "a.example"); err != nil || !first.Equal(began.Add(time.Minute+10*day)) {
		t.Errorf("first: %v %v", first, err)
	}
	if first, err := c.FirstDue(t.Context(), "b.example"); err != nil || !first.IsZero() {
		t.Errorf("first of another domain: %v %v", first, err)
	}
}

func TestObjectOf(t *testing.T) {
	object := ObjectName(someCase("r1", began))
	for name, want := range map[string]string{object: object, ManifestName(object): object, TrackName(object, 7): object, "x": "", "a/b.txt": "",
		"a.track-x.age": "a.track-x.age"} {
		if got := ObjectOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
