package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"naisen/cmd/pbx/internal/backup"
	"naisen/provisioning/audit"
	"naisen/provisioning/durable"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// fileTaker writes the files of a copy below a directory, and none beside it.
type fileTaker struct {
	onlyCheck
	root    string
	allowed func(name string) bool
	into    *os.Root
	file    *os.File
}

// File implements backup.Visitor.
func (f *fileTaker) File(name string, _ int64) (err error) {
	if !f.allowed(name) {
		return fmt.Errorf("%w: it has a file %.80q, which none has", errCopyAltered, name)
	}
	if f.into == nil {
		if f.into, err = os.OpenRoot(f.root); err != nil {
			return err
		}
	}
	if err := errors.Join(f.end(), f.into.MkdirAll(path.Dir(name), 0o700)); err != nil {
		return err
	}
	f.file, err = f.into.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return err
}

// Data implements backup.Visitor.
func (f *fileTaker) Data(piece []byte) error {
	_, err := f.file.Write(piece)
	return err
}

// end finishes a file.
func (f *fileTaker) end() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.file.Sync(), f.file.Close())
	f.file = nil
	return err
}

func (f *fileTaker) close() error {
	err := f.end()
	if f.into != nil {
		err = errors.Join(err, f.into.Close())
		f.into = nil
	}
	return err
}

// tableTaker gives the tables of a copy to a database.
type tableTaker struct {
	*fileTaker
	manifest func(backup.Manifest) error
	table    func(name string, columns []string) error
	row      func(values []any) error
}

func newTableTaker(ctx context.Context, to store.DumpSink, files *fileTaker, secrets *secretCheck) tableTaker {
	return tableTaker{files,
		func(m backup.Manifest) error {
			return to.Head(ctx, store.DumpHead{Schema: m.Schema, Version: m.Version, Audit: m.Entries})
		},
		func(name string, columns []string) error {
			secrets.table(name, columns)
			return to.Table(ctx, name, columns)
		},
		func(values []any) error {
			if err := secrets.row(values); err != nil {
				return err
			}
			return to.Row(ctx, values)
		}}
}

// Manifest implements backup.Visitor.
func (t tableTaker) Manifest(m backup.Manifest) error { return t.manifest(m) }

// Table implements backup.Visitor.
func (t tableTaker) Table(name string, columns []string) error { return t.table(name, columns) }

// Row implements backup.Visitor.
func (t tableTaker) Row(values []any) error { return t.row(values) }

// secretCheck opens each secret that it sees, and keeps none.
type secretCheck struct {
	ring *secret.Keyring
	at   map[string]int // columns of the table of secrets; nil: this is another one
}

func (s *secretCheck) table(name string, columns []string) {
	s.at = nil
	if name != "secret" {
		return
	}
	s.at = map[string]int{}
	for i, c := range columns {
		s.at[c] = i
	}
}

func (s *secretCheck) row(values []any) error {
	if s.at == nil {
		return nil
	}
	text := func(column string) string { t, _ := values[s.at[column]].(string); return t }
	sealed, _ := values[s.at["sealed"]].([]byte)
	if _, err := s.ring.Open(text("domain"), text("kind"), text("key"), sealed); err != nil {
		return fmt.Errorf("%w: %s of %s in %s: %w", errUnopened, text("kind"), text("key"), text("domain"), err)
	}
	return nil
}

// restoredName is a file among the checkpoints: that this log is what was put back from a backup.
const restoredName = "restored.json"

// logRestored says where one log ended and this one began.
type logRestored struct {
	Former   string    `json:"former"`  // public key of the log before
	Log      string    `json:"log"`     // and of this one
	Entries  int64     `json:"entries"` // that were put back
	Root     string    `json:"root"`
	Made     time.Time `json:"made"` // the backup
	At       time.Time `json:"at"`
	Known    int64     `json:"known"`    // entries that the former log had at least
	Accepted bool      `json:"accepted"` // by an operator, with a reason in the log
}

func readRestored(folder string) (r logRestored, there bool, err error) {
	text, err := durable.ReadPrivate(filepath.Join(folder, restoredName))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, true, err
}

func (r logRestored) write(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(folder, restoredName), append(text, '\n'), 0o600)
}

func (r logRestored) String() string {
	text := fmt.Sprintf("put back on %s from a backup of %s with %d entries of the log %s", r.At.Local().Format(time.DateTime), r.Made.Local().Format(time.DateTime), r.Entries, r.Former)
	if r.Known > r.Entries {
		text += fmt.Sprintf("; entries %d to %d of that are known to have been there, and are not", r.Entries+1, r.Known)
	}
	return text
}

// putFormer puts the checkpoints of the former log, which another key has signed, into a folder of their own.
func putFormer(folder string, entries int64) error {
	all, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	to := filepath.Join(folder, fmt.Sprintf("former-%016d", entries))
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, e := range all {
		if e.IsDir() {
			continue
		}
		if err := os.Rename(filepath.Join(folder, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// logPart is the name below which the checkpoints of a log are kept in the object store: a log that was put back has another than the one before, so that
// each says one history.
func logPart(folder string) string {
	r, there, err := readRestored(folder)
	if !there || err != nil {
		return checkpointPart
	}
	name, _, _ := strings.Cut(r.Log, "+")
	return checkpointPart + "/" + path.Base(name)
}

// logPart of the log of the configuration.
func (c Config) logPart() string { return logPart(c.path("checkpoints")) }

// storedBeside are the checkpoints of a log in the object store; none where there is no store yet.
func storedBeside(ctx context.Context, c Config, part, public string) ([]audit.Checkpoint, error) {
	if c.Storage.Kind == "dir" && !exists(c.objectsPath()) {
		return nil, nil
	}
	return storedIn(ctx, c, part, public)
}

// acceptRestored ends the alarm: somebody has said in the log why that is so.
func acceptRestored(c Config) error {
	r, there, err := readRestored(c.path("checkpoints"))
	if err != nil || !there || r.Accepted {
		return err
	}
	r.Accepted = true
	return r.write(c.path("checkpoints"))
}

// takeData makes the directories, and sees that nobody restores, or left half of a restore.
func (p *pbx) takeData() error {
	for _, dir := range []string{p.config.Data, p.config.path(keysName)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if exists(p.config.path(stageName)) {
		return errUnfinished
	}
	unlock, err := lockServing(p.config, false)
	if err != nil {
		return err
	}
	p.closing("lock", func(context.Context) error { unlock(); return nil })
	return nil
}

// lockServing keeps a switch from running on data that are being restored, and the other way round. alone: nobody else may have it.
func lockServing(c Config, alone bool) (unlock func(), err error) {
	f, err := os.OpenFile(c.path("serving.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if alone {
			return nil, errServing
		}
		return nil, errors.New("a restore is under way on this data")
	}
	return func() { _ = f.Close() }, nil
}
