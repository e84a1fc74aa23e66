package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"naisen/loadtest/peer"
)

// TestBrowserBehindTheRelay: a browser that may use nothing but the switch's TURN relay asks the API for credentials and calls a desk phone: both hear each
// other, and no other candidate was there.
func TestBrowserBehindTheRelay(t *testing.T) {
	turn, err := peer.FreePort("127.0.0.1")
	must(t, err)
	p, b := officeWith(t, fmt.Sprintf("media: {turn: {udp: \"127.0.0.1:%d\"}}\n", turn), func(p *peer.PBX) any {
		status, answer, err := p.Do(t.Context(), "POST", "extensions/2001/relay", nil)
		must(t, err)
		var grant map[string]any
		if must(t, json.Unmarshal(answer, &grant)); status != 200 {
			t.Fatalf("no credentials: %d %s", status, answer)
		}
		return map[string]any{"iceTransportPolicy": "relay", "iceServers": []any{grant}}
	})
	first := desk(t, p, "2002", deskHz)
	b.do(nil, "call", "sip:2002@"+p.Domain)
	accept(t, first, 1)
	b.saw("confirmed", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)
	var stats struct {
		DTLS       string
		Candidates []string
	}
	b.do(&stats, "stats")
	if stats.DTLS != "connected" || len(stats.Candidates) == 0 || slices.ContainsFunc(stats.Candidates, func(c string) bool { return c != "relay" }) {
		t.Errorf("the browser's transport: %+v", stats)
	}
	b.do(nil, "hangup")
	b.saw("ended", 1)
	b.never("failed")
}
