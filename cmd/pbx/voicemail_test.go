package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/event"
)

// aloud strings what was said together, with the digits of a number in one word.
func aloud(said string) string { return strings.ReplaceAll(said, " number/", " ") }

// A busy colleague's caller leaves a message: greeting for it, tone, 200 before. The lamp of the mailbox is lit when the caller has hung up, and the
// owner's telephone is told by NOTIFY; then the owner hears it by *97 and the PIN, and the lamp goes out.
func TestVoicemail(t *testing.T) {
	onStage(t, "voicemail", func(o *stage) {
		owner := o.phones["2002"]
		sub := owner.NewRequest("SUBSCRIBE", "2002")
		sub.Set("Event", "message-summary")
		sub.Set("Expires", "60")
		if _, resp := owner.Do(sub); resp.Status != 200 {
			t.Fatalf("SUBSCRIBE: %d", resp.Status)
		}
		told(t, owner, "Messages-Waiting: no")
		a := o.script(o.phones["2001"], "2002")
		o.wait(10 * time.Second)
		a.do("BYE", 200, nil)
		told(t, owner, "Messages-Waiting: yes\r\nMessage-Account: sip:2002@"+simDomain+"\r\nVoice-Message: 1/0 (0/0)\r\n")
		if got := o.library.heard(); got != "voicemail/greeting-busy" {
			t.Errorf("the caller heard %q", got)
		}
		b := o.script(owner, "*97")
		for _, k := range "4711#" {
			b.inform(string(k))
		}
		o.wait(10 * time.Second)
		b.inform("1")
		o.wait(9 * time.Second)
		told(t, owner, "Voice-Message: 0/1 (0/0)\r\n")
		o.wait(time.Second)
		b.inform("2")
		o.wait(5 * time.Second)
		b.inform("#")
		owner.Reply(owner.Expect("BYE"), 200, nil)
		if got := aloud(o.library.heard()); got != "voicemail/enter-pin voicemail/count 1 time/desu voicemail/main voicemail/from 2 0 0 1 voicemail/at "+
			"hour/9 time/desu voicemail/keys voicemail/kept voicemail/no-more voicemail/main" {
			t.Errorf("the owner heard %q", got)
		}
		o.records("2001 > 2002 voicemail:2002 200 OK by caller", "2002 > *97 feature:voicemail 200 Normal call clearing by switch")
		o.wait(24 * time.Second)
		told(t, owner, "") // the subscription has run out
	}, provisioning.Mailbox{Number: "2002"}, provisioning.Settings{Extension: "2002", DoNotDisturb: true, Forward: provisioning.Forwarding{Busy: &provisioning.Destination{Voicemail: "2002"}}})
}

// answeredOutside is a call of the carrier that the switch answers.
func (o *stage) answeredOutside(did string) side {
	r := o.fromOutside(did)
	a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
	o.carrier.Ack(r, a.resp)
	return a
}

// Remote access: a number asks for mailbox and PIN, three wrong PINs end the call; a menu leads to a mailbox, whose owner gets in by *.
func TestVoicemailFromOutside(t *testing.T) {
	menu := provisioning.Menu{Name: "office", Owner: "2001", Start: "top", Nodes: []provisioning.MenuNode{{Name: "top", Prompt: "greeting/open",
		Keys: []provisioning.MenuKey{{Key: "1", To: provisioning.MenuGoto{Voicemail: "7100"}}}, Then: &provisioning.MenuGoto{Hangup: true}}}}
	live := provisioning.MenuVersions{Menu: "office"}.Activate(menu, "hanako")
	onStage(t, "voicemail-outside", func(o *stage) {
		a := o.answeredOutside(simPlain)
		for _, k := range "2002#1#2#3#" {
			a.inform(string(k))
		}
		a.p.Reply(a.p.Expect("BYE"), 200, nil)
		if got := o.library.heard(); got != "voicemail/enter-mailbox voicemail/enter-pin voicemail/wrong-pin voicemail/enter-pin voicemail/wrong-pin voicemail/enter-pin" {
			t.Errorf("heard %q", got)
		}
		b := o.answeredOutside(simAnswered)
		b.inform("1")
		o.wait(5 * time.Second)
		b.inform("#")
		b.p.Reply(b.p.Expect("BYE"), 200, nil)
		if n := o.boxes.count("7100"); n != (event.Messages{New: 1}) {
			t.Errorf("%+v", n)
		}
		c := o.answeredOutside(simAnswered)
		for _, k := range "1*4711#" {
			c.inform(string(k))
		}
		o.wait(4 * time.Second)
		c.inform("#")
		c.p.Reply(c.p.Expect("BYE"), 200, nil)
		o.records("+81300000000 > "+simPlain+" messages 403 Forbidden by switch", "+81300000000 > "+simAnswered+" menu:office 200 Normal call clearing by switch",
			"+81300000000 > "+simAnswered+" menu:office 200 Normal call clearing by switch")
	}, provisioning.Mailbox{Number: "2002"}, provisioning.Mailbox{Number: "7100"}, menu, live, provisioning.DID{Number: simPlain, Messages: true}, provisioning.DID{Number: simAnswered, Menu: "office"})
}

// A recorded number that goes to a mailbox stays recorded: its notice comes first, and its recording has what the caller says there.
func TestVoicemailOfARecordedNumber(t *testing.T) {
	onStage(t, "", func(o *stage) {
		r := o.fromOutside(simRecorded)
		o.carrier.ExpectStatus(183, "INVITE")
		a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
		o.carrier.Ack(r, a.resp)
		o.wait(10 * time.Second)
		a.do("BYE", 200, nil)
		o.wait(time.Second)
		o.tape.mu.Lock()
		defer o.tape.mu.Unlock()
		if len(o.tape.recordings) != 1 || o.tape.recordings[0].of.DID != simRecorded || o.tape.recordings[0].stops == 0 {
			t.Errorf("recordings: %+v", o.tape.recordings)
		}
		if n := o.boxes.count("2002"); n != (event.Messages{New: 1}) {
			t.Errorf("%+v", n)
		}
	}, provisioning.Mailbox{Number: "2002"}, provisioning.DID{Number: simRecorded, Voicemail: "2002", Policy: "early"})
}
