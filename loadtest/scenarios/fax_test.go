package scenarios

import (
	"testing"
	"time"
)

// A carrier's fax reaches a machine that can T.38, through a refresh and back to audio; one that cannot leaves the carrier on G.711.
func TestFax(t *testing.T) {
	for _, c := range []struct{ name, answer, file string }{
		{"T.38", "answer-fax.xml", "did-fax.xml"},
		{"G.711", "answer-no-fax.xml", "did-fax-refused.xml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, at := dialogRig(t)
			callee := r.start(r.scenario(c.answer, "", "", at))
			r.finish(r.start(r.carrier(c.file, plainDID, 200*time.Millisecond)), callee)
			r.record(cdr{Direction: "inbound", From: "+819012345678", To: plainDID, AnsweredBy: "2002", Status: 200, EndedBy: "caller", Trunk: "carrier"})
			r.nothingLeft()
		})
	}
}
