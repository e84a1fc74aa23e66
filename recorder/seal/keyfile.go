package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
)

// maxKeyFile bounds what is read as a key file.
const maxKeyFile = 64 << 10

// key reads or makes one key. The identity may be absent, the recipient may not.
func (f *Files) key(name string) (*age.HybridRecipient, *holder, error) {
	plain, err := readIdentity(f.private(name))
	switch {
	case err == nil: // also where there is a Safe: see Unprotected
		return plain.Recipient(), fixed(plain), f.publish(name, plain.Recipient())
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	kept, err := f.inSafe(name)
	if err != nil {
		return nil, nil, err
	}
	to, err := readRecipient(f.public(name))
	switch {
	case err == nil && kept:
		f.kept[name] = true
		return to, f.held(name, to), nil
	case err == nil:
		return to, nil, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	case kept: // the crash of a first run, or a lost file: the identity tells it
		id, err := f.unwrap(context.Background(), name)
		if err != nil {
			return nil, nil, err
		}
		f.kept[name] = true
		return id.Recipient(), f.held(name, id.Recipient()), f.publish(name, id.Recipient())
	}
	return f.make(name)
}

// inSafe says that the Safe keeps an identity. One that another kind of safe keeps is an error: it is there, and this configuration cannot open it.
func (f *Files) inSafe(name string) (bool, error) {
	names, err := namesIn(f.cfg.Private)
	if err != nil {
		return false, err
	}
	for _, n := range names {
		path := filepath.Join(f.cfg.Private, n)
		switch {
		case !strings.HasPrefix(path, f.private(name)+"."):
		case f.cfg.Safe != nil && path == f.wrapped(name):
			return true, nil
		default:
			return false, fmt.Errorf("seal: %s is in another safe than the one of the configuration", path)
		}
	}
	return false, nil
}

func (f *Files) make(name string) (*age.HybridRecipient, *holder, error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, nil, fmt.Errorf("seal: make %s key: %w", name, err)
	}
	path, text, h := f.private(name), identityText(id, f.cfg.Now()), fixed(id)
	if f.cfg.Safe != nil {
		path, h = f.wrapped(name), f.held(name, id.Recipient())
		f.kept[name] = true
		if text, err = f.cfg.Safe.Wrap(context.Background(), text); err != nil {
			return nil, nil, fmt.Errorf("seal: make %s key: %w", name, err)
		}
	}
	if err := writeNew(path, text, 0o600); err != nil {
		return nil, nil, fmt.Errorf("seal: make %s key: %w", name, err)
	}
	f.created = append(f.created, path)
	return id.Recipient(), h, f.publish(name, id.Recipient())
}

// offline is the recovery's recipient. Its identity is never in the Safe: it is what is left when the Safe is not.
func (f *Files) offline() (*age.HybridRecipient, error) {
	id, err := readIdentity(f.private(recoveryName))
	if err == nil {
		return id.Recipient(), f.publish(recoveryName, id.Recipient())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	to, err := readRecipient(f.public(recoveryName))
	if !errors.Is(err, fs.ErrNotExist) {
		return to, err
	}
	if id, err = age.GenerateHybridIdentity(); err != nil {
		return nil, fmt.Errorf("seal: make %s key: %w", recoveryName, err)
	}
	if err := writeNew(f.private(recoveryName), identityText(id, f.cfg.Now()), 0o600); err != nil {
		return nil, fmt.Errorf("seal: make %s key: %w", recoveryName, err)
	}
	f.created = append(f.created, f.private(recoveryName))
	return id.Recipient(), f.publish(recoveryName, id.Recipient())
}

// adopt takes the recovery's recipient from a file of the configuration. Another one than before is what what is sealed from now on opens with; what was
// sealed before gets it by the next rotation.
func (f *Files) adopt(path string) error {
	to, err := readRecipient(path)
	if err != nil {
		return err
	}
	old, err := readRecipient(f.public(recoveryName))
	if err == nil && old.String() == to.String() {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, here := f.RecoveryPath(); here {
		return fmt.Errorf("seal: %s lies beside another recovery key of the configuration: move it away first", f.private(recoveryName))
	}
	return replace(f.public(recoveryName), []byte(to.String()+"\n"), 0o644)
}

// publish keeps the recipient beside the identity, so that the identity can be moved away.
func (f *Files) publish(name string, to *age.HybridRecipient) error {
	path := f.public(name)
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

// NewIdentity is a new identity as text, with its recipient: the recovery's, on a machine that is not the switch's.
func NewIdentity(now time.Time) (identity []byte, recipient string, err error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, "", fmt.Errorf("seal: make a key: %w", err)
	}
	return identityText(id, now), id.Recipient().String(), nil
}

func identityText(id *age.HybridIdentity, now time.Time) []byte {
	return fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", now.UTC().Format(time.RFC3339), id.Recipient(), id)
}

func readIdentity(path string) (*age.HybridIdentity, error) {
	text, mode, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("seal: identity: %w", err)
	}
	if mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("seal: %s can be read by others: chmod 600", path)
	}
	return parseIdentity(text, path)
}

func parseIdentity(text []byte, where string) (*age.HybridIdentity, error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		id, err := age.ParseHybridIdentity(string(line))
		if err != nil { // age's own text repeats the key
			return nil, fmt.Errorf("seal: %s holds no hybrid identity", where)
		}
		return id, nil
	}
	return nil, fmt.Errorf("seal: %s holds no identity", where)
}

// readRecipient reads a recipient; lines that begin with # are remarks.
func readRecipient(path string) (*age.HybridRecipient, error) {
	text, _, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("seal: recipient: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		to, err := age.ParseHybridRecipient(line)
		if err != nil { // somebody may have put an identity here
			return nil, fmt.Errorf("seal: %s holds no hybrid recipient (age1pq...)", path)
		}
		return to, nil
	}
	return nil, fmt.Errorf("seal: %s holds no recipient", path)
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
	return write(path, text, mode, os.Link)
}

// replace makes the file whole or leaves the one before.
func replace(path string, text []byte, mode fs.FileMode) error {
	return write(path, text, mode, os.Rename)
}

func write(path string, text []byte, mode fs.FileMode, name func(old, path string) error) error {
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
	if err := name(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
