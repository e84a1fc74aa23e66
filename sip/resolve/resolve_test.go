package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/sip/resolve"
	"naisen/sip/resolve/resolvetest"
	"naisen/sip/stack"
)

const zone = `
full.example.            60 IN NAPTR 20 10 "s" "SIP+D2U"  "" _sip._udp.full.example.
full.example.            60 IN NAPTR 10 20 "S" "sip+d2t"  "" _sip._tcp.full.example.
full.example.            60 IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.full.example.
full.example.            60 IN NAPTR 5  10 "s" "SIP+D2S"  "" _sip._sctp.full.example.
full.example.            60 IN NAPTR 5  10 "u" "E2U+sip"  "!^.*$!sip:x@y!" .
_sips._tcp.full.example. 60 IN SRV 10 0 5061 a.full.example.
_sip._tcp.full.example.  60 IN SRV 20 0 5070 b.full.example.
_sip._tcp.full.example.  60 IN SRV 10 0 5060 a.full.example.
_sip._udp.full.example.  60 IN SRV 10 0 5080 b.full.example.
a.full.example.          60 IN A 192.0.2.1
b.full.example.          60 IN A 192.0.2.2
b.full.example.          60 IN AAAA 2001:db8::2

srv.example.             60 IN A 192.0.2.9
_sip._udp.srv.example.   60 IN SRV 1 0 5090 host.srv.example.
host.srv.example.        60 IN CNAME real.srv.example.
real.srv.example.        60 IN A 192.0.2.3

plain.example.           60 IN A 192.0.2.4
plain.example.           60 IN AAAA 2001:db8::4
six.example.             60 IN AAAA 2001:db8::6
closed.example.          60 IN A 192.0.2.5
_sip._udp.closed.example. 60 IN SRV 0 0 0 .
useless.example.         60 IN A 0.0.0.0
useless.example.         60 IN A 224.0.0.1
round.example.           60 IN CNAME round.example.
`

// clock is wall time that a test moves.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(1e18)
	return c
}
func (c *clock) time() time.Time         { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

func start(t *testing.T, records string, change func(*resolve.Config)) (*resolvetest.Server, *resolve.Resolver, *clock) {
	t.Helper()
	s, c := resolvetest.Start(t, records), newClock()
	cfg := resolve.Config{Servers: []netip.AddrPort{s.Addr}, Clock: c.time, Hosts: filepath.Join(t.TempDir(), "none")}
	if change != nil {
		change(&cfg)
	}
	r := resolve.New(cfg)
	t.Cleanup(r.Close)
	return s, r, c
}

func written(ts []stack.Target) string {
	var out []string
	for _, x := range ts {
		s := x.Transport + " " + x.Addr.String()
		if x.TLS != nil {
			s += " as " + x.TLS.ServerName
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func ask(t *testing.T, r *resolve.Resolver, q resolve.Query) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ts, err := r.Resolve(ctx, q)
	return written(ts), err
}

// RFC 3263 section 4, line by line.
func TestResolve(t *testing.T) {
	_, r, _ := start(t, zone, nil)
	_, noTLS, _ := start(t, zone, func(c *resolve.Config) { c.Transports = []string{"udp", "tcp"} })
	for _, c := range []struct {
		name string
		r    *resolve.Resolver
		q    resolve.Query
		want string
		err  error
	}{
		{"address", r, resolve.Query{Host: "192.0.2.7"}, "udp 192.0.2.7:5060", nil},
		{"IPv6 reference", r, resolve.Query{Host: "[2001:db8::7]", Transport: "tls"}, "tls [2001:db8::7]:5061 as [2001:db8::7]", nil},
		{"address, sips", r, resolve.Query{Host: "192.0.2.7", Secure: true}, "tls 192.0.2.7:5061 as 192.0.2.7", nil},
		{"sips is never downgraded (F13)", r, resolve.Query{Host: "full.example", Secure: true, Transport: "udp"}, "", resolve.ErrInsecure},
		{"port: no NAPTR, no SRV", r, resolve.Query{Host: "srv.example", Port: 5060}, "udp 192.0.2.9:5060", nil},
		{"port and transport", r, resolve.Query{Host: "srv.example", Port: 5071, Transport: "tcp"}, "tcp 192.0.2.9:5071", nil},
		{"port, sips", r, resolve.Query{Host: "srv.example", Port: 5071, Secure: true}, "tls 192.0.2.9:5071 as srv.example", nil},
		{"transport: no NAPTR", r, resolve.Query{Host: "full.example", Transport: "tcp"}, "tcp 192.0.2.1:5060, tcp 192.0.2.2:5070, tcp [2001:db8::2]:5070", nil},
		{"NAPTR by order and preference", r, resolve.Query{Host: "FULL.example."},
			"tls 192.0.2.1:5061 as full.example, tcp 192.0.2.1:5060, tcp 192.0.2.2:5070, tcp [2001:db8::2]:5070, udp 192.0.2.2:5080, udp [2001:db8::2]:5080", nil},
		{"NAPTR: only what we speak", noTLS, resolve.Query{Host: "full.example"},
			"tcp 192.0.2.1:5060, tcp 192.0.2.2:5070, tcp [2001:db8::2]:5070, udp 192.0.2.2:5080, udp [2001:db8::2]:5080", nil},
		{"NAPTR, sips", r, resolve.Query{Host: "full.example", Secure: true}, "tls 192.0.2.1:5061 as full.example", nil},
		{"no NAPTR: SRV of each transport", r, resolve.Query{Host: "srv.example"}, "udp 192.0.2.3:5090", nil},
		{"no SRV: the host itself", r, resolve.Query{Host: "plain.example"}, "udp 192.0.2.4:5060, udp [2001:db8::4]:5060", nil},
		{"IPv6 preferred", r, resolve.Query{Host: "plain.example", IPv6: true}, "udp [2001:db8::4]:5060, udp 192.0.2.4:5060", nil},
		{"IPv6 alone", r, resolve.Query{Host: "six.example", Transport: "tcp"}, "tcp [2001:db8::6]:5060", nil},
		{"own name to prove", r, resolve.Query{Host: "plain.example", Port: 5061, Transport: "tls", TLS: &stack.ClientTLS{ServerName: "other"}},
			"tls 192.0.2.4:5061 as other, tls [2001:db8::4]:5061 as other", nil},
		{"SRV says no", r, resolve.Query{Host: "closed.example", Transport: "udp"}, "", resolve.ErrNotFound},
		{"no such host", r, resolve.Query{Host: "nobody.example"}, "", resolve.ErrNotFound},
		{"addresses that are none", r, resolve.Query{Host: "useless.example"}, "", resolve.ErrNotFound},
		{"CNAME to itself", r, resolve.Query{Host: "round.example"}, "", resolve.ErrNotFound},
		{"no host", r, resolve.Query{}, "", resolve.ErrNotFound},
		{"port that is none", r, resolve.Query{Host: "192.0.2.7", Port: 70000}, "", resolve.ErrNotFound},
		{"this machine", r, resolve.Query{Host: "localhost", Transport: "tcp"}, "tcp 127.0.0.1:5060, tcp [::1]:5060", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ask(t, c.r, c.q)
			if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%s, %v\nwant %s, %v", got, err, c.want, c.err)
			}
			if c.err != nil && c.err != resolve.ErrInsecure && !errors.Is(err, resolve.ErrUnresolved) {
				t.Error("the error does not wrap ErrUnresolved")
			}
		})
	}
}

// Each answer holds for its TTL, a denial too.
func TestCache(t *testing.T) {
	s, r, c := start(t, zone, nil)
	q, gone := resolve.Query{Host: "plain.example", Port: 5060}, resolve.Query{Host: "nobody.example", Port: 5060}
	for _, step := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {59 * time.Second, 1}, {2 * time.Second, 2}} {
		c.advance(step.after)
		if got, err := ask(t, r, q); got != "udp 192.0.2.4:5060, udp [2001:db8::4]:5060" {
			t.Fatalf("%s, %v", got, err)
		}
		if _, err := ask(t, r, gone); !errors.Is(err, resolve.ErrNotFound) {
			t.Fatal(err)
		}
		if a, b := s.Asked("plain.example A"), s.Asked("nobody.example A"); a != step.asked || b != step.asked {
			t.Errorf("asked %d and %d times, want %d", a, b, step.asked)
		}
	}
	if s.Asked("plain.example SRV")+s.Asked("plain.example NAPTR") != 0 {
		t.Error("a port was named, and yet more than addresses were asked")
	}
}

// threats.md I13: dead, slow, lying. The last good answer goes on for a day, quickly; a sudden denial is not believed at once.
func TestBadDNS(t *testing.T) {
	q, good := resolve.Query{Host: "srv.example", Transport: "udp"}, "udp 192.0.2.3:5090"
	for _, c := range []struct {
		name  string
		mode  resolvetest.Mode
		then  string        // when the answer is out of date
		later time.Duration // after which nothing is left
		err   error
	}{
		{"dead", resolvetest.Dead, good, 25 * time.Hour, resolve.ErrUnreachable},
		{"failing", resolvetest.Failing, good, 25 * time.Hour, resolve.ErrUnreachable},
		{"denying", resolvetest.Denying, good, 11 * time.Minute, resolve.ErrNotFound},
		{"forging", resolvetest.Forging, good, 25 * time.Hour, resolve.ErrUnreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, r, clock := start(t, zone, nil)
			if got, err := ask(t, r, q); got != good {
				t.Fatalf("%s, %v", got, err)
			}
			s.Become(c.mode)
			clock.advance(2 * time.Minute)
			for range 3 {
				if got, err := ask(t, r, q); got != c.then {
					t.Errorf("out of date: %s, %v", got, err)
				}
			}
			if r.Stats().Stale == 0 {
				t.Error("old answers are not counted")
			}
			clock.advance(c.later)
			if got, err := ask(t, r, q); got != "" || !errors.Is(err, c.err) {
				t.Errorf("in the end: %s, %v", got, err)
			}
			s.Become(resolvetest.Honest)
			clock.advance(10 * time.Minute)
			if got, err := ask(t, r, q); got != good {
				t.Errorf("back again: %s, %v", got, err)
			}
		})
	}
}

// What somebody else could have sent is passed over, and the right answer taken.
func TestLies(t *testing.T) {
	s, r, _ := start(t, zone, nil)
	s.Become(resolvetest.Lying)
	if got, err := ask(t, r, resolve.Query{Host: "plain.example", Port: 5060}); got != "udp 192.0.2.4:5060, udp [2001:db8::4]:5060" {
		t.Errorf("%s, %v", got, err)
	}
	if r.Stats().Rejected == 0 {
		t.Error("lies are not counted")
	}
}

// A dead first server costs its patience once; then the one that answered is asked first.
func TestSecondServer(t *testing.T) {
	dead := resolvetest.Start(t, zone)
	dead.Become(resolvetest.Dead)
	_, r, _ := start(t, zone, func(c *resolve.Config) { c.Servers = append([]netip.AddrPort{dead.Addr}, c.Servers...) })
	for _, host := range []string{"plain.example", "a.full.example", "b.full.example"} {
		if got, err := ask(t, r, resolve.Query{Host: host, Port: 5060}); got == "" {
			t.Fatal(err)
		}
	}
	if n := dead.Asked("b.full.example A"); n != 0 {
		t.Errorf("the dead server was asked first, again: %d", n)
	}
}

// What does not fit into a datagram is fetched over TCP.
func TestTruncated(t *testing.T) {
	s, r, _ := start(t, zone, nil)
	s.Become(resolvetest.Truncating)
	if got, err := ask(t, r, resolve.Query{Host: "srv.example", Transport: "udp"}); got != "udp 192.0.2.3:5090" {
		t.Errorf("%s, %v", got, err)
	}
}

// The caller's patience is his own, Close ends what is under way, and nothing is left running.
func TestPatienceAndClose(t *testing.T) {
	s := resolvetest.Start(t, zone)
	s.Become(resolvetest.Dead)
	ignore := goleak.IgnoreCurrent()
	r := resolve.New(resolve.Config{Servers: []netip.AddrPort{s.Addr}})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 100)
	for i := range 100 { // more than may be under way at once
		go func() {
			_, err := r.Resolve(ctx, resolve.Query{Host: fmt.Sprintf("h%d.example", i)})
			got <- err
		}()
	}
	for deadline := time.Now().Add(10 * time.Second); s.Asked("h1.example NAPTR")+s.Asked("h50.example NAPTR") == 0 && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	cancel()
	for range 100 {
		if err := <-got; !errors.Is(err, resolve.ErrUnreachable) {
			t.Error(err)
		}
	}
	r.Close()
	if _, err := r.Resolve(t.Context(), resolve.Query{Host: "late.example"}); !errors.Is(err, resolve.ErrUnreachable) {
		t.Errorf("after Close: %v", err)
	}
	goleak.VerifyNone(t, ignore)
}

// The cache is bounded whatever is asked.
func TestCacheIsBounded(t *testing.T) {
	s, r, _ := start(t, zone, nil)
	s.Become(resolvetest.Denying)
	for i := range 700 {
		_, _ = ask(t, r, resolve.Query{Host: fmt.Sprintf("h%d.example", i), Port: 5060})
	}
	if n := r.Stats().Cached; n > 1024 {
		t.Errorf("%d entries", n)
	}
}

// Without servers of its own the resolver reads what the system reads, and reads it again.
func TestSystemFiles(t *testing.T) {
	s := resolvetest.Start(t, zone)
	dir := t.TempDir()
	hosts, conf := filepath.Join(dir, "hosts"), filepath.Join(dir, "resolv.conf")
	write := func(path, text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	write(hosts, "192.0.2.77 Carrier.example carrier # ours\nnonsense\n0.0.0.0 blocked.example\n", old)
	write(conf, "", old)
	c := newClock()
	r := resolve.New(resolve.Config{ResolvConf: conf, Hosts: hosts, Clock: c.time})
	t.Cleanup(r.Close)
	if got, err := ask(t, r, resolve.Query{Host: "carrier"}); got != "udp 192.0.2.77:5060" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := ask(t, r, resolve.Query{Host: "plain.example"}); !errors.Is(err, resolve.ErrUnreachable) {
		t.Errorf("without a server: %v", err)
	}
	write(hosts, "192.0.2.78 carrier\n", old.Add(time.Minute))
	c.advance(6 * time.Second)
	if got, err := ask(t, r, resolve.Query{Host: "carrier"}); got != "udp 192.0.2.78:5060" {
		t.Errorf("after the change: %s, %v", got, err)
	}
	if s.Asked("carrier A") != 0 {
		t.Error("DNS was asked")
	}
}

// A target that was silent comes last for a minute.
func TestSilentTargetComesLast(t *testing.T) {
	_, r, c := start(t, zone, nil)
	q := resolve.Query{Host: "plain.example", Port: 5060}
	first, then := "udp 192.0.2.4:5060, udp [2001:db8::4]:5060", "udp [2001:db8::4]:5060, udp 192.0.2.4:5060"
	if got, err := ask(t, r, q); got != first {
		t.Fatalf("%s, %v", got, err)
	}
	r.Silent(stack.Target{Addr: netip.MustParseAddrPort("192.0.2.4:5060")})
	for i := range 1000 {
		r.Silent(stack.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(1000+i%200))})
	}
	if got, err := ask(t, r, q); got != then {
		t.Errorf("%s, %v", got, err)
	}
	c.advance(61 * time.Second)
	if got, err := ask(t, r, q); got != first {
		t.Errorf("a minute later: %s, %v", got, err)
	}
}
