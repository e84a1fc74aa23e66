package browser

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// callsOf are the calls that run now, each as the extensions whose telephones are in it.
func callsOf(t *testing.T, p *peer.PBX) (out []string) {
	t.Helper()
	var calls struct {
		Items []struct{ Extensions []string }
	}
	status, answer, err := p.Do(t.Context(), "GET", "calls", nil)
	must(t, err)
	if must(t, json.Unmarshal(answer, &calls)); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	for _, c := range calls.Items {
		slices.Sort(c.Extensions)
		out = append(out, strings.Join(c.Extensions, " "))
	}
	return out
}

// runs waits until the calls that run are these.
func runs(t *testing.T, p *peer.PBX, want ...string) {
	t.Helper()
	var got []string
	if err := peer.Until(50*time.Second, func() bool { got = callsOf(t, p); return strings.Join(got, ",") == strings.Join(want, ",") }); err != nil {
		t.Fatalf("%q run, want %q", got, want)
	}
}

// TestBrowserReload: the page is loaded anew in the middle of a call, without a word to anybody. It registers as the same device (RFC 5626) and takes its call up
// again by INVITE with Replaces (RFC 3891): one call, both hear each other, the desk's leg is never touched. Where it does not, it can call at once, and
// the call that it left behind ends for the desk when nothing was heard of it for 30 seconds: no ghost in the list of calls, no leg without an owner.
func TestBrowserReload(t *testing.T) {
	t.Parallel()
	p, b := office(t)
	first := desk(t, p, "2002", deskHz)
	b.do(nil, "call", "sip:2002@"+p.Domain)
	accept(t, first, 1)
	b.saw("confirmed", 1)
	b.hears(deskHz)

	b.reload()
	b.signIn(p, map[string]any{})
	b.do(nil, "resume")
	b.saw("confirmed", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)
	runs(t, p, "2001 2002")
	if said := first.Output(); strings.Contains(said, "session closed") || strings.Count(said, "Call established") != 1 {
		t.Errorf("the desk's leg did not go on:\n%s", said)
	}
	b.never("failed")
	b.do(nil, "hangup")
	b.saw("ended", 1)
	must(t, first.Saw("session closed", 10*time.Second))
	runs(t, p)

	must(t, first.Command("dial", "sip:2001@"+p.Domain))
	b.saw("session incoming", 1)
	b.do(nil, "answer")
	b.saw("confirmed", 2)
	heard(t, first, browserHz)
	b.reload()
	b.signIn(p, map[string]any{})
	b.do(nil, "call", "sip:*43@"+p.Domain) // the echo test
	b.saw("confirmed", 1)
	b.hears(browserHz)
	must(t, peer.Until(50*time.Second, func() bool { return strings.Count(first.Output(), "session closed") >= 2 }))
	runs(t, p, "2001")
	b.do(nil, "hangup")
	b.saw("ended", 1)
	runs(t, p)
	must(t, peer.Until(10*time.Second, func() bool {
		legs, err := p.Metric(t.Context(), "naisen_media_endpoints")
		return err == nil && legs == 0
	}))
}
