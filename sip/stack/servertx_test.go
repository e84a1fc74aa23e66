package stack_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// RFC 3261 section 17.2: each case is a script for alice and what the TU does; the ladder is the assertion on every timer.
func TestServerTransactionLadders(t *testing.T) {
	cases := []struct {
		name   string
		u      *tu
		script func(t *testing.T, w *world)
		acks   int // that reach the TU
	}{
		{"trying-after-200ms", &tu{}, func(t *testing.T, w *world) {
			w.alice.Trying = true
			w.alice.Send(w.alice.NewRequest("INVITE", "bob"))
			w.alice.ExpectStatus(100, "INVITE")
			w.alice.Repeat() // Proceeding: the last provisional again
			w.alice.ExpectStatus(100, "INVITE")
		}, 0},
		{"no-trying-when-answered", &tu{request: answer(180)}, func(t *testing.T, w *world) {
			w.alice.Trying = true
			w.alice.Send(w.alice.NewRequest("INVITE", "bob"))
			w.alice.ExpectStatus(180, "INVITE")
			w.alice.Silence(time.Second)
		}, 0},
		{"timer-g-until-ack", &tu{request: answer(486)}, func(t *testing.T, w *world) {
			inv := w.alice.NewRequest("INVITE", "bob")
			w.alice.Send(inv)
			var last *stack.Response
			for range 4 { // at 0, 0.5, 1.5 and 3.5 s
				last = w.alice.ExpectStatus(486, "INVITE")
			}
			w.alice.Ack(inv, last)
			w.alice.Silence(10 * time.Second)
			w.alice.Ack(inv, last) // Timer I has gone: an ACK that nobody knows is silence
			w.alice.Silence(time.Second)
		}, 1},
		{"timer-h-gives-up", &tu{request: answer(486)}, func(t *testing.T, w *world) {
			w.alice.Send(w.alice.NewRequest("INVITE", "bob"))
			wait(40 * time.Second)
		}, 0},
		{"accepted-absorbs-invite-and-passes-ack", &tu{request: answer(200)}, func(t *testing.T, w *world) {
			inv := w.alice.NewRequest("INVITE", "bob")
			w.alice.Send(inv)
			ok := w.alice.ExpectStatus(200, "INVITE")
			w.alice.Send(inv)
			w.alice.Silence(time.Second)
			w.alice.Ack(inv, ok)
			wait(time.Second)
		}, 1},
		{"non-invite-answers-again", &tu{request: answer(200)}, func(t *testing.T, w *world) {
			w.alice.Send(w.alice.NewRequest("OPTIONS", "bob"))
			w.alice.ExpectStatus(200, "OPTIONS")
			w.alice.Repeat()
			w.alice.ExpectStatus(200, "OPTIONS")
			wait(33 * time.Second) // Timer J
			w.alice.Repeat()
			w.alice.ExpectStatus(200, "OPTIONS") // a new transaction
		}, 0},
		{"merged-request", &tu{request: answer(180)}, func(t *testing.T, w *world) {
			inv := w.alice.NewRequest("INVITE", "bob")
			w.alice.Send(inv)
			w.alice.ExpectStatus(180, "INVITE")
			other := inv.Clone()
			other.Set("Via", "SIP/2.0/UDP "+aliceAddr.String()+";branch=z9hG4bKotherpath;rport")
			w.alice.Send(other)
			w.alice.Ack(other, w.alice.ExpectStatus(482, "INVITE"))
			w.alice.Silence(time.Second)
		}, 0},
		{"cancel", &tu{request: answer(180), cancel: answer(487)}, func(t *testing.T, w *world) {
			inv := w.alice.NewRequest("INVITE", "bob")
			w.alice.Send(inv)
			w.alice.ExpectStatus(180, "INVITE")
			w.alice.Cancel(inv)
			ok := w.alice.ExpectStatus(200, "CANCEL")
			final := w.alice.ExpectStatus(487, "INVITE")
			if a, b := ok.To().Tag(), final.To().Tag(); a != b || a == "" {
				t.Errorf("To tags of 200 and 487 differ: %q, %q (RFC 3261 section 9.2)", a, b)
			}
			w.alice.Repeat() // the CANCEL: answered again, the TU is not told twice
			w.alice.ExpectStatus(200, "CANCEL")
			w.alice.Ack(inv, final)
			w.alice.Silence(time.Second)
		}, 0},
		{"cancel-of-nothing", &tu{}, func(t *testing.T, w *world) {
			w.alice.Cancel(w.alice.NewRequest("INVITE", "bob"))
			w.alice.ExpectStatus(481, "CANCEL")
		}, 0},
		{"challenge-keeps-nothing", &tu{request: challenge}, func(t *testing.T, w *world) {
			inv := w.alice.NewRequest("INVITE", "bob")
			w.alice.Send(inv)
			resp := w.alice.ExpectStatus(401, "INVITE")
			w.alice.Silence(40 * time.Second) // no Timer G
			w.alice.Ack(inv, resp)
			w.alice.Send(inv) // a retransmission is a new request
			again := w.alice.ExpectStatus(401, "INVITE")
			if resp.To().Tag() != again.To().Tag() {
				t.Error("the To tag of a stateless challenge changed")
			}
			if n := w.s.Stats().Transactions; n != 0 {
				t.Errorf("%d transactions are held after a challenge", n)
			}
		}, 0},
		{"panic-is-500", &tu{request: func(*stack.ServerTx) { panic("fault injection") }}, func(t *testing.T, w *world) {
			w.alice.Send(w.alice.NewRequest("OPTIONS", "bob"))
			w.alice.ExpectStatus(500, "OPTIONS")
			w.alice.Send(w.alice.NewRequest("OPTIONS", "bob"))
			w.alice.ExpectStatus(500, "OPTIONS")
			if w.s.Stats().Panics != 2 {
				t.Error("panics are not counted")
			}
		}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, c.u)
				c.script(t, w)
				synctest.Wait()
				if acks, _, _ := c.u.counts(); acks != c.acks {
					t.Errorf("the TU saw %d ACKs, want %d", acks, c.acks)
				}
				siptest.Golden(t, "server-"+c.name+".ladder", w.Ladder())
				wait(time.Minute)
				if n := w.s.Stats().Transactions; n != 0 && c.name != "trying-after-200ms" && c.name != "no-trying-when-answered" && c.name != "merged-request" {
					t.Errorf("%d transactions left after a minute", n)
				}
			})
		})
	}
}

func challenge(tx *stack.ServerTx) {
	resp := stack.NewResponse(tx.Request(), 401, "")
	resp.Add("WWW-Authenticate", `Digest realm="example.com", nonce="n", qop="auth"`)
	_ = tx.Challenge(resp)
}

func TestRespondAfterFinal(t *testing.T) {
	for _, c := range []struct {
		method string
		status []int
		want   error // of the last
	}{
		{"INVITE", []int{180, 183, 200, 200}, nil}, // the TU repeats its 2xx
		{"INVITE", []int{486, 200}, stack.ErrTerminated},
		{"INVITE", []int{200, 486}, stack.ErrTerminated},
		{"INVITE", []int{200, 180}, stack.ErrTerminated},
		{"INVITE", []int{487, 487}, stack.ErrTerminated},
		{"OPTIONS", []int{200, 200}, stack.ErrTerminated},
	} {
		bubble(t, func(t *testing.T) {
			var last error
			u := &tu{request: func(tx *stack.ServerTx) {
				for _, s := range c.status {
					last = tx.Respond(stack.NewResponse(tx.Request(), s, ""))
				}
			}}
			w := newWorld(t, u)
			w.alice.Send(w.alice.NewRequest(c.method, "bob"))
			wait(time.Second)
			synctest.Wait()
			if !errors.Is(last, c.want) && !(c.want == nil && last == nil) {
				t.Errorf("%s %v: %v, want %v", c.method, c.status, last, c.want)
			}
		})
	}
}

// An injected header never reaches the wire, and the transaction can still be answered.
func TestRespondRefusesInjection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var errs []error
		w := newWorld(t, &tu{request: func(tx *stack.ServerTx) {
			resp := stack.NewResponse(tx.Request(), 200, "")
			resp.Add("Subject", "x\r\nContact: <sip:evil@example.com>")
			errs = append(errs, tx.Respond(resp), tx.Respond(stack.NewResponse(tx.Request(), 200, "O\nK")))
			errs = append(errs, tx.Respond(stack.NewResponse(tx.Request(), 500, "")))
		}})
		w.alice.Send(w.alice.NewRequest("OPTIONS", "bob"))
		w.alice.ExpectStatus(500, "OPTIONS")
		synctest.Wait()
		if !errors.Is(errs[0], stack.ErrInjection) || !errors.Is(errs[1], stack.ErrInjection) || errs[2] != nil {
			t.Errorf("got %v", errs)
		}
	})
}

// INVITE and CANCEL sent back to back never swap: dependencies.md section 3 saw 276 of 300 swapped with sipgo's goroutine per message.
func TestCancelNeverOvertakesInvite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		u := &tu{cancel: answer(487)}
		w := newWorld(t, u)
		const calls = 50
		for range calls {
			inv := w.alice.NewRequest("INVITE", "bob")
			w.alice.Send(inv)
			w.alice.Cancel(inv)
		}
		got := map[int]int{}
		for range 2 * calls {
			m, ok := w.alice.Read(siptest.Patience)
			if !ok {
				t.Fatal("an answer is missing")
			}
			got[m.Response.Status]++
		}
		if got[200] != calls || got[487] != calls {
			t.Errorf("answers %v", got)
		}
		seen := u.saw()
		if len(seen) != 2*calls || slices.Index(seen, "CANCEL") == 0 {
			t.Errorf("the TU saw %v", seen)
		}
	})
}

// A CANCEL from another host does not end a call, even with everything guessed.
func TestCancelFromStrangerIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{request: answer(180), cancel: answer(487)})
		inv := w.alice.NewRequest("INVITE", "bob")
		w.alice.Send(inv)
		w.alice.ExpectStatus(180, "INVITE")
		w.bob.Cancel(inv)
		w.bob.ExpectStatus(481, "CANCEL")
		w.alice.Silence(time.Second)
	})
}

// A peer of RFC 2543 sends no branch, or one without the cookie: its transactions are told apart all the same (RFC 3261 section 17.2.3).
func TestOldPeers(t *testing.T) {
	for _, branch := range []string{"", ";branch=1", ";branch=390skdjuw"} {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, &tu{request: func(tx *stack.ServerTx) {
				if tx.Request().URI.User == "busy" {
					_ = tx.Respond(stack.NewResponse(tx.Request(), 486, ""))
				} else {
					_ = tx.Respond(stack.NewResponse(tx.Request(), 180, ""))
				}
			}, cancel: answer(487)})
			old := func(user string) *stack.Request {
				r := w.alice.NewRequest("INVITE", user)
				r.Set("Via", "SIP/2.0/UDP "+aliceAddr.String()+branch)
				return r
			}
			busy := old("busy")
			w.alice.Send(busy)
			first := w.alice.ExpectStatus(486, "INVITE")
			w.alice.Send(busy)
			w.alice.Ack(busy, w.alice.ExpectStatus(486, "INVITE"))
			w.alice.Silence(10 * time.Second) // the ACK was matched: Timer G is off
			rings := old("rings")
			w.alice.Send(rings)
			if w.alice.ExpectStatus(180, "INVITE").To().Tag() == first.To().Tag() {
				t.Error("two calls share a tag")
			}
			w.alice.Cancel(rings)
			w.alice.ExpectStatus(200, "CANCEL")
			w.alice.Ack(rings, w.alice.ExpectStatus(487, "INVITE"))
			w.alice.Silence(10 * time.Second)
			if got := w.u.saw(); !slices.Equal(got, []string{"INVITE", "INVITE", "CANCEL"}) {
				t.Errorf("%q: the TU saw %v", branch, got)
			}
			if acks, _, _ := w.u.counts(); acks != 0 {
				t.Errorf("%d ACKs reached the TU", acks)
			}
		})
	}
}
