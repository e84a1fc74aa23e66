package call

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// claims begins c2, the call of 2003 whose script dials a code for a place; at is called when it asks for that.
func (r *rig) claims(at func() Stead, orders ...Order) *fakeLeg {
	r.now(scripted, ours)
	r.sw.deps.Stead = func(domain, extension, dialled string) (Stead, bool) {
		return at(), domain == "d" && extension == "2003" && dialled == "*8"
	}
	r.act = opening(orders...)
	l := r.extension("c2", "2003")
	synctest.Wait()
	return l
}

// TestClaim: who is answered already takes the place of who rings, or talks. The call there goes on as the same one; its own is merged into it.
func TestClaim(t *testing.T) {
	for name, up := range map[string]bool{"rings": false, "talks": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(plain, ours)
				a := r.extension("c1", "2001")
				b := r.last()
				if up {
					b.post(Answered{b.id, media.SDP("PCMU")})
					synctest.Wait()
				}
				m := r.claims(func() Stead { return Stead{Leg: b.id, Early: !up, Post: b.post} }, PickUp{}, Goto{Number: "*8", PIN: true})
				if m.ends != 0 || a.ends != 0 || b.ends != 1 || !a.saw("answer PCMU") {
					t.Errorf("ended %d, %d, %d; the caller saw %q", m.ends, a.ends, b.ends, a.did)
				}
				if g := r.bridges[0].gates; len(r.bridges[0].members) != 2 || g[r.bridges[0].members[0]] != media.GateBoth || g[r.bridges[0].members[1]] != media.GateBoth {
					t.Errorf("they do not hear each other: %v", g)
				}
				if s := r.sw.Snapshots("d"); len(s) != 1 || s[0].ID != "c1" || s[0].Phase != Talking {
					t.Errorf("calls %+v", s)
				}
				m.hangup(sip.CauseNormal)
				c := r.allSettled(t, 2)
				if c[0].MergedInto != "c1" || c[1].MergedInto != "" || c[1].From != "2001" || c[1].EndedBy != "called" || c[1].Transfers != 1 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// TestClaimRefused: by the rules of an INVITE with Replaces, and what a class of numbers demands. The script says why, and nothing happened elsewhere.
func TestClaimRefused(t *testing.T) {
	gone := func(*rig, *fakeLeg) Stead { return Stead{} }
	early := func(_ *rig, b *fakeLeg) Stead { return Stead{Leg: b.id, Early: true, Post: b.post} }
	there := func(_ *rig, b *fakeLeg) Stead { return Stead{Leg: b.id, Post: b.post} }
	for name, c := range map[string]struct {
		plan route.Plan
		at   func(*rig, *fakeLeg) Stead
		want int
	}{
		"nobody is there":    {plain, gone, 480},
		"it has answered":    {plain, early, 486},
		"nobody is parked":   {plain, func(_ *rig, b *fakeLeg) Stead { return Stead{Leg: b.id, Join: true, Post: b.post} }, 480},
		"encryption":         {secret(), there, 488},
		"another call's leg": {plain, func(_ *rig, b *fakeLeg) Stead { return Stead{Leg: "other", Post: b.post} }, 481},
		"that call is over":  {plain, there, 480},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(c.plan, ours)
				a, b := r.up("c1")
				over := name == "that call is over"
				if over {
					b.hangup(sip.CauseNormal)
					synctest.Wait()
				}
				did := len(a.did)
				m := r.claims(func() Stead { return c.at(r, b) }, PickUp{}, Goto{Number: "*8", PIN: true})
				told := r.told()
				if len(told) != 2 || !strings.HasPrefix(told[1], fmt.Sprintf("Refused{%d/", c.want)) || m.ends != 0 {
					t.Errorf("told %q, want %d", told, c.want)
				}
				if !over && (a.ends+b.ends != 0 || len(a.did) != did) {
					t.Errorf("there: %q", a.did[did:])
				}
				m.hangup(sip.CauseNormal)
				a.hangup(sip.CauseNormal)
				r.allSettled(t, 2)
			})
		})
	}
}

// TestClaimsNothing: who was not answered, whom a stranger sends, and who acts for another one do not get another's call.
func TestClaimsNothing(t *testing.T) {
	for name, orders := range map[string][]Order{"not answered": {Goto{Number: "*8"}}, "by a stranger": {PickUp{}, Goto{Number: "*8", Inside: true}}, "for another": {PickUp{}, Goto{Number: "*8", For: "2009"}}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(scripted, ours)
			m := r.claims(func() Stead { t.Errorf("%s: it asks for a place", name); return Stead{} }, orders...)
			if q := r.asked[len(r.asked)-1]; q.Dialled != "*8" {
				t.Errorf("%s: routed %+v", name, q)
			}
			m.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.allSettled(t, 1)
		})
	}
}

// guest is who comes from a call that the test plays: its mailbox, and the party.
func (r *rig) guest() (*Mailbox, *party) {
	l := r.newLeg("guest", nil)
	s := &sink{}
	m := NewMailbox()
	s.to.Store(m)
	ep, _ := r.Endpoint(media.Profile{}, func(media.Event) {})
	_ = ep.Accept(media.SDP("PCMU"))
	return m, &party{id: l.id, leg: l, ep: ep, sink: s, phase: PartyUp, agreed: true, ext: "2003", number: "2003", side: callingSide}
}

// TestClaimCrosses: what happens between the permission and the arrival. The call waits for who was admitted, and each leg ends once.
func TestClaimCrosses(t *testing.T) {
	for name, then := range map[string]func(r *rig, b *fakeLeg){
		"it answers":       func(_ *rig, b *fakeLeg) { b.post(Answered{b.id, media.SDP("PCMU")}) },
		"it is gone":       func(_ *rig, b *fakeLeg) { b.hangup(sip.CauseBusy) },
		"the call is over": func(r *rig, _ *fakeLeg) { r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(plain, ours)
				a := r.extension("c1", "2001")
				b := r.last()
				m, p := r.guest()
				at := Stead{Leg: b.id, Early: true}
				b.post(candidate{at, "d", p.ghost(), true, m, 1})
				synctest.Wait()
				yes, _ := m.Take()[0].(admitted)
				if yes.cause.Status != 0 || yes.call != "c1" || yes.leg != "guest" {
					t.Fatalf("answered %+v", yes)
				}
				then(r, b)
				synctest.Wait()
				if r.sw.Len() != 1 {
					t.Error("the call does not wait for who was admitted")
				}
				yes.to.Post(arrival{at, "d", p})
				synctest.Wait()
				if l := p.leg.(*fakeLeg); l.ends != 1 {
					t.Errorf("who came too late was ended %d times", l.ends)
				}
				a.hangup(sip.CauseNormal)
				r.allSettled(t, 1)
			})
		})
	}
}

// TestClaimGivenUp: the call of who was admitted ends before it reads that. Nobody waits for it for ever.
func TestClaimGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.extension("c1", "2001")
		b := r.last()
		m, p := r.guest()
		m.close()
		b.post(candidate{Stead{Leg: b.id, Early: true}, "d", p.ghost(), true, m, 1})
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		p.strand()
		r.allSettled(t, 1)
	})
}

// TestClaimIsRecorded: the recording of a call runs on through the change, and knows who came; whoever may not be recorded is silence in it.
func TestClaimIsRecorded(t *testing.T) {
	for name, never := range map[string]bool{"as any": false, "who may not be": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(recorded(route.NoticeNone), ours)
				r.sw.deps.Party = func(_ string, p route.Party) route.Record {
					out := route.Record{Notice: route.NoticeNone}
					if never && p.Extension == "2003" {
						out.Never = "2003"
					}
					return out
				}
				a, b := r.up("c1")
				m := r.claims(func() Stead { return Stead{Leg: b.id, Post: b.post} }, PickUp{}, Goto{Number: "*8", PIN: true})
				if len(r.records) != 1 || r.records[0].stops != 0 || len(r.records[0].more) != 1 || !strings.HasPrefix(r.records[0].more[0], "2003") {
					t.Fatalf("%d recordings, came later %q", len(r.records), r.records[0].more)
				}
				if masked := len(r.records[0].masks) == 1 && r.records[0].masks[0]; masked != never {
					t.Errorf("silenced %v", r.records[0].masks)
				}
				m.hangup(sip.CauseNormal)
				a.hangup(sip.CauseNormal)
				r.allSettled(t, 2)
			})
		})
	}
}
