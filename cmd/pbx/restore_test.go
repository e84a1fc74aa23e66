package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/recorder/objstore"
)

// restoreRig is a switch that was copied and is gone, with an escrow of its keys.
type restoreRig struct {
	t                             *testing.T
	config, copied, escrow, owner string // files: configuration, copy, escrow, identity
	data                          string
}

func newRestoreRig(t *testing.T) *restoreRig {
	t.Helper()
	l, _, identity := backupLab(t)
	l.put(provisioning.Extension{Number: "2345", Display: "before the copy"})
	dir := t.TempDir()
	r := &restoreRig{t: t, config: l.p.config.file, copied: filepath.Join(dir, "a.backup"), escrow: filepath.Join(dir, "a.escrow"), owner: filepath.Join(dir, "recovery"), data: l.p.config.Data}
	text, err := os.ReadFile(identity)
	if err := errors.Join(err, os.WriteFile(r.owner, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	r.must("ok", "backup", "keys", "--config", r.config, "--out", r.escrow)
	if _, err := l.p.checkpoints.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.must("", "backup", "--config", r.config, "--out", r.copied)
	l.put(provisioning.Extension{Number: "2346", Display: "after the copy"})
	if err := l.p.publisher.Publish(t.Context()); err != nil { // somebody else knows that the log had come further
		t.Fatal(err)
	}
	l.stop()
	return r
}

// must runs a command that works, and whose output has a text.
func (r *restoreRig) must(want string, args ...string) string {
	r.t.Helper()
	code, out := pbxCommand(r.t, args...)
	if code != 0 || want != "ok" && !strings.Contains(out, want) {
		r.t.Fatalf("%q: %d %s", args, code, out)
	}
	return out
}

// refuses runs a command that fails and says why.
func (r *restoreRig) refuses(want string, args ...string) {
	r.t.Helper()
	if code, out := pbxCommand(r.t, args...); code != 1 || !strings.Contains(out, want) {
		r.t.Errorf("%q: %d %s\nwant %s", args, code, out, want)
	}
}

// elsewhere is a configuration of the same switch on another machine, which has nothing.
func (r *restoreRig) elsewhere() (config, data string) {
	r.t.Helper()
	dir := r.t.TempDir()
	config, data = filepath.Join(dir, "pbx.yaml"), filepath.Join(dir, "var")
	if err := os.WriteFile(config, []byte("data: "+data+"\nhttp:\n  listen: 127.0.0.1:0\n  metrics: \"off\"\nsip:\n  listen: [\"udp:127.0.0.1:0\"]\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return config, data
}

// TestRestoreElsewhere: from a copy and an escrow alone another machine is the switch as it was at the copy, with its secrets, and its audit log goes on under
// another name and says so.
func TestRestoreElsewhere(t *testing.T) {
	r := newRestoreRig(t)
	config, data := r.elsewhere()
	out := r.must("restored: the state of", "restore", "--config", config, "--identity", r.owner, "--keys", r.escrow, r.copied)
	if strings.Contains(out, "WARNING") {
		t.Errorf("%s", out)
	}
	r.must("ok", "recording", "reconcile", "--config", config) // there are no recordings here yet
	verified := r.must("entries good", "audit", "verify", "--config", config)
	if !strings.Contains(verified, "This log was put back on") {
		t.Errorf("%s", verified)
	}
	l := newLab(t, func(c *Config) { c.Data = data })
	snap := l.p.directory.Snapshot()
	if _, ok := snap.Extension(l.p.config.Domain, "2345"); !ok {
		t.Error("what was there before the copy is not there")
	}
	if _, ok := snap.Extension(l.p.config.Domain, "2346"); ok {
		t.Error("what came after the copy is there")
	}
	err := l.p.store.View(t.Context(), func(v provisioning.Reader) error {
		_, err := provisioning.Secret(v, l.p.config.Domain, provisioning.SecretSIP, "2001")
		return err
	})
	if err != nil {
		t.Errorf("the telephone's secret is not there: %v", err)
	}
	l.heard(t, "backup.restored", 1)
	raised := func() bool {
		for _, a := range l.p.alarms.Alarms("") {
			if a.Name == "audit-restored" && a.Active && strings.Contains(a.Detail, "put back on") {
				return true
			}
		}
		return false
	}
	if !raised() {
		t.Error("no alarm says that the log was put back")
	}
	if l.p.checkpoints == nil {
		t.Fatal("the restored log is taken for altered")
	}
	if _, err := l.p.checkpoints.Write(t.Context()); err != nil {
		t.Error(err)
	}
	if len(l.p.approvals.troubled()) > 0 {
		t.Errorf("rows do not verify: %v", l.p.approvals.troubled())
	}
	l.stop()
	r.must("ok", "change", "accept", "--config", config, "--reason", "the machine burned")
	l = newLab(t, func(c *Config) { c.Data = data })
	if raised() {
		t.Error("it was accepted, and is an alarm still")
	}
}

// TestRestoreHere: in its own place a copy takes the place of what is there only by that word, which puts it aside; what is known of the lost entries is said, and
// the two histories never share a name in the object store.
func TestRestoreHere(t *testing.T) {
	r := newRestoreRig(t)
	r.refuses(errNotEmpty.Error(), "restore", "--config", r.config, "--identity", r.owner, r.copied)
	out := r.must("NOT IN IT: entries", "restore", "--config", r.config, "--identity", r.owner, "--overwrite", r.copied)
	if !strings.Contains(out, "audit-restored stands") {
		t.Errorf("%s", out)
	}
	aside, err := filepath.Glob(filepath.Join(r.data, asideName+"*", "pbx.db"))
	if err != nil || len(aside) != 1 {
		t.Errorf("put aside: %v %v", aside, err)
	}
	l := newLab(t, func(c *Config) { c.Data = r.data })
	waitUntil(t, "a checkpoint of the new log in the store", func() bool {
		n := 0
		err := l.p.vault.store.List(t.Context(), l.p.config.logPart()+"/", func(objstore.Info) error { n++; return nil })
		return err == nil && n > 0 && l.p.config.logPart() != checkpointPart
	})
	if !l.p.publisher.Behind().IsZero() {
		t.Error("the new log cannot be published")
	}
	for _, a := range l.p.alarms.Alarms("") {
		if a.Name == "audit-broken" {
			t.Errorf("%+v", a)
		}
	}
	config, err := loadConfig(r.config)
	if err != nil {
		t.Fatal(err)
	}
	code, said := pbxCommand(t, "restore", "--config", r.config, "--identity", r.owner, "--overwrite", r.copied)
	if code != 1 || !strings.Contains(said, errServing.Error()) {
		t.Errorf("under a running switch: %d %s", code, said)
	}
	l.stop()
	if err := os.Mkdir(config.path(stageName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := assembleOnly(t, config); !errors.Is(err, errUnfinished) {
		t.Errorf("half of a restore is served: %v", err)
	}
	r.must("restored", "restore", "--config", r.config, "--identity", r.owner, "--overwrite", r.copied)
}

// assembleOnly says whether a switch starts.
func assembleOnly(t *testing.T, c Config) (*pbx, error) {
	t.Helper()
	return assemble(t.Context(), c, nil, slog.New(slog.DiscardHandler))
}

// TestRestoreNames what is wrong, and leaves the place as it was.
func TestRestoreNames(t *testing.T) {
	r := newRestoreRig(t)
	config, data := r.elsewhere()
	whole, err := os.ReadFile(r.copied)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	other := filepath.Join(dir, "other.yaml")
	put("other.yaml", []byte("domain: other.example\ndata: "+filepath.Join(dir, "other")+"\nhttp:\n  metrics: \"off\"\n"))
	for _, c := range []struct {
		want string
		args []string
	}{
		{errMissingKey.Error(), []string{r.copied}},
		{"altered", []string{"--keys", r.escrow, put("flipped", flipped)}},
		{errCopyTail.Error(), []string{"--keys", r.escrow, put("cut", whole[:len(whole)-100])}},
		{errCopyNone.Error(), []string{"--keys", r.escrow, put("text", []byte("not a backup at all, but some text\n"))}},
		{"no escrow of keys", []string{"--keys", r.copied, r.copied}},
		{"it holds keys", []string{"--keys", r.escrow, r.escrow}},
	} {
		r.refuses(c.want, append([]string{"restore", "--config", config, "--identity", r.owner}, c.args...)...)
	}
	r.refuses(errOtherPlace.Error(), "restore", "--config", other, "--identity", r.owner, "--keys", r.escrow, r.copied)
	for _, name := range []string{"pbx.db", "keys", "prompts", stageName} {
		if exists(filepath.Join(data, name)) {
			t.Errorf("%s is there", name)
		}
	}
}

// TestFormerLog: where one log ended and the next began is read as it was written, and each has its own place in the archive.
func TestFormerLog(t *testing.T) {
	dir := t.TempDir()
	if got := logPart(dir); got != checkpointPart {
		t.Error(got)
	}
	key, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	n := logRestored{Former: "old", Log: key.Public(), Entries: 7, Known: 9, Made: time.Unix(1, 0), At: time.Unix(2, 0)}
	if err := n.write(dir); err != nil {
		t.Fatal(err)
	}
	part := logPart(dir)
	if !strings.HasPrefix(part, checkpointPart+"/") || objstore.CheckName(part) != nil {
		t.Error(part)
	}
	if got, there, err := readRestored(dir); err != nil || !there || got.Log != n.Log || !strings.Contains(got.String(), "entries 8 to 9") {
		t.Errorf("%+v %v %v", got, there, err)
	}
}
