package sdp

import (
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/secure"
)

const inline = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj" // RFC 4568 section 9.2

// Descriptions as real phones write them (shapes seen on the wire, addresses changed).
var phones = map[string]string{
	"baresip srtp-mand": `v=0
o=- 3928461 1942 IN IP4 192.0.2.55
s=-
c=IN IP4 192.0.2.55
t=0 0
a=tool:baresip 1.0.0
m=audio 21310 RTP/SAVP 9 0 8 101
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:21311
a=sendrecv
a=label:1
a=rtcp-rsize
a=crypto:1 AES_CM_128_HMAC_SHA1_80 ` + inline + `
a=ssrc:3212312 cname:sip:2001@example.jp
a=ptime:20
`,
	"baresip srtp": `v=0
o=- 1 2 IN IP4 192.0.2.55
s=-
c=IN IP4 192.0.2.55
t=0 0
m=audio 21310 RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtcp:21311
a=crypto:1 AES_CM_128_HMAC_SHA1_80 ` + inline + `
a=sendrecv
`,
	"linphone": `v=0
o=2001 2471 1833 IN IP4 192.0.2.56
s=Talk
c=IN IP4 192.0.2.56
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/SAVP 96 97 98 0 8 18 101 99 100
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=fmtp:98 vbr=on
a=fmtp:18 annexb=yes
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=rtcp-fb:* trr-int 5000
a=rtcp-fb:* ccm tmmbr
a=crypto:1 AES_CM_128_HMAC_SHA1_80 ` + inline + `
a=crypto:2 AES_CM_128_HMAC_SHA1_32 ` + inline + `
a=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Ng==
a=crypto:4 AES_256_CM_HMAC_SHA1_32 inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Ng==
`,
	"sipp": `v=0
o=user1 53655765 2353687637 IN IP4 127.0.1.1
s=-
c=IN IP4 127.0.1.1
t=0 0
m=audio 6000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
`,
	"Teams": `v=0
o=- 12345 0 IN IP4 52.112.1.1
s=session
c=IN IP4 52.112.1.1
b=CT:10000000
t=0 0
m=audio 50000 RTP/SAVP 104 9 103 111 18 0 8 97 101 13 118
c=IN IP4 52.112.1.1
a=rtcp:50001
a=ice-ufrag:abcd
a=ice-pwd:abcdabcdabcdabcdabcdabcd
a=rtcp-mux
a=candidate:1 1 UDP 2130706431 52.112.1.1 50000 typ srflx raddr 10.0.32.109 rport 50000
a=crypto:1 AES_CM_128_HMAC_SHA1_80 ` + inline + `|2^31|1:1
a=maxptime:200
a=rtpmap:104 SILK/16000
a=rtpmap:9 G722/8000
a=rtpmap:103 SILK/8000
a=rtpmap:111 SIREN/16000
a=rtpmap:18 G729/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 RED/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:13 CN/8000
a=rtpmap:118 CN/16000
a=ptime:20
`,
}

func phone(name string, crlf bool) media.SDP {
	if !crlf {
		return media.SDP(phones[name])
	}
	return media.SDP(strings.ReplaceAll(phones[name], "\n", "\r\n"))
}

func TestPhones(t *testing.T) {
	for _, c := range []struct {
		name   string
		codec  media.Codec
		event  uint8
		secure bool
		remote string
		mLine  string
		crypto string
	}{
		{"baresip srtp-mand", media.G722, 101, true, "192.0.2.55:21310", "m=audio 4000 RTP/SAVP 9 101", "a=crypto:1 AES_CM_128_HMAC_SHA1_80"},
		{"baresip srtp", media.PCMU, 0, true, "192.0.2.55:21310", "m=audio 4000 RTP/AVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80"},
		{"linphone", media.Opus, 101, true, "192.0.2.56:7078", "m=audio 4000 RTP/SAVP 96 101", "a=crypto:1 AES_CM_128_HMAC_SHA1_80"},
		{"sipp", media.PCMU, 0, false, "127.0.1.1:6000", "m=audio 4000 RTP/AVP 0", ""},
		{"Teams", media.G722, 101, true, "52.112.1.1:50000", "m=audio 4000 RTP/SAVP 9 101", "a=crypto:1 AES_CM_128_HMAC_SHA1_80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, crlf := range []bool{true, false} {
				text, a := mustAnswer(t, New(cfg()), phone(c.name, crlf), media.Want{})
				if a.Codec != c.codec || a.EventSendPT != c.event || a.Secure != c.secure || a.Remote.String() != c.remote {
					t.Errorf("%+v", a)
				}
				has(t, text, c.mLine)
				if !strings.Contains(text, c.crypto) {
					t.Errorf("no %q:\n%s", c.crypto, text)
				}
				lacks(t, text, "2^31", "candidate", "ice-")
			}
		})
	}
}

func TestPhonesAsAnswer(t *testing.T) {
	for _, name := range []string{"sipp", "baresip srtp"} {
		s := New(cfg())
		mustOffer(t, s, media.Want{})
		a, err := s.Accept(phone(name, true))
		if err != nil || a.Secure || a.Codec != media.PCMU {
			t.Errorf("%s: %v %+v", name, err, a)
		}
	}
	s := New(Config{Addr: cfg().Addr, Port: 4000, SecureSIP: true, Suites: []secure.Suite{secure.AESCM80}})
	mustOffer(t, s, media.Want{})
	if a, err := s.Accept(phone("linphone", true)); err != nil || !a.Secure || a.EventSendPT != 101 || a.EventRecvPT != 110 || a.EventClock != 48000 {
		t.Errorf("linphone: %v %+v", err, a)
	}
}

func TestBounds(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\n"
	audio := "m=audio 5000 RTP/AVP 0\r\n"
	for name, text := range map[string]string{
		"empty":              "",
		"no version":         "o=- 1 1 IN IP4 1.2.3.4\r\n" + audio,
		"version 1":          "v=1\r\n" + audio,
		"two descriptions":   head + audio + head,
		"size":               head + audio + strings.Repeat("a=x:"+strings.Repeat("y", 200)+"\r\n", 100),
		"lines":              head + audio + strings.Repeat("a=x\r\n", 600),
		"streams":            head + strings.Repeat(audio, 9),
		"formats":            head + "m=audio 5000 RTP/AVP" + strings.Repeat(" 0", 65) + "\r\n",
		"crypto lines":       head + audio + strings.Repeat("a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline+"\r\n", 2),
		"port":               head + "m=audio 65536 RTP/AVP 0\r\n",
		"negative port":      head + "m=audio -1 RTP/AVP 0\r\n",
		"huge port":          head + "m=audio 99999999999999999999 RTP/AVP 0\r\n",
		"short m":            head + "m=audio 5000 RTP/AVP\r\n",
		"NUL":                head + audio + "a=x\x00y\r\n",
		"bare CR":            head + audio + "a=x\ry\r\n",
		"no equals":          head + audio + "garbage\r\n",
		"rtpmap clock":       head + audio + "a=rtpmap:96 x/99999999999\r\n",
		"rtpmap type":        head + audio + "a=rtpmap:128 PCMU/8000\r\n",
		"connection":         head + audio + "c=IN IP4\r\n",
		"connection network": head + audio + "c=XX IP4 1.2.3.4\r\n",
		"rtcp":               head + audio + "a=rtcp:70000\r\n",
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := parse([]byte(head + audio)); err != nil {
		t.Errorf("the base case: %v", err)
	}
}
