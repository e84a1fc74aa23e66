package scenarios

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// agents: an agent signs in, takes a call from the queue, ends the wrap-up, pauses and signs out by its telephone alone; a colleague's lamp
// follows, and so do the agent's state and the report.
func (d *day) agents() {
	began := time.Now()
	d.put("queues/7101", map[string]any{"title": "窓口", "members": []map[string]any{{"agent": "2241"}}, "wrap_up_seconds": 600})
	at := d.register("2241")
	events := d.listen("queue,agent")
	lamp := d.lampOf("2242", "*452241")
	lamp.shows("agent", "")
	d.dials("2241", "*45", "agent-sign-in-or-out")
	lamp.shows("agent", "confirmed")
	agent := d.run("answer.xml", "", "", at, 0)
	caller := d.run("hung-up.xml", "2243", "7101", d.address(), 0)
	id := d.live("2243", "7101", "talking")
	d.told(events, "talking", regexp.MustCompile(`event: agent\ndata: .*"number":"2241","state":"talking"`))
	d.told(events, "waiting", regexp.MustCompile(`event: queue\ndata: \{"key":"7101"`))
	d.ends(id)
	d.finish(caller, agent)
	d.answered(d.record("2243", "7101"), "2241")
	lamp.shows("agent", "early") // the wrap-up
	d.dials("2241", "*47", "agent-ready")
	lamp.shows("agent", "confirmed")
	d.dials("2241", "*462", "agent-pause")
	lamp.shows("agent", "early")
	var state struct{ State, Reason string }
	if d.get("agents/2241/state", &state); state.State != "paused" || state.Reason != "休憩" {
		d.Errorf("state %+v", state)
	}
	d.dials("2241", "*45", "agent-sign-in-or-out")
	lamp.shows("agent", "")
	query := "?from=" + url.QueryEscape(began.Add(-time.Minute).Format(time.RFC3339)) + "&until=" + url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))
	type line struct {
		Key               string
		Offered, Answered int
	}
	var report struct{ Lines []line }
	if !d.eventually(func() bool {
		d.get("reports/agents"+query, &report)
		return slices.Contains(report.Lines, line{"2241", 1, 1})
	}) {
		d.Errorf("report %+v", report)
	}
	status, csv, err := d.pbx.Do(d.Context(), "GET", "reports/queues/csv"+query, nil)
	if d.must(err); status != 200 || !strings.Contains(string(csv), "7101") {
		d.Errorf("%d %s", status, csv)
	}
}

// overflow: an agent that is signed in over REST is rung; when it is signed out nobody serves the queue, and it sends its callers on.
func (d *day) overflow() {
	d.put("queues/7102", map[string]any{"title": "夜間", "members": []map[string]any{{"agent": "2251"}}, "overflow": map[string]any{"no_agents": map[string]any{"extension": "2252"}, "payer": "2251"}})
	agent, porter := d.register("2251"), d.register("2252")
	d.put("agents/2251/state", map[string]any{"signed_in": true})
	d.reaches("2253", "7102", "2251", agent)
	d.put("agents/2251/state", map[string]any{"signed_in": false})
	d.reaches("2253", "7102", "2252", porter)
	var state struct {
		Today struct{ Offered, Answered, Overflowed int }
	}
	if d.get("queues/7102/state", &state); state.Today.Offered != 2 || state.Today.Answered != 1 || state.Today.Overflowed != 1 {
		d.Errorf("the queue's day: %+v", state)
	}
}
