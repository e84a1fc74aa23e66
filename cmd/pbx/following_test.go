package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/durable"
	"naisen/provisioning/store"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/reconcile"
	"naisen/recorder/remarks"
	"naisen/recorder/retention"
)

// archivist is the catalogue of one of several nodes, with what writes beside recordings and what follows the others.
type archivist struct {
	t      *testing.T
	log    *store.Store
	vault  *vault
	notes  *remarks.Keeper
	keep   *retention.Keeper
	follow *following
}

func newArchivist(t *testing.T, log *store.Store, v *vault, key ed25519.PrivateKey) *archivist {
	t.Helper()
	v.decided = v.reader(key, enteredDecided(log))
	cfg := v.comparisons(true, nil, slog.New(slog.DiscardHandler))[0].cfg
	a := &archivist{t: t, log: log, vault: v, follow: &following{log: log, cfg: cfg, cursor: durable.Cursor(filepath.Join(t.TempDir(), "c")), logger: slog.New(slog.DiscardHandler)}}
	var err error
	a.notes, err = remarks.New(remarks.Config{Catalogue: v.catalogue, Store: v.store, Keys: v.sealer, Key: key, Enter: enterDecided(log),
		Follow: func(ctx context.Context, domain, id, object string) error {
			return reconcile.Recall(ctx, cfg, domain, id, object)
		}})
	if err == nil {
		a.keep, err = retention.New(retention.Config{Catalogue: v.catalogue, Store: v.store, Certify: certify(log), Zone: zone()})
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// turn follows what the log has.
func (a *archivist) turn() {
	a.t.Helper()
	if _, err := a.follow.turn(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *archivist) row(id string) catalogue.Row {
	a.t.Helper()
	r, err := a.vault.catalogue.Get(a.t.Context(), keepDomain, id)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

func (a *archivist) said(id string) (out string) {
	a.t.Helper()
	notes, err := a.vault.catalogue.Notes(a.t.Context(), keepDomain, id)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, n := range notes {
		out += n.Text + " "
	}
	return out
}

func (a *archivist) note(id, text string) {
	a.t.Helper()
	if _, err := a.vault.catalogue.AddNote(a.t.Context(), keepDomain, id, "kacho", text); err != nil {
		a.t.Fatal(err)
	}
}

// does is what REST does: a deed and the word of it.
func (a *archivist) does(action string, detail map[string]any, do error) {
	a.t.Helper()
	if do != nil {
		a.t.Fatal(do)
	}
	err := a.log.Update(a.t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: keepDomain, Subject: "kacho@" + keepDomain, Action: action, Object: "recording/r1", Outcome: "ok", Detail: detail})
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

func twoArchivists(t *testing.T) (a, b *archivist, m recorder.Manifest) {
	t.Helper()
	log := openAudit(t)
	m, v := sealedRecording(t, t.TempDir(), "r1", time.Now().AddDate(0, 0, -40), 30)
	w := &vault{files: v.files, sealer: v.sealer, store: v.store}
	var err error
	if w.catalogue, err = catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "catalogue.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.catalogue.Close() })
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := deposit(log)(t.Context(), recorder.Deposit{Manifest: m, ManifestSHA256: "aa", SealedManifestSHA256: "bb"}); err != nil {
		t.Fatal(err)
	}
	return newArchivist(t, log, v, key), newArchivist(t, log, w, key), m
}

// TestRecordingsOfAnotherNode: what one node has stored the other one finds, with its label, and what people do with it at either is known at the other: notes
// of both that were written in the same moment, a hold and its end, a later end, destruction.
func TestRecordingsOfAnotherNode(t *testing.T) {
	a, b, m := twoArchivists(t)
	b.turn()
	if r := b.row("r1"); r.State != recorder.Stored || r.SealedSHA256 != m.SealedSHA256 || r.Label != a.row("r1").Label || !r.RetainUntil.Equal(a.row("r1").RetainUntil) {
		t.Errorf("found at the other: %+v", r)
	}
	a.note("r1", "one")
	for _, x := range []*archivist{a, b} {
		if err := x.notes.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.turn()
	if got := b.said("r1"); got != "one " {
		t.Errorf("notes at the other: %q", got)
	}
	a.note("r1", "two")
	b.note("r1", "three")
	for _, x := range []*archivist{a, b} { // b has not heard of two
		if err := x.notes.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a.turn()
	b.turn()
	if x, y := a.said("r1"), b.said("r1"); x != "one two three " || y != x {
		t.Errorf("of both: %q and %q", x, y)
	}
	if x, y := a.row("r1"), b.row("r1"); x.RemarksDue+y.RemarksDue != 0 || x.Remarks != 3 || y.Remarks != 3 || x.Label != y.Label {
		t.Errorf("objects %d and %d, due %d and %d", x.Remarks, y.Remarks, x.RemarksDue, y.RemarksDue)
	}

	a.does("recording.hold", map[string]any{"reason": "訴訟"}, a.keep.Hold(t.Context(), keepDomain, "r1", "kacho@"+keepDomain, "訴訟"))
	b.turn()
	if r := b.row("r1"); r.Held.IsZero() || r.HoldBy != "kacho@"+keepDomain || r.HoldReason != "訴訟" {
		t.Errorf("held: %+v", r)
	}
	b.does("recording.release", map[string]any{"reason": "和解"}, b.keep.Release(t.Context(), keepDomain, "r1"))
	until := time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)
	a.turn()
	a.does("recording.retain", map[string]any{"until": until}, a.keep.Extend(t.Context(), keepDomain, "r1", until))
	b.turn()
	if x, y := a.row("r1"), b.row("r1"); !x.Held.IsZero() || !y.Held.IsZero() || !y.RetainUntil.Equal(until) {
		t.Errorf("released, and kept until %v and %v", x.RetainUntil, y.RetainUntil)
	}
	if err := certify(a.log)(t.Context(), retention.Certificate{Recording: "r1", Domain: keepDomain}); err != nil {
		t.Fatal(err)
	}
	b.turn()
	if _, err := b.vault.catalogue.Get(t.Context(), keepDomain, "r1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("destroyed at the other: %v", err)
	}
}

// awayStore is a store that may not answer.
type awayStore struct {
	objstore.Store
	err error
}

func (s *awayStore) Get(ctx context.Context, name string, from, to int64) (io.ReadCloser, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Store.Get(ctx, name, from, to)
}

// TestFollowingWaitsForTheStore: what cannot be read now is read later, and one recording that never can be does not hold up the others for ever; the place in
// the log outlives a restart.
func TestFollowingWaitsForTheStore(t *testing.T) {
	_, b, _ := twoArchivists(t)
	away := &awayStore{b.vault.store, errors.New("away")}
	b.follow.cfg.Store = away
	if _, err := b.follow.turn(t.Context()); !errors.Is(err, away.err) {
		t.Errorf("a store that is away: %v", err)
	}
	if _, err := b.vault.catalogue.Get(t.Context(), keepDomain, "r1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Error(err)
	}
	away.err = nil
	b.turn()
	b.row("r1")
	size, err := b.log.AuditSize(t.Context())
	if at, failed := b.follow.cursor.Load(t.Context()); err != nil || failed != nil || at != size {
		t.Errorf("at %d of %d, %v", at, size, errors.Join(err, failed))
	}
	if err := b.vault.catalogue.Forget(t.Context(), keepDomain, "r1"); err != nil {
		t.Fatal(err)
	}
	b.follow.at, away.err = 0, errors.New("never")
	for range followTries {
		_, _ = b.follow.turn(t.Context())
	}
	if b.follow.at != size || b.follow.skipped.Load() != 1 {
		t.Errorf("it stands at %d of %d, skipped %d", b.follow.at, size, b.follow.skipped.Load())
	}
}
