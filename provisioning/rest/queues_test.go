package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestQueueIsRefused: what cannot be is refused with the field and the reason.
func TestQueueIsRefused(t *testing.T) {
	r := newRig(t)
	if p := r.do(t, admin, "PUT", base+"/queues/7008", `{"members":[{"agent":"2001"}],"overflow":{"length":{"number":"7009"},"payer":"2001"}}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/queues/2002", `{"members":[{"agent":"2001"}]}`); p.status != 422 || !strings.Contains(p.body, "number") {
		t.Errorf("an extension's number: %d %s", p.status, p.body)
	}
	for body, want := range map[string]string{
		`{"members":[]}`: "members must have 1 to 200",
		`{"members":[{"agent":"2001"},{"agent":"2001"}]}`:                                                          "members[1].agent is there twice",
		`{"members":[{"agent":"9999"}]}`:                                                                           "members[0].agent names extension",
		`{"members":[{"agent":"2001"}],"strategy":"skills"}`:                                                       "skill belongs to strategy skills",
		`{"members":[{"agent":"2001"}],"strategy":"fastest"}`:                                                      "strategy must be one of",
		`{"members":[{"agent":"2001"}],"announce":{"every_seconds":5}}`:                                            "announce.every_seconds",
		`{"members":[{"agent":"2001"}],"announce":{"welcome":"../x"}}`:                                             "announce.welcome must be a prompt",
		`{"members":[{"agent":"2001"}],"supervisors":["nobody"]}`:                                                  "supervisors[0] names user",
		`{"members":[{"agent":"2001"}],"call_back":{"offer":true}}`:                                                "call_back.payer is missing",
		`{"members":[{"agent":"2001"}],"call_back":{"offer":true,"payer":"9999"}}`:                                 "call_back.payer names extension",
		`{"members":[{"agent":"2001"}],"overflow":{"time":{"number":"2001"}}}`:                                     "overflow.payer must name",
		`{"members":[{"agent":"2001"}],"overflow":{"time":{"number":"7009"},"payer":"2001"}}`:                      "overflow.time.number leads back",
		`{"members":[{"agent":"2001"}],"overflow":{"time":{"number":"7008"},"payer":"2001"}}`:                      "overflow.time.number leads back to the queue by 7008",
		`{"members":[{"agent":"2001"}],"overflow":{"time":{"number":"119"},"payer":"2001"}}`:                       "overflow.time.number is an emergency",
		`{"members":[{"agent":"2001"}],"overflow":{"closed":{"voicemail":"7100","number":"2001"},"payer":"2001"}}`: "overflow.closed must name exactly one",
		`{"members":[{"agent":"2001"}],"overflow":{"closed":{"voicemail":"7999"}}}`:                                "overflow.closed.voicemail names mailbox",
		`{"members":[{"agent":"2001"}],"overflow":{"time":"7100"}}`:                                                "overflow.time expected",
		`{"members":[{"agent":"2001"}],"policy":"none"}`:                                                           "policy names policy",
		`{"members":[{"agent":"2001"}],"target":{"percent":101}}`:                                                  "target.percent must be 0 to 100",
	} {
		p := r.do(t, admin, "PUT", base+"/queues/7009", body)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, strings.Fields(want)[0]) || !strings.Contains(p.body, strings.Join(strings.Fields(want)[1:], " ")) {
			t.Errorf("%s: %d %s, want %q", body, p.status, p.body, want)
		}
	}
	if p := r.do(t, admin, "GET", base+"/queues/7009", ""); p.status != 404 {
		t.Error("half of a refused queue stays")
	}
}

// TestAgentSetsItsState: agents do so for themselves, supervisors see, others do not.
func TestAgentSetsItsState(t *testing.T) {
	r := newRig(t)
	const alice, bob = "alice+staff", "bob+staff"
	state := base + "/agents/2001/state"
	if p := r.do(t, alice, "PUT", state, `{"signed_in":true}`); p.status != 200 || p.json(t)["signed_in"] != true || p.header.Get("ETag") == "" {
		t.Fatalf("sign-in: %d %s", p.status, p.body)
	}
	if p := r.do(t, alice, "PUT", state, `{"paused":"昼食"}`); p.status != 200 || p.json(t)["signed_in"] != true || p.json(t)["paused"] != "昼食" {
		t.Errorf("pause: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/queues/7001", `{"members":[{"agent":"2001"}],"supervisors":["bob"]}`); p.status != 200 {
		t.Fatalf("supervisor: %d %s", p.status, p.body)
	}
	if p := r.do(t, alice, "PUT", state, `{"queues":["7999"]}`); p.status != 422 || !strings.Contains(p.body, "queues[0]") {
		t.Errorf("a queue that is none: %d %s", p.status, p.body)
	}
	if p := r.do(t, alice, "PUT", state, `{"signed_in":false}`); p.json(t)["paused"] != nil {
		t.Errorf("whoever goes home is not at lunch: %s", p.body)
	}
	for _, c := range []struct {
		who, method, path string
		want              int
	}{
		{bob, "PUT", state, 404}, {bob, "GET", state, 404}, {bob, "POST", base + "/agents/2001/ready", 404}, {alice, "POST", base + "/agents/2001/ready", 204},
		{alice, "GET", state, 200}, {alice, "GET", base + "/queues/7001/state", 404}, {bob, "GET", base + "/queues/7001/state", 200},
		{admin, "GET", base + "/queues/7009/state", 404}, {alice, "PUT", base + "/agents/2001", 403}, {alice, "PUT", base + "/agents/9999/state", 404},
	} {
		if p := r.do(t, c.who, c.method, c.path, map[string]string{"PUT": "{}"}[c.method]); p.status != c.want {
			t.Errorf("%s %s %s: %d %s, want %d", c.who, c.method, c.path, p.status, p.body, c.want)
		}
	}
	if n := len(r.audit(t, here, "agent.put")); n != 5 { // the rig's, three that changed something, and one that was denied
		t.Errorf("%d entries for agents", n)
	}
}

// TestReports: JSON and CSV of the same rows, bounded in time, with definitions in both languages.
func TestReports(t *testing.T) {
	r := newRig(t)
	at := time.Date(2026, 11, 2, 1, 0, 0, 0, time.UTC)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for i, id := range []string{"a-q1", "b-q1"} {
			v := provisioning.QueueVisit{ID: id, Domain: here, Queue: "7001", DID: "+81312345678", Arrived: at.Add(time.Duration(i) * time.Hour),
				Ended: at, Outcome: provisioning.OutcomeAnswered, Agent: "2001", WaitMS: 5000, TalkMS: 60000}
			if err := w.AddVisit(v); err != nil {
				return err
			}
		}
		return w.AddStint(provisioning.AgentStint{Domain: here, Agent: "2001", State: "wrap-up", Queue: "7001", Started: at, Ended: at.Add(30 * time.Second)})
	}))
	const times = "?from=2026-11-02T00:00:00Z&until=2026-11-03T00:00:00Z"
	var got struct {
		Lines []struct {
			Key     string  `json:"key"`
			Offered int     `json:"offered"`
			Level   float64 `json:"service_level"`
			WrapUp  float64 `json:"wrap_up_s"`
		}
		Definitions []struct{ Column, JA, EN string }
	}
	p := r.do(t, admin, "GET", base+"/reports/queues"+times, "")
	must(t, json.Unmarshal([]byte(p.body), &got))
	if len(got.Lines) != 1 || got.Lines[0].Key != "7001" || got.Lines[0].Offered != 2 || got.Lines[0].Level != 100 || got.Lines[0].WrapUp != 30 {
		t.Errorf("%s", p.body)
	}
	if len(got.Definitions) == 0 || got.Definitions[0].JA == "" || got.Definitions[0].EN == "" {
		t.Errorf("definitions: %+v", got.Definitions)
	}
	if p := r.do(t, admin, "GET", base+"/reports/agents"+times+"&interval=1h&queue=7001", ""); strings.Count(p.body, `"key":"2001"`) != 2 {
		t.Errorf("by the hour: %s", p.body)
	}
	p = r.do(t, admin, "GET", base+"/reports/dids/csv"+times, "")
	if p.status != 200 || !strings.HasPrefix(p.header.Get("Content-Type"), "text/csv") || !strings.Contains(p.body, "\n'+81312345678,") ||
		!strings.Contains(p.header.Get("Content-Disposition"), "dids.csv") {
		t.Errorf("CSV: %d %v\n%s", p.status, p.header, p.body)
	}
	for _, query := range []string{"?from=2026-11-02T00:00:00Z&until=2026-11-02T00:00:00Z", "?from=2020-11-02T00:00:00Z&until=2026-11-02T00:00:00Z", "", times + "&interval=7m"} {
		if p := r.do(t, admin, "GET", base+"/reports/queues"+query, ""); p.status != 422 {
			t.Errorf("%q: %d %s", query, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "GET", base+"/reports/floors"+times, ""); p.status != 422 && p.status != 404 {
		t.Errorf("a report that is none: %d", p.status)
	}
}
