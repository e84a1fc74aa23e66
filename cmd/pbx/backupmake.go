package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/backup"
	"naisen/provisioning/audit"
	"naisen/provisioning/store"
	"naisen/recorder/evidence"
	"naisen/recorder/seal"
)

// Names in a backup and in the data directory.
const (
	configName   = "pbx.yaml"
	keysName     = "keys"
	certsName    = "certificates"
	marksName    = "approval.marks" // counters beside a key, and no key
	recoveryName = "recovery.agekey"
)

// foldersCopied are the folders of the data directory that go into a backup. What is not in it: recordings and messages, which the object store keeps and whose catalogues
// are made anew of it; what waits for that store, which only this machine opens; indexes, which are made anew; and keys.
var foldersCopied = []string{"prompts", "checkpoints", "audit-export"}

// backupMaker makes a backup of a switch, which may be running.
type backupMaker struct {
	config Config
	store  *store.Store
	log    string             // public key of the audit log
	key    ed25519.PrivateKey // signs
	to     seal.Recipients
	now    func() time.Time
	sign   func(context.Context) // makes a checkpoint of the log first, so that it can be held against one when it is put back; nil: those that there are
}

// backupMade says what came of it.
type backupMade struct {
	Manifest backup.Manifest
	Count    backup.Count
	Bytes    int64 // as it lies there, sealed
}

// write puts all of it into w in one pass. On an error what is in w is nothing: no reader takes it for a backup.
func (m backupMaker) write(ctx context.Context, w io.Writer) (made backupMade, err error) {
	slow := newPaced(ctx, w, m.config.Backup.Rate)
	sealed, err := m.to.Seal(slow)
	if err != nil {
		return made, err
	}
	if m.sign != nil {
		m.sign(ctx)
	}
	files, err := m.files()
	if err != nil {
		return made, err
	}
	d := &dumpWriter{maker: m, to: sealed}
	if err := m.store.Dump(ctx, d); err != nil {
		return made, err
	}
	for _, f := range files {
		if err := addFile(d.out, f); err != nil {
			return made, err
		}
	}
	if err := errors.Join(d.out.Close(), sealed.Close()); err != nil {
		return made, err
	}
	return backupMade{d.manifest, d.out.Count(), slow.n}, nil
}

// dumpWriter begins the backup when the database says what it is.
type dumpWriter struct {
	maker    backupMaker
	to       io.Writer
	manifest backup.Manifest
	out      *backup.Writer
}

// Head implements store.DumpSink.
func (d *dumpWriter) Head(ctx context.Context, h store.DumpHead) error {
	root, err := audit.Root(ctx, d.maker.store, h.Audit)
	if err != nil {
		return err
	}
	keys, err := keyList(d.maker.config)
	if err != nil {
		return err
	}
	d.manifest = backup.Manifest{Kind: backup.KindBackup, Made: d.maker.now().UTC().Truncate(time.Second), Program: programVersion(), Domain: d.maker.config.Domain, Engine: d.maker.config.Store.engine(),
		Schema: h.Schema, Version: h.Version, Entries: h.Audit, Root: root, Log: d.maker.log, Signer: signerOf(d.maker.key), Keys: keys}
	d.out, err = backup.NewWriter(d.to, d.maker.key, d.manifest)
	return err
}

// Table implements store.DumpSink.
func (d *dumpWriter) Table(_ context.Context, name string, columns []string) error {
	return d.out.Table(name, columns)
}

// Row implements store.DumpSink.
func (d *dumpWriter) Row(_ context.Context, values []any) error { return d.out.Row(values) }

func signerOf(key ed25519.PrivateKey) string {
	return evidence.Fingerprint(key.Public().(ed25519.PublicKey))
}

// programVersion is the module's, as the build says it.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// namedFile is a file and its name in a backup.
type namedFile struct{ name, path string }

// files are those of the data directory, and the configuration, which holds no secret: those are in files of their own, or in the environment.
func (m backupMaker) files() (all []namedFile, err error) {
	for _, folder := range foldersCopied {
		below, err := filesBelow(m.config, folder)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	if marks := m.config.path(keysName, marksName); exists(marks) {
		all = append(all, namedFile{keysName + "/" + marksName, marks})
	}
	if m.config.file != "" {
		all = append(all, namedFile{configName, m.config.file})
	}
	return all, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// filesBelow are the regular files of a folder of the data directory; none where there is no such folder, and none that is hidden, which is how a file that is being
// written is called.
func filesBelow(c Config, folder string) (all []namedFile, err error) {
	root := c.path(folder)
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case strings.HasPrefix(d.Name(), ".") && p != root:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(root, p)
		all = append(all, namedFile{path.Join(folder, filepath.ToSlash(rel)), p})
		return err
	})
	return all, err
}

// addFile writes a file as it is when it is opened. One that was removed since it was listed is left out.
func addFile(out *backup.Writer, f namedFile) error {
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return out.File(f.name, info.Size(), in)
}

// keyFiles are the private files of a switch: keys and certificates. The recovery key is not among them, since it is who opens what they are put into, nor what an authority gives anew.
func keyFiles(c Config) (all []namedFile, err error) {
	for _, folder := range []string{keysName, certsName} {
		below, err := filesBelow(c, folder)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return slices.DeleteFunc(all, func(f namedFile) bool {
		base := path.Base(f.name)
		return base == marksName || base == recoveryName || base == acmeName
	}), nil
}

// keyList names the private ones, so that a restore can say which is missing.
func keyList(c Config) (all []backup.Key, err error) {
	files, err := keyFiles(c)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if isPublic(f.name) {
			continue
		}
		print, err := keyFingerprint(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, backup.Key{Name: f.name, Fingerprint: print})
	}
	return all, nil
}

func isPublic(name string) bool {
	for _, end := range []string{".pub", ".pub.pem", ".recipient", ".crt"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

const maxKeyBytes = 1 << 20

// keyFingerprint tells two key files apart and nothing of what is in them: a key has 128 random bits or more.
func keyFingerprint(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, _ = io.WriteString(h, "naisen key fingerprint 1\n")
	if n, err := io.Copy(h, io.LimitReader(f, maxKeyBytes+1)); err != nil || n > maxKeyBytes {
		return "", errors.Join(fmt.Errorf("%s: %d bytes are no key", path, n), err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// writeEscrow puts the keys themselves into w, sealed to who is to keep them.
func writeEscrow(c Config, key ed25519.PrivateKey, to seal.Recipients, now time.Time, w io.Writer) (made backupMade, err error) {
	files, err := keyFiles(c)
	if err != nil {
		return made, err
	}
	list, err := keyList(c)
	if err != nil {
		return made, err
	}
	sealed, err := to.Seal(w)
	if err != nil {
		return made, err
	}
	made.Manifest = backup.Manifest{Kind: backup.KindKeys, Made: now.UTC().Truncate(time.Second), Program: programVersion(), Domain: c.Domain, Signer: signerOf(key), Keys: list}
	out, err := backup.NewWriter(sealed, key, made.Manifest)
	if err != nil {
		return made, err
	}
	for _, f := range files {
		if err := addFile(out, f); err != nil {
			return made, err
		}
	}
	made.Count = out.Count()
	return made, errors.Join(out.Close(), sealed.Close())
}
