package dialog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

func TestInboundCall(t *testing.T) {
	play(t, "inbound", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Ring(nil)
		ringing := b.alice.ExpectStatus(180, "INVITE")
		l.Answer([]byte("answer"))
		resp := b.alice.ExpectStatus(200, "INVITE")
		if ringing.To().Tag() != resp.To().Tag() || resp.To().Tag() != l.LocalTag() {
			t.Errorf("tags: %q %q %q", ringing.To().Tag(), resp.To().Tag(), l.LocalTag())
		}
		if string(resp.Body) != "answer" || resp.Get("Contact") != "<sip:pbx@192.0.2.10:5060>" || !resp.Has("Allow") {
			t.Errorf("200:\n%+v", resp)
		}
		b.alice.Ack(r, resp)
		wait(time.Second)
		l.want()
		if s := l.Snapshot(); s.Phase != "up" || s.RemoteTag != r.From().Tag() || s.RemoteAddr != alice || s.Target.User != "alice" {
			t.Errorf("%+v", s)
		}
		b.alice.Send(b.alice.InDialog("BYE", r, resp))
		b.alice.ExpectStatus(200, "BYE")
		l.want("ended 200/16 by peer")
	})
}

func TestOutboundCall(t *testing.T) {
	play(t, "outbound", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		if r.Get("Supported") != "100rel, timer, replaces, norefersub, from-change" || string(r.Body) != "offer" || r.MaxForwards() != 70 {
			t.Errorf("INVITE: %+v", r)
		}
		b.bob.Reply(r, 180, nil)
		wait(20 * time.Millisecond)
		l.want("progress 180")
		resp := b.bob.Reply(r, 200, body("answer"))
		ack := b.bob.Expect("ACK")
		if ack.URI.String() != "sip:bob@192.0.2.2:5060" || ack.To().Tag() != resp.To().Tag() {
			t.Errorf("ACK: %+v", ack)
		}
		l.want("answered answer")
		hangUp(l, b.bob)
	})
}

func TestReasonIsCarriedThrough(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, in := b.up(nil)
		bye := b.alice.InDialog("BYE", r, resp)
		bye.Set("Reason", `Q.850;cause=31;text="Normal, unspecified"`)
		b.alice.Send(bye)
		b.alice.ExpectStatus(200, "BYE")
		e := in.take()[0].(dialog.Ended)
		if e.Cause.Q850 != 31 || e.Cause.Text != "Normal, unspecified" {
			t.Errorf("%+v", e.Cause)
		}
		_, _, out := b.upOut(nil, nil)
		out.End(e.Cause)
		got := b.bob.Expect("BYE")
		c, err := sip.ParseReason(got.Get("Reason"))
		if err != nil || c.Q850 != 31 || c.Text != e.Cause.Text {
			t.Errorf("Reason: %s", got.Get("Reason"))
		}
		b.bob.Reply(got, 200, nil)
		wait(50 * time.Millisecond)
	})
}

func TestInboundFailureCarriesReason(t *testing.T) {
	play(t, "busy", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.End(sip.CauseBusy)
		resp := b.alice.ExpectStatus(486, "INVITE")
		if resp.Get("Reason") != `Q.850;cause=17;text="User busy"` {
			t.Errorf("Reason: %q", resp.Get("Reason"))
		}
		b.alice.Ack(r, resp)
		l.want("ended 486/17")
	})
}

func TestOutboundFailures(t *testing.T) {
	for status, want := range map[int]string{
		486: "ended 486/17 by peer", 404: "ended 404/1 by peer", 603: "ended 603/21 by peer", 302: "ended 302/0 by peer", 401: "ended 401/21 by peer",
		503: "ended 503/41 by peer", 422: "ended 422/41 by peer",
	} {
		play(t, "", dialog.Config{}, func(b *bench) {
			l := b.invite(nil)
			r := b.bob.Expect("INVITE")
			b.bob.Reply(r, status, func(resp *stack.Response) {
				resp.SetContact(sip.Address{URI: sip.URI{Scheme: "sip", User: "elsewhere", Host: "203.0.113.1"}})
				resp.Set("WWW-Authenticate", `Digest realm="x", nonce="y"`)
			})
			b.bob.Expect("ACK")
			b.bob.Silence(time.Second)
			l.want(want)
		})
	}
}

func TestNoProvisionalNoAnswer(t *testing.T) {
	play(t, "timeout", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		b.bob.Close()
		wait(33 * time.Second)
		l.want("ended 408/102")
	})
}

func TestRingTimeout(t *testing.T) {
	play(t, "ring-timeout", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.Timeout = 20 * time.Second })
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 180, nil)
		wait(19900 * time.Millisecond)
		c := b.bob.Expect("CANCEL")
		b.bob.Reply(c, 200, nil)
		b.bob.Reply(r, 487, nil)
		b.bob.Expect("ACK")
		l.want("progress 180", "ended 480/19")
	})
}

func TestTimerCStartsAgainWithEachProvisional(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(nil)
		r := b.bob.Expect("INVITE")
		for range 3 {
			b.bob.Reply(r, 182, nil)
			wait(179 * time.Second)
		}
		l.want("progress 182")
		wait(1200 * time.Millisecond)
		b.bob.Reply(b.bob.Expect("CANCEL"), 200, nil)
		b.bob.Reply(r, 487, nil)
		b.bob.Expect("ACK")
		l.want("ended 480/19")
	})
}

func TestRefusedAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*stack.Request)
		status int
		check  func(*stack.Response) bool
	}{
		"Require": {func(r *stack.Request) { r.Set("Require", "100rel, teleport") }, 420,
			func(r *stack.Response) bool { return r.Get("Unsupported") == "teleport" }},
		"Session-Expires": {func(r *stack.Request) { r.Set("Session-Expires", "30") }, 422,
			func(r *stack.Response) bool { return r.Get("Min-SE") == "90" }},
		"Max-Forwards": {func(r *stack.Request) { r.Set("Max-Forwards", "0") }, 483, nil},
		"body": {func(r *stack.Request) { r.SetBody("text/plain", []byte("hello")) }, 415,
			func(r *stack.Response) bool { return r.Get("Accept") == sdpType }},
		"no Contact":   {func(r *stack.Request) { r.Del("Contact") }, 400, nil},
		"two Contacts": {func(r *stack.Request) { r.Add("Contact", "<sip:x@y>") }, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, "", dialog.Config{}, func(b *bench) {
				r := b.alice.NewRequest("INVITE", "2001")
				r.SetBody(sdpType, []byte("offer"))
				tc.change(r)
				b.alice.Send(r)
				resp := b.alice.ExpectStatus(tc.status, "INVITE")
				b.alice.Ack(r, resp)
				if tc.check != nil && !tc.check(resp) {
					t.Errorf("%+v", resp)
				}
				var refused *dialog.Refused
				if err := <-b.refused; !errors.As(err, &refused) || refused.Cause.Status != tc.status {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestMaxForwardsGoesDown(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, in := b.incoming(func(r *stack.Request) { r.Set("Max-Forwards", "6") })
		out := b.invite(func(i *dialog.Invite) { i.MaxForwards = in.MaxForwards() })
		r := b.bob.Expect("INVITE")
		if r.MaxForwards() != 5 {
			t.Errorf("Max-Forwards %d, want 5", r.MaxForwards())
		}
		b.bob.Reply(r, 486, nil)
		b.bob.Expect("ACK")
		out.want("ended 486/17 by peer")
		last := b.invite(func(i *dialog.Invite) { i.MaxForwards = 1 })
		last.want("ended 483/25")
		in.End(sip.StatusCause(483))
		b.alice.ExpectStatus(483, "INVITE")
	})
}

func TestHeadersOfAnInviteAreAllowListed(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) {
			i.Headers = []stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:2001@pbx.example>"}, {Name: "Via", Value: "SIP/2.0/UDP evil"},
				{Name: "X-Internal", Value: "db-7"}, {Name: "privacy", Value: "id"}}
		})
		r := b.bob.Expect("INVITE")
		if r.Get("P-Asserted-Identity") == "" || r.Get("Privacy") != "id" || r.Has("X-Internal") || len(r.Lines("Via")) != 1 {
			t.Errorf("%+v", r)
		}
		b.bob.Reply(r, 486, nil)
		b.bob.Expect("ACK")
		l.want("ended 486/17 by peer")
	})
}

func TestCloseEndsEverything(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, up := b.upOut(nil, nil)
		_, ringing := b.incoming(nil)
		calling := b.invite(nil)
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 180, nil)
		wait(20 * time.Millisecond)
		calling.want("progress 180")
		done := make(chan error, 1)
		go func() { done <- b.ua.Close(context.Background()) }()
		for range 2 {
			m, _ := b.bob.Read(time.Second)
			b.bob.Reply(m.Request, 200, nil)
		}
		b.bob.Reply(r, 487, nil)
		b.alice.ExpectStatus(503, "INVITE")
		if err := <-done; err != nil {
			t.Error(err)
		}
		up.want("ended 503/41")
		ringing.want("ended 503/41")
		calling.want("ended 503/41")
		late := b.invite(nil)
		late.want("ended 503/41")
		b.bob.Expect("ACK")
	})
}
