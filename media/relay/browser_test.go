package relay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/rtp"
	"naisen/media/secure"
	"naisen/media/webrtc"
)

// browser is a peer that finds its way by ICE and makes its keys by DTLS, on real sockets.
type browser struct {
	t           testing.TB
	conn        *net.UDPConn
	cert        *secure.Certificate
	print       secure.Fingerprint // that it says it has
	creds, pbx  webrtc.Credentials
	peer        secure.Fingerprint
	to          netip.AddrPort // our port
	in, out     *secure.Context
	seq         uint16
	ssrc        uint32
	buf         [2048]byte
	offers      int
	association *secure.Association
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	cert, err := secure.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, cert: cert, print: cert.Fingerprint(), creds: webrtc.NewCredentials(), ssrc: random32(), seq: 1}
	b.conn = b.socket()
	return b
}

func (b *browser) socket() *net.UDPConn {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c
}

// offer is shaped as Chromium's: no address known yet, candidates that must not be looked at, a second stream.
func (b *browser) offer() media.SDP {
	b.offers++
	return media.SDP(strings.ReplaceAll(fmt.Sprintf(`v=0
o=- 4611731400430051336 %d IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 0 8 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 0b3a1c5e-1111-2222-3333-abcdefabcdef.local 50000 typ host generation 0
a=candidate:2 1 udp 1677729535 127.0.0.1 1 typ srflx raddr 0.0.0.0 rport 0
a=ice-ufrag:%s
a=ice-pwd:%s
a=ice-options:trickle
a=fingerprint:%s
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:126 telephone-event/8000
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=rtpmap:96 VP8/90000
`, b.offers, b.creds.Ufrag, b.creds.Password, b.print), "\n", "\r\n"))
}

func find(t testing.TB, d media.SDP, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(d)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, d)
	}
	return string(m[1])
}

// read takes from our answer what a browser takes.
func (b *browser) read(answer media.SDP) {
	b.t.Helper()
	for _, line := range []string{"a=ice-lite\r\n", "a=group:BUNDLE 0\r\n", "UDP/TLS/RTP/SAVPF 0 126\r\n", "a=rtcp-mux\r\n", "a=mid:0\r\n", "m=video 0 ", "a=mid:1\r\n", "a=end-of-candidates\r\n"} {
		if !strings.Contains(string(answer), line) {
			b.t.Fatalf("no %q in\n%s", line, answer)
		}
	}
	b.pbx = webrtc.Credentials{Ufrag: find(b.t, answer, `a=ice-ufrag:(\S+)`), Password: find(b.t, answer, `a=ice-pwd:(\S+)`)}
	f, err := secure.ParseFingerprint(find(b.t, answer, `a=fingerprint:([^\r]+)`))
	port, err2 := strconv.Atoi(find(b.t, answer, `a=candidate:1 1 udp \d+ 127\.0\.0\.1 (\d+) typ host`))
	if err := errors.Join(err, err2); err != nil {
		b.t.Fatal(err)
	}
	b.peer, b.to = f, netip.AddrPortFrom(loopback, uint16(port))
}

// check sends a connectivity check and tells whether it was answered.
func (b *browser) check(c *net.UDPConn, to webrtc.Credentials, nominate bool, wait time.Duration) bool {
	b.t.Helper()
	var id [12]byte
	_, _ = rand.Read(id[:])
	if _, err := c.WriteToUDPAddrPort(webrtc.AppendCheck(nil, id, b.creds, to, nominate), b.to); err != nil {
		b.t.Fatal(err)
	}
	deadline := time.Now().Add(wait)
	for {
		_ = c.SetReadDeadline(deadline)
		n, err := c.Read(b.buf[:])
		if err != nil {
			return false
		}
		if n > 20 && b.buf[0] == 1 && b.buf[1] == 1 && string(b.buf[8:20]) == string(id[:]) {
			return true
		}
	}
}

// shake makes the keys over the browser's socket.
func (b *browser) shake() error {
	b.t.Helper()
	wire := secure.NewWire(func(p []byte) { _, _ = b.conn.WriteToUDPAddrPort(p, b.to) }, b.conn.LocalAddr())
	ctx, cancel := context.WithTimeout(b.t.Context(), 15*time.Second)
	defer cancel()
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, 2048); ; {
			select {
			case <-stop:
				return
			default:
			}
			_ = b.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, err := b.conn.Read(buf); err == nil && webrtc.Classify(buf[:n]) == webrtc.DTLS {
				wire.Deliver(buf[:n])
			}
		}
	}()
	a, err := b.cert.Handshake(ctx, wire, b.conn.LocalAddr(), true, b.peer)
	close(stop)
	<-ended
	if err != nil {
		return err
	}
	b.association = a
	wire.Mute()
	b.t.Cleanup(a.Close)
	var err1, err2 error
	b.out, err1 = secure.NewContext(a.Local)
	b.in, err2 = secure.NewContext(a.Remote)
	return errors.Join(err1, err2)
}

// calls lets the browser call a leg, up to keys.
func (b *browser) calls(l testLeg) {
	b.t.Helper()
	answer, err := l.Answer(b.offer(), media.Want{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.read(answer)
	if !b.check(b.conn, b.pbx, true, patience) {
		b.t.Fatal("the check was not answered")
	}
	if err := b.shake(); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "keys", func() bool { s := l.Endpoint.(*endpoint).session.Load(); return s.secure && !s.pending })
}

func (b *browser) say(c *net.UDPConn, payload string) {
	b.t.Helper()
	pkt := append([]byte{0x80, 0, byte(b.seq >> 8), byte(b.seq), 0, 0, byte(b.seq >> 8), byte(b.seq), byte(b.ssrc >> 24), byte(b.ssrc >> 16), byte(b.ssrc >> 8), byte(b.ssrc)}, payload...)
	b.seq++
	sealed, err := b.out.ProtectRTP(nil, pkt)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := c.WriteToUDPAddrPort(sealed, b.to); err != nil {
		b.t.Fatal(err)
	}
}

// hears waits for a packet of voice.
func (b *browser) hears(c *net.UDPConn, wait time.Duration) (string, bool) {
	b.t.Helper()
	deadline := time.Now().Add(wait)
	for {
		_ = c.SetReadDeadline(deadline)
		n, err := c.Read(b.buf[:])
		if err != nil {
			return "", false
		}
		if pkt := b.buf[:n]; webrtc.Classify(pkt) == webrtc.RTP && !rtp.IsRTCP(pkt) {
			plain, err := b.in.UnprotectRTP(nil, pkt)
			if err != nil {
				b.t.Fatalf("what we hear cannot be opened: %v", err)
			}
			return string(plain[12:]), true
		}
	}
}
