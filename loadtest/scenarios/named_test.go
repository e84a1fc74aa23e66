package scenarios

import (
	"net/netip"
	"testing"
	"time"
)

// The phone that rings is shown the name that the shared directory has for the number, whatever form it is written in there.
func TestCallerIsNamed(t *testing.T) {
	r := newRig(t)
	at := r.register("2002")
	r.put("contacts/ward", map[string]any{"name": "区役所 本庁", "reading": "くやくしょ", "numbers": []map[string]any{{"kind": "mobile", "number": "090-1234-5678"}}})
	callee := r.start(r.scenario("answer-named.xml", "", "", at))
	call := r.scenario("did-call.xml", "09012345678", did, r.port(netip.MustParseAddr("127.0.0.2")))
	call.Pause = time.Second
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "inbound", From: "+819012345678", To: did, AnsweredBy: "2002", Status: 200, EndedBy: "caller", Trunk: "carrier", Recording: "yes"})
	r.nothingLeft()
}
