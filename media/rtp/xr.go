package rtp

import (
	"time"

	"github.com/pion/rtcp"
)

// Metrics is the VoIP metrics block of an extended report (RFC 3611 section 4.7): how one stream arrived and sounds where it is heard.
type Metrics struct {
	SSRC               uint32  // whose packets it tells about
	Loss, Discard      float64 // shares of packets that never came, and that came too late to be played, 0 to 1
	BurstDensity       float64 // share lost or discarded within bursts, 0 to 1
	GapDensity         float64
	Burst, Gap         time.Duration // mean lengths
	RoundTrip, EndSide time.Duration // the network's, and what the end system adds
	R                  int           // 0 to 100; -1: unknown
	MOSListening       float64       // 1 to 5; 0: unknown
	MOSConversation    float64
	JitterBuffer       time.Duration // nominal; 0: there is none
}

const unknownMetric = 127 // RFC 3611 section 4.7.5

// AppendMetrics appends an extended report with one VoIP metrics block to a compound packet.
func AppendMetrics(dst []byte, ssrc uint32, m Metrics) ([]byte, error) {
	block := &rtcp.VoIPMetricsReportBlock{
		SSRC: m.SSRC, LossRate: share(m.Loss), DiscardRate: share(m.Discard), BurstDensity: share(m.BurstDensity), GapDensity: share(m.GapDensity),
		BurstDuration: millis(m.Burst), GapDuration: millis(m.Gap), RoundTripDelay: millis(m.RoundTrip), EndSystemDelay: millis(m.EndSide),
		SignalLevel: unknownMetric, NoiseLevel: unknownMetric, RERL: unknownMetric, Gmin: 16, RFactor: unknownMetric, ExtRFactor: unknownMetric,
		MOSLQ: tenths(m.MOSListening), MOSCQ: tenths(m.MOSConversation), JBNominal: millis(m.JitterBuffer), JBMaximum: millis(m.JitterBuffer), JBAbsMax: millis(m.JitterBuffer),
	}
	if m.R >= 0 && m.R <= 100 {
		block.RFactor = uint8(m.R)
	}
	b, err := (&rtcp.ExtendedReport{SenderSSRC: ssrc, Reports: []rtcp.ReportBlock{block}}).Marshal()
	if err != nil {
		return dst, err
	}
	return append(dst, b...), nil
}

// metricsOf finds the VoIP metrics in an extended report.
func metricsOf(x *rtcp.ExtendedReport) *Metrics {
	for _, r := range x.Reports {
		b, ok := r.(*rtcp.VoIPMetricsReportBlock)
		if !ok {
			continue
		}
		m := &Metrics{SSRC: b.SSRC, Loss: float64(b.LossRate) / 256, Discard: float64(b.DiscardRate) / 256, BurstDensity: float64(b.BurstDensity) / 256,
			GapDensity: float64(b.GapDensity) / 256, Burst: duration(b.BurstDuration), Gap: duration(b.GapDuration), RoundTrip: duration(b.RoundTripDelay),
			EndSide: duration(b.EndSystemDelay), R: -1, MOSListening: score(b.MOSLQ), MOSConversation: score(b.MOSCQ), JitterBuffer: duration(b.JBNominal)}
		if b.RFactor <= 100 {
			m.R = int(b.RFactor)
		}
		return m
	}
	return nil
}

func share(v float64) uint8            { return uint8(min(max(v, 0)*256, 255)) }
func millis(d time.Duration) uint16    { return uint16(min(max(d.Milliseconds(), 0), 65535)) }
func duration(ms uint16) time.Duration { return time.Duration(ms) * time.Millisecond }

func tenths(mos float64) uint8 {
	if mos < 1 || mos > 5 {
		return unknownMetric
	}
	return uint8(mos*10 + 0.5)
}

func score(tenths uint8) float64 {
	if tenths < 10 || tenths > 50 {
		return 0
	}
	return float64(tenths) / 10
}
