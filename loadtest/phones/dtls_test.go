package phones

import (
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// A desk phone that makes its keys by DTLS, without ICE, and one with SDES call each other; who must have DTLS gets it in our offer too.
func TestDTLSDesk(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	var e map[string]any
	get(t, p, "extensions/2002", &e)
	e["media"] = "dtls-required"
	put(t, p, "extensions/2002", e)
	first := desk(t, p, "2001", deskHz, true)
	second := phone(t, peer.Phone{User: "2002", Domain: p.Domain, Password: p.Passwords["2002"], Proxy: p.TLS, Transport: "tls", Hz: otherHz, DTLS: true,
		Register: true, Answer: true})
	for i, caller := range []*peer.Baresip{second, first} {
		one, two := heardSoFar(first), heardSoFar(second)
		must(t, caller.Command("dial", "sip:"+[]string{"2001", "2002"}[i]+"@"+p.Domain))
		must(t, peer.Until(30*time.Second, func() bool { return hears(first, one, otherHz) && hears(second, two, deskHz) }))
		must(t, caller.Command("hangup", ""))
		history(t, p, i+1)
	}
}

// heardSoFar is how many samples came out of a phone's speaker in all its calls.
func heardSoFar(b *peer.Baresip) int {
	pcm, err := b.Heard()
	if err != nil {
		return 0
	}
	return len(pcm)
}

// hears: two seconds came out of a phone's speaker since it had heard so much, and the last one is a tone.
func hears(b *peer.Baresip, since int, hz float64) bool {
	pcm, err := b.Heard()
	return err == nil && len(pcm) > since+2*rate && mediatest.ToneIn(pcm[len(pcm)-rate:], rate, hz) > 0.8
}
