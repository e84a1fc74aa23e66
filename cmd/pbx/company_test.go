package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// able is a phone that takes what the header names say: Allow: UPDATE, or Supported: from-change.
func able(p *siptest.Phone, name, value string) func(*stack.Response) {
	return func(r *stack.Response) {
		with(p, "0 8 101")(r)
		r.Set(name, value)
	}
}

const updates = "INVITE, ACK, CANCEL, BYE, UPDATE, REFER, NOTIFY"

// asserted is whom a message tells that one talks with: the user part and the display name.
func asserted(h *stack.Headers) string {
	ids, err := h.Addresses("P-Asserted-Identity")
	if err != nil || len(ids) != 1 {
		return ""
	}
	return strings.TrimSpace(ids[0].Display + " " + ids[0].URI.User)
}

// updated takes an UPDATE without a body, and says whom it names.
func (s side) updated() string {
	r := s.p.Expect("UPDATE")
	if len(r.Body) > 0 {
		panic("UPDATE with a body")
	}
	s.p.Reply(r, 200, func(resp *stack.Response) { resp.Set("Allow", updates) })
	return asserted(&r.Headers)
}

// speaking brings a call up between two phones of which the caller, or the called, takes UPDATE.
func (o *stage) speaking(from, to *siptest.Phone, number string, name, value string) (caller, called side) {
	out := o.invite(from, number, func(r *stack.Request) { r.Set(name, value) })
	in := to.Expect("INVITE")
	to.Reply(in, 180, nil)
	from.ExpectStatus(180, "INVITE")
	called = side{to, in, to.Reply(in, 200, able(to, name, value)), false}
	to.Expect("ACK")
	caller = side{from, out, from.ExpectStatus(200, "INVITE"), true}
	from.Ack(out, caller.resp)
	o.wait(20 * time.Millisecond)
	return caller, called
}

// TestCallerIsToldWhoAnswers: in 180 and 200, of whoever rings and answers in the end: here a colleague to whom the call is forwarded.
func TestCallerIsToldWhoAnswers(t *testing.T) {
	onStage(t, "connected-forward", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		bob.Reply(in, 180, nil)
		if got := asserted(&alice.ExpectStatus(180, "INVITE").Headers); got != "Ext 1 2002" {
			t.Errorf("180 names %q", got)
		}
		bob.Reply(in, 486, nil)
		bob.Expect("ACK")
		next := carol.Expect("INVITE")
		carol.Reply(next, 180, nil)
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, next, nil, false})
		if got := asserted(&a.resp.Headers); got != "Ext 3 2004" {
			t.Errorf("200 names %q", got)
		}
		a.bye(c)
	}, provisioning.Settings{Extension: "2002", Forward: provisioning.Forwarding{Busy: toExt("2004")}})
}

// TestConnectedAfterTransfer: whoever stays sees with whom it talks now, by UPDATE; and who was told nothing new gets nothing.
func TestConnectedAfterTransfer(t *testing.T) {
	onStage(t, "connected-transfer", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.speaking(alice, bob, "2002", "Allow", updates)
		b.refer("sip:2004@" + simDomain)
		in := carol.Expect("INVITE")
		c := side{carol, in, carol.Reply(in, 200, able(carol, "Allow", updates)), false}
		carol.Expect("ACK")
		if got := a.updated(); got != "Ext 3 2004" {
			t.Errorf("the caller is told of %q", got)
		}
		b.notified("200 OK")
		b.hungUp()
		a.bye(c) // carol's INVITE named alice
	})
}

// TestConnectedAfterAttendedTransfer: both learn of each other, since each believed to talk with the transferor.
func TestConnectedAfterAttendedTransfer(t *testing.T) {
	onStage(t, "connected-attended", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.speaking(bob, alice, "2001", "Allow", updates)
		a2, c := o.speaking(alice, carol, "2004", "Allow", updates)
		b.refer("sip:2004@" + simDomain + "?Replaces=" + a2.named())
		if got := a.updated(); got != "Ext 3 2004" {
			t.Errorf("the caller is told of %q", got)
		}
		if got := c.updated(); got != "Ext 1 2002" {
			t.Errorf("the target is told of %q", got)
		}
		a2.hungUp()
		b.notified("200 OK")
		b.hungUp()
		a.bye(c)
	})
}

// TestFromChange: a phone that says from-change (RFC 4916) sees it in From, by re-INVITE where it takes no UPDATE; one that says nothing of
// either is left alone until its session is refreshed.
func TestFromChange(t *testing.T) {
	for name, tc := range map[string]struct{ header, value string }{
		"from-change": {"Supported", "timer, from-change"},
		"neither":     {"Supported", "timer"},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "connected-"+name, func(o *stage) {
				alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
				a, b := o.speaking(alice, bob, "2002", tc.header, tc.value)
				b.refer("sip:2004@" + simDomain)
				in := carol.Expect("INVITE")
				c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
				carol.Expect("ACK")
				b.notified("200 OK")
				b.hungUp()
				if name == "neither" {
					alice.Silence(4 * time.Second)
					o.wait(37 * time.Second) // to the refresh, at half of 90 seconds
				}
				again := alice.Expect("INVITE")
				if got := asserted(&again.Headers); got != "Ext 3 2004" {
					t.Errorf("named %q", got)
				}
				if user := again.From().URI.User; (user == "2004") != (name == "from-change") || again.From().Tag() != a.resp.To().Tag() {
					t.Errorf("From: %s", again.Get("From"))
				}
				alice.Reply(again, 200, with(alice, "0 8 101"))
				alice.Expect("ACK")
				c.bye(a)
			})
		})
	}
}

// TestConnectedByPickUp: both the one who picks up and the caller are told.
func TestConnectedByPickUp(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		ringing := bob.Reply(in, 180, func(r *stack.Response) { r.SetTo(r.To().WithTag("bobs")) })
		alice.ExpectStatus(180, "INVITE")
		r := o.invite(carol, "2002", side{bob, in, ringing, false}.replacing())
		c := side{carol, r, carol.ExpectStatus(200, "INVITE"), true}
		carol.Ack(r, c.resp)
		bob.Reply(bob.Expect("CANCEL"), 200, nil)
		bob.Reply(in, 487, func(r *stack.Response) { r.SetTo(r.To().WithTag("bobs")) })
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		if x, y := asserted(&c.resp.Headers), asserted(&a.resp.Headers); x != "Ext 0 2001" || y != "Ext 3 2004" {
			t.Errorf("who picked up sees %q, the caller %q", x, y)
		}
		a.bye(c)
	})
}

// outside is the simulation's carrier, changed.
func outside(change func(*provisioning.Trunk)) provisioning.Entity {
	for _, e := range simEntities() {
		if tr, ok := e.(provisioning.Trunk); ok {
			change(&tr)
			return tr
		}
	}
	panic("the simulation has no trunk")
}

// TestCarrierIsToldNothing unless its profile says so, and then a number that the outside knows, never an extension's.
func TestCarrierIsToldNothing(t *testing.T) {
	yes := true
	for name, tc := range map[string]struct {
		change func(*provisioning.Trunk)
		first  string // named in the 200
		later  string // and after a transfer
	}{
		"by default":     {func(*provisioning.Trunk) {}, "", ""},
		"by its profile": {func(tr *provisioning.Trunk) { tr.Connected = &yes }, "+81344444444", ""}, // the line's number is what it sees of everybody
		"inside":         {func(tr *provisioning.Trunk) { tr.Connected, tr.Internal = &yes, &yes }, "Ext 2 2003", "Ext 3 2004"},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				bob, carol := o.phones["2003"], o.phones["2004"]
				out := o.invite(o.carrier, simPlain, func(r *stack.Request) { r.Set("Allow", updates) })
				in := bob.Expect("INVITE")
				a, b := o.pickUp(side{o.carrier, out, nil, true}, side{bob, in, nil, false})
				if got := asserted(&a.resp.Headers); got != tc.first || strings.Contains(a.resp.Get("P-Asserted-Identity"), simDomain) {
					t.Errorf("200 names %q, not %q: %s", got, tc.first, a.resp.Get("P-Asserted-Identity"))
				}
				b.refer("sip:2004@" + simDomain)
				next := carol.Expect("INVITE")
				c := side{carol, next, carol.Reply(next, 200, with(carol, "0 8 101")), false}
				carol.Expect("ACK")
				if tc.later != "" {
					if got := a.updated(); got != tc.later {
						t.Errorf("UPDATE names %q", got)
					}
				}
				b.notified("200 OK")
				b.hungUp()
				o.carrier.Silence(4 * time.Second)
				a.bye(c)
			}, outside(tc.change))
		})
	}
}

// TestCarrierSaysWhoAnswered: a trusted one is believed, also when its side is transferred later; what it withholds is not shown, and an
// untrusted one says what it likes.
func TestCarrierSaysWhoAnswered(t *testing.T) {
	yes := true
	for name, tc := range map[string]struct {
		trusted            *bool
		first, next, third string
	}{
		"trusted":   {&yes, "Hana +81398765432", "Ken +81398765433", "非通知 anonymous"},
		"untrusted": {nil, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, map[string]string{"trusted": "connected-carrier"}[name], func(o *stage) {
				alice := o.phones["2001"]
				out := o.invite(alice, "0398765431", func(r *stack.Request) { r.Set("Allow", updates) })
				in := o.carrier.Expect("INVITE")
				b := side{o.carrier, in, o.carrier.Reply(in, 200, func(r *stack.Response) {
					able(o.carrier, "Allow", updates)(r)
					r.Set("P-Asserted-Identity", `"Hana" <sip:+81398765432@carrier.example>`)
				}), false}
				o.carrier.Expect("ACK")
				a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
				alice.Ack(out, a.resp)
				if got := asserted(&a.resp.Headers); got != tc.first {
					t.Errorf("200 names %q, not %q", got, tc.first)
				}
				for _, want := range []string{tc.next, tc.third} {
					privacy := strings.HasPrefix(want, "非")
					b.do("UPDATE", 200, func(r *stack.Request) {
						r.Set("P-Asserted-Identity", `"Ken" <sip:+81398765433@carrier.example>`)
						if privacy || want == "" {
							r.Set("Privacy", "id")
						}
					})
					if want != "" {
						if got := a.updated(); got != want {
							t.Errorf("UPDATE names %q, not %q", got, want)
						}
					}
				}
				alice.Silence(time.Second)
				a.bye(b)
			}, outside(func(tr *provisioning.Trunk) { tr.Trusted = tc.trusted }))
		})
	}
}
