package browser

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestBrowserChangesItsNetwork: in a call the browser's network is gone, WebSocket and media alike. The desk hears that the connection is interrupted. In another
// network the page opens its WebSocket anew, registers as the same instance and makes an offer with an ICE restart: both hear each other again, in the same call.
// The desk's BYE finds the browser where it is by then.
func TestBrowserChangesItsNetwork(t *testing.T) {
	t.Parallel()
	turn, err := peer.FreePort("127.0.0.1")
	must(t, err)
	r := newRoad(t)
	p, b := officeWith(t, fmt.Sprintf("media: {turn: {udp: \"127.0.0.1:%d\"}}\n", turn), nil)
	r.leads(p.WSS, fmt.Sprint("127.0.0.1:", turn))
	status, answer, err := p.Do(t.Context(), "POST", "extensions/2001/relay", nil)
	must(t, err)
	var grant map[string]any
	if must(t, json.Unmarshal(answer, &grant)); status != 200 {
		t.Fatalf("no credentials: %d %s", status, answer)
	}
	grant["urls"] = []string{"turn:" + r.udp.LocalAddr().String() + "?transport=udp"}
	b.signIn(p, map[string]any{"ice": map[string]any{"iceTransportPolicy": "relay", "iceServers": []any{grant}}, "socket": "wss://" + r.tcp.Addr().String() + "/", "roams": true})
	first := desk(t, p, "2002", deskHz)
	b.do(nil, "call", "sip:2002@"+p.Domain)
	accept(t, first, 1)
	b.saw("confirmed", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)

	r.cut()
	b.saw("disconnected", 1)
	b.saw("ice disconnected", 1)
	b.deaf(deskHz)
	interrupted(t, first)
	r.move("127.0.0.22")
	b.saw("registered", 2)
	b.saw("renegotiated", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)
	if r.relayed() == 0 {
		t.Error("its media did not come by the new network")
	}
	runs(t, p, "2001 2002")
	must(t, first.Command("hangup", ""))
	b.saw("ended", 1)
	b.never("failed")
	runs(t, p)
	var was struct {
		Items []struct{ Legs []struct{ Interruptions int } }
	}
	must(t, peer.Until(20*time.Second, func() bool {
		_, answer, err := p.Do(t.Context(), "GET", "calls/history", nil)
		return err == nil && json.Unmarshal(answer, &was) == nil && len(was.Items) > 0
	}))
	if l := was.Items[0].Legs; len(was.Items) != 1 || len(l) != 2 || l[0].Interruptions+l[1].Interruptions != 1 {
		t.Errorf("the record: %+v", was)
	}
}

// interrupted waits until a desk phone hears words in place of the browser's tone.
func interrupted(t *testing.T, b *peer.Baresip) {
	t.Helper()
	must(t, peer.Until(20*time.Second, func() bool {
		pcm, err := b.Heard()
		if err != nil || len(pcm) < 2*rate {
			return false
		}
		last := pcm[len(pcm)-rate:]
		return mediatest.Power(last) > 100*100 && mediatest.ToneIn(last, rate, browserHz) < 0.2
	}))
}
