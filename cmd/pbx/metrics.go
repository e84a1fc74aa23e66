package main

import (
	"net/http"
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metric is one number pulled from a part when somebody asks.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func() float64
}

// collector pulls Stats from every part; no part knows of metrics.
type collector struct {
	metrics []metric
	alarms  *alarms
	alarm   *prometheus.Desc // active now
	total   *prometheus.Desc
	lines   lineMetric
	trunks  trunkMetric
}

func (p *pbx) metricsHandler() http.Handler {
	c := &collector{alarms: p.alarms, alarm: prometheus.NewDesc("naisen_alarm", "Alarms that are active now, by name.", []string{"name"}, nil),
		total: prometheus.NewDesc("naisen_alarms_total", "What an operator must look at, by reason.", []string{"reason"}, nil)}
	c.lines = newLineMetric(p.lines.client)
	c.trunks = newTrunkMetric(p.trunks.book)
	c.add("naisen_calls", "Live calls.", prometheus.GaugeValue, func() float64 { return float64(p.calls.Len()) })
	c.add("naisen_registrations", "Live contact bindings.", prometheus.GaugeValue, func() float64 { return float64(p.registrar.Count()) })
	p.registrarMetrics(c)
	c.add("naisen_sip_sessions", "INVITE sessions that may still get a message.", prometheus.GaugeValue, func() float64 { return float64(p.signalling.ua.Sessions()) })
	c.add("naisen_ledger_waiting", "Call records that wait for the store.", prometheus.GaugeValue, func() float64 { return float64(len(p.ledger.queue)) })
	c.add("naisen_ledger_dropped_total", "Call records that are in the log only.", prometheus.CounterValue, func() float64 { return float64(p.ledger.dropped.Load()) })
	c.add("naisen_audit_dropped_total", "Facts of the signalling plane left out of the audit log under load.", prometheus.CounterValue, func() float64 { return float64(p.auditor.dropped.Load()) })
	c.add("naisen_leg_events_lost_total", "Events of legs between two calls that found no room.", prometheus.CounterValue, func() float64 { return float64(p.signalling.lost.Load()) })
	p.sipMetrics(c)
	p.eventMetrics(c)
	p.mediaMetrics(c)
	p.recorderMetrics(c)
	p.siprec.metrics(c)
	p.archiveMetrics(c)
	p.keyMetrics(c)
	p.guardMetrics(c)
	p.backupMetrics(c)
	p.pageMetrics(c)
	p.missedMetrics(c)
	p.fmcMetrics(c)
	p.ldapMetrics(c)
	p.signalMetrics(c)
	p.pushMetrics(c)
	p.auditMetrics(c)
	p.traceMetrics(c)
	p.spanMetrics(c)
	r := prometheus.NewRegistry()
	live := collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/gc/heap/live:bytes$")})
	r.MustRegister(c, p.qualities.mos, p.qualities.loss, collectors.NewGoCollector(live), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	return mux
}

// registrarMetrics: what a registration may lose. The rest of its counters stand in the log.
func (p *pbx) registrarMetrics(c *collector) {
	c.add("naisen_registrations_unsaved", "Bindings that are not in the store yet: a crash now loses them.", prometheus.GaugeValue, func() float64 { return float64(p.registrar.Stats().Unsaved) })
	c.add("naisen_registrations_save_failures_total", "Batches of bindings that the store refused; they are tried again.", prometheus.CounterValue, func() float64 { return float64(p.registrar.Stats().SaveFailures) })
	c.add("naisen_registrations_save_dropped_total", "Changes of bindings given up while the store was away.", prometheus.CounterValue, func() float64 { return float64(p.registrar.Stats().SaveDropped) })
	c.add("naisen_registrations_evicted_total", "Bindings that gave way to a newer one of their extension.", prometheus.CounterValue, func() float64 { return float64(p.registrar.Stats().Evicted) })
	c.add("naisen_registrations_refused_total", "REGISTERs refused for what they ask.", prometheus.CounterValue, func() float64 { return float64(p.registrar.Stats().Refused) })
}

func (c *collector) add(name, help string, kind prometheus.ValueType, value func() float64) {
	c.metrics = append(c.metrics, metric{prometheus.NewDesc(name, help, nil, nil), kind, value})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
	out <- c.alarm
	out <- c.total
	c.lines.describe(out)
	c.trunks.describe(out)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value())
	}
	c.lines.collect(out)
	c.trunks.collect(out)
	c.alarms.each(func(name string, active int, n uint64) {
		out <- prometheus.MustNewConstMetric(c.alarm, prometheus.GaugeValue, float64(active), name)
		out <- prometheus.MustNewConstMetric(c.total, prometheus.CounterValue, float64(n), name)
	})
}

func (p *pbx) sipMetrics(c *collector) {
	stats := p.stack.Stats
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	counter("naisen_sip_received_total", "SIP messages received.", func() uint64 { return stats().Received })
	counter("naisen_sip_sent_total", "SIP messages sent.", func() uint64 { return stats().Sent })
	counter("naisen_sip_malformed_total", "Messages refused before any handler.", func() uint64 { return stats().Malformed })
	counter("naisen_sip_shed_total", "Requests above the admission rate.", func() uint64 { return stats().Shed })
	counter("naisen_sip_retransmitted_total", "Messages that we sent again.", func() uint64 { return stats().Retransmitted })
	c.add("naisen_sip_transactions", "Transactions alive.", prometheus.GaugeValue, func() float64 { return float64(stats().Transactions) })
	c.add("naisen_sip_connections", "TCP, TLS and WebSocket connections.", prometheus.GaugeValue, func() float64 { return float64(stats().Connections) })
	c.add("naisen_sip_websockets", "WebSockets open.", prometheus.GaugeValue, func() float64 { return float64(stats().WebSockets) })
	counter("naisen_sip_handshakes_refused_total", "WebSocket handshakes refused: no subprotocol, or a page that is not allowed.", func() uint64 { return stats().Refused })
	c.add("naisen_sip_queued", "Messages waiting for their shard.", prometheus.GaugeValue, func() float64 { return float64(stats().Queued) })
	counter("naisen_sip_withheld_total", "Answers not given to strangers because they would have been much larger than the request.", func() uint64 { return stats().Withheld })
	counter("naisen_sip_queue_full_total", "Messages dropped because their shard's queue was full; part of shed.", func() uint64 { return stats().QueueFull })
	counter("naisen_sip_overrun_total", "Datagrams that the kernel dropped because its buffer was full before we read.", func() uint64 { return stats().Overrun })
	c.add("naisen_sip_queue_delay_seconds", "Time that a message waits for its handler, on the slowest shard.", prometheus.GaugeValue,
		func() float64 { return p.stack.QueueDelay().Seconds() })
	auth := p.signalling.auth.Stats
	counter("naisen_sip_auth_accepted_total", "Digest answers accepted.", func() uint64 { return auth().Accepted })
	counter("naisen_sip_auth_wrong_total", "Digest answers that were wrong.", func() uint64 { return auth().Wrong })
	counter("naisen_sip_auth_throttled_total", "Guesses not looked at.", func() uint64 { return auth().Throttled })
}

func (p *pbx) eventMetrics(c *collector) {
	e := p.signalling.events
	for pkg := range e.notifier.Stats().Subscriptions {
		c.metrics = append(c.metrics, metric{prometheus.NewDesc("naisen_subscriptions", "Event subscriptions by package.", nil, prometheus.Labels{"package": pkg}),
			prometheus.GaugeValue, func() float64 { return float64(e.notifier.Stats().Subscriptions[pkg]) }})
	}
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	counter("naisen_notifies_sent_total", "NOTIFY requests sent.", func() uint64 { return e.notifier.Stats().Sent })
	counter("naisen_notifies_failed_total", "Subscriptions ended since nobody took their NOTIFY.", func() uint64 { return e.notifier.Stats().Failed })
	counter("naisen_notifies_coalesced_total", "Changes that needed no NOTIFY of their own.", func() uint64 { return e.notifier.Stats().Coalesced })
	counter("naisen_subscriptions_refused_total", "SUBSCRIBEs above a limit.", func() uint64 { return e.notifier.Stats().Refused })
	counter("naisen_publications_refused_total", "PUBLISHes above a limit.", e.published.Refused)
	c.add("naisen_publications", "Presence documents published by phones.", prometheus.GaugeValue, func() float64 { return float64(e.published.Len()) })
	c.add("naisen_lamps_lit", "Extensions with a call dialog.", prometheus.GaugeValue, func() float64 { return float64(e.lamps.lit()) })
	afar := p.signalling.afar
	c.add("naisen_nodes_calls", "Calls that other nodes show.", prometheus.GaugeValue, func() float64 { return float64(len(afar.of(""))) })
	counter("naisen_nodes_states_lost_total", "What nodes say of themselves and others do not hear: too large, or too much.", func() uint64 { return afar.lost() })
}

// mediaPanicked logs what the relay survived. The reason may not be shown where it is made of what a stranger sent; runtime errors are not.
func (p *pbx) mediaPanicked(reason any, stack []byte) {
	p.log.Error("media: panic over a packet", "panic", reason, "stack", string(stack))
}

func (p *pbx) mediaMetrics(c *collector) {
	totals := p.media.Totals
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	c.add("naisen_media_endpoints", "Legs with open media.", prometheus.GaugeValue, func() float64 { return float64(totals().Endpoints) })
	counter("naisen_media_received_total", "RTP packets received.", func() uint64 { return totals().Received })
	counter("naisen_media_sent_total", "RTP packets sent.", func() uint64 { return totals().Sent })
	counter("naisen_media_lost_total", "Gaps in what was received.", func() uint64 { return totals().Lost })
	counter("naisen_media_strange_total", "Datagrams on the browsers' port that were no check of a leg.", func() uint64 { return totals().Strange })
	counter("naisen_media_consent_lapsed_total", "Times that a browser was not sent to any more, since its checks had ceased.", func() uint64 { return totals().Lapsed })
	counter("naisen_media_unauthentic_total", "SRTP that failed authentication.", func() uint64 { return totals().Unauthentic })
	counter("naisen_media_panics_total", "Packets over which the relay panicked; each was dropped.", func() uint64 { return totals().Panics })
	counter("naisen_media_replayed_total", "SRTP replays.", func() uint64 { return totals().Replayed })
	c.add("naisen_turn_allocations", "Allocations of the TURN relay that are held.", prometheus.GaugeValue, func() float64 { return float64(p.turnStats().Held) })
	counter("naisen_turn_allocations_total", "Allocations of the TURN relay.", func() uint64 { return p.turnStats().Allocations })
	counter("naisen_turn_refused_total", "Allocations above a quota, and peers that are no media of this switch.", func() uint64 { return p.turnStats().Refused })
	counter("naisen_turn_dropped_total", "Packets to or from a port that is no media of this switch.", func() uint64 { return p.turnStats().Dropped })
	counter("naisen_turn_connections_refused_total", "TLS connections to the TURN relay above a bound.", func() uint64 { return p.turnStats().Turned })
	counter("naisen_turn_accept_errors_total", "Errors of the TURN relay's TLS listener, which goes on.", func() uint64 { return p.turnStats().Failed })
	counter("naisen_media_stranger_total", "Packets of a source that was not learned.", func() uint64 { return totals().Stranger })
	counter("naisen_media_malformed_total", "Datagrams that are no RTP.", func() uint64 { return totals().Malformed })
	counter("naisen_media_transcoded_total", "Packets that were decoded and encoded again.", func() uint64 { return totals().Transcoded })
	counter("naisen_media_concealed_total", "Pieces of them that were made up for lost or late ones.", func() uint64 { return totals().Concealed })
	counter("naisen_media_unrelayed_total", "Packets without a codec in common.", func() uint64 { return totals().Unrelayed })
	counter("naisen_media_send_errors_total", "Packets that the kernel refused.", func() uint64 { return totals().SendErrors })
}
