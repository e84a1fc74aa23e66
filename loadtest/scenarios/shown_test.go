package scenarios

import (
	"testing"
	"time"
)

// A number of the department is chosen for one call, by a code, and the carrier is shown it.
func TestShownNumber(t *testing.T) {
	r := newRig(t)
	at := r.address()
	r.put("trunks/carrier", map[string]any{"name": "carrier", "host": at.String(), "transport": "udp", "sources": []string{at.Addr().String() + "/32"},
		"prefixes": []string{"0"}, "media": "srtp-forbidden", "did_from": []string{"request-uri"}, "caller_id": did})
	r.put("dids/+81312340100", map[string]any{"to": []string{"2002"}})
	r.put("departments/tax", map[string]any{"numbers": []string{"+81312340100"}})
	r.put("extensions/2001", map[string]any{"department": "tax", "allow_md5": true})
	carrier := r.start(r.scenario("answer-shown.xml", "", "", at))
	call := r.scenario("call.xml", "2001", "*6510398765432", r.address())
	call.Pause = 500 * time.Millisecond
	r.finish(r.start(call), carrier)
	r.record(cdr{Direction: "outbound", From: "2001", To: "0398765432", AnsweredBy: "0398765432", Status: 200, EndedBy: "caller", Trunk: "carrier"})
	r.nothingLeft()
}
