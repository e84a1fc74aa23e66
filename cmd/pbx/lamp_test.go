package main

import (
	"encoding/xml"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// shownDialog is what a lamp's phone reads of a dialog-info document.
type shownDialog struct {
	CallID    string `xml:"call-id,attr"`
	LocalTag  string `xml:"local-tag,attr"`
	RemoteTag string `xml:"remote-tag,attr"`
	Direction string `xml:"direction,attr"`
	State     string `xml:"state"`
	Remote    struct {
		Identity struct {
			Display string `xml:"display,attr"`
			URI     string `xml:",chardata"`
		} `xml:"identity"`
		Target struct {
			URI string `xml:"uri,attr"`
		} `xml:"target"`
	} `xml:"remote"`
}

// panelOn is a phone that watches one lamp, which shows that at first.
func (o *stage) panelOn(number string, first ...string) *siptest.Phone {
	o.t.Helper()
	p := o.net.Phone(o.t, simWatcher, netip.MustParseAddrPort("192.0.2.29:5060"), o.proxy)
	p.Domain, p.Auth = simDomain, siptest.Digest(simWatcher, "secret-"+simWatcher)
	o.names = append(o.names, simWatcher)
	r := p.NewRequest("SUBSCRIBE", number)
	r.Set("Event", "dialog")
	r.Set("Expires", "60")
	if _, resp := p.Do(r); resp.Status != 200 {
		o.t.Fatalf("SUBSCRIBE: %d", resp.Status)
	}
	lampOf(o.t, p, strings.Join(first, " "))
	o.wait(time.Second) // the next change is told at once
	return p
}

// lampOf takes the next NOTIFY, whose dialogs have these states.
func lampOf(t testing.TB, p *siptest.Phone, want string) []shownDialog {
	t.Helper()
	r := p.Expect("NOTIFY")
	p.Reply(r, 200, nil)
	got, list := dialogsIn(t, r)
	if got != want {
		t.Fatalf("%s: the lamp shows %q, want %q:\n%s", p.Name, got, want, r.Body)
	}
	return list
}

// dialogsIn reads a NOTIFY: the states, and the dialogs.
func dialogsIn(t testing.TB, r *stack.Request) (states string, list []shownDialog) {
	t.Helper()
	var info struct {
		Dialogs []shownDialog `xml:"dialog"`
	}
	if len(r.Body) > 0 {
		if err := xml.Unmarshal(r.Body, &info); err != nil {
			t.Fatal(err)
		}
	}
	if asleep(t) && len(info.Dialogs) > 1 { // the branch that was held is over: the telephone that woke is called by another one
		info.Dialogs = slices.DeleteFunc(info.Dialogs, func(d shownDialog) bool { return d.State == "terminated" })
	}
	var got []string
	for _, d := range info.Dialogs {
		got = append(got, d.State)
	}
	return strings.Join(got, " "), info.Dialogs
}

// TestPickUpByLamp: what a lamp's document says is all that a phone needs to pick up the call that it shows (RFC 4235, RFC 3891).
func TestPickUpByLamp(t *testing.T) {
	onStage(t, "pick-up-by-lamp", func(o *stage) {
		alice, bob, panel := o.phones["2001"], o.phones["2002"], o.panelOn("2002")
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		lampOf(t, panel, "trying")
		bob.Reply(in, 180, func(r *stack.Response) { r.SetTo(r.To().WithTag("bobs")) })
		alice.ExpectStatus(180, "INVITE")
		shown := lampOf(t, panel, "early")[0]
		if shown.Direction != "recipient" || shown.LocalTag != "bobs" || !strings.HasPrefix(shown.Remote.Identity.URI, "sip:2001@") {
			t.Errorf("shown is %+v", shown)
		}
		to, err := sip.ParseURI(shown.Remote.Target.URI)
		if err != nil {
			t.Fatal(err)
		}
		r := o.invite(panel, to.User, func(r *stack.Request) {
			r.Set("Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", shown.CallID, shown.RemoteTag, shown.LocalTag))
		})
		c := side{panel, r, panel.ExpectStatus(200, "INVITE"), true}
		panel.Ack(r, c.resp)
		bob.Reply(bob.Expect("CANCEL"), 200, nil)
		bob.Reply(in, 487, func(r *stack.Response) { r.SetTo(r.To().WithTag("bobs")) })
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		lampOf(t, panel, "terminated")
		lampOf(t, panel, "")
		a.bye(c)
		o.wait(55 * time.Second)
		lampOf(t, panel, "") // the subscription runs out
		o.records("2001 > 2002 " + simWatcher + " 200 OK by caller")
	})
}

// TestLampShowsNobody: a caller who withholds the number is told to nobody who watches the called one (RFC 3323).
func TestLampShowsNobody(t *testing.T) {
	onStage(t, "", func(o *stage) {
		panel, clerk := o.panelOn("2003"), o.phones["2003"]
		o.carrier.Domain = o.proxy.Addr().String()
		r := o.invite(o.carrier, simPlain, func(r *stack.Request) {
			from := r.From()
			from.URI = sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}
			r.SetFrom(from)
			r.Set("P-Asserted-Identity", "<sip:+819012345678@192.0.2.50>")
			r.Set("Privacy", "id")
		})
		in := clerk.Expect("INVITE")
		shown := lampOf(t, panel, "trying")[0]
		if shown.Remote.Identity.URI != "sip:anonymous@anonymous.invalid" || shown.Remote.Target.URI != "" {
			t.Errorf("shown is %+v", shown)
		}
		clerk.Reply(in, 486, nil)
		clerk.Expect("ACK")
		o.carrier.Ack(r, o.carrier.ExpectStatus(486, "INVITE"))
		lampOf(t, panel, "terminated")
		lampOf(t, panel, "")
		o.wait(56 * time.Second)
		lampOf(t, panel, "")
	})
}
