package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/sip/event"
	"naisen/sip/siptest"
)

// What an agent dials stands in the store, by its own name; who serves no queue sets nothing.
func TestAgentCodes(t *testing.T) {
	st := simStore(t, simQueue(nil)...)
	var ready []queue.Key
	c := agentCodes{st, func(k queue.Key) { ready = append(ready, k) }}
	ctx := context.Background()
	agent := func() string {
		var a provisioning.Agent
		_ = st.View(ctx, func(r provisioning.Reader) (err error) {
			a, _, err = provisioning.Get[provisioning.Agent](r, simDomain, "2001")
			return err
		})
		return fmt.Sprintf("%v %v %s", a.SignedIn, a.Queues, a.Paused)
	}
	check := func(what string, err error, got, want bool, row string) {
		t.Helper()
		if err != nil || got != want || agent() != row {
			t.Errorf("%s: %v %v, row %q, want %v %q", what, got, err, agent(), want, row)
		}
	}
	paused, err := c.Pause(ctx, simDomain, "2001", "3")
	check("pause", err, paused, true, "true [] 会議")
	check("ready", c.Ready(ctx, simDomain, "2001"), false, false, "true [] ")
	in, err := c.SignInOrOut(ctx, simDomain, "2001", "7001")
	check("out of its one queue", err, in, false, "false [] ")
	in, err = c.SignInOrOut(ctx, simDomain, "2001", "")
	check("in", err, in, true, "true [] ")
	for what, err := range map[string]error{"another queue": second(c.SignInOrOut(ctx, simDomain, "2001", "7009")), "no agent": second(c.SignInOrOut(ctx, simDomain, "2004", "")),
		"no reason": second(c.Pause(ctx, simDomain, "2001", "9")), "nobody": c.Ready(ctx, simDomain, "2004")} {
		if err == nil {
			t.Errorf("%s: done", what)
		}
	}
	if len(ready) != 1 || ready[0].Number != "2001" {
		t.Errorf("wrap-ups ended: %v", ready)
	}
	err = st.View(ctx, func(r provisioning.Reader) error {
		log, err := r.Audit(simDomain, provisioning.AuditQuery{Action: "agent."})
		var who []string
		for _, e := range log {
			if e.Subject != "system" {
				who = append(who, e.Subject+" "+e.Action)
			}
		}
		if got := strings.Join(who, "; "); strings.Count(got, "extension 2001@"+simDomain+" agent.put") != 4 || strings.Count(got, "agent.state") != 1 {
			t.Errorf("audit: %s", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

// The lamp of an agent follows what it does: lit for who takes calls, blinking in the wrap-up; one key dials and shows it.
func TestAgentLamp(t *testing.T) {
	onStage(t, "agent-lamp", func(o *stage) {
		panel := o.panelOn("*452001", "confirmed")
		a := o.enters(simQueueDID)
		first := o.phones["2001"]
		in := first.Expect("INVITE")
		b := side{first, in, first.Reply(in, 200, with(first, "0 8 101")), false}
		first.Expect("ACK")
		o.wait(5 * time.Second)
		b.bye(a)
		o.lampBecomes(panel, "early") // the wrap-up
		o.wait(10 * time.Second)
		o.lampBecomes(panel, "confirmed")
		o.ends(o.script(first, "*462"), 1)
		if got := strings.Join(o.desk.set, "; "); got != "2001 pause 2" {
			t.Errorf("set %q", got)
		}
		if got := o.library.heard(); !strings.HasSuffix(got, "agent/paused") {
			t.Errorf("heard %q", got)
		}
		o.wait(time.Minute)
	}, simQueue(nil)...)
	onStage(t, "", func(o *stage) { // the code alone is the watcher's own: the panel serves no queue, and its lamp is dark
		o.panelOn("*45", "")
		if got := o.p.signalling.ownLamp(o.aor("2002"), o.aor("*45")); got != o.aor("*452002") {
			t.Errorf("own lamp: %v", got)
		}
		if got := o.p.signalling.maySee(o.aor("2002"), o.aor("*459999"), "dialog"); got != 404 {
			t.Errorf("the lamp of nobody: %d", got)
		}
		o.wait(time.Minute)
	}, simQueue(nil)...)
}

func (o *stage) aor(number string) event.AOR { return event.AOR{User: number, Domain: simDomain} }

// lampBecomes takes NOTIFYs until a lamp shows a state.
func (o *stage) lampBecomes(p *siptest.Phone, want string) {
	o.t.Helper()
	var last string
	for range 20 {
		r := p.Expect("NOTIFY")
		p.Reply(r, 200, nil)
		if last = string(r.Body); strings.Contains(last, "<state>"+want+"</state>") {
			return
		}
	}
	o.t.Errorf("the lamp never shows %s, but %s", want, last)
}
