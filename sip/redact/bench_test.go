package redact

import "testing"

// BenchmarkMessage is what the trace of an INVITE costs. A call has some fourteen messages, most of them shorter.
func BenchmarkMessage(b *testing.B) {
	m := crlf("INVITE sip:2002@ward.example.jp SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1-abc;rport\nMax-Forwards: 70\nFrom: \"Sato\" <sip:2001@ward.example.jp>;tag=5f3b1c\n" +
		"To: <sip:2002@ward.example.jp>\nCall-ID: 5f3b1c9a-1d2e@192.0.2.10\nCSeq: 2 INVITE\nContact: <sip:2001@192.0.2.10:5060;transport=udp>;+sip.instance=\"<urn:uuid:1>\"\n" +
		"Authorization: Digest username=\"2001\", realm=\"ward.example.jp\", nonce=\"x\", uri=\"sip:2002@ward.example.jp\", response=\"0\"\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY\n" +
		"Supported: replaces, timer, 100rel\nUser-Agent: Desk 1.0\nSession-Expires: 1800\nContent-Type: application/sdp\nContent-Length: 200\n\n" +
		"v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio 40000 RTP/AVP 9 0 8 101\na=rtpmap:9 G722/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n" +
		"a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=sendrecv\n")
	b.ReportAllocs()
	for b.Loop() {
		Message(m)
	}
}
