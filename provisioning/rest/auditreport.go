package rest

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/report"
)

// AuditMonths counts the audit log of a month. Errors: report.ErrMonth; ErrBusy, since one is made at a time.
type AuditMonths interface {
	AuditMonth(ctx context.Context, domain, month string) (report.Month, error)
}

// ErrBusy says that such work is being done for somebody else.
var ErrBusy = errors.New("rest: busy")

type monthInput struct {
	Domain   string `path:"domain" maxLength:"253"`
	Key      string `path:"key" maxLength:"7" doc:"Month: 2026-11"`
	Language string `query:"language" enum:"ja,en" default:"ja"`
}

type monthOutput struct{ Body report.Month }

// registerAuditReports: what a month's entries come to. Each report that is read is an entry itself.
func (a *api) registerAuditReports() {
	r := rule{action: policy.AuditReport, kind: policy.KindAudit, key: "key", domain: "domain"}
	const path = "/v1/domains/{domain}/audit-reports/{key}"
	huma.Register(a.huma, operation(http.MethodGet, path, "get-audit-report", "Read the monthly report of the audit log", r, 422, 503),
		func(ctx context.Context, in *monthInput) (*monthOutput, error) {
			m, err := a.auditMonth(ctx, in, "json")
			if err != nil {
				return nil, err
			}
			return &monthOutput{m}, nil
		})
	file := func(id, kind, what string, write func(report.Month, *bytes.Buffer, string) error) {
		huma.Register(a.huma, operation(http.MethodGet, path+"/"+kind, id, what, r, 422, 503),
			func(ctx context.Context, in *monthInput) (*csvOutput, error) {
				m, err := a.auditMonth(ctx, in, kind)
				if err != nil {
					return nil, err
				}
				var b bytes.Buffer
				if err := write(m, &b, in.Language); err != nil {
					return nil, a.problem(ctx, err)
				}
				mime := map[string]string{"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}[kind]
				return &csvOutput{mime, `attachment; filename="audit-` + m.Month + "." + kind + `"`, b.Bytes()}, nil
			})
	}
	file("get-audit-report-csv", "csv", "Read the monthly report of the audit log as CSV; cells that a spreadsheet would take for formulas begin with a quote",
		func(m report.Month, b *bytes.Buffer, language string) error { return m.CSV(b, language) })
	file("get-audit-report-pdf", "pdf", "Read the monthly report of the audit log as PDF; long sections are cut, the CSV has all",
		func(m report.Month, b *bytes.Buffer, language string) error { return m.PDF(b, language) })
}

func (a *api) auditMonth(ctx context.Context, in *monthInput, form string) (m report.Month, err error) {
	if err := a.may(ctx, policy.AuditReport, provisioning.Object{Domain: in.Domain, Kind: policy.KindAudit, Key: in.Key}); err != nil {
		return m, a.problem(ctx, err)
	}
	if m, err = a.AuditMonths.AuditMonth(ctx, in.Domain, in.Key); err != nil {
		switch {
		case errors.Is(err, report.ErrMonth):
			return m, invalidAt(http.StatusUnprocessableEntity, "path.key", "is no month such as 2026-11")
		case errors.Is(err, ErrBusy):
			return m, huma.Error503ServiceUnavailable("another report is being made")
		}
		return m, a.problem(ctx, err)
	}
	err = a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.AuditReport), Object: "audit-report/" + in.Key, Outcome: "ok",
			Detail: map[string]any{"form": form, "entries": m.Entries}})
	})
	return m, a.problem(ctx, err)
}
