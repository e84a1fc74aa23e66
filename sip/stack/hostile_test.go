package stack_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// loopbackStack listens on real sockets, free ports, with one shard, so that what is asked later is answered later. The TU answers 200 to
// OPTIONS and REGISTER, 403 to INVITE, 501 else.
func loopbackStack(t *testing.T, limits stack.Limits) (*stack.Stack, *tu) {
	u := &tu{request: func(tx *stack.ServerTx) {
		status := map[string]int{"OPTIONS": 200, "REGISTER": 200, "INVITE": 403}[tx.Request().Method]
		if status == 0 {
			status = 501
		}
		_ = tx.Challenge(stack.NewResponse(tx.Request(), status, ""))
	}}
	s := serve(t, stack.Config{Limits: limits, Shards: 1, Listen: []stack.Listen{
		{Transport: "udp", Addr: netip.AddrPortFrom(loopback, 0)}, {Transport: "tcp", Addr: netip.AddrPortFrom(loopback, 0)},
	}}, u)
	return s, u
}

func loopbackPhone(t *testing.T, name string, s *stack.Stack) *siptest.Phone {
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return siptest.NewPhone(t, name, pc, s.LocalAddrs()[0].Addr)
}

// alive is part of every row's outcome: the switch still answers OPTIONS within 2 s.
func alive(t *testing.T, s *stack.Stack) {
	t.Helper()
	p := loopbackPhone(t, "probe", s)
	p.Send(p.NewRequest("OPTIONS", "x"))
	if m, ok := p.Read(2 * time.Second); !ok || m.Response == nil || m.Response.Status != 200 {
		t.Fatal("the switch no longer answers")
	}
}

// message is an OPTIONS whose parts a row replaces; "" for a header removes it.
type message struct {
	line    string
	replace map[string]string
	extra   string
	body    string
	length  string
}

func (m message) bytes(from string, n int) []byte {
	line := m.line
	if line == "" {
		line = "OPTIONS sip:x@127.0.0.1 SIP/2.0"
	}
	method, _, _ := strings.Cut(line, " ")
	b := line + "\r\n"
	for _, h := range [][2]string{
		{"Via", "SIP/2.0/UDP " + from + ";branch=z9hG4bKh" + strconv.Itoa(n) + ";rport"}, {"Max-Forwards", "70"},
		{"From", "<sip:a@127.0.0.1>;tag=f" + strconv.Itoa(n)}, {"To", "<sip:x@127.0.0.1>"}, {"Call-ID", "h" + strconv.Itoa(n)},
		{"CSeq", "1 " + method},
	} {
		v, ok := m.replace[h[0]]
		if !ok {
			v = h[0] + ": " + h[1]
		}
		if v != "" {
			b += v + "\r\n"
		}
	}
	b += m.extra
	length := m.length
	if length == "" {
		length = "Content-Length: " + strconv.Itoa(len(m.body)) + "\r\n"
	}
	return []byte(b + length + "\r\n" + m.body)
}

// drop is the outcome "no answer"; a row may allow several.
const drop = 0

// threats.md section 3 A, as far as it is this level's: the exact answer, or none.
func TestHostileMessages(t *testing.T) {
	long := strings.Repeat("x", 5000)
	rows := []struct {
		name string
		m    message
		want []int
	}{
		{"plain", message{}, []int{200}},
		{"A1 folded, compact and oddly spaced", message{replace: map[string]string{
			"From": "f\t:  \"A \\\"B\\\"\"\r\n   <sip:a@127.0.0.1>\r\n  ;\ttag = 98asjd8", "To": "TO :\r\n <sip:x@127.0.0.1 >", "Call-ID": "i: 1.folded@x",
			"CSeq": "cseq : 0009\r\n  OPTIONS", "Max-Forwards": "MAX-FORWARDS : 0068"},
			extra: "s :\r\nNewFangledHeader:   newfangled value\r\n continued\r\nUnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"}, []int{200}},
		{"A2 method of all token characters", message{line: "!interesting-Method0123456789_*+`.%indeed'~ sip:x@127.0.0.1 SIP/2.0"}, []int{501}},
		{"A3 register in lower case", message{line: "register sip:127.0.0.1 SIP/2.0"}, []int{501}},
		{"A3 escaped method", message{line: "RE%47IST%45R sip:127.0.0.1 SIP/2.0"}, []int{501}},
		{"A4 NUL in the To user", message{line: "REGISTER sip:127.0.0.1 SIP/2.0", replace: map[string]string{"To": "To: <sip:user%00x@127.0.0.1>"}}, []int{200}},
		{"A6 Content-Length beyond the datagram", message{length: "Content-Length: 9999\r\n"}, []int{400}},
		{"A7 negative", message{length: "Content-Length: -999\r\n"}, []int{400}},
		{"A7 plus", message{length: "Content-Length: +5\r\n", body: "12345"}, []int{400}},
		{"A7 hexadecimal", message{length: "Content-Length: 0x10\r\n"}, []int{400}},
		{"A7 trailing letters", message{length: "Content-Length: 12abc\r\n"}, []int{400}},
		{"A7 10^20", message{length: "Content-Length: 100000000000000000000\r\n"}, []int{400}},
		{"A7 two different", message{length: "Content-Length: 0\r\nl: 3\r\n", body: "abc"}, []int{400}},
		{"A8 CSeq negative", message{replace: map[string]string{"CSeq": "CSeq: -1 OPTIONS"}}, []int{400}},
		{"A8 CSeq 2^32", message{replace: map[string]string{"CSeq": "CSeq: 4294967296 OPTIONS"}}, []int{400}},
		{"A8 CSeq text", message{replace: map[string]string{"CSeq": "CSeq: one OPTIONS"}}, []int{400}},
		{"A8 CSeq of another method", message{replace: map[string]string{"CSeq": "CSeq: 1 INVITE"}}, []int{400}},
		{"A9 no To", message{replace: map[string]string{"To": ""}}, []int{drop}},
		{"A9 no From", message{replace: map[string]string{"From": ""}}, []int{drop}},
		{"A9 no Call-ID", message{replace: map[string]string{"Call-ID": ""}}, []int{drop}},
		{"A9 no CSeq", message{replace: map[string]string{"CSeq": ""}}, []int{drop}},
		{"A9 no Via", message{replace: map[string]string{"Via": ""}}, []int{drop}},
		{"A11 SIP/7.0", message{line: "OPTIONS sip:x@127.0.0.1 SIP/7.0"}, []int{505}},
		{"A12 unknown scheme", message{line: "OPTIONS nobodyKnows:x SIP/2.0"}, []int{416}},
		{"A13 two From", message{line: "REGISTER sip:127.0.0.1 SIP/2.0", extra: "f: <sip:b@127.0.0.1>;tag=2\r\n"}, []int{400}},
		{"A13 two To", message{line: "REGISTER sip:127.0.0.1 SIP/2.0", extra: "t: <sip:b@127.0.0.1>\r\n"}, []int{400}},
		{"A13 two CSeq", message{line: "REGISTER sip:127.0.0.1 SIP/2.0", extra: "CSeq: 2 REGISTER\r\n"}, []int{400}},
		{"A13 two Call-ID", message{line: "REGISTER sip:127.0.0.1 SIP/2.0", extra: "i: two\r\n"}, []int{400}},
		{"A13 two Max-Forwards", message{extra: "Max-Forwards: 3\r\n"}, []int{400}},
		{"A14 70 Vias", message{extra: strings.Repeat("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKv\r\n", 69)}, []int{200}},
		{"A14 71 Vias", message{extra: strings.Repeat("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKv\r\n", 70)}, []int{drop, 513}},
		{"A14 5 kB header", message{extra: "Subject: " + long + "\r\n"}, []int{200}},
		{"A14 5,000 headers", message{extra: strings.Repeat("X: y\r\n", 5000)}, []int{drop, 513}},
		{"A14 60 kB value", message{extra: "Subject: " + strings.Repeat(long, 12) + "\r\n"}, []int{drop, 513}},
		{"A14 20 kB body", message{body: strings.Repeat(long, 4)}, []int{513}},
		{"A15 NUL", message{extra: "Subject: a\x00b\r\n"}, []int{drop}},
		{"A15 invalid UTF-8", message{extra: "Subject: \xff\xfe\r\n"}, []int{drop}},
		{"A15 bare LF", message{extra: "Subject: a\nX: b\r\n"}, []int{drop}},
		{"A15 bare CR", message{extra: "Subject: a\rX: b\r\n"}, []int{drop}},
		{"A15 header without colon", message{extra: "Subject\r\n"}, []int{drop}},
		{"A15 space in a header name", message{extra: "Sub ject: x\r\n"}, []int{drop}},
		{"A18 padded Content-Length", message{length: "Content-Length \t : 3\r\n", body: "abc"}, []int{200}},
		{"A19 compressed body", message{extra: "Content-Encoding: gzip\r\n", body: "\x1f\x8b"}, []int{415}},
		{"4475 LWS in the request line", message{line: "OPTIONS  sip:x@127.0.0.1 SIP/2.0"}, []int{400}},
		{"4475 trailing LWS", message{line: "OPTIONS sip:x@127.0.0.1 SIP/2.0  "}, []int{400}},
		{"4475 Request-URI in brackets", message{line: "OPTIONS <sip:x@127.0.0.1> SIP/2.0"}, []int{400}},
		{"4475 escaped headers in Request-URI are kept", message{line: "OPTIONS sip:x@127.0.0.1?Route=%3Csip:example.com%3E SIP/2.0"}, []int{200}},
		{"4475 semicolon in the user", message{line: "OPTIONS sip:x;par=u%40example.net@127.0.0.1 SIP/2.0"}, []int{200}},
		{"4475 unbalanced quotes in To", message{replace: map[string]string{"To": "To: \"Mr <sip:x@127.0.0.1>"}}, []int{400}},
		{"4475 negative port in From", message{replace: map[string]string{"From": "From: <sip:a@127.0.0.1:-5>;tag=1"}}, []int{400}},
		{"4475 unknown transport in lower Via", message{extra: "Via: SIP/2.0/UNKNOWN 192.0.2.9;branch=z9hG4bKu\r\n"}, []int{200}},
		{"4475 Via of another version", message{extra: "Via: SIP/3.0/UDP 192.0.2.9;branch=z9hG4bKu\r\n"}, []int{drop}},
		{"4475 Max-Forwards 300", message{replace: map[string]string{"Max-Forwards": "Max-Forwards: 300"}}, []int{400}},
		{"4475 empty Route element", message{extra: "Route: <sip:>\r\n"}, []int{400}},
		{"4475 unknown scheme in To", message{replace: map[string]string{"To": "To: <isbn:2983792873>"}}, []int{400}},
		{"old branch", message{replace: map[string]string{"Via": "Via: SIP/2.0/UDP 127.0.0.1;branch=1"}}, []int{200}},
		{"no branch", message{replace: map[string]string{"Via": "Via: SIP/2.0/UDP 127.0.0.1"}}, []int{200}},
		{"the cookie alone", message{replace: map[string]string{"Via": "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK"}}, []int{400}},
		{"escaped control character in a display name", message{replace: map[string]string{"To": "To: \"a\\\x00b\\\x07\" <sip:x@127.0.0.1>"}}, []int{200}},
		{"control character in a display name", message{replace: map[string]string{"To": "To: \"a\x00b\" <sip:x@127.0.0.1>"}}, []int{drop}},
		{"a Via line that names nobody", message{replace: map[string]string{"Via": "Via: ,\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKe"}}, []int{drop}},
		{"no From tag", message{replace: map[string]string{"From": "From: <sip:a@127.0.0.1>"}}, []int{400}},
		{"INVITE malformed is refused once", message{line: "INVITE sip:x@127.0.0.1 SIP/2.0", replace: map[string]string{"CSeq": "CSeq: 1 BYE"}}, []int{400}},
		{"ACK malformed is never answered", message{line: "ACK sip:x@127.0.0.1 SIP/2.0", replace: map[string]string{"CSeq": "CSeq: 1 BYE"}}, []int{drop}},
		{"C15 stray ACK", message{line: "ACK sip:x@127.0.0.1 SIP/2.0"}, []int{drop}},
		{"C15 stray CANCEL", message{line: "CANCEL sip:x@127.0.0.1 SIP/2.0"}, []int{481}},
	}
	s, _ := loopbackStack(t, stack.Limits{})
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := loopbackPhone(t, "a", s)
			p.SendRaw(row.m.bytes(p.Addr.String(), i))
			// A drop is proven by what comes next: the answer to a request sent after it, on the same socket and in order.
			probe := p.NewRequest("OPTIONS", "probe")
			probe.Set("Call-ID", "probe")
			p.Send(probe)
			got := drop
			for probed, within := false, 2*time.Second; ; {
				b, _, ok := p.ReadRaw(within)
				if !ok {
					if !probed {
						t.Fatal("the switch no longer answers")
					}
					break
				}
				if bytes.Contains(b, []byte("Call-ID: probe\r\n")) {
					probed, within = true, 20*time.Millisecond // what is answered for it was answered before
				} else {
					got, _ = strconv.Atoi(string(b[8:11]))
				}
			}
			for _, w := range row.want {
				if got == w {
					return
				}
			}
			t.Errorf("answered %d, want %v", got, row.want)
		})
	}
	if n := s.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// A5: the second request after Content-Length: 0 in one datagram is discarded, not executed.
func TestSecondRequestInDatagram(t *testing.T) {
	s, u := loopbackStack(t, stack.Limits{})
	p := loopbackPhone(t, "a", s)
	p.SendRaw(append(message{}.bytes(p.Addr.String(), 1), message{line: "REGISTER sip:x SIP/2.0"}.bytes(p.Addr.String(), 2)...))
	p.ExpectStatus(200, "OPTIONS")
	p.Silence(50 * time.Millisecond)
	if seen := u.saw(); len(seen) != 1 {
		t.Errorf("the TU saw %v", seen)
	}
}

// A16: mutations and truncations; no INVITE is accepted by accident and the switch lives.
func TestMutatedMessages(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{RatePerSource: 1e6, Rate: 1e6})
	p := loopbackPhone(t, "a", s)
	r := rand.New(rand.NewPCG(1, 2))
	whole := message{line: "INVITE sip:x@127.0.0.1 SIP/2.0", extra: "Contact: <sip:a@127.0.0.1>\r\n", body: "v=0\r\n"}.bytes(p.Addr.String(), 1)
	for range 1500 {
		b := append([]byte(nil), whole...)
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = byte(r.IntN(256))
		}
		p.SendRaw(b)
	}
	for range 120 {
		p.SendRaw(whole[:r.IntN(len(whole))])
	}
	alive(t, s)
	if n := s.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// D1: answers go to where the packet came from, whatever Via says.
func TestForgedVia(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{})
	victim := loopbackPhone(t, "victim", s)
	p := loopbackPhone(t, "a", s)
	for i, via := range []string{
		"Via: SIP/2.0/UDP " + victim.Addr.String() + ";branch=z9hG4bKf1",
		"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKf2;received=127.0.0.1;rport=" + fmt.Sprint(victim.Addr.Port()),
		"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKf3;maddr=127.0.0.1;rport",
	} {
		p.SendRaw(message{replace: map[string]string{"Via": via}}.bytes("", 10+i))
		m, ok := p.Read(2 * time.Second)
		if !ok {
			t.Fatalf("no answer to %s", via)
		}
		v, _ := m.Response.Vias()
		if got, _ := v[0].Params.Get("received"); v[0].Host != "127.0.0.1" && got != "127.0.0.1" {
			t.Errorf("received is %q", got)
		}
		if got, ok := v[0].Params.Get("rport"); ok && got != fmt.Sprint(p.Addr.Port()) {
			t.Errorf("rport is %q", got)
		}
	}
	victim.Silence(20 * time.Millisecond)
}

// D2: an unauthenticated INVITE gets one packet of at most 1.5 times its size... plus the challenge that the TU adds.
func TestRefusalIsSmall(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{})
	p := loopbackPhone(t, "a", s)
	b := message{line: "INVITE sip:x@127.0.0.1 SIP/2.0"}.bytes(p.Addr.String(), 1)
	p.SendRaw(b)
	m, ok := p.Read(2 * time.Second)
	if !ok || m.Response.Status != 403 || len(m.Raw)*2 > len(b)*3 {
		t.Errorf("%d bytes in, %d out", len(b), len(m.Raw))
	}
	p.Silence(1200 * time.Millisecond) // Timer G would have fired twice
}

// STUN and keep-alives on the SIP port are no SIP (RFC 5626).
func TestKeepalivesOnUDP(t *testing.T) {
	s, _ := loopbackStack(t, stack.Limits{})
	p := loopbackPhone(t, "a", s)
	for _, b := range []string{"\r\n\r\n", "\r\n", "\x00\x00\x00\x00", "jaK", ""} {
		p.SendRaw([]byte(b))
	}
	pc, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.LocalAddrs()[0].Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	req := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, "abcdefghijkl"...)
	if _, err := pc.Write(req); err != nil {
		t.Fatal(err)
	}
	_ = pc.SetReadDeadline(time.Now().Add(2 * time.Second))
	buf := make([]byte, 100)
	n, err := pc.Read(buf)
	if err != nil || n != 32 || buf[0] != 1 || buf[1] != 1 {
		t.Fatalf("STUN: %x, %v", buf[:n], err)
	}
	port := int(buf[26])<<8 | int(buf[27])
	if want := pc.LocalAddr().(*net.UDPAddr).Port; port^0x2112 != want {
		t.Errorf("mapped port %d, want %d", port^0x2112, want)
	}
	if got := s.Stats().Malformed; got != 0 {
		t.Errorf("%d counted as malformed", got)
	}
}
