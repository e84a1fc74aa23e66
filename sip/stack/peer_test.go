package stack_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/sip/stack"
)

// TestPeerStyle: what goes to a carrier that wants it has its DSCP and short header names; what goes elsewhere has neither.
func TestPeerStyle(t *testing.T) {
	for _, c := range []struct {
		name  string
		style stack.PeerStyle
		tos   byte
	}{{"carrier", stack.PeerStyle{DSCP: 32, Compact: true}, 0x80}, {"anybody", stack.PeerStyle{}, 0}} {
		t.Run(c.name, func(t *testing.T) {
			peer := listenTOS(t)
			s, err := stack.New(stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
				Peer: func(netip.Addr) stack.PeerStyle { return c.style }}, &tu{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.Serve(ctx) }()
			t.Cleanup(func() { stop(); <-done; s.Close() })
			to := peer.LocalAddr().(*net.UDPAddr).AddrPort()
			req := optionsTo(t, to)
			s.Send(req, stack.Target{Transport: "udp", Addr: to}, func(*stack.ClientTx, stack.Result) {})
			text, tos := readTOS(t, peer)
			if tos != c.tos {
				t.Errorf("TOS %#x, want %#x", tos, c.tos)
			}
			for long, short := range map[string]string{"Via: ": "v: ", "From: ": "f: ", "To: ": "t: ", "Call-ID: ": "i: "} {
				if strings.Contains(text, "\r\n"+long) == c.style.Compact || strings.Contains(text, "\r\n"+short) != c.style.Compact {
					t.Errorf("compact %v, but:\n%s", c.style.Compact, text)
				}
			}
			if r, _, err := stack.Parse([]byte(text)); err != nil || r.CallID() != "peer@test" {
				t.Errorf("does not read back: %v", err)
			}
		})
	}
}

func listenTOS(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1) })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readTOS(t *testing.T, c *net.UDPConn) (text string, tos byte) {
	t.Helper()
	b, oob := make([]byte, 4096), make([]byte, 128)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, m, _, _, err := c.ReadMsgUDP(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:m])
	if err != nil || len(messages) != 1 || len(messages[0].Data) == 0 {
		t.Fatalf("control messages: %v %v", messages, err)
	}
	return string(bytes.Clone(b[:n])), messages[0].Data[0]
}

func optionsTo(t *testing.T, to netip.AddrPort) *stack.Request {
	t.Helper()
	r, _, err := stack.Parse([]byte("OPTIONS sip:" + to.String() + " SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n" +
		"Call-ID: peer@test\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
