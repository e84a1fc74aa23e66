package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/resolve/resolvetest"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// A call to a carrier that DNS describes goes to its second point when the first is silent, within the caller's patience, by a new
// transaction (RFC 3263 section 4.3); and DNS that has died meanwhile changes nothing (threats.md I13).
func TestCarrierFailover(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	dns := resolvetest.Start(t, "")
	l := newLab(t, func(c *Config) { c.SIP.DNS = []string{dns.Addr.String()} })
	silent, good := siptest.NewPhone(t, "silent", l.socket(local), l.at("udp")), siptest.NewPhone(t, "good", l.socket(local), l.at("udp"))
	dns.Set(t, fmt.Sprintf(`
		_sip._udp.carrier.example. 1 IN SRV 10 0 %d one.carrier.example.
		_sip._udp.carrier.example. 1 IN SRV 20 0 %d two.carrier.example.
		one.carrier.example. 1 IN A 127.0.0.1
		two.carrier.example. 1 IN A 127.0.0.1`, silent.Addr.Port(), good.Addr.Port()))
	l.put(provisioning.Trunk{Name: "carrier", Host: "carrier.example", Transport: "udp", Sources: []string{"192.0.2.1/32"}, Prefixes: []string{"0"},
		Media: "srtp-forbidden", DIDFrom: []string{"request-uri"}, CallerID: seedDID})
	alice := l.phone("2001", local)
	var lost *stack.Request
	for _, mode := range []resolvetest.Mode{resolvetest.Honest, resolvetest.Dead} {
		dns.Become(mode)
		inv := l.authorised(alice, callTo(alice, "0398765432"))
		if lost == nil { // the second call goes to the point that answered
			lost = silent.Expect("INVITE")
		}
		m, ok := good.Read(30 * time.Second) // the first is given 4 s
		if !ok || m.Request == nil || m.Request.Method != "INVITE" {
			t.Fatalf("DNS mode %d: the second point got %v", mode, m)
		}
		first, _ := lost.Vias()
		second, _ := m.Request.Vias()
		if first[0].Branch() == second[0].Branch() || (lost.CallID() == m.Request.CallID()) != (mode == resolvetest.Honest) {
			t.Errorf("branches %s and %s, Call-IDs %s and %s", first[0].Branch(), second[0].Branch(), lost.CallID(), m.Request.CallID())
		}
		good.Reply(m.Request, 486, nil)
		good.Expect("ACK")
		alice.Ack(inv, alice.ExpectStatus(486, "INVITE"))
		for { // what was repeated meanwhile
			if b, _, ok := silent.ReadRaw(10 * time.Millisecond); !ok {
				break
			} else if !bytes.Contains(b, []byte(lost.CallID())) {
				t.Error("the silent point was tried first again")
			}
		}
		<-time.After(2 * time.Second) // the answer of DNS holds for 5 s at least
	}
	if n := dns.Asked("_sip._udp.carrier.example SRV"); n < 2 {
		t.Errorf("SRV was asked %d times: the second call did not try DNS again", n)
	}
}
