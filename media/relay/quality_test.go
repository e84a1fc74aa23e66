package relay

import (
	"math"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/rtp"
)

// TestQuality drives a leg's intervals by hand: what is lost shows, a silent interval does not count, the peer's reports and metrics tell of the
// other direction, and a peer that speaks XR gets it.
func TestQuality(t *testing.T) {
	e, s := idle(t)
	p, l := newPhone(t), newLeg(t, e, media.Profile{})
	plain := want(media.SecurityForbidden)
	p.calls(l, plain, plain)
	ep := l.Endpoint.(*endpoint)
	now := e.Now()
	s.obey(now)
	sess := ep.current(now)
	to := addressOf(p.agreed.Remote)
	say := func(n int) {
		for i := range n {
			if errno := send(rawOf(t, p), p.packet(frame('A', i)), &to); errno != 0 {
				t.Fatal(errno)
			}
			s.read(ep, channelRTP, now)
		}
	}
	step := func() media.Quality {
		now += int64(qualityInterval)
		s.judge(ep, sess, now)
		return ep.Stats().Quality
	}
	say(1)
	if q := step(); q.FromPeer.Intervals != 0 {
		t.Errorf("before the first interval: %+v", q)
	}
	say(40)
	if q := step(); q.FromPeer.Intervals != 1 || q.FromPeer.MOS < 4.2 || q.FromPeer.Loss != 0 {
		t.Errorf("a good line: %+v", q)
	}
	p.seq += 10
	say(30)
	bad := step()
	if h := bad.FromPeer; h.Intervals != 2 || math.Abs(h.Loss-0.25) > 0.001 || h.MOS > 2.5 || h.Worst != h.MOS || h.Mean <= h.MOS {
		t.Errorf("a quarter lost: %+v", h)
	}
	if q := step(); q != bad {
		t.Errorf("a hold is no bad line: %+v", q)
	}
	s.reported(ep, sess, rtp.Reception{SSRC: ep.ssrc, Fraction: 26, Jitter: 80})
	q := ep.Stats().Quality
	if h := q.ToPeer; h.Intervals != 1 || math.Abs(h.Loss-0.1) > 0.01 || h.Jitter != 10*time.Millisecond || h.MOS > 3.7 || h.MOS < 2 {
		t.Errorf("what the peer reports: %+v", h)
	}
	pkt, err := ep.metrics(nil)
	if err != nil || len(pkt) != 0 {
		t.Errorf("XR for a peer that never sent it: %v %v", pkt, err)
	}
	s.extended(ep, sess, &rtp.Metrics{SSRC: ep.ssrc, Loss: 0.2, Discard: 0.1, BurstDensity: 0.5})
	if h := ep.Stats().Quality.ToPeer; h.Intervals != 2 || h.Loss < 0.29 || h.Worst != h.MOS || h.MOS >= q.ToPeer.MOS {
		t.Errorf("with what its jitter buffer threw away: %+v", h)
	}
	pkt, err = ep.metrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := rtp.ParseRTCP(pkt); err != nil || c.Metrics == nil || c.Metrics.SSRC != p.ssrc || math.Abs(c.Metrics.Loss-0.25) > 0.01 || c.Metrics.MOSListening > 2.6 {
		t.Errorf("our XR: %+v %v", c.Metrics, err)
	}
}
