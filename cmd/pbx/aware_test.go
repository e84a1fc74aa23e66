package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/stack"
)

// Who says record-aware is told of the recording: the caller by the answer that it begins with, the called side, which says so only in its own, by an
// offer; and whatever is answered later says it again. Who does not say it sees nothing of that (RFC 7866 section 6.1.2).
func TestRecordAware(t *testing.T) {
	silent := provisioning.RecordingPolicy{Name: "silent", Record: provisioning.RecordAlways, Notice: "none", Exception: &provisioning.NoticeException{Reason: "test", Until: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}}
	for aware, golden := range map[bool]string{true: "record-aware", false: ""} {
		onStage(t, golden, func(o *stage) {
			says := func(what string, body []byte) {
				t.Helper()
				if got := strings.Contains(string(body), "a=record:on\r\n"); got != aware || !aware && strings.Contains(string(body), "a=record") {
					t.Errorf("%s: aware %v:\n%s", what, aware, body)
				}
			}
			r := o.invite(o.carrier, simRecorded, func(r *stack.Request) {
				r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
				if aware {
					r.Set("Supported", "timer, record-aware")
				}
			})
			bob := o.phones["2002"]
			in := bob.Expect("INVITE")
			if strings.Contains(string(in.Body), "a=record") {
				t.Errorf("told before it said that it understands:\n%s", in.Body)
			}
			b := side{bob, in, bob.Reply(in, 200, func(r *stack.Response) {
				with(bob, "0 8 101")(r)
				if aware {
					r.Set("Supported", "record-aware")
				}
			}), false}
			bob.Expect("ACK")
			if aware {
				told := bob.Expect("INVITE")
				says("the called side", told.Body)
				bob.Reply(told, 200, with(bob, "0 8 101"))
				bob.Expect("ACK")
			}
			a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
			o.carrier.Ack(r, a.resp)
			says("the caller", a.resp.Body)
			o.wait(time.Second)
			hold := a.request("INVITE")
			hold.SetBody("application/sdp", []byte(strings.Replace(string(description(o.carrier, "0 8 101")), "a=sendrecv", "a=sendonly", 1)))
			o.carrier.Send(hold)
			held := o.carrier.ExpectStatus(200, "INVITE")
			o.carrier.Ack(hold, held)
			says("who holds", held.Body)
			o.wait(time.Second)
			a.bye(b)
			o.records("+81300000000 > " + simRecorded + " 2002 200 OK by caller")
		}, silent, provisioning.DID{Number: simRecorded, To: []string{"2002"}, Policy: "silent"})
	}
}
