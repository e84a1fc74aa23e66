package main

import (
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// A leg whose address is still being looked up ends at once when the call gives up, and exactly once.
func TestLegWithoutSession(t *testing.T) {
	m := call.NewMailbox()
	l := newLeg("c-1", m, &legs{}, func() {})
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
	l := newLeg("c-1", first, &legs{}, func() { lost++ })
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

// shard is a stack that sends nothing and runs each call's functions in order.
type shard struct{ mu sync.Mutex }

func (s *shard) Do(_ string, f func()) { s.mu.Lock(); defer s.mu.Unlock(); f() }
func (s *shard) After(string, time.Duration, func()) func() {
	return func() {}
}
func (s *shard) Send(*stack.Request, stack.Target, func(*stack.ClientTx, stack.Result)) *stack.ClientTx {
	return nil
}
func (s *shard) SendAck(*stack.Request, stack.Target) error { return nil }
func (s *shard) Contact(string, stack.Target) sip.URI {
	return sip.URI{Scheme: "sip", Host: "127.0.0.1"}
}

// The call gives up in the instant in which the carrier's address is found: no session may ring on without an owner.
func TestLegEndsWhileItBegins(t *testing.T) {
	ua := dialog.New(&shard{}, dialog.Config{}, slog.New(slog.DiscardHandler))
	to := stack.Target{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.2:5060")}
	for range 3000 {
		m := call.NewMailbox()
		l := newLeg("c-1", m, &legs{}, func() {})
		s := ua.Invite(dialog.Invite{ID: "c-1", URI: sip.URI{Scheme: "sip", Host: "127.0.0.2"}, Targets: []stack.Target{to}, Body: []byte("v=0")}, l.on)
		var both sync.WaitGroup
		both.Go(func() { l.begin(s) })
		both.Go(func() { l.End(sip.CauseCancelled) })
		both.Wait()
		if phase := s.Snapshot().Phase; phase != "over" || len(m.Take()) != 1 {
			t.Fatalf("session is in phase %s", phase)
		}
	}
}
