package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/resolve/resolvetest"
	"naisen/sip/siptest"
)

// Each INVITE that leaves has one hop less than the one that came, and one that has no hop left does not leave: what loops through others
// ends (RFC 5393; threats.md C21).
func TestMaxForwards(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	l := newLab(t, nil)
	alice, bob := l.phone("2001", local), l.phone("2002", local)
	bob.Register(300)
	for hops, status := range map[string]int{"0": 483, "1": 483, "2": 486, "70": 486} {
		inv := callTo(alice, "2002")
		inv.Set("Max-Forwards", hops)
		inv = l.authorised(alice, inv)
		if status == 486 {
			got := bob.Expect("INVITE")
			if want := map[string]int{"2": 1, "70": 69}[hops]; got.MaxForwards() != want {
				t.Errorf("Max-Forwards %s left as %d, want %d", hops, got.MaxForwards(), want)
			}
			bob.Reply(got, 486, nil)
			bob.Expect("ACK")
		}
		m, ok := alice.Read(siptest.Patience)
		for ok && m.Response != nil && m.Response.Status < 200 {
			m, ok = alice.Read(siptest.Patience)
		}
		if !ok || m.Response == nil || m.Response.Status != status {
			t.Fatalf("Max-Forwards %s: %v, want %d", hops, m, status)
		}
		alice.Ack(inv, m.Response)
	}
}

// A carrier whose name leads to the switch itself, by mistake or by a DNS that lies (threats.md I13), makes one failed call and no loop.
func TestCarrierThatIsOurselves(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	dns := resolvetest.Start(t, "mirror.example. 60 IN A 127.0.0.1")
	l := newLab(t, func(c *Config) { c.SIP.DNS = []string{dns.Addr.String()} })
	_, port, _ := strings.Cut(l.at("udp").String(), ":")
	l.put(provisioning.Trunk{Name: "carrier", Host: "mirror.example:" + port, Transport: "udp", Sources: []string{"127.0.0.1/32"},
		Prefixes: []string{"0"}, Media: "srtp-forbidden", DIDFrom: []string{"request-uri"}, CallerID: seedDID})
	alice := l.phone("2001", local)
	received := l.p.stack.Stats().Received
	inv := l.authorised(alice, callTo(alice, "0398765432"))
	for {
		m, ok := alice.Read(20 * time.Second)
		if !ok || m.Response == nil {
			t.Fatalf("got %v", m)
		}
		if m.Response.Status >= 300 {
			alice.Ack(inv, m.Response)
			break
		}
	}
	if n := l.p.stack.Stats().Received - received; n > 4 { // two INVITEs and two ACKs of the phone
		t.Errorf("%d messages came in for one call", n)
	}
}
