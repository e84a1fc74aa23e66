package rest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/report"
)

// maxReport bounds the time that one report covers.
const maxReport = 400 * 24 * time.Hour

type reportInput struct {
	Domain   string    `path:"domain" maxLength:"253"`
	Key      string    `path:"key" enum:"queues,agents,dids"`
	From     time.Time `query:"from" required:"true"`
	Until    time.Time `query:"until" required:"true" doc:"Exclusive"`
	Interval string    `query:"interval" enum:"15m,30m,1h,1d" doc:"A line for each; absent: one for the whole time"`
	Queue    string    `query:"queue" maxLength:"10" doc:"Only of this one"`
}

type reportOutput struct{ Body report.Table }

type csvOutput struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// registerReports: what queues and agents did, as JSON and as CSV.
func (a *api) registerReports() {
	r := rule{action: policy.QueueReport, kind: policy.KindReport, key: "key", domain: "domain"}
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/reports/{key}", "get-report", "Read a report on queues, agents or DIDs", r, 422),
		func(ctx context.Context, in *reportInput) (*reportOutput, error) {
			t, err := a.report(ctx, in)
			if err != nil {
				return nil, err
			}
			return &reportOutput{t}, nil
		})
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/reports/{key}/csv", "get-report-csv",
		"Read a report as CSV; cells that a spreadsheet would take for formulas begin with a quote", r, 422),
		func(ctx context.Context, in *reportInput) (*csvOutput, error) {
			t, err := a.report(ctx, in)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			if err := t.CSV(&b); err != nil {
				return nil, a.problem(ctx, err)
			}
			return &csvOutput{"text/csv; charset=utf-8", `attachment; filename="` + in.Key + `.csv"`, b.Bytes()}, nil
		})
}

func (a *api) report(ctx context.Context, in *reportInput) (report.Table, error) {
	var t report.Table
	if !in.From.Before(in.Until) || in.Until.Sub(in.From) > maxReport {
		return t, invalidAt(http.StatusUnprocessableEntity, "query.until", "must be after from, and at most 400 days later")
	}
	if err := a.may(ctx, policy.QueueReport, provisioning.Object{Domain: in.Domain, Kind: policy.KindReport, Key: in.Key}); err != nil {
		return t, a.problem(ctx, err)
	}
	ask := report.Ask{By: report.By(in.Key), From: in.From, Until: in.Until, Zone: a.zone(), Interval: map[string]time.Duration{
		"15m": 15 * time.Minute, "30m": 30 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour}[in.Interval],
		Targets: map[string]provisioning.QueueTarget{}}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		queues, err := provisioning.List[provisioning.Queue](r, in.Domain, "", 0)
		if err != nil {
			return err
		}
		for _, q := range queues {
			ask.Targets[q.Number] = q.Target
		}
		t, err = logged(r, in, ask)
		return err
	})
	if errors.Is(err, report.ErrTooMany) {
		return t, invalidAt(http.StatusUnprocessableEntity, "query.interval", "makes too many lines: ask for a shorter time or a longer interval")
	}
	return t, a.problem(ctx, err)
}

// logged builds the table from one consistent state. What does not fit is refused: a report that is silently short is a wrong one.
func logged(r provisioning.Reader, in *reportInput, ask report.Ask) (report.Table, error) {
	q := provisioning.LogQuery{Queue: in.Queue, From: in.From, Until: in.Until}
	visits, err := r.Visits(in.Domain, q)
	if err != nil {
		return report.Table{}, err
	}
	stints, err := r.Stints(in.Domain, q)
	if err != nil {
		return report.Table{}, err
	}
	if len(visits) == provisioning.MaxLog || len(stints) == provisioning.MaxLog {
		return report.Table{}, report.ErrTooMany
	}
	if in.Queue != "" {
		kept := stints[:0]
		for _, s := range stints {
			if s.Queue == in.Queue || ask.By == report.ByAgent {
				kept = append(kept, s)
			}
		}
		stints = kept
	}
	return report.Build(ask, visits, stints)
}

// zone is whose days a report counts.
func (a *api) zone() *time.Location { return time.FixedZone("JST", 9*3600) }
