package remarks_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/reconcile"
	"naisen/recorder/remarks"
	"naisen/recorder/retention"
	"naisen/recorder/rewrap"
)

// A lost catalogue gets back what people decided: notes, cases and a lowered label, each with who and when. A look that mends nothing changes nothing.
func TestRecalled(t *testing.T) {
	d := newDesk(t, "r1", "r1.b", "r2")
	d.decide(t, "r1")
	d.pass(t)
	d.now = d.now.Add(time.Hour)
	if _, err := d.cat.AddNote(t.Context(), domain, "r1", "jiro", "second"); err != nil {
		t.Fatal(err)
	}
	d.pass(t)
	d.pass(t) // nothing to do
	want := d.said(t, "r1")
	if !strings.HasPrefix(want, "public/2/0 taro:折り返し <要> & 確認@") || len(d.log["r1"]) != 2 || len(d.log) != 1 {
		t.Fatalf("%s, log %v", want, d.log)
	}
	if r := d.reconcile(t, nil); len(r.Findings) != 0 {
		t.Errorf("nothing is wrong: %s", told(r))
	}
	for _, sealed := range [][]byte{d.get(t, d.name(t, "r1", 1)), d.get(t, d.name(t, "r1", 2))} {
		if bytes.Contains(sealed, []byte("2026-17")) || bytes.Contains(sealed, []byte("taro")) {
			t.Error("it lies there in the clear")
		}
	}
	d.open(t)
	if got := told(d.reconcile(t, func(c *reconcile.Config) { c.Mend = false })); got != "orphan r1.age, orphan r1.b.age, orphan r2.age" {
		t.Errorf("told only: %s", got)
	}
	if got := told(d.reconcile(t, nil)); got != "rebuilt r1.age, rebuilt r1.b.age, rebuilt r1.remarks-0002.age, rebuilt r2.age" {
		t.Errorf("rebuilt: %s", got)
	}
	if got := d.said(t, "r1"); got != want {
		t.Errorf("recalled %s, want %s", got, want)
	}
	if got := d.said(t, "r2"); got != "restricted/0/0" {
		t.Errorf("of which nobody decided anything: %s", got)
	}
	if r := d.reconcile(t, nil); len(r.Findings) != 0 {
		t.Errorf("and then: %s", told(r))
	}
	if found, err := d.cat.List(t.Context(), catalogue.Query{Domain: domain}); err != nil || len(found) != 3 {
		t.Errorf("%d rows, %v", len(found), err)
	}
}

// A catalogue that came back from an old backup gets what was decided since; what was decided in it meanwhile is not lost for that.
func TestOldBackup(t *testing.T) {
	d := newDesk(t, "r1", "r2")
	d.decide(t, "r1")
	d.decide(t, "r2")
	d.pass(t)
	d.open(t)
	d.reconcile(t, func(c *reconcile.Config) { c.Remarks = nil }) // as of before there were any
	if got := d.said(t, "r1"); got != "restricted/0/0" {
		t.Fatal(got)
	}
	if _, err := d.cat.AddNote(t.Context(), domain, "r2", "jiro", "since"); err != nil {
		t.Fatal(err)
	}
	if got := told(d.reconcile(t, func(c *reconcile.Config) { c.Mend, c.Deep = false, nil })); got != "orphan r1.remarks-0001.age" {
		t.Errorf("told only: %s", got)
	}
	if got := told(d.reconcile(t, func(c *reconcile.Config) { c.Deep = nil })); got != "rebuilt r1.remarks-0001.age" {
		t.Errorf("rebuilt: %s", got)
	}
	if got := d.said(t, "r1"); !strings.HasPrefix(got, "public/1/0 taro:") {
		t.Error(got)
	}
	d.pass(t)
	if got := d.said(t, "r2"); !strings.HasPrefix(got, "restricted/2/0 jiro:since") {
		t.Error(got)
	}
}

// What is not signed by this switch, is of another recording, an older one under a newer name, or was altered counts for nothing and is named; what it wants
// to stand in front of counts.
func TestRefused(t *testing.T) {
	for name, forge := range map[string]func(*testing.T, *desk) []byte{
		"another key's": func(t *testing.T, d *desk) []byte {
			o := newDesk(t) // whoever has the public keys
			o.ring, o.sealer = d.ring, d.sealer
			o.add(t, "r1")
			o.decide(t, "r1")
			o.pass(t)
			if err := o.cat.SetCase(t.Context(), domain, "r1", "x", "y"); err != nil {
				t.Fatal(err)
			}
			o.pass(t)
			return o.get(t, o.name(t, "r1", 2))
		},
		"of another recording": func(t *testing.T, d *desk) []byte { return d.get(t, d.name(t, "r2", 2)) },
		"an older one":         func(t *testing.T, d *desk) []byte { return d.get(t, d.name(t, "r1", 1)) },
		"altered": func(t *testing.T, d *desk) []byte {
			b := d.get(t, d.name(t, "r1", 1))
			b[len(b)-1] ^= 1
			return b
		},
		"not sealed": func(*testing.T, *desk) []byte { return []byte(`{"domain":"a.example"}`) },
		"not signed": func(t *testing.T, d *desk) []byte {
			return d.seal(t, []byte(`{"domain":"a.example","remarks":{"version":1,"domain":"a.example","number":2,"label":"public"}}`))
		},
		"sealed audio": func(t *testing.T, d *desk) []byte { return d.get(t, d.row(t, "r1").Object) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, "r1", "r2")
			for _, id := range []string{"r1", "r2"} {
				if _, err := d.cat.AddNote(t.Context(), domain, id, "taro", "of "+id); err != nil {
					t.Fatal(err)
				}
				d.pass(t)
			}
			if err := d.cat.Relabel(t.Context(), domain, "r2", recorder.Internal, recorder.Public); err != nil {
				t.Fatal(err)
			}
			d.pass(t)
			want := d.said(t, "r1")
			d.put(t, d.name(t, "r1", 2), forge(t, d))
			if got := told(d.reconcile(t, nil)); got != "altered r1.remarks-0002.age" {
				t.Errorf("told: %s", got)
			}
			d.open(t)
			if got := told(d.reconcile(t, nil)); got != "altered r1.remarks-0002.age, rebuilt r1.age, rebuilt r1.remarks-0001.age, rebuilt r2.age, rebuilt r2.remarks-0002.age" {
				t.Errorf("rebuilt: %s", got)
			}
			if got := d.said(t, "r1"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if _, err := d.cat.AddNote(t.Context(), domain, "r1", "jiro", "since"); err != nil { // it stands in nobody's way
				t.Fatal(err)
			}
			d.pass(t)
			if got := d.said(t, "r1"); !strings.HasPrefix(got, "internal/3/0 ") {
				t.Error(got)
			}
		})
	}
}

// Who takes the newest away, or hides it, is found out by the log: what is left is recalled, and lowers no label.
func TestRolledBack(t *testing.T) {
	d := newDesk(t, "r1")
	d.decide(t, "r1")
	d.pass(t)
	if err := d.cat.Relabel(t.Context(), domain, "r1", recorder.Public, recorder.Restricted); err != nil {
		t.Fatal(err)
	}
	d.pass(t)
	want := d.said(t, "r1")
	d.store.hidden[d.name(t, "r1", 2)] = true
	if got := told(d.reconcile(t, func(c *reconcile.Config) { c.Deep = nil })); got != "missing r1.remarks-0002.age" {
		t.Errorf("with its catalogue: %s", got)
	}
	d.open(t)
	if got := told(d.reconcile(t, nil)); got != "missing r1.remarks-0002.age, rebuilt r1.age, rebuilt r1.remarks-0001.age" {
		t.Errorf("without: %s", got)
	}
	if got := d.said(t, "r1"); !strings.HasPrefix(got, "restricted/1/0 taro:") {
		t.Error(got)
	}
	d.open(t)
	if got := told(d.reconcile(t, func(c *reconcile.Config) { c.Store = versioned{d.store} })); got != "rebuilt r1.age, rebuilt r1.remarks-0002.age, uncovered r1.remarks-0002.age" {
		t.Errorf("in a store with versions: %s", got)
	}
	if got := d.said(t, "r1"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	d.store.hidden[d.name(t, "r1", 2)] = true
	d.open(t)
	d.reconcile(t, func(c *reconcile.Config) { // the log is lost too
		r := *c.Remarks
		r.Entered = nil
		c.Remarks = &r
	})
	if got := d.said(t, "r1"); !strings.HasPrefix(got, "restricted/1/0 taro:") {
		t.Errorf("nothing vouches for a lower label: %s", got)
	}
}

// Store, log or machine go at each request in turn. Whatever was done then, nothing that people decided is lost, and it is under the recording's lock.
func TestDiesAtEveryStep(t *testing.T) {
	for n := 0; ; n++ {
		d := newDesk(t, "r1")
		if err := d.cat.Hold(t.Context(), domain, "r1", "boss", "x"); err != nil {
			t.Fatal(err)
		}
		if err := retention.SettleHold(t.Context(), d.cat, d.store, domain, "r1"); err != nil {
			t.Fatal(err)
		}
		d.decide(t, "r1")
		d.store.left = n
		err := d.keeper(t, nil).Pass(t.Context())
		d.store.left = -1
		if err != nil && !errors.Is(err, errDown) {
			t.Fatalf("after %d requests: %v", n, err)
		}
		d.pass(t)
		if row := d.row(t, "r1"); row.RemarksDue != 0 || row.Remarks == 0 {
			t.Fatalf("after %d requests: %+v", n, row)
		}
		want := d.said(t, "r1")
		if r := d.reconcile(t, nil); r.Bad() != 0 || r.Counts[reconcile.Unlocked] > 1 { // of what a death left behind
			t.Errorf("after %d requests: %s", n, told(r))
		}
		lock, lockErr := d.store.Locked(t.Context(), d.name(t, "r1", d.row(t, "r1").Remarks))
		if lockErr != nil || !lock.LegalHold || lock.Until.Before(d.row(t, "r1").RetainUntil) {
			t.Errorf("after %d requests: %+v %v", n, lock, lockErr)
		}
		d.open(t)
		d.reconcile(t, nil)
		if got := d.said(t, "r1"); got != want {
			t.Errorf("after %d requests: %s, want %s", n, got, want)
		}
		if err == nil {
			if n < 5 {
				t.Errorf("only %d requests", n)
			}
			return
		}
	}
}

// While the store is away notes are kept in the catalogue, how long that goes on is told, and they are put when it is back. A store that keeps something else
// than it was given is found out before the catalogue believes it.
func TestStoreDown(t *testing.T) {
	d := newDesk(t, "r1", "r2")
	d.decide(t, "r1")
	d.decide(t, "r2")
	k := d.keeper(t, nil)
	d.store.left = 0
	for range 2 {
		if err := k.Pass(t.Context()); !errors.Is(err, errDown) {
			t.Fatal(err)
		}
		d.now = d.now.Add(time.Hour)
	}
	if s := k.Stats(); s.Failing != 2*time.Hour || s.Failed != 2 || s.Written != 0 {
		t.Errorf("%+v", s)
	}
	d.store.left = -1
	d.store.lie = true
	if err := k.Pass(t.Context()); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("a lie: %v", err)
	}
	d.store.lie = false
	if err := k.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := k.Stats(); s.Failing != 0 || s.Written != 2 || d.row(t, "r1").Remarks != 1 || d.row(t, "r2").Remarks != 1 {
		t.Errorf("%+v %s %s", s, d.said(t, "r1"), d.said(t, "r2"))
	}
}

// What is decided while an object is on its way is in the next one. A hold that is set meanwhile holds it too.
func TestMeanwhile(t *testing.T) {
	d := newDesk(t, "r1")
	d.decide(t, "r1")
	d.store.after = true
	d.store.onPut = func() {
		d.store.onPut = nil
		_, err := d.cat.AddNote(t.Context(), domain, "r1", "jiro", "meanwhile")
		if err = errors.Join(err, d.cat.Hold(t.Context(), domain, "r1", "boss", "x")); err != nil {
			t.Error(err)
		}
	}
	d.pass(t)
	if got := d.said(t, "r1"); !strings.HasPrefix(got, "public/1/1 ") {
		t.Error(got)
	}
	if lock, err := d.store.Locked(t.Context(), d.name(t, "r1", 1)); err != nil || !lock.LegalHold {
		t.Errorf("%+v %v", lock, err)
	}
	d.pass(t)
	if got := d.said(t, "r1"); !strings.HasPrefix(got, "public/2/0 ") || !strings.Contains(got, "meanwhile") {
		t.Error(got)
	}
}

// After a rotation it is written anew, the old key is needed until then, and afterwards it can go.
func TestRotated(t *testing.T) {
	d := newDesk(t, "r1", "r2")
	d.decide(t, "r1")
	d.pass(t)
	if _, err := d.ring.Rotate(domain); err != nil {
		t.Fatal(err)
	}
	cfg := rewrap.Config{Catalogue: d.cat, Store: d.store, Keys: d.sealer}
	look := func(old, proved int64, needed map[int]int64) {
		t.Helper()
		held, err := rewrap.Prove(t.Context(), cfg, domain)
		if err != nil || held.Old != old || held.Proved != proved {
			t.Errorf("%+v %v", held, err)
		}
		counts, err := d.cat.Epochs(t.Context())
		if err != nil || len(counts[domain]) != len(needed) || counts[domain][1] != needed[1] || counts[domain][2] != needed[2] {
			t.Errorf("%v %v", counts, err)
		}
	}
	look(2, 0, map[int]int64{1: 2})
	for range 2 { // the second finds nothing to do
		if _, err := rewrap.Run(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		look(1, 1, map[int]int64{1: 1, 2: 2})
	}
	w, err := catalogue.ReadWrap(t.Context(), d.store, catalogue.WrapName(d.row(t, "r1").Object, 2))
	if err != nil || len(w.Headers) != 2 { // audio and manifest: it would be missed in a wrap of before it
		t.Errorf("%d headers, %v", len(w.Headers), err)
	}
	d.pass(t)
	d.pass(t)
	look(0, 2, map[int]int64{2: 2})
	want := d.said(t, "r1")
	if !strings.HasPrefix(want, "public/2/0 taro:") {
		t.Error(want)
	}
	if err := d.ring.Retire(domain, 1); err != nil {
		t.Fatal(err)
	}
	if r := d.reconcile(t, nil); len(r.Findings) != 0 {
		t.Error(told(r))
	}
	d.open(t)
	d.reconcile(t, nil)
	if got := d.said(t, "r1"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if r, err := rewrap.Run(t.Context(), rewrap.Config{Catalogue: d.cat, Store: d.store, Keys: d.sealer}); err != nil || r != (rewrap.Report{}) {
		t.Errorf("%+v %v", r, err)
	}
}

// It is destroyed with its recording and stands in its certificate. What is on its way while the recording goes is not left behind either.
func TestDestroyed(t *testing.T) {
	for _, after := range []bool{false, true} {
		d := newDesk(t, "r1", "r2")
		d.decide(t, "r1")
		d.decide(t, "r2")
		d.pass(t)
		want := []string{d.name(t, "r1", 1), d.name(t, "r2", 1)}
		var certified []string
		d.now = d.row(t, "r1").RetainUntil.Add(time.Hour)
		keeper, err := retention.New(retention.Config{Catalogue: d.cat, Store: d.store, Now: d.clock, Certify: func(_ context.Context, c retention.Certificate) error {
			for _, o := range c.Objects {
				if catalogue.RemarksNumber(o.Name) > 0 && len(o.SHA256) == 64 && !o.Missing {
					certified = append(certified, o.Name)
				}
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		list, err := keeper.Disposal(t.Context(), domain, "2027-04")
		if err == nil {
			_, err = keeper.Approve(t.Context(), domain, "2027-04", list.Digest, "boss@"+domain)
		}
		if err == nil {
			err = d.cat.SetCase(t.Context(), domain, "r2", "x", "late")
		}
		if err != nil {
			t.Fatal(err)
		}
		d.store.after = after
		d.store.onPut = func() { // its destruction begins and ends
			d.store.onPut = nil
			if err := keeper.Pass(t.Context()); err != nil {
				t.Error(err)
			}
		}
		d.pass(t)
		slices.Sort(certified)
		if after { // it was there already
			want = append(want, catalogue.RemarksName(catalogue.ObjectOf(want[1]), 2))
		}
		if !slices.Equal(certified, want) {
			t.Errorf("certified %v", certified)
		}
		if err := d.store.List(t.Context(), "", func(i objstore.Info) error { t.Errorf("%s is left", i.Name); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// With public keys alone nothing is called altered, and nothing is lost: what cannot be read is read by whoever can.
func TestKeyless(t *testing.T) {
	d := newDesk(t, "r1")
	d.decide(t, "r1")
	d.pass(t)
	public, err := d.sealer.Public(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	blind, err := public.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	keyless := func(c *reconcile.Config) {
		r := *c.Remarks
		r.Keys, c.Keys = blind, blind
		c.Remarks = &r
	}
	if r := d.reconcile(t, keyless); len(r.Findings) != 0 || !r.Keyless {
		t.Error(r)
	}
	if err := d.cat.SetCase(t.Context(), domain, "r1", "x", "y"); err != nil {
		t.Fatal(err)
	}
	if err := d.keeper(t, func(c *remarks.Config) { c.Keys = blind }).Pass(t.Context()); err != nil { // sealing needs no more
		t.Fatal(err)
	}
	want := d.said(t, "r1")
	d.open(t)
	d.reconcile(t, nil)
	if got := d.said(t, "r1"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The longest that people can write fits. Beyond the number of objects that a recording may have nothing is written, others are, and it is told.
func TestBounds(t *testing.T) {
	d := newDesk(t, "r1", "r2")
	long := catalogue.Remarks{Label: recorder.Internal}
	for range catalogue.MaxNotes {
		long.Notes = append(long.Notes, catalogue.Note{Written: d.now, Author: "taro", Text: strings.Repeat("\x01", 2000)})
	}
	if err := errors.Join(d.cat.Recall(t.Context(), domain, "r1", 1, 1, long), d.cat.SetCase(t.Context(), domain, "r1", "hanako", "2026-17")); err != nil {
		t.Fatal(err)
	}
	d.pass(t)
	want := d.said(t, "r1")
	d.open(t)
	d.reconcile(t, nil)
	if got := d.said(t, "r1"); got != want {
		t.Error("it came back as something else")
	}
	row := d.row(t, "r1")
	if err := errors.Join(d.cat.SetCase(t.Context(), domain, "r2", "x", "y"), d.cat.Remarked(t.Context(), row, catalogue.MostRemarks, 1), d.cat.SetCase(t.Context(), domain, "r1", "x", "y")); err != nil {
		t.Fatal(err)
	}
	k := d.keeper(t, nil)
	if err := k.Pass(t.Context()); err == nil || k.Stats().Failing == 0 || k.Stats().Written != 1 || d.row(t, "r2").RemarksDue != 0 {
		t.Errorf("%v %+v %s", err, k.Stats(), d.said(t, "r2"))
	}
	if _, err := remarks.New(remarks.Config{}); err == nil {
		t.Error("a keeper of nothing")
	}
}

// It passes by itself, and ends when it is told to.
func TestRuns(t *testing.T) {
	d := newDesk(t, "r1")
	d.decide(t, "r1")
	written := make(chan int, 1)
	k := d.keeper(t, func(c *remarks.Config) {
		c.Every = time.Millisecond
		c.Enter = func(_ context.Context, e remarks.Entry) error { written <- e.Number; return nil }
	})
	k.Start(t.Context())
	select {
	case n := <-written:
		if n != 1 {
			t.Error(n)
		}
	case <-time.After(time.Minute):
		t.Error("nothing happens")
	}
	k.Close()
}
