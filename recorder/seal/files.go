package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
)

// Names of the key files. An identity file has the format that age-keygen writes and the stock `age -d -i FILE` reads.
const (
	vaultName    = "vault"
	recoveryName = "recovery"
	spoolName    = "spool"
	identityExt  = ".agekey"
	publicExt    = ".recipient"
)

// maxKeyFile bounds what is read as a key file.
const maxKeyFile = 64 << 10

// Files is the key ring in a directory. Keys are the same for every domain for now.
type Files struct {
	dir             string
	created         []string
	vault, recovery age.Recipient
	vaultID         age.Identity // nil where only the public key is here
	spoolTo         age.Recipient
	spoolID         age.Identity
}

// OpenFiles opens the ring in dir and makes the identities that were never there. A key is made only if neither its identity nor its
// recipient exists: an identity that was moved away (recovery: as it should be) is never silently replaced by another one. now dates new keys; nil: time.Now.
func OpenFiles(dir string, now func() time.Time) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("seal: keys: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	f := &Files{dir: dir}
	var err error
	if f.vault, f.vaultID, err = f.key(vaultName, now); err != nil {
		return nil, err
	}
	if f.recovery, _, err = f.key(recoveryName, now); err != nil {
		return nil, err
	}
	if f.spoolTo, f.spoolID, err = f.key(spoolName, now); err != nil {
		return nil, err
	}
	if f.spoolID == nil {
		return nil, fmt.Errorf("seal: %s: %w", f.path(spoolName, identityExt), ErrNoKey)
	}
	return f, nil
}

// Created names the identity files that this OpenFiles made, for the message of the first run.
func (f *Files) Created() []string { return f.created }

// RecoveryPath is where the recovery identity lies, and whether it still does: it should be moved offline.
func (f *Files) RecoveryPath() (path string, present bool) {
	path = f.path(recoveryName, identityExt)
	_, err := os.Stat(path)
	return path, err == nil
}

// VaultPath is the vault's identity file.
func (f *Files) VaultPath() string { return f.path(vaultName, identityExt) }

// Recipients implements KeyRing.
func (f *Files) Recipients(context.Context, string) ([]age.Recipient, error) {
	return []age.Recipient{f.vault, f.recovery}, nil
}

// Identities implements KeyRing.
func (f *Files) Identities(context.Context, string) ([]age.Identity, error) {
	if f.vaultID == nil {
		return nil, ErrNoKey
	}
	return []age.Identity{f.vaultID}, nil
}

// Spool implements KeyRing.
func (f *Files) Spool(context.Context) (age.Recipient, age.Identity, error) {
	return f.spoolTo, f.spoolID, nil
}

// String keeps keys out of a log.
func (f *Files) String() string { return "[redacted]" }

// GoString keeps keys out of %#v.
func (f *Files) GoString() string { return "[redacted]" }

// LogValue keeps keys out of slog.
func (f *Files) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func (f *Files) path(name, ext string) string { return filepath.Join(f.dir, name+ext) }

// key reads or makes one key. The identity may be absent, the recipient may not.
func (f *Files) key(name string, now func() time.Time) (age.Recipient, age.Identity, error) {
	id, err := readIdentity(f.path(name, identityExt))
	switch {
	case err == nil:
		return id.Recipient(), id, f.publish(name, id.Recipient())
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	to, err := readRecipient(f.path(name, publicExt))
	switch {
	case err == nil:
		return to, nil, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	id, err = age.GenerateHybridIdentity()
	if err != nil {
		return nil, nil, fmt.Errorf("seal: make %s key: %w", name, err)
	}
	text := fmt.Sprintf("# created: %s\n# public key: %s\n%s\n", now().UTC().Format(time.RFC3339), id.Recipient(), id)
	if err := writeNew(f.path(name, identityExt), []byte(text), 0o600); err != nil {
		return nil, nil, fmt.Errorf("seal: make %s key: %w", name, err)
	}
	f.created = append(f.created, f.path(name, identityExt))
	return id.Recipient(), id, f.publish(name, id.Recipient())
}

// publish keeps the recipient beside the identity, so that the identity can be moved away.
func (f *Files) publish(name string, to *age.HybridRecipient) error {
	path := f.path(name, publicExt)
	old, err := readRecipient(path)
	if err == nil {
		if old.String() != to.String() {
			return fmt.Errorf("seal: %s does not belong to the identity beside it", path)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(path, []byte(to.String()+"\n"), 0o644); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

func readIdentity(path string) (*age.HybridIdentity, error) {
	text, mode, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("seal: identity: %w", err)
	}
	if mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("seal: %s can be read by others: chmod 600", path)
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		id, err := age.ParseHybridIdentity(string(line))
		if err != nil { // age's own text repeats the key
			return nil, fmt.Errorf("seal: %s holds no hybrid identity", path)
		}
		return id, nil
	}
	return nil, fmt.Errorf("seal: %s holds no identity", path)
}

func readRecipient(path string) (*age.HybridRecipient, error) {
	text, _, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("seal: recipient: %w", err)
	}
	to, err := age.ParseHybridRecipient(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", path, err)
	}
	return to, nil
}

func readBounded(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > maxKeyFile {
		return nil, 0, fmt.Errorf("%s: too large for a key", path)
	}
	text, err := os.ReadFile(path)
	return text, info.Mode(), err
}

// writeNew makes the file whole or not at all (temporary name, fsync, link), and never over another one.
func writeNew(path string, text []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".key-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
