package phones

import (
	"net"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestLinphoneICE: a softphone of another make offers ICE beside its keys. Its checks of our lite side succeed, of RTP and RTCP; both hear each other; a
// hold and what follows it go on with the same ICE.
func TestLinphoneICE(t *testing.T) {
	t.Parallel()
	elsewhere := false
	addrs, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		elsewhere = elsewhere || ok && n.IP.To4() != nil && !n.IP.IsLoopback()
	}
	if !elsewhere {
		t.Skip("THIS MACHINE HAS NO ADDRESS BUT LOOPBACK, which Linphone takes for no candidate: what the switch does with ICE is shown by TestTelephoneWithICE alone")
	}
	p := newPBX(t, "")
	b := desk(t, p, "2002", deskHz, true)
	l, err := peer.StartLinphone(t.TempDir(), peer.Phone{User: "2001", Domain: p.Domain, Password: p.Passwords["2001"], Proxy: p.UDP, Hz: otherHz, ICE: true, Suites: "AES_CM_128_HMAC_SHA1_80"})
	must(t, err)
	t.Cleanup(func() {
		l.Stop()
		if t.Failed() {
			t.Logf("linphone said:\n%s", l.Output())
		}
	})
	said(t, p, `msg="bindings changed" aor=2001@`, 1)
	since := heardSoFar(b)
	must(t, l.Say("call sip:2002@"+p.Domain))
	established(t, b)
	must(t, l.Saw("Media streams established", 20*time.Second))
	must(t, peer.Until(10*time.Second, func() bool { return strings.Contains(l.Log(), "IceStateHostConnection") }))
	must(t, l.Talk())
	must(t, peer.Until(20*time.Second, func() bool { return sounds(b, since, otherHz) }))
	must(t, l.Say("pause"))
	must(t, l.Saw("paused", 10*time.Second))
	since = heardSoFar(b)
	again := strings.Count(l.Output(), "Media streams established") + 1
	must(t, l.Say("resume"))
	must(t, peer.Until(10*time.Second, func() bool { return strings.Count(l.Output(), "Media streams established") >= again }))
	must(t, l.Talk())
	must(t, peer.Until(20*time.Second, func() bool { return sounds(b, since, otherHz) }))
	talk(t, 2*time.Second)
	must(t, l.Say("terminate"))
	must(t, l.Saw("ended", 5*time.Second))
	pcm, err := l.Heard()
	must(t, err)
	onlyTone(t, "Linphone's ear", pcm, deskHz, time.Second)
	ufrags := map[string]bool{}
	for _, line := range strings.Split(l.Log(), "\n") {
		if u, ok := strings.CutPrefix(strings.TrimSpace(line), "a=ice-ufrag:"); ok {
			ufrags[u] = true
		}
	}
	if strings.Contains(l.Log(), "a=ice-mismatch") || len(ufrags) != 2 {
		t.Errorf("ICE did not go on with its credentials: %v", ufrags)
	}
	history(t, p, 1)
}
