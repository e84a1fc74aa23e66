package event

import (
	"strings"
	"testing"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// A phone that never subscribes is told all the same, one NOTIFY at a time; what changes meanwhile follows.
func TestUnsolicited(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		there := true
		teller := NewTeller(r.s, r, func(a AOR) []Phone {
			if !there || a != bob {
				return nil
			}
			return []Phone{{Contact: r.watch.Contact(), Target: stack.Target{Flow: r.s.Flow("udp", pbxAddr, watchAddr)}}}
		})
		set := func(n int) {
			r.mu.Lock()
			r.boxes[bob] = Messages{New: n}
			r.mu.Unlock()
			teller.Tell(bob)
		}
		set(1)
		first := r.watch.Expect("NOTIFY")
		for n := range 50 {
			set(n + 2)
		}
		r.watch.Silence(100 * time.Millisecond)
		r.watch.Reply(first, 200, nil)
		second := r.watch.Expect("NOTIFY")
		if !strings.Contains(string(second.Body), "Voice-Message: 51/0") || second.Get("Subscription-State") != "terminated;reason=noresource" {
			t.Errorf("told\n%s\n%s", second.Get("Subscription-State"), second.Body)
		}
		r.watch.Reply(second, 481, nil) // it does not take it: that is its business
		r.watch.Silence(10 * time.Second)
		set(0)
		r.notified(200)
		there = false
		set(3)
		r.watch.Silence(time.Second)
		teller.idle(t)
		siptest.Golden(t, "unsolicited.ladder", r.Ladder())
	})
}

func TestUnsolicitedToNobody(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		teller := NewTeller(r.s, r, func(AOR) []Phone {
			return []Phone{{Contact: r.watch.Contact(), Target: stack.Target{Flow: r.s.Flow("udp", pbxAddr, watchAddr)}}}
		})
		teller.Tell(bob)
		teller.Tell(bob)
		calls := map[string]bool{}
		for {
			m, ok := r.watch.Read(40 * time.Second)
			if !ok {
				break
			}
			calls[m.Request.CallID()] = true
		}
		if len(calls) != 2 { // the first is given up, and the second goes
			t.Errorf("%d NOTIFYs", len(calls))
		}
		teller.idle(t)
	})
}

func (t *Teller) idle(tb testing.TB) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.busy)+len(t.again) != 0 {
		tb.Errorf("left: %v %v", t.busy, t.again)
	}
}
