package route

import (
	"fmt"
	"testing"
	"time"

	"naisen/provisioning"
)

func box(n string) *provisioning.Destination { return &provisioning.Destination{Voicemail: n} }

// TestVoicemail: every way into a mailbox, with the greeting's occasion and what is recorded; and who never gets there.
func TestVoicemail(t *testing.T) {
	d := office(map[string]provisioning.Settings{
		"2010": {NoCallWaiting: true, Forward: provisioning.Forwarding{Busy: box("2010"), NoAnswer: box("2010")}},
		"2011": fwd(provisioning.Forwarding{Always: box("2011")}),
		"2012": {DoNotDisturb: true, Forward: provisioning.Forwarding{Busy: box("2012")}},
		"2013": fwd(provisioning.Forwarding{Always: box("2014")}),
		"2015": fwd(provisioning.Forwarding{Always: box("2016")}),
	})
	d.mailboxes = map[string]provisioning.Mailbox{"d|2010": {Number: "2010", Language: "en"}, "d|2011": {Number: "2011"}, "d|2012": {Number: "2012"},
		"d|2014": {Number: "2014", Off: true}, "d|7100": {Number: "7100"}}
	d.groups = map[string]provisioning.Group{"d|6000": {Number: "6000", Members: []string{"2010"}, Overflow: box("7100")}}
	d.dids["d|+81312340001"] = provisioning.DID{Number: "+81312340001", Voicemail: "7100", Policy: "citizens"}
	d.dids["d|+81312340002"] = provisioning.DID{Number: "+81312340002", Messages: true, Policy: "citizens"}
	d.dids["d|+81312340003"] = provisioning.DID{Number: "+81312340003", To: []string{"2011"}, Policy: "citizens"}
	inside := func(dialled string) Request { return Request{Extension: "2001", Dialled: dialled} }
	live := func(r Request, m moment) Request { r.Live = m; return r }
	noAnswer := Request{Extension: "2001", Dialled: "2010", Forward: &Forward{On: NoAnswer, To: *box("2010"), By: Diverter{Number: "2010"}, Reason: noAnswer}}
	for _, c := range []struct {
		name string
		req  Request
		want string
	}{
		{"busy", live(inside("2010"), moment{busy: []string{"2010"}}), "voicemail:2010 busy en"},
		{"nobody answered", noAnswer, "voicemail:2010 no-answer en"},
		{"no telephone is there", live(inside("2010"), moment{away: []string{"2010"}}), "voicemail:2010 no-answer en"},
		{"always", inside("2011"), "voicemail:2011"},
		{"do not disturb", inside("2012"), "voicemail:2012 busy"},
		{"switched off", inside("2013"), "480"},
		{"none there", inside("2015"), "480"},
		{"a group in which everybody talks", live(inside("6000"), moment{busy: []string{"2010"}}), "voicemail:7100"},
		{"its own number", inside("7100"), "voicemail:7100"},
		{"a message without ringing", inside("*962010"), "voicemail:2010 en"},
		{"to no mailbox", inside("*962001"), "480"},
		{"a DID", Request{Trunk: "carrier", Dialled: "+81312340001"}, "voicemail:7100 recorded +81312340001"},
		{"messages from outside", Request{Trunk: "carrier", Dialled: "+81312340002"}, "messages"},
		{"a recorded number that is sent to a mailbox", Request{Trunk: "carrier", Dialled: "+81312340003"}, "voicemail:2011 recorded +81312340003"},
		{"who calls back after a call for help", Request{Trunk: "carrier", Dialled: "+81312340003", CallBack: "2011"}, "rings 2011"},
		{"own messages", inside("*97"), "feature:voicemail"},
		{"any messages", inside("*982010"), "feature:voicemail-of"},
	} {
		c.req.Domain = "d"
		p := Route(d, c.req, time.Time{})
		var got string
		switch {
		case p.Refuse.Status != 0:
			got = fmt.Sprint(p.Refuse.Status)
		case p.Steps[0].Run.Verb == "":
			got = "rings " + p.Steps[0].Targets[0].Number
		default:
			got = p.Steps[0].Run.String()
			for _, more := range []string{p.Steps[0].Run.Data[Occasion], p.Steps[0].Run.Language} {
				if more != "" {
					got += " " + more
				}
			}
			if p.Record.On && p.Record.Number != "2001" { // 2001 records what it does itself
				got += " recorded " + p.Record.Number
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, p.Why)
		}
	}
}
