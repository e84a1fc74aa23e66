package scenarios

import (
	"net/netip"
	"testing"
	"time"
)

const did = "+81312345678" // of the first run

func TestRegister(t *testing.T) {
	r := newRig(t)
	r.register("2001")
	r.register("2002")
	tcp := r.scenario("register.xml", "2001", "", r.address())
	tcp.Transport = "tcp"
	r.finish(r.start(tcp))
	if n, err := r.pbx.Metric(r.Context(), "naisen_sip_auth_accepted_total"); err != nil || n != 3 {
		t.Errorf("%v accepted (%v), want 3", n, err)
	}
	r.nothingLeft()
}

func TestWrongPassword(t *testing.T) {
	r := newRig(t)
	s := r.scenario("wrong-password.xml", "2001", "", r.address())
	s.Password = "wrong"
	r.finish(r.start(s))
	unknown := r.scenario("wrong-password.xml", "2999", "", r.address())
	unknown.Password = "wrong"
	r.finish(r.start(unknown))
	if n, err := r.pbx.Metric(r.Context(), "naisen_registrations"); err != nil || n != 0 {
		t.Errorf("%v registrations (%v)", n, err)
	}
	r.register("2001") // the owner elsewhere is not locked out (threats B8)
	r.nothingLeft()
}

func TestCall(t *testing.T) {
	r := newRig(t)
	at := r.register("2002")
	callee := r.start(r.scenario("answer.xml", "", "", at))
	call := r.scenario("call.xml", "2001", "2002", r.address())
	call.Pause = time.Second
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "internal", From: "2001", To: "2002", AnsweredBy: "2002", Status: 200, EndedBy: "caller"})
	r.nothingLeft()
}

func TestManyCalls(t *testing.T) {
	const calls = 40
	r := newRig(t)
	at := r.register("2002")
	answer := r.scenario("answer.xml", "", "", at)
	call := r.scenario("call.xml", "2001", "2002", r.address())
	answer.Calls, call.Calls, call.Rate, call.Pause = calls, calls, 20, time.Second
	callee := r.start(answer)
	r.finish(r.start(call), callee)
	for _, c := range r.records(calls) {
		if c.Status != 200 || c.AnsweredBy != "2002" || c.EndedBy != "caller" {
			t.Errorf("%+v", c)
		}
	}
	r.nothingLeft()
}

// The carrier of the first run calls: the notice plays as early media, then the phone is heard, and the call is recorded.
func TestDIDCallWithNotice(t *testing.T) {
	r := newRig(t)
	at := r.register("2002")
	callee := r.start(r.scenario("answer.xml", "", "", at))
	call := r.scenario("did-call.xml", "09012345678", did, r.port(netip.MustParseAddr("127.0.0.2")))
	call.Pause = time.Second
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "inbound", From: "+819012345678", To: did, AnsweredBy: "2002", Status: 200, EndedBy: "caller", Trunk: "carrier", Recording: "yes"})
	r.nothingLeft()
}

func TestDIDFromStranger(t *testing.T) {
	r := newRig(t)
	call := r.scenario("did-call.xml", "09012345678", did, r.address())
	call.Patience = 3 * time.Second
	if err := r.start(call).Finish(r.Context()); err == nil {
		t.Error("a stranger's call to a DID was taken without a password")
	}
	r.records(0)
	r.nothingLeft()
}

func TestCancel(t *testing.T) {
	r := newRig(t)
	at := r.register("2002")
	callee := r.start(r.scenario("ring.xml", "", "", at))
	call := r.scenario("cancel.xml", "2001", "2002", r.address())
	call.Pause = 500 * time.Millisecond
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "internal", From: "2001", To: "2002", Status: 487, EndedBy: "caller"})
	r.nothingLeft()
}

func TestBusy(t *testing.T) {
	r := newRig(t)
	at := r.register("2002")
	callee := r.start(r.scenario("answer-busy.xml", "", "", at))
	r.finish(r.start(r.scenario("busy.xml", "2001", "2002", r.address())), callee)
	r.record(cdr{Direction: "internal", From: "2001", To: "2002", Status: 486, EndedBy: "switch"})
	r.nothingLeft()
}

func TestNoAnswer(t *testing.T) {
	const number = "+81312345679"
	r := newRig(t)
	r.put("dids/"+number, map[string]any{"number": number, "to": []string{"2002"}, "ring_seconds": 5})
	at := r.register("2002")
	callee := r.start(r.scenario("ring.xml", "", "", at))
	call := r.scenario("did-no-answer.xml", "09012345678", number, r.port(netip.MustParseAddr("127.0.0.2")))
	r.finish(r.start(call), callee)
	r.record(cdr{Direction: "inbound", From: "+819012345678", To: number, Status: 480, EndedBy: "switch", Trunk: "carrier"})
	r.nothingLeft()
}

func TestOutbound(t *testing.T) {
	r := newRig(t)
	at := r.address()
	r.put("trunks/carrier", map[string]any{"name": "carrier", "host": at.String(), "transport": "udp", "sources": []string{at.Addr().String() + "/32"},
		"prefixes": []string{"0"}, "media": "srtp-forbidden", "did_from": []string{"request-uri"}, "caller_id": did})
	carrier := r.start(r.scenario("answer.xml", "", "", at))
	call := r.scenario("call.xml", "2001", "0312340000", r.address())
	call.Pause = 500 * time.Millisecond
	r.finish(r.start(call), carrier)
	r.record(cdr{Direction: "outbound", From: "2001", To: "0312340000", AnsweredBy: "0312340000", Status: 200, EndedBy: "caller", Trunk: "carrier"})
	r.nothingLeft()
}
