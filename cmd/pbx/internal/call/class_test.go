package call

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"naisen/media"
	"naisen/sip"
)

// TestClassOfNumbersDemandsEncryption: the stricter of the device's and the number's class holds on both legs, a re-INVITE too, and a refused
// SAVP offer is not tried again without (threats E12, E13).
func TestClassOfNumbersDemandsEncryption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strict := plain
		strict.Record.Media = "srtp-required"
		r := newRig(strict, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		synctest.Wait()
		a.mailbox.Post(Offered{a.id, media.SDP("hold:PCMU")})
		synctest.Wait()
		for i, e := range r.endpoints[:2] {
			if len(e.wants) == 0 || slices.ContainsFunc(e.wants, func(s media.Security) bool { return s != media.SecurityRequired }) {
				t.Errorf("endpoint %d was asked for %v", i, e.wants)
			}
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
	for _, c := range []struct {
		class string
		leg   media.Security
		want  media.Security
	}{
		{"", media.SecurityForbidden, media.SecurityForbidden},
		{"srtp-preferred", media.SecurityRequired, media.SecurityRequired},
		{"srtp-required", media.SecurityPreferred, media.SecurityRequired},
		{"srtp-required", media.SecurityForbidden, media.SecurityRequired},
		{"srtp-forbidden", media.SecurityPreferred, media.SecurityForbidden},
		{"srtp-forbidden", media.SecurityRequired, media.SecurityRequired},
	} {
		call := &Call{}
		call.plan.Record.Media = c.class
		if got := call.demands(c.leg); got != c.want {
			t.Errorf("class %q, leg %v: %v", c.class, c.leg, got)
		}
	}
}

// The DSCP of a class of numbers is that of every leg from its first packet on, and of who stays when a transfer leads to another class.
func TestClassOfNumbersMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urgent := plain
		urgent.Record.DSCP = 44
		r := newRig(urgent, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		synctest.Wait()
		for i, e := range r.endpoints[:2] {
			if !slices.Equal(e.classes, []int{44, 44}) {
				t.Errorf("endpoint %d: %v", i, e.classes)
			}
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// Mark implements media.Marker.
func (e *fakeEndpoint) Mark(class int) { e.classes = append(e.classes, class) }

// Secures implements media.Guarded.
func (e *fakeEndpoint) Secures(offer media.SDP) bool {
	return !strings.HasPrefix(string(offer), "clear:")
}
