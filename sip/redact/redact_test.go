package redact

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// Nothing that opens anything is in a copy, and what one looks for a fault by is.
func TestMessage(t *testing.T) {
	const secrets = "SECRET"
	sdp := "v=0\no=- 1 2 IN IP4 192.0.2.10\ns=-\ni=SECRET\ne=SECRET@example\nc=IN IP4 192.0.2.10\nt=0 0\nk=clear:SECRET\nm=audio 4000 RTP/SAVP 0 101\n" +
		"a=rtpmap:0 PCMU/8000\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET|2^20|1:4\na=CRYPTO:2 AES_256 inline:SECRET\na=ice-ufrag:abcd\na=ice-pwd:SECRET\n" +
		"a=key-mgmt:mikey SECRET\na=x-own:SECRET\na=sendrecv\nSECRET\n"
	in := crlf("INVITE sip:*31123456:SECRET@a.example;token=SECRET SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa\nv: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKb\n" +
		"Max-Forwards: 70\nf: \"2001\" <sip:2001@a.example>;tag=x\nTo: <sips:%2A353987@a.example>\ni: call-1\nCSeq: 1 INVITE\n" +
		"m: <sip:2001@192.0.2.10:5060;pn-provider=apns;pn-prid=SECRET;ob>;+sip.instance=\"<urn:uuid:1>\";token=\"SECRET; \\\" SECRET\"\n" +
		"Proxy-AUTHORIZATION : Digest username=\"2001\",\n response=\"SECRET\",\n\tcnonce=\"SECRET\"\nAuthorization: Bearer SECRET\n" +
		"Authentication-Info: rspauth=\"SECRET\"\nX-Own: SECRET\nRefer-To: <sip:2002@a.example?Authorization=SECRET&Replaces=a>\n" +
		"Record-Route: <sip:SECRET@192.0.2.3;lr>, <sip:192.0.2.4;lr>\nUser-Agent: Phone\x1b[2J\nContent-Type: application/sdp; charset=x\nl: 9999\n\n" + sdp)
	got := string(Message(in))
	for _, bad := range []string{secrets, "123456", "3987", "9999", "\x1b"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in\n%s", bad, got)
		}
	}
	for _, want := range []string{
		"INVITE sip:*31xxxxxx:[hidden]@a.example;token=[hidden] SIP/2.0\r\n", "v: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKb\r\n", "To: <sips:%2A35xxxx@a.example>\r\n", "i: call-1\r\n",
		"pn-prid=[hidden];ob>;+sip.instance=\"<urn:uuid:1>\";token=[hidden]\r\n", "Proxy-AUTHORIZATION: Digest [hidden]\r\n", "Authorization: Bearer [hidden]\r\n", "X-Own: [hidden]\r\n",
		"?Authorization=[hidden]&Replaces=a>\r\n", "User-Agent: Phone?[2J\r\n", "Record-Route: <sip:[hidden]@192.0.2.3;lr>, <sip:192.0.2.4;lr>\r\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 [hidden]\r\n", "a=ice-pwd:[hidden]\r\n", "a=x-own:[hidden]\r\n",
		"k=[hidden]\r\n", "i=[hidden]\r\n", "a=rtpmap:0 PCMU/8000\r\n", "a=ice-ufrag:abcd\r\n", "a=sendrecv\r\n[hidden]\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	if !strings.Contains(head, "\r\nl: "+strconv.Itoa(len(body))) {
		t.Errorf("Content-Length is not %d in\n%s", len(body), head)
	}
}

// Only SDP is shown: a key that was pressed, a text that was written and who is present are not.
func TestBodies(t *testing.T) {
	for kind, want := range map[string]string{
		"application/dtmf-relay": "[18 bytes of application/dtmf-relay]", "multipart/mixed;boundary=a": "[18 bytes of multipart/mixed]", "": "[18 bytes of ]", "text/\x07plain": "[18 bytes of text/?plain]",
	} {
		in := crlf("INFO sip:2001@a.example SIP/2.0\nCSeq: 2 INFO\nContent-Type: " + kind + "\n\nSignal=5\nDuration")
		if got := string(Message(in)); !strings.HasSuffix(got, "\r\n\r\n"+want) {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

// Who wants not to be named is not, whatever the network says besides.
func TestWithheld(t *testing.T) {
	const asserted = "P-Asserted-Identity: <sip:+81312345678@carrier.example>"
	for privacy, hide := range map[string]bool{"id": true, "none": false, "critical;ID": true, "header": true, "user; critical": true} {
		in := crlf("INVITE sip:2001@a.example SIP/2.0\n" + asserted + "\nPrivacy: " + privacy + "\n\n")
		if got := string(Message(in)); strings.Contains(got, "+81312345678") == hide {
			t.Errorf("%s: %s", privacy, got)
		}
	}
}

// Codes stay to be read, what was dialled behind them does not.
func TestCodes(t *testing.T) {
	for in, want := range map[string]string{
		"sip:2001@a": "sip:2001@a", "sip:*31@a": "sip:*31@a", "sip:*310042@a": "sip:*31xxxx@a", "sip:**2001@a": "sip:**2xxx@a", "sip:%2a%2331#12@a": "sip:%2a%233x#xx@a",
		"tel:*3312": "tel:*33xx", "sip:a*1234b5@x": "sip:a*12xxb5@x", "sip:%4": "sip:%4", "sip:*31%31%32@a": "sip:*31xx@a", "SIP:u:p:q@h": "SIP:u:[hidden]@h", "<sip:h:5060>, <sip:u:p@h>": "<sip:h:5060>, <sip:u:[hidden]@h>",
		"sips:u:p@h,sip:v@h": "sips:u:[hidden]@h,sip:v@h",
	} {
		if got := addresses(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// A message that is none shows nothing of itself, and a long one is cut.
func TestNoMessage(t *testing.T) {
	for _, in := range []string{"", "SECRET", "SECRET\r\n\r\nSECRET", "GET / HTTP/1.1\r\nAuthorization: SECRET\r\n\r\n"} {
		if got := string(Message([]byte(in))); !strings.HasSuffix(got, " bytes that are no SIP message]") || strings.Contains(got, "SECRET") {
			t.Errorf("%q: %q", in, got)
		}
	}
	long := crlf("OPTIONS sip:a SIP/2.0\nSubject: x\nUser-Agent: " + strings.Repeat("a", 2*MaxBytes) + "\n\n")
	if got := Message(long); len(got) != MaxBytes || !bytes.HasSuffix(got, []byte("\r\n[cut]")) {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("INVITE sip:*311234:p@a SIP/2.0\r\nAuthorization: Digest x\r\n y\r\nContent-Type: application/sdp\r\n\r\nv=0\r\na=crypto:1 x inline:y\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\n\tfolded\nno field\nContact: <sip:a?token=\"\\"))
	f.Fuzz(func(t *testing.T, fields []byte) {
		const needle = "Needle-7-Needle"
		if bytes.Contains(fields, []byte(needle)) {
			t.Skip()
		}
		// Wherever the fields end, and whatever they say of a body: a line of credentials is a line of its own.
		in := append(append([]byte("INVITE sip:a SIP/2.0\r\n"), fields...), "\r\nAuthorization: Digest "+needle+"\r\na=ice-pwd:"+needle+"\r\n\r\n"...)
		before := bytes.Clone(in)
		for _, m := range [][]byte{in, fields} {
			got := Message(m)
			if len(got) > MaxBytes || bytes.Contains(got, []byte(needle)) {
				t.Errorf("%d bytes: %q", len(got), got)
			}
			if len(got) < MaxBytes && !utf8.Valid(got) {
				t.Errorf("%q", got)
			}
			for _, c := range string(got) {
				if c < ' ' && c != '\r' && c != '\n' {
					t.Errorf("%q moves the cursor", got)
				}
			}
		}
		if !bytes.Equal(in, before) {
			t.Error("the message was changed")
		}
	})
}
