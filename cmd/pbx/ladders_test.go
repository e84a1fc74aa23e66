package main

import (
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func tagged(tag string) func(*stack.Response) {
	return func(r *stack.Response) { r.SetTo(r.To().WithTag(tag)) }
}

func all(changes ...func(*stack.Response)) func(*stack.Response) {
	return func(r *stack.Response) {
		for _, f := range changes {
			f(r)
		}
	}
}

// Reliable provisional responses on both sides, each with its own RSeq (RFC 3262).
func TestPrackThroughTheSwitch(t *testing.T) {
	onStage(t, "through-prack", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", func(r *stack.Request) { r.Set("Supported", "100rel") })
		in := bob.Expect("INVITE")
		early := bob.Reply(in, 183, all(tagged("b"), with(bob, "0 101"), func(r *stack.Response) {
			r.Set("Require", "100rel")
			r.Set("RSeq", "700")
		}))
		prack := bob.Expect("PRACK")
		if prack.Get("RAck") != "700 1 INVITE" {
			t.Errorf("RAck %q", prack.Get("RAck"))
		}
		bob.Reply(prack, 200, nil)
		resp := alice.ExpectStatus(183, "INVITE")
		if resp.Get("Require") != "100rel" || len(resp.Body) == 0 {
			t.Errorf("the caller's 183: Require %q, %d bytes", resp.Get("Require"), len(resp.Body))
		}
		ours := alice.InDialog("PRACK", out, resp)
		ours.Set("RAck", resp.Get("RSeq")+" "+out.Get("CSeq"))
		alice.Send(ours)
		alice.ExpectStatus(200, "PRACK")
		b := side{bob, in, early, false}
		bob.Reply(in, 200, all(tagged("b"), with(bob, "0 101")))
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		if len(a.resp.Body) != 0 {
			t.Error("the answer was given reliably: the 200 has none (RFC 6337 section 2.2)")
		}
		alice.Ack(out, a.resp)
		a.bye(b)
	})
}

// Session timers run for each leg by itself (RFC 4028): the phone refreshes its own, the switch the other one.
func TestSessionTimersPerLeg(t *testing.T) {
	onStage(t, "through-timers", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", func(r *stack.Request) {
			r.Set("Supported", "timer")
			r.Set("Session-Expires", "90;refresher=uac")
		})
		in := bob.Expect("INVITE")
		resp := bob.Reply(in, 200, all(with(bob, "0 101"), func(r *stack.Response) {
			r.Set("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")
			r.Set("Require", "timer")
			r.Set("Session-Expires", "100;refresher=uac")
		}))
		bob.Expect("ACK")
		a, b := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}, side{bob, in, resp, false}
		if got := a.resp.Get("Session-Expires"); got != "90;refresher=uac" {
			t.Errorf("the caller's timer: %q", got)
		}
		alice.Ack(out, a.resp)
		o.wait(44 * time.Second)
		a.do("UPDATE", 200, func(r *stack.Request) {
			r.Set("Supported", "timer")
			r.Set("Session-Expires", "90;refresher=uac")
		})
		o.wait(5 * time.Second)
		update := bob.Expect("UPDATE")
		if got := update.Get("Session-Expires"); got != "100;refresher=uac" || len(update.Body) != 0 {
			t.Errorf("the refresh: %q, %d bytes", got, len(update.Body))
		}
		bob.Reply(update, 200, func(r *stack.Response) { r.Set("Require", "timer"); r.Set("Session-Expires", "100;refresher=uac") })
		o.wait(20 * time.Second)
		a.bye(b)
	})
}

// An INVITE without SDP: the switch offers what every phone speaks, and the ACK brings the answer.
func TestLateOfferThroughTheSwitch(t *testing.T) {
	onStage(t, "through-late-offer", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", func(r *stack.Request) { r.SetBody("application/sdp", nil) })
		in := bob.Expect("INVITE")
		bob.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		b := side{bob, in, bob.Reply(in, 200, with(bob, "8 101")), false}
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		ack := alice.InDialog("ACK", out, a.resp)
		ack.Set("CSeq", "2 ACK")
		ack.SetBody("application/sdp", description(alice, "8 101"))
		alice.Send(ack)
		o.wait(time.Second)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// One phone's INVITE forks behind its proxy: three early dialogs, two answers. The caller sees one call; the second answer is ended.
func TestForksThroughTheSwitch(t *testing.T) {
	onStage(t, "through-forks", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		bob.Reply(in, 180, tagged("one"))
		bob.Reply(in, 183, all(tagged("two"), with(bob, "0 101")))
		bob.Reply(in, 180, tagged("three"))
		alice.ExpectStatus(180, "INVITE")
		alice.ExpectStatus(183, "INVITE")
		b := side{bob, in, bob.Reply(in, 200, all(tagged("three"), with(bob, "0 101"))), false}
		if ack := bob.Expect("ACK"); ack.To().Tag() != "three" {
			t.Errorf("ACK to %s", ack.Get("To"))
		}
		bob.Reply(in, 200, all(tagged("two"), with(bob, "0 101")))
		if ack := bob.Expect("ACK"); ack.To().Tag() != "two" {
			t.Errorf("ACK to %s", ack.Get("To"))
		}
		bye := bob.Expect("BYE")
		if bye.To().Tag() != "two" {
			t.Errorf("BYE to %s", bye.Get("To"))
		}
		bob.Reply(bye, 200, nil)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// Another fork answers in another codec than the one whose early media the caller heard: the caller is asked to change.
func TestForksWithDifferentCodecs(t *testing.T) {
	onStage(t, "through-fork-codecs", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", func(r *stack.Request) { r.SetBody("application/sdp", description(alice, "9 0 8 101")) })
		in := bob.Expect("INVITE")
		bob.Reply(in, 183, all(tagged("one"), with(bob, "0 101")))
		alice.ExpectStatus(183, "INVITE")
		b := side{bob, in, bob.Reply(in, 200, all(tagged("two"), with(bob, "9 101"))), false}
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		again := alice.Expect("INVITE")
		alice.Reply(again, 200, all(with(alice, "9 101"), func(r *stack.Response) { r.SetContact(sip.Address{URI: alice.Contact()}) }))
		alice.Expect("ACK")
		o.wait(time.Second)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// The caller's ACK never comes: its 200 is repeated for 32 s, then both sides get BYE (RFC 3261 section 13.3.1.4).
func TestLostAckThroughTheSwitch(t *testing.T) {
	onStage(t, "through-no-ack", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		b := side{bob, in, bob.Reply(in, 200, with(bob, "0 101")), false}
		bob.Expect("ACK")
		o.wait(32 * time.Second)
		b.hungUp()
		for {
			m, ok := alice.Read(siptest.Patience)
			if !ok {
				t.Fatal("no BYE")
			}
			if m.Request != nil && m.Request.Method == "BYE" {
				alice.Reply(m.Request, 200, nil)
				break
			}
		}
		o.records("2001 > 2002 2002 408 No ACK by caller")
	})
}

// The callee's 200 and the caller's CANCEL cross: the caller has one final, the callee ACK and BYE (threats.md C2).
func TestCancelCrossesAnswer(t *testing.T) {
	onStage(t, "through-cancel-200", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		bob.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		alice.Cancel(out)
		o.wait(5 * time.Millisecond)
		b := side{bob, in, bob.Reply(in, 200, with(bob, "0 101")), false}
		got := o.gather(alice, 2)
		alice.Ack(out, got["487 Request Terminated"].Response)
		more := o.gather(bob, 3)
		if more["ACK"].Request == nil || more["CANCEL"].Request == nil {
			t.Errorf("the callee got %v", more)
		}
		bob.Reply(more["CANCEL"].Request, 200, nil)
		bob.Reply(more["BYE"].Request, 200, nil)
		_ = b
		o.records("2001 > 2002  487 Request Terminated by caller")
	})
}

// Both hang up at once: each gets its 200, and there is one CDR (threats.md C3).
func TestByeCrossesBye(t *testing.T) {
	onStage(t, "through-bye-bye", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a, b := o.talk(alice, bob, "2002")
		alice.Send(a.request("BYE"))
		bob.Send(b.request("BYE"))
		alice.ExpectStatus(200, "BYE")
		got := o.gather(bob, 2)
		bob.Reply(got["BYE"].Request, 200, nil)
		if got["200 OK"].Response == nil {
			t.Errorf("the callee got %v", got)
		}
		o.wait(time.Second)
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(o.cdrs) != 1 {
			t.Errorf("%d CDRs", len(o.cdrs))
		}
	})
}

// Nobody picks up: after the time of the step the phone is cancelled and the caller told (RFC 3261 section 16.8).
func TestRingsTooLong(t *testing.T) {
	onStage(t, "through-timer-c", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		bob.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		o.wait(59 * time.Second)
		cancel := bob.Expect("CANCEL")
		bob.Reply(cancel, 200, nil)
		bob.Reply(in, 487, nil)
		bob.Expect("ACK")
		resp := alice.ExpectStatus(480, "INVITE")
		if got := resp.Get("Reason"); got != `Q.850;cause=19;text="No answer"` {
			t.Errorf("Reason %q", got)
		}
		alice.Ack(out, resp)
		o.records("2001 > 2002  480 No answer by switch")
	})
}

// Our refresh meets the phone's own re-INVITE: 491 both ways, and whoever made the Call-ID waits longer (RFC 3261 section 14.1).
func TestGlare(t *testing.T) {
	for name, low := range map[string]time.Duration{"the phone's Call-ID": 0, "our Call-ID": 2100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
				s, other := a, b
				if low > 0 {
					s, other = b, a
				}
				o.wait(44 * time.Second) // the refresh comes at half of 90 s
				ours := s.p.Expect("INVITE")
				mine := s.request("INVITE")
				mine.SetBody("application/sdp", description(s.p, "0 101"))
				s.p.Send(mine)
				s.p.Reply(ours, 491, nil)
				got := o.gather(s.p, 2)
				if got["ACK"].Request == nil {
					t.Errorf("got %v", got)
				}
				refused := time.Now()
				s.p.Ack(mine, got["491 Request Pending"].Response)
				other.p.Reply(other.p.Expect("INVITE"), 200, with(other.p, "0 101"))
				other.p.Expect("ACK")
				again := s.p.Expect("INVITE")
				if waited := time.Since(refused); waited < low-50*time.Millisecond || waited > low+2*time.Second {
					t.Errorf("the switch came back after %v", waited)
				}
				s.p.Reply(again, 200, with(s.p, "0 101"))
				s.p.Expect("ACK")
				a.bye(b)
			})
		})
	}
}
