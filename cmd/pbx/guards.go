package main

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/nodes"
	"naisen/cmd/pbx/internal/webhook"
	"naisen/provisioning"

	"github.com/prometheus/client_golang/prometheus"
)

// sharedAlarms are of what all nodes see alike, in the database that they share: one of them tells of it.
var sharedAlarms = map[string]bool{"change-review-waiting": true, "change-unapproved": true, "contract-sponsor": true, "review-waiting": true}

// wireWebhooks makes the sender, and has it told of alarms. Those of the switch as a whole are its operator's: they go to the first domain.
func (p *pbx) wireWebhooks() {
	p.webhooks = webhook.New(webhook.Config{Clock: time.Now, Log: p.log, Loopback: p.config.Webhooks.Loopback,
		Receivers: func(domain, event string) (out []webhook.Receiver) {
			for _, w := range p.directory.Snapshot().Webhooks(domain, event) {
				if !w.Key.IsZero() { // nobody could prove what came without a signature
					out = append(out, webhook.Receiver{Name: w.Name, URL: w.URL, Key: w.Key.Reveal()})
				}
			}
			return out
		}})
	tell := func(event string, a provisioning.Alarm) {
		if sharedAlarms[a.Name] && p.nodes.Elsewhere(nodes.Jobs) {
			return // who does what one node does tells of it
		}
		domain := a.Domain
		if domain == "" {
			domain = p.config.Domain
		}
		p.webhooks.Post(domain, event, a)
	}
	p.alarms.notify.Store(&tell)
	for _, a := range p.alarms.Alarms(p.config.Domain) { // raised before anybody could be told
		if a.Active {
			tell(provisioning.EventAlarmRaised, a)
		}
	}
	p.closing("webhooks", func(context.Context) error {
		p.alarms.notify.Store(nil)
		p.webhooks.Close()
		return nil
	})
}

// startGuards begins what watches over calls: the purse and the alarms.
func (p *pbx) startGuards(ctx context.Context) {
	p.purse.calls = p.calls
	p.purse.start(ctx)
	p.closing("purse", func(context.Context) error { p.purse.Close(); return nil })
	rec, a := p.vault.pipeline.Stats, p.alarms
	a.watch("store-down", func() bool { return rec().StoreDown })
	a.watch("disk-full", func() bool { return rec().Capture.DiskFull })
	a.watch("disk-high", func() bool { return rec().Capture.DiskHigh })
	a.watch("journal-failing", func() bool { return rec().Capture.Failing > 0 })
	p.archiveAlarms()
	p.keyAlarms()
	a.watchCount("recorder-drops", func() uint64 { return uint64(rec().Capture.Dropped) })
	a.watchCount("ledger-dropped", p.ledger.dropped.Load)
	a.watchCount("audit-dropped", p.auditor.dropped.Load)
	a.watchCount("webhook-dropped", func() uint64 { return p.webhooks.Stats().Dropped })
	a.watchEach("trunk-down", p.trunksDown)
	a.watchEach("change-review-waiting", p.changes.waiting)
	a.watchEach("change-unapproved", p.approvals.troubled)
	a.watch("database-away", p.store.Away)
	a.watchEach("site-policy-unreadable", func() map[[2]string]string { return p.directory.Snapshot().Unreadable() })
	a.watchEvent("overload", func() bool { return p.signalling.overload.shedder.State().Share > 0 })
	a.start(ctx)
	p.auditor.guessed = newSentry(a, time.Now).guessed
	p.closing("alarms", func(context.Context) error { p.alarms.Close(); return nil })
}

// trunksDown are the trunks out of service, by domain and name, and why.
func (p *pbx) trunksDown() map[[2]string]string {
	out := map[[2]string]string{}
	p.trunks.book.Each(func(k health.Key, s health.Status) {
		if !s.Up && !s.Since.IsZero() {
			out[[2]string{k.Domain, k.Trunk}] = s.Why
		}
	})
	return out
}

func (p *pbx) guardMetrics(c *collector) {
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	if f, ok := p.log.Handler().(flushing); ok {
		counter("naisen_log_dropped_total", "Log lines that were dropped because the output did not take them.", f.gate.dropped.Load)
	}
	hooks := p.webhooks.Stats
	counter("naisen_webhook_delivered_total", "Events delivered to webhooks.", func() uint64 { return hooks().Delivered })
	counter("naisen_webhook_failed_total", "Attempts that failed.", func() uint64 { return hooks().Failed })
	counter("naisen_webhook_dropped_total", "Events that were given up.", func() uint64 { return hooks().Dropped })
	o := p.signalling.overload
	c.add("naisen_shed_share", "Share of new requests that is refused for overload, 0 to 1.", prometheus.GaugeValue, func() float64 { return o.shedder.State().Share })
	c.add("naisen_queue_delay_seconds", "How long messages wait for their shard.", prometheus.GaugeValue, func() float64 { return p.stack.QueueDelay().Seconds() })
	counter("naisen_shed_calls_total", "New calls refused for overload.", o.calls.Load)
	counter("naisen_shed_registrations_total", "Registrations refused for overload.", o.registrations.Load)
	counter("naisen_shed_others_total", "Other requests outside dialogs refused for overload.", o.others.Load)
	c.add("naisen_webhook_waiting", "Events that wait for delivery.", prometheus.GaugeValue, func() float64 { return float64(hooks().Waiting) })
}
