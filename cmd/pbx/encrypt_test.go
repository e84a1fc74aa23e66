package main

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// Alice's numbers are of a class that is always encrypted, and bob called her in the clear. She cannot send him anywhere in the name of that class: her
// REFER is accepted and comes to 488, nobody rings, and the two go on (threats E12).
func TestTransferInTheClear(t *testing.T) {
	onStage(t, "transfer-in-clear", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		b, a := o.talk(bob, alice, "2001")
		alice.Send(a.referral("sip:2004@" + simDomain))
		alice.ExpectStatus(202, "REFER")
		if n := a.notified("488 Not Acceptable Here"); n.Get("Subscription-State") != "terminated;reason=noresource" {
			t.Error(n.Get("Subscription-State"))
		}
		o.wait(time.Second)
		a.bye(b)
		o.records("2002 > 2001 2001 200 OK by called")
	}, provisioning.RecordingPolicy{Name: "secret", Media: "srtp-required"},
		provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Record: "secret"})
}
