package dialog_test

import (
	"testing"
	"time"

	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// TestStyle: what a carrier's profile insists on stands in the INVITE, and in the refresh.
func TestStyle(t *testing.T) {
	style := dialog.Style{Allow: []string{"INVITE", "ACK", "BYE", "UPDATE"}, Supported: []string{"timer"}, Require: []string{"timer"},
		MinSE: 300 * time.Second, Refresher: "uac"}
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.Style, i.SessionTimer = style, 300*time.Second })
		r := b.bob.Expect("INVITE")
		for name, want := range map[string]string{"Allow": "INVITE, ACK, BYE, UPDATE", "Supported": "timer", "Require": "timer",
			"Session-Expires": "300;refresher=uac", "Min-SE": "300"} {
			if got := r.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		b.bob.Reply(r, 200, func(r *stack.Response) {
			r.SetBody(sdpType, []byte("answer"))
			r.Set("Allow", "INVITE, ACK, BYE, UPDATE")
			r.Set("Require", "timer")
			r.Set("Session-Expires", "300;refresher=uac")
		})
		b.bob.Expect("ACK")
		wait(149900 * time.Millisecond)
		u := b.bob.Expect("UPDATE")
		if u.Get("Supported") != "timer" || u.Get("Allow") != "INVITE, ACK, BYE, UPDATE" {
			t.Errorf("UPDATE: %+v", u)
		}
		b.bob.Reply(u, 200, func(r *stack.Response) { r.Set("Session-Expires", "300;refresher=uac") })
		l.want("answered answer")
		hangUp(l, b.bob)
	})
}

// TestSilence: a carrier that says nothing leaves time for the next one; one that has said anything is waited for.
func TestSilence(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.Silence = 4 * time.Second })
		b.bob.Expect("INVITE")
		wait(4100 * time.Millisecond)
		l.want("ended 408/102")
		b.bob.Close()
		wait(40 * time.Second)
	})
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.Silence = 4 * time.Second })
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 100, nil)
		wait(10 * time.Second)
		l.want()
		b.bob.Reply(r, 503, func(r *stack.Response) { r.Set("Retry-After", "120 (maintenance);duration=60") })
		b.bob.Expect("ACK")
		wait(time.Second)
		e := l.take()[0].(dialog.Ended)
		if e.Cause.Status != 503 || e.RetryAfter != 2*time.Minute {
			t.Errorf("%+v", e)
		}
	})
}
