package main

import (
	"testing"
	"time"
)

func TestBlindTransfer(t *testing.T) {
	onStage(t, "transfer-blind", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		a.refer("sip:2004@" + simDomain)
		in := carol.Expect("INVITE")
		if in.From().URI.User != "2002" {
			t.Errorf("the target sees %s, not whom it will talk with", in.Get("From"))
		}
		carol.Reply(in, 180, nil)
		a.notified("180 Ringing")
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		n := a.notified("200 OK")
		if n.Get("Subscription-State") != "terminated;reason=noresource" {
			t.Error(n.Get("Subscription-State"))
		}
		a.hungUp()
		c.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// The transferor hangs up at once and the transfer lives on (threats.md C22).
func TestBlindTransferorHangsUp(t *testing.T) {
	onStage(t, "transfer-blind-bye", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		b.refer("sip:2004@" + simDomain)
		b.do("BYE", 200, nil)
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		o.wait(time.Second)
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		a.bye(c)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// A target that is busy: both are together again, and the transferor knows why.
func TestBlindTransferFails(t *testing.T) {
	onStage(t, "transfer-blind-busy", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		a.refer("sip:2004@" + simDomain)
		in := carol.Expect("INVITE")
		carol.Reply(in, 486, nil)
		carol.Expect("ACK")
		a.notified("486 Busy Here")
		o.wait(time.Second)
		b.bye(a)
		o.records("2001 > 2002 2002 200 OK by called")
	})
}

// A failed transfer comes back to the transferor, who had hung up.
func TestBlindTransferRecalls(t *testing.T) {
	onStage(t, "transfer-recall", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		a.refer("sip:2004@" + simDomain)
		a.do("BYE", 200, nil)
		in := carol.Expect("INVITE")
		carol.Reply(in, 603, nil)
		carol.Expect("ACK")
		back := alice.Expect("INVITE")
		if back.From().URI.User != "2002" {
			t.Errorf("recalled by %s", back.Get("From"))
		}
		again := side{alice, back, alice.Reply(back, 200, with(alice, "0 8 101")), false}
		alice.Expect("ACK")
		b.bye(again)
		o.records("2001 > 2002 2002 200 OK by called")
		o.rang("2002 answered", "2004 declined", "2001 answered")
	})
}

func TestAttendedTransfer(t *testing.T) {
	onStage(t, "transfer-attended", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(bob, alice, "2001") // bob calls alice, alice asks carol
		a2, c := o.talk(alice, carol, "2004")
		b.refer("sip:2004@" + simDomain + "?Replaces=" + a2.named())
		a2.hungUp()
		b.notified("200 OK")
		b.hungUp()
		o.wait(time.Second)
		a.bye(c)
		o.records("2002 > 2001 2001 200 OK by caller", "2001 > 2004 2004 200 Merged by caller")
		if o.cdrs[0].Transfers != 1 || o.cdrs[1].MergedInto != o.cdrs[0].ID || row(o.cdrs[1]).MergedInto != o.cdrs[0].ID {
			t.Errorf("%d transfers, merged into %q", o.cdrs[0].Transfers, o.cdrs[1].MergedInto)
		}
		if o.tape.recordings[0].stops != 1 || len(o.tape.recordings) != 1 || len(o.tape.recordings[0].joined) != 1 {
			t.Errorf("the recording of 2002's call did not go on: %+v", o.tape.recordings)
		}
	})
}

// The target still rings when the transferor sends REFER and goes.
func TestAttendedTransferWhileRinging(t *testing.T) {
	onStage(t, "transfer-semi-attended", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(bob, alice, "2001")
		out := o.invite(alice, "2004", nil)
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		a2 := side{alice, out, alice.ExpectStatus(180, "INVITE"), true}
		alice.Send(b.referral("sip:2004@" + simDomain + "?Replaces=" + a2.named()))
		got := o.gather(alice, 3) // two dialogs, in any order
		alice.Reply(got["NOTIFY"].Request, 200, nil)
		alice.Ack(out, got["487 Request Terminated"].Response)
		if got["202 Accepted"].Response == nil {
			t.Errorf("%v", got)
		}
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		b.notified("200 OK")
		b.hungUp()
		c.bye(a)
		o.records("2002 > 2001 2001 200 OK by called", "2001 > 2004  487 Merged by caller")
	})
}

func TestTransferIsRefused(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a, b := o.talk(alice, bob, "2002")
		a.p.Send(a.referral("sip:2004@elsewhere.example")) // strangers are not called
		a.p.ExpectStatus(403, "REFER")
		for to, status := range map[string]string{ // reported, since as answers they would end the dialog (RFC 5057 section 5.1)
			"sip:999@" + simDomain: "404 Not Found",
			"sip:2004@" + simDomain + "?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2": "481 Call/Transaction Does Not Exist",
			"sip:2002@" + simDomain + "?Replaces=" + a.named():                  "481 Call/Transaction Does Not Exist", // itself
		} {
			a.p.Send(a.referral(to))
			a.p.ExpectStatus(202, "REFER")
			a.notified(status)
			o.wait(time.Second)
		}
		r := alice.NewRequest("REFER", "2002") // outside any dialog
		r.Set("Refer-To", "<sip:2004@"+simDomain+">")
		alice.Send(r)
		alice.ExpectStatus(401, "REFER")
		r = alice.Again(r)
		if _, resp := alice.Do(r); resp.Status != 405 {
			t.Errorf("REFER without dialog: %d", resp.Status)
		}
		a.bye(b)
	})
}

// Another extension's call is not given away, whoever knows its names.
func TestTransferOfForeignCall(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, carol, dave := o.phones["2001"], o.phones["2002"], o.phones["2003"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		d, c := o.talk(dave, alice, "2001")
		_ = carol
		a.refer("sip:2004@" + simDomain + "?Replaces=" + d.named())
		a.notified("403 Forbidden")
		o.wait(time.Second)
		a.bye(b)
		d.bye(c)
	})
}

// A second REFER of a dialog has an id in its Event; norefersub means no NOTIFY at all (RFC 3515 section 2.4.6, RFC 4488).
func TestReferTwiceAndQuietly(t *testing.T) {
	onStage(t, "transfer-quiet", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		a.refer("sip:2004@" + simDomain)
		in := carol.Expect("INVITE")
		carol.Reply(in, 486, nil)
		carol.Expect("ACK")
		a.notified("486 Busy Here")
		o.wait(time.Second)
		r := a.referral("sip:2004@" + simDomain)
		r.Set("Refer-Sub", "false")
		r.Set("Require", "norefersub")
		alice.Send(r)
		if resp := alice.ExpectStatus(202, "REFER"); resp.Get("Refer-Sub") != "false" {
			t.Error("Refer-Sub is not confirmed")
		}
		in = carol.Expect("INVITE")
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		a.hungUp()
		b.bye(c)
	})
}
