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

// bobsMobile is that of 2002: 090 behind the trunk, shown as called by its owner's outside number.
var bobsMobile = Destination{Number: "2002", Name: "Bob", Extension: "2002", Mobile: &route.Mobile{Charge: route.Charge{Extension: "2002", Class: "mobile"},
	To: route.Target{Kind: route.ToTrunk, Trunk: "carrier", Number: "09012345678", Diverter: &route.Shown{Number: "+81312340002"}}}}

// ledger counts what mobiles were let begin and spared.
type purse struct {
	*rig
	held, spared []string
	refuse       bool
}

func (r *rig) withPurse() *purse {
	p := &purse{rig: r}
	r.sw.deps.Admit = func(call, _ string, plan route.Plan) route.Plan {
		if plan.Charge.Extension == "" {
			return plan
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.refuse {
			return route.Plan{Refuse: sip.CauseForbidden}
		}
		p.held = append(p.held, call+" "+plan.Charge.Extension+" "+plan.To)
		return plan
	}
	r.sw.deps.Spared = func(call, _ string, c route.Charge, to string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.spared = append(p.spared, call+" "+c.Extension+" "+to)
	}
	return p
}

func (l *fakeLeg) answers() { l.post(Answered{l.id, media.SDP("PCMU")}); synctest.Wait() }

// played ends what an endpoint hears.
func (r *rig) played(l *fakeLeg) {
	l.post(Media{l.id, media.PlayEnded{Complete: true}})
	synctest.Wait()
}

// Only the key makes the call the mobile's: until then the desk rings on and may take it, no early media of the mobile's network is heard, and other keys
// mean nothing. Then it is its owner: the record, the recording and the charge say so.
func TestMobileConfirms(t *testing.T) {
	for name, press := range map[string]func(*fakeLeg, string){"RTP": (*fakeLeg).presses, "INFO": (*fakeLeg).informs} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(recorded(route.NoticeNone), phone, bobsMobile)
				w := r.withPurse()
				a := r.extension("c1", "2001")
				desk, mobile := r.leg(1), r.leg(2)
				mobile.post(Progress{mobile.id, 183, media.SDP("PCMU")})
				mobile.answers()
				if a.saw("answer PCMU") || a.saw("ring PCMU") || desk.ends != 0 {
					t.Fatalf("the caller saw %q, the desk was ended %d times", a.did, desk.ends)
				}
				if got := r.endpoints[2].hears(); got != askMobile {
					t.Errorf("the mobile hears %q", got)
				}
				press(mobile, "92#")
				synctest.Wait()
				if a.saw("answer PCMU") {
					t.Error("another key took the call")
				}
				press(mobile, "1")
				synctest.Wait()
				if !a.saw("answer PCMU") || desk.cause != sip.CauseCompletedElsewhere || r.endpoints[2].hears() != "" {
					t.Errorf("the caller saw %q, the desk was told %+v, the mobile hears %q", a.did, desk.cause, r.endpoints[2].hears())
				}
				if len(r.records) != 1 || !strings.Contains(fmt.Sprint(r.records[0].of.Parties), "2002") || strings.Contains(fmt.Sprint(r.records[0].of), "90123") {
					t.Errorf("recordings %+v", r.records)
				}
				time.Sleep(5 * time.Second)
				a.hangup(sip.CauseNormal)
				cdr := r.settled(t)
				if cdr.AnsweredBy != "2002" || cdr.Charge.Extension != "2002" || cdr.Trunk != "carrier" || cdr.Talk != 5*time.Second || len(cdr.Rang) != 1 || cdr.Rang[0].Outcome != RungAnswered {
					t.Errorf("%+v", cdr)
				}
				if fmt.Sprint(w.held, w.spared) != "[c1 2002 09012345678] []" {
					t.Errorf("held %v, spared %v", w.held, w.spared)
				}
			})
		})
	}
}

// The desk takes the call while the mobile rings, or its voicemail speaks: the mobile is told that it was taken elsewhere, and costs nothing.
func TestDeskBeatsMobile(t *testing.T) {
	for _, voicemail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, Destination{Number: "2002", Extension: "2002"}, bobsMobile)
			w := r.withPurse()
			a := r.extension("c1", "2001")
			if voicemail {
				r.leg(2).answers()
			}
			r.leg(1).answers()
			if c := r.leg(2).cause; c != sip.CauseCompletedElsewhere {
				t.Errorf("the mobile was told %+v", c)
			}
			r.leg(2).presses("1") // too late
			a.hangup(sip.CauseNormal)
			if cdr := r.settled(t); cdr.AnsweredBy != "2002" || cdr.Charge.Extension != "" || cdr.Trunk != "" {
				t.Errorf("%+v", cdr)
			}
			if fmt.Sprint(w.spared) != "[c1 2002 09012345678]" {
				t.Errorf("spared %v", w.spared)
			}
		})
	}
}

// A voicemail is asked three times and let go; it takes no call, however long it speaks. The step waits for it, and is then over.
func TestVoicemailOfMobile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, bobsMobile)
		w := r.withPurse()
		a := r.extension("c1", "2001")
		time.Sleep(29 * time.Second)
		m := r.leg(1)
		m.answers()
		var heard []string
		for m.ends == 0 && len(heard) < 20 {
			heard = append(heard, r.endpoints[1].hears())
			time.Sleep(3 * time.Second)
			r.played(m)
		}
		ask := askMobile + " pause"
		if got := strings.Join(heard, " "); got != ask+" "+ask+" "+ask {
			t.Errorf("it heard %s", got)
		}
		cdr := r.settled(t)
		if a.cause.Status != sip.CauseNoAnswer.Status || !cdr.Answered.IsZero() || cdr.Rang[0].Outcome != RungMissed || len(w.spared) != 1 {
			t.Errorf("caller was told %+v, %+v, spared %v", a.cause, cdr, w.spared)
		}
	})
	synctest.Test(t, func(t *testing.T) { // or hangs up: nobody declined for its owner, and the desk rings on
		r := newRig(plain, Destination{Number: "2002", Extension: "2002"}, bobsMobile)
		a := r.extension("c1", "2001")
		r.leg(2).answers()
		r.leg(2).hangup(sip.CauseNormal)
		r.after(t, 20, "R-")
		r.leg(1).answers()
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.AnsweredBy != "2002" {
			t.Errorf("%+v", cdr)
		}
	})
}

// A mobile alone: what its network plays meanwhile is not heard, and who hangs up before the key has not answered. A desk that declines declines for it too.
func TestMobileAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, bobsMobile)
		a := r.extension("c1", "2001")
		m := r.leg(1)
		m.post(Progress{m.id, 183, media.SDP("PCMU")})
		synctest.Wait()
		if !a.saw("ring") || a.saw("ring PCMU") {
			t.Errorf("the caller saw %q", a.did)
		}
		m.answers()
		m.hangup(sip.CauseNormal)
		r.settled(t)
		if a.cause != sip.CauseNoAnswer {
			t.Errorf("the caller was told %+v", a.cause)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002"}, bobsMobile)
		r.extension("c1", "2001")
		m := r.leg(2)
		m.answers()
		r.leg(1).hangup(sip.CauseDeclined)
		synctest.Wait()
		if m.cause != sip.CauseDeclined {
			t.Errorf("the mobile was told %+v", m.cause)
		}
		r.settled(t)
	})
}

// What a mobile's network says is not its owner's word: a refusal ends no other telephone, a redirection is not followed, a REFER moves nobody, and the
// number that it asserts is shown to nobody.
func TestMobileIsNoPhoneOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002"}, bobsMobile)
		a := r.extension("c1", "2001")
		r.leg(2).hangup(sip.CauseDeclined)
		r.after(t, 1, "R-")
		a.hangup(sip.CauseCancelled)
		if cdr := r.settled(t); cdr.Rang[0].Outcome != RungMissed {
			t.Errorf("%+v", cdr.Rang)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, bobsMobile)
		a := r.extension("c1", "2001")
		m := r.leg(1)
		m.post(Ended{Leg: m.id, Cause: sip.StatusCause(302), Moved: "sip:2003@d"})
		synctest.Wait()
		m.ended = true
		if len(r.order) != 2 || len(r.asked) != 1 {
			t.Errorf("it was followed: %d legs, asked %+v", len(r.order), r.asked)
		}
		r.settled(t)
		_ = a
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, bobsMobile)
		a := r.extension("c1", "2001")
		m := r.leg(1)
		m.answers()
		m.presses("1")
		m.post(Referred{Leg: m.id, To: to("2003")})
		m.post(Identified{m.id, route.Shown{Number: "+819012345678"}})
		synctest.Wait()
		if !m.saw("refuse") || strings.Contains(fmt.Sprint(a.did), "90123") {
			t.Errorf("the mobile saw %q, the caller %q", m.did, a.did)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// Who talks at a mobile has its owner's codes; help is not called from there, since nobody knows where it is.
func TestCodesAtMobile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, bobsMobile)
		r.sw.deps.Codes = codes
		a := r.extension("c1", "2001")
		m := r.leg(1)
		m.answers()
		m.presses("1")
		synctest.Wait()
		m.presses("##110")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if q := r.asked[len(r.asked)-1]; q.Dialled != "110" || q.Extension != "2002" || !q.Afar {
			t.Errorf("asked for %+v", q)
		}
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		for _, l := range r.order {
			l.hangup(sip.CauseNormal)
		}
		r.settled(t)
	})
}

// What its owner may not spend rings no mobile, and the desk rings all the same.
func TestMobileBeyondLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002"}, bobsMobile)
		r.withPurse().refuse = true
		r.sw.deps.Mobiles = &Mobiles{}
		a := r.extension("c1", "2001")
		r.after(t, 1, "R")
		if len(r.sw.deps.Mobiles.rings) > 0 {
			t.Error("it keeps others from ringing it")
		}
		a.hangup(sip.CauseCancelled)
		r.settled(t)
	})
}

// The carrier is told who calls if that came from outside too, else the owner's outside number; and by whom the call came, as long as it is not shown to
// others as its mobile.
func TestMobileIsShown(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Incoming
		want string
	}{
		{"a colleague", Incoming{Request: route.Request{Extension: "2001", Number: "2001"}}, "+81312340002 for +81312340002 by 2002 follow-me"},
		{"a stranger", Incoming{Request: route.Request{Trunk: "carrier", Number: "+81355556666"}}, "+81355556666 for +81312340002 by 2002 follow-me"},
		{"a system of ours", Incoming{Request: route.Request{Trunk: "old", Internal: true, Number: "3001"}}, "+81312340002 for +81312340002 by 2002 follow-me"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := plain
			p.Shown = route.Shown{Number: c.in.Request.Number}
			r := newRig(p, bobsMobile)
			c.in.ID, c.in.Offer, c.in.Request.Domain, c.in.Request.Dialled = "c1", media.SDP("PCMU"), "d", "2002"
			a := r.begin(c.in)
			synctest.Wait()
			out := r.dialled[0]
			if got := fmt.Sprintf("%s for %s by %s %s", out.From.Number, out.Diverter, out.Way[0].By.URI.User, out.Way[0].Reason); got != c.want || len(out.Way) != 1 || out.To != "2002" {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			a.hangup(sip.CauseCancelled)
			r.settled(t)
		})
	}
}

// A stranger who has proved to be an extension's owner is that extension: what is routed, recorded and shown from then on. Its network says nothing for it,
// and nobody knows where it is.
func TestBecome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.act = opening(PickUp{}, Become{Extension: "2002", Name: "Bob"}, Goto{Number: "2003"})
		r.routes = func(q route.Request) route.Plan {
			if q.Dialled == "2003" {
				p := plain
				p.To = "2003"
				return p
			}
			return scripted
		}
		a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "+819012345678", Dialled: "+81312345673"}, Offer: media.SDP("PCMU"), MaxForwards: 70,
			Way: []sip.Diversion{{Reason: "unconditional"}}})
		synctest.Wait()
		if q := r.asked[len(r.asked)-1]; q.Extension != "2002" || q.Number != "2002" || !q.Afar || q.Away || q.Dialled != "2003" {
			t.Errorf("asked for %+v", q)
		}
		a.post(Identified{a.id, route.Shown{Number: "+819012345678"}})
		if out := r.dialled[0]; out.From.Number != "2002" || out.From.Display != "Bob" || len(out.Way) != 0 {
			t.Errorf("dialled with %+v", out)
		}
		b := r.last()
		b.answers()
		if b.saw("show +819012345678") {
			t.Errorf("the colleague saw %q", b.did)
		}
		a.post(Referred{Leg: a.id, To: to("2003")})
		synctest.Wait()
		if !a.saw("refuse") {
			t.Errorf("its network moved the call: %q", a.did)
		}
		a.hangup(sip.CauseNormal)
		if c := r.settled(t); c.From != "2002" {
			t.Errorf("%+v", c)
		}
	})
}

// A mobile that sends everything to the office brings a call by being rung, which does not ring it again; nor does another caller's, until somebody has
// pressed the key there, or it rings no more.
func TestMobileRingsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002"}, bobsMobile)
		r.sw.deps.Mobiles = &Mobiles{}
		var callers []*fakeLeg
		calls := func(id string, rings bool) (mobile *fakeLeg) {
			callers = append(callers, r.extension(id, "2001"))
			synctest.Wait()
			if l := r.last(); (l.id == LegID(id+"-3")) != rings { // behind the caller's and the desk's
				t.Errorf("%s: the mobile rings %v", id, !rings)
			}
			return r.last()
		}
		first := calls("c1", true)
		calls("c2", false)
		first.answers()
		calls("c3", false)
		first.presses("1")
		synctest.Wait()
		fourth := calls("c4", true)
		fourth.hangup(sip.CauseBusy)
		synctest.Wait()
		calls("c5", true)
		for _, l := range callers {
			l.hangup(sip.CauseNormal)
			synctest.Wait()
		}
		r.allSettled(t, len(callers))
		if m := r.sw.deps.Mobiles; len(m.rings)+len(m.of) != 0 {
			t.Errorf("still ringing: %v", m.rings)
		}
	})
}
