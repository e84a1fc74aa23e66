package scenarios

import (
	"testing"
	"time"
)

// A telephone of an extension that has none sends calls on, a group passes it over, and one that is not to be disturbed stays silent: each
// set over REST and live for the next INVITE.
func TestDeskFeatures(t *testing.T) {
	r := newRig(t)
	to := func(n string) map[string]any { return map[string]any{"extension": n} }
	r.put("extensions/2009", map[string]any{"number": "2009"})
	r.put("settings/2009", map[string]any{"forward": map[string]any{"unregistered": to("2002")}})
	r.put("groups/6000", map[string]any{"strategy": "sequential", "members": []string{"2009", "2001"}, "overflow": to("2002")})
	at := r.register("2002")
	for _, dialled := range []string{"2009", "6000"} {
		callee := r.start(r.scenario("answer.xml", "", "", at))
		call := r.scenario("call.xml", "2001", dialled, r.address())
		call.Pause = 500 * time.Millisecond
		r.finish(r.start(call), callee)
	}
	for i, c := range r.records(2) {
		if c.AnsweredBy != "2002" || c.Status != 200 {
			t.Errorf("call %d: %+v", i, c)
		}
	}
	r.put("settings/2002", map[string]any{"do_not_disturb": true})
	r.finish(r.start(r.scenario("busy.xml", "2001", "2002", r.address())))
	r.nothingLeft()
}
