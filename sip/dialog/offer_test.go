package dialog_test

import (
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// C4, C18 and offer/answer in the middle of a call.

func TestOurReinvite(t *testing.T) {
	play(t, "reinvite-ours", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("offer 2"))
		r := b.bob.Expect("INVITE")
		if string(r.Body) != "offer 2" || r.To().Tag() != l.RemoteTag() {
			t.Errorf("%+v", r)
		}
		resp := b.bob.Reply(r, 200, body("answer 2"))
		b.bob.Expect("ACK")
		l.want("agreed answer 2")
		b.bob.Send(resp)
		b.bob.Expect("ACK")
		l.want()
		hangUp(l, b.bob)
	})
}

func TestOurReinviteRefused(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("offer 2"))
		b.bob.Reply(b.bob.Expect("INVITE"), 488, nil)
		b.bob.Expect("ACK")
		l.want("disagreed 488")
		l.Offer([]byte("offer 3"))
		b.bob.Reply(b.bob.Expect("INVITE"), 200, body("answer 3"))
		b.bob.Expect("ACK")
		l.want("agreed answer 3")
		hangUp(l, b.bob)
	})
}

func TestOurReinviteEndsTheCall(t *testing.T) {
	for status, want := range map[int]string{481: "ended 481/41 by peer", 408: "ended 408/102 by peer"} {
		play(t, "", dialog.Config{}, func(b *bench) {
			_, _, l := b.upOut(nil, nil)
			l.Offer([]byte("offer 2"))
			b.bob.Reply(b.bob.Expect("INVITE"), status, nil)
			b.bob.Expect("ACK")
			b.bob.Reply(b.bob.Expect("BYE"), 481, nil)
			wait(50 * time.Millisecond)
			l.want(want)
		})
	}
	play(t, "reinvite-timeout", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("offer 2"))
		b.bob.Close()
		wait(70 * time.Second)
		l.want("ended 408/102")
	})
}

func TestOurReinviteIsNeverAnswered(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("offer 2"))
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 180, nil)
		wait(59900 * time.Millisecond)
		b.bob.Reply(b.bob.Expect("CANCEL"), 200, nil)
		b.bob.Reply(r, 487, nil)
		b.bob.Expect("ACK")
		l.want("disagreed 487")
		hangUp(l, b.bob)
	})
}

func TestAnOfferWaitsForTheOneBeforeIt(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("offer 2"))
		l.Offer([]byte("offer 3"))
		l.Offer([]byte("offer 4"))
		b.bob.Reply(b.bob.Expect("INVITE"), 200, body("answer 2"))
		b.bob.Expect("ACK")
		r := b.bob.Expect("INVITE")
		if string(r.Body) != "offer 4" {
			t.Errorf("offer %q", r.Body)
		}
		b.bob.Reply(r, 200, body("answer 4"))
		b.bob.Expect("ACK")
		l.want("agreed answer 2", "agreed answer 4")
		hangUp(l, b.bob)
	})
}

func TestPeersReinvite(t *testing.T) {
	play(t, "reinvite-peers", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		re := b.alice.InDialog("INVITE", r, resp)
		re.SetContact(sip.Address{URI: sip.URI{Scheme: "sip", User: "moved", Host: "192.0.2.1", Port: 5060}})
		re.SetBody(sdpType, []byte("hold"))
		b.alice.Send(re)
		wait(20 * time.Millisecond)
		l.want("offered hold")
		l.Reply([]byte("held"))
		ok := b.alice.ExpectStatus(200, "INVITE")
		if string(ok.Body) != "held" {
			t.Errorf("answer %q", ok.Body)
		}
		b.alice.Ack(re, ok)
		wait(time.Second)
		if l.Snapshot().Target.User != "moved" {
			t.Errorf("target %s", l.Snapshot().Target)
		}
		l.End(sip.CauseNormal)
		bye := b.alice.Expect("BYE")
		if bye.URI.User != "moved" {
			t.Errorf("BYE to %s", bye.URI)
		}
		b.alice.Reply(bye, 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
}

func TestPeersReinviteRefusedAndCancelled(t *testing.T) {
	play(t, "reinvite-refused", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		re := b.alice.InDialog("INVITE", r, resp)
		re.SetBody(sdpType, []byte("rtp"))
		b.alice.Send(re)
		wait(20 * time.Millisecond)
		l.Refuse(sip.CauseNotAcceptable)
		b.alice.Ack(re, b.alice.ExpectStatus(488, "INVITE"))
		l.want("offered rtp")

		again := b.alice.InDialog("INVITE", r, resp)
		again.SetBody(sdpType, []byte("hold"))
		b.alice.Send(again)
		wait(20 * time.Millisecond)
		b.alice.Cancel(again)
		b.alice.ExpectStatus(200, "CANCEL")
		b.alice.Ack(again, b.alice.ExpectStatus(487, "INVITE"))
		l.want("offered hold", "disagreed 487")
		l.Reply([]byte("held")) // too late
		b.alice.Silence(time.Second)
		hangUp(l, b.alice)
	})
}

func TestOfferlessReinvite(t *testing.T) {
	play(t, "reinvite-offerless", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		re := b.alice.InDialog("INVITE", r, resp)
		b.alice.Send(re)
		wait(20 * time.Millisecond)
		l.want("offered")
		l.Reply([]byte("our offer"))
		ok := b.alice.ExpectStatus(200, "INVITE")
		if string(ok.Body) != "our offer" {
			t.Errorf("offer %q", ok.Body)
		}
		l.Offer([]byte("one more")) // waits for the ACK
		ack := b.alice.InDialog("ACK", re, ok)
		ack.SetBody(sdpType, []byte("their answer"))
		b.alice.Send(ack)
		next := b.alice.Expect("INVITE")
		l.want("agreed their answer")
		b.alice.Reply(next, 200, body("fine"))
		b.alice.Expect("ACK")
		l.want("agreed fine")

		bare := b.alice.InDialog("INVITE", r, resp)
		b.alice.Send(bare)
		wait(20 * time.Millisecond)
		l.Reply([]byte("our offer"))
		b.alice.Ack(bare, b.alice.ExpectStatus(200, "INVITE"))
		wait(20 * time.Millisecond)
		l.want("offered", "disagreed 488")
		hangUp(l, b.alice)
	})
}

func TestPeerNeverAcknowledgesReinvite(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		re := b.alice.InDialog("INVITE", r, resp)
		re.SetBody(sdpType, []byte("hold"))
		b.alice.Send(re)
		wait(20 * time.Millisecond)
		l.Reply([]byte("held"))
		wait(31500 * time.Millisecond)
		for {
			m, ok := b.alice.Read(time.Second)
			if !ok {
				t.Fatal("no BYE")
			}
			if m.Request != nil {
				b.alice.Reply(m.Request, 200, nil)
				break
			}
		}
		wait(50 * time.Millisecond)
		l.want("offered hold", "ended 408/102")
	})
}

func TestC4Glare(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		l.Offer([]byte("ours"))
		theirs := b.alice.InDialog("INVITE", r, resp)
		theirs.SetBody(sdpType, []byte("theirs"))
		b.alice.Send(theirs)
		ours := b.alice.Expect("INVITE")
		refused := b.alice.ExpectStatus(491, "INVITE")
		b.alice.Ack(theirs, refused)
		b.alice.Reply(ours, 491, nil)
		b.alice.Expect("ACK")
		began := time.Now()
		m, ok := b.alice.Read(2100 * time.Millisecond)
		if !ok || m.Request == nil || m.Request.Method != "INVITE" || string(m.Request.Body) != "ours" {
			t.Fatalf("no second try: %+v", m)
		}
		if d := time.Since(began); d > 2050*time.Millisecond { // we do not own the Call-ID: 0 to 2 s
			t.Errorf("back-off of %s", d)
		}
		b.alice.Reply(m.Request, 200, body("fine"))
		b.alice.Expect("ACK")
		l.want("agreed fine")
		hangUp(l, b.alice)
	})
}

func TestC4GlareAsOwnerOfTheCallID(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.upOut(nil, nil)
		l.Offer([]byte("ours"))
		b.bob.Reply(b.bob.Expect("INVITE"), 491, nil)
		b.bob.Expect("ACK")
		b.bob.Silence(2050 * time.Millisecond) // 2.1 to 4 s
		theirs := b.bob.FromCallee("INVITE", r, resp)
		theirs.SetBody(sdpType, []byte("theirs"))
		b.bob.Send(theirs) // served although our own waits
		wait(25 * time.Millisecond)
		l.want("offered theirs")
		l.Reply([]byte("good"))
		b.bob.Ack(theirs, b.bob.ExpectStatus(200, "INVITE"))
		again := b.bob.Expect("INVITE")
		b.bob.Reply(again, 200, body("fine"))
		b.bob.Expect("ACK")
		l.want("agreed fine")
		hangUp(l, b.bob)
	})
}

func TestGlareWithoutEndGivesUp(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("ours"))
		for range 9 {
			b.bob.Reply(b.bob.Expect("INVITE"), 491, nil)
			b.bob.Expect("ACK")
		}
		b.bob.Silence(10 * time.Second)
		l.want("disagreed 491")
		hangUp(l, b.bob)
	})
}

func TestC12LowerCSeq(t *testing.T) {
	play(t, "c12-cseq", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		info := b.alice.InDialog("INFO", r, resp)
		b.alice.Send(info)
		b.alice.ExpectStatus(200, "INFO")
		low := b.alice.InDialog("INFO", r, resp)
		low.Set("CSeq", "1 INFO")
		b.alice.Send(low)
		b.alice.ExpectStatus(500, "INFO")
		l.want()
		hangUp(l, b.alice)
	})
}

func TestC18LateOffer(t *testing.T) {
	play(t, "c18-late-offer", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(func(r *stack.Request) { r.SetBody("", nil) })
		l.Ring([]byte("cannot be said unreliably"))
		if ringing := b.alice.ExpectStatus(180, "INVITE"); len(ringing.Body) != 0 {
			t.Errorf("an offer in an unreliable response: %s", ringing.Body)
		}
		l.Answer([]byte("our offer"))
		resp := b.alice.ExpectStatus(200, "INVITE")
		ack := b.alice.InDialog("ACK", r, resp)
		ack.SetBody(sdpType, []byte("their answer"))
		b.alice.Send(ack)
		wait(20 * time.Millisecond)
		l.want("agreed their answer")
		hangUp(l, b.alice)
	})
	play(t, "c18-no-answer", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(func(r *stack.Request) { r.SetBody("", nil) })
		l.Answer([]byte("our offer"))
		b.alice.Ack(r, b.alice.ExpectStatus(200, "INVITE"))
		b.alice.Reply(b.alice.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 488/65")
	})
}

func TestHangUpWithAnOfferOpen(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		re := b.alice.InDialog("INVITE", r, resp)
		re.SetBody(sdpType, []byte("hold"))
		b.alice.Send(re)
		wait(20 * time.Millisecond)
		b.alice.Send(b.alice.InDialog("BYE", r, resp))
		b.alice.ExpectStatus(200, "BYE")
		b.alice.Ack(re, b.alice.ExpectStatus(487, "INVITE"))
		l.want("offered hold", "ended 200/16 by peer")
	})
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("ours"))
		re := b.bob.Expect("INVITE")
		l.End(sip.CauseNormal)
		b.bob.Reply(b.bob.Expect("BYE"), 200, nil)
		b.bob.Reply(re, 487, nil)
		b.bob.Expect("ACK")
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
}
