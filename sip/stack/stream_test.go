package stack_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// dialTCP connects to the stack's TCP listener.
func dialTCP(t *testing.T, s *stack.Stack) *net.TCPConn {
	t.Helper()
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(s.LocalAddrs()[1].Addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

// statuses reads n responses off a stream and returns their statuses.
func statuses(t *testing.T, r *bufio.Reader, n int) []int {
	t.Helper()
	var out []int
	for len(out) < n {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %d of %d answers: %v", len(out), n, err)
		}
		if strings.HasPrefix(line, "SIP/2.0 ") {
			status, _ := strconv.Atoi(line[8:11])
			out = append(out, status)
		}
	}
	return out
}

// expectClosed fails unless the stack closes the connection.
func expectClosed(t *testing.T, c net.Conn) []byte {
	t.Helper()
	b, err := io.ReadAll(c)
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		t.Fatal("the connection stays open")
	}
	return b
}

func tcpOptions(n int, extra, body string) []byte {
	return bytes.Replace(message{extra: extra, body: body}.bytes("127.0.0.1", n), []byte("/UDP"), []byte("/TCP"), 1)
}

// D4, D5: however the bytes are cut, each message is seen once and whole.
func TestStreamSegmentation(t *testing.T) {
	s, u := loopbackStack(t, stack.Limits{})
	one := tcpOptions(1, "Subject: folded\r\n over lines\r\n", "0123456789")
	two := tcpOptions(2, "", "")
	for name, segments := range map[string][][]byte{
		"five bytes":          cut(append(append([]byte(nil), one...), two...), 5),
		"in CRLF":             {one[:bytes.Index(one, []byte("\r\nFrom"))+1], append(one[bytes.Index(one, []byte("\r\nFrom"))+1:], two...)},
		"fold in next":        {one[:bytes.Index(one, []byte(" over"))], one[bytes.Index(one, []byte(" over")):], two},
		"one and a half":      {append(append([]byte(nil), one...), two[:40]...), two[40:]},
		"last CRLF by itself": {one, two[:len(two)-2], two[len(two)-2:]},
		"CRLFs between":       {[]byte("\r\n"), one, []byte("\r\n"), two},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(u.saw())
			c := dialTCP(t, s)
			_ = c.SetNoDelay(true)
			for _, b := range segments {
				if _, err := c.Write(b); err != nil {
					t.Fatal(err)
				}
				runtime.Gosched()
			}
			statuses(t, bufio.NewReader(c), 2)
			if n := len(u.saw()) - before; n != 2 {
				t.Errorf("the TU saw %d messages", n)
			}
		})
	}
}

func cut(b []byte, n int) (out [][]byte) {
	for len(b) > n {
		out, b = append(out, b[:n]), b[n:]
	}
	return append(out, b)
}

func TestStreamPipelined(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{RatePerSource: 1e6})
	c := dialTCP(t, s)
	var b []byte
	for i := range 300 {
		b = append(b, tcpOptions(i, "", "")...)
	}
	go func() { _, _ = c.Write(b) }()
	for _, status := range statuses(t, bufio.NewReader(c), 300) {
		if status != 200 {
			t.Fatalf("status %d", status)
		}
	}
}

func TestStreamPing(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{})
	c := dialTCP(t, s)
	_, _ = c.Write([]byte("\r\n\r\n"))
	var b [2]byte
	if _, err := io.ReadFull(c, b[:]); err != nil || string(b[:]) != "\r\n" {
		t.Fatalf("pong %q, %v", b, err)
	}
}

// D6, D8: what cannot be framed ends the connection, and costs no memory.
func TestStreamRefusals(t *testing.T) {
	s, u := loopbackStack(t, stack.Limits{})
	endless := strings.Repeat("a", 1<<20)
	for name, c := range map[string]struct {
		send string
		want string // in the answer; "" for none
	}{
		"Content-Length 2*10^9":     {"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 2000000000\r\n\r\n", "SIP/2.0 513"},
		"no Content-Length":         {"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n", "SIP/2.0 400"},
		"two Content-Lengths":       {"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\nContent-Length: 1\r\n\r\n", "SIP/2.0 400"},
		"1 MiB line":                {"OPTIONS sip:x SIP/2.0\r\nX: " + endless, ""},
		"1 MiB headers":             {"OPTIONS sip:x SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 200000), ""},
		"1 MiB start line":          {endless, ""},
		"HTTP with a SIP body (D8)": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n" + string(tcpOptions(9, "", "")), ""},
		"bare LF":                   {"OPTIONS sip:x SIP/2.0\nVia: x\n\n", ""},
		"TLS on the TCP port":       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dialTCP(t, s)
			_, _ = conn.Write([]byte(c.send)) // may be cut short by the close
			got := string(expectClosed(t, conn))
			if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("answer %.60q", got)
			}
		})
	}
	if seen := u.saw(); len(seen) != 0 {
		t.Errorf("the TU saw %v", seen)
	}
	alive(t, s)
}

// A well-framed malformed request is refused and the connection goes on.
func TestStreamGoesOnAfterMalformed(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{})
	c := dialTCP(t, s)
	_, _ = c.Write(append(tcpOptions(1, "CSeq: 2 OPTIONS\r\n", "abc"), tcpOptions(2, "", "")...))
	if got := statuses(t, bufio.NewReader(c), 2); got[0] != 400 || got[1] != 200 {
		t.Errorf("answers %v", got)
	}
}

func TestConnectionCaps(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{PerAddress: 3})
	var held []net.Conn
	for i := range 3 {
		c := dialTCP(t, s)
		_, _ = c.Write(tcpOptions(i, "", ""))
		statuses(t, bufio.NewReader(c), 1) // accepted for certain
		held = append(held, c)
	}
	expectClosed(t, dialTCP(t, s))
	_ = held[0].Close()
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.Stats().Connections > 2 {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the place of a closed connection is not free again")
		}
	}
	c := dialTCP(t, s)
	_, _ = c.Write(tcpOptions(9, "", ""))
	statuses(t, bufio.NewReader(c), 1)
}

var pbxTCP = stack.Listen{Transport: "tcp", Addr: pbxAddr}

// Half a message, or nothing at all, keeps a connection for 90 s and no longer, even when bytes trickle in.
func TestSlowLoris(t *testing.T) {
	for name, send := range map[string]func(net.Conn, *siptest.Network){
		"silent": func(net.Conn, *siptest.Network) {},
		"trickle": func(c net.Conn, _ *siptest.Network) {
			for _, b := range []byte("OPTIONS sip:x@192.0.2.1 SIP/2.0\r\n") {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				wait(10 * time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := siptest.NewNetwork(1)
				s := serve(t, n.Config(pbxTCP), &tu{})
				c, err := n.DialStream(context.Background(), aliceAddr.Addr(), pbxAddr)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				go send(c, n)
				_, _ = io.ReadAll(c)
				if d := time.Since(start).Round(time.Second); d != 90*time.Second {
					t.Errorf("closed after %v", d)
				}
				wait(10 * time.Minute)
				if got := s.Stats().Connections; got != 0 {
					t.Errorf("%d connections counted", got)
				}
			})
		})
	}
}

// A flow is its connection: once it has ended, requests fail at once with ErrFlowGone and nothing is dialled (D10).
func TestFlowGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		flows := make(chan *stack.Flow, 1)
		u := &tu{request: func(tx *stack.ServerTx) {
			flows <- tx.Request().Flow
			_ = tx.Respond(stack.NewResponse(tx.Request(), 200, ""))
		}}
		s := serve(t, n.Config(pbxTCP), u)
		ln, _ := n.ListenStream(aliceAddr) // the phone's own port, which must never be called
		c, err := n.DialStream(context.Background(), aliceAddr.Addr(), pbxAddr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(tcpOptions(1, "", ""))
		f := <-flows
		var during, after results
		s.Send(outgoing("OPTIONS", "c1"), stack.Target{Flow: f}, during.on)
		synctest.Wait()
		if !f.Alive() || f.ID() == "" || f.Remote().Addr() != aliceAddr.Addr() {
			t.Errorf("flow %v", f)
		}
		_ = c.Close()
		wait(time.Second)
		checkResults(t, during.list(), []int{-1}, stack.ErrFlowGone)
		s.Send(outgoing("OPTIONS", "c2"), stack.Target{Flow: f}, after.on)
		wait(time.Second)
		checkResults(t, after.list(), []int{-1}, stack.ErrFlowGone)
		if err := s.Keepalive(f); !errors.Is(err, stack.ErrFlowGone) {
			t.Errorf("Keepalive: %v", err)
		}
		if _, _, closed := u.counts(); closed != 1 || f.Alive() {
			t.Errorf("FlowClosed %d times", closed)
		}
		_ = ln.Close()
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error("the stack dialled the phone")
		}
	})
}

// Two requests to the same place share one connection that we dialled; a third after its end gets a new one.
func TestDialReuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		s := serve(t, n.Config(pbxTCP), &tu{})
		ln, _ := n.ListenStream(bobAddr)
		defer func() { _ = ln.Close() }()
		to := stack.Target{Transport: "tcp", Addr: bobAddr}
		s.Send(outgoing("OPTIONS", "c1"), to, nil)
		s.Send(outgoing("OPTIONS", "c2"), to, nil) // while the first is connecting
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		s.Send(outgoing("OPTIONS", "c4"), to, nil) // on the open connection
		b := make([]byte, 4096)
		total := 0
		for total == 0 || bytes.Count(b[:total], []byte("\r\n\r\n")) < 3 {
			m, err := c.Read(b[total:])
			if err != nil {
				t.Fatal(err)
			}
			total += m
		}
		if !bytes.Contains(b, []byte("Via: SIP/2.0/TCP 192.0.2.1:5060;branch=")) {
			t.Errorf("Via does not name the listener:\n%s", b[:total])
		}
		_ = c.Close()
		wait(time.Second)
		s.Send(outgoing("OPTIONS", "c3"), to, nil)
		if _, err := ln.Accept(); err != nil {
			t.Fatal(err)
		}
	})
}

// F9: a peer that never reads loses its connection; the memory it can hold is bounded.
func TestPeerThatNeverReads(t *testing.T) {
	s, u := loopbackStack(t, stack.Limits{RatePerSource: 1e6, Rate: 1e6})
	c := dialTCP(t, s)
	_ = c.SetReadBuffer(4096)
	var b []byte
	for i := range 64 {
		b = append(b, tcpOptions(i, "Via: SIP/2.0/TCP "+strings.Repeat("x", 200)+";branch=z9hG4bK"+strings.Repeat("y", 8000)+"\r\n", "")...)
	}
	for {
		if _, err := c.Write(b); err != nil {
			break // closed by the stack: the deadline of 5 s would be a failure
		}
	}
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	for {
		if _, _, closed := u.counts(); closed == 1 {
			break
		}
		select {
		case <-deadline.C:
			t.Fatal("the connection is still held")
		default:
			runtime.Gosched()
		}
	}
	if s.Stats().Shed == 0 {
		t.Error("it was the kernel that gave up, not the send queue")
	}
	alive(t, s)
}

func TestListenNeedsConcreteAddresses(t *testing.T) {
	for _, l := range []stack.Listen{
		{Transport: "udp", Addr: netip.MustParseAddrPort("0.0.0.0:0")}, {Transport: "tcp", Addr: netip.MustParseAddrPort("[::]:0")},
		{Transport: "tls", Addr: netip.MustParseAddrPort("127.0.0.1:0")}, {Transport: "sctp", Addr: netip.MustParseAddrPort("127.0.0.1:0")},
		{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0"), Advertise: "not a host"}, {Transport: "udp"},
	} {
		if s, err := stack.New(stack.Config{Listen: []stack.Listen{l}}, &tu{}, nil); err == nil {
			_ = s.Close()
			t.Errorf("%v was accepted", l)
		}
	}
}
