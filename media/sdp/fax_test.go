package sdp

import (
	"errors"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

// asCisco is how a Cisco gateway and most ATAs describe a fax; asFaxServer has other flags.
var (
	asCisco = []string{"m=image 6000 udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxFillBitRemoval:0", "a=T38FaxTranscodingMMR:0",
		"a=T38FaxTranscodingJBIG:0", "a=T38FaxRateManagement:transferredTCF", "a=T38FaxMaxBuffer:200", "a=T38FaxMaxDatagram:320", "a=T38FaxUdpEC:t38UDPRedundancy"}
	asFaxServer = []string{"m=image 6000 UDPTL t38", "a=T38FaxVersion:3", "a=T38MaxBitRate:33600", "a=T38FaxFillBitRemoval", "a=T38FaxTranscodingMMR",
		"a=T38FaxRateManagement:localTCF", "a=T38MaxDatagram:1400", "a=T38FaxUdpEC:t38UDPFEC"}
	ciscoFax  = media.Fax{BitRate: 14400, MaxBuffer: 200, MaxDatagram: 320, Correction: media.FaxRedundancy}
	serverFax = media.Fax{Version: 3, BitRate: 33600, MaxDatagram: 1400, LocalTCF: true, Correction: media.FaxFEC, FillBitRemoval: true, MMR: true}
)

func wantFax(f media.Fax) media.Want {
	return media.Want{Prefer: []media.Codec{media.T38}, Fax: f}
}

// talking is a leg in a G.711 call, by the peer's offer.
func talking(t *testing.T, c Config) *Session {
	s := New(c)
	mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 0"), media.Want{})
	return s
}

func TestFaxIsUnderstood(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  media.Fax
	}{{asCisco, ciscoFax}, {asFaxServer, serverFax}, {[]string{"m=audio 0 RTP/AVP 0", asCisco[0]}, media.Fax{}}} {
		f, image, err := talking(t, cfg()).Fax(offerOf(c.lines...), media.SecurityPreferred)
		if f != c.want || !image || err != nil {
			t.Errorf("%v: %+v, %v, %v", c.lines[0], f, image, err)
		}
	}
	for _, lines := range [][]string{
		{"m=audio 5000 RTP/AVP 0"},
		{"m=image 0 udptl t38"},
		{"m=image 6000 tcp t38"},
		{"m=image 6000 udptl other"},
		{"m=audio 5000 RTP/AVP 0", "m=image 6000 udptl t38"}, // the choice is ours, and what stands is kept
	} {
		if _, image, err := talking(t, cfg()).Fax(offerOf(lines...), media.SecurityPreferred); image || err != nil {
			t.Errorf("%q: %v, %v", lines, image, err)
		}
	}
}

// The audio line becomes the fax's, and goes back: each the peer's offer.
func TestFaxInPlaceOfAudio(t *testing.T) {
	s := talking(t, cfg())
	offer := offerOf(asCisco...)
	text, a := mustAnswer(t, s, offer, wantFax(serverFax))
	has(t, text, "m=image 4000 udptl t38", "a=T38FaxVersion:3", "a=T38MaxBitRate:33600", "a=T38FaxFillBitRemoval", "a=T38FaxTranscodingMMR",
		"a=T38FaxRateManagement:localTCF", "a=T38FaxMaxDatagram:1400", "a=T38FaxUdpEC:t38UDPFEC")
	lacks(t, text, "m=audio", "MaxBuffer", "JBIG", "rtpmap", "ptime")
	if a.Codec != media.T38 || a.Fax != ciscoFax || a.Remote.Port() != 6000 || a.RemoteRTCP.IsValid() && a.RemoteRTCP.Port() == 6000 || a.Direction != media.SendRecv {
		t.Errorf("%+v", a)
	}
	if again, _ := mustAnswer(t, s, offer, media.Want{}); again != text { // a session refresh
		t.Errorf("the refresh was answered with\n%s", again)
	}
	text, a = mustAnswer(t, s, offerOf("m=audio 5000 RTP/AVP 8"), media.Want{})
	has(t, text, "m=audio 4000 RTP/AVP 8")
	if a.Codec != media.PCMA {
		t.Errorf("%+v", a)
	}
}

// Audio with port 0 beside the fax: two lines, answered in their order; a refresh that offers both again keeps the fax.
func TestFaxBesideRefusedAudio(t *testing.T) {
	s := talking(t, cfg())
	text, _ := mustAnswer(t, s, offerOf(append([]string{"m=audio 0 RTP/AVP 0"}, asCisco...)...), wantFax(ciscoFax))
	if i, j := strings.Index(text, "m=audio 0 RTP/AVP 0"), strings.Index(text, "m=image 4000 udptl t38"); i < 0 || j < i {
		t.Error(text)
	}
	both := offerOf(append([]string{"m=audio 5000 RTP/AVP 0"}, asCisco...)...)
	if _, image, err := s.Fax(both, media.SecurityPreferred); !image || err != nil {
		t.Errorf("%v, %v", image, err)
	}
	text, a := mustAnswer(t, s, both, wantFax(ciscoFax))
	has(t, text, "m=audio 0 RTP/AVP 0", "m=image 4000 udptl t38")
	if a.Codec != media.T38 {
		t.Errorf("%+v", a)
	}
}

// We offer the fax, the peer agrees, refuses by port 0, or answers otherwise; and we bring it back to audio.
func TestWeOfferAFax(t *testing.T) {
	s := talking(t, cfg())
	text := mustOffer(t, s, wantFax(ciscoFax))
	has(t, text, "m=image 4000 udptl t38", "a=T38FaxMaxBuffer:200", "a=T38FaxRateManagement:transferredTCF")
	lacks(t, text, "m=audio")
	for _, wrong := range [][]string{{"m=audio 5000 RTP/AVP 0"}, {"m=image 6000 tcp t38"}, {"m=image 6000 udptl t38", "m=audio 0 RTP/AVP 0"}} {
		if _, err := s.Accept(offerOf(wrong...)); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
	a, err := s.Accept(offerOf(asFaxServer...))
	if err != nil || a.Codec != media.T38 || a.Fax != serverFax {
		t.Fatalf("%+v, %v", a, err)
	}
	text = mustOffer(t, s, media.Want{Prefer: []media.Codec{media.PCMU}})
	has(t, text, "m=audio 4000 RTP/AVP 0 8 101")
	lacks(t, text, "m=image")
	if a, err = s.Accept(offerOf("m=audio 5000 RTP/AVP 0")); err != nil || a.Codec != media.PCMU {
		t.Fatalf("%+v, %v", a, err)
	}
	mustOffer(t, s, wantFax(ciscoFax))
	if a, err = s.Accept(offerOf("m=image 0 udptl t38")); err != nil || !a.Rejected {
		t.Fatalf("%+v, %v", a, err)
	}
	has(t, mustOffer(t, s, media.Want{Prefer: []media.Codec{media.PCMU}}), "m=audio 4000 RTP/AVP 0 8 101")
}

// UDPTL is never encrypted: nothing that must be, or is, becomes a fax (threats.md E13).
func TestFaxIsNoDowngrade(t *testing.T) {
	required := tlsCfg()
	required.Security = media.SecurityRequired
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	encrypted := offerOf("m=audio 5000 RTP/SAVP 0", line)
	for name, c := range map[string]Config{"required": required, "encrypted": tlsCfg()} {
		s := New(c)
		mustAnswer(t, s, encrypted, media.Want{})
		if _, image, err := s.Fax(offerOf(asCisco...), media.SecurityPreferred); !image || !errors.Is(err, media.ErrPolicy) {
			t.Errorf("%s: %v, %v", name, image, err)
		}
		if _, _, err := s.Answer(offerOf(asCisco...), wantFax(ciscoFax)); !errors.Is(err, media.ErrPolicy) {
			t.Errorf("%s: answered: %v", name, err)
		}
		if _, err := s.Offer(wantFax(ciscoFax)); !errors.Is(err, media.ErrPolicy) {
			t.Errorf("%s: offered: %v", name, err)
		}
	}
	if _, _, err := talking(t, cfg()).Answer(offerOf(asCisco...), media.Want{Prefer: []media.Codec{media.T38}, Security: media.SecurityRequired}); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("the call demands encryption: %v", err)
	}
	if _, _, err := New(cfg()).Answer(offerOf(asCisco...), wantFax(ciscoFax)); !errors.Is(err, media.ErrNoMatch) {
		t.Errorf("a call that begins as a fax: %v", err)
	}
}
