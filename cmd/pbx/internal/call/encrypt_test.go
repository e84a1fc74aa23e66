package call

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// secret is a class of numbers that demands encryption.
func secret() route.Plan {
	p := plain
	p.Record.Media = route.EncryptRequired
	return p
}

// answers is what the phone that is asked for encryption says, and whether that is encrypted.
var answers = []struct {
	name string
	say  func(*fakeLeg)
	yes  bool
}{
	{"agrees", func(l *fakeLeg) { l.post(Agreed{l.id, media.SDP("PCMU")}) }, true},
	{"refuses", func(l *fakeLeg) { l.post(Disagreed{l.id, sip.CauseNotAcceptable}) }, false},
	{"answers in the clear", func(l *fakeLeg) { l.post(Agreed{l.id, media.SDP("clear:PCMU")}) }, false},
}

// up is a call of 2001 whose called phone has answered, under the rig's plan.
func (r *rig) up(id string) (a, b *fakeLeg) {
	a = r.extension(id, "2001")
	b = r.last()
	b.post(Answered{b.id, media.SDP("PCMU")})
	synctest.Wait()
	return a, b
}

// nothingHappened fails unless two legs talk as before.
func (r *rig) nothingHappened(t *testing.T, bridge int, legs ...*fakeLeg) {
	t.Helper()
	synctest.Wait()
	for _, l := range legs {
		if l.ends != 0 {
			t.Errorf("%s was ended", l.id)
		}
	}
	b := r.bridges[bridge]
	if len(b.members) != 2 || b.gates[b.members[0]] != media.GateBoth || b.gates[b.members[1]] != media.GateBoth {
		t.Errorf("they do not hear each other any more: %v", b.gates)
	}
}

func eachAnswer(t *testing.T, play func(t *testing.T, say func(*fakeLeg), yes bool)) {
	t.Helper()
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { play(t, c.say, c.yes) }) })
	}
}

// Who stays is sent where everything is encrypted: it is asked for that first. If it cannot, the referrer hears 488 and has lost nothing (E12, E13).
func TestTransferIntoTheClass(t *testing.T) {
	eachAnswer(t, func(t *testing.T, say func(*fakeLeg), yes bool) {
		r := newRig(plain, ours)
		a, b := r.up("c1")
		r.plan = secret()
		a.post(Referred{Leg: a.id, To: to("2003")})
		synctest.Wait()
		if !b.saw("offer PCMU,PCMA") || a.saw("report 100") || len(r.order) != 2 {
			t.Fatalf("before the answer: %q %q, %d legs", a.did, b.did, len(r.order))
		}
		r.nothingHappened(t, 0, a, b)
		say(b)
		synctest.Wait()
		if !yes {
			if !a.saw("report 488") || len(r.order) != 2 {
				t.Errorf("%q, %d legs", a.did, len(r.order))
			}
			r.nothingHappened(t, 0, a, b)
			b.hangup(sip.CauseNormal)
			r.settled(t)
			return
		}
		c := r.last()
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		if !a.saw("report 200") || a.ends != 1 || !r.endpoints[1].secure || !r.endpoints[2].secure {
			t.Errorf("%q", a.did)
		}
		b.post(Offered{b.id, media.SDP("hold:PCMU")})
		synctest.Wait()
		if w := r.endpoints[1].wants; w[len(w)-1] != media.SecurityRequired {
			t.Errorf("a re-INVITE may take it back: %v", w)
		}
		c.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// A transfer that failed leaves the class that was: who cannot encrypt has its party back, also when it had hung up already.
func TestClassOfAFailedTransfer(t *testing.T) {
	for _, gone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, ours)
			a, b := r.up("c1")
			r.plan = secret()
			a.post(Referred{Leg: a.id, To: to("2003")})
			synctest.Wait()
			b.post(Agreed{b.id, media.SDP("PCMU")})
			c := r.last()
			if gone {
				a.hangup(sip.CauseNormal)
			}
			r.plan = plain
			c.hangup(sip.CauseBusy)
			back := r.last()
			if !gone {
				r.nothingHappened(t, 0, a, b)
				b.hangup(sip.CauseNormal)
				r.settled(t)
				return
			}
			if w := r.endpoints[3].wants; back == c || w[0] != media.SecurityPreferred {
				t.Errorf("rung again with %v", w)
			}
			back.post(Answered{back.id, media.SDP("PCMU")})
			synctest.Wait()
			r.nothingHappened(t, 0, b, back)
			b.hangup(sip.CauseNormal)
			r.settled(t)
		})
	}
}

// The two calls of an attended transfer are for different classes: whoever is in the clear is asked, in whichever call it is.
func TestAttendedTransferIntoTheClass(t *testing.T) {
	for _, there := range []bool{true, false} { // the class is that of the other call
		eachAnswer(t, func(t *testing.T, say func(*fakeLeg), yes bool) {
			r := newRig(plain, ours)
			if !there {
				r.plan = secret()
			}
			a, b := r.up("c1")
			if r.plan = plain; there {
				r.plan = secret()
			}
			a2, c := r.up("c2")
			a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id), Ours: "x", Theirs: "y"}})
			synctest.Wait()
			asked := b
			if !there {
				asked = c
			}
			if !asked.saw("offer PCMU,PCMA") || a2.ends != 0 {
				t.Fatalf("asked: %q, the referrer %q", asked.did, a.did)
			}
			say(asked)
			synctest.Wait()
			if !yes {
				if !a.saw("report 488") {
					t.Errorf("%q", a.did)
				}
				r.nothingHappened(t, 0, a, b)
				r.nothingHappened(t, 1, a2, c)
				b.hangup(sip.CauseNormal)
				c.hangup(sip.CauseNormal)
				r.allSettled(t, 2)
				return
			}
			if !a.saw("report 200") || a.ends != 1 || a2.ends != 1 || !r.endpoints[1].secure || !r.endpoints[3].secure {
				t.Errorf("%q, ends %d %d", a.did, a.ends, a2.ends)
			}
			r.nothingHappened(t, 0, b, c)
			c.hangup(sip.CauseNormal)
			r.allSettled(t, 2)
		})
	}
}

// Whoever is asked hangs up: the other call gets its answer all the same, and the referrer keeps its party.
func TestAskedForEncryptionHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(secret(), ours)
		a, b := r.up("c1")
		r.plan = plain
		a2, c := r.up("c2")
		a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id)}})
		synctest.Wait()
		c.hangup(sip.CauseNormal)
		synctest.Wait()
		if !a.saw("report 481") || a2.ends != 1 {
			t.Errorf("%q", a.did)
		}
		r.nothingHappened(t, 0, a, b)
		a.hangup(sip.CauseNormal)
		r.allSettled(t, 2)
	})
}

// A phone that rings was offered what it was offered: in the clear, it cannot be taken into the class.
func TestRingingLegAndTheClass(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			to2002 := ours
			to2002.Profile.SecureSIP = tls
			r := newRig(secret(), to2002)
			a, b := r.up("c1")
			r.plan = plain
			a2 := r.extension("c2", "2001")
			c := r.last()
			a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id)}})
			synctest.Wait()
			if !tls {
				if !a.saw("report 488") || a2.ends != 0 {
					t.Errorf("%q", a.did)
				}
				r.nothingHappened(t, 0, a, b)
				a2.hangup(sip.CauseNormal)
				b.hangup(sip.CauseNormal)
				r.allSettled(t, 2)
				return
			}
			c.hangup(sip.CauseNotAcceptable) // no SRTP: it must not be called again without
			synctest.Wait()
			if !a.saw("report 488") || len(r.order) != 4 {
				t.Errorf("%q, %d legs", a.did, len(r.order))
			}
			r.nothingHappened(t, 0, a, b)
			b.hangup(sip.CauseNormal)
			r.allSettled(t, 2)
		})
	}
}

// By keys the same is heard instead of seen.
func TestTransferByKeysIntoTheClass(t *testing.T) {
	eachAnswer(t, func(t *testing.T, say func(*fakeLeg), yes bool) {
		r := newRig(plain, ours)
		r.sw.deps.Codes = func(string, string) []Code { return []Code{{Keys: "#72", Dial: "2003"}} }
		a, b := r.up("c1")
		r.plan = secret()
		a.presses("#72")
		synctest.Wait()
		if !b.saw("offer PCMU,PCMA") || len(r.order) != 2 {
			t.Fatalf("%q, %d legs", b.did, len(r.order))
		}
		r.nothingHappened(t, 0, a, b)
		say(b)
		synctest.Wait()
		if yes != (len(r.order) == 3) || !yes && r.endpoints[0].hears() != whyNotThere {
			t.Errorf("%d legs, who pressed hears %q", len(r.order), r.endpoints[0].hears())
		}
		if !yes {
			a.post(Media{a.id, media.PlayEnded{Complete: true}})
			r.nothingHappened(t, 0, a, b)
		}
		b.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// A script that sends its caller into the class is refused, or its caller encrypted first.
func TestScriptIntoTheClass(t *testing.T) {
	eachAnswer(t, func(t *testing.T, say func(*fakeLeg), yes bool) {
		r := newRig(scripted, ours)
		r.act = opening(PickUp{}, Goto{Number: "2003"})
		r.routes = func(q route.Request) route.Plan {
			if q.Dialled == "2003" {
				return secret()
			}
			return scripted
		}
		a := r.extension("c1", "2001")
		synctest.Wait()
		if !a.saw("offer PCMU,PCMA") {
			t.Fatalf("%q", a.did)
		}
		r.told()
		say(a)
		told := r.told()
		if yes != (len(r.order) == 2) || !yes && !strings.HasPrefix(strings.Join(told, " "), "Refused{488") {
			t.Errorf("%d legs, the script was told %q", len(r.order), told)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// A redirection into the class is followed encrypted, or not at all.
func TestDiversionIntoTheClass(t *testing.T) {
	for _, encrypted := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			first := recorded(route.NoticeAnswer) // the caller is answered before anybody is rung
			if encrypted {
				first.Record.Media = route.EncryptRequired
			}
			r := newRig(first, Destination{Number: "2002", Extension: "2002"})
			a := r.start(media.SDP("PCMU"))
			synctest.Wait()
			a.post(Media{a.id, media.PlayEnded{Complete: true}})
			b := r.last()
			r.plan = secret()
			r.plan.Steps = []route.Step{{Targets: []route.Target{{Number: "2003"}}, Ring: time.Minute}}
			b.ended = true
			b.post(Ended{Leg: b.id, Cause: sip.StatusCause(302), Moved: "sip:2003@d"})
			synctest.Wait()
			if followed := len(r.order) == 3; followed != encrypted {
				t.Errorf("encrypted %v: followed %v", encrypted, followed)
			}
			if encrypted && !slices.Equal(r.endpoints[2].wants, []media.Security{media.SecurityRequired}) {
				t.Errorf("offered %v", r.endpoints[2].wants)
			}
			a.hangup(sip.CauseNormal)
			r.settled(t)
		})
	}
}

// Whatever way led there: nobody talks in the clear where the class of numbers forbids it.
func TestNobodyIsExposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := recorded(route.NoticeAnswer)
		p.Record.Media = route.EncryptRequired
		r := newRig(p, ours)
		a := r.start(media.SDP("PCMU"))
		synctest.Wait()
		a.post(Media{a.id, media.PlayEnded{Complete: true}})
		b := r.last()
		r.endpoints[0].secure = false // as if it had got round everything else
		b.post(Answered{b.id, media.SDP("PCMU")})
		if cdr := r.settled(t); cdr.Cause.Status != 488 || len(r.records) != 0 {
			t.Errorf("%+v, %d recordings", cdr, len(r.records))
		}
	})
}

// A leg that is being asked for encryption cannot be asked again: whoever wants it for another call meanwhile is told so once, and hears no more of it.
func TestAskedForEncryptionTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a, b := r.up("c1")
		r.plan = secret()
		a.post(Referred{Leg: a.id, To: to("2003")})
		synctest.Wait()
		m := NewMailbox()
		a.post(Surrender{Leg: a.id, Domain: "d", Ext: "2001", Into: "c2", Class: route.EncryptRequired, To: m})
		synctest.Wait()
		b.hangup(sip.CauseNormal)
		synctest.Wait()
		if got := m.take(nil); len(got) != 1 || got[0].(Kept).Cause.Status != 491 {
			t.Errorf("answers: %v", got)
		}
		r.settled(t)
	})
}
