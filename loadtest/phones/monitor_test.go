package phones

import (
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestMonitor: three phones over TLS and SRTP. A supervisor listens to an agent (*51), whispers (5) and joins (6): the agent hears it from the
// whisper on, the caller from the joining on and not a moment before. When the caller hangs up all are let go.
func TestMonitor(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	person(t, p, "boss", "supervisor")
	further(t, p, "2003", "boss")
	put(t, p, "supervisions/hall", map[string]any{"supervisors": []string{"boss"}, "extensions": []string{"2001"}, "modes": []string{"listen", "whisper", "barge"}})
	agent, caller, boss := desk(t, p, "2001", deskHz, true), desk(t, p, "2002", otherHz, false), desk(t, p, "2003", carrierHz, false)
	must(t, caller.Command("dial", "sip:2001@"+p.Domain))
	established(t, caller, agent)
	talk(t, time.Second)
	must(t, boss.Command("dial", "sip:*512001@"+p.Domain))
	established(t, boss)
	monitored(t, p, "listen")
	talk(t, 4*time.Second)
	must(t, boss.Command("sndcode", "5"))
	monitored(t, p, "whisper")
	talk(t, 5*time.Second) // what is said of it is over, too
	must(t, boss.Command("sndcode", "6"))
	monitored(t, p, "barge")
	talk(t, 4*time.Second)
	must(t, caller.Command("hangup", ""))
	must(t, boss.Saw("terminated", 20*time.Second))
	for _, c := range history(t, p, 2) {
		if c.Status != 200 || c.To != "2001" && c.AnsweredBy != "feature:monitor-listen" {
			t.Errorf("CDR %+v", c)
		}
	}
	agents, callers, bosses := ear(t, agent), ear(t, caller), ear(t, boss)
	total := time.Duration(len(callers)) * time.Second / rate
	t.Logf("the call took %v; the supervisor was heard by the agent for %v, by the caller for %v", total, voiceOf(agents, carrierHz), voiceOf(callers, carrierHz))
	if d := voiceOf(agents, carrierHz); d < 8*time.Second || d > total-4*time.Second {
		t.Errorf("the agent heard the supervisor for %v of %v", d, total)
	}
	if d := voiceOf(callers, carrierHz); d < 3*time.Second || d > voiceOf(agents, carrierHz)-4*time.Second {
		t.Errorf("the caller heard the supervisor for %v, the agent for %v", d, voiceOf(agents, carrierHz))
	}
	for who, heard := range map[string]struct {
		pcm   []int16
		tones []float64
	}{"agent": {agents, []float64{otherHz}}, "caller": {callers, []float64{deskHz}}, "supervisor": {bosses, []float64{deskHz, otherHz}}} {
		end := heard.pcm[max(len(heard.pcm)-3*rate, 0):max(len(heard.pcm)-rate/2, 0)]
		for _, hz := range heard.tones {
			if a := mediatest.Amplitude(end, rate, hz); a < 1000 {
				t.Errorf("at the end the %s hears %v Hz at %.0f", who, hz, a)
			}
		}
	}
	if d := voiceOf(bosses, carrierHz); d > 500*time.Millisecond { // a syllable of what is announced may sound like it
		t.Errorf("the supervisor heard itself for %v", d)
	}
}

// monitored waits until the audit log says that a supervisor may do that: it is written before it holds.
func monitored(t *testing.T, p *peer.PBX, mode string) {
	t.Helper()
	if err := peer.Until(20*time.Second, func() bool {
		var log struct {
			Items []struct {
				Action, Outcome string
				Detail          map[string]any
			}
		}
		get(t, p, "audit?limit=1000", &log)
		for _, e := range log.Items {
			if e.Action == "call.monitor" && e.Outcome == "allowed" && e.Detail["mode"] == mode {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatalf("nobody was allowed to %s", mode)
	}
}
