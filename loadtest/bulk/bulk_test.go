package bulk

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func line(t *testing.T, to netip.AddrPort) *Line {
	t.Helper()
	l, err := Open(loopback, to, "test.invalid")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A direct call between two lines: every call is answered, and the times that are measured are those of the way alone.
func TestDirectCalls(t *testing.T) {
	b := line(t, netip.AddrPort{})
	callee := Answer(b, netip.AddrPortFrom(loopback, 40000))
	a := line(t, b.Local())
	const calls = 20
	r := Paced(t.Context(), calls, 200, func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		c, err := a.Call(ctx, Account{User: string(rune('a' + i))}, "callee", callee, netip.AddrPortFrom(loopback, 40000), 10*time.Millisecond)
		return c.Setup, c.Total, err
	})
	if r.Done != calls || r.Failed != 0 || callee.Calls() != calls || len(r.Setup) != calls {
		t.Fatalf("%+v, %d answered", r, callee.Calls())
	}
	if s, total := Quantile(r.Setup, .5), Quantile(r.Total, .5); s <= 0 || s > total || total > time.Second {
		t.Errorf("set-up %v of %v", s, total)
	}
	if r.Took < 95*time.Millisecond {
		t.Errorf("%d calls at 200/s took only %v", calls, r.Took)
	}
	if a.Bad()+b.Bad() != 0 {
		t.Errorf("%d and %d datagrams lost", a.Bad(), b.Bad())
	}
}

// TestDial: the delay until it rings is no longer than the time to the answer, and what is refused is an error.
func TestDial(t *testing.T) {
	b := line(t, netip.AddrPort{})
	callee := Answer(b, netip.AddrPortFrom(loopback, 40000))
	a := line(t, b.Local())
	delay, total, err := a.Dial(t.Context(), Account{User: "a"}, "callee", netip.AddrPortFrom(loopback, 40000), 10*time.Millisecond)
	if err != nil || delay <= 0 || delay > total || total > time.Second || callee.Calls() != 1 {
		t.Errorf("delay %v of %v, %d calls, %v", delay, total, callee.Calls(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := line(t, netip.AddrPortFrom(loopback, 9)).Dial(ctx, Account{User: "a"}, "nobody", netip.AddrPortFrom(loopback, 40000), 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestNobodyThere(t *testing.T) {
	a := line(t, netip.AddrPortFrom(loopback, 9))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Register(ctx, Account{"2001", "x"}, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	r := Window(ctx, 3, 2, func(ctx context.Context, i int) (time.Duration, time.Duration, error) { return 0, 0, ErrRefused })
	if r.Failed == 0 && ctx.Err() == nil || r.Done != 0 {
		t.Errorf("%+v", r)
	}
}

func TestQuantile(t *testing.T) {
	if Quantile(nil, .5) != 0 {
		t.Error("of none")
	}
	times := []time.Duration{1, 2, 3, 4}
	for q, want := range map[float64]time.Duration{0: 1, .5: 3, .99: 4, 1: 4} {
		if got := Quantile(times, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
}
