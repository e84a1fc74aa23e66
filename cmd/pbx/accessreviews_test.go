package main

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// TestAccessReviewsOfASwitch: the review of a quarter opens by the clock and is an alarm until everything is answered for; what nobody confirmed ends, and
// people are told.
func TestAccessReviewsOfASwitch(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.put(provisioning.User{Name: "sato", Display: "s", Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleAuditor}})
	v := &accessReviews{store: l.p.store, alarms: l.p.alarms, log: l.p.log}
	year := time.Now().Year() + 1 // the switch's own worker looks at this quarter
	opens := time.Date(year, 4, 1, 0, 0, 0, 0, time.UTC)
	round := func(now time.Time) {
		t.Helper()
		if err := v.round(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	auditor := func() bool {
		t.Helper()
		var u provisioning.User
		if err := l.p.store.View(t.Context(), func(r provisioning.Reader) (err error) {
			u, _, err = provisioning.Get[provisioning.User](r, l.p.config.Domain, "sato")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return len(u.Roles) == 2
	}
	round(opens.AddDate(0, -3, 0)) // so that the domain is not new
	round(opens)
	key := [2]string{l.p.config.Domain, opens.Format("2006") + "-Q2"}
	if v.waiting()[key] == "" {
		t.Errorf("what waits: %v", v.waiting())
	}
	round(opens.AddDate(0, 0, 29))
	if !auditor() {
		t.Error("a right ended before the review was due")
	}
	round(opens.AddDate(0, 0, 30))
	if auditor() || len(v.waiting()) != 0 {
		t.Errorf("when it is due: still an auditor %v, waits %v", auditor(), v.waiting())
	}
	told := false
	for _, a := range l.p.alarms.Alarms(l.p.config.Domain) {
		told = told || a.Name == "access-ended" && a.Object == "sato/auditor"
	}
	if !told {
		t.Error("nobody was told")
	}
}
