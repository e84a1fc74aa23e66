package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning/audit"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/s3"
	"naisen/recorder/objstore/s3/s3server"
	"naisen/recorder/retention"
	"naisen/recorder/seal"
)

// depot is a data directory whose recordings lie in buckets of a real server.
type depot struct {
	srv  *s3server.Server
	data string
	*vault
}

func newDepot(t *testing.T, srv *s3server.Server) *depot {
	t.Helper()
	d := &depot{srv: srv, data: t.TempDir()}
	if err := errors.Join(os.WriteFile(filepath.Join(d.data, "access"), []byte(srv.Access), 0o600), os.WriteFile(filepath.Join(d.data, "secret"), []byte(srv.Secret), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.OpenFiles(filepath.Join(d.data, "keys", "vault"), nil); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *depot) config() string { return filepath.Join(d.data, "pbx.yaml") }

// configure writes the lines of storage, and opens all as a command does.
func (d *depot) configure(t *testing.T, lines string) {
	t.Helper()
	text := "data: " + d.data + "\ndomain: " + keepDomain + "\nstorage:\n  kind: s3\n  tls: false\n  endpoint: " + d.srv.Addr + "\n  access_key: file:" + filepath.Join(d.data, "access") +
		"\n  secret_key: file:" + filepath.Join(d.data, "secret") + "\n" + lines
	if err := os.WriteFile(d.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.close()
	c, err := loadConfig(d.config())
	if err != nil {
		t.Fatal(err)
	}
	if d.vault, err = openBeside(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
}

func (d *depot) close() {
	if d.vault != nil {
		d.catalogue.Close()
		d.messages.Close()
		d.vault = nil
	}
}

// bucket is one of the server's, made with Object Lock or without.
func (d *depot) bucket(t *testing.T, name string, lock bool) *s3.Store {
	t.Helper()
	s, err := s3.Open(s3.Config{Endpoint: d.srv.Addr, Plain: true, Bucket: name, AccessKey: d.srv.Access, SecretKey: s3.Secret(d.srv.Secret)})
	if err == nil {
		err = s.Ensure(t.Context(), lock)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// whole stores a recording whose audio is sealed too, and enters it.
func (d *depot) whole(t *testing.T, into objstore.Store, cat *catalogue.Catalogue, id string, at time.Time) {
	t.Helper()
	sealed := func(text []byte) []byte {
		var b bytes.Buffer
		w, err := d.sealer.Seal(t.Context(), keepDomain, &b)
		if err == nil {
			_, err = w.Write(text)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	audio := sealed([]byte("audio"))
	sum := sha256.Sum256(audio)
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: keepDomain, Call: "c-" + id, Started: at}, Ended: at.Add(time.Minute),
		SealedBytes: int64(len(audio)), SealedSHA256: hex.EncodeToString(sum[:]), Epoch: 1}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	object := catalogue.ObjectName(m.Case)
	for name, b := range map[string][]byte{object: audio, catalogue.ManifestName(object): sealed(text)} {
		if err := into.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// in lists what begins so in a bucket, without its dates.
func in(t *testing.T, s objstore.Store, prefix string) (all []string) {
	t.Helper()
	err := s.List(t.Context(), prefix, func(i objstore.Info) error {
		parts := strings.Split(i.Name, "/")
		all = append(all, parts[0]+" "+parts[len(parts)-1])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (d *depot) run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), append(args, "--config", d.config()), &out, &out)
	return code, out.String()
}

// A domain is given a bucket of its own, beside recordings that it has in everybody's: what is new goes there, messages too; what was there is compared,
// brought to a new key, rebuilt and destroyed where it lies. Others, and the audit log, stay in everybody's.
func TestBucketOfADomain(t *testing.T) {
	d := newDepot(t, s3server.Start(t))
	shared, ward := d.bucket(t, "naisen-all", true), d.bucket(t, "naisen-ward", true)
	d.configure(t, "  bucket: naisen-all\n")
	long := time.Now().AddDate(0, 0, -40)
	d.whole(t, d.store, d.catalogue, "before", long)
	d.configure(t, "  bucket: naisen-all\n  buckets: {"+keepDomain+": naisen-ward}\n")
	d.whole(t, d.store, d.catalogue, "after", long)
	d.whole(t, objstore.Under(d.store, messagesPart), d.messages, "m1", time.Now())
	if err := d.store.Put(t.Context(), "b.example/2026/01/01/x.age", strings.NewReader("x"), 1, objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	if err := newCheckpointStore(d.store, checkpointPart, time.Now).Put(t.Context(), "0001.checkpoint", []byte("tree 1\ntime now\n")); err != nil && !errors.Is(err, audit.ErrBroken) {
		t.Fatal(err)
	}
	if got := in(t, ward, ""); !slices.Equal(got, []string{"a.example after.age", "a.example after.manifest.age", "messages m1.age", "messages m1.manifest.age"}) {
		t.Errorf("the ward's: %q", got)
	}
	if got := in(t, shared, ""); !slices.Equal(got, []string{"_audit 0001.checkpoint", "a.example before.age", "a.example before.manifest.age", "b.example x.age"}) {
		t.Errorf("everybody's: %q", got)
	}
	if err := d.store.Delete(t.Context(), "b.example/2026/01/01/x.age"); err != nil {
		t.Fatal(err)
	}
	d.compared(t)
	d.rekeyed(t, shared, ward)
	d.destroyed(t, shared, ward)
}

// compared: nothing differs, a lost catalogue comes back from both buckets, and what lies where nobody looks for it is told.
func (d *depot) compared(t *testing.T) {
	t.Helper()
	if code, out := d.run(t, "recording", "reconcile", "--deep"); code != 0 || !strings.Contains(out, "recordings: 2 in the catalogue, 4 objects") || !strings.Contains(out, "messages: 1 in") {
		t.Errorf("%d %s", code, out)
	}
	c, err := loadConfig(d.config())
	if err != nil {
		t.Fatal(err)
	}
	d.close()
	for _, name := range []string{"catalogue.db", "messages.db"} {
		for _, ext := range []string{"", "-wal", "-shm"} {
			os.Remove(filepath.Join(d.data, name+ext))
		}
	}
	if code, out := d.run(t, "recording", "reconcile", "--mend"); code != 0 || !strings.Contains(out, "rebuilt: 2") || !strings.Contains(out, "rebuilt: 1") {
		t.Errorf("%d %s", code, out)
	}
	if d.vault, err = openBeside(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ward := d.bucket(t, "naisen-ward", true)
	const stray = "b.example/2026/01/01/x.age"
	if err := ward.Put(t.Context(), stray, strings.NewReader("x"), 1, objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	if code, out := d.run(t, "recording", "reconcile"); code != 1 || !strings.Contains(out, stray+" lies in a bucket in which nobody looks for it") {
		t.Errorf("%d %s", code, out)
	}
	if err := ward.Delete(t.Context(), stray); err != nil {
		t.Fatal(err)
	}
}

// rekeyed: a new key's headers lie in the domain's bucket, whichever the recording is in, and are locked as it is.
func (d *depot) rekeyed(t *testing.T, shared, ward *s3.Store) {
	t.Helper()
	if code, out := d.run(t, "recording", "rotate"); code != 0 || !strings.Contains(out, keepDomain+": key 2") {
		t.Fatalf("%d %s", code, out)
	}
	before := len(in(t, shared, keepDomain+"/"))
	if code, out := d.run(t, "recording", "rewrap"); code != 0 || !strings.Contains(out, "3 brought to the newest keys") {
		t.Errorf("%d %s", code, out)
	}
	if got := in(t, ward, keepDomain+"/"); !slices.Equal(got, []string{"a.example after.age", "a.example after.keys-0002.json", "a.example after.manifest.age", "a.example before.keys-0002.json"}) {
		t.Errorf("the ward's: %q", got)
	}
	if after := len(in(t, shared, keepDomain+"/")); after != before {
		t.Errorf("%d objects of the domain in everybody's bucket, %d before", after, before)
	}
}

// destroyed: nothing is left of the domain in either bucket, by each bucket's own word.
func (d *depot) destroyed(t *testing.T, buckets ...*s3.Store) {
	t.Helper()
	keeper, err := retention.New(retention.Config{Catalogue: d.catalogue, Store: d.store, Certify: certify(openAudit(t)), Zone: zone()})
	if err != nil {
		t.Fatal(err)
	}
	k := keeping{keeper}
	for _, id := range []string{"before", "after"} {
		if err := keeper.Date(t.Context(), keepDomain, id, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := k.Disposals(t.Context(), keepDomain)
	if err != nil || len(all) != 1 || all[0].Due != 2 {
		t.Fatalf("%+v %v", all, err)
	}
	if _, err := k.Approve(t.Context(), keepDomain, all[0].Month, all[0].Digest, "kacho@"+keepDomain); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, b := range buckets {
		if left := in(t, b, keepDomain+"/"); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

// A bucket that a domain had once is looked in, and nothing new goes there. Without its line nothing in it is found, and that is told.
func TestFormerBucket(t *testing.T) {
	d := newDepot(t, s3server.Start(t))
	d.bucket(t, "naisen-all", true)
	old, ward := d.bucket(t, "naisen-old", true), d.bucket(t, "naisen-ward", true)
	d.configure(t, "  bucket: naisen-all\n  buckets: {"+keepDomain+": naisen-old}\n")
	m := d.seal(t, d.store, d.catalogue, "before", time.Now(), 30)
	d.configure(t, "  bucket: naisen-all\n  buckets: {"+keepDomain+": naisen-ward}\n")
	if code, out := d.run(t, "recording", "reconcile"); code != 1 || !strings.Contains(out, "missing: 2") {
		t.Errorf("%d %s", code, out)
	}
	d.configure(t, "  bucket: naisen-all\n  buckets: {"+keepDomain+": naisen-ward}\n  former: [naisen-old]\n")
	d.seal(t, d.store, d.catalogue, "after", time.Now(), 30)
	if code, out := d.run(t, "recording", "reconcile", "--deep"); code != 0 || !strings.Contains(out, "recordings: 2 in the catalogue, 4 objects") {
		t.Errorf("%d %s", code, out)
	}
	if got := in(t, old, ""); len(got) != 2 || len(in(t, ward, "")) != 2 {
		t.Errorf("the old one: %q", got)
	}
	c, err := loadConfig(d.config())
	if err != nil {
		t.Fatal(err)
	}
	vault, err := storeBeside(c) // as `pbx vault` does
	if err != nil {
		t.Fatal(err)
	}
	body, err := vault.Get(t.Context(), catalogue.ObjectName(m.Case), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); err != nil || string(b) != "audio" {
		t.Errorf("%q %v", b, err)
	}
	// Somebody deletes it past us, without its version: it comes back where it lay.
	if _, err := vault.(objstore.Uncoverer).Uncover(t.Context(), catalogue.ObjectName(m.Case)); err != nil {
		t.Errorf("uncover: %v", err)
	}
}

// Each bucket is told of, by `pbx check` and by an alarm of its own.
func TestEachBucketsLockIsTold(t *testing.T) {
	d := newDepot(t, s3server.Start(t))
	d.bucket(t, "naisen-all", true)
	d.bucket(t, "naisen-open", false)
	d.configure(t, "  bucket: naisen-all\n  buckets: {"+keepDomain+": naisen-open, b.example: naisen-open, c.example: naisen-none}\n")
	code, out := d.run(t, "check")
	for _, want := range []string{"storage: bucket naisen-all locks recordings", "WARNING storage.buckets (naisen-open): the bucket was made without Object Lock", "s3: bucket naisen-none: there is no such bucket"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in\n%s", code, want, out)
		}
	}
	w := bucketWatch{log: slog.New(slog.DiscardHandler), unlocked: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx, d.store) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(w.troubled()) == 0 {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("no alarm")
		}
	}
	cancel()
	<-done
	if all := w.troubled(); len(all) != 1 || all[[2]string{"", "naisen-open"}] != "" {
		t.Errorf("%v", all)
	}
	if all := d.store.(*buckets).all; len(all) != 3 || all[2].String() != "naisen-open of a.example, b.example" {
		t.Errorf("%v", all)
	}
}
