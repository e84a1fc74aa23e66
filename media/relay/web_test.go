package relay

import (
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
	"naisen/media/secure"
	"naisen/media/webrtc"
)

// pairOf is a browser's leg and a phone's in one bridge.
func pairOf(t *testing.T) (*Engine, testLeg, testLeg, *phone) {
	t.Helper()
	e := engineFor(t, Config{})
	web, desk := newLeg(t, e, media.Profile{Browser: true}), newLeg(t, e, media.Profile{})
	p := newPhone(t, media.PCMU)
	p.calls(desk, media.Want{Security: media.SecurityForbidden}, media.Want{})
	br := e.Bridge()
	if err := errors.Join(br.Join(web.Endpoint), br.Join(desk.Endpoint)); err != nil {
		t.Fatal(err)
	}
	return e, web, desk, p
}

// bothHear fails unless each hears the other.
func bothHear(t *testing.T, b *browser, c *net.UDPConn, p *phone) {
	t.Helper()
	b.say(c, "from the browser")
	if h := p.hear(); string(h.payload) != "from the browser" {
		t.Fatalf("the desk heard %q", h.payload)
	}
	p.say([]byte("from the desk"))
	if got, ok := b.hears(c, patience); !ok || got != "from the desk" {
		t.Fatalf("the browser heard %q %v", got, ok)
	}
}

func TestBrowserTalksToADesk(t *testing.T) {
	_, web, _, p := pairOf(t)
	b := newBrowser(t)
	b.calls(web)
	bothHear(t, b, b.conn, p)
	if st := web.Stats(); st.SRTP != string(secure.GCM128) || st.Remote != b.conn.LocalAddr().(*net.UDPAddr).AddrPort() {
		t.Errorf("%+v", st)
	}
}

// All browsers share one port, and none hears another's call.
func TestBrowsersShareAPort(t *testing.T) {
	e := engineFor(t, Config{Shards: 2})
	var all []*browser
	var legs []testLeg
	for range 4 {
		l, b := newLeg(t, e, media.Profile{Browser: true}), newBrowser(t)
		b.calls(l)
		all, legs = append(all, b), append(legs, l)
	}
	for i := range all {
		if all[i].to != all[0].to {
			t.Errorf("ports %v and %v", all[i].to, all[0].to)
		}
	}
	for i := 0; i < 4; i += 2 {
		br := e.Bridge()
		if err := errors.Join(br.Join(legs[i].Endpoint), br.Join(legs[i+1].Endpoint)); err != nil {
			t.Fatal(err)
		}
		all[i].say(all[i].conn, "pair "+strconv.Itoa(i))
	}
	for i := 0; i < 4; i += 2 {
		if got, ok := all[i+1].hears(all[i+1].conn, patience); !ok || got != "pair "+strconv.Itoa(i) {
			t.Errorf("browser %d heard %q", i+1, got)
		}
	}
}

// F1: DTLS from an address that no check has proved ends nothing and begins nothing, a browser's own included.
func TestDTLSFromAStranger(t *testing.T) {
	e, web, _, p := pairOf(t)
	b := newBrowser(t)
	answer, err := web.Answer(b.offer(), media.Want{})
	if err != nil {
		t.Fatal(err)
	}
	b.read(answer)
	hello := append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38}, make([]byte, 38)...) // of the NULL suite
	stranger := b.socket()
	for range 50 {
		for _, c := range []*net.UDPConn{stranger, b.conn} {
			if _, err := c.WriteToUDPAddrPort(hello, b.to); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := e.fronts[loopback]
	eventually(t, "all were dropped", func() bool { return f.strange.Load() == 100 })
	_ = stranger.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := stranger.Read(b.buf[:]); err == nil {
		t.Errorf("the stranger got %d octets", n)
	}
	if !b.check(b.conn, b.pbx, true, patience) {
		t.Fatal("no answer")
	}
	if err := b.shake(); err != nil {
		t.Fatal(err)
	}
	bothHear(t, b, b.conn, p)
}

// F3: the certificate in the handshake is not that of the description: no voice either way, and the call is told.
func TestBrowserWithAnotherCertificate(t *testing.T) {
	_, web, _, p := pairOf(t)
	b := newBrowser(t)
	b.print[0] ^= 1
	answer, err := web.Answer(b.offer(), media.Want{})
	if err != nil {
		t.Fatal(err)
	}
	b.read(answer)
	if !b.check(b.conn, b.pbx, true, patience) {
		t.Fatal("no answer")
	}
	go func() { _ = b.shake() }()
	if ev := event[media.KeysFailed](t, web); !errors.Is(ev.Err, secure.ErrFingerprint) {
		t.Errorf("%v", ev.Err)
	}
	p.say([]byte("to nobody"))
	if st := web.Stats(); st.Sent != 0 || st.Received != 0 {
		t.Errorf("%+v", st)
	}
}

// F4: wrong passwords and names get no answer at all, however many, and open no socket.
func TestChecksOfStrangers(t *testing.T) {
	_, web, _, _ := pairOf(t)
	b := newBrowser(t)
	answer, err := web.Answer(b.offer(), media.Want{})
	if err != nil {
		t.Fatal(err)
	}
	b.read(answer)
	stranger := b.socket()
	for range 500 {
		for _, c := range []webrtc.Credentials{{Ufrag: b.pbx.Ufrag, Password: "wrong wrong wrong wrong"}, {Ufrag: "nobody", Password: b.pbx.Password}} {
			if _, err := stranger.WriteToUDPAddrPort(webrtc.AppendCheck(nil, [12]byte{}, b.creds, c, true), b.to); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b.check(stranger, webrtc.Credentials{Ufrag: b.pbx.Ufrag, Password: "wrong wrong wrong wrong"}, true, 200*time.Millisecond) {
		t.Error("a wrong password is answered")
	}
	if ep := web.Endpoint.(*endpoint); ep.web.selected.Load() != nil {
		t.Error("a pair was chosen")
	}
	if !b.check(b.conn, b.pbx, true, patience) {
		t.Error("the browser is not answered")
	}
}

// F5: a browser whose checks have ceased is not sent to, and is again when it comes back.
func TestConsent(t *testing.T) {
	_, web, _, p := pairOf(t)
	b := newBrowser(t)
	b.calls(web)
	bothHear(t, b, b.conn, p)
	ep := web.Endpoint.(*endpoint)
	later := make(chan bool)
	for _, after := range []time.Duration{consentLife - time.Second, consentLife + time.Second} {
		ep.command(func(_ *shard, e *endpoint, now int64) {
			e.web.consents(e, now+int64(after))
			later <- e.leg.to.len != 0
		})
		if got := <-later; got != (after < consentLife) {
			t.Errorf("after %v: sent to %v", after, got)
		}
	}
	p.say([]byte("into the void"))
	if got, ok := b.hears(b.conn, 100*time.Millisecond); ok {
		t.Errorf("heard %q without consent", got)
	}
	if !b.check(b.conn, b.pbx, false, patience) {
		t.Fatal("no answer")
	}
	p.say([]byte("again"))
	if got, _ := b.hears(b.conn, patience); got != "again" {
		t.Errorf("heard %q", got)
	}
}

// A browser whose network has changed restarts ICE: the keys go on, the voice comes from and goes to the new address alone.
func TestICERestart(t *testing.T) {
	_, web, _, p := pairOf(t)
	b := newBrowser(t)
	b.calls(web)
	bothHear(t, b, b.conn, p)
	before := b.pbx
	b.creds = webrtc.NewCredentials()
	answer, err := web.Answer(b.offer(), media.Want{})
	if err != nil {
		t.Fatal(err)
	}
	if b.read(answer); b.pbx == before || find(t, answer, `a=setup:(\S+)`) != "passive" {
		t.Errorf("our credentials stayed, or the role changed:\n%s", answer)
	}
	bothHear(t, b, b.conn, p) // until the new path is chosen the old one goes on
	old := b.conn
	b.conn = b.socket()
	if !b.check(b.conn, b.pbx, false, patience) {
		t.Fatal("a check of the new path is not answered")
	}
	bothHear(t, b, old, p)
	if !b.check(b.conn, b.pbx, true, patience) {
		t.Fatal("the choice is not answered")
	}
	bothHear(t, b, b.conn, p)
	again, err := web.Answer(b.offer(), media.Want{Direction: media.SendOnly}) // and a hold changes neither
	if err != nil || find(t, again, `a=ice-ufrag:(\S+)`) != b.pbx.Ufrag || !strings.Contains(string(again), "a=sendonly") {
		t.Errorf("%v\n%s", err, again)
	}
}

// We call a browser, and later offer again: roles, credentials and keys stay.
func TestWeCallABrowser(t *testing.T) {
	_, web, _, p := pairOf(t)
	b := newBrowser(t)
	offer, err := web.Offer(media.Want{})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(offer media.SDP) media.SDP {
		return media.SDP(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0 101\r\nc=IN IP4 0.0.0.0\r\n"+
			"a=rtpmap:101 telephone-event/8000\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:active\r\na=mid:%s\r\na=rtcp-mux\r\na=sendrecv\r\n",
			b.creds.Ufrag, b.creds.Password, b.print, find(t, offer, `a=mid:(\S+)`)))
	}
	if find(t, offer, `a=setup:(\S+)`) != "actpass" || !strings.Contains(string(offer), "m=audio ") || !strings.Contains(string(offer), "a=ice-lite") {
		t.Fatalf("%s", offer)
	}
	if err := web.Accept(answer(offer)); err != nil {
		t.Fatal(err)
	}
	b.pbx = webrtc.Credentials{Ufrag: find(t, offer, `a=ice-ufrag:(\S+)`), Password: find(t, offer, `a=ice-pwd:(\S+)`)}
	b.peer, _ = secure.ParseFingerprint(find(t, offer, `a=fingerprint:([^\r]+)`))
	port, _ := strconv.Atoi(find(t, offer, `a=candidate:1 1 udp \d+ 127\.0\.0\.1 (\d+) typ host`))
	b.to = netip.AddrPortFrom(loopback, uint16(port))
	if !b.check(b.conn, b.pbx, true, patience) {
		t.Fatal("no answer")
	}
	if err := b.shake(); err != nil {
		t.Fatal(err)
	}
	bothHear(t, b, b.conn, p)
	second, err := web.Offer(media.Want{})
	if err != nil || find(t, second, `a=ice-ufrag:(\S+)`) != b.pbx.Ufrag {
		t.Fatalf("%v\n%s", err, second)
	}
	if err := web.Accept(answer(second)); err != nil {
		t.Fatal(err)
	}
	bothHear(t, b, b.conn, p)
}

// What a browser cannot use is refused, and what a leg with keys by handshake would lose too.
func TestBrowserOffersThatAreRefused(t *testing.T) {
	e := engineFor(t, Config{})
	b := newBrowser(t)
	for name, change := range map[string]func(string) string{
		"no fingerprint": func(s string) string { return regexp.MustCompile(`a=fingerprint.*\r\n`).ReplaceAllString(s, "") },
		"sha-1":          func(s string) string { return strings.ReplaceAll(s, "sha-256", "sha-1") },
		"no ICE":         func(s string) string { return regexp.MustCompile(`a=ice-pwd.*\r\n`).ReplaceAllString(s, "") },
		"no rtcp-mux":    func(s string) string { return strings.ReplaceAll(s, "a=rtcp-mux\r\n", "") },
		"no role":        func(s string) string { return strings.ReplaceAll(s, "a=setup:actpass\r\n", "") },
		"plain RTP":      func(s string) string { return strings.ReplaceAll(s, "UDP/TLS/RTP/SAVPF", "RTP/AVP") },
	} {
		l := newLeg(t, e, media.Profile{Browser: true})
		if _, err := l.Answer(media.SDP(change(string(b.offer()))), media.Want{}); !errors.Is(err, media.ErrNoMatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := newLeg(t, e, media.Profile{Browser: true})
	if _, err := l.Answer(b.offer(), media.Want{Security: media.SecurityForbidden}); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("SRTP forbidden: %v", err)
	}
	if _, err := l.Answer(b.offer(), media.Want{Security: media.SecurityRequired}); err != nil {
		t.Errorf("SRTP required: %v", err)
	}
}

// Two legs with ports of their own make keys by DTLS without ICE, whoever begins; a stranger's hello on either port changes nothing.
func TestDTLSWithoutICE(t *testing.T) {
	e := engineFor(t, Config{})
	a, b := newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{})
	offer, err := a.Offer(media.Want{Security: media.SecurityDTLS})
	if err != nil || !strings.Contains(string(offer), "UDP/TLS/RTP/SAVP ") || strings.Contains(string(offer), "ice-") {
		t.Fatalf("%v\n%s", err, offer)
	}
	answer, err := b.Answer(offer, media.Want{Security: media.SecurityRequired})
	if err != nil || find(t, answer, `a=setup:(\S+)`) != "passive" {
		t.Fatalf("%v\n%s", err, answer)
	}
	stranger, hello := newBrowser(t), append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38}, make([]byte, 38)...)
	for _, l := range []testLeg{a, b} {
		to := netip.AddrPortFrom(loopback, uint16(l.Endpoint.(*endpoint).socks.port))
		if _, err := stranger.conn.WriteToUDPAddrPort(hello, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Accept(answer); err != nil {
		t.Fatal(err)
	}
	for _, l := range []testLeg{a, b} {
		eventually(t, "keys", func() bool { s := l.Endpoint.(*endpoint).session.Load(); return s.secure && !s.pending })
	}
	one, two := a.Endpoint.(*endpoint).session.Load().agreed, b.Endpoint.(*endpoint).session.Load().agreed
	if !one.Local.Equal(two.RemoteKey) || !two.Local.Equal(one.RemoteKey) {
		t.Error("the keys do not face each other")
	}
	again := media.SDP(strings.ReplaceAll(strings.ReplaceAll(string(offer), "UDP/TLS/RTP/SAVP", "RTP/AVP"), "o=- ", "o=- 9"))
	if _, err := b.Answer(again, media.Want{}); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("a re-INVITE without keys: %v", err)
	}
}
