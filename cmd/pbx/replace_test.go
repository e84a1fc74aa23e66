package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/sip/stack"
)

// replacing is an INVITE that wants the place of the phone whose dialog with us this is.
func (s side) replacing() func(*stack.Request) {
	ours, theirs := s.resp.To().Tag(), s.invite.From().Tag() // as the switch sees it: its own tag first
	if !s.out {
		ours, theirs = s.invite.From().Tag(), s.resp.To().Tag()
	}
	return func(r *stack.Request) {
		r.Set("Require", "replaces")
		r.Set("Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", s.invite.CallID(), ours, theirs))
	}
}

// A desk phone's call is taken over on another phone of the same organisation (RFC 3891).
func TestReplaces(t *testing.T) {
	inThePlaceOf := func(which int) func(*stage) {
		return func(o *stage) {
			alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
			a, b := o.talk(alice, bob, "2002")
			gone, stays := a, b
			if which == 1 {
				gone, stays = b, a
			}
			r := o.invite(carol, "2002", gone.replacing())
			c := side{carol, r, carol.ExpectStatus(200, "INVITE"), true}
			carol.Ack(r, c.resp)
			if bye := gone.hungUp(); !strings.Contains(bye.Get("Reason"), "Replaced") {
				t.Errorf("BYE with %q", bye.Get("Reason"))
			}
			o.wait(time.Second)
			c.bye(stays)
			o.records(fmt.Sprintf("2001 > 2002 2002 200 OK by %s", []string{"caller", "called"}[which]))
		}
	}
	t.Run("caller", func(t *testing.T) { onStage(t, "replaces-caller", inThePlaceOf(0)) })
	t.Run("called", func(t *testing.T) { onStage(t, "replaces-called", inThePlaceOf(1)) })
}

// A call that rings elsewhere is picked up (RFC 3891 section 7.1): what a lamp shows is enough to do it.
func TestReplacesPicksUp(t *testing.T) {
	onStage(t, "replaces-early", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		ringing := bob.Reply(in, 180, func(r *stack.Response) { r.SetTo(r.To().WithTag("bobs")) })
		alice.ExpectStatus(180, "INVITE")
		r := o.invite(carol, "2002", side{bob, in, ringing, false}.replacing())
		c := side{carol, r, carol.ExpectStatus(200, "INVITE"), true}
		carol.Ack(r, c.resp)
		cancel := bob.Expect("CANCEL")
		if !strings.Contains(cancel.Get("Reason"), `SIP;cause=200;text="Call completed elsewhere"`) {
			t.Errorf("CANCEL with %q", cancel.Get("Reason"))
		}
		bob.Reply(cancel, 200, nil)
		bob.Reply(in, 487, func(r *stack.Response) { r.SetTo(r.To().WithTag("bobs")) })
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(c)
		o.records("2001 > 2002 2004 200 OK by caller")
	})
}

func TestReplacesIsRefused(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		replaces := func(v string) func(*stack.Request) { return func(r *stack.Request) { r.Set("Replaces", v) } }
		for name, tc := range map[string]struct {
			change func(*stack.Request)
			status int
		}{
			"unknown dialog":   {replaces("x;to-tag=1;from-tag=2"), 481},
			"tags exchanged":   {replaces(fmt.Sprintf("%s;to-tag=%s;from-tag=%s", a.invite.CallID(), a.invite.From().Tag(), a.resp.To().Tag())), 481},
			"malformed":        {replaces("x"), 400},
			"early-only":       {func(r *stack.Request) { a.replacing()(r); r.Set("Replaces", r.Get("Replaces")+";early-only") }, 486},
			"nothing to speak": {func(r *stack.Request) { a.replacing()(r); r.SetBody("application/sdp", description(carol, "18")) }, 488},
		} {
			r := o.invite(carol, "2002", tc.change)
			resp := carol.ExpectStatus(tc.status, "INVITE")
			carol.Ack(r, resp)
			if resp == nil {
				t.Error(name)
			}
		}
		stranger := o.net.Phone(o.t, "stranger", netip.MustParseAddrPort("192.0.2.99:5060"), o.proxy) // threats.md C14
		r := stranger.NewRequest("INVITE", "2002")
		a.replacing()(r)
		stranger.Send(r)
		stranger.Ack(r, stranger.ExpectStatus(401, "INVITE"))
		r = o.carrier.NewRequest("INVITE", "+81344444444") // a carrier is proven, and has no leg in this call
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		a.replacing()(r)
		o.carrier.Send(r)
		o.carrier.Ack(r, o.carrier.ExpectStatus(403, "INVITE"))
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// A CANCEL's Reason crosses the switch: who answered elsewhere leaves no missed call behind (RFC 3326).
func TestCancelReasonCrosses(t *testing.T) {
	for reason, want := range map[string]string{
		`SIP;cause=200;text="Call completed elsewhere"`: `SIP;cause=200;text="Call completed elsewhere"`,
		`SIP;cause=603;text="Declined"`:                 `SIP;cause=603;text="Declined"`,
		"Q.850;cause=16":                                `SIP;cause=487`,
		"":                                              `SIP;cause=487`,
	} {
		onStage(t, "", func(o *stage) {
			alice, bob := o.phones["2001"], o.phones["2002"]
			out := o.invite(alice, "2002", nil)
			in := bob.Expect("INVITE")
			bob.Reply(in, 180, nil)
			alice.ExpectStatus(180, "INVITE")
			cancel := stack.NewRequest("CANCEL", out.URI)
			for _, h := range []string{"Via", "From", "To", "Call-ID", "Max-Forwards"} {
				cancel.Set(h, out.Get(h))
			}
			cancel.Set("CSeq", "2 CANCEL")
			if reason != "" {
				cancel.Set("Reason", reason)
			}
			alice.Send(cancel)
			got := o.gather(alice, 2)
			alice.Ack(out, got["487 Request Terminated"].Response)
			c := bob.Expect("CANCEL")
			if !strings.HasPrefix(c.Get("Reason"), want) {
				t.Errorf("%q became %q", reason, c.Get("Reason"))
			}
			bob.Reply(c, 200, nil)
			bob.Reply(in, 487, nil)
			bob.Expect("ACK")
		})
	}
}
