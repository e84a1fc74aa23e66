package dialog_test

import (
	"fmt"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func supports(r *stack.Request) { r.Set("Supported", "100rel") }
func requires(r *stack.Request) { r.Set("Require", "100rel") }

// prack acknowledges a reliable provisional of the switch.
func prack(p *siptest.Phone, invite *stack.Request, resp *stack.Response, sdp string) *stack.Request {
	r := p.InDialog("PRACK", invite, resp)
	n, _ := invite.CSeq()
	r.Set("RAck", fmt.Sprintf("%s %d INVITE", resp.Get("RSeq"), n))
	if sdp != "" {
		r.SetBody(sdpType, []byte(sdp))
	}
	p.Send(r)
	return r
}

func TestReliableEarlyMedia(t *testing.T) {
	play(t, "prack-in", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(supports)
		l.Ring(nil)
		if plain := b.alice.ExpectStatus(180, "INVITE"); plain.Has("RSeq") {
			t.Error("180 without SDP is reliable although the caller does not insist")
		}
		l.Ring([]byte("notice"))
		early := b.alice.ExpectStatus(183, "INVITE")
		if early.Get("Require") != "100rel" || string(early.Body) != "notice" {
			t.Errorf("183: %+v", early)
		}
		l.Answer([]byte("notice")) // waits for the PRACK
		if again := b.alice.ExpectStatus(183, "INVITE"); again.Get("RSeq") != early.Get("RSeq") {
			t.Error("not repeated")
		}
		prack(b.alice, r, early, "")
		b.alice.ExpectStatus(200, "PRACK")
		resp := b.alice.ExpectStatus(200, "INVITE")
		if len(resp.Body) != 0 {
			t.Errorf("a second answer: %s", resp.Body)
		}
		b.alice.Ack(r, resp)
		wait(20 * time.Millisecond)
		l.want()
		hangUp(l, b.alice)
	})
}

// A network that lets only announced early media through is told of it, if it asks and is trusted (RFC 5009).
func TestEarlyMediaIsAnnounced(t *testing.T) {
	for _, c := range []struct {
		asks    string
		trusted bool
		want    string
	}{{"supported", true, "sendrecv"}, {"", true, ""}, {"supported", false, ""}, {"gated", true, ""}} {
		play(t, "", dialog.Config{}, func(b *bench) {
			b.manner.Trusted = c.trusted
			r, l := b.incoming(func(r *stack.Request) {
				if c.asks != "" {
					r.Set("P-Early-Media", c.asks)
				}
			})
			l.Ring(nil)
			if b.alice.ExpectStatus(180, "INVITE").Has("P-Early-Media") {
				t.Error("announced where there is none")
			}
			l.Ring([]byte("notice"))
			if got := b.alice.ExpectStatus(183, "INVITE").Get("P-Early-Media"); got != c.want {
				t.Errorf("%+v: %q", c, got)
			}
			l.Answer([]byte("notice"))
			resp := b.alice.ExpectStatus(200, "INVITE")
			if resp.Has("P-Early-Media") {
				t.Error("announced after the answer")
			}
			b.alice.Ack(r, resp)
			wait(20 * time.Millisecond)
			l.want()
			hangUp(l, b.alice)
		})
	}
}

func TestReliableRingingOnlyWhereRequired(t *testing.T) {
	play(t, "prack-required", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(requires)
		l.Ring(nil)
		l.Ring([]byte("notice"))
		ringing := b.alice.ExpectStatus(180, "INVITE")
		b.alice.Silence(100 * time.Millisecond) // the second waits
		prack(b.alice, r, ringing, "")
		b.alice.ExpectStatus(200, "PRACK")
		early := b.alice.ExpectStatus(183, "INVITE")
		var n, m int
		_, _ = fmt.Sscan(ringing.Get("RSeq")+" "+early.Get("RSeq"), &n, &m)
		if n == 0 || m != n+1 {
			t.Errorf("RSeq %d then %d", n, m)
		}
		prack(b.alice, r, early, "")
		b.alice.ExpectStatus(200, "PRACK")
		l.End(sip.CauseBusy)
		b.alice.Ack(r, b.alice.ExpectStatus(486, "INVITE"))
		l.want("ended 486/17")
	})
}

func TestUnreliableEarlyMedia(t *testing.T) {
	play(t, "early-media", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Ring([]byte("notice"))
		early := b.alice.ExpectStatus(183, "INVITE")
		if early.Has("RSeq") || string(early.Body) != "notice" {
			t.Errorf("183: %+v", early)
		}
		l.Answer(nil) // what the 183 has shown
		resp := b.alice.ExpectStatus(200, "INVITE")
		if string(resp.Body) != "notice" {
			t.Errorf("answer %q", resp.Body)
		}
		b.alice.Ack(r, resp)
		wait(20 * time.Millisecond)
		l.want()
		hangUp(l, b.alice)
	})
}

func TestC11NoPrack(t *testing.T) {
	play(t, "c11-no-prack", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(supports)
		l.Ring([]byte("notice"))
		for {
			m, ok := b.alice.Read(20 * time.Second)
			if !ok {
				t.Fatal("nothing more")
			}
			if m.Response.Status == 504 {
				b.alice.Ack(r, m.Response)
				break
			}
		}
		l.want("ended 504/102")
	})
}

func TestC11WrongRAck(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(supports)
		l.Ring([]byte("notice"))
		early := b.alice.ExpectStatus(183, "INVITE")
		for _, rack := range []string{"1 1 INVITE", early.Get("RSeq") + " 2 INVITE", early.Get("RSeq") + " 1 UPDATE", "", "x y z"} {
			p := b.alice.InDialog("PRACK", r, early)
			p.Set("RAck", rack)
			b.alice.Send(p)
			b.alice.ExpectStatus(481, "PRACK")
		}
		prack(b.alice, r, early, "")
		b.alice.ExpectStatus(200, "PRACK")
		prack(b.alice, r, early, "") // a second one matches nothing
		b.alice.ExpectStatus(481, "PRACK")
		b.alice.Silence(2 * time.Second)
		l.End(sip.CauseBusy)
		b.alice.Ack(r, b.alice.ExpectStatus(486, "INVITE"))
		l.want("ended 486/17")
	})
}

func TestOfferInReliableProvisional(t *testing.T) {
	play(t, "prack-late-offer", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(func(r *stack.Request) { supports(r); r.SetBody("", nil) })
		l.Ring([]byte("our offer"))
		early := b.alice.ExpectStatus(183, "INVITE")
		prack(b.alice, r, early, "")
		b.alice.ExpectStatus(400, "PRACK") // the answer is missing
		prack(b.alice, r, early, "their answer")
		b.alice.ExpectStatus(200, "PRACK")
		l.want("agreed their answer")
		l.Answer([]byte("our offer"))
		resp := b.alice.ExpectStatus(200, "INVITE")
		if len(resp.Body) != 0 {
			t.Errorf("a second offer: %s", resp.Body)
		}
		b.alice.Ack(r, resp)
		wait(20 * time.Millisecond)
		hangUp(l, b.alice)
	})
}

func TestOfferInPrack(t *testing.T) {
	play(t, "prack-offer", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(supports)
		l.Ring([]byte("notice"))
		early := b.alice.ExpectStatus(183, "INVITE")
		l.Answer(nil)
		prack(b.alice, r, early, "offer 2")
		wait(20 * time.Millisecond)
		l.want("offered offer 2")
		l.Reply([]byte("answer 2"))
		if resp := b.alice.ExpectStatus(200, "PRACK"); string(resp.Body) != "answer 2" {
			t.Errorf("answer %q", resp.Body)
		}
		b.alice.Ack(r, b.alice.ExpectStatus(200, "INVITE"))
		wait(20 * time.Millisecond)
		hangUp(l, b.alice)
	})
}

// reliable answers an INVITE of the switch with a reliable provisional.
func reliable(p *siptest.Phone, r *stack.Request, tag, rseq, sdp string) *stack.Response {
	return p.Reply(r, 183, func(resp *stack.Response) {
		resp.SetTo(resp.To().WithTag(tag))
		resp.Set("Require", "100rel")
		resp.Set("RSeq", rseq)
		resp.Set("Allow", "INVITE, UPDATE")
		if sdp != "" {
			resp.SetBody(sdpType, []byte(sdp))
		}
	})
}

func TestReliableProvisionalFromCallee(t *testing.T) {
	play(t, "prack-out", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		reliable(b.bob, r, "one", "7", "early")
		p := b.bob.Expect("PRACK")
		if p.Get("RAck") != "7 1 INVITE" || p.To().Tag() != "one" {
			t.Errorf("PRACK: %+v", p)
		}
		b.bob.Reply(p, 200, nil)
		reliable(b.bob, r, "one", "7", "early") // repeated: swallowed
		reliable(b.bob, r, "one", "9", "")      // one is missing: it will be repeated
		b.bob.Silence(100 * time.Millisecond)
		reliable(b.bob, r, "one", "8", "")
		b.bob.Reply(b.bob.Expect("PRACK"), 200, nil)
		reliable(b.bob, r, "two", "100", "early 2") // another fork counts for itself
		b.bob.Reply(b.bob.Expect("PRACK"), 200, nil)
		fork(b.bob, r, 200, "one", "")
		b.bob.Expect("ACK")
		l.want("progress 183 early", "progress 183 early 2", "answered early")
		hangUp(l, b.bob)
	})
}

func TestEarlyUpdateOurs(t *testing.T) {
	play(t, "update-early", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		reliable(b.bob, r, "one", "1", "early")
		b.bob.Reply(b.bob.Expect("PRACK"), 200, nil)
		l.Offer([]byte("offer 2"))
		u := b.bob.Expect("UPDATE")
		if string(u.Body) != "offer 2" {
			t.Errorf("UPDATE: %+v", u)
		}
		b.bob.Reply(u, 200, body("answer 2"))
		wait(20 * time.Millisecond)
		fork(b.bob, r, 200, "one", "early")
		b.bob.Expect("ACK")
		l.want("progress 183 early", "agreed answer 2", "answered answer 2")
		hangUp(l, b.bob)
	})
}

func TestEarlyOfferWithoutUpdateWaitsForTheAnswer(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 183, body("early"))
		wait(20 * time.Millisecond)
		l.Offer([]byte("offer 2"))
		b.bob.Silence(100 * time.Millisecond)
		b.bob.Reply(r, 200, body("early"))
		b.bob.Expect("ACK")
		b.bob.Reply(b.bob.Expect("INVITE"), 200, body("answer 2"))
		b.bob.Expect("ACK")
		l.want("progress 183 early", "answered early", "agreed answer 2")
		hangUp(l, b.bob)
	})
}

func TestEarlyUpdateTheirs(t *testing.T) {
	play(t, "update-peers", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(supports)
		l.Ring(nil)
		ringing := b.alice.ExpectStatus(180, "INVITE")
		u := b.alice.InDialog("UPDATE", r, ringing)
		u.SetBody(sdpType, []byte("too early"))
		b.alice.Send(u)
		if resp := b.alice.ExpectStatus(500, "UPDATE"); !resp.Has("Retry-After") { // RFC 3311 section 5.2
			t.Error("no Retry-After")
		}
		l.Ring([]byte("notice"))
		early := b.alice.ExpectStatus(183, "INVITE")
		prack(b.alice, r, early, "")
		b.alice.ExpectStatus(200, "PRACK")
		u = b.alice.InDialog("UPDATE", r, early)
		u.SetBody(sdpType, []byte("offer 2"))
		b.alice.Send(u)
		wait(20 * time.Millisecond)
		l.want("offered offer 2")
		second := b.alice.InDialog("UPDATE", r, early)
		second.SetBody(sdpType, []byte("offer 3"))
		b.alice.Send(second)
		b.alice.ExpectStatus(500, "UPDATE") // the one before has no answer yet
		l.Reply([]byte("answer 2"))
		if resp := b.alice.ExpectStatus(200, "UPDATE"); string(resp.Body) != "answer 2" || !resp.Has("Contact") {
			t.Errorf("%+v", resp)
		}
		l.Answer(nil)
		b.alice.Ack(r, b.alice.ExpectStatus(200, "INVITE"))
		wait(20 * time.Millisecond)

		l.Offer([]byte("ours"))
		re := b.alice.Expect("INVITE")
		u = b.alice.InDialog("UPDATE", r, early)
		u.SetBody(sdpType, []byte("theirs"))
		b.alice.Send(u)
		b.alice.ExpectStatus(491, "UPDATE")
		b.alice.Reply(re, 200, body("fine"))
		b.alice.Expect("ACK")
		l.want("agreed fine")
		bare := b.alice.InDialog("UPDATE", r, early)
		b.alice.Send(bare)
		b.alice.ExpectStatus(200, "UPDATE")
		l.want()
		hangUp(l, b.alice)
	})
}
