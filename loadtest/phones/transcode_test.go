package phones

import (
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestTranscodedPhones: a desk that speaks G.722 or Opus alone, with SRTP, and a carrier with µ-law alone: nothing is shared, the switch makes the one of
// the other, and each hears the other's tone.
func TestTranscodedPhones(t *testing.T) {
	for _, c := range []struct{ codecs, says string }{{"G722/16000/1", "Set audio encoder: G722"}, {"opus/48000/2", "Set audio encoder: opus"}} {
		t.Run(c.codecs[:4], func(t *testing.T) {
			t.Parallel()
			p := newPBX(t, "")
			carrierHere(t, p)
			notice(t, p, "none")
			rings(t, p, "ja", "2001")
			b := phone(t, peer.Phone{User: "2001", Domain: p.Domain, Password: p.Passwords["2001"], Proxy: p.TLS, Transport: "tls", Hz: deskHz, SRTP: true,
				Register: true, Answer: true, Codecs: c.codecs})
			k := phone(t, peer.Phone{User: "09012345678", Domain: "127.0.0.1", Proxy: p.UDP, Transport: "udp", Hz: carrierHz, Codecs: "PCMU/8000/1"})
			must(t, k.Command("dial", "sip:"+did+"@"+p.Domain))
			established(t, b, k)
			must(t, b.Saw(c.says, time.Second))
			must(t, k.Saw("Set audio encoder: PCMU", time.Second))
			talk(t, 4*time.Second)
			must(t, k.Command("hangup", ""))
			history(t, p, 1)
			for _, e := range []struct {
				what string
				of   *peer.Baresip
				hz   float64
				not  float64
			}{{"desk", b, carrierHz, deskHz}, {"carrier", k, deskHz, carrierHz}} {
				pcm, rate, err := e.of.HeardAt()
				must(t, err)
				if len(pcm) < 3*rate {
					t.Fatalf("the %s heard %d samples at %d Hz", e.what, len(pcm), rate)
				}
				middle := pcm[rate : len(pcm)-rate/2]
				if a, other := mediatest.Amplitude(middle, rate, e.hz), mediatest.Amplitude(middle, rate, e.not); a < 4000 || other > 300 {
					t.Errorf("the %s hears the other at %.0f, itself at %.0f (%d Hz)", e.what, a, other, rate)
				}
			}
		})
	}
}
