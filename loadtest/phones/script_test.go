package phones

import (
	"testing"
	"time"
)

// TestEcho: a desk dials *43 over TLS and SRTP. It hears what this is, and then its own voice, until it hangs up. Another one dials *44 and hears,
// after what it is told, what it said in five seconds, and the switch hangs up.
func TestEcho(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	a, b := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, false)
	must(t, a.Command("dial", "sip:*43@"+p.Domain))
	must(t, b.Command("dial", "sip:*44@"+p.Domain))
	established(t, a, b)
	talk(t, 12*time.Second)
	must(t, a.Command("hangup", ""))
	if cdr := history(t, p, 1)[0]; cdr.From != "2001" || cdr.To != "*43" || cdr.AnsweredBy != "feature:echo-test" || cdr.Status != 200 || cdr.EndedBy != "caller" {
		t.Errorf("CDR %+v", cdr)
	}
	heard(t, "who tests", ear(t, a), "sound 890", 2*time.Second)
	must(t, b.Saw("terminated", 30*time.Second))
	for _, cdr := range history(t, p, 2) {
		if cdr.From == "2002" && (cdr.To != "*44" || cdr.AnsweredBy != "feature:quality-test" || cdr.Status != 200 || cdr.EndedBy != "switch") {
			t.Errorf("CDR %+v", cdr)
		}
	}
	if d := longestTone(ear(t, b), otherHz); d < 4*time.Second || d > 6*time.Second {
		t.Errorf("who tests the quality hears itself for %v", d)
	}
}

// TestMenu: a desk dials the outside number of the office, hears its menu, presses 1 (RFC 4733) and talks with the colleague behind it.
func TestMenu(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	put(t, p, "menus/office", map[string]any{"title": "Office", "owner": "2001", "start": "top", "nodes": []map[string]any{{"name": "top", "prompt": "greeting/closed",
		"keys": []map[string]any{{"key": "1", "to": map[string]any{"dial": "2002"}}}, "then": map[string]any{"hangup": true}}}})
	if status, answer, err := p.Do(t.Context(), "POST", "menus/office/activate", nil); err != nil || status != 200 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	put(t, p, "dids/"+did, map[string]any{"number": did, "title": "Office", "to": []string{}, "menu": "office", "ring_seconds": 0})
	a, b := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, true)
	must(t, a.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, a)
	talk(t, 3*time.Second)
	must(t, a.Command("sndcode", "1"))
	established(t, b)
	talk(t, 4*time.Second)
	must(t, a.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.From != "2001" || cdr.AnsweredBy != "2002" || cdr.Status != 200 {
		t.Errorf("CDR %+v", cdr)
	}
	heard(t, "who calls", ear(t, a), "sound 430", 2*time.Second)
	onlyTone(t, "the colleague", ear(t, b), deskHz, 3*time.Second)
}
