package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

func inPickup(number, group string) provisioning.Extension {
	return provisioning.Extension{Number: number, Display: "Ext " + number, AllowMD5: true, Media: "srtp-preferred", Pickup: group}
}

// A colleague's telephone rings and nobody is there: who dials the code has the call, and the telephone lists no missed one.
func TestPickUpByCode(t *testing.T) {
	for name, code := range map[string]string{"pick-up-group": "*8", "pick-up-directed": "**2002"} {
		t.Run(name, func(t *testing.T) {
			onStage(t, name, func(o *stage) {
				alice, bob, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
				out := o.invite(alice, "2002", nil)
				in := bob.Expect("INVITE")
				bob.Reply(in, 180, nil)
				alice.ExpectStatus(180, "INVITE")
				r := o.invite(dave, code, nil)
				d := side{dave, r, dave.ExpectStatus(200, "INVITE"), true}
				dave.Ack(r, d.resp)
				cancel := bob.Expect("CANCEL")
				if !strings.HasPrefix(cancel.Get("Reason"), `SIP;cause=200;text="Call completed elsewhere"`) {
					t.Errorf("CANCEL with %q", cancel.Get("Reason"))
				}
				bob.Reply(cancel, 200, nil)
				bob.Reply(in, 487, nil)
				bob.Expect("ACK")
				a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
				alice.Ack(out, a.resp)
				o.wait(time.Second)
				a.bye(d)
				o.records("2001 > 2002 2004 200 OK by caller")
			}, inPickup("2002", "counter"), inPickup("2004", "counter"))
		})
	}
}

// Only the calls of the own group, only those that ring, and not one's own.
func TestPickUpIsRefused(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, carol, dave := o.phones["2001"], o.phones["2002"], o.phones["2003"], o.phones["2004"]
		refused := func(what string) {
			t.Helper()
			for _, code := range []string{"*8", "**2002"} {
				r := o.invite(dave, code, nil)
				resp := dave.ExpectStatus(480, "INVITE")
				dave.Ack(r, resp)
				if resp == nil {
					t.Errorf("%s: %s", what, code)
				}
			}
		}
		refused("nothing rings")
		out := o.invite(alice, "2003", nil) // of another group
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		refused("another group")
		carol.Reply(in, 486, nil)
		carol.Expect("ACK")
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
		a, b := o.talk(alice, bob, "2002")
		refused("who talks does not ring")
		a.bye(b)
		out = o.invite(bob, "119", nil) // nobody takes a call for help from who makes it
		help := o.carrier.Expect("INVITE")
		o.carrier.Reply(help, 180, nil)
		bob.ExpectStatus(180, "INVITE")
		refused("an emergency call")
		o.carrier.Reply(help, 486, nil)
		o.carrier.Expect("ACK")
		bob.Ack(out, bob.ExpectStatus(486, "INVITE"))
	}, inPickup("2002", "counter"), inPickup("2003", "cellar"), inPickup("2004", "counter"))
}
