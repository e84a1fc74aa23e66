package sdp

import (
	"net/netip"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

const iceLines = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901"

func iceCfg() Config { c := tlsCfg(); c.ICE = true; return c }

// A telephone that offers ICE beside its keys is answered by the lite side, with the ports that the leg has; a later offer of ours goes on with it.
func TestAnswerToICE(t *testing.T) {
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	offer := offerOf("m=audio 5000 RTP/SAVP 0", line, iceLines, "a=candidate:1 1 UDP 2130706431 192.168.1.5 5000 typ host", "a=candidate:2 1 UDP 1694498815 198.51.100.9 5000 typ srflx raddr 192.168.1.5 rport 5000")
	s := New(iceCfg())
	text, a := mustAnswer(t, s, offer, media.Want{})
	has(t, text, "a=ice-lite", "a=candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", "a=candidate:1 2 udp 2130706430 192.0.2.1 4001 typ host", "a=ice-ufrag:"+a.DTLS.Ours.Ufrag, "a=ice-pwd:"+a.DTLS.Ours.Password)
	lacks(t, text, "a=group", "a=setup", "a=fingerprint", "mismatch")
	if !a.DTLS.Beside || a.DTLS.ICE || a.DTLS.On || a.DTLS.Theirs.Ufrag != "abcd" || a.Remote.String() != "198.51.100.9:5000" {
		t.Errorf("%+v", a)
	}
	ours := mustOffer(t, s, media.Want{})
	has(t, ours, "a=ice-lite", "a=ice-ufrag:"+a.DTLS.Ours.Ufrag)
	b, err := s.Accept(offerOf("m=audio 5000 RTP/SAVP 0", line, iceLines))
	if err != nil || b.DTLS != a.DTLS {
		t.Errorf("%v: %+v", err, b.DTLS)
	}
	mustOffer(t, s, media.Want{})
	if c, err := s.Accept(offerOf("m=audio 5000 RTP/SAVP 0", line)); err != nil || c.DTLS.Beside {
		t.Errorf("a telephone that has ended ICE: %v %+v", err, c.DTLS)
	}
	_, muxed := mustAnswer(t, New(iceCfg()), offerOf("m=audio 5000 RTP/SAVP 0", line, iceLines, "a=rtcp-mux"), media.Want{})
	if text, _ := mustAnswer(t, New(iceCfg()), offerOf("m=audio 5000 RTP/SAVP 0", line, iceLines, "a=rtcp-mux"), media.Want{}); !muxed.RTCPMux || strings.Contains(text, "a=candidate:1 2 ") {
		t.Errorf("two components in\n%s", text)
	}
}

// A trickling telephone knows no address yet, which is no hold (RFC 8840 section 4.1.1).
func TestICEBeforeAnAddressIsKnown(t *testing.T) {
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	_, a := mustAnswer(t, New(iceCfg()), offerOf("m=audio 9 RTP/SAVP 0", "c=IN IP4 0.0.0.0", line, iceLines, "a=ice-options:trickle"), media.Want{})
	if a.PeerHolds || a.Direction != media.SendRecv || !a.DTLS.Beside {
		t.Errorf("%+v", a)
	}
	_, a = mustAnswer(t, New(iceCfg()), offerOf("m=audio 5000 RTP/SAVP 0", "c=IN IP4 0.0.0.0", line, iceLines), media.Want{})
	if a.Direction == media.SendRecv {
		t.Errorf("an old hold: %+v", a)
	}
}

// Without ICE answers who must not have it, whose addresses were rewritten on the way, who speaks in the clear and who offers none.
func TestNoAnswerToICE(t *testing.T) {
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	cand := "a=candidate:1 1 UDP 2130706431 192.168.1.5 5000 typ host"
	for name, c := range map[string]struct {
		cfg      Config
		lines    []string
		mismatch bool
	}{
		"a carrier":      {tlsCfg(), []string{"m=audio 5000 RTP/SAVP 0", line, iceLines}, false},
		"rewritten":      {iceCfg(), []string{"m=audio 5000 RTP/SAVP 0", line, iceLines, cand}, true},
		"in the clear":   {iceCfg(), []string{"m=audio 5000 RTP/AVP 0", iceLines}, false},
		"no password":    {iceCfg(), []string{"m=audio 5000 RTP/SAVP 0", line, "a=ice-ufrag:abcd"}, false},
		"a short one":    {iceCfg(), []string{"m=audio 5000 RTP/SAVP 0", line, "a=ice-ufrag:abcd", "a=ice-pwd:short"}, false},
		"nothing of ICE": {iceCfg(), []string{"m=audio 5000 RTP/SAVP 0", line}, false},
	} {
		text, a := mustAnswer(t, New(c.cfg), offerOf(c.lines...), media.Want{})
		if a.DTLS != (DTLS{}) || strings.Contains(text, "a=ice-lite") || strings.Contains(text, "candidate") || strings.Contains(text, "a=ice-mismatch\r\n") != c.mismatch {
			t.Errorf("%s: %+v\n%s", name, a.DTLS, text)
		}
	}
}

// A peer's list of candidates is read as far as it is good for something.
func TestCandidates(t *testing.T) {
	var w webLines
	for range 200 {
		w.candidate("1 1 udp 1 192.0.2.7 4000 typ host")
	}
	if len(w.candidates) != maxCandidates {
		t.Errorf("%d are kept", len(w.candidates))
	}
	w = webLines{}
	for _, bad := range []string{"", "1 1 udp", "1 2 udp 1 192.0.2.7 4000 typ host", "1 1 tcp 1 192.0.2.7 4000 typ host", "1 1 udp 1 a.local 4000 typ host", "1 1 udp 1 192.0.2.7 70000 typ host", "1 1 udp 1 192.0.2.7 4000"} {
		if w.candidate(bad); len(w.candidates) != 0 {
			t.Errorf("%q is taken", bad)
		}
	}
	if w.candidate("1 1 UDP 1 ::ffff:192.0.2.7 4000 typ host"); len(w.candidates) != 1 || w.candidates[0] != netip.MustParseAddrPort("192.0.2.7:4000") {
		t.Errorf("%v", w.candidates)
	}
}
