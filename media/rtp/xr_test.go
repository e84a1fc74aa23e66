package rtp

import (
	"math"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	want := Metrics{SSRC: 7, Loss: 0.05, Discard: 0.01, BurstDensity: 0.5, GapDensity: 0.02, Burst: 300 * time.Millisecond, Gap: 9 * time.Second, RoundTrip: 80 * time.Millisecond,
		EndSide: 60 * time.Millisecond, R: 82, MOSListening: 4.1, MOSConversation: 4, JitterBuffer: 40 * time.Millisecond}
	pkt, err := AppendReport(nil, 9, nil, nil, "c", false)
	if err == nil {
		pkt, err = AppendMetrics(pkt, 9, want)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseRTCP(pkt)
	if err != nil || c.Metrics == nil || c.SSRC != 9 {
		t.Fatalf("%+v %v", c, err)
	}
	got := *c.Metrics
	for name, pair := range map[string][2]float64{"loss": {got.Loss, want.Loss}, "discard": {got.Discard, want.Discard},
		"burst": {got.BurstDensity, want.BurstDensity}, "gap": {got.GapDensity, want.GapDensity}} {
		if math.Abs(pair[0]-pair[1]) > 1.0/256 {
			t.Errorf("%s: %v", name, pair)
		}
	}
	got.Loss, got.Discard, got.BurstDensity, got.GapDensity = want.Loss, want.Discard, want.BurstDensity, want.GapDensity
	if got != want {
		t.Errorf("%+v", got)
	}
	unknown, err := AppendMetrics(nil, 9, Metrics{SSRC: 7, R: -1})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ParseRTCP(unknown); err != nil || c.Metrics.R != -1 || c.Metrics.MOSListening != 0 || c.Metrics.MOSConversation != 0 {
		t.Errorf("%+v %v", c.Metrics, err)
	}
}

// Two runs of loss: three packets in two gaps.
func TestGaps(t *testing.T) {
	r := NewReceiver(8000)
	for _, seq := range []uint16{1, 2, 5, 6, 8} {
		r.Packet(Header{Sequence: seq, Timestamp: uint32(seq) * 160, SSRC: 1}, int64(seq)*20*int64(time.Millisecond), true)
	}
	if r.Lost() != 3 || r.Gaps() != 2 {
		t.Errorf("lost %d in %d", r.Lost(), r.Gaps())
	}
}
