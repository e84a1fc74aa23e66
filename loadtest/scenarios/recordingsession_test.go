package scenarios

import (
	"encoding/json"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// A session border controller that is sipp has its call recorded: bodies of several parts, metadata updates, a pause.
func TestRecordingSession(t *testing.T) {
	r := newRig(t)
	at := r.address()
	r.put("recording-policies/taken", map[string]any{"record": "always", "notice": "early-media", "on_failure": "continue", "prompt": "", "retention_days": 30})
	r.put("trunks/sbc", map[string]any{"role": "siprec", "record_policy": "taken", "host": at.String(), "transport": "udp", "sources": []string{at.Addr().String() + "/32"}})
	sbc := r.scenario("recording-session.xml", "sbc", "record", at)
	sbc.Pause = 300 * time.Millisecond
	r.finish(r.start(sbc))
	var list struct {
		Recordings []struct {
			Direction, State string
			Parties          []struct{ Number, Name, Role string }
		}
	}
	err := peer.Until(15*time.Second, func() bool {
		status, answer, err := r.pbx.Do(r.Context(), "GET", "recordings", nil)
		return err == nil && status == 200 && json.Unmarshal(answer, &list) == nil && len(list.Recordings) == 1 && list.Recordings[0].State == "stored"
	})
	if err != nil || len(list.Recordings) != 1 {
		t.Fatalf("%v: %+v", err, list)
	}
	rec := list.Recordings[0]
	numbers := ""
	for _, p := range rec.Parties {
		numbers += p.Role + " " + p.Number + " " + p.Name + ";"
	}
	if rec.Direction != "siprec" || numbers != "caller 09012345678 Alice;called 2001 ;called 2002 Carol;" {
		t.Errorf("%s: %s", rec.Direction, numbers)
	}
	r.records(0) // it is no call
	r.nothingLeft()
}
