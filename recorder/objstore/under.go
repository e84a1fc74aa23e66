package objstore

import (
	"context"
	"io"
	"strings"
	"time"
)

// Under keeps objects of another kind in the same store, below a name of their own: neither kind meets the other's.
func Under(s Store, part string) Store { return under{s, part + "/"} }

type under struct {
	Store
	prefix string
}

func (u under) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock Lock) error {
	return u.Store.Put(ctx, u.prefix+name, r, size, lock)
}

func (u under) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	return u.Store.Get(ctx, u.prefix+name, off, n)
}

func (u under) Stat(ctx context.Context, name string) (Info, error) {
	info, err := u.Store.Stat(ctx, u.prefix+name)
	info.Name = strings.TrimPrefix(info.Name, u.prefix)
	return info, err
}

func (u under) Delete(ctx context.Context, name string) error {
	return u.Store.Delete(ctx, u.prefix+name)
}

func (u under) Retain(ctx context.Context, name string, until time.Time) error {
	return u.Store.Retain(ctx, u.prefix+name, until)
}

func (u under) Hold(ctx context.Context, name string, on bool) error {
	return u.Store.Hold(ctx, u.prefix+name, on)
}

func (u under) Locked(ctx context.Context, name string) (Lock, error) {
	return u.Store.Locked(ctx, u.prefix+name)
}

// Uncover implements Uncoverer where the store does.
func (u under) Uncover(ctx context.Context, name string) (int, error) {
	return uncover(ctx, u.Store, u.prefix+name)
}

func (u under) List(ctx context.Context, prefix string, fn func(Info) error) error {
	return u.Store.List(ctx, u.prefix+prefix, func(info Info) error {
		info.Name = strings.TrimPrefix(info.Name, u.prefix)
		return fn(info)
	})
}
