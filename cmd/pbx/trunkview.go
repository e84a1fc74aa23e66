package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/health"
	"naisen/provisioning"
)

var _ provisioning.TrunkViewer = (*trunks)(nil)

// TrunkStatus implements provisioning.TrunkViewer.
func (t *trunks) TrunkStatus(domain, name string) (provisioning.TrunkStatus, error) {
	tr, ok := t.directory.Snapshot().Trunk(domain, name)
	if !ok {
		return provisioning.TrunkStatus{}, provisioning.ErrNotFound
	}
	s := t.book.Status(health.Key{Domain: domain, Trunk: name})
	out := provisioning.TrunkStatus{Name: name, Up: s.Up && !tr.Disabled, Since: s.Since, Why: s.Why, Probed: s.Probed, ClosedUntil: s.Closed,
		Calls: s.Calls, MaxCalls: tr.MaxCalls, Attempts: s.Attempts, Answered: s.Answered, Failed: s.Failed, Busy: s.Busy, Paced: s.Paced,
		FailureRate: s.FailureRate, AnswerRate: s.AnswerRate, PDDMillis: s.PDD.Milliseconds(), RTTMillis: s.RTT.Milliseconds()}
	if t.lines == nil {
		return out, nil
	}
	if l, ok := t.lines.State(lineKey(domain, name)); ok {
		out.Registration = &provisioning.TrunkRegistration{Phase: string(l.Phase), Since: l.Since, Expires: l.Expires, Next: l.Next, Status: l.Status, Reason: l.Reason}
	}
	return out, nil
}

// trunkMetric shows each trunk by domain and name.
type trunkMetric struct {
	book                       *health.Book
	up, calls, asr, pdd, total *prometheus.Desc
}

func newTrunkMetric(b *health.Book) trunkMetric {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("naisen_trunk_"+name, help, append([]string{"domain", "trunk"}, more...), nil)
	}
	return trunkMetric{b, desc("up", "1 when the trunk takes calls."), desc("calls", "Channels in use."), desc("answer_rate", "ASR of the latest calls."),
		desc("pdd_seconds", "Post-dial delay, smoothed."), desc("calls_total", "Calls by what became of them.", "outcome")}
}

func (m trunkMetric) describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.up, m.calls, m.asr, m.pdd, m.total} {
		out <- d
	}
}

func (m trunkMetric) collect(out chan<- prometheus.Metric) {
	m.book.Each(func(k health.Key, s health.Status) {
		up := 0.0
		if s.Up {
			up = 1
		}
		gauge := func(d *prometheus.Desc, v float64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, k.Domain, k.Trunk)
		}
		gauge(m.up, up)
		gauge(m.calls, float64(s.Calls))
		gauge(m.asr, s.AnswerRate)
		gauge(m.pdd, s.PDD.Seconds())
		for outcome, n := range map[string]uint64{"attempted": s.Attempts, "answered": s.Answered, "failed": s.Failed, "busy": s.Busy, "paced": s.Paced} {
			out <- prometheus.MustNewConstMetric(m.total, prometheus.CounterValue, float64(n), k.Domain, k.Trunk, outcome)
		}
	})
}
