package stack_test

import (
	"errors"
	"testing"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// RFC 3261 section 17.1 and RFC 6026: the stack calls bob, who follows a script.
func TestClientTransactionLadders(t *testing.T) {
	cases := []struct {
		name, method string
		script       func(t *testing.T, w *world, tx *stack.ClientTx)
		want         []int // statuses reported; negative: an error
		err          error
	}{
		{"timer-a-b", "INVITE", func(t *testing.T, w *world, _ *stack.ClientTx) { wait(40 * time.Second) }, []int{-1}, stack.ErrTimeout},
		{"timer-e-f", "OPTIONS", func(t *testing.T, w *world, _ *stack.ClientTx) { wait(40 * time.Second) }, []int{-1}, stack.ErrTimeout},
		{"timer-e-after-provisional", "OPTIONS", func(t *testing.T, w *world, _ *stack.ClientTx) {
			w.bob.Reply(w.bob.Expect("OPTIONS"), 183, nil)
			wait(10 * time.Second)
		}, []int{183}, nil},
		{"provisional-stops-a", "INVITE", func(t *testing.T, w *world, _ *stack.ClientTx) {
			w.bob.Reply(w.bob.Expect("INVITE"), 180, nil)
			w.bob.Silence(40 * time.Second)
		}, []int{180}, nil},
		{"refused-acks-each", "INVITE", func(t *testing.T, w *world, _ *stack.ClientTx) {
			r := w.bob.Expect("INVITE")
			for range 3 {
				w.bob.Reply(r, 486, nil)
				ack := w.bob.Expect("ACK")
				if ack.Get("Via") != r.Get("Via") || ack.To().Tag() == "" {
					t.Error("the ACK is not the INVITE's (RFC 3261 section 17.1.1.3)")
				}
			}
			wait(33 * time.Second) // Timer D
			w.bob.Reply(r, 486, nil)
			w.bob.Silence(time.Second)
		}, []int{486}, nil},
		{"every-2xx-of-every-fork", "INVITE", func(t *testing.T, w *world, _ *stack.ClientTx) {
			r := w.bob.Expect("INVITE")
			for _, tag := range []string{"one", "two", "one"} {
				w.bob.Reply(r, 200, func(resp *stack.Response) { resp.SetTo(r.To().WithTag(tag)) })
			}
			w.bob.Silence(time.Second) // the ACK of a 2xx is the TU's
			wait(33 * time.Second)     // Timer M
			w.bob.Reply(r, 200, nil)
			wait(time.Second)
			if _, strays, _ := w.u.counts(); strays != 1 {
				t.Errorf("%d stray 2xx, want 1", strays)
			}
		}, []int{200, 200, 200}, nil},
		{"late-refusal-after-2xx", "INVITE", func(t *testing.T, w *world, _ *stack.ClientTx) {
			r := w.bob.Expect("INVITE")
			w.bob.Reply(r, 200, nil)
			w.bob.Reply(r, 486, nil)
			w.bob.Reply(r, 180, nil)
			w.bob.Silence(time.Second)
		}, []int{200}, nil},
		{"cancel-waits-for-provisional", "INVITE", func(t *testing.T, w *world, tx *stack.ClientTx) {
			r := w.bob.Expect("INVITE")
			tx.Cancel(`SIP;cause=200;text="Call completed elsewhere"`)
			w.bob.Silence(300 * time.Millisecond)
			w.bob.Reply(r, 180, nil)
			c := w.bob.Expect("CANCEL")
			if c.Get("Via") != r.Get("Via") || c.To().Tag() != "" || c.Get("Reason") == "" {
				t.Error("the CANCEL is not the INVITE's (RFC 3261 section 9.1)")
			}
			w.bob.Reply(c, 200, nil)
			w.bob.Reply(r, 487, nil)
			w.bob.Expect("ACK")
		}, []int{180, 487}, nil},
		{"cancel-crosses-200", "INVITE", func(t *testing.T, w *world, tx *stack.ClientTx) {
			r := w.bob.Expect("INVITE")
			w.bob.Reply(r, 180, nil)
			wait(50 * time.Millisecond)
			tx.Cancel("")
			w.bob.Reply(r, 200, nil)
			w.bob.Reply(w.bob.Expect("CANCEL"), 200, nil)
			wait(time.Second)
		}, []int{180, 200}, nil},
		{"cancel-never-finished", "INVITE", func(t *testing.T, w *world, tx *stack.ClientTx) {
			r := w.bob.Expect("INVITE")
			w.bob.Reply(r, 180, nil)
			wait(50 * time.Millisecond)
			tx.Cancel("")
			w.bob.Reply(w.bob.Expect("CANCEL"), 200, nil)
			wait(40 * time.Second)
		}, []int{180, -1}, stack.ErrTimeout},
		{"final-absorbed-in-k", "OPTIONS", func(t *testing.T, w *world, _ *stack.ClientTx) {
			r := w.bob.Expect("OPTIONS")
			w.bob.Reply(r, 200, nil)
			w.bob.Reply(r, 200, nil)
			wait(6 * time.Second)
			w.bob.Reply(r, 200, nil)
			wait(time.Second)
		}, []int{200}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, &tu{})
				var got results
				tx := w.s.Send(outgoing(c.method, "c1"), toBob, got.on)
				c.script(t, w, tx)
				checkResults(t, got.list(), c.want, c.err)
				siptest.Golden(t, "client-"+c.name+".ladder", w.Ladder())
			})
		})
	}
}

func checkResults(t *testing.T, got []stack.Result, want []int, err error) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d results, want %v: %v", len(got), want, got)
		return
	}
	for i, r := range got {
		switch {
		case want[i] < 0 && !errors.Is(r.Err, err):
			t.Errorf("result %d: %v, want error %v", i, r, err)
		case want[i] > 0 && (r.Response == nil || r.Response.Status != want[i]):
			t.Errorf("result %d: %v, want %d", i, r, want[i])
		}
	}
}

// RFC 3261 section 18.1.2, RFC 6026 section 8.9: what is not an answer to our own request is dropped (threats.md A17).
func TestForeignResponsesAreDropped(t *testing.T) {
	changes := map[string]func(*stack.Response){
		"second Via":     func(r *stack.Response) { r.Add("Via", "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKvictim") },
		"foreign branch": func(r *stack.Response) { r.Set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx") },
		"foreign sent-by": func(r *stack.Response) {
			v, _ := r.Vias()
			r.Set("Via", "SIP/2.0/UDP 192.0.2.99:5060;branch="+v[0].Branch())
		},
		"other Call-ID": func(r *stack.Response) { r.Set("Call-ID", "another") },
		"other method":  func(r *stack.Response) { r.Set("CSeq", "1 BYE") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, &tu{})
				var got results
				w.s.Send(outgoing("OPTIONS", "c1"), toBob, got.on)
				r := w.bob.Expect("OPTIONS")
				w.bob.Reply(r, 200, change)
				wait(100 * time.Millisecond)
				if n := len(got.list()); n != 0 {
					t.Errorf("%d results from a foreign response", n)
				}
				w.bob.Reply(r, 200, nil)
				wait(100 * time.Millisecond)
				checkResults(t, got.list(), []int{200}, nil)
			})
		})
	}
}

func TestSendFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, &tu{})
		for name, c := range map[string]struct {
			to   stack.Target
			bad  bool
			want error
		}{
			"no listener of that family": {to: stack.Target{Transport: "udp", Addr: addrPort("[2001:db8::1]:5060")}, want: stack.ErrTransport},
			"nobody listens":             {to: stack.Target{Transport: "tcp", Addr: addrPort("192.0.2.77:5060"), Local: pbxAddr.Addr()}, want: stack.ErrTransport},
			"no address":                 {to: stack.Target{Transport: "udp"}, want: stack.ErrTransport},
			"injection":                  {to: toBob, bad: true, want: stack.ErrInjection},
		} {
			r := outgoing("OPTIONS", name[:2])
			if c.bad {
				r.Add("Subject", "a\r\nb: c")
			}
			var got results
			w.s.Send(r, c.to, got.on)
			wait(time.Second)
			checkResults(t, got.list(), []int{-1}, c.want)
		}
	})
}
