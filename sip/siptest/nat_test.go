package siptest_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
)

var (
	outside = netip.MustParseAddr("198.51.100.1")
	within  = netip.MustParseAddrPort("10.0.0.5:5060")
)

// says sends and gives what the other socket got, and from where; empty: nothing.
func says(t *testing.T, from net.PacketConn, to netip.AddrPort, at net.PacketConn) (text string, source netip.AddrPort) {
	t.Helper()
	if _, err := from.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	_ = at.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	n, addr, err := at.ReadFrom(buf)
	if err != nil {
		return "", netip.AddrPort{}
	}
	return string(buf[:n]), addr.(*net.UDPAddr).AddrPort()
}

// boxes runs on virtual time, and on the machine's own sockets.
func boxes(t *testing.T, f func(t *testing.T, w siptest.World, out netip.Addr, hosts []netip.Addr)) {
	t.Run("virtual", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, siptest.NewNetwork(1), outside, []netip.Addr{a.Addr(), b.Addr()}) })
	})
	t.Run("loopback", func(t *testing.T) {
		f(t, siptest.Loopback{}, netip.MustParseAddr("127.0.0.71"), []netip.Addr{netip.MustParseAddr("127.0.0.72"), netip.MustParseAddr("127.0.0.73")})
	})
}

func TestNAT(t *testing.T) {
	boxes(t, func(t *testing.T, w siptest.World, out netip.Addr, hosts []netip.Addr) {
		var at [2]net.PacketConn
		var addr [2]netip.AddrPort
		for i, h := range hosts {
			pc, err := w.ListenPacket(netip.AddrPortFrom(h, 0))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = pc.Close() }()
			at[i], addr[i] = pc, netip.MustParseAddrPort(pc.LocalAddr().String())
		}
		for _, kind := range []siptest.Mapping{siptest.FullCone, siptest.Symmetric} {
			n := siptest.NewNAT(w, out, kind)
			in, err := n.ListenPacket(within)
			if err != nil {
				t.Fatal(err)
			}
			_, one := says(t, in, addr[0], at[0])
			if one.Addr() != out {
				t.Fatalf("seen from %s", one)
			}
			if _, two := says(t, in, addr[1], at[1]); (two == one) != (kind == siptest.FullCone) {
				t.Errorf("%v: mapped to %s and %s", kind, one, two)
			}
			if _, again := says(t, in, addr[0], at[0]); again != one {
				t.Errorf("mapped again to %s, first to %s", again, one)
			}
			if text, source := says(t, at[0], one, in); text != "hello" || source != addr[0] {
				t.Errorf("the answer: %q from %s", text, source)
			}
			if text, _ := says(t, at[1], one, in); (text != "") != (kind == siptest.FullCone) {
				t.Errorf("%v: somebody else's: %q", kind, text)
			}
			n.Rebind()
			if text, _ := says(t, at[0], one, in); text != "" {
				t.Error("a mapping that is forgotten lets in")
			}
			if _, now := says(t, in, addr[0], at[0]); now == one || now.Addr() != out {
				t.Errorf("after that from %s, before from %s", now, one)
			}
			n.Down(true)
			if text, _ := says(t, in, addr[0], at[0]); text != "" {
				t.Error("a box that is off lets out")
			}
			n.Down(false)
			if text, _ := says(t, in, addr[0], at[0]); text == "" {
				t.Error("a box that is on again lets nothing out")
			}
			n.Close()
		}
	})
}

// A connection through a NAT that has forgotten it is dead for both, and nobody is told.
func TestNATForgetsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := siptest.NewNetwork(1)
		l, err := w.ListenStream(b)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		n := siptest.NewNAT(w, outside, siptest.Symmetric)
		defer n.Close()
		in, err := n.DialStream(context.Background(), within, b)
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		hears := func(c, from net.Conn) string {
			buf := make([]byte, 10)
			if _, err := from.Write([]byte("x")); err != nil {
				return err.Error()
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			m, err := c.Read(buf)
			return fmt.Sprint(string(buf[:m]), err)
		}
		if got := hears(far, in) + hears(in, far); got != "x<nil>x<nil>" {
			t.Errorf("heard %q", got)
		}
		if got := netip.MustParseAddrPort(far.RemoteAddr().String()).Addr(); got != outside {
			t.Errorf("seen from %s", got)
		}
		n.Rebind()
		if got := hears(far, in) + hears(in, far); got != "i/o timeouti/o timeout" {
			t.Errorf("heard %q", got)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if got := hears(far, in); got != "i/o timeout" { // what is written into a dead connection is lost
			t.Errorf("the other side was told: %q", got)
		}
		_ = far.Close()
	})
}
