package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/rtp"
	"naisen/media/sdp"
	"naisen/media/secure"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// patience bounds every wait of these tests.
const patience = 5 * time.Second

// engineFor starts an engine that the test closes.
func engineFor(t testing.TB, c Config) *Engine {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range e.shards {
			if !s.dead {
				t.Error("a shard lives on")
			}
		}
	})
	return e
}

// phone is a peer on real sockets: what it sends it makes by itself, so that the relay's work is seen from outside.
type phone struct {
	t         testing.TB
	rtp, rtcp *net.UDPConn
	neg       *sdp.Session
	suite     secure.Suite // the only one that it offers; empty: all
	agreed    sdp.Agreed
	in, out   *secure.Context
	seq       uint16
	ts        uint32
	ssrc      uint32
	buf       [2048]byte
}

func newPhone(t testing.TB, codecs ...media.Codec) *phone {
	t.Helper()
	p := &phone{t: t, ssrc: random32(), seq: 100, ts: 5000}
	for range 50 { // RTCP is one port up
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		r, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, port+1)))
		if err != nil {
			_ = c.Close()
			continue
		}
		p.rtp, p.rtcp = c, r
		t.Cleanup(func() { _ = c.Close(); _ = r.Close() })
		p.neg = sdp.New(sdp.Config{Addr: loopback, Port: int(port), Codecs: codecs, SecureSIP: true, SessionID: 1})
		return p
	}
	t.Fatal("no pair of ports")
	return nil
}

// addr is where the phone's RTP comes from.
func (p *phone) addr() netip.AddrPort { return p.rtp.LocalAddr().(*net.UDPAddr).AddrPort() }

// calls lets the phone offer and the endpoint answer.
func (p *phone) calls(e media.Endpoint, phoneWants, endpointWants media.Want) {
	p.t.Helper()
	offer, err := p.neg.Offer(phoneWants)
	if err != nil {
		p.t.Fatal(err)
	}
	offer = p.only(offer)
	answer, err := e.Answer(offer, endpointWants)
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := p.neg.Accept(answer)
	if err != nil {
		p.t.Fatal(err)
	}
	p.take(a)
}

// only leaves the crypto lines of the phone's suite in its offer, if it has one.
func (p *phone) only(d media.SDP) media.SDP {
	if p.suite == "" {
		return d
	}
	lines := strings.SplitAfter(string(d), "\n")
	return media.SDP(strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "a=crypto:") && !strings.Contains(l, string(p.suite))
	}), ""))
}

// called lets the endpoint offer and the phone answer.
func (p *phone) called(e media.Endpoint, w media.Want) {
	p.t.Helper()
	offer, err := e.Offer(w)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, a, err := p.neg.Answer(offer, media.Want{Security: w.Security})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := e.Accept(answer); err != nil {
		p.t.Fatal(err)
	}
	p.take(a)
}

func (p *phone) take(a sdp.Agreed) {
	p.t.Helper()
	if a.Secure {
		if p.out == nil || !p.out.Uses(a.Local) {
			p.out = p.context(a.Local)
		}
		if p.in == nil || !p.in.Uses(a.RemoteKey) {
			p.in = p.context(a.RemoteKey)
		}
	}
	p.agreed = a
}

func (p *phone) context(k secure.Key) *secure.Context {
	p.t.Helper()
	c, err := secure.NewContext(k)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// frame is 20 ms of a pattern that names its sender and number.
func frame(tag byte, n int) []byte {
	b := make([]byte, 160)
	for i := range b {
		b[i] = tag
	}
	binary.BigEndian.PutUint32(b, uint32(n))
	return b
}

// packet makes the phone's next audio packet, protected if the session is.
func (p *phone) packet(payload []byte) []byte {
	return p.next(p.agreed.SendPT, payload, 160)
}

func (p *phone) next(pt uint8, payload []byte, step uint32) []byte {
	h := rtp.Header{PayloadType: pt, Sequence: p.seq, Timestamp: p.ts, SSRC: p.ssrc}
	p.seq++
	p.ts += step
	return p.seal(h.Append(make([]byte, 0, 2048), payload))
}

func (p *phone) seal(pkt []byte) []byte {
	p.t.Helper()
	if p.out == nil {
		return pkt
	}
	out, err := p.out.ProtectRTP(nil, pkt)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// send sends raw octets to the endpoint's RTP port.
func (p *phone) send(pkt []byte) {
	p.t.Helper()
	if _, err := p.rtp.WriteToUDPAddrPort(pkt, p.agreed.Remote); err != nil {
		p.t.Fatal(err)
	}
}

// say sends one frame.
func (p *phone) say(payload []byte) { p.t.Helper(); p.send(p.packet(payload)) }

// heard is one packet as a phone received it.
type heard struct {
	rtp.Header
	payload []byte
	from    netip.AddrPort
}

// hear waits for the next packet; it fails the test when none comes or it is not authentic.
func (p *phone) hear() heard {
	p.t.Helper()
	h, ok := p.hearFor(patience)
	if !ok {
		p.t.Fatal("heard nothing")
	}
	return h
}

func (p *phone) hearFor(d time.Duration) (heard, bool) {
	p.t.Helper()
	_ = p.rtp.SetReadDeadline(time.Now().Add(d))
	n, from, err := p.rtp.ReadFromUDPAddrPort(p.buf[:])
	if err != nil {
		return heard{}, false
	}
	pkt := append([]byte(nil), p.buf[:n]...)
	if p.in != nil {
		if pkt, err = p.in.UnprotectRTP(nil, pkt); err != nil {
			p.t.Fatalf("packet from the relay: %v", err)
		}
	}
	h, err := rtp.Parse(pkt)
	if err != nil {
		p.t.Fatal(err)
	}
	return heard{h, pkt[h.Start:h.End], from}, true
}

// silence fails if anything arrives within d.
func (p *phone) silence(d time.Duration) {
	p.t.Helper()
	if h, ok := p.hearFor(d); ok {
		p.t.Fatalf("heard %v % x, want nothing", h.Header, h.payload[:min(8, len(h.payload))])
	}
}

// leg is an endpoint with its events.
type testLeg struct {
	media.Endpoint
	events chan media.Event
}

func newLeg(t testing.TB, e *Engine, p media.Profile) testLeg {
	t.Helper()
	p.Local = loopback
	events := make(chan media.Event, 1000)
	ep, err := e.Endpoint(p, func(ev media.Event) {
		select {
		case events <- ev:
		default: // a test that does not look
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return testLeg{ep, events}
}

// event waits for an event of one type and passes over others.
func event[T media.Event](t testing.TB, l testLeg) T {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case ev := <-l.events:
			if got, ok := ev.(T); ok {
				return got
			}
		case <-deadline.C:
			var want T
			t.Fatalf("no %T", want)
		}
	}
}

// eventually polls a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatal("never: " + what)
		case <-tick.C:
		}
	}
	runtime.Gosched()
}

// want of a leg by its security.
func want(s media.Security) media.Want { return media.Want{Security: s} }

// call is two phones joined by the relay.
type call struct {
	a, b   *phone
	la, lb testLeg
	bridge media.Bridge
}

func newCall(t testing.TB, e *Engine, sa, sb media.Security) *call {
	t.Helper()
	c := &call{a: newPhone(t), b: newPhone(t), bridge: e.Bridge()}
	c.la, c.lb = newLeg(t, e, media.Profile{SecureSIP: true}), newLeg(t, e, media.Profile{SecureSIP: true})
	c.a.calls(c.la, want(sa), want(sa))
	c.b.called(c.lb, want(sb))
	c.join(t)
	return c
}

func (c *call) join(t testing.TB) {
	t.Helper()
	for _, l := range []testLeg{c.la, c.lb} {
		if err := c.bridge.Join(l.Endpoint); err != nil {
			t.Fatal(err)
		}
	}
}
