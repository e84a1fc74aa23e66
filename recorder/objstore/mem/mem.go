// Package mem is an objstore.Store in memory, for tests. It never touches a disk.
package mem

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"naisen/recorder/objstore"
)

// Store keeps objects in a map.
type Store struct {
	now     func() time.Time
	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	content []byte
	info    objstore.Info
	lock    objstore.Lock
}

// New makes an empty store; now decides when a lock ends.
func New(now func() time.Time) *Store { return &Store{now: now, objects: map[string]object{}} }

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := objstore.Whole(&b, r, size); err != nil {
		return fmt.Errorf("mem: put %s: %w", name, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[name]; ok {
		return objstore.ErrExists
	}
	s.objects[name] = object{b.Bytes(), objstore.Info{Name: name, Size: size, ETag: hex.EncodeToString(sum[:]), Modified: s.now()}, lock}
	return nil
}

// Get implements objstore.Store.
func (s *Store) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	o, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	off = min(max(off, 0), int64(len(o.content)))
	part := o.content[off:]
	if n >= 0 {
		part = part[:min(n, int64(len(part)))]
	}
	return io.NopCloser(bytes.NewReader(part)), nil
}

// Stat implements objstore.Store.
func (s *Store) Stat(ctx context.Context, name string) (objstore.Info, error) {
	o, err := s.find(ctx, name)
	return o.info, err
}

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.change(ctx, name, func(o object) error {
		if o.lock.Stands(s.now()) {
			return objstore.ErrLocked
		}
		delete(s.objects, name)
		return nil
	})
}

// Retain implements objstore.Store.
func (s *Store) Retain(ctx context.Context, name string, until time.Time) error {
	return s.change(ctx, name, func(o object) error {
		o.lock = o.lock.Later(until)
		s.objects[name] = o
		return nil
	})
}

// Hold implements objstore.Store.
func (s *Store) Hold(ctx context.Context, name string, on bool) error {
	return s.change(ctx, name, func(o object) error {
		o.lock.LegalHold = on
		s.objects[name] = o
		return nil
	})
}

// Locked implements objstore.Store.
func (s *Store) Locked(ctx context.Context, name string) (objstore.Lock, error) {
	o, err := s.find(ctx, name)
	return o.lock, err
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	s.mu.Lock()
	var found []objstore.Info
	for name, o := range s.objects {
		if strings.HasPrefix(name, prefix) {
			found = append(found, o.info)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(found, func(a, b objstore.Info) int { return strings.Compare(a.Name, b.Name) })
	for _, info := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) find(ctx context.Context, name string) (found object, err error) {
	err = s.change(ctx, name, func(o object) error {
		found = o
		return nil
	})
	return found, err
}

// change calls do with an object while nobody else looks.
func (s *Store) change(ctx context.Context, name string, do func(object) error) error {
	if err := objstore.CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[name]
	if !ok {
		return objstore.ErrNotFound
	}
	return do(o)
}
