package stack_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Everything of one Call-ID runs in order; After runs there too, may stop itself, and is final when stopped.
func TestDoAndAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{})
		var got []int // owned by the shard of "c": the race detector would tell
		for i := range 1000 {
			w.s.Do("c", func() { got = append(got, i) })
		}
		synctest.Wait()
		if len(got) != 1000 || !slices.IsSorted(got) {
			t.Error("out of order")
		}
		var fired []string
		var self func()
		stop := w.s.After("c", time.Second, func() { fired = append(fired, "stopped") })
		self = w.s.After("c", time.Second, func() { fired = append(fired, "self"); self() })
		w.s.Do("c", func() { stop() })
		wait(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(fired, []string{"self"}) {
			t.Errorf("fired %v", fired)
		}
	})
}

// Above the rate a source's requests are dropped on UDP, within a dialog not, and others are served.
func TestAdmission(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		n.Usual(siptest.Link{Delay: time.Millisecond})
		alice, bob := n.Phone(t, "alice", aliceAddr, pbxAddr), n.Phone(t, "bob", bobAddr, pbxAddr)
		trunk := n.Phone(t, "trunk", netip.MustParseAddrPort("192.0.2.30:5060"), pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Limits.RatePerSource = 10 // burst 20
		cfg.Trusted = func(a netip.Addr) bool { return a == trunk.Addr.Addr() }
		s := serve(t, cfg, &tu{request: answer(200)})
		count := func(p *siptest.Phone, send int, tag string) (answers int) {
			for range send {
				r := p.NewRequest("OPTIONS", "x")
				if tag != "" {
					r.SetTo(r.To().WithTag(tag))
				}
				p.Send(r)
			}
			for {
				if _, ok := p.Read(50 * time.Millisecond); !ok {
					return answers
				}
				answers++
			}
		}
		if got := count(alice, 100, ""); got != 20 {
			t.Errorf("%d answered of a burst, want 20", got)
		}
		if got := count(alice, 100, "dialog"); got != 100 {
			t.Errorf("%d answered within dialogs, want all", got)
		}
		if got := count(bob, 5, ""); got != 5 {
			t.Errorf("%d answered of another source", got)
		}
		if got := count(trunk, 200, ""); got != 200 {
			t.Errorf("%d answered of a trusted source", got)
		}
		wait(time.Second)
		if got := count(alice, 100, ""); got < 10 || got > 12 {
			t.Errorf("%d answered after a second, want about 10", got)
		}
		if s.Stats().Shed < 160 {
			t.Errorf("shed %d", s.Stats().Shed)
		}
	})
}

// A 481 within a dialog keeps nothing and repeats nothing: anyone can send such a request.
func TestNoDialogKeepsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{request: answer(481)})
		for _, method := range []string{"INVITE", "BYE"} {
			r := w.alice.NewRequest(method, "bob")
			r.SetTo(r.To().WithTag("forged"))
			w.alice.Send(r)
			w.alice.ExpectStatus(481, method)
			w.alice.Silence(40 * time.Second)
		}
		if n := w.s.Stats().Transactions; n != 0 {
			t.Errorf("%d transactions", n)
		}
	})
}

func TestTransactionLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		alice := n.Phone(t, "alice", aliceAddr, pbxAddr)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Limits.Transactions = 3
		s := serve(t, cfg, &tu{request: answer(200)})
		for range 5 {
			alice.Send(alice.NewRequest("OPTIONS", "x"))
		}
		for range 3 {
			alice.ExpectStatus(200, "OPTIONS")
		}
		alice.Silence(time.Second)
		wait(33 * time.Second)
		alice.Send(alice.NewRequest("OPTIONS", "x"))
		alice.ExpectStatus(200, "OPTIONS")
		if s.Stats().Shed != 2 {
			t.Errorf("shed %d", s.Stats().Shed)
		}
	})
}

func TestContactAndVia(t *testing.T) {
	n := siptest.NewNetwork(1)
	s, err := stack.New(n.Config(
		stack.Listen{Transport: "udp", Addr: addrPort("192.0.2.1:5060")},
		stack.Listen{Transport: "tcp", Addr: addrPort("192.0.2.1:5060"), Advertise: "sip.example.com"},
		stack.Listen{Transport: "tcp", Addr: addrPort("192.0.2.2:5080"), Advertise: "sip2.example.com"},
		stack.Listen{Transport: "udp", Addr: addrPort("[2001:db8::1]:5060")},
		stack.Listen{Transport: "udp", Addr: addrPort("127.0.0.1:0")},
	), &tu{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	local := s.LocalAddrs()[4].Addr
	for _, c := range []struct {
		to   stack.Target
		want string
	}{
		{stack.Target{Transport: "udp", Addr: addrPort("198.51.100.1:5060")}, "sip:u@192.0.2.1:5060"},
		{stack.Target{Addr: addrPort("127.0.0.1:9")}, fmt.Sprintf("sip:u@127.0.0.1:%d", local.Port())},
		{stack.Target{Transport: "udp", Addr: addrPort("[2001:db8::9]:5060")}, "sip:u@[2001:db8::1]:5060"},
		{stack.Target{Transport: "tcp", Addr: addrPort("198.51.100.1:5060")}, "sip:u@sip.example.com;transport=tcp"},
		{stack.Target{Transport: "tcp", Addr: addrPort("198.51.100.1:5060"), Local: netip.MustParseAddr("192.0.2.2")}, "sip:u@sip2.example.com:5080;transport=tcp"},
		{stack.Target{Flow: s.Flow("udp", netip.AddrPort{}, addrPort("[2001:db8::9]:40000"))}, "sip:u@[2001:db8::1]:5060"},
	} {
		if got := s.Contact("u", c.to).String(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.to, got, c.want)
		}
	}
}

// A UDP flow can be rebuilt from its addresses, has the same ID, and works.
func TestRebuiltFlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		flows := make(chan *stack.Flow, 1)
		w := newWorld(t, &tu{request: func(tx *stack.ServerTx) { flows <- tx.Request().Flow; answer(200)(tx) }})
		w.bob.Send(w.bob.NewRequest("OPTIONS", "x"))
		w.bob.ExpectStatus(200, "OPTIONS")
		f := <-flows
		again := w.s.Flow(f.Transport(), f.Local(), f.Remote())
		if again == nil || again.ID() != f.ID() || !again.Alive() || again.Secure() {
			t.Fatalf("%v became %v", f, again)
		}
		var got results
		w.s.Send(outgoing("OPTIONS", "c1"), stack.Target{Flow: again}, got.on)
		w.bob.Reply(w.bob.Expect("OPTIONS"), 200, nil)
		wait(time.Second)
		checkResults(t, got.list(), []int{200}, nil)
		if w.s.Flow("udp", addrPort("192.0.2.99:5060"), f.Remote()) != nil || w.s.Flow("tcp", f.Local(), f.Remote()) != nil {
			t.Error("a flow was made that we do not have")
		}
		if err := w.s.Keepalive(again); err != nil {
			t.Error(err)
		}
		if b, _, ok := w.bob.ReadRaw(time.Second); !ok || string(b) != "\r\n\r\n" {
			t.Errorf("keep-alive %q", b)
		}
	})
}

func TestSendAck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{})
		if err := w.s.SendAck(outgoing("ACK", "c1"), toBob); err != nil {
			t.Fatal(err)
		}
		if r := w.bob.Expect("ACK"); r.MaxForwards() != 70 || len(r.Lines("Via")) != 1 {
			t.Errorf("%+v", r)
		}
		w.bob.Silence(time.Minute)
		if err := w.s.SendAck(outgoing("ACK", "c1"), stack.Target{}); err == nil {
			t.Error("no error without an address")
		}
	})
}

// certificate makes a self-signed one for that name or address.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// Two stacks over TLS: the name is verified, the request arrives on a secure flow, and the answer comes back on it.
func TestTLS(t *testing.T) {
	cert, roots := certificate(t, "pbx.example.com")
	flows := make(chan *stack.Flow, 1)
	server := serve(t, stack.Config{
		Listen: []stack.Listen{{Transport: "tls", Addr: netip.AddrPortFrom(loopback, 0)}},
		TLS:    func() (*tls.Config, error) { return &tls.Config{Certificates: []tls.Certificate{cert}}, nil },
	}, &tu{request: func(tx *stack.ServerTx) { flows <- tx.Request().Flow; answer(200)(tx) }})
	client := serve(t, stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.AddrPortFrom(loopback, 0)}}}, &tu{})
	to := stack.Target{Transport: "tls", Addr: server.LocalAddrs()[0].Addr}
	for _, c := range []struct {
		name string
		cfg  *tls.Config
		ok   bool
	}{
		{"right name", &tls.Config{RootCAs: roots, ServerName: "pbx.example.com"}, true},
		{"other name", &tls.Config{RootCAs: roots, ServerName: "evil.example.com"}, false},
		{"no name: the address is what is verified", &tls.Config{RootCAs: roots}, false},
		{"unknown issuer", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			to.TLS = nil
			if c.cfg != nil {
				to.TLS = &stack.ClientTLS{Config: c.cfg}
			}
			got := make(chan stack.Result, 1)
			client.Send(outgoing("OPTIONS", strings.ReplaceAll(c.name, " ", "-")), to, func(_ *stack.ClientTx, r stack.Result) { got <- r })
			r := <-got
			if ok := r.Err == nil; ok != c.ok {
				t.Fatalf("result %v", r)
			}
			if c.ok {
				if f := <-flows; !f.Secure() || f.Transport() != "tls" {
					t.Errorf("flow %v", f)
				}
				if r.Response.Flow == nil || len(r.Response.Flow.PeerCertificates()) != 1 {
					t.Error("the peer's certificate is not on the flow")
				}
			}
		})
	}
}

// A client that opens a connection to the TLS port and says nothing is given up without holding anyone else.
func TestTLSHandshakeDoesNotBlock(t *testing.T) {
	cert, roots := certificate(t, "127.0.0.1")
	server := serve(t, stack.Config{
		Listen: []stack.Listen{{Transport: "tls", Addr: netip.AddrPortFrom(loopback, 0)}},
		TLS:    func() (*tls.Config, error) { return &tls.Config{Certificates: []tls.Certificate{cert}}, nil },
	}, &tu{request: answer(200)})
	addr := server.LocalAddrs()[0].Addr
	for range 20 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	c, err := tls.Dial("tcp", addr.String(), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write(tcpOptions(1, "", ""))
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	b := make([]byte, 100)
	if n, err := c.Read(b); err != nil || string(b[:11]) != "SIP/2.0 200" {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// The whole of a panicking TU: in callbacks and timers too, the process lives.
func TestPanicsAreContained(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{request: answer(180), cancel: func(*stack.ServerTx) { panic("cancel") }})
		w.s.Do("c1", func() { panic("do") })
		w.s.After("c1", time.Millisecond, func() { panic("after") })
		w.s.Send(outgoing("OPTIONS", "c1"), toBob, func(*stack.ClientTx, stack.Result) { panic("result") })
		w.bob.Reply(w.bob.Expect("OPTIONS"), 200, nil)
		inv := w.alice.NewRequest("INVITE", "bob")
		w.alice.Send(inv)
		w.alice.ExpectStatus(180, "INVITE")
		w.alice.Cancel(inv)
		w.alice.ExpectStatus(200, "CANCEL")
		w.alice.Ack(inv, w.alice.ExpectStatus(487, "INVITE"))
		wait(time.Second)
		if n := w.s.Stats().Panics; n != 4 {
			t.Errorf("%d panics counted, want 4", n)
		}
	})
}
