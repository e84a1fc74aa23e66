package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// testQueueLog: each row is kept once, in order, and found by its domain, time and key alone.
func testQueueLog(t *testing.T, open Open) {
	s := fresh(t, open)
	at := func(minute int) time.Time { return time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC) }
	visit := func(i int, queue string) provisioning.QueueVisit {
		return provisioning.QueueVisit{ID: fmt.Sprint("c", i, "-q1"), Domain: domA, Queue: queue, From: "+819011112222", Arrived: at(i), Ended: at(i + 1),
			Outcome: provisioning.OutcomeAnswered, Agent: "2001", WaitMS: 60_000, TalkMS: 1000, Offers: 1}
	}
	stint := func(i int, agent string) provisioning.AgentStint {
		return provisioning.AgentStint{Domain: domA, Agent: agent, State: "paused", Reason: "昼食", Started: at(i), Ended: at(i + 1)}
	}
	before, audited := version(t, s), auditSize(t, s)
	update(t, s, system(), func(w provisioning.Writer) error {
		for _, i := range []int{3, 1, 2, 2} {
			if err := errors.Join(w.AddVisit(visit(i, "7001")), w.AddStint(stint(i, "2001"))); err != nil {
				return err
			}
		}
		again := visit(1, "7001")
		again.Outcome = provisioning.OutcomeAbandoned
		elsewhere := visit(1, "7001")
		elsewhere.Domain, elsewhere.From = domB, "\r\n="+strings.Repeat("x", 5000)
		return errors.Join(w.AddVisit(again), w.AddVisit(elsewhere), w.AddVisit(visit(9, "7002")), w.AddStint(stint(9, "2002")))
	})
	if version(t, s) != before || auditSize(t, s) != audited {
		t.Error("rows of the log are in the feed or the audit log")
	}
	view(t, s, func(r provisioning.Reader) error {
		for _, c := range []struct {
			q              provisioning.LogQuery
			visits, stints string
		}{
			{provisioning.LogQuery{}, "1 2 3 9", "1 2 3 9"},
			{provisioning.LogQuery{Queue: "7001", Agent: "2001"}, "1 2 3", "1 2 3"},
			{provisioning.LogQuery{From: at(2), Until: at(3)}, "2", "2"},
			{provisioning.LogQuery{Limit: 1}, "1", "1"},
			{provisioning.LogQuery{Queue: "\x00", Agent: "\x00"}, "", ""},
		} {
			visits, err := r.Visits(domA, c.q)
			if err != nil {
				return err
			}
			stints, err := r.Stints(domA, c.q)
			if err != nil {
				return err
			}
			var a, b []string
			for _, v := range visits {
				a = append(a, fmt.Sprint(v.Arrived.Minute()))
			}
			for _, x := range stints {
				b = append(b, fmt.Sprint(x.Started.Minute()))
			}
			if got := strings.Join(a, " ") + "|" + strings.Join(b, " "); got != c.visits+"|"+c.stints {
				t.Errorf("%+v gives %s, want %s|%s", c.q, got, c.visits, c.stints)
			}
		}
		if all, err := r.Visits(domA, provisioning.LogQuery{Limit: 1}); err != nil || all[0] != visit(1, "7001") {
			t.Errorf("a visit reads %+v, %v", all, err)
		}
		if all, err := r.Stints(domA, provisioning.LogQuery{Limit: 1}); err != nil || all[0] != stint(1, "2001") {
			t.Errorf("a stint reads %+v, %v", all, err)
		}
		other, err := r.Visits(domB, provisioning.LogQuery{})
		if err != nil || len(other) != 1 || strings.ContainsAny(other[0].From, "\r\n") || len(other[0].From) > 1024 {
			t.Errorf("the other domain: %d, %v", len(other), err)
		}
		return nil
	})
	for name, write := range map[string]func(provisioning.Writer) error{
		"visit elsewhere": func(w provisioning.Writer) error { v := visit(1, "7001"); v.Domain = domB; return w.AddVisit(v) },
		"stint elsewhere": func(w provisioning.Writer) error { x := stint(1, "2001"); x.Domain = domB; return w.AddStint(x) },
		"no outcome":      func(w provisioning.Writer) error { v := visit(1, "7001"); v.Outcome = ""; return w.AddVisit(v) },
		"backwards":       func(w provisioning.Writer) error { x := stint(1, "2001"); x.Ended = at(0); return w.AddStint(x) },
	} {
		if err := s.Update(t.Context(), admin(domA), write); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
