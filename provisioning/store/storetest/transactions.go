package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"naisen/provisioning"
)

// testRollback: whatever ends an Update badly leaves nothing, and the next one works.
func testRollback(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, domA, provisioning.User{Name: "taro"})
	before, audited := version(t, s), auditSize(t, s)
	change := func(w provisioning.Writer) {
		for _, do := range []func() error{
			func() error {
				_, err := w.Put(domA, provisioning.Extension{Number: "2001", User: "taro"}, "")
				return err
			},
			func() error { return w.PutSecret(domA, "sip", "2001", []byte("secret")) },
			func() error { return w.AddCDR(record(domA, "c1", 1)) },
			func() error { return w.AddAudit(provisioning.AuditEntry{Domain: domA, Action: "call.ended"}) },
		} {
			if err := do(); err != nil {
				t.Error(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	for name, run := range map[string]func() error{
		"error": func() error {
			return s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error { change(w); return errStop })
		},
		"panic": func() (err error) {
			defer func() { err = errors.Join(recover().(error)) }()
			return s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error { change(w); panic(errStop) })
		},
		"context": func() error {
			err := s.Update(ctx, admin(domA), func(w provisioning.Writer) error { change(w); cancel(); return nil })
			if !errors.Is(err, context.Canceled) {
				return err
			}
			return errStop
		},
	} {
		if err := run(); !errors.Is(err, errStop) {
			t.Errorf("%s: %v", name, err)
		}
		if v, n := version(t, s), auditSize(t, s); v != before || n != audited {
			t.Errorf("%s: version %d, audit %d; want %d, %d", name, v, n, before, audited)
		}
		view(t, s, func(r provisioning.Reader) error {
			if _, _, err := provisioning.Get[provisioning.Extension](r, domA, "2001"); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("%s left an extension: %v", name, err)
			}
			if cdrs, err := r.CDRs(domA, provisioning.CDRQuery{}); err != nil || len(cdrs) != 0 {
				t.Errorf("%s left a call record: %v", name, err)
			}
			if m, err := r.Secrets(domA, "sip"); err != nil || len(m) != 0 {
				t.Errorf("%s left a secret: %v", name, err)
			}
			return nil
		})
	}
	// The reference of the lost extension must be gone too.
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.Delete(domA, "user", "taro", "") })
	verified(t, s)
}

// testLostUpdate: read, change, write with the ETag read: no increment is lost, neither among goroutines nor among processes.
func testLostUpdate(t *testing.T, open Open) {
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	defer func() {
		if err := errors.Join(s.Close(), other.Close()); err != nil {
			t.Error(err)
		}
	}()
	update(t, s, system(), func(w provisioning.Writer) error {
		_, err1 := w.Put(domA, provisioning.Domain{Name: domA}, "")
		_, err2 := w.Put(domA, provisioning.Extension{Number: "2001"}, "")
		_, err3 := w.Put(domA, provisioning.DID{Number: "+81312345678", To: []string{"2001"}}, "")
		return errors.Join(err1, err2, err3)
	})
	const workers, each = 4, 8
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for range each {
				if err := increment(t.Context(), []Backend{s, other}[i%2]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	view(t, s, func(r provisioning.Reader) error {
		d, _, err := provisioning.Get[provisioning.DID](r, domA, "+81312345678")
		if err != nil || d.RingSeconds != workers*each {
			t.Errorf("%d increments gave %d, %v", workers*each, d.RingSeconds, err)
		}
		return nil
	})
	verified(t, s)
}

func increment(ctx context.Context, s Backend) error {
	for {
		var d provisioning.DID
		var tag string
		err := s.View(ctx, func(r provisioning.Reader) (err error) {
			d, tag, err = provisioning.Get[provisioning.DID](r, domA, "+81312345678")
			return err
		})
		if err != nil {
			return err
		}
		d.RingSeconds++
		err = s.Update(ctx, admin(domA), func(w provisioning.Writer) error {
			_, err := w.Put(domA, d, tag)
			return err
		})
		if !errors.Is(err, provisioning.ErrStale) {
			return err
		}
	}
}

// testSnapshot: a View sees one state whatever is committed meanwhile; an Update sees its own changes.
func testSnapshot(t *testing.T, open Open) {
	s := fresh(t, open)
	view(t, s, func(r provisioning.Reader) error {
		v := r.Version()
		for i := range 3 {
			put(t, s, domA, provisioning.Extension{Number: fmt.Sprint(2001 + i)})
			list, err := provisioning.List[provisioning.Extension](r, domA, "", 0)
			if err != nil || len(list) != 0 || r.Version() != v {
				t.Errorf("a View changed under its reader: %d extensions, version %d, %v", len(list), r.Version(), err)
			}
		}
		return nil
	})
	update(t, s, admin(domA), func(w provisioning.Writer) error {
		if _, err := w.Put(domA, provisioning.Extension{Number: "3001", Display: "own"}, ""); err != nil {
			return err
		}
		e, _, err := provisioning.Get[provisioning.Extension](w, domA, "3001")
		if err != nil || e.Display != "own" {
			t.Errorf("an Update does not see its own change: %v", err)
		}
		return err
	})
	err := s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error {
		if _, err := w.Put(domA, provisioning.Extension{Number: "x"}, ""); !invalid(err, "number") {
			t.Errorf("wrong number: %v", err)
		}
		_, err := w.Put(domA, provisioning.Extension{Number: "3002"}, "") // a refusal before any write spoils nothing
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
