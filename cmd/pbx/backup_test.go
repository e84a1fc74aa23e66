package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
)

// backupLab is a switch that copies itself into a directory, and the identity that opens the copies.
func backupLab(t *testing.T) (l *lab, shelf, identity string) {
	t.Helper()
	shelf = t.TempDir()
	l = newLab(t, func(c *Config) {
		c.Backup.To = shelf
		c.file = filepath.Join(t.TempDir(), "pbx.yaml")
		if err := os.WriteFile(c.file, []byte("data: "+c.Data+"\nhttp:\n  metrics: \"off\"\n# of the ward\nbackup:\n  to: "+shelf+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if err := l.p.backups.due(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return l, shelf, l.p.config.path("keys", "vault", "recovery.agekey")
}

// plainOf is what a copy holds, as it is before it is sealed and packed.
func plainOf(t *testing.T, path, identity string) []byte {
	t.Helper()
	id, err := seal.ReadIdentity(identity)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := id.Open(bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestBackup: the switch copies itself, the copy opens with the recovery key and says what it is of; no password, and no key, is in it even when it
// is open.
func TestBackup(t *testing.T) {
	l, shelf, identity := backupLab(t)
	all, err := copiesOn(t.Context(), l.p.backups.shelf)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	path := filepath.Join(shelf, l.p.config.Domain, all[0].name)
	if code, out := pbxCommand(t, "backup", "list", "--config", l.p.config.file); code != 0 || !strings.Contains(out, all[0].name) || strings.Contains(out, " -\n") {
		t.Errorf("list: %d %s", code, out)
	}
	if code, out := pbxCommand(t, "backup", "check", "--config", l.p.config.file, "--identity", identity, all[0].name); code != 0 || !strings.Contains(out, "whole and signed by") {
		t.Errorf("check: %d %s", code, out)
	}
	made := filepath.Join(t.TempDir(), "now.backup")
	if code, out := pbxCommand(t, "backup", "--config", l.p.config.file, "--out", made); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	if code, out := pbxCommand(t, "backup", "--config", l.p.config.file, "--out", made); code == 0 || !strings.Contains(out, "is there already") {
		t.Errorf("written over: %d %s", code, out)
	}
	planted := map[string]string{"the administrator's password": l.p.first.Admin.Reveal()}
	for number, password := range l.p.first.Extensions {
		planted["password of "+number] = password.Reveal()
	}
	files, err := keyFiles(l.p.config)
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		if !isPublic(f.name) {
			planted[f.name] = string(text)
		}
	}
	plain, sealed := plainOf(t, made, identity), new(strings.Builder)
	for _, p := range []string{path, made} {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		sealed.Write(text)
	}
	for name, text := range planted {
		if text == "" || bytes.Contains(plain, []byte(text)) || strings.Contains(sealed.String(), text) {
			t.Errorf("%s (%d octets) is in the backup", name, len(text))
		}
	}
	plain = append(plain, plainOf(t, path, identity)...)
	for _, want := range []string{"# of the ward", "2001", `"name":"keys/secrets.key","fingerprint":"`, "checkpoints/", "keys/approval.marks"} {
		if !bytes.Contains(plain, []byte(want)) {
			t.Errorf("%s is not in the backup", want)
		}
		if want != "2001" && strings.Contains(sealed.String(), want) {
			t.Errorf("%s can be read without its key", want)
		}
	}
	l.heard(t, "backup.made", 2)
	drafts, err := filepath.Glob(l.p.config.path(backupDraft + "*"))
	if err != nil || len(drafts) > 0 {
		t.Error(drafts, err)
	}
}

// heard wants so many entries of an action in the audit log.
func (l *lab) heard(t *testing.T, action string, want int) {
	t.Helper()
	waitUntil(t, action, func() bool {
		n := 0
		err := l.p.store.View(t.Context(), func(r provisioning.Reader) error {
			all, err := r.Audit(l.p.config.Domain, provisioning.AuditQuery{Action: action, Limit: 100})
			n = len(all)
			return err
		})
		return err == nil && n >= want
	})
}

// TestBackupKeys: the keys are in an escrow of their own, which another identity may open, and the recovery key itself is in none.
func TestBackupKeys(t *testing.T) {
	l, _, _ := backupLab(t)
	identity, recipient, err := seal.NewIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	own, to, escrow := filepath.Join(dir, "id"), filepath.Join(dir, "to"), filepath.Join(dir, "keys.escrow")
	if err := errors.Join(os.WriteFile(own, identity, 0o600), os.WriteFile(to, []byte("# who keeps the keys\n"+recipient+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if code, out := pbxCommand(t, "backup", "keys", "--config", l.p.config.file, "--recipients", to, "--out", escrow); code != 0 || !strings.Contains(out, "keys/secrets.key") {
		t.Fatalf("%d %s", code, out)
	}
	plain := plainOf(t, escrow, own)
	secrets, err := os.ReadFile(l.p.config.path("keys", "secrets.key"))
	if err != nil || !bytes.Contains(plain, secrets) {
		t.Error("the key of secrets is not in it", err)
	}
	recovery, err := os.ReadFile(l.p.config.path("keys", "vault", "recovery.agekey"))
	if err != nil || bytes.Contains(plain, recovery) || bytes.Contains(plain, []byte(recoveryName)) {
		t.Error("the recovery key is in it", err)
	}
	if info, err := os.Stat(escrow); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	l.heard(t, "backup.keys", 1)
}

// TestCopyNamed: each thing that can be wrong with a copy is named as what it is, and nothing of it is taken.
func TestCopyNamed(t *testing.T) {
	l, shelf, identity := backupLab(t)
	all, err := copiesOn(t.Context(), l.p.backups.shelf)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(shelf, l.p.config.Domain, all[0].name))
	if err != nil {
		t.Fatal(err)
	}
	key, err := signerKey(l.p.config, "")
	if err != nil {
		t.Fatal(err)
	}
	id, err := seal.ReadIdentity(identity)
	if err != nil {
		t.Fatal(err)
	}
	taken := func(b []byte) error {
		c := sealedCopy{"copy", id, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
		_, _, err := c.read(t.Context(), key, onlyCheck{})
		return err
	}
	if err := taken(whole); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += max(1, len(whole)/60) {
		b := bytes.Clone(whole)
		b[i] ^= 0x20
		if err := taken(b); !errors.Is(err, errCopyAltered) && !errors.Is(err, errCopyOthers) && !errors.Is(err, errCopyTail) && !errors.Is(err, errCopyNone) {
			t.Errorf("octet %d of %d altered: %v", i, len(whole), err)
		}
		if err := taken(whole[:i]); !errors.Is(err, errCopyCut) && !errors.Is(err, errCopyTail) {
			t.Errorf("cut at %d of %d: %v", i, len(whole), err)
		}
	}
	if err := taken(whole[:len(whole)-1]); !errors.Is(err, errCopyTail) {
		t.Errorf("one octet less: %v", err)
	}
	other, _, err := seal.NewIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	stranger, copied := filepath.Join(dir, "id"), filepath.Join(dir, "copy")
	if err := errors.Join(os.WriteFile(stranger, other, 0o600), os.WriteFile(copied, whole, 0o600)); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "foreign.pem")
	if _, err := evidenceKey(filepath.Join(dir, "foreign.key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "foreign.pub.pem"), foreign); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		errCopyOthers.Error(): {"--identity", stranger, copied}, errCopySigner.Error(): {"--identity", identity, "--key", foreign, copied},
		errCopyMissing.Error(): {"--identity", identity, "20000101T000000Z.backup"},
	} {
		if code, out := pbxCommand(t, append([]string{"backup", "check", "--config", l.p.config.file}, args...)...); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%d %s, want %s", code, out, want)
		}
	}
}

// TestBackupShelf: copies are locked as long as they are kept, removed when they are older, but for the newest three; one that does not come is an alarm.
func TestBackupShelf(t *testing.T) {
	l, _, _ := backupLab(t)
	now := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	shelf := mem.New(clock)
	var told []string
	b := &backups{maker: l.p.backups.maker, shelf: shelf, mine: func() bool { return true }, audit: func(e provisioning.AuditEntry) { told = append(told, e.Action) }, log: slog.New(slog.DiscardHandler), began: now}
	b.maker.now = clock
	b.maker.config.Backup = BackupConfig{Every: Duration(time.Hour), Keep: Duration(4 * time.Hour), Late: Duration(90 * time.Minute), Rate: 1000}
	for range 8 {
		if err := b.due(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if err := b.due(t.Context(), now.Add(30*time.Minute)); err != nil { // not yet
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	all, err := copiesOn(t.Context(), shelf)
	if err != nil || len(all) != 5 || b.made.Load() != 8 || b.late(now.Add(29*time.Minute)) || !b.late(now.Add(31*time.Minute)) {
		t.Errorf("%v %d %v", all, b.made.Load(), err)
	}
	lock, err := shelf.Locked(t.Context(), all[4].name)
	if err != nil || !lock.Until.Equal(all[4].made.Add(4*time.Hour)) {
		t.Errorf("%+v %v", lock, err)
	}
	now = now.Add(100 * time.Hour)
	if err := b.tidy(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if all, err = copiesOn(t.Context(), shelf); err != nil || len(all) != 3 {
		t.Errorf("%v %v", all, err)
	}
	b.shelf = lying{shelf}
	err = b.due(t.Context(), now)
	if err == nil {
		t.Fatal("a store that gives back something else is believed")
	}
	b.tellFailure(err)
	b.tellFailure(err)
	if all, _ := copiesOn(t.Context(), shelf); len(all) != 3 || !b.failing.Load() || strings.Count(strings.Join(told, " "), "backup.failed") != 1 {
		t.Errorf("%v %v", all, told)
	}
	b.shelf = shelf
	if err := b.due(t.Context(), now); err != nil || b.failing.Load() {
		t.Errorf("%v, failing %v", err, b.failing.Load())
	}
}

// lying gives other octets back than it was given.
type lying struct{ objstore.Store }

func (l lying) Get(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("something else")), nil
}

// TestBackupKilled: a backup whose process is killed leaves no file under its name, what it leaves is no backup, and the next start takes that away.
func TestBackupKilled(t *testing.T) {
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBackupKilledChild$")
	child.Env = append(os.Environ(), "BACKUP_CHILD="+dir)
	said, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || line != "half\n" {
		t.Fatalf("%q %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || !strings.HasPrefix(left[0].Name(), backupDraft) {
		t.Fatalf("left: %v %v", left, err)
	}
	removeDrafts(Config{Data: dir})
	if left, err = os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

// TestBackupKilledChild writes half of a file, says so, and waits to be killed.
func TestBackupKilledChild(t *testing.T) {
	dir := os.Getenv("BACKUP_CHILD")
	if dir == "" {
		t.Skip("a part of TestBackupKilled")
	}
	_, _ = writeWhole(filepath.Join(dir, "x.backup"), func(w io.Writer) (backupMade, error) {
		_, _ = w.Write(make([]byte, 100_000))
		_, _ = os.Stdout.WriteString("half\n")
		<-t.Context().Done()
		return backupMade{}, t.Context().Err()
	})
}
