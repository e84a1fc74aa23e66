package phones

import (
	"slices"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestMixedCodecs: a carrier that knows µ-law only and a desk that knows A-law only understand each other, and so does who plays the
// recording.
func TestMixedCodecs(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	notice(t, p, "none")
	rings(t, p, "ja", "2001")
	b := phone(t, peer.Phone{User: "2001", Domain: p.Domain, Password: p.Passwords["2001"], Proxy: p.TLS, Transport: "tls", Hz: deskHz, SRTP: true,
		Register: true, Answer: true, Codecs: "PCMA/8000/1"})
	c := phone(t, peer.Phone{User: "09012345678", Domain: "127.0.0.1", Proxy: p.UDP, Transport: "udp", Hz: carrierHz, Codecs: "PCMU/8000/1"})
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, b, c)
	must(t, b.Saw("Set audio encoder: PCMA", time.Second))
	must(t, c.Saw("Set audio encoder: PCMU", time.Second))
	talk(t, 4*time.Second)
	must(t, c.Command("hangup", ""))
	rec := stored(t, p, history(t, p, 1)[0].Recording)
	if got := rec.Manifest.Codecs; !slices.Contains(got, "PCMU") || !slices.Contains(got, "PCMA") {
		t.Errorf("codecs in the manifest: %v", got)
	}
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, 3500*time.Millisecond)
	onlyTone(t, "right channel", right, deskHz, 3500*time.Millisecond)
	onlyTone(t, "desk's ear", ear(t, b), carrierHz, 3500*time.Millisecond)
	onlyTone(t, "carrier's ear", ear(t, c), deskHz, 3500*time.Millisecond)
}
