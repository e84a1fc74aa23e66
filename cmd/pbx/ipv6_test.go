package main

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"naisen/sip"
	"naisen/sip/stack"
)

// A call between two phones over IPv6 alone: Via, Contact and SDP name IPv6 addresses as they must be written (RFC 5118 sections 4.5, 4.7, 4.9),
// and the switch's own address is no zone's.
func TestCallOverIPv6(t *testing.T) {
	six := netip.IPv6Loopback()
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6 loopback")
	} else {
		_ = l.Close()
	}
	l := newLab(t, func(c *Config) { c.SIP.Listen = []string{"udp:[::1]:0", "tcp:[::1]:0", "tls:[::1]:0"} })
	alice, bob := l.phone("2001", six), l.phone("2002", six)
	bob.Register(300)
	inv := l.authorised(alice, callTo(alice, "2002"))
	got := bob.Expect("INVITE")
	vias, err := got.Vias()
	if err != nil || len(vias) != 1 || vias[0].Host != "::1" || vias[0].Port != int(l.at("udp").Port()) || !strings.Contains(got.Get("Via"), " [::1]:") {
		t.Errorf("Via %q: %v", got.Get("Via"), err)
	}
	contacts, err := got.Contacts()
	if err != nil || len(contacts) != 1 || contacts[0].URI.Host != "::1" || !strings.Contains(got.Get("Contact"), "@[::1]:") {
		t.Errorf("Contact %q: %v", got.Get("Contact"), err)
	}
	if sdp := string(got.Body); !strings.Contains(sdp, "\r\nc=IN IP6 ::1\r\n") || strings.Contains(sdp, "IP4") || strings.Contains(sdp, "%") {
		t.Errorf("offer:\n%s", sdp)
	}
	bob.Reply(got, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(six)) })
	ok := alice.ExpectStatus(200, "INVITE")
	if sdp := string(ok.Body); !strings.Contains(sdp, "\r\nc=IN IP6 ::1\r\n") {
		t.Errorf("answer:\n%s", sdp)
	}
	if c, err := ok.Contacts(); err != nil || c[0].URI.Host != "::1" || c[0].URI.Port != int(l.at("udp").Port()) {
		t.Errorf("Contact %q: %v", ok.Get("Contact"), err)
	}
	alice.Ack(inv, ok)
	bob.Expect("ACK")
	alice.Send(alice.InDialog("BYE", inv, ok))
	bob.Reply(bob.Expect("BYE"), 200, nil)
	alice.ExpectStatus(200, "BYE")
	if line := options(t, dialTLS(t, l.at("tls")), "six"); !strings.HasPrefix(line, "SIP/2.0 200") {
		t.Errorf("over TLS: %q", line)
	}
}

// A host written as an IPv6 reference is one of our names whatever its case, and another one is not (RFC 5118 section 4.1).
func TestOwnIPv6Name(t *testing.T) {
	s := &signalling{own: ownNames(Config{}, []netip.Addr{netip.MustParseAddr("2001:db8::a")}), domain: "d"}
	for text, want := range map[string]bool{"sip:x@[2001:db8::a]": true, "sip:x@[2001:DB8::A]:5060": true, "sip:x@[2001:db8:0:0::a]": true, "sip:x@[2001:db8::b]": false} {
		u, err := sip.ParseURI(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := s.own[ownHost(u.Host)]; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
