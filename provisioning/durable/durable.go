// Package durable owns how small files of this folder lie on disk: keys and checkpoints. They are whole or not there at all, survive a power
// cut once a call has returned, and are never written over by accident. It does not know what is in them.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrExposed says that a private file is not what it should be: readable by others, no regular file, or too large.
var ErrExposed = errors.New("durable: not a private file")

// maxFile bounds what is read, in bytes.
const maxFile = 1 << 20

// Create makes a file, and its directory (mode 0700) if need be. fs.ErrExist if there is one: of several processes that start at once, one wins.
func Create(path string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := temporary(path, content, mode)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp) }()
	if err := os.Link(tmp, path); err != nil { // unlike a rename, a link refuses to overwrite
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Replace puts content in the place of what is there.
func Replace(path string, content []byte, mode fs.FileMode) error {
	tmp, err := temporary(path, content, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(path))
}

// ReadPrivate reads a file that nobody but its owner may read: ErrExposed, fs.ErrNotExist.
func ReadPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: not a regular file", ErrExposed)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%w: others can read it (mode %04o): chmod 600", ErrExposed, info.Mode().Perm())
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%w: %d bytes", ErrExposed, info.Size())
	}
	return os.ReadFile(path)
}

// Alone waits until nobody else holds a directory, in this process or another one, and holds it until release. It is advice: who writes without asking is not
// kept from it, and nobody who reads. Only for what takes a moment.
func Alone(dir string) (release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("durable: lock %s: %w", dir, err), d.Close())
	}
	return func() { _ = d.Close() }, nil // which ends the lock, as the end of the process does
}

func temporary(path string, content []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
