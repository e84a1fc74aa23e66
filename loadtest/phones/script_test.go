package phones

import (
	"testing"
	"time"
)

// TestEcho: a desk dials *43 over TLS and SRTP. It hears what this is, and then its own voice, until it hangs up.
func TestEcho(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	a := desk(t, p, "2001", deskHz, false)
	must(t, a.Command("dial", "sip:*43@"+p.Domain))
	established(t, a)
	talk(t, 12*time.Second)
	must(t, a.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.From != "2001" || cdr.To != "*43" || cdr.AnsweredBy != "feature:echo-test" || cdr.Status != 200 || cdr.EndedBy != "caller" {
		t.Errorf("CDR %+v", cdr)
	}
	heard(t, "who tests", ear(t, a), "sound 890", 2*time.Second)
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
