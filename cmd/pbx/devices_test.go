package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// another is one more telephone of an extension, with a q and an instance of its own.
func (o *stage) another(number, name string, q float64, host byte) *siptest.Phone {
	o.t.Helper()
	p := o.net.Phone(o.t, name, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), 5060), o.proxy)
	p.Domain, p.Auth = simDomain, siptest.Digest(number, "secret-"+number)
	aor := sip.Address{URI: sip.URI{Scheme: "sip", User: number, Host: simDomain}}
	r := p.NewRequest("REGISTER", "")
	r.SetFrom(aor.WithTag(name))
	r.SetTo(aor)
	r.Set("Contact", fmt.Sprintf(`<%s>;q=%v;+sip.instance="<urn:uuid:%s>"`, p.Contact(), q, name))
	r.Set("User-Agent", "Phone "+name)
	r.Set("Expires", "3600")
	if _, resp := p.Do(r); resp.Status != 200 {
		o.t.Fatalf("REGISTER of %s: %d", name, resp.Status)
	}
	o.air.speak(netip.AddrPortFrom(p.Addr.Addr(), 4000), true)
	o.names = append(o.names, name)
	o.wait(time.Second)
	o.quiet = time.Since(simStart) // the ladder begins here
	return p
}

// rung is the INVITE at a telephone that rings now.
func rung(p *siptest.Phone) *stack.Request {
	in := p.Expect("INVITE")
	p.Reply(in, 180, nil)
	return in
}

// calledOff takes the switch's CANCEL, and tells why it came.
func calledOff(p *siptest.Phone, in *stack.Request) (reason string) {
	cancel := p.Expect("CANCEL")
	p.Reply(cancel, 200, nil)
	p.Reply(in, 487, nil)
	p.Expect("ACK")
	return cancel.Get("Reason")
}

// One after the other by their q: the desk rings for five seconds and is called off, then the mobile, which answers. Nobody else's phone rings again.
func TestDevicesInOrder(t *testing.T) {
	onStage(t, "devices-in-order", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		mobile := o.another("2002", "mobile", 0.3, 31)
		out := o.invite(alice, "2002", nil)
		first := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		if why := calledOff(desk, first); !strings.Contains(why, `Q.850;cause=19`) {
			t.Errorf("the desk was told %s", why)
		}
		in := rung(mobile)
		a, b := o.pickUp(side{alice, out, nil, true}, side{mobile, in, nil, false})
		o.wait(time.Second)
		a.bye(b)
		desk.Silence(time.Second)
		o.records("2001 > 2002 2002 200 OK by caller")
	}, provisioning.Settings{Extension: "2002", Ring: provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 5}})
}

// The mobile rings three seconds later besides the desk; the one that loses has missed nothing. GET .../devices says so before.
func TestDevicesDelayed(t *testing.T) {
	onStage(t, "devices-delayed", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		mobile := o.another("2002", "mobile", 1, 31)
		var listed []string
		for _, d := range (phones{o.p.dialler}).Devices(simDomain, "2002") {
			listed = append(listed, fmt.Sprint(d.Instance, d.UserAgent, d.Transport, d.Address, d.Turn, d.After))
		}
		if got := strings.Join(listed, " "); got != "urn:uuid:mobilePhone mobileudp192.0.2.31:50601 3 udp192.0.2.22:50601 0" {
			t.Errorf("devices %s", got)
		}
		out := o.invite(alice, "2002", nil)
		first := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		mobile.Silence(2 * time.Second)
		second := rung(mobile)
		o.wait(time.Second)
		a, b := o.pickUp(side{alice, out, nil, true}, side{desk, first, nil, false})
		if why := calledOff(mobile, second); why != `SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26` {
			t.Errorf("the mobile was told %s", why)
		}
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	}, provisioning.Settings{Extension: "2002", Ring: provisioning.Ringing{Devices: []provisioning.RingDevice{{Instance: "urn:uuid:mobile", Delay: 3}}}})
}

// The desk is busy, so the mobile rings at once; the no-answer forward counts from the beginning for both. Who declines there declines for good, and the
// call goes where a busy extension sends it.
func TestDevicesBusyAndDeclined(t *testing.T) {
	set := provisioning.Settings{Extension: "2002", Ring: provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 15},
		Forward: provisioning.Forwarding{NoAnswer: toExt("2003"), Busy: toExt("2004"), Seconds: 20}}
	onStage(t, "devices-no-answer", func(o *stage) {
		alice, desk, carol := o.phones["2001"], o.phones["2002"], o.phones["2003"]
		mobile := o.another("2002", "mobile", 0.3, 31)
		out := o.invite(alice, "2002", nil)
		began := time.Now()
		desk.Reply(desk.Expect("INVITE"), 486, nil)
		desk.Expect("ACK")
		in := rung(mobile)
		alice.ExpectStatus(180, "INVITE")
		o.wait(17 * time.Second)
		calledOff(mobile, in)
		if d := time.Since(began).Round(time.Second); d != 20*time.Second {
			t.Errorf("it rang for %v", d)
		}
		in = carol.Expect("INVITE")
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, in, nil, false})
		a.bye(c)
	}, set)
	onStage(t, "devices-declined", func(o *stage) {
		alice, desk, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		mobile := o.another("2002", "mobile", 0.3, 31)
		out := o.invite(alice, "2002", nil)
		desk.Reply(desk.Expect("INVITE"), 603, nil)
		desk.Expect("ACK")
		in := dave.Expect("INVITE")
		a, d := o.pickUp(side{alice, out, nil, true}, side{dave, in, nil, false})
		mobile.Silence(time.Second)
		a.bye(d)
	}, set)
}

// Pick-up by code takes the call from whichever telephone rings, and those that wait ring no more. A group gives a member's devices their turns in the
// member's own.
func TestDevicesPickedUpAndInAGroup(t *testing.T) {
	ring := provisioning.Settings{Extension: "2002", Ring: provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 15}}
	onStage(t, "", func(o *stage) {
		alice, desk, carol := o.phones["2001"], o.phones["2002"], o.phones["2003"]
		mobile := o.another("2002", "mobile", 0.3, 31)
		out := o.invite(alice, "2002", nil)
		in := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		take := o.invite(carol, "**2002", nil)
		calledOff(desk, in)
		c := side{carol, take, carol.ExpectStatus(200, "INVITE"), true}
		carol.Ack(take, c.resp)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		mobile.Silence(20 * time.Second)
		a.bye(c)
	}, ring, provisioning.Extension{Number: "2002", AllowMD5: true, Media: "srtp-preferred", Pickup: "counter"},
		provisioning.Extension{Number: "2003", AllowMD5: true, Media: "srtp-preferred", Pickup: "counter"})
	onStage(t, "", func(o *stage) {
		alice, desk, carol := o.phones["2001"], o.phones["2002"], o.phones["2003"]
		mobile := o.another("2002", "mobile", 0.3, 31)
		out := o.invite(alice, simGroup, nil)
		began := time.Now()
		in := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		calledOff(desk, in) // after half of the member's ten seconds
		if d := time.Since(began).Round(time.Second); d != 5*time.Second {
			t.Errorf("the desk rang for %v", d)
		}
		in = rung(mobile)
		o.wait(time.Second)
		calledOff(mobile, in)
		in = carol.Expect("INVITE")
		if d := time.Since(began).Round(time.Second); d != 10*time.Second {
			t.Errorf("the member rang for %v", d)
		}
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, in, nil, false})
		a.bye(c)
	}, ring, provisioning.Group{Number: simGroup, Strategy: provisioning.Sequential, Members: []string{"2002", "2003"}, RingSeconds: 10})
}
