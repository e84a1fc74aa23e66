package turn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/turn/v5"
)

var ours = netip.MustParseAddr("127.0.0.9") // where the media of these tests is

// relay is a server whose media port is that of an echo.
type relay struct {
	*Server
	t     *testing.T
	media *net.UDPConn
	now   atomic.Int64
}

func newRelay(t *testing.T, change func(*Config)) *relay {
	t.Helper()
	r := &relay{t: t, media: listen(t, ours)}
	r.now.Store(time.Now().Unix())
	port := r.media.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	c := Config{UDP: netip.MustParseAddrPort("127.0.0.1:0"), Realm: "naisen", Inside: ours, Ports: func(p uint16) bool { return p == port }, PerUser: 2, Most: 3,
		Clock: func() time.Time { return time.Unix(r.now.Load(), 0) }}
	if change != nil {
		change(&c)
	}
	var err error
	if r.Server, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := r.media.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = r.media.WriteToUDPAddrPort(append([]byte("heard "), buf[:n]...), from)
		}
	}()
	return r
}

func listen(t *testing.T, at netip.Addr) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// client is a real TURN client over UDP.
func (r *relay) client(c Credentials) *turn.Client {
	r.t.Helper()
	udp, _ := r.Addrs()
	return r.clientOver(listen(r.t, netip.MustParseAddr("127.0.0.1")), udp.String(), c)
}

func (r *relay) clientOver(conn net.PacketConn, server string, c Credentials) *turn.Client {
	r.t.Helper()
	cl, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: server, TURNServerAddr: server, Conn: conn, Username: c.Username, Password: c.Password, Realm: "naisen"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cl.Close)
	if err := cl.Listen(); err != nil {
		r.t.Fatal(err)
	}
	return cl
}

// hears sends by an allocation to the media and waits for its answer.
func (r *relay) hears(relayed net.PacketConn) {
	r.t.Helper()
	if _, err := relayed.WriteTo([]byte("hello"), r.media.LocalAddr()); err != nil {
		r.t.Fatal(err)
	}
	_ = relayed.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1500)
	n, from, err := relayed.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "heard hello" || from.String() != r.media.LocalAddr().String() {
		r.t.Fatalf("%q from %v, %v", buf[:n], from, err)
	}
}

func TestRelayToOurMedia(t *testing.T) {
	r := newRelay(t, nil)
	relayed, err := r.client(r.Grant("d/2001")).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	r.hears(relayed)
	stranger := listen(t, ours) // on our address, and no media
	if _, err := relayed.WriteTo([]byte("hello"), stranger.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	_, _ = stranger.WriteTo([]byte("boo"), relayed.LocalAddr())
	r.hears(relayed) // and nothing else came before it
	_ = stranger.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _, err := stranger.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("a port that is no media got %d octets", n)
	}
	if s := r.Stats(); s.Dropped < 2 || s.Held != 1 || s.Allocations != 1 {
		t.Errorf("%+v", s)
	}
	if err := relayed.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return r.Stats().Held == 0 })
}

// Threat F6: the relay leads to no other address, least of all to an internal one.
func TestNoOtherPeer(t *testing.T) {
	r := newRelay(t, nil)
	cl := r.client(r.Grant("d/2001"))
	if _, err := cl.Allocate(); err != nil {
		t.Fatal(err)
	}
	for _, peer := range []string{"127.0.0.1", "127.0.0.53", "10.0.0.1", "172.16.1.1", "192.168.0.10", "169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "100.64.0.1",
		"8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1"} {
		err := cl.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: 53})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", peer, err)
		}
	}
	for _, peer := range []string{"::1", "::", "fe80::1", "fd00::1", "2001:db8::1"} { // of another family: refused as such
		if err := cl.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: 53}); err == nil {
			t.Errorf("%s: permitted", peer)
		}
	}
	if err := cl.CreatePermission(r.media.LocalAddr()); err != nil {
		t.Errorf("our media: %v", err)
	}
	if s := r.Stats(); s.Refused < 13 {
		t.Errorf("%+v", s)
	}
}

func TestCredentials(t *testing.T) {
	r := newRelay(t, nil)
	good := r.Grant("d/2001")
	other := newRelay(t, nil).Grant("d/2001") // of another run
	forged := Credentials{Username: "99999999999:d/2001", Password: good.Password}
	for what, c := range map[string]Credentials{"another run's": other, "prolonged by hand": forged, "wrong password": {Username: good.Username, Password: "x"},
		"no time": {Username: "d/2001", Password: good.Password}, "nobody": r.Grant("")} {
		if _, err := r.client(c).Allocate(); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	cl := r.client(good)
	relayed, err := cl.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	r.now.Add(int64(lifetime/time.Second) + 60) // the credentials are over: what was begun goes on, nothing new begins
	r.hears(relayed)
	if _, err := r.client(good).Allocate(); err == nil {
		t.Error("credentials that are over began something")
	}
	r.now.Add(int64(grace / time.Second))
	if err := cl.CreatePermission(r.media.LocalAddr()); err == nil {
		t.Error("credentials of yesterday are good for ever")
	}
}

func TestQuotas(t *testing.T) {
	r := newRelay(t, nil)
	allocate := func(user string) (net.PacketConn, error) { return r.client(r.Grant(user)).Allocate() }
	var first net.PacketConn
	for i, c := range []struct {
		user string
		ok   bool
	}{{"d/2001", true}, {"d/2001", true}, {"d/2001", false}, {"d/2002", true}, {"d/2003", false}} {
		relayed, err := allocate(c.user)
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "486") {
			t.Errorf("allocation %d of %s: %v", i, c.user, err)
		}
		if i == 0 {
			first = relayed
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return r.Stats().Held == 2 })
	if _, err := allocate("d/2003"); err != nil {
		t.Errorf("after one went: %v", err)
	}
}

// Over TLS, where a firewall lets nothing else out; and the media's public address stands for the one inside.
func TestOverTLSFromOutside(t *testing.T) {
	public := netip.MustParseAddr("198.51.100.7")
	r := newRelay(t, func(c *Config) {
		c.TLS, c.Certs, c.Public = netip.MustParseAddrPort("127.0.0.1:0"), certificate(t), public
	})
	_, at := r.Addrs()
	conn, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	relayed, err := r.clientOver(turn.NewSTUNConn(conn), at.String(), r.Grant("d/2001")).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	if !r.holding(conn) {
		t.Error("the connection counts as a stranger's")
	}
	peer := net.UDPAddrFromAddrPort(netip.AddrPortFrom(public, r.media.LocalAddr().(*net.UDPAddr).AddrPort().Port()))
	if _, err := relayed.WriteTo([]byte("hello"), peer); err != nil {
		t.Fatal(err)
	}
	_ = relayed.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 100)
	if n, from, err := relayed.ReadFrom(buf); err != nil || string(buf[:n]) != "heard hello" || from.String() != peer.String() {
		t.Fatalf("%q from %v, %v", buf[:n], from, err)
	}
	if err := relayed.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return !r.holding(conn) })
}

// holding tells whether a client's connection is known to have an allocation.
func (r *relay) holding(client net.Conn) bool {
	r.tcp.mu.Lock()
	defer r.tcp.mu.Unlock()
	c := r.tcp.conns[client.LocalAddr().(*net.TCPAddr).AddrPort()]
	return c != nil && c.until.Load() == nil
}

func TestConfig(t *testing.T) {
	good := Config{UDP: netip.MustParseAddrPort("127.0.0.1:0"), Inside: ours, Ports: func(uint16) bool { return true }, PerUser: 1, Most: 1}
	for what, change := range map[string]func(*Config){"no listener": func(c *Config) { c.UDP = netip.AddrPort{} }, "no media": func(c *Config) { c.Inside = netip.Addr{} },
		"any media": func(c *Config) { c.Inside = netip.IPv4Unspecified() }, "no quota": func(c *Config) { c.PerUser = 0 }, "no certificate": func(c *Config) { c.TLS = c.UDP }} {
		c := good
		change(&c)
		if s, err := New(c); err == nil {
			_ = s.Close()
			t.Errorf("%s was taken", what)
		}
	}
}

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("never")
		}
	}
}
