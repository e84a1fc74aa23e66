package scenarios

import (
	"net/netip"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// The parts of a dialog that plain phones do not use, from both sides: each scenario says in its first line what it holds the switch to.

const plainDID = "+81312345679" // neither recorded nor announced

// dialogRig has an extension that takes the calls to plainDID.
func dialogRig(t *testing.T) (*rig, netip.AddrPort) {
	r := newRig(t)
	r.put("dids/"+plainDID, map[string]any{"number": plainDID, "to": []string{"2002"}})
	return r, r.register("2002")
}

// carrier runs a scenario of the carrier of the first run.
func (r *rig) carrier(file, number string, pause time.Duration) peer.Scenario {
	s := r.scenario(file, "09012345678", number, r.port(netip.MustParseAddr("127.0.0.2")))
	s.Pause = pause
	return s
}

func TestPRACKFromPhone(t *testing.T) {
	r, at := dialogRig(t)
	callee := r.start(r.scenario("answer-prack.xml", "", "", at))
	call := r.scenario("call.xml", "2001", "2002", r.address())
	call.Pause = 500 * time.Millisecond
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "internal", From: "2001", To: "2002", AnsweredBy: "2002", Status: 200, EndedBy: "caller"})
	r.nothingLeft()
}

func TestDialogFromCarrier(t *testing.T) {
	for _, c := range []struct {
		name, file, number string
		recorded           string
	}{
		{"PRACK", "did-prack.xml", did, "yes"},
		{"late offer", "did-late-offer.xml", plainDID, ""},
		{"timer", "did-timer.xml", plainDID, ""},
		{"UPDATE", "did-update.xml", plainDID, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, at := dialogRig(t)
			callee := r.start(r.scenario("answer.xml", "", "", at))
			r.finish(r.start(r.carrier(c.file, c.number, 300*time.Millisecond)), callee)
			r.record(cdr{Direction: "inbound", From: "+819012345678", To: c.number, AnsweredBy: "2002", Status: 200, EndedBy: "caller", Trunk: "carrier", Recording: c.recorded})
			r.nothingLeft()
		})
	}
}

// The switch refreshes a session by UPDATE as long as the call lasts.
func TestSessionRefreshed(t *testing.T) {
	r, at := dialogRig(t)
	answer := r.scenario("answer-refreshed.xml", "", "", at)
	call := r.scenario("call.xml", "2001", "2002", r.address())
	call.Pause = 11 * time.Second // the refreshes come after 4.5 and 9 s
	answer.Patience, call.Patience = time.Minute, time.Minute
	callee := r.start(answer)
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "internal", From: "2001", To: "2002", AnsweredBy: "2002", Status: 200, EndedBy: "caller"})
	r.nothingLeft()
}

// A phone that promised to refresh and does not is gone: the call ends at both sides.
func TestSessionExpires(t *testing.T) {
	r, at := dialogRig(t)
	callee := r.start(r.scenario("answer-silent.xml", "", "", at))
	r.finish(r.start(r.carrier("did-ended.xml", plainDID, 0)), callee)
	// To whom asks why the call ended it is the phone that vanished.
	if c := r.records(1)[0]; c.EndedBy != "called" || c.Status != 200 || c.AnsweredBy != "2002" {
		t.Errorf("%+v", c)
	}
	r.nothingLeft()
}

// A phone that takes UPDATE sees whom it talks with after a transfer (RFC 4916).
func TestConnectedIdentity(t *testing.T) {
	r, at := dialogRig(t)
	line := r.address()
	r.put("trunks/carrier", map[string]any{"name": "carrier", "host": line.String(), "transport": "udp", "sources": []string{line.Addr().String() + "/32"},
		"prefixes": []string{"0"}, "media": "srtp-forbidden", "did_from": []string{"request-uri"}, "caller_id": did})
	outside := r.start(r.scenario("answer.xml", "", "", line))
	refers := r.scenario("answer-refer.xml", "", "", at)
	refers.Keys = map[string]string{"refer": "0312340000"}
	callee := r.start(refers)
	r.finish(r.start(r.scenario("connected.xml", "2001", "2002", r.address())), callee, outside)
	r.nothingLeft()
}
