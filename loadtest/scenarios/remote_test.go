package scenarios

import (
	"encoding/json"
	"testing"
)

// TestRemoteSoftphone: a softphone outside the networks of the domain's sites hears why it may not call a number that is open in the office, and what to do in
// place of calling for help; inside them it calls both.
func TestRemoteSoftphone(t *testing.T) {
	r := newRig(t)
	line, home := r.address(), r.address()
	r.put("trunks/line", map[string]any{"host": line.String(), "transport": "udp", "prefixes": []string{"0", "1"}, "media": "srtp-forbidden"})
	r.put("restrictions/homework", map[string]any{"rights": map[string]any{"classes": []string{}}})
	site := func(network string) {
		r.put("sites/hall", map[string]any{"title": "Hall", "address": "Chiyoda 1-1", "emergency_number": did, "networks": []string{network}})
	}
	site("192.0.2.0/24")
	status, answer, err := r.pbx.Do(r.Context(), "GET", "/v1/domains/"+r.pbx.Domain, nil)
	r.must(err)
	var self map[string]any
	if r.must(json.Unmarshal(answer, &self)); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	self["remote"] = map[string]any{"restriction": "homework", "softphones": []string{"sipp"}}
	r.put("/v1/domains/"+r.pbx.Domain, self)
	for _, number := range []string{"0398765432", "119"} {
		r.finish(r.start(r.scenario("barred.xml", "2001", number, home)))
	}
	for i, c := range r.records(2) {
		if c.Status != 403 || c.EndedBy != "switch" {
			t.Errorf("call %d from outside: %+v", i, c)
		}
	}
	site(home.Addr().String() + "/32")
	for _, number := range []string{"0398765432", "119"} {
		callee := r.start(r.scenario("answer.xml", "", "", line))
		r.finish(r.start(r.scenario("call.xml", "2001", number, home)), callee)
	}
	for i, c := range r.records(4)[:2] {
		if c.Status != 200 || c.EndedBy != "caller" {
			t.Errorf("call %d from the office: %+v", i, c)
		}
	}
	r.nothingLeft()
}
