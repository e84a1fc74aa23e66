package sdp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

var (
	ourPrint   = secure.Fingerprint{1, 2, 3}
	theirPrint = secure.Fingerprint{4, 5, 6}
)

// chromium is what Chromium 156 offers with one audio track, shortened where lines repeat.
const chromium = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS 9a8f
m=audio 48921 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.57
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1467250027 1 udp 2122260223 192.0.2.57 48921 typ host generation 0 network-id 1
a=ice-ufrag:F7gI
a=ice-pwd:x9cml/YzichV2+XlhiMu8gbb
a=ice-options:trickle
a=fingerprint:sha-256 04:05:06:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1001 cname:x
`

// baresipDTLS has its fingerprint on the session, and neither ICE nor rtcp-mux.
const baresipDTLS = `v=0
o=- 1 2 IN IP4 192.0.2.55
s=-
c=IN IP4 192.0.2.55
t=0 0
a=fingerprint:SHA-256 04:05:06:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00
m=audio 21310 UDP/TLS/RTP/SAVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=rtcp:21311
a=setup:actpass
`

func browserCfg() Config {
	c := cfg()
	c.Browser, c.Fingerprint = true, ourPrint
	return c
}

func deskCfg() Config {
	c := cfg()
	c.Fingerprint = ourPrint
	return c
}

func TestAnswerToABrowser(t *testing.T) {
	s := New(browserCfg())
	text, a, err := s.Answer(media.SDP(chromium), media.Want{Prefer: []media.Codec{media.PCMU}})
	if err != nil || !a.Secure || !a.DTLS.On || !a.DTLS.ICE || a.DTLS.Active || a.DTLS.Peer != theirPrint || a.DTLS.Theirs.Ufrag != "F7gI" || !a.RTCPMux {
		t.Fatalf("%v %+v", err, a)
	}
	if a.Remote.IsValid() || a.RemoteRTCP.IsValid() || a.PeerHolds {
		t.Errorf("an address of the description is believed: %v", a.Remote)
	}
	for _, line := range []string{"m=audio 4000 UDP/TLS/RTP/SAVPF 0 126", "a=ice-lite", "a=group:BUNDLE 0", "a=mid:0", "a=rtcp-mux", "a=setup:passive", "a=fingerprint:" + ourPrint.String(),
		"a=candidate:1 1 udp 2130706431 " + browserCfg().Addr.String() + " 4000 typ host", "a=ice-ufrag:" + a.DTLS.Ours.Ufrag, "a=ice-pwd:" + a.DTLS.Ours.Password} {
		has(t, string(text), line)
	}
	lacks(t, string(text), "a=crypto")
}

// Row F7: candidates without number, of names, without a port, of hosts behind us. None is read: we check nobody, and send where checks came from.
func TestHostileCandidates(t *testing.T) {
	var list strings.Builder
	for i := range 200 {
		for _, at := range []string{"127.0.0.1 5432", "169.254.169.254 80", "10.0.0.5 0", "8c1e2f9a-7b0d.local 50000", "::1 443", "0.0.0.0 9"} {
			fmt.Fprintf(&list, "a=candidate:%d 1 udp 2113937151 %s typ host\r\n", i, at)
		}
	}
	for name, more := range map[string]string{"few": list.String()[:400*9], "all": list.String()} {
		more = more[:strings.LastIndex(more, "\r\n")+2]
		text, a, err := New(browserCfg()).Answer(media.SDP(chromium+more), media.Want{Prefer: []media.Codec{media.PCMU}})
		if errors.Is(err, media.ErrSDP) && name == "all" {
			continue // longer than a description may be
		}
		if err != nil || a.Remote.IsValid() || a.RemoteRTCP.IsValid() || strings.Count(string(text), "a=candidate:") != 1 {
			t.Errorf("%s: %v, %v\n%s", name, err, a.Remote, text)
		}
	}
}

func TestDTLSWithoutICE(t *testing.T) {
	text, a, err := New(deskCfg()).Answer(media.SDP(baresipDTLS), media.Want{})
	if err != nil || !a.DTLS.On || a.DTLS.ICE || a.DTLS.Peer != theirPrint || a.Remote.String() != "192.0.2.55:21310" || a.RTCPMux {
		t.Fatalf("%v %+v", err, a)
	}
	has(t, string(text), "m=audio 4000 UDP/TLS/RTP/SAVP 0 101")
	has(t, string(text), "a=setup:passive")
	lacks(t, string(text), "ice-", "candidate", "a=crypto", "rtcp-mux", "group")
}

// Policy knows DTLS: it counts as SRTP, and a leg that must have it takes nothing else.
func TestPolicyKnowsDTLS(t *testing.T) {
	line, _ := cryptoOf(t, 1, secure.AESCM80)
	sdes, plain := offerOf("m=audio 5000 RTP/SAVP 0", line), offerOf("m=audio 5000 RTP/AVP 0")
	for _, c := range []struct {
		name   string
		policy media.Security
		offer  media.SDP
		err    error
	}{
		{"required by DTLS", media.SecurityRequired, media.SDP(baresipDTLS), nil},
		{"preferred by DTLS", media.SecurityPreferred, media.SDP(baresipDTLS), nil},
		{"forbidden", media.SecurityForbidden, media.SDP(baresipDTLS), media.ErrPolicy},
		{"DTLS by DTLS", media.SecurityDTLS, media.SDP(baresipDTLS), nil},
		{"DTLS by SDES", media.SecurityDTLS, sdes, media.ErrPolicy},
		{"DTLS in clear", media.SecurityDTLS, plain, media.ErrPolicy},
	} {
		if _, _, err := New(deskCfg()).Answer(c.offer, media.Want{Security: c.policy}); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := New(deskCfg()).Offer(media.Want{Security: media.SecurityDTLS}); err != nil {
		t.Errorf("an offer over UDP, where nobody can read a key: %v", err)
	}
	if _, err := New(cfg()).Offer(media.Want{Security: media.SecurityDTLS}); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("without a certificate: %v", err)
	}
}

// An answer that leaves the role open, or takes back the encryption, is refused, and the offer stays open.
func TestAnswersToOurDTLS(t *testing.T) {
	s := New(deskCfg())
	if _, err := s.Offer(media.Want{Security: media.SecurityDTLS}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		err  error
	}{
		"open role":      {baresipDTLS, media.ErrSDP},
		"plain":          {strings.ReplaceAll(baresipDTLS, "UDP/TLS/RTP/SAVP", "RTP/AVP"), media.ErrPolicy},
		"no fingerprint": {strings.ReplaceAll(baresipDTLS, "a=fingerprint", "a=x"), media.ErrPolicy},
	} {
		if _, err := s.Accept(media.SDP(c.text)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := s.Accept(media.SDP(strings.ReplaceAll(baresipDTLS, "actpass", "passive")))
	if err != nil || !a.DTLS.Active {
		t.Errorf("%v %+v", err, a.DTLS)
	}
}
