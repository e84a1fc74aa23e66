package dialog_test

import (
	"testing"
	"time"

	"naisen/sip/dialog"
	"naisen/sip/stack"
)

func expires(supported, value string) func(*stack.Request) {
	return func(r *stack.Request) {
		if supported != "" {
			r.Set("Supported", supported)
		}
		if value != "" {
			r.Set("Session-Expires", value)
		}
		r.Set("Allow", "INVITE, ACK, BYE, UPDATE")
	}
}

func TestSessionTimerIsAnswered(t *testing.T) {
	for name, tc := range map[string]struct {
		change         func(*stack.Request)
		want, requires string
	}{
		"we refresh unless told otherwise": {expires("timer", ""), "1800;refresher=uas", ""},
		"their interval":                   {expires("timer", "300"), "300;refresher=uas", ""},
		"they refresh":                     {expires("timer", "300;refresher=uac"), "300;refresher=uac", "timer"},
		"we refresh":                       {expires("timer", "300;refresher=uas"), "300;refresher=uas", ""},
		"no timer":                         {expires("", ""), "", ""},
		"asked by a proxy":                 {expires("", "300"), "300;refresher=uas", ""},
		"the shortest":                     {expires("timer", "90"), "90;refresher=uas", ""},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, "", dialog.Config{}, func(b *bench) {
				_, resp, l := b.up(tc.change)
				if resp.Get("Session-Expires") != tc.want || resp.Get("Require") != tc.requires {
					t.Errorf("Session-Expires %q Require %q", resp.Get("Session-Expires"), resp.Get("Require"))
				}
				hangUp(l, b.alice)
			})
		})
	}
}

func TestWeRefreshByUpdate(t *testing.T) {
	play(t, "timer-update", dialog.Config{}, func(b *bench) {
		_, _, l := b.up(expires("timer", "90"))
		for range 3 {
			wait(44900 * time.Millisecond)
			u := b.alice.Expect("UPDATE")
			if u.Get("Session-Expires") != "90;refresher=uac" || len(u.Body) != 0 {
				t.Errorf("UPDATE: %+v", u)
			}
			b.alice.Reply(u, 200, func(r *stack.Response) { r.Set("Session-Expires", "90;refresher=uac") })
		}
		wait(50 * time.Millisecond)
		l.want()
		hangUp(l, b.alice)
	})
}

func TestWeRefreshByReinviteWithUnchangedSDP(t *testing.T) {
	play(t, "timer-reinvite", dialog.Config{}, func(b *bench) {
		_, _, l := b.up(func(r *stack.Request) { expires("timer", "90")(r); r.Set("Allow", "INVITE, ACK, BYE") })
		wait(44900 * time.Millisecond)
		re := b.alice.Expect("INVITE")
		if string(re.Body) != "answer" || re.Get("Session-Expires") != "90;refresher=uac" {
			t.Errorf("re-INVITE: %+v", re)
		}
		b.alice.Reply(re, 200, func(r *stack.Response) {
			r.SetBody(sdpType, []byte("offer"))
			r.Set("Session-Expires", "90;refresher=uac")
		})
		b.alice.Expect("ACK")
		l.want() // nothing has changed
		wait(44900 * time.Millisecond)
		re = b.alice.Expect("INVITE")
		b.alice.Reply(re, 200, func(r *stack.Response) {
			r.SetBody(sdpType, []byte("moved"))
			r.Set("Session-Expires", "90;refresher=uac")
		})
		b.alice.Expect("ACK")
		l.want("agreed by refresh moved")
		hangUp(l, b.alice)
	})
}

func TestUpdateThatIsNotKnownAfterAll(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.up(expires("timer", "90"))
		wait(44900 * time.Millisecond)
		b.alice.Reply(b.alice.Expect("UPDATE"), 405, nil)
		re := b.alice.Expect("INVITE")
		b.alice.Reply(re, 200, func(r *stack.Response) {
			r.SetBody(sdpType, []byte("offer"))
			r.Set("Session-Expires", "90;refresher=uac")
		})
		b.alice.Expect("ACK")
		wait(44900 * time.Millisecond)
		b.alice.Expect("INVITE") // not asked again
		b.alice.Close()
		wait(80 * time.Second)
		l.want("ended 200/102") // the session expires before the re-INVITE does
	})
}

func TestRefreshFails(t *testing.T) {
	for status, want := range map[int]string{481: "ended 481/41 by peer", 408: "ended 408/102 by peer"} {
		play(t, "", dialog.Config{}, func(b *bench) {
			_, _, l := b.up(expires("timer", "90"))
			wait(44900 * time.Millisecond)
			b.alice.Reply(b.alice.Expect("UPDATE"), status, nil)
			b.alice.Reply(b.alice.Expect("BYE"), 481, nil)
			wait(50 * time.Millisecond)
			l.want(want)
		})
	}
	play(t, "timer-refused", dialog.Config{}, func(b *bench) { // neither yes nor no: until the session expires
		_, _, l := b.up(expires("timer", "90"))
		wait(44900 * time.Millisecond)
		b.alice.Reply(b.alice.Expect("UPDATE"), 500, nil)
		wait(11200 * time.Millisecond)
		b.alice.Reply(b.alice.Expect("UPDATE"), 500, nil)
		b.alice.Reply(b.alice.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/102")
	})
}

func TestTheyDoNotRefresh(t *testing.T) {
	play(t, "timer-expired", dialog.Config{}, func(b *bench) {
		_, _, l := b.up(expires("timer", "90;refresher=uac"))
		wait(59900 * time.Millisecond) // 90 s less a third
		b.alice.Reply(b.alice.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/102")
	})
}

func TestTheyRefresh(t *testing.T) {
	play(t, "timer-peers", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(expires("timer", "90;refresher=uac"))
		for i := range 3 {
			wait(45 * time.Second)
			if i == 1 {
				short := b.alice.InDialog("UPDATE", r, resp)
				short.Set("Session-Expires", "30")
				b.alice.Send(short)
				b.alice.ExpectStatus(422, "UPDATE")
			}
			u := b.alice.InDialog("UPDATE", r, resp)
			u.Set("Supported", "timer")
			u.Set("Session-Expires", "90;refresher=uac")
			b.alice.Send(u)
			if ok := b.alice.ExpectStatus(200, "UPDATE"); ok.Get("Session-Expires") != "90;refresher=uac" || ok.Get("Require") != "timer" {
				t.Errorf("%+v", ok)
			}
		}
		l.want()
		hangUp(l, b.alice)
	})
}

func TestOutboundTimer(t *testing.T) {
	play(t, "timer-422", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.SessionTimer = 100 * time.Second })
		r := b.bob.Expect("INVITE")
		if r.Get("Session-Expires") != "100" {
			t.Errorf("Session-Expires %q", r.Get("Session-Expires"))
		}
		b.bob.Reply(r, 422, func(r *stack.Response) { r.Set("Min-SE", "300") })
		b.bob.Expect("ACK")
		again := b.bob.Expect("INVITE")
		if again.Get("Session-Expires") != "300" || again.Get("Min-SE") != "300" || again.CallID() != r.CallID() || again.Get("CSeq") != "2 INVITE" {
			t.Errorf("second INVITE: %+v", again)
		}
		b.bob.Reply(again, 200, func(r *stack.Response) {
			r.SetBody(sdpType, []byte("answer"))
			r.Set("Require", "timer")
			r.Set("Session-Expires", "300;refresher=uas")
		})
		b.bob.Expect("ACK")
		l.want("answered answer")
		if s := l.Snapshot(); s.SessionExpires != 300*time.Second || s.Refresher || s.Expires.IsZero() {
			t.Errorf("%+v", s)
		}
		wait(267900 * time.Millisecond) // 300 s less 32
		b.bob.Reply(b.bob.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/102")
	})
}

// TestPeerWithoutTimer: a phone that knows no session timer is asked now and then whether it is still there. Any answer will do.
func TestPeerWithoutTimer(t *testing.T) {
	for name, tc := range map[string]struct {
		status int // of the answer to our refresh; 0: none
		want   []string
	}{
		"takes it":     {200, nil},
		"refuses it":   {488, nil},
		"knows us not": {481, []string{"ended 481/41 by peer"}},
		"is gone":      {0, []string{"ended 408/102"}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, "", dialog.Config{SessionExpires: 200 * time.Second}, func(b *bench) {
				_, _, l := b.up(expires("", ""))
				for range 3 {
					wait(99900 * time.Millisecond)
					u := b.alice.Expect("UPDATE")
					if tc.status == 0 {
						b.alice.Close()
						wait(80 * time.Second)
						l.want(tc.want...)
						return
					}
					b.alice.Reply(u, tc.status, nil)
					wait(100 * time.Millisecond)
					if tc.want != nil {
						b.alice.Reply(b.alice.Expect("BYE"), 200, nil)
						wait(50 * time.Millisecond)
						l.want(tc.want...)
						return
					}
				}
				l.want()
				hangUp(l, b.alice)
			})
		})
	}
	play(t, "", dialog.Config{SessionExpires: 200 * time.Second}, func(b *bench) {
		_, _, l := b.upOut(func(i *dialog.Invite) { i.SessionTimer = -1 }, nil)
		b.bob.Silence(10 * time.Minute)
		hangUp(l, b.bob)
	})
	play(t, "", dialog.Config{SessionExpires: 200 * time.Second}, func(b *bench) {
		_, _, l := b.upOut(func(i *dialog.Invite) { i.SessionTimer = 0 }, nil)
		wait(99 * time.Second)
		b.bob.Reply(b.bob.Expect("INVITE"), 501, nil) // no Allow: UPDATE is not tried
		b.bob.Expect("ACK")
		l.want()
		hangUp(l, b.bob)
	})
}
