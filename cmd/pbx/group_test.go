package main

import (
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
)

const simGroup = "6000"

// Members in turn: who talks is passed over, who does not answer in time is followed by the next one, and the last one by the overflow.
func TestGroupSequential(t *testing.T) {
	onStage(t, "group-sequential", func(o *stage) {
		alice, bob, carol, dave := o.phones["2001"], o.phones["2002"], o.phones["2003"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		r := o.carrier.NewRequest("INVITE", simPlain)
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
		o.carrier.Send(r)
		in := carol.Expect("INVITE") // 2002 talks
		carol.Reply(in, 180, nil)
		o.carrier.ExpectStatus(180, "INVITE")
		carol.Reply(carol.Expect("CANCEL"), 200, nil)
		carol.Reply(in, 487, nil)
		carol.Expect("ACK")
		in = dave.Expect("INVITE")
		c, d := o.pickUp(side{o.carrier, r, nil, true}, side{dave, in, nil, false})
		c.bye(d)
		a.bye(b)
	}, provisioning.Group{Number: simGroup, Strategy: "sequential", Members: []string{"2002", "2003"}, RingSeconds: 5, Overflow: toExt("2004")},
		provisioning.DID{Number: simPlain, Group: simGroup})
}

// Together: the first to answer has the call, the other one lists no missed call.
func TestGroupSimultaneous(t *testing.T) {
	onStage(t, "group-simultaneous", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2003"]
		out := o.invite(alice, simGroup, nil)
		in, other := bob.Expect("INVITE"), carol.Expect("INVITE")
		bob.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		carol.Reply(other, 180, nil)
		b := side{bob, in, bob.Reply(in, 200, with(bob, "0 8 101")), false}
		bob.Expect("ACK")
		cancel := carol.Expect("CANCEL")
		if got := cancel.Get("Reason"); !strings.HasPrefix(got, `SIP;cause=200;text="Call completed elsewhere"`) {
			t.Errorf("CANCEL with %q", got)
		}
		carol.Reply(cancel, 200, nil)
		carol.Reply(other, 487, nil)
		carol.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		a.bye(b)
		o.records("2001 > 6000 2002 200 OK by caller")
		o.rang("2002 answered", "2003 elsewhere")
	}, provisioning.Group{Number: simGroup, Members: []string{"2001", "2002", "2003"}})
}

// The next call begins with the next member, and with whoever had no call for longest.
func TestGroupTakesTurns(t *testing.T) {
	rings := func(strategy string, want ...string) {
		onStage(t, "group-"+strategy+"-turns", func(o *stage) {
			for _, n := range want {
				out := o.invite(o.phones["2001"], simGroup, nil)
				p := o.phones[n]
				in := p.Expect("INVITE")
				a, b := o.pickUp(side{o.phones["2001"], out, nil, true}, side{p, in, nil, false})
				a.bye(b)
				o.wait(siptest.Patience)
			}
		}, provisioning.Group{Number: simGroup, Strategy: strategy, Members: []string{"2002", "2003", "2004"}})
	}
	rings("circular", "2002", "2003", "2004", "2002")
	rings("longest-idle", "2002", "2003", "2004", "2002")
	rings("sequential", "2002", "2002")
}
