package retention

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// mortal dies at a step: that one and all after it fail, before or after they had their effect.
type mortal struct {
	objstore.Store
	left  int
	after bool // the effect is there, the answer is not
	steps []string
}

var errDead = errors.New("dead")

func (m *mortal) step(what string, do func() error) error {
	m.left--
	m.steps = append(m.steps, what)
	switch {
	case m.left > 0:
		return do()
	case m.left == 0 && m.after:
		do()
	}
	return errDead
}

func (m *mortal) Delete(ctx context.Context, name string) error {
	return m.step("delete "+name, func() error { return m.Store.Delete(ctx, name) })
}

func (m *mortal) Get(ctx context.Context, name string, off, n int64) (r io.ReadCloser, err error) {
	err = m.step("get "+name, func() (err error) { r, err = m.Store.Get(ctx, name, off, n); return err })
	return r, err
}

func (m *mortal) Stat(ctx context.Context, name string) (i objstore.Info, err error) {
	err = m.step("stat "+name, func() (err error) { i, err = m.Store.Stat(ctx, name); return err })
	return i, err
}

// late puts what was on its way while a destruction began.
func (h *house) late(t *testing.T, object string) {
	t.Helper()
	rows, err := h.cat.Destroying(t.Context(), "")
	for _, name := range []string{catalogue.RemarksName(object, 1), catalogue.WrapName(object, 2)} {
		if err == nil && len(rows) > 0 {
			err = h.store.Put(t.Context(), name, strings.NewReader("late"), 4, objstore.Lock{})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// kill -9 at every step of a destruction, before and after the step had its effect: the next start ends it, with one certificate, which says what
// there was before the first try. What others put beside the recording since goes too.
func TestDiesAtEveryStep(t *testing.T) {
	for n := 1; ; n++ {
		whole := true
		for _, after := range []bool{false, true} {
			h := newHouse(t)
			m := h.add(t, "r1", 1)
			h.set(m.RetainUntil().Add(time.Hour))
			dying := &mortal{Store: h.store, left: n, after: after}
			k := h.keeper(t, dying, func(ctx context.Context, c Certificate) error {
				return dying.step("certify", func() error { return h.certify(ctx, c) })
			})
			approve(t, k, "2026-04")
			err := k.Pass(t.Context())
			whole = whole && err == nil
			h.late(t, catalogue.ObjectName(m.Case))
			h.cat.Close()
			h.open(t)
			k = h.keeper(t, nil, nil)
			for range 2 { // the second finds nothing to do
				if err := k.Pass(t.Context()); err != nil {
					t.Fatalf("died at %d (%v): the next start: %v", n, dying.steps, err)
				}
			}
			if left := h.objects(t); len(left) != 0 || len(h.log) != 1 {
				t.Errorf("died at %d (%v): left %v, %d certificates", n, dying.steps, left, len(h.log))
				continue
			}
			for _, o := range h.log[0].Objects {
				if o.SHA256 != h.sums[o.Name] {
					t.Errorf("died at %d: %+v", n, o)
				}
			}
			if rows, err := h.cat.Destroying(t.Context(), ""); err != nil || len(rows) != 0 {
				t.Errorf("died at %d: rows %v %v", n, rows, err)
			}
		}
		if whole {
			if n < 8 {
				t.Errorf("only %d steps", n)
			}
			return
		}
	}
}
