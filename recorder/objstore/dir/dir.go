// Package dir is an objstore.Store in a directory of the local file system, the default of a switch on one machine.
// It owns its root and everything below. A name can never lead out of it: names are checked, and os.Root refuses links that would.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"naisen/recorder/objstore"
)

// Folders beside the objects; no object's name begins with a dot.
const (
	tmpDir  = ".tmp"
	lockDir = ".locks"

	sharedLock = tmpDir + "/shared.lock"
)

// Store keeps each object as a file of its name.
type Store struct {
	root  *os.Root
	now   func() time.Time
	locks sync.Mutex // nobody deletes what somebody else locks meanwhile
	all   *os.File   // is locked with it, where other processes have the root too; nil: none has
}

// Open opens or makes the root directory. Unfinished uploads of an earlier run are removed. now decides when a lock ends; nil: time.Now.
func Open(root string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	s, err := Beside(root, now)
	if err != nil {
		return nil, err
	}
	r := s.root
	if err := errors.Join(r.RemoveAll(tmpDir), r.MkdirAll(tmpDir, 0o700), r.MkdirAll(lockDir, 0o700), s.syncDir(".")); err != nil {
		r.Close()
		return nil, fmt.Errorf("dir: %w", err)
	}
	return s, nil
}

// staleUpload is how old what is left of an upload is for sure nobody's any more.
const staleUpload = 24 * time.Hour

// Shared opens or makes a root that other machines have too, on a file system that all of them have mounted and that knows flock and hard links (NFS 4 does).
// Only uploads are removed that are a day old: others may be another machine's.
func Shared(root string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	s, err := Beside(root, now)
	if err != nil {
		return nil, err
	}
	if err = errors.Join(s.root.MkdirAll(tmpDir, 0o700), s.root.MkdirAll(lockDir, 0o700)); err == nil {
		s.all, err = s.root.OpenFile(sharedLock, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err == nil {
		err = errors.Join(s.removeStale(), s.syncDir("."))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dir: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) removeStale() error {
	list, err := fs.ReadDir(s.root.FS(), tmpDir)
	for _, f := range list {
		info, gone := f.Info()
		if gone != nil || tmpDir+"/"+f.Name() == sharedLock || time.Since(info.ModTime()) < staleUpload {
			continue
		}
		err = errors.Join(err, s.root.RemoveAll(tmpDir+"/"+f.Name()))
	}
	return err
}

// alone keeps everybody else from the locks until it is ended.
func (s *Store) alone() (done func(), err error) {
	s.locks.Lock()
	if s.all == nil {
		return s.locks.Unlock, nil
	}
	if err := syscall.Flock(int(s.all.Fd()), syscall.LOCK_EX); err != nil {
		s.locks.Unlock()
		return nil, fmt.Errorf("dir: the root's lock: %w", err)
	}
	return func() {
		_ = syscall.Flock(int(s.all.Fd()), syscall.LOCK_UN) // it ends with the process at the latest
		s.locks.Unlock()
	}, nil
}

// Beside opens a root that another process may be using, to look into it: what that one is uploading is left alone.
func Beside(root string, now func() time.Time) (*Store, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	return &Store{root: r, now: now}, nil
}

// Close releases the root.
func (s *Store) Close() error {
	if s.all != nil {
		return errors.Join(s.all.Close(), s.root.Close())
	}
	return s.root.Close()
}

// Put implements objstore.Store: temporary file, fsync, lock, link under its name (which refuses an existing one), fsync of the directory.
func (s *Store) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) (err error) {
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	if _, err := s.root.Lstat(name); err == nil {
		return fmt.Errorf("dir: put %s: %w", name, objstore.ErrExists)
	}
	tmp, f, err := s.temp()
	if err != nil {
		return fmt.Errorf("dir: put %s: %w", name, err)
	}
	defer s.root.Remove(tmp)
	err = objstore.Whole(f, &cancelled{ctx, r}, size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("dir: put %s: %w", name, err)
	}
	if err := s.makeDirs(path.Dir(name)); err != nil {
		return fmt.Errorf("dir: put %s: %w", name, err)
	}
	if err := s.link(tmp, name, lock); err != nil {
		return fmt.Errorf("dir: put %s: %w", name, err)
	}
	return nil
}

// Get implements objstore.Store.
func (s *Store) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, missing("get", name, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, missing("get", name, errors.Join(err, fs.ErrNotExist))
	}
	if _, err := f.Seek(max(off, 0), io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("dir: get %s: %w", name, err)
	}
	if n < 0 {
		return f, nil
	}
	return &part{io.LimitReader(f, n), f}, nil
}

// Stat implements objstore.Store.
func (s *Store) Stat(ctx context.Context, name string) (objstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return objstore.Info{}, err
	}
	info, err := s.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return objstore.Info{}, missing("stat", name, err)
	}
	return describe(name, info), nil
}

// List implements objstore.Store. A directory is sorted with its slash, which is the order of names: "a.b" comes before "a/b".
func (s *Store) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	return s.walk(ctx, ".", prefix, fn)
}

func (s *Store) walk(ctx context.Context, dir, prefix string, fn func(objstore.Info) error) error {
	entries, err := s.entries(dir)
	if err != nil {
		return missing("list", dir, err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := path.Join(dir, strings.TrimSuffix(e.sortKey, "/"))
		if e.IsDir() {
			if below := name + "/"; strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below) {
				if err := s.walk(ctx, name, prefix, fn); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(name, prefix) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			continue
		}
		if err != nil {
			return fmt.Errorf("dir: list: %w", err)
		}
		if err := fn(describe(name, info)); err != nil {
			return err
		}
	}
	return nil
}

func describe(name string, info fs.FileInfo) objstore.Info {
	return objstore.Info{Name: name, Size: info.Size(), ETag: fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size()), Modified: info.ModTime()}
}

func check(ctx context.Context, name string) error {
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	return ctx.Err()
}

func missing(op, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = objstore.ErrNotFound
	}
	return fmt.Errorf("dir: %s %s: %w", op, name, err)
}

// part is a bounded read of a file.
type part struct {
	io.Reader
	io.Closer
}

// cancelled ends a copy with its context.
type cancelled struct {
	ctx context.Context // lives for one Put
	io.ReadSeeker
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.ReadSeeker.Read(p)
}
