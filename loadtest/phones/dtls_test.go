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
		must(t, caller.Command("dial", "sip:"+[]string{"2001", "2002"}[i]+"@"+p.Domain))
		must(t, peer.Until(30*time.Second, func() bool { return hears(first, otherHz) && hears(second, deskHz) }))
		must(t, caller.Command("hangup", ""))
		history(t, p, i+1)
	}
}

// hears: the last second of what came out of a phone's speaker is a tone.
func hears(b *peer.Baresip, hz float64) bool {
	pcm, err := b.Heard()
	return err == nil && len(pcm) > 2*rate && mediatest.ToneIn(pcm[len(pcm)-rate:], rate, hz) > 0.8
}
