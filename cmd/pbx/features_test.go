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

// inform presses a key by SIP INFO.
func (a side) inform(key string) {
	a.do("INFO", 200, func(r *stack.Request) {
		r.SetBody("application/dtmf-relay", []byte("Signal="+key+"\r\nDuration=160\r\n"))
	})
}

// script is a call that a script takes: it is answered by the switch.
func (o *stage) script(phone *siptest.Phone, code string) side {
	out := o.invite(phone, code, nil)
	a := side{phone, out, phone.ExpectStatus(200, "INVITE"), true}
	phone.Ack(out, a.resp)
	o.roam(a)
	return a
}

// ends waits until so many announcements of a second are over, and the switch hangs up.
func (o *stage) ends(a side, announcements int) {
	o.wait(time.Duration(announcements-1) * simPrompt)
	a.hungUp()
}

// *60 says the time twice and hangs up.
func TestTimeByCode(t *testing.T) {
	onStage(t, "feature-time", func(o *stage) {
		o.ends(o.script(o.phones["2001"], "*60"), 6)
		if got := o.library.heard(); got != "time/now hour/9 time/desu time/now hour/9 time/desu" {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > *60 feature:time 200 Normal call clearing by switch")
	})
}

// *69 says who called last; 1 calls back, by the rights of who dialled.
func TestLastCallerByCode(t *testing.T) {
	onStage(t, "feature-last-caller", func(o *stage) {
		a := o.script(o.phones["2001"], "*69")
		o.wait(5 * time.Second)
		a.inform("1")
		in := o.phones["2003"].Expect("INVITE")
		b := side{o.phones["2003"], in, o.phones["2003"].Reply(in, 200, with(o.phones["2003"], "0 101")), false}
		o.phones["2003"].Expect("ACK")
		o.wait(time.Second)
		a.bye(b)
		if got := o.library.heard(); got != "feature/last-caller number/2 number/0 number/0 number/3 feature/call-back" {
			t.Errorf("heard %q", got)
		}
	})
}

// A feature that takes a number asks for it where it was not dialled, and says what it set.
func TestForwardByCode(t *testing.T) {
	onStage(t, "feature-forward", func(o *stage) {
		a := o.script(o.phones["2001"], "*72")
		for _, k := range []string{"2", "0", "0", "5", "#"} {
			a.inform(k)
		}
		o.ends(a, 5)
		if got, want := o.library.heard(), "feature/forward-number feature/forward-set number/2 number/0 number/0 number/5"; got != want {
			t.Errorf("heard %q", got)
		}
		o.ends(o.script(o.phones["2002"], "*722004"), 5)
		o.ends(o.script(o.phones["2002"], "*78"), 1)
		if got := strings.Join(o.desk.set, "; "); got != "2001 forward-always-on 2005; 2002 forward-always-on 2004; 2002 do-not-disturb-on " {
			t.Errorf("set %q", got)
		}
	})
}

// A menu follows the calendar of its office: the switch wakes on New Year's Day, a holiday; the other office is open always.
func TestMenuByCalendar(t *testing.T) {
	menu := func(name, calendar string) provisioning.Menu {
		says := func(place, prompt string) provisioning.MenuNode {
			return provisioning.MenuNode{Name: place, Prompt: prompt, Then: &provisioning.MenuGoto{Hangup: true}}
		}
		return provisioning.Menu{Name: name, Owner: "2001", Start: "clock", Nodes: []provisioning.MenuNode{
			{Name: "clock", Calendar: calendar, Open: &provisioning.MenuGoto{Node: "day"}, Closed: &provisioning.MenuGoto{Node: "night"}, Holiday: &provisioning.MenuGoto{Node: "holiday"}},
			says("day", "greeting/open"), says("night", "greeting/closed"), says("holiday", "greeting/holiday")}}
	}
	hall, desk := menu("hall", "hall"), menu("desk", "always")
	onStage(t, "", func(o *stage) {
		for _, number := range []string{simPlain, simAnswered} {
			r := o.carrier.NewRequest("INVITE", number)
			r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
			r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c" + number))
			o.carrier.Send(r)
			a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
			o.carrier.Ack(r, a.resp)
			a.hungUp()
		}
		if got := o.library.heard(); got != "greeting/holiday greeting/open" {
			t.Errorf("heard %q", got)
		}
	}, provisioning.Calendar{Name: "hall", Holidays: true}, provisioning.Calendar{Name: "always"}, hall, provisioning.MenuVersions{Menu: "hall"}.Activate(hall, "hanako"),
		desk, provisioning.MenuVersions{Menu: "desk"}.Activate(desk, "hanako"), provisioning.DID{Number: simPlain, Menu: "hall"}, provisioning.DID{Number: simAnswered, Menu: "desk"})
}

// An outside caller hears a menu, presses a key by INFO, and is sent on in the name of the menu's owner.
func TestMenu(t *testing.T) {
	menu := provisioning.Menu{Name: "office", Owner: "2001", Start: "top", Nodes: []provisioning.MenuNode{{Name: "top", Prompt: "greeting/open",
		Keys: []provisioning.MenuKey{{Key: "1", To: provisioning.MenuGoto{Dial: "2002"}}}, Then: &provisioning.MenuGoto{Hangup: true}}}}
	live := provisioning.MenuVersions{Menu: "office"}.Activate(menu, "hanako")
	onStage(t, "menu", func(o *stage) {
		r := o.carrier.NewRequest("INVITE", simPlain)
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
		o.carrier.Send(r)
		a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
		o.carrier.Ack(r, a.resp)
		o.wait(2 * time.Second)
		a.inform("7")
		o.wait(3 * time.Second)
		a.inform("1")
		bob := o.phones["2002"]
		in := bob.Expect("INVITE")
		b := side{bob, in, bob.Reply(in, 200, with(bob, "0 101")), false}
		bob.Expect("ACK")
		o.wait(time.Second)
		a.bye(b)
		if got := o.library.heard(); got != "greeting/open ivr/invalid greeting/open" {
			t.Errorf("heard %q", got)
		}
		o.records("+81300000000 > " + simPlain + " 2002 200 OK by caller")
	}, menu, live, provisioning.DID{Number: simPlain, Menu: "office"})
}

// *43 answers, says what it is and sends the caller's voice back until it hangs up; *44 hears for five seconds, plays them and hangs up.
func TestEchoByCode(t *testing.T) {
	onStage(t, "feature-echo", func(o *stage) {
		a := o.script(o.phones["2001"], "*43")
		o.wait(10 * time.Second)
		a.do("BYE", 200, nil)
		b := o.script(o.phones["2002"], "*44")
		o.wait(6 * time.Second)
		b.hungUp()
		if got := o.library.heard(); got != "test/echo test/quality" {
			t.Errorf("heard %q", got)
		}
		o.records("2001 > *43 feature:echo-test 200 OK by caller", "2002 > *44 feature:quality-test 200 Normal call clearing by switch")
	})
}
