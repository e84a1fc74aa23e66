package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
)

// click asks for a call as REST does, and returns its ID.
func (o *stage) click(from, to string) string {
	o.t.Helper()
	id, err := liveCalls{o.p.calls, o.p.directory, o.p.origins}.Start(o.t.Context(), simDomain, provisioning.StartCall{From: from, To: to})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

// answers takes the INVITE that comes, and the ACK.
func (o *stage) answers(p *siptest.Phone) side {
	o.t.Helper()
	in := p.Expect("INVITE")
	p.Reply(in, 180, nil)
	o.wait(time.Second)
	return o.acked(side{p, in, p.Reply(in, 200, with(p, "0 8 101")), false})
}

func (o *stage) acked(s side) side { s.p.Expect("ACK"); return s }

// Click-to-call: the own phone rings and shows whom it will call; then the called one rings, and sees who calls.
func TestClickToCall(t *testing.T) {
	onStage(t, "click-to-call", func(o *stage) {
		o.click("2001", "2004")
		alice, dave := o.phones["2001"], o.phones["2004"]
		in := alice.Expect("INVITE")
		if got := in.From(); got.URI.User != "2004" || got.Display != "Ext 3" {
			t.Errorf("the first phone shows %v", got)
		}
		a := o.acked(side{alice, in, alice.Reply(in, 200, with(alice, "0 8 101")), false})
		in = dave.Expect("INVITE")
		if got := in.From(); got.URI.User != "2001" {
			t.Errorf("the second phone shows %v", got)
		}
		dave.Reply(in, 180, nil)
		o.wait(2 * time.Second)
		b := o.acked(side{dave, in, dave.Reply(in, 200, with(dave, "0 8 101")), false})
		o.wait(3 * time.Second)
		b.bye(a)
		o.records("2001 > 2004 2004 200 OK by called")
	})
}

// An outside number by click: the carrier is called by the rights of the extension once its phone was answered; the extension's policy records it
// with the notice to the outside first.
func TestClickToCallOutside(t *testing.T) {
	onStage(t, "click-to-call-outside", func(o *stage) {
		o.click("2003", "03-1234-5678")
		a := o.answers(o.phones["2003"])
		in := o.carrier.Expect("INVITE")
		b := o.acked(side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false})
		o.wait(5 * time.Second)
		a.bye(b)
		o.records("2003 > 0312345678 0312345678 200 OK by caller")
		if n := len(o.tape.recordings); n != 1 || o.tape.recordings[0].of.Notice == nil {
			t.Errorf("%d recordings, want one with its notice", n)
		}
		if used, _ := o.p.purse.book.State(limit.Payer{Domain: simDomain, Extension: "2003"}); used.Calls != 0 || used.Talk == 0 {
			t.Errorf("the payer is charged with %+v", used)
		}
	})
}

// Nobody answers at the first phone, or it is taken back by REST: nobody else is rung, and nothing is left.
func TestClickToCallInVain(t *testing.T) {
	onStage(t, "click-to-call-in-vain", func(o *stage) {
		alice := o.phones["2001"]
		o.click("2001", "2004")
		in := alice.Expect("INVITE")
		alice.Reply(in, 180, nil)
		o.wait(originRing)
		alice.Reply(alice.Expect("CANCEL"), 200, nil)
		alice.Reply(in, 487, nil)
		alice.Expect("ACK")
		o.wait(time.Second)
		id := o.click("2001", "2004")
		in = alice.Expect("INVITE")
		alice.Reply(in, 180, nil)
		o.wait(time.Second)
		if err := (liveCalls{o.p.calls, o.p.directory, o.p.origins}).Hangup(o.t.Context(), simDomain, id); err != nil {
			t.Error(err)
		}
		alice.Reply(alice.Expect("CANCEL"), 200, nil)
		alice.Reply(in, 487, nil)
		alice.Expect("ACK")
		o.wait(time.Second)
		o.records("2001 > 2004  480 No answer by switch", "2001 > 2004  480 Normal call clearing by switch")
	})
}

// A call that rings for who shall be its caller is not for others to pick up.
func TestClickToCallIsNotPickedUp(t *testing.T) {
	group := func(n string) provisioning.Extension {
		return provisioning.Extension{Number: n, AllowMD5: true, Media: "srtp-preferred", Pickup: "hall"}
	}
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		id := o.click("2001", "2004")
		in := alice.Expect("INVITE")
		alice.Reply(in, 180, nil)
		o.wait(time.Second)
		out := o.invite(bob, "*8", nil)
		bob.Ack(out, bob.ExpectStatus(480, "INVITE"))
		_ = o.p.calls.Post(simDomain, id, call.Hangup{Cause: sip.CauseNormal})
		alice.Reply(alice.Expect("CANCEL"), 200, nil)
		alice.Reply(in, 487, nil)
		alice.Expect("ACK")
	}, group("2001"), group("2002"))
}

// TestClickToCallIsRefused: what cannot come to anything rings no phone, and says which field it is.
func TestClickToCallIsRefused(t *testing.T) {
	onStage(t, "", func(o *stage) {
		for _, c := range []struct{ from, to, field, says string }{
			{"2999", "2001", "from", "no extension"},
			{simWatcher, "2001", "from", "no telephone"},
			{"2001", "", "to", "digits"},
			{"2001", "2004;phone-context=evil", "to", "digits"},
			{"2001", strings.Repeat("1", 41), "to", "digits"},
			{"2001", "110", "to", "emergency"},
			{"2001", "184119", "to", "emergency"},
			{"2001", "0010" + "8612345678", "to", "not open"},
			{"2001", "5", "to", "nowhere"},
		} {
			_, err := o.p.origins.begin(wish{domain: simDomain, first: c.from, to: c.to})
			var bad *provisioning.Invalid
			if !errors.As(err, &bad) || bad.Field != c.field || !strings.Contains(bad.Reason, c.says) {
				t.Errorf("%s > %s: %v, want %s %s", c.from, c.to, err, c.field, c.says)
			}
		}
		rest := liveCalls{o.p.calls, o.p.directory, o.p.origins}
		var notNow *provisioning.NotNow
		for range originBurst {
			_, err := rest.Start(o.t.Context(), simDomain, provisioning.StartCall{From: "2001", To: "110"})
			if errors.As(err, &notNow) {
				t.Error("too early too much")
			}
		}
		if _, err := rest.Start(o.t.Context(), simDomain, provisioning.StartCall{From: "2001", To: "2002"}); !errors.As(err, &notNow) {
			t.Errorf("the sixth in one instant: %v", err)
		}
		o.p.signalling.overload = newOverload(func() time.Duration { return time.Second }, time.Now)
		for range 100 {
			_, _ = o.p.signalling.overload.shedder.Ask(0, time.Second)
			o.wait(50 * time.Millisecond)
		}
		shed := 0
		for range 50 {
			if _, err := o.p.origins.begin(wish{domain: simDomain, first: "2001", to: "2999"}); errors.Is(err, errShed) {
				shed++
			}
		}
		if shed == 0 {
			t.Error("an overloaded switch began every call that it was asked for")
		}
		if n := o.p.calls.Len(); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}
