package seal

import (
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

// Names of the key files. An identity file has the format that age-keygen writes and the stock `age -d -i FILE` reads; one that a Safe keeps ends in the
// safe's kind.
const (
	vaultName    = "vault"
	recoveryName = "recovery"
	spoolName    = "spool"
	identityExt  = ".agekey"
	publicExt    = ".recipient"
)

// Config of a ring in a directory. Only Dir is required.
type Config struct {
	Dir string
	// Private is where the identities of vault and spool lie; empty: in Dir. It may belong to another user than Dir.
	Private string
	// Safe keeps them; nil: files that only their owner can read.
	Safe Safe
	// Hold is how long what the Safe gave is used when it does not answer any more; 0: ten minutes; negative: as long as the process lives.
	Hold time.Duration
	// Recovery is a file with the recipient of an identity that was made elsewhere; empty: one is made here on the first run, to be moved away.
	Recovery string
	// Public is for a process that has public keys only. What opens its own spool is an identity in memory.
	Public bool
	Now    func() time.Time // dates new keys; default time.Now
}

// defaultHold of Config.Hold.
const defaultHold = 10 * time.Minute

// Files is the key ring in a directory. Safe for concurrent use, also by several processes at once.
type Files struct {
	cfg     Config
	created []string
	kept    map[string]bool // names whose identity the Safe keeps

	vault, recovery, spool *age.HybridRecipient

	vaultID, spoolID *holder // nil where only the public key is here
	domains          opened
	session          *age.HybridIdentity // nil: the spool's own identity is at hand whenever this process runs
}

// OpenFiles opens the ring in dir, with everything in plain files of their owner. now dates new keys; nil: time.Now.
func OpenFiles(dir string, now func() time.Time) (*Files, error) {
	return Open(Config{Dir: dir, Now: now})
}

// Open opens the ring and makes the identities that were never there. A key is made only if neither its identity nor its recipient exists: an identity
// that was moved away (recovery: as it should be) is never silently replaced by another one. ErrNoKey: this process is to have public keys only, and
// some of them are not here yet.
func Open(cfg Config) (*Files, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Hold == 0 {
		cfg.Hold = defaultHold
	}
	if cfg.Private == "" {
		cfg.Private = cfg.Dir
	}
	for _, dir := range []string{cfg.Dir, filepath.Join(cfg.Dir, domainsName)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("seal: keys: %w", err)
		}
	}
	f := &Files{cfg: cfg, kept: map[string]bool{}}
	f.domains.init()
	if cfg.Public {
		return f, f.openPublic()
	}
	return f, f.openAll()
}

func (f *Files) openPublic() (err error) {
	for name, to := range map[string]**age.HybridRecipient{vaultName: &f.vault, recoveryName: &f.recovery, spoolName: &f.spool} {
		*to, err = readRecipient(f.public(name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s, which the vault makes at its first start", ErrNoKey, f.public(name))
		}
		if err != nil {
			return err
		}
	}
	f.session, err = age.GenerateHybridIdentity()
	return err
}

func (f *Files) openAll() (err error) {
	if err := os.MkdirAll(f.cfg.Private, 0o700); err != nil {
		return fmt.Errorf("seal: keys: %w", err)
	}
	if f.cfg.Recovery != "" {
		if err := f.adopt(f.cfg.Recovery); err != nil {
			return err
		}
	}
	if f.vault, f.vaultID, err = f.key(vaultName); err != nil {
		return err
	}
	if f.recovery, err = f.offline(); err != nil {
		return err
	}
	if f.spool, f.spoolID, err = f.key(spoolName); err != nil {
		return err
	}
	if f.spoolID == nil {
		return fmt.Errorf("seal: %s: %w", f.private(spoolName), ErrNoKey)
	}
	if f.cfg.Safe != nil { // it may not answer when a journal of this run is to be rendered
		f.session, err = age.GenerateHybridIdentity()
	}
	return err
}

// Created names the identity files that this Open made, for the message of the first run.
func (f *Files) Created() []string { return f.created }

// RecoveryPath is where the recovery identity lies, and whether it still does: it should be moved offline.
func (f *Files) RecoveryPath() (path string, present bool) {
	path = f.private(recoveryName)
	_, err := os.Stat(path)
	return path, err == nil
}

// VaultPath is the vault's identity file, as it is without a Safe.
func (f *Files) VaultPath() string { return f.private(vaultName) }

// Unprotected says that there is a Safe, and yet an identity lies in a plain file.
func (f *Files) Unprotected() bool {
	if f.cfg.Safe == nil || f.cfg.Public {
		return false
	}
	for _, name := range []string{vaultName, spoolName} {
		if _, err := os.Stat(f.private(name)); err == nil {
			return true
		}
	}
	return false
}

// Recipients implements KeyRing. A domain without a key gets its first one.
func (f *Files) Recipients(_ context.Context, domain string) (int, []age.Recipient, error) {
	epoch, to, err := f.newest(domain)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = f.Rotate(domain); err == nil {
			epoch, to, err = f.newest(domain)
		}
	}
	if err != nil {
		return 0, nil, err
	}
	return epoch, []age.Recipient{to, f.recovery}, nil
}

// Identities implements KeyRing: those of the domain, the newest first, and the vault's own.
func (f *Files) Identities(ctx context.Context, domain string) ([]age.Identity, error) {
	if f.vaultID == nil {
		return nil, ErrNoKey
	}
	root, err := f.vaultID.identity(ctx)
	if err != nil {
		f.domains.forget()
		return nil, err
	}
	ids, err := f.domains.of(f, domain, root)
	if err != nil {
		return nil, err
	}
	return append(ids, root), nil
}

// SpoolRecipients implements KeyRing.
func (f *Files) SpoolRecipients() []age.Recipient {
	if f.session != nil {
		return []age.Recipient{f.spool, f.session.Recipient()}
	}
	return []age.Recipient{f.spool}
}

// SpoolIdentities implements KeyRing.
func (f *Files) SpoolIdentities(ctx context.Context) ([]age.Identity, error) {
	if f.spoolID == nil {
		return nil, ErrNoKey
	}
	id, err := f.spoolID.identity(ctx)
	if err != nil {
		return nil, err
	}
	return []age.Identity{id}, nil
}

// Session implements KeyRing.
func (f *Files) Session() []age.Identity {
	if f.session == nil {
		return nil
	}
	return []age.Identity{f.session}
}

// Ask asks the Safe for the vault's identity, if it has not been asked for a while: who watches learns of a safe that does not answer.
func (f *Files) Ask(ctx context.Context) error {
	if f.vaultID == nil {
		return ErrNoKey
	}
	_, err := f.vaultID.identity(ctx)
	return err
}

// Renew implements KeyRing.
func (f *Files) Renew(ctx context.Context) error {
	if f.vaultID == nil {
		return nil
	}
	_, err := f.vaultID.renewed(ctx)
	if err != nil {
		f.domains.forget()
	}
	return err
}

// String keeps keys out of a log.
func (f *Files) String() string { return "[redacted]" }

// GoString keeps keys out of %#v.
func (f *Files) GoString() string { return "[redacted]" }

// LogValue keeps keys out of slog.
func (f *Files) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func (f *Files) public(name string) string { return filepath.Join(f.cfg.Dir, name+publicExt) }

func (f *Files) private(name string) string {
	return filepath.Join(f.cfg.Private, name+identityExt)
}

// wrapped is the file of an identity that the Safe keeps.
func (f *Files) wrapped(name string) string { return f.private(name) + "." + f.cfg.Safe.Kind() }
