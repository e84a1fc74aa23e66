package main

import (
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// answersItself tells whether an INVITE asks its telephone to answer by itself, in whatever words.
func answersItself(r *stack.Request) bool {
	return r.Has("Answer-Mode") || r.Has("Alert-Info") || strings.Contains(r.Get("Call-Info"), "answer-after")
}

// *55 and an extension: the telephone there is asked in the words of all makers to answer by itself, and the two talk.
func TestIntercom(t *testing.T) {
	onStage(t, "intercom", func(o *stage) {
		alice, dave := o.phones["2001"], o.phones["2004"]
		out := o.invite(alice, "*552004", nil)
		in := dave.Expect("INVITE")
		for name, want := range map[string]string{"Answer-Mode": "Auto", "Call-Info": "<sip:" + simDomain + ">;answer-after=0",
			"Alert-Info": "<http://" + simDomain + ">;info=alert-autoanswer;delay=0"} {
			if got := in.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		a, b := o.pickUp(side{alice, out, nil, true}, side{dave, in, nil, false})
		o.wait(2 * time.Second)
		b.bye(a)
		o.records("2001 > 2004 2004 200 OK by called")
	})
}

// Whoever is sent to *55 by somebody else switches no microphone on: not by REFER, not by a redirection, not by click-to-call, not from outside. An
// ordinary call asks nobody to answer by itself, and a carrier never is asked to.
func TestIntercomIsForTheOwnTelephone(t *testing.T) {
	onStage(t, "", func(o *stage) {
		bob, dave := o.phones["2003"], o.phones["2004"]
		r := o.carrier.NewRequest("INVITE", simPlain) // an outside caller talks with 2003
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
		o.carrier.Send(r)
		in := bob.Expect("INVITE")
		if answersItself(in) {
			t.Error("an ordinary call asks to be answered by itself")
		}
		b := o.acked(side{bob, in, bob.Reply(in, 200, with(bob, "0 8 101")), false})
		a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
		o.carrier.Ack(r, a.resp)
		o.wait(time.Second)
		bob.Send(b.referral("sip:*552004@" + simDomain))
		bob.ExpectStatus(403, "REFER")
		if m, ok := dave.Read(time.Second); ok {
			t.Errorf("2004 got %s", m)
		}
		b.bye(a)
		if _, err := o.p.origins.begin(wish{domain: simDomain, first: "2001", to: "*552004"}); err == nil {
			t.Error("click-to-call switches a microphone on")
		}
		out := o.invite(dave, "0312345678", nil)
		in = o.carrier.Expect("INVITE")
		if answersItself(in) {
			t.Error("a carrier is asked to answer by itself")
		}
		o.carrier.Reply(in, 486, nil)
		o.carrier.Expect("ACK")
		dave.Ack(out, dave.ExpectStatus(486, "INVITE"))
	})
}
