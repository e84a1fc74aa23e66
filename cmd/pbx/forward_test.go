package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func toExt(n string) *provisioning.Destination    { return &provisioning.Destination{Extension: n} }
func toNumber(n string) *provisioning.Destination { return &provisioning.Destination{Number: n} }

func forwards(n string, f provisioning.Forwarding) provisioning.Settings {
	return provisioning.Settings{Extension: n, Forward: f}
}

// came checks how a phone is told that the call was sent to it.
func came(t *testing.T, in *stack.Request, diversion, history string) {
	t.Helper()
	if got := strings.Join(in.Lines("Diversion"), " | "); got != diversion {
		t.Errorf("Diversion %s\nwant %s", got, diversion)
	}
	if got := in.Get("History-Info"); got != history {
		t.Errorf("History-Info %s\nwant %s", got, history)
	}
}

func TestForwardAlways(t *testing.T) {
	onStage(t, "forward-always", func(o *stage) {
		alice, carol := o.phones["2001"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		in := carol.Expect("INVITE")
		came(t, in, `"Ext 1" <sip:2002@pbx.example.jp>;reason=unconditional;counter=1;privacy=off`,
			`<sip:2002@pbx.example.jp?Reason=SIP%3Bcause%3D302>;index=1, <sip:2004@pbx.example.jp>;index=1.1;mp=1`)
		carol.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, in, nil, false})
		a.bye(c)
		o.records("2001 > 2002 2004 200 OK by caller")
	}, forwards("2002", provisioning.Forwarding{Always: toExt("2004")}))
}

// The phone itself says that it is busy; the second one is not answered in time; the third has no phone. Each adds to the way.
func TestForwardBusyThenNoAnswer(t *testing.T) {
	onStage(t, "forward-busy-no-answer", func(o *stage) {
		alice, bob, carol, dave := o.phones["2001"], o.phones["2002"], o.phones["2003"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		bob.Reply(bob.Expect("INVITE"), 486, nil)
		bob.Expect("ACK")
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		cancel := carol.Expect("CANCEL")
		carol.Reply(cancel, 200, nil)
		carol.Reply(in, 487, nil)
		in = dave.Expect("INVITE")
		carol.Expect("ACK")
		came(t, in, `"Ext 2" <sip:2003@pbx.example.jp>;reason=no-answer;counter=1;privacy=off | `+
			`"Ext 1" <sip:2002@pbx.example.jp>;reason=user-busy;counter=1;privacy=off`,
			`<sip:2002@pbx.example.jp?Reason=SIP%3Bcause%3D486>;index=1, <sip:2003@pbx.example.jp?Reason=SIP%3Bcause%3D408>;index=1.1;mp=1, `+
				`<sip:2004@pbx.example.jp>;index=1.1.1;mp=1.1`)
		a, d := o.pickUp(side{alice, out, nil, true}, side{dave, in, nil, false})
		a.bye(d)
		o.records("2001 > 2002 2004 200 OK by caller")
	}, forwards("2002", provisioning.Forwarding{Busy: toExt("2003")}), forwards("2003", provisioning.Forwarding{NoAnswer: toExt("2004"), Seconds: 5}))
}

// A phone that is not registered sends calls on at once; the recorded number's notice is played to whom it was called for.
func TestForwardUnregistered(t *testing.T) {
	onStage(t, "forward-unregistered", func(o *stage) {
		alice, carol := o.phones["2001"], o.phones["2004"]
		out := o.invite(alice, "2009", nil)
		in := carol.Expect("INVITE")
		came(t, in, `<sip:2009@pbx.example.jp>;reason=unavailable;counter=1;privacy=off`,
			`<sip:2009@pbx.example.jp?Reason=SIP%3Bcause%3D503>;index=1, <sip:2004@pbx.example.jp>;index=1.1;mp=1`)
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, in, nil, false})
		a.bye(c)
	}, provisioning.Extension{Number: "2009", Media: "srtp-preferred"}, forwards("2009", provisioning.Forwarding{Unregistered: toExt("2004")}))
}

// From outside to outside: the carrier is shown who calls and who sends it there, and who sends it pays.
func TestForwardOutside(t *testing.T) {
	onStage(t, "forward-outside", func(o *stage) {
		alice := o.phones["2001"]
		out := o.invite(alice, "2003", nil)
		in := o.carrier.Expect("INVITE")
		if in.URI.User != "+819012345678" || strings.Contains(in.Get("From")+in.Get("Contact"), "200") {
			t.Errorf("the carrier is told %s %s %s", in.URI, in.Get("From"), in.Get("Contact"))
		}
		a, c := o.pickUp(side{alice, out, nil, true}, side{o.carrier, in, nil, false})
		a.bye(c)
		o.mu.Lock()
		defer o.mu.Unlock()
		if c := o.cdrs[0]; c.Charge.Extension != "2003" || c.Charge.Class != "mobile" || c.Trunk != "carrier" {
			t.Errorf("%+v", c)
		}
	}, forwards("2003", provisioning.Forwarding{Always: toNumber("09012345678")}))
}

// What the owner may not dial nobody is sent to, whoever calls: the caller hears what it would hear without the forward.
func TestForwardWithoutTheRight(t *testing.T) {
	onStage(t, "forward-no-right", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", nil)
		bob.Reply(bob.Expect("INVITE"), 486, nil)
		bob.Expect("ACK")
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
		o.records("2001 > 2002  486 Busy Here by switch")
	}, forwards("2002", provisioning.Forwarding{Busy: toNumber("010442071838750")}))
}

// Two who stand in for each other: the call goes to nobody twice.
func TestForwardCircle(t *testing.T) {
	onStage(t, "forward-circle", func(o *stage) {
		alice, bob, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		for _, p := range []*siptest.Phone{bob, dave} {
			p.Reply(p.Expect("INVITE"), 486, nil)
			p.Expect("ACK")
		}
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
	}, forwards("2002", provisioning.Forwarding{Busy: toExt("2004")}), forwards("2004", provisioning.Forwarding{Busy: toExt("2002")}))
}

// A transfer to somebody who is away goes where that person sends calls; one that fails comes back to a phone that is not to be disturbed.
func TestForwardAfterTransfer(t *testing.T) {
	onStage(t, "forward-transfer", func(o *stage) {
		alice, bob, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		b, a := o.talk(bob, alice, "2001")
		b.refer("sip:2003@" + simDomain)
		in := dave.Expect("INVITE")
		dave.Reply(in, 486, nil)
		dave.Expect("ACK")
		b.notified("486 Busy Here")
		b.refer("sip:2003@" + simDomain)
		b.p.Send(b.request("BYE"))
		b.p.ExpectStatus(200, "BYE")
		in = dave.Expect("INVITE")
		dave.Reply(in, 486, nil)
		dave.Expect("ACK")
		in = bob.Expect("INVITE")
		again := side{bob, in, bob.Reply(in, 200, with(bob, "0 8 101")), false}
		bob.Expect("ACK")
		o.wait(time.Second)
		a.bye(again)
	}, forwards("2003", provisioning.Forwarding{Always: toExt("2004")}), provisioning.Settings{Extension: "2002", DoNotDisturb: true})
}

// Do not disturb is one state: no device rings, lamps and presence show it, and a call back after an emergency call gets through.
func TestDoNotDisturb(t *testing.T) {
	onStage(t, "do-not-disturb", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2003"]
		o.panelOn("2003", "confirmed")
		out := o.invite(alice, "2003", nil)
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
		o.p.signalling.callbacks.open(simDomain, "2003", time.Minute, simPlain)
		r := o.carrier.NewRequest("INVITE", simPlain)
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
		o.carrier.Send(r)
		in := bob.Expect("INVITE")
		c, b := o.pickUp(side{o.carrier, r, nil, true}, side{bob, in, nil, false})
		c.bye(b)
	}, provisioning.Settings{Extension: "2003", DoNotDisturb: true})
}

// Who talks and wants no second call is busy, also when two calls come in one instant; who wants them gets them.
func TestCallWaiting(t *testing.T) {
	onStage(t, "no-call-waiting", func(o *stage) {
		alice, bob, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		out := o.invite(dave, "2002", nil)
		dave.Ack(out, dave.ExpectStatus(486, "INVITE"))
		out = o.invite(dave, "2001", nil)
		in := alice.Expect("INVITE")
		alice.Reply(in, 486, nil)
		alice.Expect("ACK")
		dave.Ack(out, dave.ExpectStatus(486, "INVITE"))
		a.bye(b)
	}, provisioning.Settings{Extension: "2002", NoCallWaiting: true})
	onStage(t, "call-waiting", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		c, second := o.talk(o.phones["2004"], o.phones["2002"], "2002")
		c.bye(second)
		a.bye(b)
	})
}
