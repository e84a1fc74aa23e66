package main

import (
	"context"
	"errors"
	"net/netip"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/spans"
	"naisen/recorder/pipeline"
)

// OTelConfig names an OpenTelemetry collector.
type OTelConfig struct {
	URL   string `yaml:"url"`   // "https://collector.example.jp:4318", OTLP over HTTP; plain http to private addresses only. Empty: none
	Token Secret `yaml:"token"` // Bearer token of the collector
}

func (c OTelConfig) validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("otel.url must be an http or https URL without user, query and fragment")
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && (err != nil || !a.IsPrivate() && !a.IsLoopback()) {
		return errors.New("otel.url must be https, or http with a private address")
	}
	return nil
}

// startSpans starts what a collector is told by; nothing where there is none.
func (p *pbx) startSpans(ctx context.Context) (err error) {
	c := p.config.OTel
	if c.URL == "" {
		return nil
	}
	p.spans, err = spans.New(ctx, spans.Config{URL: c.URL, Token: c.Token.value, Node: p.config.Node, Log: p.log})
	if err == nil {
		p.closing("spans", p.closeSpans)
	}
	return err
}

// closeSpans does not wait long for a collector that is away.
func (p *pbx) closeSpans(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, byePatience)
	defer cancel()
	if err := p.spans.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// observed hears of calls that are over before the ledger does.
type observed struct {
	call.Ledger
	spans *spans.Sender
}

// Enter implements call.Ledger.
func (o observed) Enter(c call.CDR) {
	o.spans.Call(spans.Call{ID: c.ID, Domain: c.Domain, Direction: string(c.Direction), Trunk: c.Trunk, Started: c.Started, Answered: c.Answered, Ended: c.Ended,
		Status: c.Cause.Status, Q850: c.Cause.Q850, EndedBy: c.EndedBy, Emergency: c.Emergency, Recorded: c.Recording != "", Transfers: c.Transfers, Legs: len(c.Legs)})
	o.Ledger.Enter(c)
}

// entering is where calls are written down.
func (p *pbx) entering() call.Ledger {
	if p.spans == nil {
		return p.purse
	}
	return observed{p.purse, p.spans}
}

// timed hears of the stages of recordings; nil: nobody wants to know.
func (p *pbx) timed() func(pipeline.Stage) {
	if p.spans == nil {
		return nil
	}
	return func(s pipeline.Stage) {
		p.spans.Recording(s.Name, s.Manifest.Call, s.Manifest.ID, s.Manifest.Domain, s.Manifest.SealedBytes, s.Err != nil, s.Began, s.Ended)
	}
}

func (p *pbx) spanMetrics(c *collector) {
	if p.spans == nil {
		return
	}
	c.add("naisen_otel_spans_sent_total", "Spans that the OpenTelemetry collector took.", prometheus.CounterValue, func() float64 { return float64(p.spans.Stats().Sent) })
	c.add("naisen_otel_spans_dropped_total", "Spans for which there was no room.", prometheus.CounterValue, func() float64 { return float64(p.spans.Stats().Dropped) })
	c.add("naisen_otel_spans_failed_total", "Spans that the collector did not take.", prometheus.CounterValue, func() float64 { return float64(p.spans.Stats().Failed) })
}
