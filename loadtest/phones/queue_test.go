package phones

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestQueue: a caller waits in a queue that nobody serves, hears music and its place, and presses 1 to be called back and 1 again for its own
// number. An agent signs in by *45: its phone rings, then the caller's, and they talk. The next caller is answered at once.
func TestQueue(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	put(t, p, "queues/7001", map[string]any{"title": "窓口", "members": []map[string]any{{"agent": "2001"}}, "announce": map[string]any{"position": true, "every_seconds": 15},
		"call_back": map[string]any{"offer": true, "after_seconds": 1, "payer": "2001"}})
	agent, caller := desk(t, p, "2001", deskHz, true), desk(t, p, "2002", otherHz, true)
	must(t, caller.Command("dial", "sip:7001@"+p.Domain))
	established(t, caller)
	for range 12 {
		if caller.Saw("terminated", 5*time.Second) == nil { // a key every 5 s: no two of them are one number
			break
		}
		must(t, caller.Command("sndcode", "1"))
	}
	var kept struct {
		Items []struct{ Queue, Number string }
	}
	if get(t, p, "call-backs", &kept); len(kept.Items) != 1 || kept.Items[0].Queue != "7001" || kept.Items[0].Number != "2002" {
		t.Fatalf("kept places: %+v", kept.Items)
	}
	must(t, agent.Command("dial", "sip:*45@"+p.Domain))
	must(t, peer.Until(40*time.Second, func() bool { return strings.Count(caller.Output(), "Call established") == 2 }))
	talk(t, 4*time.Second)
	must(t, agent.Command("hangup", ""))
	calls := history(t, p, 3)
	if c := calls[0]; c.From != "2001" || c.To != "2002" || c.AnsweredBy != "2002" || c.Status != 200 {
		t.Errorf("the call back: %+v", c)
	}
	if get(t, p, "call-backs", &kept); len(kept.Items) != 0 {
		t.Errorf("places are left: %+v", kept.Items)
	}
	must(t, caller.Command("dial", "sip:7001@"+p.Domain))
	must(t, peer.Until(40*time.Second, func() bool { return strings.Count(agent.Output(), "Call established") == 3 }))
	talk(t, 3*time.Second)
	must(t, caller.Command("hangup", ""))
	if c := history(t, p, 4)[0]; c.From != "2002" || c.To != "7001" || c.AnsweredBy != "2001" || c.Status != 200 {
		t.Errorf("the next call: %+v", c)
	}
	pcm := ear(t, caller)
	if first := stretches(pcm)[0]; first.kind != "sound" || first.windows < 50 || voiceOf(pcm, deskHz) < 6*time.Second {
		t.Errorf("the caller heard %v", stretches(pcm))
	}
	if d := voiceOf(ear(t, agent), otherHz); d < 6*time.Second {
		t.Errorf("the agent heard the caller for %v", d)
	}
}
