package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/recorder"
)

// Who may not know of a recording lets nobody else hear it, whatever they approved.
func TestApproverOutsideScope(t *testing.T) {
	d := newDoor(t)
	d.put(t, provisioning.RecordingScope{User: "kacho", Numbers: []string{"0399999999"}})
	d.ask(t, "a", nil)
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("approved from outside: %v", err)
	}
	if got := d.trail(t); len(got) != 1 || !strings.Contains(got[0], "rule="+ruleApprover) {
		t.Errorf("%q", got)
	}
	d.put(t, provisioning.RecordingScope{User: "kacho", Numbers: []string{"0399999999", heardItem.Number}})
	if _, err := d.knock(recorder.Listen, heardItem); err != nil {
		t.Errorf("approved from within: %v", err)
	}
}

// A refusal is in the log of who tried, without what another domain knows of the recording.
func TestRefusalOfAnotherDomain(t *testing.T) {
	d := newDoor(t)
	i := heardItem
	i.Domain = "b.example"
	if _, err := d.knock(recorder.Listen, i); !errors.Is(err, recorder.ErrNotFound) {
		t.Fatal(err)
	}
	if err := d.store.View(t.Context(), func(r provisioning.Reader) error {
		all, err := r.Audit(keepDomain, provisioning.AuditQuery{Action: "recording."})
		if len(all) != 1 || all[0].Outcome != "denied" || !strings.Contains(all[0].Rule, policy.RuleOtherDomain) || strings.Contains(fmt.Sprint(all[0]), i.Number) {
			t.Errorf("%+v", all)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Who has a scope is told of nothing else, and files are for who was granted them.
func TestGateScopes(t *testing.T) {
	d := newDoor(t)
	d.ask(t, "a", func(q *provisioning.ListeningRequest) { q.Plays = 10 })
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Who", "taro+recording-listener")
	if s, _, err := d.Scope(r, keepDomain); err != nil || !s.All {
		t.Errorf("%+v %v", s, err)
	}
	if _, _, err := d.Scope(r, "b.example"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("another domain: %v", err)
	}
	for name, c := range map[string]struct {
		scope provisioning.RecordingScope
		want  error
	}{
		"its number":     {provisioning.RecordingScope{Numbers: []string{"0312345678"}}, nil},
		"its group":      {provisioning.RecordingScope{Groups: []string{"7001"}, Labels: []string{"internal"}}, nil},
		"another number": {provisioning.RecordingScope{Numbers: []string{"0399999999"}}, recorder.ErrNotFound},
		"nothing":        {provisioning.RecordingScope{Nothing: true}, recorder.ErrNotFound},
		"a lower label":  {provisioning.RecordingScope{Numbers: []string{"0312345678"}, Labels: []string{"public"}}, recorder.ErrNotFound},
	} {
		c.scope.User = "taro"
		d.put(t, c.scope)
		for _, action := range []recorder.Action{recorder.List, recorder.Listen, recorder.Look} {
			if _, err := d.knock(action, heardItem); !errors.Is(err, c.want) {
				t.Errorf("%s: %s: %v", name, action, err)
			}
		}
	}
	d.put(t, provisioning.RecordingScope{User: "taro", Nothing: true})
	if s, _, err := d.Scope(r, keepDomain); err != nil || s.All || s.Covers(heardItem) {
		t.Errorf("nothing: %+v %v", s, err)
	}
	if got := d.trail(t); !strings.Contains(strings.Join(got, "|"), "recording.listen denied r1 taro@"+keepDomain+" rule="+ruleScope) {
		t.Errorf("%q", got)
	}
	d.put(t, provisioning.RecordingScope{User: "taro", Numbers: []string{"0312345678"}})
	if _, err := d.knock(recorder.Download, heardItem); !errors.Is(err, recorder.ErrStreamOnly) {
		t.Errorf("a file: %v", err)
	}
	d.put(t, provisioning.ListeningRules{Download: []string{"internal"}})
	d.ask(t, "b", func(q *provisioning.ListeningRequest) { q.Download = true })
	if p, err := d.knock(recorder.Download, heardItem); err != nil || !p.Terms().Whole {
		t.Errorf("a file that was granted: %v", err)
	}
}
