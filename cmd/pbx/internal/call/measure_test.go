package call

import (
	"testing"
	"testing/synctest"

	"naisen/media"
	"naisen/sip"
)

// TestLegsAreMeasured: whoever sent media stands in the record, who only rang does not; a live call tells when asked.
func TestLegsAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		r.endpoints[0].received = 100
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		synctest.Wait()
		s := r.sw.Snapshots("d")
		if len(s) != 1 || len(s[0].Parties) != 2 || s[0].Parties[0].Measured == nil {
			t.Fatalf("%+v", s)
		}
		if m := s[0].Parties[0].Measured(); m.Number != "2001" || m.Stats.Received != 100 {
			t.Errorf("live: %+v", m)
		}
		a.hangup(sip.CauseNormal)
		if legs := r.settled(t).Legs; len(legs) != 1 || legs[0].Number != "2001" || legs[0].Stats.Received != 100 {
			t.Errorf("%+v", legs)
		}
	})
}
