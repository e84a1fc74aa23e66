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

// Rows C1 to C10 and C13 to C17 of threats.md.

func TestC1CancelWhileRinging(t *testing.T) {
	play(t, "c1-cancel", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Ring(nil)
		b.alice.ExpectStatus(180, "INVITE")
		b.alice.Cancel(r)
		b.alice.ExpectStatus(200, "CANCEL")
		resp := b.alice.ExpectStatus(487, "INVITE")
		b.alice.Ack(r, resp)
		l.want("ended 487/16 by peer")
		l.Answer([]byte("answer")) // too late: ignored
		l.End(sip.CauseNormal)
		b.alice.Silence(time.Second)
	})
}

func TestC1CancelOutbound(t *testing.T) {
	play(t, "c1-cancel-out", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		l.End(sip.CauseCompletedElsewhere)
		wait(100 * time.Millisecond) // no CANCEL before the first provisional
		l.want()
		b.bob.Reply(r, 180, nil)
		c := b.bob.Expect("CANCEL")
		if got := c.Get("Reason"); got != `SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26` {
			t.Errorf("Reason: %s", got)
		}
		b.bob.Reply(c, 200, nil)
		b.bob.Reply(r, 487, nil)
		b.bob.Expect("ACK")
		l.want("ended 200/26")
	})
}

func TestC2AnswerCrossesOurCancel(t *testing.T) {
	play(t, "c2-crossing", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 180, nil)
		wait(20 * time.Millisecond)
		b.bob.Reply(r, 200, body("answer"))
		l.End(sip.CauseCancelled)
		c := b.bob.Expect("CANCEL")
		b.bob.Reply(c, 481, nil)
		b.bob.Expect("ACK")
		b.bob.Reply(b.bob.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("progress 180", "ended 487/16 crossed")
		b.bob.Reply(r, 200, body("answer")) // the ACK was lost
		b.bob.Expect("ACK")
		b.bob.Silence(time.Second)
	})
}

func TestC2CallersCancelCrossesOurAnswer(t *testing.T) {
	play(t, "c2-crossing-in", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Answer([]byte("answer"))
		b.alice.Cancel(r)
		resp := b.alice.ExpectStatus(200, "INVITE")
		b.alice.ExpectStatus(200, "CANCEL")
		b.alice.Ack(r, resp)
		b.alice.Send(b.alice.InDialog("BYE", r, resp))
		b.alice.ExpectStatus(200, "BYE")
		l.want("ended 200/16 by peer")
	})
}

func TestCancelledCalleeNeverAnswers(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 180, nil)
		wait(20 * time.Millisecond)
		l.End(sip.CauseCancelled)
		b.bob.Close()
		wait(40 * time.Second)
		l.want("progress 180", "ended 487/16")
	})
}

func TestC3ByeCrossesBye(t *testing.T) {
	play(t, "c3-bye-bye", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		l.End(sip.CauseNormal)
		b.alice.Send(b.alice.InDialog("BYE", r, resp))
		ours := b.alice.Expect("BYE")
		b.alice.Reply(ours, 481, nil)
		b.alice.ExpectStatus(200, "BYE")
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
}

func TestC5SecondInvite(t *testing.T) {
	play(t, "c5-second-invite", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Ring(nil)
		ringing := b.alice.ExpectStatus(180, "INVITE")
		second := b.alice.InDialog("INVITE", r, ringing)
		second.SetBody(sdpType, []byte("offer 2"))
		b.alice.Send(second)
		resp := b.alice.ExpectStatus(500, "INVITE")
		if resp.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		b.alice.Ack(second, resp)
		l.End(sip.CauseBusy)
		b.alice.Ack(r, b.alice.ExpectStatus(486, "INVITE"))
		l.want("ended 486/17")
	})
}

func TestC6NoAck(t *testing.T) {
	play(t, "c6-no-ack", dialog.Config{}, func(b *bench) {
		_, l := b.incoming(nil)
		l.Answer([]byte("answer"))
		for range 12 { // 100, and at 0, 0.5, 1.5, 3.5, 7.5, 11.5 ... 31.5 s
			m, ok := b.alice.Read(5 * time.Second)
			if !ok {
				t.Fatal("2xx is not repeated")
			}
			if m.Response.Status == 100 {
				continue
			}
		}
		bye := b.alice.Expect("BYE")
		b.alice.Reply(bye, 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 408/102")
	})
}

func TestAckOfAnotherDialogCountsForNothing(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Answer([]byte("answer"))
		resp := b.alice.ExpectStatus(200, "INVITE")
		for _, change := range []func(*stack.Request){
			func(ack *stack.Request) { ack.SetFrom(ack.From().WithTag("guess")) },
			func(ack *stack.Request) { ack.Set("CSeq", "2 ACK") },
		} {
			ack := b.alice.InDialog("ACK", r, resp)
			change(ack)
			b.alice.Send(ack)
		}
		wait(20 * time.Millisecond)
		if p := l.Snapshot().Phase; p != "accepted" {
			t.Errorf("phase %s", p)
		}
		b.alice.Ack(r, resp)
		wait(20 * time.Millisecond)
		hangUp(l, b.alice)
	})
}

func TestEndBeforeAckWaitsForIt(t *testing.T) {
	play(t, "end-before-ack", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Answer([]byte("answer"))
		resp := b.alice.ExpectStatus(200, "INVITE")
		l.End(sip.CauseNormal)
		l.want("ended 200/16")
		b.alice.Silence(100 * time.Millisecond) // RFC 3261 section 15
		b.alice.Ack(r, resp)
		b.alice.Reply(b.alice.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
	})
}

func TestByeBeforeAck(t *testing.T) {
	play(t, "bye-before-ack", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Answer([]byte("answer"))
		resp := b.alice.ExpectStatus(200, "INVITE")
		b.alice.Send(b.alice.InDialog("BYE", r, resp))
		b.alice.ExpectStatus(200, "BYE")
		l.want("ended 200/16 by peer")
		b.alice.Ack(r, resp)
		b.alice.Silence(5 * time.Second)
	})
}

func TestByeInEarlyDialog(t *testing.T) {
	play(t, "bye-early", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Ring(nil)
		ringing := b.alice.ExpectStatus(180, "INVITE")
		b.alice.Send(b.alice.InDialog("BYE", r, ringing))
		b.alice.ExpectStatus(200, "BYE")
		b.alice.Ack(r, b.alice.ExpectStatus(487, "INVITE"))
		l.want("ended 200/16 by peer")
	})
}

func TestCalleeHangsUpAndItsAnswerWasLost(t *testing.T) {
	play(t, "bye-lost-answer", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		ringing := b.bob.Reply(r, 180, nil)
		b.bob.Send(b.bob.FromCallee("BYE", r, ringing))
		b.bob.ExpectStatus(200, "BYE")
		b.bob.Reply(b.bob.Expect("CANCEL"), 481, nil)
		b.bob.Reply(r, 200, body("answer"))
		b.bob.Expect("ACK")
		b.bob.Reply(b.bob.Expect("BYE"), 481, nil)
		wait(50 * time.Millisecond)
		l.want("progress 180", "ended 200/16 by peer crossed")
	})
}

func TestC7InviteAgainUnderAnotherBranch(t *testing.T) {
	play(t, "c7-merged", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		b.alice.Repeat() // a retransmission: absorbed
		again := r.Clone()
		again.Set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother;rport")
		b.alice.Send(again)
		b.alice.ExpectStatus(482, "INVITE")
		select {
		case <-b.in:
			t.Error("rings twice")
		default:
		}
		l.End(sip.CauseBusy)
		b.alice.Ack(r, b.alice.ExpectStatus(486, "INVITE"))
		l.want("ended 486/17")
	})
}

func TestC8EachRepeatedAnswerIsAcknowledged(t *testing.T) {
	play(t, "c8-repeated-200", dialog.Config{}, func(b *bench) {
		_, resp, l := b.upOut(nil, nil)
		for range 3 {
			b.bob.Send(resp)
			b.bob.Expect("ACK")
		}
		wait(33 * time.Second) // the transaction is gone: RFC 6026 hands it to the UA
		b.bob.Send(resp)
		b.bob.Expect("ACK")
		hangUp(l, b.bob)
	})
}

// fork answers as if the call had been forked: another To tag.
func fork(p *siptest.Phone, r *stack.Request, status int, tag, sdp string) *stack.Response {
	return p.Reply(r, status, func(resp *stack.Response) {
		resp.SetTo(resp.To().WithTag(tag))
		if sdp != "" {
			resp.SetBody(sdpType, []byte(sdp))
		}
	})
}

func TestC9ThreeForks(t *testing.T) {
	play(t, "c9-forks", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		fork(b.bob, r, 183, "one", "early 1")
		fork(b.bob, r, 183, "two", "early 2")
		fork(b.bob, r, 180, "three", "")
		fork(b.bob, r, 200, "three", "answer 3")
		if ack := b.bob.Expect("ACK"); ack.To().Tag() != "three" {
			t.Errorf("ACK to %s", ack.To())
		}
		wait(20 * time.Millisecond)
		events := l.take()
		var got []string
		for _, e := range events {
			s := text(e)
			switch e := e.(type) {
			case dialog.Progress:
				s += " of " + e.Fork
			case dialog.Answered:
				s += " of " + e.Fork
			}
			got = append(got, s)
		}
		want := "[progress 183 early 1 of one progress 183 early 2 of two progress 180 of three answered answer 3 of three]"
		if fmt.Sprint(got) != want {
			t.Errorf("%v", got)
		}
		if l.RemoteTag() != "three" {
			t.Errorf("remote tag %q", l.RemoteTag())
		}
		hangUp(l, b.bob)
	})
}

func TestC10TwoAnswers(t *testing.T) {
	play(t, "c10-two-answers", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		fork(b.bob, r, 200, "one", "answer 1")
		second := fork(b.bob, r, 200, "two", "answer 2")
		b.bob.Expect("ACK")
		if ack := b.bob.Expect("ACK"); ack.To().Tag() != "two" {
			t.Errorf("ACK to %s", ack.To())
		}
		bye := b.bob.Expect("BYE")
		if bye.To().Tag() != "two" {
			t.Errorf("BYE to %s", bye.To())
		}
		b.bob.Reply(bye, 200, nil)
		b.bob.Send(second) // its ACK was lost: once more the ACK, no second BYE
		if ack := b.bob.Expect("ACK"); ack.To().Tag() != "two" {
			t.Errorf("ACK to %s", ack.To())
		}
		b.bob.Silence(time.Second)
		l.want("answered answer 1")
		hangUp(l, b.bob)
	})
}

func TestC13ByeWithWrongTags(t *testing.T) {
	play(t, "c13-wrong-tags", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		for _, change := range []func(*stack.Request){
			func(bye *stack.Request) { bye.SetFrom(bye.From().WithTag("guess")) },
			func(bye *stack.Request) { bye.SetTo(bye.To().WithTag("guess")) },
			func(bye *stack.Request) { bye.Set("Call-ID", "guess") },
		} {
			bye := b.alice.InDialog("BYE", r, resp)
			change(bye)
			b.alice.Send(bye)
			b.alice.ExpectStatus(481, "BYE")
		}
		l.want()
		hangUp(l, b.alice)
	})
}

func TestC15NoDialog(t *testing.T) {
	play(t, "c15-no-dialog", dialog.Config{}, func(b *bench) {
		for _, method := range []string{"BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER", "INVITE"} {
			r := b.alice.NewRequest(method, "2001")
			r.SetTo(r.To().WithTag("nobody"))
			b.alice.Send(r)
			resp := b.alice.ExpectStatus(481, method)
			if method == "INVITE" {
				b.alice.Ack(r, resp)
			}
		}
		stray := b.alice.NewRequest("ACK", "2001")
		stray.SetTo(stray.To().WithTag("nobody"))
		b.alice.Send(stray)
		b.alice.Silence(time.Second)
		b.alice.Cancel(b.alice.NewRequest("INVITE", "2001"))
		b.alice.ExpectStatus(481, "CANCEL")
	})
}

func TestC16BrokenAnswers(t *testing.T) {
	for name, change := range map[string]func(*stack.Response){
		"no SDP":       func(r *stack.Response) { r.SetBody("", nil) },
		"no Contact":   func(r *stack.Response) { r.Del("Contact") },
		"no tag":       func(r *stack.Response) { r.SetTo(r.To().WithTag("")) },
		"foreign body": func(r *stack.Response) { r.SetBody("text/html", []byte("<p>")) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, "", dialog.Config{}, func(b *bench) {
				l := b.invite(nil)
				r := b.bob.Expect("INVITE")
				b.bob.Reply(r, 200, func(resp *stack.Response) {
					resp.SetBody(sdpType, []byte("answer"))
					change(resp)
				})
				b.bob.Expect("ACK")
				b.bob.Reply(b.bob.Expect("BYE"), 200, nil)
				wait(50 * time.Millisecond)
				l.want("ended 502/38")
			})
		})
	}
}

func TestC17ManyProvisionals(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		for i := range 300 {
			fork(b.bob, r, 180, fmt.Sprint("f", i%100), "")
		}
		b.bob.Reply(r, 603, nil)
		b.bob.Expect("ACK")
		events := l.take()
		if n := len(events); n > 300 || text(events[n-1]) != "ended 603/21 by peer" {
			t.Errorf("%d events, the last one is %s", n, text(events[n-1]))
		}
		forks := map[string]bool{}
		for _, e := range events {
			if p, ok := e.(dialog.Progress); ok {
				forks[p.Fork] = true
			}
		}
		if len(forks) != 32 {
			t.Errorf("%d early dialogs, want 32", len(forks))
		}
	})
}
