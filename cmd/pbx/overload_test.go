package main

import (
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// TestOverload in virtual time with a delay that the test makes: new calls and registrations get 503 with a time to come back, a call for
// help and what stands do not, nothing is kept of what was shed, and it is over by itself.
func TestOverload(t *testing.T) {
	d := twoDomains(t)
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t, d)
		var delay atomic.Int64
		o := newOverload(func() time.Duration { return time.Duration(delay.Load()) }, time.Now)
		w.s.overload = o
		ph := w.net.Phone(t, "phone", netip.MustParseAddrPort("192.0.2.20:5060"), w.at)
		ph.Domain, ph.Name = "a.example", "2002"
		retries := map[int]bool{}
		ask := func(method, user string, change func(*stack.Request)) int {
			t.Helper()
			r := ph.NewRequest(method, user)
			if change != nil {
				change(r)
			}
			ph.Send(r)
			m, ok := ph.Read(siptest.Patience)
			if !ok || m.Response == nil {
				t.Fatalf("%s: no answer", method)
			}
			if m.Response.Status == 503 {
				n, err := strconv.Atoi(m.Response.Get("Retry-After"))
				if err != nil || n < 5 || n > 31 {
					t.Errorf("Retry-After %q", m.Response.Get("Retry-After"))
				}
				retries[n] = true
			}
			if method == "INVITE" && r.To().Tag() == "" {
				ph.Ack(r, m.Response)
			}
			return m.Response.Status
		}
		share := func(n int, method, user string, change func(*stack.Request)) (shed int) {
			for range n {
				if ask(method, user, change) == 503 {
					shed++
				}
				<-time.After(20 * time.Millisecond)
			}
			return shed
		}
		if n := share(50, "INVITE", "2001", nil); n != 0 {
			t.Errorf("%d of 50 calls were shed without a delay", n)
		}
		delay.Store(int64(2 * time.Second))
		share(300, "INVITE", "2001", nil)
		if n := share(100, "INVITE", "2001", nil); n < 90 || n == 100 {
			t.Errorf("%d of 100 calls were shed, want nearly all", n)
		}
		if n := share(50, "REGISTER", "2002", nil); n < 40 {
			t.Errorf("%d of 50 registrations were shed", n)
		}
		for _, number := range []string{"119", "110", "0118", "184119"} {
			if n := share(20, "INVITE", number, nil); n != 0 {
				t.Errorf("%d calls to %s were shed", n, number)
			}
		}
		tagged := func(r *stack.Request) { r.SetTo(sip.Address{URI: r.To().URI}.WithTag("standing")) }
		for _, method := range []string{"BYE", "UPDATE", "INVITE", "OPTIONS"} {
			if n := share(20, method, "2001", tagged); n != 0 {
				t.Errorf("%d requests %s within a dialog were shed", n, method)
			}
		}
		if len(retries) < 10 {
			t.Errorf("only %d different times to come back", len(retries))
		}
		if o.calls.Load() == 0 || o.registrations.Load() == 0 || o.others.Load() != 0 {
			t.Errorf("counted %d calls, %d registrations, %d others", o.calls.Load(), o.registrations.Load(), o.others.Load())
		}
		delay.Store(0)
		share(500, "INVITE", "2001", nil)
		if n := share(100, "INVITE", "2001", nil); n != 0 {
			t.Errorf("%d of 100 calls are shed when it is over", n)
		}
		<-time.After(time.Minute)
		if n := w.s.stack.Stats().Transactions; n != 0 {
			t.Errorf("%d transactions are kept", n)
		}
	})
}

// Nothing is kept of a call that was shed, and still its repetition does not begin it: the caller has been told by then.
func TestRepetitionOfWhatWasShed(t *testing.T) {
	d := twoDomains(t)
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t, d)
		delay := 2 * time.Second
		o := newOverload(func() time.Duration { return delay }, time.Now)
		w.s.overload = o
		ph := w.net.Phone(t, "phone", netip.MustParseAddrPort("192.0.2.20:5060"), w.at)
		ph.Domain, ph.Name = "a.example", "2002"
		status := func(r *stack.Request) int {
			ph.Send(r)
			m, ok := ph.Read(siptest.Patience)
			if !ok || m.Response == nil {
				t.Fatal("no answer")
			}
			ph.Ack(r, m.Response)
			return m.Response.Status
		}
		var shed *stack.Request
		for range 500 {
			if r := ph.NewRequest("INVITE", "2001"); status(r) == 503 {
				shed = r
			}
			<-time.After(20 * time.Millisecond)
		}
		for range 500 { // it passes
			delay = 0
			status(ph.NewRequest("INVITE", "2001"))
			<-time.After(20 * time.Millisecond)
		}
		if got := status(ph.NewRequest("INVITE", "2001")); got != 401 {
			t.Errorf("a new call gets %d when it is over", got)
		}
		if got := status(shed); got != 503 {
			t.Errorf("the repetition of what was shed gets %d", got)
		}
		<-time.After(2 * time.Minute)
		if got := status(shed); got != 401 {
			t.Errorf("%d two minutes later: it is remembered for ever", got)
		}
	})
}

func TestUrgent(t *testing.T) {
	for user, want := range map[string]bool{"119": true, "110": true, "0110": true, "+81118": true, "184119": true, "1190": false, "2119": false, "0312345678": false, "": false} {
		r := stack.NewRequest("INVITE", sip.URI{Scheme: "sip", User: user, Host: "a.example"})
		if got := urgent(r); got != want {
			t.Errorf("%q: %v", user, got)
		}
	}
	if urgent(stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", User: "119", Host: "a.example"})) {
		t.Error("a registration is urgent")
	}
}
