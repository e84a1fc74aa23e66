package main

import (
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
)

// A leg whose address is still being looked up ends at once when the call gives up, and exactly once.
func TestLegWithoutSession(t *testing.T) {
	m := call.NewMailbox()
	l := newLeg("c-1", m, func() {})
	l.Ring(nil) // waits for a session that never comes
	l.End(sip.CauseCancelled)
	l.End(sip.CauseCancelled)
	l.fail(sip.CauseTransport)
	got := m.Take()
	if len(got) != 1 || got[0] != (call.Ended{Leg: "c-1", Cause: sip.CauseCancelled}) || !l.gone() {
		t.Errorf("%+v", got)
	}
}

func TestDetachedLegHoldsItsEvents(t *testing.T) {
	first, second := call.NewMailbox(), call.NewMailbox()
	lost := 0
	l := newLeg("c-1", first, func() { lost++ })
	l.post(call.Digit{Leg: "c-1", Rune: '1'})
	l.Detach()
	l.Detach()
	for range heldBound + 5 {
		l.post(call.Digit{Leg: "c-1", Rune: '2'})
	}
	l.post(call.Ended{Leg: "c-1", Cause: sip.CauseNormal})
	l.post(call.Digit{Leg: "c-1", Rune: '3'}) // nothing after the last event
	if got := first.Take(); len(got) != 2 || got[1] != (call.Detached{Leg: "c-1"}) {
		t.Errorf("first call got %+v", got)
	}
	l.Attach(second)
	got := second.Take()
	if len(got) != heldBound+1 || lost != 5 {
		t.Fatalf("second call got %d events, %d lost", len(got), lost)
	}
	if _, ok := got[heldBound].(call.Ended); !ok {
		t.Errorf("the last event is never the one that is lost: %+v", got[heldBound])
	}
}
