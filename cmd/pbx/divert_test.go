package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func toContact(uri string) func(*stack.Response) {
	return func(r *stack.Response) { r.Set("Contact", "<"+uri+">") }
}

// A phone's 302 is followed with the rights of its extension; the next one learns how the call came (RFC 5806, RFC 7044).
func TestDiversion(t *testing.T) {
	onStage(t, "divert-302", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		first := bob.Expect("INVITE")
		bob.Reply(first, 302, toContact("sip:2004@"+simDomain))
		bob.Expect("ACK")
		in := carol.Expect("INVITE")
		for name, want := range map[string]string{
			"Diversion":           `"Ext 1" <sip:2002@pbx.example.jp>;reason=deflection;counter=1;privacy=off`,
			"History-Info":        `<sip:2002@pbx.example.jp?Reason=SIP%3Bcause%3D480>;index=1, <sip:2004@pbx.example.jp>;index=1.1;mp=1`,
			"P-Asserted-Identity": `"Ext 0" <sip:2001@pbx.example.jp>`,
			"Max-Forwards":        "68",
		} {
			if got := strings.Join(in.Lines(name), " | "); got != want {
				t.Errorf("%s: %s\nwant %s", name, got, want)
			}
		}
		carol.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, in, nil, false})
		a.bye(c)
		o.records("2001 > 2002 2004 200 OK by caller")
	})
}

// The circle is broken, strangers are not called, and the caller hears something useful.
func TestDiversionIsBounded(t *testing.T) {
	onStage(t, "divert-circle", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		bob.Reply(in, 302, toContact("sip:2004@"+simDomain))
		bob.Expect("ACK")
		in = carol.Expect("INVITE")
		carol.Reply(in, 302, toContact("sip:2002@"+simDomain))
		carol.Expect("ACK")
		alice.Ack(out, alice.ExpectStatus(480, "INVITE"))
		for _, uri := range []string{"sip:2004@elsewhere.example", "sip:2002@" + simDomain, "sip:999@" + simDomain, "mailto:x@y"} {
			o.wait(time.Second)
			out = o.invite(alice, "2002", nil)
			in = bob.Expect("INVITE")
			bob.Reply(in, 302, toContact(uri))
			bob.Expect("ACK")
			alice.Ack(out, alice.ExpectStatus(480, "INVITE"))
		}
	})
}

// A redirection to the outside is paid and answered for by who redirects; the carrier is shown a number of ours (RFC 5806).
func TestDiversionToACarrier(t *testing.T) {
	onStage(t, "divert-carrier", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", nil)
		bob.Reply(bob.Expect("INVITE"), 302, toContact("sip:0312345678@"+simDomain))
		bob.Expect("ACK")
		in := o.carrier.Expect("INVITE")
		if u := in.From().URI.User; u == "2001" || u == "2002" {
			t.Errorf("an inside number went out: %s", in.Get("From"))
		}
		a, c := o.pickUp(side{alice, out, nil, true}, side{o.carrier, in, nil, false})
		a.bye(c)
		o.mu.Lock()
		defer o.mu.Unlock()
		if e := o.cdrs[0].Charge.Extension; e != "2002" {
			t.Errorf("charged to %q", e)
		}
	})
}

// A redirection to a recorded number of ours is a call of that number: who calls hears the notice before the conversation, and it is recorded.
func TestDiversionToARecordedNumber(t *testing.T) {
	taped := provisioning.DID{Number: "+81366666666", To: []string{"2004", "2003"}, Policy: "after"}
	onStage(t, "", func(o *stage) {
		alice, dave, carol := o.phones["2001"], o.phones["2004"], o.phones["2003"] // dave is behind the number too, and not called again
		out := o.invite(alice, "2004", nil)
		dave.Reply(dave.Expect("INVITE"), 302, toContact("sip:"+taped.Number+"@"+simDomain))
		dave.Expect("ACK")
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		a, c := o.pickUp(side{alice, out, nil, true}, side{carol, in, nil, false})
		o.wait(simNotice + 2*time.Second)
		a.bye(c)
		o.wait(time.Second)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.tape.mu.Lock()
		defer o.tape.mu.Unlock()
		if len(o.tape.recordings) != 1 {
			t.Fatalf("%d recordings", len(o.tape.recordings))
		}
		if r := o.tape.recordings[0].of; r.DID != taped.Number || r.Policy != "after" || r.Notice == nil || !r.Notice.Complete || o.cdrs[0].Recording != r.ID {
			t.Errorf("%+v, CDR %+v", r, o.cdrs[0])
		}
	}, taped)
}

// Who asks for privacy is not shown, to nobody (RFC 3323, RFC 3325).
func TestPrivacy(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		hide := func(r *stack.Request) {
			r.Set("Privacy", "id")
			r.Set("P-Asserted-Identity", "<sip:president@"+simDomain+">")
		}
		for number, p := range map[string]*siptest.Phone{"2002": bob, "0312345678": o.carrier} {
			out := o.invite(alice, number, hide)
			in := p.Expect("INVITE")
			if in.Get("Privacy") != "id" || in.From().URI.Host != "anonymous.invalid" || strings.Contains(in.Get("Contact"), "2001") ||
				p == bob && in.Has("P-Asserted-Identity") || strings.Contains(in.Get("P-Asserted-Identity"), "president") {
				t.Errorf("%s: From %s, Privacy %q, P-Asserted-Identity %q", number, in.Get("From"), in.Get("Privacy"), in.Get("P-Asserted-Identity"))
			}
			p.Reply(in, 486, nil)
			p.Expect("ACK")
			alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
		}
	})
}

// A carrier's history comes to the phone, and its hidden parts do not.
func TestHistoryFromACarrier(t *testing.T) {
	onStage(t, "", func(o *stage) {
		r := o.carrier.NewRequest("INVITE", simPlain)
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
		r.Add("History-Info", `<sip:+81311110000@carrier.example?Reason=SIP%3Bcause%3D486>;index=1`)
		r.Add("History-Info", `<sip:+81322220000@carrier.example?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.1;mp=1, <sip:`+simPlain+`@x>;index=1.1.1`)
		o.carrier.Send(r)
		p := o.phones["2003"]
		in := p.Expect("INVITE")
		want := `<sip:anonymous@anonymous.invalid>;reason=unconditional;counter=1;privacy=full | ` +
			`<sip:+81311110000@carrier.example>;reason=user-busy;counter=1;privacy=off`
		if got := strings.Join(in.Lines("Diversion"), " | "); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		if strings.Contains(in.Get("History-Info"), "+81322220000") {
			t.Errorf("told what is private: %s", in.Get("History-Info"))
		}
		p.Reply(in, 486, nil)
		p.Expect("ACK")
		o.carrier.Ack(r, o.carrier.ExpectStatus(486, "INVITE"))
	})
}

// The target of a transfer learns who transferred it: the proven extension, whatever was claimed (RFC 3892).
func TestReferredBy(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a, b := o.talk(alice, bob, "2002")
		r := a.referral("sip:2004@" + simDomain)
		r.Set("Referred-By", "<sip:president@"+simDomain+">")
		alice.Send(r)
		alice.ExpectStatus(202, "REFER")
		a.notified("100 Trying")
		in := carol.Expect("INVITE")
		if got := in.Get("Referred-By"); got != "<sip:2001@"+simDomain+">" {
			t.Errorf("Referred-By: %s", got)
		}
		carol.Reply(in, 486, nil)
		carol.Expect("ACK")
		a.notified("486 Busy Here")
		a.bye(b)
	})
}
