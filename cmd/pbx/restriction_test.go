package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/stack"
)

// whoOffice restricts 2001 to numbers inside, and mobile ones with its PIN.
func whoOffice() []provisioning.Entity {
	return []provisioning.Entity{
		provisioning.Restriction{Name: "inside", WithPIN: &provisioning.Rights{Classes: []string{provisioning.ClassMobile}, Countries: []string{}}},
		provisioning.Department{Name: "tax", Restriction: "inside"},
		provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Department: "tax"},
	}
}

// A number that is closed is announced with its reason, and nothing reaches the carrier. With the PIN it is called.
func TestCallWithPINByCode(t *testing.T) {
	onStage(t, "restriction-pin", func(o *stage) {
		alice := o.phones["2001"]
		out := o.invite(alice, "09012345678", nil)
		alice.ExpectStatus(183, "INVITE")
		alice.Ack(out, alice.ExpectStatus(403, "INVITE"))
		if got := o.library.heard(); o.denials() != 1 || got != "restriction/needs-pin" {
			t.Errorf("heard %q", got)
		}
		a := o.script(alice, "*3309012345678")
		o.wait(2 * time.Second)
		for _, k := range []string{"1", "2", "3", "4", "#"} {
			a.inform(k)
		}
		o.wait(3 * time.Second)
		for _, k := range []string{"4", "7", "1", "1", "#"} {
			a.inform(k)
		}
		in := o.carrier.Expect("INVITE")
		if in.URI.User != "+819012345678" {
			t.Errorf("the carrier is asked for %s", in.URI)
		}
		b := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		o.wait(time.Second)
		a.bye(b)
		if got, want := o.library.heard(), "voicemail/enter-pin voicemail/wrong-pin voicemail/enter-pin"; got != want {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > 09012345678  403 Forbidden by switch", "2001 > 09012345678 09012345678 200 OK by caller")
	}, whoOffice()...)
}

// What stands behind *33 is in no record, even when it is the PIN; and a REFER and a redirection are judged as whoever asks.
func TestRestrictedTransfer(t *testing.T) {
	onStage(t, "restriction-transfer", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		a := o.script(alice, "*334711")
		o.wait(time.Second)
		alice.Send(a.request("BYE"))
		alice.ExpectStatus(200, "BYE")
		o.wait(time.Second)
		o.mu.Lock()
		for _, c := range o.cdrs {
			if strings.Contains(c.To, "4711") {
				t.Errorf("the record has what was dialled behind *33: %q", c.To)
			}
		}
		o.mu.Unlock()
		a, b := o.talk(alice, bob, "2002")
		a.p.Send(a.referral("sip:0312345678@" + simDomain))
		a.p.ExpectStatus(403, "REFER")
		a.bye(b)
		out := o.invite(bob, "2001", nil)
		alice.Reply(alice.Expect("INVITE"), 302, func(r *stack.Response) { r.Set("Contact", "<sip:0312345678@"+simDomain+">") })
		alice.Expect("ACK")
		bob.Ack(out, bob.ExpectStatus(480, "INVITE"))
		o.silence(o.carrier)
		if n := o.denials(); n != 2 {
			t.Errorf("%d refusals in the audit log", n)
		}
	}, whoOffice()...)
}

// A locked telephone calls inside and for help only, and says so.
func TestLockedTelephone(t *testing.T) {
	onStage(t, "restriction-locked", func(o *stage) {
		alice, bob := o.phones["2002"], o.phones["2003"]
		out := o.invite(alice, "0312345678", nil)
		alice.ExpectStatus(183, "INVITE")
		alice.Ack(out, alice.ExpectStatus(403, "INVITE"))
		a, b := o.talk(alice, bob, "2003")
		a.bye(b)
		out = o.invite(alice, "119", nil)
		in := o.carrier.Expect("INVITE")
		b = side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		a = side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(b)
		s, err := o.p.purse.LimitState(simDomain, "2002", provisioning.DialQuery{Number: "0312345678"})
		if err != nil || s.Dial == nil || s.Dial.Allowed || s.Dial.Why != "the telephone of 2002 is locked" {
			t.Errorf("what if: %+v %v", s.Dial, err)
		}
	}, provisioning.Settings{Extension: "2002", Locked: true})
}

// A short number calls what it stands for: of the person, the department and everybody; one that is closed says why, one that is none too.
func TestShortNumberByCode(t *testing.T) {
	more := append(whoOffice(), provisioning.User{Name: "hanako"},
		provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Department: "tax", User: "hanako"},
		provisioning.ShortNumbers{List: "user:hanako", Entries: []provisioning.ShortNumber{{Code: "91", Number: "2002"}}},
		provisioning.ShortNumbers{List: "department:tax", Entries: []provisioning.ShortNumber{{Code: "5", Number: "2003"}}},
		provisioning.ShortNumbers{List: "system", Entries: []provisioning.ShortNumber{{Code: "1", Number: "0312345678"}}})
	onStage(t, "short-number", func(o *stage) {
		alice := o.phones["2001"]
		a, b := o.talk(alice, o.phones["2002"], "*091")
		a.bye(b)
		a, b = o.talk(alice, o.phones["2003"], "*05")
		a.bye(b)
		for _, dialled := range []string{"*01", "*02"} {
			out := o.invite(alice, dialled, nil)
			alice.ExpectStatus(183, "INVITE")
			alice.Ack(out, alice.ExpectStatus(map[string]int{"*01": 403, "*02": 404}[dialled], "INVITE"))
		}
		a, b = o.talk(alice, o.phones["2004"], "2004") // and by REFER
		a.p.Send(a.referral("sip:*01@" + simDomain))
		a.p.ExpectStatus(403, "REFER")
		a.bye(b)
		if got := o.library.heard(); got != "call/barred call/unallocated" {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > 2002 2002 200 OK by caller", "2001 > 2003 2003 200 OK by caller", "2001 > 0312345678  403 Forbidden by switch",
			"2001 > *02  404 Unallocated number by switch", "2001 > 2004 2004 200 OK by caller")
	}, more...)
}

// *34 locks the telephone at once, *35 asks for the PIN before it opens it.
func TestLockByCode(t *testing.T) {
	onStage(t, "lock-code", func(o *stage) {
		o.ends(o.script(o.phones["2001"], "*34"), 1)
		a := o.script(o.phones["2001"], "*35")
		for _, k := range "4711#" {
			a.inform(string(k))
		}
		a.hungUp()
		if got, want := strings.Join(o.desk.set, "; "), "2001 lock ; 2001 unlock "; got != want {
			t.Errorf("set %q", got)
		}
		if got, want := o.library.heard(), "feature/activated voicemail/enter-pin feature/deactivated"; got != want {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > *34 feature:lock 200 Normal call clearing by switch", "2001 > *35 feature:unlock 200 Normal call clearing by switch")
	})
}
