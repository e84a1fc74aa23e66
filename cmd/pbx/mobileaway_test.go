package main

import (
	"testing"
	"time"
)

// A mobile that holds loses its network: who is held is told, hears music again, and the call goes on where the mobile is by then.
func TestMobileHoldsWithoutNetwork(t *testing.T) {
	onStage(t, "", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.hold()
		here := func() { a.p.Reply(a.p.Expect("OPTIONS"), 200, nil) }
		o.wait(9 * time.Second)
		here()
		m := a.p.Owner.(*smartphone)
		m.gone()
		o.wait(13 * time.Second)
		if n := o.interrupted(); n != 1 || !o.played(b.p) {
			t.Errorf("told %d times; hears something: %v", n, o.played(b.p))
		}
		b.p.Silence(time.Second)
		m.leaves()
		here() // by way of its new flow, before it says anything itself
		o.renewed(a)
		if o.played(b.p) {
			t.Error("its party is back, and it hears music")
		}
		o.roamed++
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// One that holds and never comes back loses its call, and the record says whose connection it was.
func TestMobileIsLostOnHold(t *testing.T) {
	onStage(t, "", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.hold()
		o.wait(9 * time.Second)
		a.p.Reply(a.p.Expect("OPTIONS"), 200, nil)
		a.p.Owner.(*smartphone).gone()
		o.wait(26 * time.Second)
		b.p.Silence(time.Second)
		o.wait(6 * time.Second)
		if got, want := b.hungUp().Get("Reason"), `SIP;cause=200;text="Connection of the caller lost", Q.850;cause=27`; got != want {
			t.Errorf("Reason %s", got)
		}
		o.records("2001 > 2002 2002 200 Connection of the caller lost by switch")
	})
}
