package call

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// Fax makes the fake one that can carry a fax: its description is just T38.
func (e *fakeEndpoint) Fax(s media.SDP, _ media.Security) (media.Fax, bool, error) {
	return media.Fax{}, string(s) == string(media.T38), e.bad
}

// A recorded call that becomes a fax: what was said before and after is kept, and the manifest marks what lies between. Where rather no call than no
// recording is wished it stays audio, which the recording holds; so does a call with a third party, on hold or in a script.
func TestFaxIsRecorded(t *testing.T) {
	for _, c := range []struct {
		name    string
		refuse  bool
		held    bool
		replies int
		masks   []bool
	}{{"marked", false, false, 1, []bool{true, false}}, {"strict", true, false, 0, nil}, {"on hold", false, true, 0, nil}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := plain
				p.Record = route.Record{On: true, Number: "2002", Policy: "p", Notice: route.NoticeNone, Refuse: c.refuse}
				r := newRig(p, phone)
				a := r.start(media.SDP("PCMU"))
				b := r.leg(1)
				b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
				synctest.Wait()
				if c.held {
					a.mailbox.Post(Offered{a.id, media.SDP("hold:PCMU")})
					synctest.Wait()
				}
				b.mailbox.Post(Offered{b.id, media.SDP("T38")})
				synctest.Wait()
				if c.replies > 0 {
					if !a.saw("offer T38") || b.saw("reply T38") || b.saw("refuse") {
						t.Fatalf("a %v, b %v", a.did, b.did)
					}
					a.mailbox.Post(Agreed{a.id, media.SDP("T38")})
					synctest.Wait()
					if !b.saw("reply T38") {
						t.Fatalf("b %v", b.did)
					}
					b.mailbox.Post(Offered{b.id, media.SDP("PCMU")})
					synctest.Wait()
					if !b.saw("reply PCMU") || !a.saw("offer PCMU,PCMA") {
						t.Errorf("a %v, b %v", a.did, b.did)
					}
					a.mailbox.Post(Agreed{a.id, media.SDP("PCMU")})
					synctest.Wait()
				} else if !b.saw("refuse") || a.saw("offer T38") {
					t.Errorf("a %v, b %v", a.did, b.did)
				}
				r.mu.Lock()
				if len(r.records) != 1 || r.records[0].stops != 0 || !slices.Equal(slices.Clip(r.records[0].masks), c.masks) && len(c.masks) > 0 {
					t.Errorf("%+v", r.records)
				}
				if len(c.masks) == 0 && slices.Contains(r.records[0].masks, true) {
					t.Errorf("masked: %v", r.records[0].masks)
				}
				r.mu.Unlock()
				a.hangup(sip.CauseNormal)
				r.settled(t)
			})
		})
	}
}

// Who does not take its voice back after a fax cannot talk: the call ends and says so.
func TestFaxWithoutAWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		synctest.Wait()
		for _, e := range []Event{Offered{b.id, media.SDP("T38")}, Agreed{a.id, media.SDP("T38")}, Offered{b.id, media.SDP("PCMU")},
			Disagreed{a.id, sip.StatusCause(488)}} {
			b.mailbox.Post(e)
			synctest.Wait()
		}
		r.settled(t)
		if got := r.cdrs[0].Cause; got.Status != sip.CauseNotAcceptable.Status || !strings.Contains(strings.Join(a.did, " "), "offer PCMU") {
			t.Errorf("%+v, %v", got, a.did)
		}
	})
}
