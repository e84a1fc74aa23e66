package phones

import (
	"encoding/json"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestEvidenceChain: a caller of a recorded number hears the notice and waits in a queue; the agent holds, takes the call back and transfers it to a
// colleague; that one parks it, and a third one fetches it. It is one call and one recording: the caller's voice without a gap from the first word
// to the last, each voice at its time, and a manifest that tells who was when.
func TestEvidenceChain(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	status, answer, err := p.Do(t.Context(), "PUT", "extensions/2003", map[string]any{"number": "2003", "display": "Third", "allow_md5": true})
	must(t, err)
	var made struct{ Secret string }
	if must(t, json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		t.Fatalf("PUT extensions/2003: %d", status)
	}
	put(t, p, "queues/7001", map[string]any{"number": "7001", "title": "Counter", "members": []map[string]any{{"agent": "2001"}}})
	put(t, p, "agents/2001/state", map[string]any{"signed_in": true})
	put(t, p, "parking-lots/700", map[string]any{"number": "700", "title": "Desk", "first_slot": "701"})
	put(t, p, "dids/"+did, map[string]any{"number": did, "title": "Recorded line", "queue": "7001", "policy": "citizens", "language": "ja"})
	a, b := desk(t, p, "2001", deskHz, true), desk(t, p, "2002", otherHz, true)
	third := phone(t, peer.Phone{User: "2003", Domain: p.Domain, Password: made.Secret, Proxy: p.UDP, Transport: "udp", Hz: thirdHz, Register: true})
	c := carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, a)
	talk(t, 3*time.Second)
	must(t, a.Command("hold", ""))
	said(t, p, "call: held", 1)
	talk(t, 2*time.Second)
	must(t, a.Command("resume", ""))
	said(t, p, "call: resumed", 1)
	talk(t, 3*time.Second)
	must(t, a.Command("transfer", "sip:2002@"+p.Domain))
	established(t, b)
	talk(t, 3*time.Second)
	must(t, b.Command("transfer", "sip:700@"+p.Domain))
	said(t, p, "call: script", 2) // the queue was the first
	talk(t, 6*time.Second)
	must(t, third.Command("dial", "sip:701@"+p.Domain))
	established(t, third)
	talk(t, 3*time.Second)
	must(t, c.Command("hangup", ""))

	cdr := history(t, p, 1)[0]
	if cdr.From != "+819012345678" || cdr.AnsweredBy != "2001" || cdr.EndedBy != "caller" || cdr.Status != 200 || cdr.Recording == "" {
		t.Errorf("CDR %+v", cdr)
	}
	rec := stored(t, p, cdr.Recording)
	var list struct{ Recordings []recording }
	get(t, p, "recordings", &list)
	if len(list.Recordings) != 1 || list.Recordings[0].ID != cdr.Recording {
		t.Errorf("recordings %+v", list.Recordings)
	}
	chained(t, p, rec)
}

// chained compares the recording's audio with what its manifest says of the parties.
func chained(t *testing.T, p *peer.PBX, rec recording) {
	t.Helper()
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "the caller", left, carrierHz, time.Duration(rec.DurationMS-1000)*time.Millisecond)
	var order []string
	for _, s := range stretches(right) {
		if s.kind != "sound" && s.kind != "silence" && (len(order) == 0 || order[len(order)-1] != s.kind) {
			order = append(order, s.kind)
		}
	}
	if want := []string{"890", "430", "1170"}; len(order) != 3 || order[0] != want[0] || order[1] != want[1] || order[2] != want[2] {
		t.Errorf("on the called side %q spoke in turn, want %q", order, want)
	}
	m := rec.Manifest
	if m.Notice == nil || !m.Notice.Complete || m.Dropped != 0 || m.Interrupted {
		t.Errorf("manifest %+v", m)
	}
	const near = 400 // ms: a voice is on its way, and comes after the answer
	segments := m.Segments
	if len(segments) != 4 {
		t.Fatalf("segments %+v", segments)
	}
	for i, want := range []struct {
		number string
		role   string
		hz     float64
	}{{"+819012345678", "caller", carrierHz}, {"2001", "called", deskHz}, {"2002", "called", otherHz}, {"2003", "called", thirdHz}} {
		s, channel := segments[i], right
		if i == 0 {
			channel = left
		}
		from, to := s.FromMS*rate/1000, min(s.ToMS*rate/1000, int64(len(channel)))
		if s.Number != want.number || s.Role != want.role || from >= to {
			t.Fatalf("segment %d is %+v, want %+v", i, s, want)
		}
		for at := int64(0); at+rate/2 <= int64(len(channel)); at += rate / 2 { // this voice is nowhere else
			middle := (at + rate/4) * 1000 / rate
			if mediatest.ToneIn(channel[at:at+rate/2], rate, want.hz) > 0.9 && (middle < s.FromMS-near || middle > s.ToMS+near) {
				t.Errorf("%s is heard at %d ms, and was there from %d to %d", want.number, middle, s.FromMS, s.ToMS)
			}
		}
	}
	if last := segments[len(segments)-1]; segments[0].FromMS > near || segments[0].ToMS < rec.DurationMS-near || last.ToMS < rec.DurationMS-near {
		t.Errorf("of %d ms the segments are %+v", rec.DurationMS, segments)
	}
	if segments[2].FromMS < segments[1].ToMS-5000 || segments[3].FromMS < segments[2].ToMS-near { // the one who refers hears what becomes of it
		t.Errorf("segments %+v", segments)
	}
}
