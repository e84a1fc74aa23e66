package stack_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// stuck is a stack of one shard that a command holds until free is called.
func stuck(t *testing.T, u *tu, change func(*stack.Config)) (s *stack.Stack, n *siptest.Network, alice *siptest.Phone, free func()) {
	n = siptest.NewNetwork(1)
	alice = n.Phone(t, "alice", aliceAddr, pbxAddr)
	cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
	cfg.Shards, cfg.Limits.RatePerSource = 1, 1e6
	if change != nil {
		change(&cfg)
	}
	s = serve(t, cfg, u)
	gate := make(chan struct{})
	s.Do("x", func() { <-gate })
	synctest.Wait()
	return s, n, alice, func() { close(gate); synctest.Wait() }
}

// What stands already is served before what is new, an emergency call with it, and nothing overtakes within a Call-ID.
func TestStandingCallsComeFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var order []string
		u := &tu{request: func(tx *stack.ServerTx) {
			r := tx.Request()
			order = append(order, r.Method+" "+r.URI.User)
			if r.Method != "INVITE" {
				answer(200)(tx)
			}
		}, cancel: func(tx *stack.ServerTx) { order = append(order, "CANCEL "+tx.Request().URI.User); answer(487)(tx) }}
		_, _, alice, free := stuck(t, u, func(c *stack.Config) {
			c.Urgent = func(r *stack.Request) bool { return r.URI.User == "119" }
		})
		first := alice.NewRequest("INVITE", "first")
		alice.Send(first)
		for i := range 6 {
			alice.Send(alice.NewRequest("REGISTER", fmt.Sprint(i)))
		}
		alice.Cancel(first)
		bye := alice.NewRequest("BYE", "bye")
		bye.SetTo(bye.To().WithTag("1"))
		alice.Send(bye)
		alice.Send(alice.NewRequest("INVITE", "119"))
		wait(time.Millisecond)
		free()
		want := "BYE bye, INVITE 119, INVITE first, REGISTER , REGISTER , REGISTER , REGISTER , REGISTER , REGISTER , CANCEL first"
		if got := strings.Join(order, ", "); got != want {
			t.Errorf("served\n%s, want\n%s", got, want)
		}
	})
}

// The queues are bounded each for itself: a flood of new requests leaves the room of what stands alone.
func TestFloodLeavesRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var served []string
		s, _, alice, free := stuck(t, &tu{request: func(tx *stack.ServerTx) {
			served = append(served, tx.Request().Method)
			_ = tx.Challenge(stack.NewResponse(tx.Request(), 200, ""))
		}}, func(c *stack.Config) { c.Limits.Rate = 1e6 })
		r := alice.NewRequest("OPTIONS", "x")
		for range 3000 {
			alice.Send(r)
		}
		bye := alice.NewRequest("BYE", "x")
		bye.SetTo(bye.To().WithTag("1"))
		alice.Send(bye)
		wait(time.Millisecond)
		if st := s.Stats(); st.QueueFull != 3000-2048 || st.Shed != st.QueueFull || st.Queued != 2048+1 {
			t.Errorf("%+v", st)
		}
		free()
		if len(served) != 2049 || served[0] != "BYE" || slices.Contains(served[1:], "BYE") {
			t.Errorf("%d served, the first is %s", len(served), served[0])
		}
	})
}

// The delay is measured, also of what still waits, and forgotten when there is nothing to wait for.
func TestQueueDelay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, alice, free := stuck(t, &tu{request: answer(200)}, nil)
		if d := s.QueueDelay(); d != 0 {
			t.Errorf("%v before anything came", d)
		}
		alice.Send(alice.NewRequest("OPTIONS", "x"))
		wait(300 * time.Millisecond)
		if d := s.QueueDelay(); d < 290*time.Millisecond || d > 300*time.Millisecond {
			t.Errorf("%v while one waits since 300 ms", d)
		}
		free()
		if d := s.QueueDelay(); d < 290*time.Millisecond || d > 300*time.Millisecond || s.Stats().QueueDelay != d {
			t.Errorf("%v after it waited 300 ms", d)
		}
		wait(50 * time.Millisecond)
		alice.Send(alice.NewRequest("OPTIONS", "x")) // which waits for nothing
		wait(time.Millisecond)
		if d := s.QueueDelay(); d < 100*time.Millisecond || d > 200*time.Millisecond {
			t.Errorf("%v, want about half of it 50 ms later", d)
		}
		wait(2 * time.Second)
		if d := s.QueueDelay(); d != 0 {
			t.Errorf("%v after two quiet seconds", d)
		}
	})
}

// A handler that hangs shows, although nothing else is queued behind it.
func TestQueueDelayOfHangingHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, &tu{request: func(tx *stack.ServerTx) { <-gate; answer(200)(tx) }})
		w.alice.Send(w.alice.NewRequest("OPTIONS", "x"))
		wait(time.Second)
		if d := w.s.QueueDelay(); d < 900*time.Millisecond {
			t.Errorf("%v", d)
		}
		close(gate)
		w.alice.ExpectStatus(200, "OPTIONS")
	})
}

// Emergency calls have a share of the rate for themselves; it too ends somewhere.
func TestUrgentRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		cfg := n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr})
		cfg.Limits.Rate = 20 // burst 40, and 2 for emergencies
		cfg.Urgent = func(r *stack.Request) bool { return r.URI.User == "119" }
		u := &tu{request: answer(404)}
		s := serve(t, cfg, u)
		for i := range 60 {
			p := n.Phone(t, fmt.Sprint("p", i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)}), 5060), pbxAddr)
			user := "x"
			if i >= 50 {
				user = "119"
			}
			p.Send(p.NewRequest("OPTIONS", user))
		}
		wait(100 * time.Millisecond)
		if got := len(u.saw()); got != 42 || s.Stats().Shed != 18 {
			t.Errorf("%d served, %d shed", got, s.Stats().Shed)
		}
	})
}
