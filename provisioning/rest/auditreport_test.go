package rest

import (
	"context"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/report"
	"naisen/provisioning/store"
)

// monthsOf counts what is in a store.
type monthsOf struct{ store *store.Store }

func (m monthsOf) AuditMonth(ctx context.Context, domain, month string) (report.Month, error) {
	from, until, err := report.MonthOf(month, time.UTC)
	if err != nil {
		return report.Month{}, err
	}
	c := report.NewCounter(domain, month, from, until, until)
	err = m.store.EachAudit(ctx, domain, from, until, c.Add)
	return c.Month(), err
}

// TestAuditReports: a month as JSON, CSV and PDF for auditors, each an entry itself; what is no month is refused.
func TestAuditReports(t *testing.T) {
	r := newRig(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: here, Subject: "u@" + here, Action: "recording.listen", Object: "r1", Outcome: "allowed", Time: time.Date(2020, 5, 7, 0, 0, 0, 0, time.UTC)})
	}))
	const at = base + "/audit-reports/"
	for path, begin := range map[string]string{"2020-05": `{"domain":"` + here, "2020-05/csv": "\uFEFF監査", "2020-05/csv?language=en": "\uFEFFMonthly", "2020-05/pdf": "%PDF-1.5"} {
		if p := r.do(t, "u+auditor", "GET", at+path, ""); p.status != 200 || !strings.HasPrefix(p.body, begin) {
			t.Errorf("%s: %d %.60q", path, p.status, p.body)
		}
	}
	for path, status := range map[string]int{"2020-13": 422, "may": 422, "2020-05/csv?language=fr": 422} {
		if p := r.do(t, "u+auditor", "GET", at+path, ""); p.status != status {
			t.Errorf("%s: %d, want %d", path, p.status, status)
		}
	}
	if p := r.do(t, "u+staff", "GET", at+"2020-05", ""); p.status != 403 {
		t.Errorf("staff: %d", p.status)
	}
	if list := r.audit(t, here, string(policy.AuditReport)); len(list) != 5 { // with the refusal
		t.Errorf("%d entries of reports", len(list))
	}
}
