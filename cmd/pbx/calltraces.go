package main

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/trace"
	"naisen/sip/hep"
	"naisen/sip/stack"
)

// TraceConfig bounds what is kept of the SIP messages of calls, and says who gets copies.
type TraceConfig struct {
	Bytes int       `yaml:"bytes"` // of memory; 33554432
	Keep  Duration  `yaml:"keep"`  // how long a call that is over can be looked at; 15m
	HEP   HEPConfig `yaml:"hep"`
}

// HEPConfig names a Homer.
type HEPConfig struct {
	To    string `yaml:"to"`    // "192.0.2.60:9060", UDP; empty: none. HEP is not encrypted: only a private address
	Agent uint32 `yaml:"agent"` // number of this switch among capture agents
	Key   Secret `yaml:"key"`   // that Homer asks for
}

func (c TraceConfig) validate() error {
	var errs []error
	if c.Bytes < 0 || c.Bytes > 1<<30 || c.Keep < 0 || time.Duration(c.Keep) > 24*time.Hour {
		errs = append(errs, errors.New("trace: bytes must be 0 to 1073741824, keep 0 to 24h"))
	}
	if c.HEP.To == "" {
		return errors.Join(errs...)
	}
	to, err := netip.ParseAddrPort(c.HEP.To)
	if a := to.Addr().Unmap(); err != nil || to.Port() == 0 || !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
		errs = append(errs, errors.New(`trace.hep.to must be a private address and a port, as "10.0.0.60:9060": HEP is not encrypted`))
	}
	return errors.Join(errs...)
}

// startTraces makes what keeps the messages of calls, and what sends copies of all.
func (p *pbx) startTraces(s *signalling) error {
	p.traces = trace.New(trace.Config{Bytes: p.config.Trace.Bytes, Keep: time.Duration(p.config.Trace.Keep)})
	s.legs.claim = p.traces.Claim
	c := p.config.Trace.HEP
	if c.To == "" {
		return nil
	}
	var err error
	if p.homer, err = hep.NewSender(netip.MustParseAddrPort(c.To), hep.Agent{ID: c.Agent, Key: hep.Key(c.Key.value)}); err != nil { // Validate parsed it
		return err
	}
	p.closing("hep", func(context.Context) error { return p.homer.Close() })
	return nil
}

// traced is told of each SIP message. It must not block.
func (p *pbx) traced(m stack.Traced) {
	if p.trace != nil {
		p.trace(m)
	}
	if p.homer == nil {
		p.traces.Saw(m, nil)
		return
	}
	shown := m.Shown()
	p.traces.Saw(m, shown)
	p.homer.Send(hepPacket(m, p.traces.CallOf(m.CallID), shown))
}

// hepPacket is a message as Homer gets it. The legs of a call are joined by the call's ID, as soon as that is known; before, a leg is only itself.
func hepPacket(m stack.Traced, call string, shown []byte) hep.Packet {
	x := hep.Packet{At: m.At, From: m.Flow.Remote(), To: m.Flow.Local(), Reliable: m.Flow.Transport() != "udp", Correlation: cmp.Or(call, m.CallID), Payload: shown}
	if m.Sent {
		x.From, x.To = x.To, x.From
	}
	return x
}

// showTrace says which dialogs are a call's.
func (p *pbx) showTrace(s *call.Snapshot) {
	parties := make([]trace.Party, 0, len(s.Parties))
	for _, x := range s.Parties {
		parties = append(parties, trace.Party{CallID: x.Dialog.CallID, Number: x.Number})
	}
	p.traces.Show(s.ID, s.Domain, parties, s.Over)
}

func (p *pbx) traceMetrics(c *collector) {
	for _, m := range []struct {
		name, help string
		kind       prometheus.ValueType
		value      func(trace.Stats) uint64
	}{
		{"naisen_trace_bytes", "Memory of the SIP messages that are kept of calls.", prometheus.GaugeValue, func(s trace.Stats) uint64 { return s.Bytes }},
		{"naisen_trace_calls", "Calls of which SIP messages are kept: those that run, and those that ended lately.", prometheus.GaugeValue, func(s trace.Stats) uint64 { return s.Calls }},
		{"naisen_trace_dropped_total", "SIP messages of calls for which there was no room.", prometheus.CounterValue, func(s trace.Stats) uint64 { return s.Dropped }},
		{"naisen_trace_unclaimed_total", "SIP messages of attempts that became no call.", prometheus.CounterValue, func(s trace.Stats) uint64 { return s.Unclaimed }},
		{"naisen_trace_evicted_total", "Calls whose SIP messages gave way before their time.", prometheus.CounterValue, func(s trace.Stats) uint64 { return s.Evicted }},
	} {
		c.add(m.name, m.help, m.kind, func() float64 { return float64(m.value(p.traces.Stats())) })
	}
	if p.homer == nil {
		return
	}
	c.add("naisen_hep_sent_total", "SIP messages sent to Homer.", prometheus.CounterValue, func() float64 { return float64(p.homer.Stats().Sent) })
	c.add("naisen_hep_dropped_total", "SIP messages for Homer for which there was no room.", prometheus.CounterValue, func() float64 { return float64(p.homer.Stats().Dropped) })
	c.add("naisen_hep_failed_total", "SIP messages for Homer that the system did not take.", prometheus.CounterValue, func() float64 { return float64(p.homer.Stats().Failed) })
}
