package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/report"
	"naisen/provisioning/rest"
	"naisen/recorder/objstore"
)

// reportPart is the name below which monthly reports are kept in the object store; no domain is called so.
const reportPart = "_audit-reports"

const (
	reportEvery = time.Hour                // between two looks for a report that is missing
	reportAfter = 30 * time.Minute         // of a new month: what waits to be written is written by then
	reportKeep  = 6 * 366 * 24 * time.Hour // how long a report is locked
)

// tokyo is whose months are counted.
var tokyo = time.FixedZone("JST", 9*3600)

// auditMonths counts months of the audit log, and keeps each month's report once it is over.
type auditMonths struct {
	each interface {
		EachAudit(ctx context.Context, domain string, since, until time.Time, take func(provisioning.AuditEntry)) error
		AuditFrom(ctx context.Context) (time.Time, error)
	}
	store   provisioning.Store
	objects objstore.Store
	domains func() []string
	clock   func() time.Time
	mine    func() bool   // of several nodes this one keeps them
	turn    chan struct{} // one slot: a month is a lot to read
	failing func(on bool)
	log     *slog.Logger
}

var _ rest.AuditMonths = (*auditMonths)(nil)

// AuditMonth implements rest.AuditMonths.
func (a *auditMonths) AuditMonth(ctx context.Context, domain, month string) (report.Month, error) {
	select {
	case a.turn <- struct{}{}:
	default:
		return report.Month{}, rest.ErrBusy
	}
	defer func() { <-a.turn }()
	return a.count(ctx, domain, month)
}

func (a *auditMonths) count(ctx context.Context, domain, month string) (report.Month, error) {
	from, until, err := report.MonthOf(month, tokyo)
	if err != nil {
		return report.Month{}, err
	}
	c := report.NewCounter(domain, month, from, until, a.clock())
	if err := a.each.EachAudit(ctx, domain, from, until, c.Add); err != nil {
		return report.Month{}, err
	}
	gone, err := a.each.AuditFrom(ctx) // after the entries were read, since they may go meanwhile
	if err != nil {
		return report.Month{}, err
	}
	c.Archived(gone)
	if err := a.openReviews(ctx, c, domain); err != nil {
		return report.Month{}, err
	}
	return c.Month(), nil
}

// openReviews are those of listening without an approval, and of the break-glass account.
func (a *auditMonths) openReviews(ctx context.Context, c *report.Counter, domain string) error {
	return a.store.View(ctx, func(r provisioning.Reader) error {
		asked, err := provisioning.List[provisioning.ListeningRequest](r, domain, "", 0)
		if err != nil {
			return err
		}
		for _, q := range asked {
			if q.BreakGlass {
				c.Open(q.Kind(), q.ID, q.By+"@"+domain, q.Asked, q.Review)
			}
		}
		uses, err := provisioning.List[provisioning.EmergencySignIn](r, domain, "", 0)
		if err != nil {
			return err
		}
		for _, e := range uses {
			c.Open(e.Kind(), e.ID, e.User+"@"+domain, e.At, e.Review)
		}
		return nil
	})
}

// keepLast makes the reports of the month before, of each domain, that are not kept yet.
func (a *auditMonths) keepLast(ctx context.Context) error {
	month := a.clock().Add(-reportAfter).In(tokyo)
	month = time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, tokyo).AddDate(0, -1, 0)
	for _, domain := range a.domains() {
		if err := a.keep(ctx, domain, month.Format("2006-01")); err != nil {
			return fmt.Errorf("report of %s: %w", domain, err)
		}
	}
	return nil
}

// keep writes one month's files. The last one that is written says that all are there.
func (a *auditMonths) keep(ctx context.Context, domain, month string) error {
	name := func(file string) string { return domain + "/" + month + "/" + file }
	if _, err := a.objects.Stat(ctx, name("audit.en.pdf")); err == nil || !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	a.turn <- struct{}{}
	m, err := a.count(ctx, domain, month)
	<-a.turn
	if err != nil {
		return err
	}
	for _, f := range []struct {
		file  string
		write func(b *bytes.Buffer) error
	}{
		{"audit.ja.csv", func(b *bytes.Buffer) error { return m.CSV(b, "ja") }}, {"audit.en.csv", func(b *bytes.Buffer) error { return m.CSV(b, "en") }},
		{"audit.ja.pdf", func(b *bytes.Buffer) error { return m.PDF(b, "ja") }}, {"audit.en.pdf", func(b *bytes.Buffer) error { return m.PDF(b, "en") }},
	} {
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			return err
		}
		err := a.objects.Put(ctx, name(f.file), bytes.NewReader(b.Bytes()), int64(b.Len()), objstore.Lock{})
		if err != nil && !errors.Is(err, objstore.ErrExists) {
			return err
		}
		if err := a.objects.Retain(ctx, name(f.file), a.clock().Add(reportKeep)); err != nil && !errors.Is(err, objstore.ErrNoLocks) {
			return err
		}
	}
	a.log.Info("pbx: the monthly report of the audit log is kept", "domain", domain, "month", month, "entries", m.Entries)
	return a.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Domain: domain, Subject: "system", Action: string(policy.AuditReport), Object: "audit-report/" + month, Outcome: "ok",
			Detail: map[string]any{"form": "kept", "entries": m.Entries}})
	})
}

// startMonths counts months for who asks, and keeps each that is over.
func (p *pbx) startMonths(ctx context.Context) {
	p.months = &auditMonths{each: p.store, store: p.store, objects: objstore.Under(p.vault.store, reportPart), domains: func() []string { return p.directory.Snapshot().DomainNames() },
		clock: time.Now, mine: p.nodes.Mine, turn: make(chan struct{}, 1), failing: func(on bool) { p.alarms.set("audit-report-failed", "", "", "", on) }, log: p.log}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.months.run(run)
	}()
	p.closing("monthly reports", func(context.Context) error { stop(); <-done; return nil })
}

func (a *auditMonths) run(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		var err error
		if a.mine() {
			err = a.keepLast(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if a.failing(err != nil); err != nil {
			a.log.Error("pbx: monthly report of the audit log", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
