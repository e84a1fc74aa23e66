package phones

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// newExtension makes one more extension, and returns its password.
func newExtension(t *testing.T, p *peer.PBX, number string) string {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", "extensions/"+number, map[string]any{"number": number, "display": "Desk " + number, "allow_md5": true, "media": "srtp-preferred"})
	must(t, err)
	var made struct{ Secret string }
	if must(t, json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		t.Fatalf("PUT extensions/%s: %d", number, status)
	}
	return made.Secret
}

// answering is a telephone that answers by itself what asks for it.
func answering(t *testing.T, p *peer.PBX, user, password string, hz float64) *peer.Answering {
	t.Helper()
	a, err := peer.StartAnswering(t.TempDir(), peer.Phone{User: user, Domain: p.Domain, Password: password, Proxy: p.UDP, Hz: hz})
	must(t, err)
	t.Cleanup(func() {
		a.Stop()
		if t.Failed() {
			t.Logf("telephone %s said:\n%.6000s", user, a.Output())
		}
	})
	said(t, p, `msg="bindings changed" aor=`+user+`@`, 1)
	return a
}

// TestPaging: a desk over TLS and SRTP speaks to a group. Two telephones answer by themselves because the switch asks them to, and hear it; a third, which does
// not know how, rings and is left alone at the end. What the members' microphones pick up is heard by nobody. The intercom is answered so too, and both
// talk; an ordinary call to the same telephone rings.
func TestPaging(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	speaker, rings := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, false)
	first := answering(t, p, "2003", newExtension(t, p, "2003"), carrierHz)
	second := answering(t, p, "2004", newExtension(t, p, "2004"), carrierHz)
	put(t, p, "paging-groups/6500", map[string]any{"title": "Hall", "members": []string{"2001", "2002", "2003", "2004"}, "callers": []string{"2001"}, "wait_seconds": 3})
	must(t, speaker.Command("dial", "sip:6500@"+p.Domain))
	established(t, speaker)
	said(t, p, "call: entered a room", 3)
	for _, a := range []*peer.Answering{first, second} {
		must(t, a.Saw("call 1 asks to be answered", 5*time.Second))
	}
	must(t, rings.Saw("Incoming call", 5*time.Second))
	talk(t, 10*time.Second)
	must(t, speaker.Command("hangup", ""))
	paged(t, history(t, p, 4))
	for _, a := range []*peer.Answering{first, second} {
		must(t, a.Saw("End", 5*time.Second))
		pcm, err := a.Heard(1)
		must(t, err)
		onlyTone(t, "a member's ear", pcm, deskHz, 5*time.Second)
	}

	must(t, speaker.Command("dial", "sip:*552003@"+p.Domain))
	must(t, first.Saw("call 2 asks to be answered", 10*time.Second))
	said(t, p, "call: talking", 1)
	talk(t, 4*time.Second)
	must(t, speaker.Command("hangup", ""))
	if c := history(t, p, 5)[0]; c.To != "2003" || c.AnsweredBy != "2003" || c.Status != 200 {
		t.Errorf("intercom: %+v", c)
	}

	must(t, speaker.Command("dial", "sip:2003@"+p.Domain))
	must(t, first.Saw("call 3 rings", 10*time.Second))
	talk(t, 2*time.Second)
	must(t, speaker.Command("hangup", ""))
	if c := history(t, p, 6)[0]; c.AnsweredBy != "" || c.Status != 487 {
		t.Errorf("an ordinary call: %+v", c)
	}
	pcm, err := first.Heard(2)
	must(t, err)
	onlyTone(t, "the ear of who is called by intercom", pcm, deskHz, 3*time.Second)
	n := 0
	for _, s := range stretches(ear(t, speaker)) {
		if s.kind == fmt.Sprint(carrierHz) {
			n += s.windows
		}
	}
	if d := time.Duration(n) * 100 * time.Millisecond; d < 3*time.Second || d > 6*time.Second {
		t.Errorf("who spoke heard the members' tone for %v: it talked with one of them for 4 s", d)
	}
}

// paged: one record of who spoke, one of each member who was rung, and what came of it.
func paged(t *testing.T, all []call) {
	t.Helper()
	var got []string
	for _, c := range all {
		if c.From != "2001" || c.To != "6500" {
			t.Errorf("CDR %+v", c)
		}
		got = append(got, c.AnsweredBy)
	}
	slices.Sort(got)
	if want := []string{"", "2003", "2004", "page:6500"}; !slices.Equal(got, want) {
		t.Errorf("answered by %q, want %q", got, want)
	}
}
