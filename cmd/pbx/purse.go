package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip"
)

const (
	purseTick    = time.Second // how often running calls are looked at: so much may be overspent
	restorePages = 50          // of CDRs read per domain at the start
	foreignSpike = 10          // calls abroad of a domain in five minutes that are worth a look
	spikeDomains = 10_000
)

// purse joins the book of limits to calls: it admits outside calls, follows which were answered, ends those whose payer has nothing left,
// and settles each with its CDR, which it hands on.
type purse struct {
	book      *limit.Book
	directory *directory.Directory
	audit     *auditor
	alarms    *alarms
	next      call.Ledger
	log       *slog.Logger
	calls     *call.Switch // set before anything runs

	afar *neighbours // set before anything runs; nil: there is no other node

	mu     sync.Mutex            // guards the rest
	abroad *limit.Spikes[string] // by domain
	said   []ended               // what other nodes are told, the earliest first
	heard  map[string]time.Time  // ended calls that are counted, and when

	stop context.CancelFunc
	done chan struct{}
}

var (
	_ call.Ledger              = (*purse)(nil)
	_ provisioning.LimitViewer = (*purse)(nil)
)

func newPurse(d *directory.Directory, a *auditor, al *alarms, next call.Ledger, clock func() time.Time, log *slog.Logger) *purse {
	p := &purse{directory: d, audit: a, alarms: al, next: next, log: log, abroad: limit.NewSpikes[string](foreignSpike, 3, spikeDomains, clock), heard: map[string]time.Time{}}
	p.book = limit.NewBook(limit.BookConfig{Clock: clock, Midnight: p.midnight, Terms: p.terms})
	return p
}

// terms are the limits in force now; without an extension the first are not used.
func (p *purse) terms(payer limit.Payer) (own, all provisioning.Limits) {
	snap := p.directory.Snapshot()
	d, _ := snap.Domain(payer.Domain)
	e, _ := snap.Extension(payer.Domain, payer.Extension)
	return d.LimitsOf(e), d.LimitsOfAll()
}

// midnight of the domain's country. Japan has one time and no summer time; elsewhere the day is the machine's.
func (p *purse) midnight(domain string, t time.Time) time.Time {
	zone := time.Local
	if d, ok := p.directory.Snapshot().Domain(domain); !ok || d.CountryCode == "" || d.CountryCode == "81" {
		zone = time.FixedZone("JST", 9*60*60)
	}
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
}

// admit implements call.Deps.Admit. Emergency and internal calls have no charge and are never asked.
func (p *purse) admit(id, domain string, plan route.Plan) route.Plan {
	c := plan.Charge
	if c.Extension == "" || plan.Emergency || !charged(c) {
		return plan
	}
	d, _ := p.directory.Snapshot().Domain(domain)
	w := limit.Want{Call: id, Payer: limit.Payer{Domain: domain, Extension: c.Extension}, Foreign: c.Foreign(), Price: d.Price(c.Class, c.E164),
		Dialled: clipNumber(plan.To), Class: c.Class}
	refusal := p.book.Admit(w)
	if w.Foreign {
		p.wentAbroad(domain, c.Extension)
	}
	if refusal.Limit == "" {
		return plan
	}
	p.reached(refusal, "refused "+w.Dialled)
	why := "limit " + refusal.Limit + " of " + who(refusal.Of)
	p.audit.callDenied(domain, c.Extension, plan.To, map[string]any{"class": c.Class, "rule": why})
	cause := sip.CauseForbidden
	if refusal.Limit == limit.Calls {
		cause = sip.CauseBusy // both lines are taken
	}
	c.Denied = true
	return route.Plan{Refuse: cause, Direction: plan.Direction, To: plan.To, Charge: c, Why: why}
}

// spared implements call.Deps.Spared: a mobile rang, and somebody else has the call.
func (p *purse) spared(id, domain string, c route.Charge, to string) {
	p.book.Spare(limit.Want{Call: id, Payer: limit.Payer{Domain: domain, Extension: c.Extension}, Dialled: clipNumber(to)})
}

// wentAbroad watches for a domain's calls abroad that are many more than usual, whoever makes them and whether they are let through.
func (p *purse) wentAbroad(domain, extension string) {
	p.mu.Lock()
	high := p.abroad.Add(domain)
	p.mu.Unlock()
	if high {
		p.alarms.happened("foreign-spike", domain, "", "last by "+extension)
	}
}

func (p *purse) reached(r limit.Refusal, detail string) {
	p.alarms.happened("limit-"+r.Limit, r.Of.Domain, r.Of.Extension, detail)
}

// denied keeps what the rights refused for people who ask why.
func (p *purse) denied(domain string, plan route.Plan) {
	p.book.Refuse(limit.Want{Payer: limit.Payer{Domain: domain, Extension: plan.Charge.Extension}, Dialled: clipNumber(plan.To), Class: plan.Charge.Class}, "rights")
}

func who(p limit.Payer) string {
	if p.Extension == "" {
		return "the domain"
	}
	return p.Extension
}

func clipNumber(s string) string { return s[:min(len(s), 40)] }

// price of a call's minute by the tariff of its domain, in thousandths of a yen.
func (p *pbx) price(domain string, c call.CDR) int64 {
	if c.Charge.Extension == "" || c.Charge.Denied {
		return 0
	}
	d, _ := p.directory.Snapshot().Domain(domain)
	return d.Price(c.Charge.Class, c.Charge.E164)
}

// Enter implements call.Ledger: each call is settled once, with its record.
func (p *purse) Enter(c call.CDR) {
	c.MilliYen = p.book.Settle(c.ID, c.Answered, c.Ended)
	p.tellSpent(c)
	if c.Charge.Denied {
		c.Charge = route.Charge{}
	}
	p.next.Enter(c)
}

// restore counts today's calls and the last hour's, from their records, before the first new call.
func (p *purse) restore(ctx context.Context, store provisioning.Store, domains []string) error {
	now := time.Now()
	return store.View(ctx, func(r provisioning.Reader) error {
		for _, domain := range domains {
			since := p.midnight(domain, now).Add(-24 * time.Hour) // calls that began before midnight and lasted into the day
			if err := p.restoreDomain(r, domain, since); err != nil {
				return fmt.Errorf("limits of %s: %w", domain, err)
			}
		}
		return nil
	})
}

func (p *purse) restoreDomain(r provisioning.Reader, domain string, since time.Time) error {
	q := provisioning.CDRQuery{Limit: provisioning.MaxPage}
	for range restorePages {
		page, err := r.CDRs(domain, q)
		if err != nil {
			return err
		}
		for _, c := range page {
			if c.Started.Before(since) {
				return nil
			}
			if c.Payer != "" {
				if now := time.Now(); now.Sub(c.Ended) < spentKnown {
					p.counted(c.ID) // its node may still say it
				}
				charge := route.Charge{Class: c.Class}
				p.book.Restore(limit.Payer{Domain: domain, Extension: c.Payer}, charge.Foreign(), c.Started, c.Answered, c.Ended, c.MilliYen)
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		q.After = page[len(page)-1].ID
	}
	p.log.Warn("limits: more call records since yesterday than are read again; the limits of today begin too low", "domain", domain)
	return nil
}

// start follows running calls until Close.
func (p *purse) start(ctx context.Context) {
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		tick := time.NewTicker(purseTick)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				p.look()
			}
		}
	}()
}

// look notes which calls were answered and ends those that nobody can pay any more.
func (p *purse) look() {
	p.unsay()
	for _, id := range p.book.Running() {
		if s, ok := p.calls.Snapshot(id); ok && !s.Answered.IsZero() {
			p.book.Answered(id, s.Answered)
		}
	}
	for _, d := range p.book.Due() {
		if d.First {
			p.log.Warn("limits: ending a call", "call", d.Call, "domain", d.Refusal.Of.Domain, "of", who(d.Refusal.Of), "limit", d.Refusal.Limit)
			p.reached(d.Refusal, "a running call was ended")
		}
		_ = p.calls.Post(d.Refusal.Of.Domain, d.Call, call.Hangup{Cause: sip.Cause{Status: 403, Q850: 21, Text: "Limit reached"}}) // over already: as well
	}
}

// Close ends the following. Calls that still run are settled all the same.
func (p *purse) Close() {
	if p.stop != nil {
		p.stop()
		<-p.done
	}
}

// LimitState implements provisioning.LimitViewer.
func (p *purse) LimitState(domain, extension string, dial provisioning.DialQuery) (provisioning.LimitState, error) {
	snap := p.directory.Snapshot()
	d, ok := snap.Domain(domain)
	e, known := snap.Extension(domain, extension)
	if !ok || !known {
		return provisioning.LimitState{}, provisioning.ErrNotFound
	}
	payer := limit.Payer{Domain: domain, Extension: extension}
	own, all := p.terms(payer)
	used, refused := p.book.State(payer)
	usedAll, _ := p.book.State(limit.Payer{Domain: domain})
	out := provisioning.LimitState{Extension: extension, Rights: route.OpenTo(snap, domain, e, time.Now()).Rights, Own: limitSet(used, own), Domain: limitSet(usedAll, all),
		Refused: []provisioning.RefusedCall{}}
	for _, r := range refused {
		out.Refused = append(out.Refused, provisioning.RefusedCall{Time: r.At, Dialled: r.Dialled, Class: r.Class, Why: r.Limit})
	}
	if dial.Number != "" {
		out.Dial = p.wouldDial(d, extension, dial)
	}
	return out, nil
}

// remoteFrom is where a telephone would stand; all else is in the premises.
var remoteFrom = map[string]route.Remote{provisioning.DialDesk: route.RemoteDesk, provisioning.DialOutside: route.RemoteSoft}

// wouldDial asks the same questions as a call, and counts nothing.
func (p *purse) wouldDial(d provisioning.Domain, extension string, dial provisioning.DialQuery) *provisioning.DialAnswer {
	dialled := dial.Number
	ask, now := route.Request{Domain: d.Name, Extension: extension, Dialled: dialled, E164: e164(dialled), Remote: remoteFrom[dial.From], Afar: dial.From == provisioning.DialMobile}, time.Now()
	plan := route.Route(p.directory.Snapshot(), ask, now)
	c := plan.Charge
	out := &provisioning.DialAnswer{Dialled: dialled, Class: c.Class, Allowed: plan.Refuse.Status == 0, Why: plan.Why}
	if c.Denied {
		ask.PIN = true
		out.ByPIN = route.Route(p.directory.Snapshot(), ask, now).Refuse.Status == 0
	}
	switch {
	case plan.Emergency:
		out.Class = provisioning.ClassEmergency
	case c.Class == "":
		out.Class = provisioning.ClassInternal
	default:
		price := d.Price(c.Class, c.E164)
		out.YenMinute = float64(price) / 1000
		if r := p.book.Would(limit.Want{Payer: limit.Payer{Domain: d.Name, Extension: extension}, Foreign: c.Foreign(), Price: price}); out.Allowed && r.Limit != "" {
			out.Allowed, out.Why = false, "limit "+r.Limit+" of "+who(r.Of)
		}
	}
	return out
}

func limitSet(u limit.Used, l provisioning.Limits) provisioning.LimitSet {
	of := func(used int64, limit int) provisioning.LimitUse {
		return provisioning.LimitUse{Used: used, Limit: int64(limit)}
	}
	return provisioning.LimitSet{Calls: of(int64(u.Calls), l.Calls), ForeignPerHour: of(int64(u.Foreign), l.ForeignPerHour),
		MinutesPerDay: of(int64(u.Talk/time.Minute), l.MinutesPerDay), YenPerDay: of((u.Cost+999)/1000, l.YenPerDay)}
}
