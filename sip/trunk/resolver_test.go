package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	ctx := context.Background()
	asked, dead := 0, false
	now := time.Unix(0, 0)
	r := &Resolver{Clock: func() time.Time { return now }, Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		asked++
		if dead || host == "gone.example" {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
	}}
	check := func(host string, port int, transport, want string) {
		t.Helper()
		ts, err := r.Resolve(ctx, host, port, transport)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, x := range ts {
			got += fmt.Sprint(x.Transport, " ", x.Addr, " ")
			if (x.TLS != nil) != (transport == "tls") || x.TLS != nil && x.TLS.ServerName != host {
				t.Errorf("TLS of %s: %+v", host, x.TLS)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	check("192.0.2.9", 0, "udp", "udp 192.0.2.9:5060 ")
	check("2001:db8::9", 5070, "tcp", "tcp [2001:db8::9]:5070 ")
	if asked != 0 {
		t.Error("a literal was looked up")
	}
	check("carrier.example", 0, "tls", "tls 192.0.2.1:5061 tls [2001:db8::1]:5061 ")
	check("carrier.example", 0, "udp", "udp 192.0.2.1:5060 udp [2001:db8::1]:5060 ")
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
	now, dead = now.Add(2*time.Minute), true
	check("carrier.example", 0, "udp", "udp 192.0.2.1:5060 udp [2001:db8::1]:5060 ") // threats.md I13
	if asked != 2 {
		t.Errorf("asked %d times, want twice", asked)
	}
	now = now.Add(25 * time.Hour)
	if _, err := r.Resolve(ctx, "carrier.example", 0, "udp"); !errors.Is(err, ErrUnresolved) {
		t.Errorf("a day later: %v", err)
	}
	if _, err := r.Resolve(ctx, "gone.example", 0, "udp"); !errors.Is(err, ErrUnresolved) {
		t.Errorf("unknown host: %v", err)
	}
	if _, err := r.Resolve(ctx, "192.0.2.1", 70000, "udp"); !errors.Is(err, ErrUnresolved) {
		t.Errorf("bad port: %v", err)
	}
}

func TestResolverCacheIsBounded(t *testing.T) {
	r := &Resolver{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}}
	for i := range 3 * maxCached {
		if _, err := r.Resolve(context.Background(), fmt.Sprintf("h%d.example", i), 0, "udp"); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.cache) != maxCached {
		t.Errorf("%d entries, want %d", len(r.cache), maxCached)
	}
}
