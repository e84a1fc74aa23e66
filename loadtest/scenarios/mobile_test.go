package scenarios

import (
	"net/netip"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestMobiles: a mobile beyond a carrier that is no telephone of ours takes its owner's call by 1, is rung for a call that its owner asks for, and calls on
// through the office after the PIN, by its own call or called back after one that nobody answered: each time it is its owner, by the records, and so it is to the colleague.
func TestMobiles(t *testing.T) {
	r := newRig(t)
	const number, through, back = "09012345678", "+81312345699", "+81312345698"
	mobile := r.address()
	r.put("trunks/carrier", map[string]any{"name": "carrier", "host": mobile.String(), "transport": "udp", "sources": []string{mobile.Addr().String() + "/32"},
		"prefixes": []string{"0"}, "media": "srtp-forbidden", "did_from": []string{"request-uri"}, "caller_id": did})
	owner := r.person("hanako")
	r.extension("2102", map[string]any{"user": "hanako"})
	status, answer, err := r.pbx.DoAs(r.Context(), owner, "PUT", "extensions/2102/pin", map[string]any{"pin": dayPIN})
	if r.must(err); status != 204 {
		t.Fatalf("PIN: %d %s", status, answer)
	}
	r.put("settings/2102", map[string]any{"mobile": map[string]any{"number": number}})
	r.put("dids/"+through, map[string]any{"call_through": true})
	r.put("dids/"+back, map[string]any{"call_back": true})
	colleague := r.register("2001")
	run := func(file, user, to string, at netip.AddrPort) *peer.Sipp {
		s := r.scenario(file, user, to, at)
		s.Pause, s.Patience, s.Keys = 500*time.Millisecond, 40*time.Second, map[string]string{"display": "Hanako"}
		return r.start(s)
	}
	said := func(what string, want cdr, n int) {
		t.Helper()
		if got := r.records(n)[0]; got.Direction != want.Direction || got.From != want.From || got.To != want.To || got.AnsweredBy != want.AnsweredBy || got.Status != 200 ||
			got.EndedBy != want.EndedBy || got.TalkMS == 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}

	takes := run("answer-confirm.xml", "", "", mobile)
	r.finish(run("call.xml", "2001", "2102", r.address()), takes)
	said("twinning", cdr{Direction: "internal", From: "2001", To: "2102", AnsweredBy: "2102", EndedBy: "caller"}, 1)

	takes, callee := run("answer-confirm.xml", "", "", mobile), run("answer-bye.xml", "", "", colleague)
	if status, answer, err = r.pbx.DoAs(r.Context(), owner, "POST", "calls", map[string]any{"from": "2102", "to": "2001"}); err != nil || status != 202 {
		t.Fatalf("POST calls: %d %s %v", status, answer, err)
	}
	r.finish(takes, callee)
	said("call-back", cdr{Direction: "internal", From: "2102", To: "2001", AnsweredBy: "2001", EndedBy: "called"}, 2)

	callee = run("answer-bye.xml", "", "", colleague)
	r.finish(run("did-through.xml", number, through, r.port(mobile.Addr())), callee)
	said("call-through", cdr{Direction: "internal", From: "2102", To: "2001", AnsweredBy: "2001", EndedBy: "called"}, 3)

	takes, callee = run("answer-through.xml", "", "", mobile), run("answer-bye.xml", "", "", colleague)
	r.finish(run("did-missed.xml", number, back, r.port(mobile.Addr())), takes, callee)
	said("call-back after a missed call", cdr{Direction: "internal", From: "2102", To: "2001", AnsweredBy: "2001", EndedBy: "called"}, 5)
	r.nothingLeft()
}
