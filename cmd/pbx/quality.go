package main

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/provisioning"
	"naisen/provisioning/directory"
)

// qualityLabels bounds how many pairs of site and network have metrics of their own; what comes later counts as "other".
const qualityLabels = 200

// qualities looks at the legs of each finished call, on its way to the ledger: opinion scores by site and network.
type qualities struct {
	next      call.Ledger
	directory *directory.Directory
	mos, loss *prometheus.HistogramVec

	mu    sync.Mutex
	known map[[2]string]bool
}

func newQualities(next call.Ledger, d *directory.Directory) *qualities {
	labels := []string{"site", "network", "direction"}
	return &qualities{next: next, directory: d, known: map[[2]string]bool{},
		mos: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "naisen_leg_mos", Help: "Mean opinion score (G.107) of each leg of finished calls.",
			Buckets: []float64{1.5, 2, 2.6, 3.1, 3.6, 4, 4.3, 4.5}}, labels),
		loss: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "naisen_leg_loss", Help: "Share of packets lost on each leg of finished calls.",
			Buckets: []float64{0, .001, .005, .01, .02, .05, .1, .3}}, labels)}
}

// Enter implements call.Ledger.
func (q *qualities) Enter(c call.CDR) {
	for i := range c.Legs {
		l := &c.Legs[i]
		l.Site = siteOfMedia(q.directory, c.Domain, l.Stats.Remote)
		site, network := q.labels(*l)
		h := l.Stats.Quality
		if h.FromPeer.Intervals > 0 {
			q.mos.WithLabelValues(site, network, "from").Observe(h.FromPeer.Mean)
			q.loss.WithLabelValues(site, network, "from").Observe(float64(l.Stats.Lost) / float64(max(l.Stats.Received+l.Stats.Lost, 1)))
		}
		if h.ToPeer.Intervals > 0 {
			q.mos.WithLabelValues(site, network, "to").Observe(h.ToPeer.Mean)
			q.loss.WithLabelValues(site, network, "to").Observe(float64(l.Stats.RemoteLost) / float64(max(l.Stats.Sent, 1)))
		}
	}
	q.next.Enter(c)
}

// labels of a leg: its site, and its trunk or "inside".
func (q *qualities) labels(l call.LegMedia) (site, network string) {
	pair := [2]string{l.Site, l.Trunk}
	if pair[1] == "" {
		pair[1] = "inside"
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.known[pair] {
		if len(q.known) >= qualityLabels {
			return "other", "other"
		}
		q.known[pair] = true
	}
	return pair[0], pair[1]
}

// legQuality is what REST and the call record show of a leg.
func legQuality(l call.LegMedia) provisioning.LegQuality {
	s := l.Stats
	out := provisioning.LegQuality{Number: l.Number, Trunk: l.Trunk, Site: l.Site, Codec: string(l.Codec), Encryption: s.SRTP, Received: s.Received, Sent: s.Sent, Lost: s.Lost,
		JitterMS: inMillis(s.Jitter), RoundTripMS: inMillis(s.Quality.RoundTrip), PeerLost: s.RemoteLost,
		Interruptions: l.Interruptions, InterruptedS: l.Interrupted.Round(100 * time.Millisecond).Seconds()}
	out.MOS, out.WorstMOS = scores(s.Quality.FromPeer)
	out.PeerMOS, out.PeerWorst = scores(s.Quality.ToPeer)
	return out
}

// siteOfMedia is the site whose network a leg's media comes from; empty: none.
func siteOfMedia(d *directory.Directory, domain string, remote netip.AddrPort) string {
	site, _ := d.Snapshot().SiteFrom(domain, remote.Addr())
	return site.Name
}

// scores are the mean and the worst, in hundredths.
func scores(h media.Hearing) (mean, worst float64) {
	if h.Intervals == 0 {
		return 0, 0
	}
	return math.Round(h.Mean*100) / 100, math.Round(h.Worst*100) / 100
}

func inMillis(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/10) / 100 }
