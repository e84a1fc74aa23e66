package scenarios

import (
	"encoding/json"
	"testing"
)

// A class of restriction set over REST is live for the next INVITE: the caller hears why, the question "may 2001 dial this now" has the same
// answer as the call, and nobody is restricted from calling inside.
func TestRestriction(t *testing.T) {
	r := newRig(t)
	r.put("restrictions/inside", map[string]any{"rights": map[string]any{"classes": []string{}}, "with_pin": map[string]any{"classes": []string{"national"}}})
	r.put("departments/tax", map[string]any{"restriction": "inside"})
	r.put("trunks/carrier", map[string]any{"host": "127.0.0.1:9", "transport": "udp", "prefixes": []string{"0"}})
	status, body, err := r.pbx.Do(r.Context(), "GET", "extensions/2001", nil)
	r.must(err)
	var e map[string]any
	if r.must(json.Unmarshal(body, &e)); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	e["department"] = "tax"
	r.put("extensions/2001", e)

	r.finish(r.start(r.scenario("barred.xml", "2001", "0398765432", r.address())))
	if c := r.records(1)[0]; c.Status != 403 || c.To != "0398765432" || c.EndedBy != "switch" {
		t.Errorf("%+v", c)
	}
	status, body, err = r.pbx.Do(r.Context(), "GET", "extensions/2001/limits?dial=0398765432", nil)
	r.must(err)
	var what struct {
		Dial struct {
			Allowed bool
			ByPIN   bool `json:"by_pin"`
			Why     string
		}
	}
	if r.must(json.Unmarshal(body, &what)); status != 200 || what.Dial.Allowed || !what.Dial.ByPIN || what.Dial.Why != "class inside of 2001: national is closed without the PIN" {
		t.Errorf("%d %s", status, body)
	}
	r.put("short-numbers/system", map[string]any{"entries": []map[string]any{{"code": "12", "number": "2002"}}})
	at := r.register("2002")
	callee := r.start(r.scenario("answer.xml", "", "", at))
	r.finish(r.start(r.scenario("call.xml", "2001", "*012", r.address())), callee)
	r.nothingLeft()
}
