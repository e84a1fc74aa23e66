package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"naisen/provisioning"
)

// follow reads the feed until version v has come.
func follow(ctx context.Context, s provisioning.Store, after, v provisioning.Version) (out []provisioning.Change, err error) {
	for c, err := range s.Changes(ctx, after) {
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if c.Version >= v {
			break
		}
	}
	return out, nil
}

// testFeedOrder: writers at once, readers at once: each reader sees every version once, in order, transactions unbroken.
func testFeedOrder(t *testing.T, open Open) {
	s := fresh(t, open)
	start := version(t, s)
	const writers, each = 4, 10
	last := start + writers*each*3
	ctx := deadline(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			got, err := follow(ctx, s, start, last)
			if err != nil || len(got) != int(last-start) {
				t.Errorf("a reader got %d changes of %d: %v", len(got), last-start, err)
				return
			}
			for i, c := range got {
				if c.Version != start+provisioning.Version(i)+1 || c.More != (i%3 != 2) || c.Key[:1] != got[i-i%3].Key[:1] {
					t.Errorf("change %d is %+v", i, c)
					return
				}
			}
		})
	}
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				err := s.Update(ctx, admin(domA), func(w provisioning.Writer) error {
					for k := range 3 {
						if _, err := w.Put(domA, provisioning.Extension{Number: fmt.Sprintf("%d%02d%d", i+1, j, k)}, ""); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// testFeedFollows: what the feed says, in the words of the interface; and it comes while the reader waits.
func testFeedFollows(t *testing.T, open Open) {
	s := fresh(t, open)
	start := version(t, s)
	type result struct {
		changes []provisioning.Change
		err     error
	}
	done := make(chan result, 1)
	ctx := deadline(t)
	go func() {
		c, err := follow(ctx, s, start, start+6)
		done <- result{c, err}
	}()
	put(t, s, domA, provisioning.Extension{Number: "2001"})
	put(t, s, domA, provisioning.Extension{Number: "2001", Display: "x"})
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.PutSecret(domA, "sip", "2001", []byte("s")) })
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.Delete(domA, "extension", "2001", "") })
	put(t, s, domB, provisioning.Extension{Number: "2001"})
	want := []provisioning.Change{
		{Version: start + 1, Domain: domA, Kind: "extension", Key: "2001"},
		{Version: start + 2, Domain: domA, Kind: "extension", Key: "2001"},
		{Version: start + 3, Domain: domA, Kind: "secret", Key: "sip/2001"},
		{Version: start + 4, Domain: domA, Kind: "secret", Key: "sip/2001", Deleted: true, More: true},
		{Version: start + 5, Domain: domA, Kind: "extension", Key: "2001", Deleted: true},
		{Version: start + 6, Domain: domB, Kind: "extension", Key: "2001"},
	}
	got := <-done
	if got.err != nil || fmt.Sprint(got.changes) != fmt.Sprint(want) {
		t.Errorf("got %+v, %v\nwant %+v", got.changes, got.err, want)
	}
	view(t, s, func(r provisioning.Reader) error {
		since, err := r.Since(start+1, 2)
		if err != nil || fmt.Sprint(since) != fmt.Sprint(want[1:3]) {
			t.Errorf("Since: %v, %v", since, err)
		}
		if since, err := r.Since(start+6, 0); err != nil || len(since) != 0 {
			t.Errorf("Since the last: %v, %v", since, err)
		}
		return nil
	})
}

func testFeedEnds(t *testing.T, open Open) {
	s := fresh(t, open)
	v := version(t, s)
	ends := func(ctx context.Context, after provisioning.Version) error {
		for _, err := range s.Changes(ctx, after) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	ctx, cancel := context.WithCancel(deadline(t))
	got := make(chan error, 2)
	go func() { got <- ends(ctx, v) }()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("feed whose context ended: %v", err)
	}
	if err := ends(deadline(t), v+1); !errors.Is(err, provisioning.ErrCompacted) {
		t.Errorf("feed from the future: %v", err)
	}
	waiting := deadline(t)
	go func() { got <- ends(waiting, v) }()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-got; !errors.Is(err, provisioning.ErrClosed) {
		t.Errorf("feed of a closed store: %v", err)
	}
	for name, err := range map[string]error{
		"View":         s.View(t.Context(), func(provisioning.Reader) error { return nil }),
		"Update":       s.Update(t.Context(), system(), func(provisioning.Writer) error { return nil }),
		"SaveBindings": s.SaveBindings(t.Context(), []provisioning.BindingRow{{AOR: "a", Key: "k"}}),
		"Changes":      ends(deadline(t), 0),
	} {
		if !errors.Is(err, provisioning.ErrClosed) {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// testFeedElsewhere: another process's change is seen.
func testFeedElsewhere(t *testing.T, open Open) {
	dir := t.TempDir()
	a := open(t, dir)
	b := open(t, dir)
	defer func() {
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}()
	ctx := deadline(t)
	done := make(chan error, 1)
	go func() {
		got, err := follow(ctx, a, 0, 2)
		if err == nil && (len(got) != 2 || got[1].Key != "2001") {
			err = fmt.Errorf("got %v", got)
		}
		done <- err
	}()
	update(t, b, system(), func(w provisioning.Writer) error {
		_, err := w.Put(domA, provisioning.Domain{Name: domA}, "")
		return err
	})
	put(t, b, domA, provisioning.Extension{Number: "2001"})
	if err := <-done; err != nil {
		t.Error(err)
	}
	// Both append to one log.
	put(t, a, domA, provisioning.Extension{Number: "2002"})
	put(t, b, domA, provisioning.Extension{Number: "2003"})
	if r := verified(t, a); r.Size != 4 {
		t.Errorf("audit has %d entries", r.Size)
	}
}
