package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// SplitConfig says which stores a Split is made of. Shared is required. Stores are compared: one that serves two purposes is the same value.
type SplitConfig struct {
	Shared Store            // of everybody who has none of their own
	Own    map[string]Store // by owner
	Former []Store          // where objects of before may lie; nothing new goes there
	// Kinds are first parts of names behind which the owner's follows: voice messages lie below messages/OWNER.
	Kinds []string
}

// Split keeps the objects of some owners, who are the first part of a name, in stores of their own. Names stay as they are, so that what an owner has
// may be moved with any tool. What is new goes to the owner's own store; what is there is found in that, in the shared one or in a former one, in this
// order, so that an owner may be given a store at any time. A store that does not answer is an error, never a missing object.
type Split struct {
	cfg SplitConfig
	all []Store
}

var _ Store = (*Split)(nil)

// NewSplit makes one.
func NewSplit(cfg SplitConfig) *Split {
	s := &Split{cfg: cfg, all: []Store{cfg.Shared}}
	for _, own := range cfg.Own {
		s.all = with(s.all, own)
	}
	for _, f := range cfg.Former {
		s.all = with(s.all, f)
	}
	return s
}

func with(all []Store, one Store) []Store {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// owner is whose an object is; ok says that the name is long enough to tell, which the beginning of one may not be.
func (s *Split) owner(name string) (owner string, ok bool) {
	owner, rest, ok := strings.Cut(name, "/")
	if ok && slices.Contains(s.cfg.Kinds, owner) {
		owner, _, ok = strings.Cut(rest, "/")
	}
	return owner, ok
}

// places are where an owner's objects may lie; what is new goes to the first.
func (s *Split) places(owner string) []Store {
	all := []Store{s.cfg.Shared}
	if own := s.cfg.Own[owner]; own != nil && own != s.cfg.Shared {
		all = []Store{own, s.cfg.Shared}
	}
	for _, f := range s.cfg.Former {
		all = with(all, f)
	}
	return all
}

func (s *Split) of(name string) []Store {
	owner, ok := s.owner(name)
	if !ok {
		owner = ""
	}
	return s.places(owner)
}

// find does something where the object lies.
func (s *Split) find(name string, do func(Store) error) (err error) {
	for _, p := range s.of(name) {
		if err = do(p); !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return err
}

// everywhere does something in each place, and is ErrNotFound only if the object was in none.
func (s *Split) everywhere(name string, do func(Store) error) (err error) {
	there := false
	for _, p := range s.of(name) {
		switch err = do(p); {
		case err == nil:
			there = true
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	if there {
		return nil
	}
	return err
}

// Put implements Store: a name that is taken in any place is taken.
func (s *Split) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock Lock) error {
	places := s.of(name)
	for _, p := range places[1:] {
		switch _, err := p.Stat(ctx, name); {
		case err == nil:
			return fmt.Errorf("%w: %s, from before its owner had a store", ErrExists, name)
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	return places[0].Put(ctx, name, r, size, lock)
}

// Get implements Store.
func (s *Split) Get(ctx context.Context, name string, off, n int64) (r io.ReadCloser, err error) {
	err = s.find(name, func(p Store) error { r, err = p.Get(ctx, name, off, n); return err })
	return r, err
}

// Stat implements Store.
func (s *Split) Stat(ctx context.Context, name string) (info Info, err error) {
	err = s.find(name, func(p Store) error { info, err = p.Stat(ctx, name); return err })
	return info, err
}

// Delete implements Store: of an object nothing stays in any place.
func (s *Split) Delete(ctx context.Context, name string) error {
	return s.everywhere(name, func(p Store) error { return p.Delete(ctx, name) })
}

// Retain implements Store.
func (s *Split) Retain(ctx context.Context, name string, until time.Time) error {
	return s.everywhere(name, func(p Store) error { return p.Retain(ctx, name, until) })
}

// Hold implements Store.
func (s *Split) Hold(ctx context.Context, name string, on bool) error {
	return s.everywhere(name, func(p Store) error { return p.Hold(ctx, name, on) })
}

// Locked implements Store.
func (s *Split) Locked(ctx context.Context, name string) (lock Lock, err error) {
	err = s.find(name, func(p Store) error { lock, err = p.Locked(ctx, name); return err })
	return lock, err
}

// Uncoverer is a store that can bring back what was deleted without its version.
type Uncoverer interface {
	// Uncover removes the markers that hide an object which is still there, and says how many.
	Uncover(ctx context.Context, name string) (int, error)
}

// Uncover is Uncover of all places that know it.
func (s *Split) Uncover(ctx context.Context, name string) (sum int, err error) {
	for _, p := range s.of(name) {
		n, err := uncover(ctx, p, name)
		if sum += n; err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func uncover(ctx context.Context, s Store, name string) (int, error) {
	if u, ok := s.(Uncoverer); ok {
		return u.Uncover(ctx, name)
	}
	return 0, nil
}

// List implements Store, over all places of the prefix at once. What lies in a store that is not its owner's is told as a stray: no other method
// finds it there.
func (s *Split) List(ctx context.Context, prefix string, fn func(Info) error) error {
	stores := s.all
	if owner, ok := s.owner(prefix); ok {
		stores = s.places(owner)
	}
	lists := make([]*pages, len(stores))
	for i, p := range stores {
		lists[i] = open(ctx, p, prefix)
		defer lists[i].stop()
	}
	for {
		var least *pages
		for _, l := range lists {
			switch {
			case l.err != nil:
				return l.err
			case l.more && (least == nil || l.head.Name < least.head.Name):
				least = l
			}
		}
		if least == nil {
			return nil
		}
		if err := s.tell(least.head.Name, lists, fn); err != nil {
			return err
		}
	}
}

// tell calls fn for an object, once, wherever it is found first, and for each stray of its name, and goes on behind them.
func (s *Split) tell(name string, lists []*pages, fn func(Info) error) error {
	var found []Info
	at := map[Store]Info{}
	for _, l := range lists {
		if l.more && l.head.Name == name {
			at[l.store] = l.head
			l.turn()
		}
	}
	for _, p := range s.of(name) {
		if info, ok := at[p]; ok && len(found) == 0 {
			found = append(found, info)
		}
		delete(at, p)
	}
	for _, info := range at {
		info.Stray = true
		found = append(found, info)
	}
	for _, info := range found {
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

// pages is a store's list of which one object after the other is asked for.
type pages struct {
	store Store
	head  Info
	more  bool // head is one
	err   error
	next  func() (Info, bool)
	stop  func()
}

var errEnough = errors.New("objstore: nobody wants more")

func open(ctx context.Context, s Store, prefix string) *pages {
	l := &pages{store: s}
	l.next, l.stop = iter.Pull(func(yield func(Info) bool) {
		err := s.List(ctx, prefix, func(i Info) error {
			if !yield(i) {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			l.err = err
		}
	})
	l.turn()
	return l
}

func (l *pages) turn() { l.head, l.more = l.next() }
