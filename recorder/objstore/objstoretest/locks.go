package objstoretest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"naisen/recorder/objstore"
)

// locks are set from an object's first moment.
func locks(t *testing.T, ctx context.Context, s objstore.Store, now func() time.Time) {
	put(t, ctx, s, "lock/held.age", content(5), objstore.Lock{LegalHold: true})
	put(t, ctx, s, "lock/kept.age", content(5), objstore.Lock{Until: now().Add(time.Hour)})
	put(t, ctx, s, "lock/free.age", content(5), objstore.Lock{})
	want(t, "delete held", s.Delete(ctx, "lock/held.age"), objstore.ErrLocked)
	want(t, "delete kept", s.Delete(ctx, "lock/kept.age"), objstore.ErrLocked)
	if err := s.Delete(ctx, "lock/free.age"); err != nil {
		t.Errorf("delete free: %v", err)
	}
	for _, name := range []string{"lock/held.age", "lock/kept.age"} {
		if len(get(t, ctx, s, name, 0, -1)) != 5 {
			t.Errorf("%s is gone", name)
		}
	}
}

// stands compares the lock of an object with what it should be, to the second.
func stands(t *testing.T, ctx context.Context, s objstore.Store, step, name string, until time.Time, hold bool) {
	t.Helper()
	l, err := s.Locked(ctx, name)
	if err != nil || l.LegalHold != hold || l.Until.Sub(until).Abs() > 2*time.Second {
		t.Errorf("%s: locked %+v %v, want %v %v", step, l, err, until, hold)
	}
}

// protect: a time only gets later, a hold comes and goes, and neither touches the other.
func protect(t *testing.T, ctx context.Context, s objstore.Store, now func() time.Time) {
	const name = "protect/x.age"
	b := content(5)
	put(t, ctx, s, name, b, objstore.Lock{})
	stands(t, ctx, s, "born free", name, time.Time{}, false)
	hour, two := now().Add(time.Hour), now().Add(2*time.Hour)
	hold := func(on bool) func() error { return func() error { return s.Hold(ctx, name, on) } }
	retain := func(until time.Time) func() error { return func() error { return s.Retain(ctx, name, until) } }
	for _, c := range []struct {
		step  string
		do    func() error
		until time.Time
		hold  bool
	}{
		{"a hold alone", hold(true), time.Time{}, true}, {"the same again", hold(true), time.Time{}, true},
		{"released", hold(false), time.Time{}, false}, {"released again", hold(false), time.Time{}, false}, {"a time", retain(hour), hour, false},
		{"later", retain(two), two, false}, {"earlier is not taken", retain(hour), two, false}, {"none is not taken", retain(time.Time{}), two, false},
		{"held beside", hold(true), two, true}, {"a time under a hold", retain(two.Add(time.Hour)), two.Add(time.Hour), true},
		{"released beside", hold(false), two.Add(time.Hour), false},
	} {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.step, err)
		}
		stands(t, ctx, s, c.step, name, c.until, c.hold)
		if free := c.until.IsZero() && !c.hold; !free {
			want(t, c.step+": delete", s.Delete(ctx, name), objstore.ErrLocked)
		}
	}
	if !bytes.Equal(get(t, ctx, s, name, 0, -1), b) {
		t.Error("the object changed")
	}
	const past = "protect/past.age"
	put(t, ctx, s, past, b, objstore.Lock{})
	if err := s.Retain(ctx, past, now().Add(-time.Hour)); err != nil {
		t.Errorf("a time that is over: %v", err)
	}
	if err := s.Hold(ctx, past, true); err != nil {
		t.Errorf("a hold after it: %v", err)
	}
	want(t, "delete held after its time", s.Delete(ctx, past), objstore.ErrLocked)
	if err := s.Hold(ctx, past, false); err != nil {
		t.Errorf("release after it: %v", err)
	}
	if err := s.Delete(ctx, past); err != nil {
		t.Errorf("delete after its time: %v", err)
	}
}

func protectNothing(t *testing.T, ctx context.Context, s objstore.Store, now func() time.Time) {
	for name, why := range map[string]error{"protect/none.age": objstore.ErrNotFound, "../x": objstore.ErrName, "": objstore.ErrName} {
		want(t, fmt.Sprintf("hold %q", name), s.Hold(ctx, name, true), why)
		want(t, fmt.Sprintf("retain %q", name), s.Retain(ctx, name, now().Add(time.Hour)), why)
		_, err := s.Locked(ctx, name)
		want(t, fmt.Sprintf("locked %q", name), err, why)
	}
}
