package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/stack"
)

// missed lets a number ring from a mobile, and hangs up.
func (o *stage) missed(from string) {
	o.t.Helper()
	r := o.asMobile(from)
	o.carrier.ExpectStatus(180, "INVITE")
	o.wait(2 * time.Second)
	o.carrier.Cancel(r)
	o.carrier.ExpectStatus(200, "CANCEL")
	o.carrier.Ack(r, o.carrier.ExpectStatus(487, "INVITE"))
}

// asMobile calls the number for mobiles.
func (o *stage) asMobile(from string) *stack.Request {
	r := o.carrier.NewRequest("INVITE", simAnswered)
	r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
	r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: from, Host: "carrier.example"}}.WithTag("c"))
	o.carrier.Send(r)
	return r
}

// Bob lets the number ring from his mobile and hangs up: a moment later the mobile rings, his desk does not; one key and the PIN, and he calls a colleague and
// then a customer as the office. His first call was never answered, and his number is nowhere. Strangers get nothing, nor does he while he is called.
func TestMissedCallFromMobile(t *testing.T) {
	onStage(t, "missed-mobile", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		o.missed("+819012345678")
		in := o.carrier.Expect("INVITE")
		if in.URI.User != "+819012345678" || strings.Contains(in.Get("From")+in.Get("Contact")+in.Get("P-Asserted-Identity"), "2002") {
			t.Errorf("the carrier is told %s", written(in))
		}
		m := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		m.inform("1")
		o.wait(2 * time.Second)
		if n := len(o.p.purse.book.Running()); n != 1 {
			t.Errorf("%d calls are paid", n)
		}
		m.keys("4711#")
		o.wait(3 * time.Second)
		m.keys("2001#")
		called := alice.Expect("INVITE")
		if called.From().URI.User != "2002" || strings.Contains(written(called), "9012345678") {
			t.Errorf("the colleague is told %s", written(called))
		}
		b := side{alice, called, alice.Reply(called, 200, with(alice, "0 8 101")), false}
		alice.Expect("ACK")
		o.wait(time.Second)
		b.bye(m)
		desk.Silence(time.Second)
		o.records("+819012345678 > "+simAnswered+"  487 Request Terminated by caller", "2002 > 2001 2001 200 OK by called")
		o.mu.Lock()
		if c := o.cdrs[1]; c.Charge.Extension != "2002" || c.Charge.Class != "mobile" || c.Trunk != "carrier" {
			t.Errorf("%+v", c)
		}
		o.mu.Unlock()
		r := o.asMobile("+819099999999")
		o.carrier.Ack(r, o.carrier.ExpectStatus(403, "INVITE"))
		o.carrier.Silence(10 * time.Second)
	}, withMobile("2002", 0), provisioning.DID{Number: simAnswered, CallBack: true})
}

// Who was called back has the codes of who calls through: the call that rings at the counter is taken from the road.
func TestMissedCallPicksUp(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, counter := o.phones["2001"], o.phones["2003"]
		o.missed("+819012345678")
		in := o.carrier.Expect("INVITE")
		m := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		m.inform("1")
		o.wait(2 * time.Second)
		out := o.invite(alice, "2003", nil)
		first := rung(counter)
		alice.ExpectStatus(180, "INVITE")
		m.keys("4711#")
		o.wait(3 * time.Second)
		m.keys("*8#")
		calledOff(counter, first)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		if strings.Contains(written(a.resp), "9012345678") {
			t.Errorf("the caller is told %s", written(a.resp))
		}
		o.wait(time.Second)
		o.talking(0, 0, 2)
		a.bye(m)
	}, append(afar(), provisioning.DID{Number: simAnswered, CallBack: true})...)
}

// A wrong PIN calls nobody, and neither does a mobile whose voicemail answers: nothing is paid for that.
func TestMissedCallByStranger(t *testing.T) {
	onStage(t, "", func(o *stage) {
		o.missed("+819012345678")
		in := o.carrier.Expect("INVITE")
		m := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		m.inform("1")
		o.wait(2 * time.Second)
		m.keys("1111#")
		o.wait(5 * time.Second)
		m.keys("1111#")
		o.wait(5 * time.Second)
		m.keys("1111#")
		m.hungUp()
		o.missed("+819012345678")
		in = o.carrier.Expect("INVITE")
		m = side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		o.wait(20 * time.Second)
		m.hungUp()
		if n := len(o.p.purse.book.Running()); n != 0 {
			t.Errorf("%d calls are still paid", n)
		}
	}, withMobile("2002", 0), provisioning.DID{Number: simAnswered, CallBack: true})
}

// TestMissedCallsBounds: one at a time for each person, so many in a minute and in a day, none that may not be called any more, and none after the end.
func TestMissedCallsBounds(t *testing.T) {
	d := simDirectory(t, withMobile("2002", 0), provisioning.DID{Number: simAnswered, CallBack: true})
	synctest.Test(t, func(t *testing.T) {
		var begun []call.Incoming
		var full error
		room := true
		c := newMissedCalls(func(in call.Incoming) error { begun = append(begun, in); return full }, func() bool { return room }, d, auditQueue(1000), time.Now, slog.New(slog.DiscardHandler))
		bob := app.MissedCall{Call: "c0", Domain: simDomain, Extension: "2002", Name: "Bob", Number: simAnswered}
		rings := func(m app.MissedCall, want int) {
			t.Helper()
			begun = nil
			c.add(m)
			time.Sleep(missedRest + time.Second)
			synctest.Wait()
			if len(begun) != want {
				t.Errorf("%d calls, want %d", len(begun), want)
			}
		}
		over := func() { begun[0].Origin.Done(call.Originated{}) }
		c.add(bob)
		rings(bob, 1) // two calls in one moment
		first := begun[0]
		if o := first.Origin; first.Request.Extension != "2002" || first.Request.Dialled != simAnswered || !o.Request.Mobile || o.After != "c0" || o.Then.String() != "through:"+simAnswered || o.Then.For != "2002" {
			t.Errorf("%+v %+v", first, o)
		}
		if e := <-c.audit.queue; e.Action != "call.called-back" || e.Object != "2002" || e.Detail["call"] != first.ID || e.Detail["after"] != "c0" || e.Detail["number"] != simAnswered {
			t.Errorf("%+v", e)
		}
		rings(bob, 0) // it rings still
		first.Origin.Done(call.Originated{})
		for range missedBurst - 1 {
			rings(bob, 1)
			over()
		}
		rings(bob, 0) // too many in a minute
		other := bob
		other.Extension = "2003"
		rings(other, 1) // of somebody else's nothing is taken
		over()
		time.Sleep(2 * time.Minute)
		full = errors.New("full")
		rings(bob, 1)
		full = nil
		rings(bob, 1) // what was not begun is not under way
		over()
		time.Sleep(5 * time.Minute)
		room = false
		rings(bob, 0)
		room = true
		away := bob
		away.Number = simPlain // it calls nobody back, or no more
		rings(away, 0)
		n := 0
		for range 20 { // a long day
			time.Sleep(5 * time.Minute)
			begun = nil
			c.add(bob)
			time.Sleep(missedRest + time.Second)
			synctest.Wait()
			if n += len(begun); len(begun) > 0 {
				over()
			}
		}
		if n < 2 || n > missedDaily-6 {
			t.Errorf("%d more in a day", n)
		}
		time.Sleep(24 * time.Hour)
		c.add(bob)
		c.Close()
		synctest.Wait()
		begun = nil
		time.Sleep(time.Minute)
		rings(bob, 0)
		if c.dropped.Load() < 10 {
			t.Errorf("%d were dropped", c.dropped.Load())
		}
	})
}
