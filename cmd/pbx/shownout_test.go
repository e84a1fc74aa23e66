package main

import (
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// listening makes the simulation's carrier one that is told whom it talks with, and that shows any number of ours.
func listening() provisioning.Entity {
	yes := true
	return outside(func(tr *provisioning.Trunk) {
		tr.Connected, tr.CallerRanges = &yes, []string{simPlain, simRecorded, simAnswered, simStrict}
	})
}

// chooses is 2004 with a number of its own and those of its department.
func chooses() []provisioning.Entity {
	return []provisioning.Entity{listening(), provisioning.Department{Name: "tax", Numbers: []string{simRecorded}},
		provisioning.Extension{Number: "2004", Display: "Ext 3", AllowMD5: true, Media: "srtp-preferred", Department: "tax", CallerID: simStrict},
		provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Department: "tax", CallerID: simAnswered},
		provisioning.Settings{Extension: "2001", CallerID: simRecorded}}
}

// outward brings a call to the outside up, whose far end takes UPDATE.
func (o *stage) outward(from *siptest.Phone, number string) (a, b side) {
	out := o.invite(from, number, nil)
	in := o.carrier.Expect("INVITE")
	b = side{o.carrier, in, o.carrier.Reply(in, 200, able(o.carrier, "Allow", updates)), false}
	o.carrier.Expect("ACK")
	a = side{from, out, from.ExpectStatus(200, "INVITE"), true}
	from.Ack(out, a.resp)
	o.wait(time.Second)
	return a, b
}

// takeOver puts a phone into the place of another one.
func (o *stage) takeOver(by *siptest.Phone, a side, change func(*stack.Request)) side {
	r := o.invite(by, "2004", func(r *stack.Request) {
		a.replacing()(r)
		if change != nil {
			change(r)
		}
	})
	c := side{by, r, by.ExpectStatus(200, "INVITE"), true}
	by.Ack(r, c.resp)
	a.hungUp()
	return c
}

// TestFarEndKeepsWhatItWasShown: who hid its number for a call, or chose one, shows no other on it from another of its telephones.
func TestFarEndKeepsWhatItWasShown(t *testing.T) {
	for name, dialled := range map[string]string{"hidden": "184" + "09012345678", "chosen": "*652" + "09012345678"} {
		for way, over := range map[string]func(*stage, *siptest.Phone, side) side{
			"taken": func(o *stage, by *siptest.Phone, a side) side { return o.takeOver(by, a, nil) },
			"parked": func(o *stage, _ *siptest.Phone, a side) side {
				a.hold() // who holds hears no slot and is let go at once
				a.refer("sip:700@" + simDomain)
				a.notified("200 OK")
				a.hungUp()
				return o.fetch("2004", "701")
			},
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				onStage(t, "", func(o *stage) {
					second, _ := o.secondDevice()
					a, b := o.outward(o.phones["2004"], dialled)
					c := over(o, second, a)
					o.carrier.Silence(2 * time.Second) // it was shown that already
					c.bye(b)
				}, append(chooses(), simLot())...)
			})
		}
	}
}

// TestFarEndSeesAColleague who takes over by the number that this one shows by default; a call whose caller hid stays hidden.
func TestFarEndSeesAColleague(t *testing.T) {
	for dialled, want := range map[string]string{"09012345678": "Ext 0 " + simRecorded, "18409012345678": ""} {
		t.Run(dialled, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				a, b := o.outward(o.phones["2004"], dialled)
				c := o.takeOver(o.phones["2001"], a, nil)
				if want != "" {
					if got := b.updated(); got != want {
						t.Errorf("named %q, not %q", got, want)
					}
				}
				o.carrier.Silence(2 * time.Second)
				c.bye(b)
			}, chooses()...)
		})
	}
}

// TestPrivateTakeOver: a phone that asks not to be shown and takes a call over is named to nobody, outside or inside.
func TestPrivateTakeOver(t *testing.T) {
	private := func(r *stack.Request) { r.Set("Privacy", "id") }
	t.Run("outside", func(t *testing.T) {
		onStage(t, "", func(o *stage) {
			a, b := o.outward(o.phones["2004"], "09012345678")
			c := o.takeOver(o.phones["2001"], a, private)
			r := o.carrier.Expect("UPDATE")
			o.carrier.Reply(r, 200, nil)
			if got := asserted(&r.Headers); got != "" && got != "anonymous" && r.Get("Privacy") != "id" {
				t.Errorf("named %q, Privacy %q", got, r.Get("Privacy"))
			}
			c.bye(b)
		}, chooses()...)
	})
	t.Run("inside", func(t *testing.T) {
		onStage(t, "", func(o *stage) {
			a, b := o.speaking(o.phones["2004"], o.phones["2002"], "2002", "Allow", updates)
			c := o.takeOver(o.phones["2001"], a, private)
			if got := b.updated(); got != "非通知 anonymous" {
				t.Errorf("named %q", got)
			}
			c.bye(b)
		})
	})
}

// TestCallerFromOutsideSeesTheDefault number of whoever answers, not the personal one.
func TestCallerFromOutsideSeesTheDefault(t *testing.T) {
	onStage(t, "", func(o *stage) {
		out := o.invite(o.carrier, simAnswered, func(r *stack.Request) { r.Set("Allow", updates) })
		a, b := o.pickUp(side{o.carrier, out, nil, true}, side{o.phones["2001"], o.phones["2001"].Expect("INVITE"), nil, false})
		if got := asserted(&a.resp.Headers); got != "Ext 0 "+simRecorded {
			t.Errorf("200 names %q", got)
		}
		a.bye(b)
	}, append(chooses(), provisioning.DID{Number: simAnswered, To: []string{"2001"}})...)
}

// TestRecordOfAPrivateCall says that its caller asked not to be shown, so that no list of calls shows it.
func TestRecordOfAPrivateCall(t *testing.T) {
	onStage(t, "", func(o *stage) {
		out := o.invite(o.phones["2002"], "2003", func(r *stack.Request) { r.Set("Privacy", "id") })
		in := o.phones["2003"].Expect("INVITE")
		a, b := o.pickUp(side{o.phones["2002"], out, nil, true}, side{o.phones["2003"], in, nil, false})
		a.bye(b)
		o.wait(time.Second)
		o.mu.Lock()
		c := o.cdrs[0]
		o.mu.Unlock()
		if c.From != "2002" || c.Withheld != "anonymous" {
			t.Errorf("From %q, Withheld %q", c.From, c.Withheld)
		}
	})
}
