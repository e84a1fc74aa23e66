package dir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"naisen/recorder/objstore"
)

// lockFile is the lock as it lies beside the object.
type lockFile struct {
	Until     time.Time `json:"until,omitzero"`
	LegalHold bool      `json:"legal_hold,omitempty"`
}

// lockName flattens the name: a lock needs no directories of its own, and "=" is in no name.
func lockName(name string) string { return lockDir + "/" + strings.ReplaceAll(name, "/", "=") }

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	done, err := s.alone()
	if err != nil {
		return err
	}
	defer done()
	if _, err := s.Stat(ctx, name); err != nil {
		return err
	}
	lock, err := s.readLock(name)
	if err != nil {
		return fmt.Errorf("dir: lock of %s: %w", name, err)
	}
	if lock.Stands(s.now()) {
		return fmt.Errorf("dir: delete %s: %w", name, objstore.ErrLocked)
	}
	if err := s.root.Remove(name); err != nil {
		return missing("delete", name, err)
	}
	if err = errors.Join(s.dropLock(name), s.syncDir(path.Dir(name))); err != nil {
		return fmt.Errorf("dir: delete %s: %w", name, err)
	}
	return nil
}

// Retain implements objstore.Store.
func (s *Store) Retain(ctx context.Context, name string, until time.Time) error {
	return s.relock(ctx, name, func(l objstore.Lock) objstore.Lock { return l.Later(until) })
}

// Hold implements objstore.Store.
func (s *Store) Hold(ctx context.Context, name string, on bool) error {
	return s.relock(ctx, name, func(l objstore.Lock) objstore.Lock {
		l.LegalHold = on
		return l
	})
}

// relock changes a lock as nobody else does.
func (s *Store) relock(ctx context.Context, name string, change func(objstore.Lock) objstore.Lock) error {
	done, err := s.alone()
	if err != nil {
		return err
	}
	defer done()
	if _, err := s.Stat(ctx, name); err != nil {
		return err
	}
	stands, err := s.readLock(name)
	if err == nil {
		if next := change(stands); next != stands {
			err = s.writeLock(name, next)
		}
	}
	if err != nil {
		return fmt.Errorf("dir: lock of %s: %w", name, err)
	}
	return nil
}

// Locked implements objstore.Store.
func (s *Store) Locked(ctx context.Context, name string) (objstore.Lock, error) {
	done, err := s.alone()
	if err != nil {
		return objstore.Lock{}, err
	}
	defer done()
	if _, err := s.Stat(ctx, name); err != nil {
		return objstore.Lock{}, err
	}
	lock, err := s.readLock(name)
	if err != nil {
		return lock, fmt.Errorf("dir: lock of %s: %w", name, err)
	}
	return lock, nil
}

// link gives a finished upload its name and, before that, its lock, so that there is no moment in which it could be deleted. objstore.ErrExists.
func (s *Store) link(tmp, name string, lock objstore.Lock) error {
	done, err := s.alone()
	if err != nil {
		return err
	}
	defer done()
	if _, err := s.root.Lstat(name); err == nil { // the lock that lies there is another upload's
		return objstore.ErrExists
	}
	err = s.dropLock(name) // of an object that went, or never came, when the machine stopped
	if err == nil && !lock.IsZero() {
		err = s.writeLock(name, lock)
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if err := s.root.Link(tmp, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = objstore.ErrExists
		}
		return err
	}
	return s.syncDir(path.Dir(name))
}

// writeLock replaces a lock whole.
func (s *Store) writeLock(name string, lock objstore.Lock) error {
	text, err := json.Marshal(lockFile{lock.Until, lock.LegalHold})
	if err != nil {
		return err
	}
	tmp, f, err := s.temp()
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = s.root.Rename(tmp, lockName(name))
	}
	if err != nil {
		s.root.Remove(tmp)
		return err
	}
	return s.syncDir(lockDir)
}

// readLock reads a lock; one that cannot be read is an error, not an unlocked object.
func (s *Store) readLock(name string) (objstore.Lock, error) {
	var l lockFile
	text, err := s.root.ReadFile(lockName(name))
	if errors.Is(err, fs.ErrNotExist) {
		return objstore.Lock{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	return objstore.Lock{Until: l.Until, LegalHold: l.LegalHold}, err
}

func (s *Store) dropLock(name string) error {
	if err := s.root.Remove(lockName(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
