package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/retention"
	"naisen/recorder/seal"
)

const keepDomain = "a.example"

// openAudit is a store with one domain.
func openAudit(t *testing.T) *store.Store {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	err = s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(keepDomain, provisioning.Domain{Name: keepDomain, Language: "ja"}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sealedRecording stores a recording as the pipeline does, below a data directory.
func sealedRecording(t *testing.T, data, id string, at time.Time, days int) (recorder.Manifest, *vault) {
	t.Helper()
	v := &vault{}
	var err error
	if v.files, err = seal.OpenFiles(filepath.Join(data, "keys", "vault"), nil); err != nil {
		t.Fatal(err)
	}
	v.sealer = seal.New(v.files)
	local, err := dir.Open(filepath.Join(data, "objects"), nil)
	if err != nil {
		t.Fatal(err)
	}
	v.store = local
	if v.catalogue, err = catalogue.Open(t.Context(), filepath.Join(data, "catalogue.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.catalogue.Close(); local.Close() })
	return v.seal(t, v.store, v.catalogue, id, at, days), v
}

// seal stores a recording, or a message, and enters it.
func (v *vault) seal(t *testing.T, into objstore.Store, cat *catalogue.Catalogue, id string, at time.Time, days int) recorder.Manifest {
	t.Helper()
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: keepDomain, Call: "c-" + id, DID: "+81312345678", Policy: "year", Started: at,
		RetentionDays: days}, Ended: at.Add(time.Minute), SealedBytes: 5}
	sum := sha256.Sum256([]byte("audio"))
	m.SealedSHA256 = hex.EncodeToString(sum[:])
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := v.sealer.Seal(t.Context(), keepDomain, &sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	object := catalogue.ObjectName(m.Case)
	for name, b := range map[string][]byte{object: []byte("audio"), catalogue.ManifestName(object): sealed.Bytes()} {
		if err := into.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{Until: m.RetainUntil()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// From a list that REST shows to a certificate in the audit log, by the parts as they are wired; a second certificate of the same is none.
func TestDisposalIsCertified(t *testing.T) {
	audit := openAudit(t)
	m, v := sealedRecording(t, t.TempDir(), "r1", time.Now().AddDate(0, 0, -40), 30)
	keeper, err := retention.New(retention.Config{Catalogue: v.catalogue, Store: v.store, Certify: certify(audit), Zone: zone()})
	if err != nil {
		t.Fatal(err)
	}
	k := keeping{keeper}
	list, err := k.Disposals(t.Context(), keepDomain)
	if err != nil || len(list) != 1 || list[0].Due != 1 || list[0].Month != m.RetainUntil().In(zone()).Format("2006-01") {
		t.Fatalf("%+v %v", list, err)
	}
	d, items, err := k.Disposal(t.Context(), keepDomain, list[0].Month, "", 10)
	if err != nil || len(items) != 1 || items[0].Recording != "r1" || items[0].Policy != "year" || d.Digest != list[0].Digest {
		t.Fatalf("%+v %+v %v", d, items, err)
	}
	if d, err = k.Approve(t.Context(), keepDomain, d.Month, d.Digest, "kacho@"+keepDomain); err != nil || d.Approved != 1 {
		t.Fatalf("%+v %v", d, err)
	}
	if err := keeper.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := retention.Certificate{Recording: "r1", Domain: keepDomain}
	if err := certify(audit)(t.Context(), c); err != nil { // as after a crash
		t.Fatal(err)
	}
	var entries []provisioning.AuditEntry
	err = audit.View(t.Context(), func(r provisioning.Reader) (err error) {
		entries, err = r.Audit(keepDomain, provisioning.AuditQuery{Action: destroyedAction})
		return err
	})
	if err != nil || len(entries) != 1 {
		t.Fatalf("%+v %v", entries, err)
	}
	e := entries[0]
	objects, _ := e.Detail["objects"].([]any)
	if e.Object != "recording/r1" || e.Subject != "system" || e.Detail["approved_by"] != "kacho@"+keepDomain || e.Detail["policy"] != "year" ||
		e.Detail["altered"] != false || len(objects) != 2 {
		t.Errorf("%+v", e)
	}
	if o, _ := objects[0].(map[string]any); o["sha256"] != m.SealedSHA256 {
		t.Errorf("%+v", objects)
	}
	if _, err := v.store.Stat(t.Context(), catalogue.ObjectName(m.Case)); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("the audio: %v", err)
	}
}

// The recorder's errors in REST's words.
func TestKeepingErrors(t *testing.T) {
	_, v := sealedRecording(t, t.TempDir(), "r1", time.Now(), 30)
	keeper, err := retention.New(retention.Config{Catalogue: v.catalogue, Store: v.store, Certify: certify(openAudit(t)), Zone: zone()})
	if err != nil {
		t.Fatal(err)
	}
	k := keeping{keeper}
	var invalid *provisioning.Invalid
	if err := k.Extend(t.Context(), keepDomain, "r1", time.Now()); !errors.As(err, &invalid) || invalid.Field != "until" {
		t.Errorf("shorter: %v", err)
	}
	_, noMonth := k.Approve(t.Context(), keepDomain, "soon", "", "x")
	_, _, noList := k.Disposal(t.Context(), keepDomain, "2026-99", "", 1)
	_, noRow := k.Keeping(t.Context(), "b.example", "r1")
	for _, err := range []error{noMonth, noList, noRow, k.Hold(t.Context(), keepDomain, "none", "x", "y"), k.Release(t.Context(), keepDomain, "none")} {
		if !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
	if _, err := k.Approve(t.Context(), keepDomain, time.Now().In(zone()).Format("2006-01"), "old", "x"); !errors.Is(err, provisioning.ErrStale) {
		t.Errorf("a list that changed: %v", err)
	}
	if err := k.Hold(t.Context(), keepDomain, "r1", "kacho", "苦情"); err != nil {
		t.Error(err)
	}
	var held *provisioning.Held
	if err := k.Hold(t.Context(), keepDomain, "r1", "bucho", "訴訟"); !errors.As(err, &held) || held.By != "kacho" || held.Reason != "苦情" {
		t.Errorf("held by another: %v", err)
	}
	if got, err := k.Keeping(t.Context(), keepDomain, "r1"); err != nil || got.Hold == nil || got.Hold.Reason != "苦情" || got.RetainUntil.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
}

// `pbx recording reconcile`: agrees, names what does not fit and fails, and brings a lost catalogue back.
func TestReconcileCommand(t *testing.T) {
	data := t.TempDir()
	m, v := sealedRecording(t, data, "r1", time.Now(), 30)
	messages, err := catalogue.Open(t.Context(), filepath.Join(data, "messages.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	v.seal(t, objstore.Under(v.store, messagesPart), messages, "m1", time.Now(), 0)
	messages.Close()
	config := filepath.Join(data, "pbx.yaml")
	if err := os.WriteFile(config, []byte("data: "+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reconcile := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"recording", "reconcile", "--config", config}, args...), &out, io.Discard)
		return code, out.String()
	}
	if code, out := reconcile("--deep"); code != 0 || !strings.Contains(out, "agree") || !strings.Contains(out, "recordings: 1 in the catalogue") || !strings.Contains(out, "messages: 1 in") {
		t.Errorf("%d %s", code, out)
	}
	audio := filepath.Join(data, "objects", catalogue.ObjectName(m.Case))
	if err := os.WriteFile(audio, []byte("AUDIO"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := reconcile("--deep"); code != 1 || !strings.Contains(out, "altered") || !strings.Contains(out, "r1.age") {
		t.Errorf("%d %s", code, out)
	}
	if err := os.WriteFile(audio, []byte("audio"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.catalogue.Close()
	for _, ext := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(data, "catalogue.db"+ext))
		os.Remove(filepath.Join(data, "messages.db"+ext))
	}
	if code, out := reconcile(); code != 1 || !strings.Contains(out, "orphan") {
		t.Errorf("%d %s", code, out)
	}
	if code, out := reconcile("--mend"); code != 0 || strings.Count(out, "rebuilt: 1") != 2 {
		t.Errorf("%d %s", code, out)
	}
	if code, out := reconcile("--deep"); code != 0 {
		t.Errorf("%d %s", code, out)
	}
	empty := filepath.Join(t.TempDir(), "pbx.yaml")
	if err := os.WriteFile(empty, []byte("data: "+filepath.Dir(empty)+"/var\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if run(context.Background(), []string{"recording", "reconcile", "--config", empty}, io.Discard, io.Discard) != 1 {
		t.Error("where there is no switch it succeeded")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(empty), "var")); err == nil {
		t.Error("where there is no switch it made something")
	}
}

// The two words for a label are the same labels in the same order.
func TestLabelsAgree(t *testing.T) {
	all := provisioning.Labels()
	for i, l := range all {
		if recorder.Label(l).Level() != len(all)-i || recorder.LabelOf(len(all)-i) != recorder.Label(l) {
			t.Errorf("%s", l)
		}
		for _, o := range all {
			if string(l.Higher(o)) != string(recorder.HigherLabel(recorder.Label(l), recorder.Label(o))) {
				t.Errorf("%s and %s", l, o)
			}
		}
	}
	for _, unknown := range []string{"", "secret"} {
		if provisioning.Label(unknown).Below(provisioning.LabelRestricted) || recorder.Label(unknown).Level() != 3 {
			t.Errorf("%q is not the highest", unknown)
		}
	}
}
