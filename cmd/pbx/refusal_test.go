package main

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// A carrier's customer presses 9 during the notice: it hears that nothing is recorded, talks, and nothing is; or hears why that cannot be, and
// the call ends.
func TestRefusalLadder(t *testing.T) {
	for then, golden := range map[string]string{provisioning.RefusalGoesOn: "notice-refused", provisioning.RefusalEnds: "notice-refused-end"} {
		choice := provisioning.RecordingPolicy{Name: "choice", Record: provisioning.RecordAlways, Notice: "early-media", Prompt: "notice/recording-choice", OnFailure: "refuse",
			Refusal: &provisioning.NoticeRefusal{Key: "9", Then: then}}
		onStage(t, golden, func(o *stage) {
			r := o.fromOutside(simRecorded)
			a := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true} // before anybody rings: a key must be heard
			o.carrier.Ack(r, a.resp)
			o.wait(2 * time.Second)
			a.keys("9")
			end := "603 Decline by switch"
			by := ""
			if then == provisioning.RefusalEnds {
				a.hungUp()
			} else {
				bob := o.phones["2002"]
				in := bob.Expect("INVITE")
				bob.Reply(in, 180, nil)
				b := side{bob, in, bob.Reply(in, 200, with(bob, "0 8 101")), false}
				bob.Expect("ACK")
				o.wait(5 * time.Second)
				a.bye(b)
				end, by = "200 OK by caller", "2002"
			}
			o.records("+81300000000 > " + simRecorded + " " + by + " " + end)
			o.tape.mu.Lock()
			defer o.tape.mu.Unlock()
			if len(o.tape.recordings) != 0 || o.cdrs[0].Recording != "" {
				t.Errorf("recorded: %+v", o.cdrs[0])
			}
		}, choice, provisioning.DID{Number: simRecorded, To: []string{"2002"}, Policy: "choice"})
	}
}
