package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/stack"
)

// city has a number that everybody may see, and one that only the second department may.
func city() []provisioning.Entity {
	return []provisioning.Entity{
		provisioning.Contact{ID: "ward", Name: "区役所 \"本庁\"", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "03-0000-0000"}}},
		provisioning.Contact{ID: "mayor", Name: "市長", Numbers: []provisioning.ContactNumber{{Kind: "mobile", Number: "+81 90-1234-5678"}},
			Visible: provisioning.Visibility{Departments: []string{"秘書課"}}},
	}
}

// called lets an outside caller ring 2003 and gives back what its telephone was told, and what is told of the call; the call is refused.
func (o *stage) called(number, display string, change func(*stack.Request)) (*stack.Request, provisioning.CallInfo) {
	o.t.Helper()
	o.carrier.Domain = o.proxy.Addr().String()
	r := o.invite(o.carrier, simPlain, func(r *stack.Request) {
		r.SetFrom(sip.Address{Display: display, URI: sip.URI{Scheme: "sip", User: number, Host: "carrier.example"}}.WithTag("c"))
		if change != nil {
			change(r)
		}
	})
	clerk := o.phones["2003"]
	in := clerk.Expect("INVITE")
	live := (liveCalls{calls: o.p.calls, directory: o.p.signalling.directory}).List(o.t.Context(), simDomain)
	clerk.Reply(in, 486, nil)
	clerk.Expect("ACK")
	o.carrier.Ack(r, o.carrier.ExpectStatus(486, "INVITE"))
	if len(live) != 1 {
		o.t.Fatalf("%d calls", len(live))
	}
	return in, live[0]
}

// The telephone that rings shows who calls, by the shared directory: before what the carrier says, in whatever form the number comes, as
// far as its department may know, and never of who is withheld.
func TestCallerName(t *testing.T) {
	onStage(t, "caller-name", func(o *stage) {
		panel := o.panelOn("2003")
		in, live := o.called("+81300000000", "SPAM", nil)
		if live.FromName != "区役所 \"本庁\"" || live.ToName != "" {
			t.Errorf("the live call says %q and %q", live.FromName, live.ToName)
		}
		if from := in.From(); from.Display != "区役所 \"本庁\"" || from.URI.User != "+81300000000" {
			t.Errorf("From %s", in.Get("From"))
		}
		if got := in.Get("P-Asserted-Identity"); !strings.HasPrefix(got, `"区役所 \"本庁\"" <sip:+81300000000@`) {
			t.Errorf("P-Asserted-Identity %s", got)
		}
		if shown := lampOf(t, panel, "trying")[0]; shown.Remote.Identity.Display != "区役所 \"本庁\"" {
			t.Errorf("the lamp shows %+v", shown)
		}
		lampOf(t, panel, "terminated")
		lampOf(t, panel, "")
		o.wait(56 * time.Second)
		lampOf(t, panel, "") // the subscription runs out
	}, city()...)
	onStage(t, "", func(o *stage) {
		for _, c := range []struct {
			number, display string
			change          func(*stack.Request)
			want            string
		}{
			{"0300000000", "", nil, "区役所 \"本庁\""},
			{"+81311112222", "Stranger", nil, "Stranger"},
			{"+819012345678", "", nil, ""}, // known to another department
			{"+81300000000", "区役所", func(r *stack.Request) { r.Set("Privacy", "id") }, "非通知"},
			{"anonymous", "Anonymous", func(r *stack.Request) { r.Set("P-Asserted-Identity", "<sip:+81300000000@carrier.example>") }, "非通知"},
		} {
			in, _ := o.called(c.number, c.display, c.change)
			if got := in.From().Display; got != c.want {
				t.Errorf("%s %q is shown as %q, want %q", c.number, c.display, got, c.want)
			}
			if text, err := in.Append(nil); err != nil || strings.Contains(string(text), "役所") && !strings.Contains(c.want, "役所") {
				t.Errorf("the name of a hidden caller stands in\n%s %v", text, err)
			}
		}
		if in := o.fromColleague("2001"); in.From().Display != "Ext 0" {
			t.Errorf("a colleague is shown as %s", in.Get("From"))
		}
	}, city()...)
	onStage(t, "", func(o *stage) {
		if in, _ := o.called("+819012345678", "", nil); in.From().Display != "市長" {
			t.Errorf("to its own department it is %s", in.Get("From"))
		}
	}, append(city(), provisioning.Extension{Number: "2003", Display: "Ext 2", AllowMD5: true, Media: "srtp-preferred", Department: "秘書課"})...)
}

// fromColleague rings 2003 from inside.
func (o *stage) fromColleague(number string) *stack.Request {
	r := o.invite(o.phones[number], "2003", nil)
	in := o.phones["2003"].Expect("INVITE")
	o.phones["2003"].Reply(in, 486, nil)
	o.phones["2003"].Expect("ACK")
	o.phones[number].Ack(r, o.phones[number].ExpectStatus(486, "INVITE"))
	return in
}
