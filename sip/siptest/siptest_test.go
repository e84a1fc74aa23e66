package siptest_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var (
	a = netip.MustParseAddrPort("192.0.2.1:5060")
	b = netip.MustParseAddrPort("192.0.2.2:5060")
)

// arrivals sends n numbered packets over a link and gives the order in which they came.
func arrivals(t *testing.T, seed uint64, l siptest.Link, n int) string {
	var out strings.Builder
	synctest.Test(t, func(t *testing.T) {
		net1 := siptest.NewNetwork(seed)
		net1.Link(a.Addr(), b.Addr(), l)
		from, _ := net1.ListenPacket(a)
		to, _ := net1.ListenPacket(b)
		for i := range n {
			_, _ = from.WriteTo([]byte{byte('A' + i)}, net.UDPAddrFromAddrPort(b))
		}
		buf := make([]byte, 10)
		for {
			_ = to.SetReadDeadline(time.Now().Add(10 * time.Second))
			m, _, err := to.ReadFrom(buf)
			if err != nil {
				break
			}
			out.Write(buf[:m])
		}
		_, _ = from.Close(), to.Close()
	})
	return out.String()
}

func TestLinks(t *testing.T) {
	whole := "ABCDEFGHIJKLMNOPQRST"
	if got := arrivals(t, 1, siptest.Link{Delay: time.Millisecond}, 20); got != whole {
		t.Errorf("without jitter: %s", got)
	}
	if got := arrivals(t, 1, siptest.Link{Down: true}, 20); got != "" {
		t.Errorf("down: %s", got)
	}
	if got := arrivals(t, 1, siptest.Link{Loss: 0.5}, 20); len(got) == 0 || len(got) == 20 {
		t.Errorf("half lost: %s", got)
	}
	if got := arrivals(t, 1, siptest.Link{Duplicate: 1}, 20); len(got) != 40 {
		t.Errorf("all doubled: %s", got)
	}
	jitter := siptest.Link{Jitter: time.Second, Loss: 0.2, Duplicate: 0.2}
	first := arrivals(t, 7, jitter, 20)
	if first == whole {
		t.Error("jitter kept the order")
	}
	for range 5 {
		if again := arrivals(t, 7, jitter, 20); again != first {
			t.Errorf("one seed, two outcomes: %s, %s", first, again)
		}
	}
	if other := arrivals(t, 8, jitter, 20); other == first {
		t.Error("two seeds, one outcome")
	}
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		ln, err := n.ListenStream(b)
		if err != nil {
			t.Fatal(err)
		}
		c, err := n.DialStream(context.Background(), a.Addr(), b)
		if err != nil {
			t.Fatal(err)
		}
		d, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for _, s := range []string{"one", "two", "three"} {
			_, _ = c.Write([]byte(s))
		}
		_ = c.Close()
		got, _ := io.ReadAll(d)
		if string(got) != "onetwothree" || time.Since(start) < 10*time.Millisecond {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		_ = ln.Close()
		if _, err := n.DialStream(context.Background(), a.Addr(), b); err == nil {
			t.Error("a closed listener was reached")
		}
	})
}

// A phone calls a phone with nothing between: the ladder shows order, time, direction and loss, and is the same each time.
func TestLadder(t *testing.T) {
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			n := siptest.NewNetwork(1)
			n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
			alice, bob := n.Phone(t, "alice", a, b), n.Phone(t, "bob", b, a)
			n.Host("carol", netip.MustParseAddr("192.0.2.3"))
			inv := alice.NewRequest("INVITE", "bob")
			n.Drop(func(from, to string, m siptest.Seen) bool {
				return from == "alice" && to == "bob" && m.Method == "INVITE"
			})
			alice.Send(inv)
			n.Drop(nil)
			alice.Repeat()
			got := bob.Expect("INVITE")
			bob.Reply(got, 180, nil)
			ok := bob.Reply(got, 200, nil)
			alice.ExpectStatus(180, "INVITE")
			alice.Ack(inv, alice.ExpectStatus(200, "INVITE"))
			bob.Expect("ACK")
			bye := bob.FromCallee("BYE", got, ok)
			bob.Send(bye)
			in := alice.Expect("BYE")
			if in.From().Tag() != ok.To().Tag() || in.To().Tag() != inv.From().Tag() {
				t.Error("the BYE is not in the dialog")
			}
			alice.Reply(in, 200, nil)
			bob.ExpectStatus(200, "BYE")
			siptest.Golden(t, "phones.ladder", n.Ladder())
		})
	}
}

// The expected response was computed with md5sum from the formula of RFC 7616 section 3.4.1, so that it does not follow sip/auth into
// an error.
func TestDigest(t *testing.T) {
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := siptest.NewPhone(t, "alice", pc, a)
	r := p.NewRequest("REGISTER", "")
	resp := stack.NewResponse(r, 401, "")
	resp.Add("WWW-Authenticate", `Digest realm="x", nonce="n", algorithm=SHA-512-256, qop="auth"`)
	resp.Add("WWW-Authenticate", `Digest realm="example.com", nonce="abc", algorithm=MD5, qop="auth", opaque="o"`)
	if err := siptest.Digest("alice", "secret")(r, resp); err != nil {
		t.Fatal(err)
	}
	got := r.Get("Authorization")
	// HA1 = MD5("alice:example.com:secret"), HA2 = MD5("REGISTER:sip:192.0.2.1"), response = MD5(HA1:abc:00000001:c0ffee:auth:HA2)
	const want = `response="dfc520920a748c052757bd36b3cb9760"`
	if !strings.Contains(got, want) || !strings.Contains(got, `opaque="o"`) || !strings.Contains(got, "algorithm=MD5") {
		t.Errorf("%s", got)
	}
	resp.Del("WWW-Authenticate")
	if siptest.Digest("alice", "secret")(r, resp) == nil {
		t.Error("no challenge, no error")
	}
}

// TestSteady: what comes again is answered again and passed over; what is new is not.
func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := siptest.NewNetwork(1)
		x, y := network.Phone(t, "x", a, b), network.Phone(t, "y", b, a)
		y.Steady = true
		x.Send(x.NewRequest("OPTIONS", "y"))
		y.Reply(y.Expect("OPTIONS"), 200, nil)
		x.ExpectStatus(200, "OPTIONS")
		x.Repeat()
		x.Send(x.NewRequest("MESSAGE", "y"))
		y.Reply(y.Expect("MESSAGE"), 404, nil)
		x.ExpectStatus(200, "OPTIONS")
		x.ExpectStatus(404, "MESSAGE")
		y.Silence(time.Second)
	})
}
