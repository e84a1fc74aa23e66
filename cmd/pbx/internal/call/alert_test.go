package call

import (
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// TestAlertAnswersNothing: a script lets its caller ring, on a trunk without early media and for an INVITE without an offer too. Only of a caller who hung up
// before an answer it is told that.
func TestAlertAnswersNothing(t *testing.T) {
	for name, c := range map[string]struct {
		orders []Order
		offer  media.SDP
		late   bool
		ends   func(*rig, *fakeLeg)
		hungUp bool
	}{
		"hangs up":                  {[]Order{Alert{}, Alert{}}, media.SDP("PCMU"), false, func(_ *rig, a *fakeLeg) { a.hangup(sip.CauseCancelled) }, true},
		"on a trunk that is silent": {[]Order{Alert{}}, media.SDP("PCMU"), true, func(_ *rig, a *fakeLeg) { a.hangup(sip.CauseCancelled) }, true},
		"without an offer":          {[]Order{Alert{}}, nil, false, func(_ *rig, a *fakeLeg) { a.hangup(sip.CauseCancelled) }, true},
		"its network fails":         {[]Order{Alert{}}, media.SDP("PCMU"), false, func(_ *rig, a *fakeLeg) { a.hangup(sip.CauseUnavailable) }, false},
		"somebody ends the call":    {[]Order{Alert{}}, media.SDP("PCMU"), false, func(r *rig, _ *fakeLeg) { _ = r.sw.Post("d", "c1", Hangup{Cause: sip.CauseCancelled}) }, false},
		"was answered":              {[]Order{PickUp{}}, media.SDP("PCMU"), false, func(_ *rig, a *fakeLeg) { a.hangup(sip.CauseCancelled) }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(scripted, phone)
			left, rings, told := 0, 0, false
			r.act = func(f Facts, q Cue) []Order {
				switch q.(type) {
				case Began:
					return c.orders
				case Left:
					left++
					told = f.HungUp
				}
				return nil
			}
			a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "+819012345678", Dialled: "2002", LateMedia: c.late}, Offer: c.offer, MaxForwards: 70})
			synctest.Wait()
			for _, did := range a.did {
				if did == "ring" {
					rings++
				}
			}
			if _, picks := c.orders[0].(PickUp); !picks && (rings != 1 || len(a.did) != 1) {
				t.Errorf("%s: the caller got %q", name, a.did)
			}
			time.Sleep(time.Second)
			c.ends(r, a)
			synctest.Wait()
			if left != 1 || told != c.hungUp {
				t.Errorf("%s: told %d times, hung up: %v", name, left, told)
			}
			a.hangup(sip.CauseNormal)
			if cdr := r.settled(t); c.hungUp && (!cdr.Answered.IsZero() || cdr.AnsweredBy != "" || cdr.Talk != 0) {
				t.Errorf("%s: %+v", name, cdr)
			}
		})
	}
}

// TestCalledToCallOn: who was called for a script by which it calls on is the caller of that call, in what the record says too.
func TestCalledToCallOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		r.act = opening(Become{Extension: "2002", Name: "Bob"}, Goto{Number: "2003", PIN: true})
		r.routes = func(q route.Request) route.Plan {
			p := plain
			p.To = q.Dialled
			return p
		}
		err := r.sw.Originate(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2002", Number: "2002", Dialled: "+81312345673"},
			Origin: &Origin{Request: route.Request{Domain: "d", Extension: "2002", Number: "2002", Dialled: "2002", Mobile: true}, Then: scripted.Steps[0].Run}})
		if err != nil {
			t.Fatal(err)
		}
		a := r.leg(0)
		a.answers()
		b := r.last()
		b.answers()
		time.Sleep(time.Second)
		b.hangup(sip.CauseNormal)
		if c := r.settled(t); a == b || c.From != "2002" || c.To != "2003" || c.EndedBy != "called" {
			t.Errorf("%+v", c)
		}
	})
}
