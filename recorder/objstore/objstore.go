// Package objstore is the seam to where sealed recordings are kept: immutable objects by name.
// It owns the contract and the rules for names. It never sees plain audio, and never decides how long something is kept.
package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Sentinel errors; callers use errors.Is. Any other error means: not now, try again.
var (
	ErrNotFound = errors.New("objstore: no such object")
	ErrExists   = errors.New("objstore: object exists")
	ErrLocked   = errors.New("objstore: object is locked")
	ErrName     = errors.New("objstore: name not allowed")
	ErrSize     = errors.New("objstore: content does not have the size that was said")
	// ErrNoLocks says that this store cannot keep anything from being deleted: a bucket that was made without Object Lock.
	ErrNoLocks = errors.New("objstore: the store keeps no locks")
)

// Lock keeps an object from being deleted. The zero value locks nothing.
type Lock struct {
	Until     time.Time // not before
	LegalHold bool      // and not while this stands
}

// IsZero says that it locks nothing.
func (l Lock) IsZero() bool { return l.Until.IsZero() && !l.LegalHold }

// Stands says that it forbids deletion at a time.
func (l Lock) Stands(now time.Time) bool { return l.LegalHold || now.Before(l.Until) }

// Later is the lock with a time that is not earlier than either.
func (l Lock) Later(until time.Time) Lock {
	if until.After(l.Until) {
		l.Until = until
	}
	return l
}

// Info describes an object.
type Info struct {
	Name     string
	Size     int64
	ETag     string // changes with the content; opaque
	Modified time.Time
	Stray    bool // List of a Split: in a store where nobody looks for it
}

// Store keeps immutable objects. Safe for concurrent use.
type Store interface {
	// Put stores size bytes from r, read from its start, locked from its first moment. It is atomic: the whole object under its name, or
	// nothing. ErrExists if the name is taken, whatever by; ErrSize if r holds more or less than size; ErrNoLocks if lock is not zero and
	// the store keeps none.
	Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock Lock) error
	// Get reads n bytes from off, fewer where the object ends before; n < 0: to the end. An off at or behind the end gives no bytes.
	Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error)
	Stat(ctx context.Context, name string) (Info, error)
	// Delete removes an object, with every version that the store keeps of it; ErrLocked while its lock stands, ErrNotFound if it is not there.
	Delete(ctx context.Context, name string) error
	// Retain locks an object that is there until a time, where that is later than the one that stands: nothing makes it earlier. A hold stays
	// as it is. ErrNotFound; ErrNoLocks.
	Retain(ctx context.Context, name string, until time.Time) error
	// Hold puts an object that is there under a legal hold or takes that away. Its time stays as it is. ErrNotFound; ErrNoLocks.
	Hold(ctx context.Context, name string, on bool) error
	// Locked is the lock of an object, to the second; zero where there is none, or where the store keeps none. ErrNotFound.
	Locked(ctx context.Context, name string) (Lock, error)
	// List calls fn for each object whose name begins with prefix, in the order of names, and stops at fn's first error.
	List(ctx context.Context, prefix string, fn func(Info) error) error
}

// maxName bounds a name in bytes; maxPart one part of it.
const (
	maxName = 512
	maxPart = 128
)

// CheckName allows names that mean the same in every store and nothing special in any: parts of letters, digits, ".", "_" and "-"
// that do not begin with a dot, joined by single slashes. Anything else is ErrName.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%w: %d bytes", ErrName, len(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || len(part) > maxPart || !plain(part) {
			return fmt.Errorf("%w: %q", ErrName, name)
		}
	}
	return nil
}

// CheckPrefix allows what can begin a name, and nothing at all.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckName(strings.TrimSuffix(prefix, "/"))
}

func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Whole copies r from its start to w and makes sure that it is exactly size bytes, otherwise ErrSize. For implementations of Put.
func Whole(w io.Writer, r io.ReadSeeker, size int64) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, size+1))
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%w: %d", ErrSize, size)
	}
	return nil
}
