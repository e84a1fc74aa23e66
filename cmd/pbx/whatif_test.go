package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// town is a store with a number, a calendar, a trunk and what was called.
func town(t *testing.T, calls int) (provisioning.Store, *directory.Directory) {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	err = s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, e := range []provisioning.Entity{
			provisioning.Domain{Name: simDomain, Language: "ja"}, provisioning.RecordingPolicy{Name: "year", Record: provisioning.RecordAlways, Notice: "early-media", RetentionDays: 365},
			provisioning.Trunk{Name: "carrier", Host: "sip.example.net", Prefixes: []string{"0"}}, provisioning.Trunk{Name: "second", Host: "sip2.example.net", Prefixes: []string{"09"}},
			provisioning.Extension{Number: "2001"}, provisioning.Extension{Number: "2002"},
			provisioning.Calendar{Name: "hall", Hours: []provisioning.Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "08:30", To: "17:15"}}},
			provisioning.DID{Number: "+81312345678", To: []string{"2001"}, Policy: "year"},
		} {
			if _, err := w.Put(simDomain, e, ""); err != nil {
				return err
			}
		}
		noon := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC) // a Monday in Japan
		for i := range calls {
			c := provisioning.CDR{ID: fmt.Sprintf("c%06d", i), Domain: simDomain, Direction: "inbound", Trunk: "carrier", From: "+81398765432", To: "+81312345678",
				Started: noon.Add(-time.Duration(i) * time.Hour)}
			if i%3 == 1 {
				c.Direction, c.Trunk, c.From, c.To = "outbound", "", "2001", "09012345678"
			}
			if i%3 == 2 {
				c.Page = "p"
			}
			if err := w.AddCDR(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(t.Context(), s, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return s, d
}

func setOf(changes ...provisioning.SetChange) provisioning.ChangeSet {
	return provisioning.ChangeSet{ID: "s", Reason: "x", Changes: changes}
}

func merging(kind, key, body string) provisioning.SetChange {
	return provisioning.SetChange{Kind: kind, Key: key, Do: provisioning.DoMerge, Body: json.RawMessage(body)}
}

// A set is tried on what was called, at the time at which it was, and nothing is changed.
func TestWhatIf(t *testing.T) {
	const calls = 24 // hours, of which 8 are inbound and 8 outbound
	s, d := town(t, calls)
	now := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	try := whatIf{s, d, func() time.Time { return now }}
	who := provisioning.Subject{Domain: simDomain, User: "root", Roles: []provisioning.Role{provisioning.RoleAdmin}}
	ask := func(set provisioning.ChangeSet, q provisioning.WhatIfQuery) provisioning.WhatIfAnswer {
		t.Helper()
		a, err := try.WhatIf(t.Context(), who, simDomain, set, q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	before := d.Snapshot().Version()
	a := ask(setOf(merging("did", "+81312345678", `{"to":["2002"]}`)), provisioning.WhatIfQuery{})
	if a.Calls != calls || a.Skipped != 8 || a.Changed != 8 || !a.Complete || a.Kinds[0].Calls != 8 || len(a.Kinds[0].Examples) != 5 || a.Kinds[1].Calls+a.Kinds[2].Calls+a.Kinds[3].Calls != 0 {
		t.Errorf("%+v", a)
	}
	if e := a.Kinds[0].Examples[0]; e.Before != "2001" || e.After != "2002" || e.From != "+81398765432" {
		t.Errorf("%+v", e)
	}
	a = ask(setOf(merging("did", "+81312345678", `{"closing":{"calendar":"hall","night":{"announce":"notice/closed"}}}`)), provisioning.WhatIfQuery{})
	if a.Changed == 0 || a.Changed == 8 { // by night only, and half of the calls were by day
		t.Errorf("a calendar: %+v", a)
	}
	a = ask(setOf(merging("policy", "year", `{"record":"on_demand"}`)), provisioning.WhatIfQuery{})
	if a.Changed != 8 || a.Kinds[2].Calls != 8 || a.Kinds[3].Calls != 8 || a.Kinds[0].Calls != 0 {
		t.Errorf("a policy: %+v", a)
	}
	a = ask(setOf(merging("trunk", "second", `{"disabled":true}`)), provisioning.WhatIfQuery{})
	if a.Changed != 8 || a.Kinds[1].Calls != 8 || a.Kinds[1].Examples[0].Before != "second" || a.Kinds[1].Examples[0].After != "carrier" {
		t.Errorf("a trunk: %+v", a)
	}
	sum, q := 0, provisioning.WhatIfQuery{Limit: 5}
	for pages := 0; ; pages++ {
		page := ask(setOf(merging("did", "+81312345678", `{"to":["2002"]}`)), q)
		if sum += page.Changed; page.Next == "" {
			break
		}
		if q.After = page.Next; pages > calls {
			t.Fatal("it does not end")
		}
	}
	if sum != 8 {
		t.Errorf("by pages %d differ", sum)
	}
	if a = ask(setOf(merging("did", "+81312345678", `{"to":["2002"]}`)), provisioning.WhatIfQuery{Since: now.Add(-5 * time.Hour)}); a.Calls != 5 || !a.Complete {
		t.Errorf("the last five hours: %+v", a)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := try.WhatIf(ended, who, simDomain, setOf(merging("did", "+81312345678", `{}`)), provisioning.WhatIfQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is answered: %v", err)
	}
	if v := d.Snapshot().Version(); v != before {
		t.Error("something was changed")
	}
	if did, _ := d.Snapshot().DID(simDomain, "+81312345678"); did.To[0] != "2001" {
		t.Errorf("%+v", did)
	}
}

// What is due is carried out by the switch itself, at its time, after a restart too; who may not any more is refused, with an alarm.
func TestChangesAreDue(t *testing.T) {
	s, _ := town(t, 0)
	log, now := slog.New(slog.DiscardHandler), time.Date(2026, 11, 30, 1, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	who := provisioning.Subject{Domain: simDomain, User: "root"}
	user := func(roles ...provisioning.Role) {
		t.Helper()
		if err := s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			_, err := w.Put(simDomain, provisioning.User{Name: "root", Roles: roles}, "")
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	user(provisioning.RoleTelephony)
	plan := func(display string, at time.Time) string {
		t.Helper()
		by := provisioning.Wish{By: "root@" + simDomain, At: now}
		set := setOf(merging("extension", "2001", `{"display":"`+display+`"}`))
		set.ID, set.Effective = "", at
		draft, _, err := provisioning.SaveDraft(t.Context(), s, who, simDomain, set, "", by)
		if err == nil {
			_, _, err = provisioning.ProposeSet(t.Context(), s, who, simDomain, draft.ID, "", by)
		}
		if err != nil {
			t.Fatal(err)
		}
		return draft.ID
	}
	state := func(id string) (set provisioning.ChangeSet) {
		t.Helper()
		if err := s.View(t.Context(), func(r provisioning.Reader) (err error) {
			set, _, err = provisioning.Get[provisioning.ChangeSet](r, simDomain, id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return set
	}
	a := newAlarms(log, clock)
	c := &changes{store: s, policy: policy.New(), alarms: a, clock: clock, log: log, due: map[[2]string]time.Time{}, unreviewed: map[[2]string]string{}}
	id := plan("a", now.Add(time.Hour))
	c.note(simDomain, state(id))
	if nap := c.pass(t.Context()); nap > longestNap || state(id).State != provisioning.ChangeScheduled {
		t.Errorf("before its time it is %s", state(id).State)
	}
	now = now.Add(2 * time.Hour)
	if c.pass(t.Context()); state(id).State != provisioning.ChangeApplied {
		t.Errorf("at its time it is %s", state(id).State)
	}
	id = plan("b", now.Add(time.Hour))
	user(provisioning.RoleStaff)
	now = now.Add(2 * time.Hour)
	again, err := startChanges(t.Context(), s, false, policy.New(), a, clock, log) // finds what waits
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return state(id).Over() })
	again.Close()
	failed := false
	for _, al := range a.Alarms(simDomain) {
		failed = failed || al.Name == "change-failed" && al.Object == id
	}
	if set := state(id); set.State != provisioning.ChangeRefused || !failed {
		t.Errorf("who has no right any more: %s, alarm %t", set.State, failed)
	}

	user(provisioning.RoleTelephony)
	other := &changes{store: s, others: true, policy: policy.New(), alarms: a, clock: clock, log: log}
	other.pass(t.Context())
	id = plan("c", now.Add(time.Hour)) // at one node, which dies; nobody tells the other one
	now = now.Add(2 * time.Hour)
	if other.pass(t.Context()); state(id).State != provisioning.ChangeApplied {
		t.Errorf("of another node: %s", state(id).State)
	}
}
