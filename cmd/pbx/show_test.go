package main

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// The carrier is shown the number that was chosen for the call; one that may not be chosen is refused in words.
func TestCallerNumberByCode(t *testing.T) {
	onStage(t, "caller-number", func(o *stage) {
		alice := o.phones["2001"]
		out := o.invite(alice, "*65209012345678", nil)
		in := o.carrier.Expect("INVITE")
		if got := in.From().URI.User; got != simRecorded || in.URI.User != "+819012345678" {
			t.Errorf("the carrier is shown %s and asked for %s", got, in.URI.User)
		}
		b := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(b)
		out = o.invite(alice, "*65309012345678", nil)
		alice.ExpectStatus(183, "INVITE")
		alice.Ack(out, alice.ExpectStatus(403, "INVITE"))
		if got := o.library.heard(); got != "restriction/caller-number" {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > 09012345678 09012345678 200 OK by caller", "2001 > *65309012345678  403 Forbidden by switch")
	}, provisioning.Department{Name: "tax", Numbers: []string{simRecorded}},
		provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Department: "tax", CallerID: simPlain})
}
