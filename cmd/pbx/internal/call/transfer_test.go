package call

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// ours makes the called phones those of extension 2002, so that they may transfer.
var ours = Destination{Number: "2002", Extension: "2002"}

func (r *rig) extension(id, number string) *fakeLeg {
	return r.begin(Incoming{ID: id, Request: route.Request{Domain: "d", Extension: number, Number: number, Dialled: "2002"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
}

func (r *rig) last() *fakeLeg {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.order[len(r.order)-1]
}

func to(number string) sip.URI { return sip.URI{Scheme: "sip", User: number, Host: "d"} }

// TestRandomTransfers lets two extensions call, transfer to each other's calls, take places over and hang up in any order.
func TestRandomTransfers(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playTransfers(t, rand.New(rand.NewPCG(seed, 2))) })
		})
	}
}

func playTransfers(t *testing.T, rnd *rand.Rand) {
	plan := []route.Plan{plain, recorded(route.NoticeEarly), recorded(route.NoticeAnswer), recorded(route.NoticeNone)}[rnd.IntN(4)]
	r := newRig(plan, []Destination{ours, starting(time.Duration(rnd.IntN(2)*8), rnd.IntN(2))}[:1+rnd.IntN(2)]...)
	r.sw.deps.Codes = codes
	r.aware = len(r.found) == 2 // of what is recorded, so that they are made more offers
	every := 1 + rnd.IntN(4)    // so often a number is of a class that demands encryption
	r.routes = func(route.Request) route.Plan {
		p := plan
		if len(r.asked)%every == 1 {
			p.Record.Media = route.EncryptRequired
		}
		return p
	}
	calls := 2 + rnd.IntN(3)
	for i := range calls {
		r.extension(fmt.Sprint("c", i+1), []string{"2001", "2002"}[rnd.IntN(2)])
	}
	for range 20 + rnd.IntN(60) {
		if rnd.IntN(3) > 0 { // else what happens crosses what was done about the event before
			synctest.Wait()
		}
		r.mu.Lock()
		l, o := r.order[rnd.IntN(len(r.order))], r.order[rnd.IntN(len(r.order))]
		dead := l.ended
		r.mu.Unlock()
		if dead {
			continue
		}
		if rnd.IntN(3) == 0 {
			r.mu.Lock()
			r.held = []*fakeLeg{o}
			r.mu.Unlock()
			l.presses([]string{"##", "##2002#", "###", "#72", "20", "#702002#", "#702002#", "#71", "#71", "#73", "#73", "#74", "#75"}[rnd.IntN(13)])
			continue
		}
		switch rnd.IntN(12) {
		case 0, 1, 2:
			l.post(Answered{l.id, media.SDP("PCMU")})
		case 3:
			l.post(Referred{Leg: l.id, To: to("2002")})
		case 4, 5:
			l.post(Referred{Leg: l.id, To: to("2002"), Replaces: Replaces{CallID: string(o.id), Ours: "x", Theirs: "y"}})
		case 6:
			n := r.newLeg(LegID(fmt.Sprintf("r%d-1", rnd.IntN(1_000_000))), nil)
			o.post(Replace{Leg: o.id, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2001", Number: "2001"}}})
		case 7:
			l.post(Offered{l.id, []media.SDP{media.SDP("PCMU"), media.SDP("hold:PCMU")}[rnd.IntN(2)]})
		case 8:
			l.hangup([]sip.Cause{sip.CauseBusy, sip.CauseNormal}[rnd.IntN(2)])
		case 9:
			l.post(Media{l.id, media.PlayEnded{Complete: true}})
		case 10:
			if !l.offered() {
				continue
			}
			l.post(Agreed{l.id, []media.SDP{media.SDP("PCMU"), media.SDP("clear:PCMU")}[rnd.IntN(2)]})
		case 11:
			if !l.offered() {
				continue
			}
			l.post(Disagreed{l.id, sip.CauseNotAcceptable})
		}
		if rnd.IntN(4) == 0 {
			time.Sleep(time.Duration(rnd.IntN(20)) * time.Second)
		}
	}
	r.unanswered()
	time.Sleep(5 * time.Minute) // whatever rings has rung
	r.unanswered()
	r.stranded(t)
	for range 3 { // transfers that fail come back, and nobody picks up
		r.mu.Lock()
		legs := slices.Clone(r.order)
		r.mu.Unlock()
		for _, l := range legs {
			l.hangup(sip.CauseNormal)
		}
		time.Sleep(5 * time.Minute)
	}
	time.Sleep(2 * guard)
	r.allSettled(t, calls+r.made)
	for _, a := range r.alarms {
		if a != "notice-failed" {
			t.Errorf("alarm %s", a)
		}
	}
}

// offered says that a leg was sent an offer in the middle of its call.
func (l *fakeLeg) offered() bool {
	l.rig.mu.Lock()
	defer l.rig.mu.Unlock()
	return slices.ContainsFunc(l.did, func(s string) bool { return strings.HasPrefix(s, "offer ") })
}

// unanswered ends every offer of ours, as a dialog does when nothing came for 32 seconds.
func (r *rig) unanswered() {
	for range 4 { // one may lead to another
		synctest.Wait()
		r.mu.Lock()
		legs := slices.Clone(r.order)
		r.mu.Unlock()
		for _, l := range legs {
			r.mu.Lock()
			gone := l.ended
			r.mu.Unlock()
			if !gone && l.offered() {
				l.post(Disagreed{l.id, sip.CauseTimeout})
			}
		}
	}
}

// stranded finds parties that wait for nobody.
func (r *rig) stranded(t *testing.T) {
	t.Helper()
	synctest.Wait()
	r.sw.mu.Lock()
	defer r.sw.mu.Unlock()
	waits := map[*Mailbox]int{} // calls that wait for somebody who consults
	for _, c := range r.sw.calls {
		if t := c.transfer; t != nil && t.asking {
			waits[c.mailbox]++
		}
		if c.phase == Ending || c.joining != nil || c.surrender != nil {
			t.Errorf("%s is still %s", c.in.ID, c.phase)
		}
	}
	for _, c := range r.sw.calls {
		if k := c.consultation; k != nil {
			waits[k.to]--
			if k.by.phase >= PartyLeaving || k.by != c.caller && k.by != c.winner {
				t.Errorf("%s: who consults is %s", c.in.ID, k.by.phase)
			}
		}
		if c.phase != Talking {
			continue
		}
		for _, p := range c.talkers() {
			if p.phase != PartyUp && p.phase != PartyHeld || !p.joined {
				t.Errorf("%s: one of %d who talk is %s", c.in.ID, len(c.talkers()), p.phase)
			}
		}
	}
	for _, n := range waits {
		if n != 0 {
			t.Errorf("who waits and who consults do not agree: %v", waits)
		}
	}
}

// The other call is over when it is asked for its legs: the answer comes all the same, and who transferred keeps its party.
func TestSurrenderOfACallThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.extension("c1", "2001")
		b := r.last()
		b.post(Answered{b.id, media.SDP("PCMU")})
		a2 := r.extension("c2", "2001")
		c := r.last()
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		c.hangup(sip.CauseNormal)
		synctest.Wait()
		a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id)}})
		synctest.Wait()
		if !a.saw("report 481") || a.ends != 0 || b.ends != 0 {
			t.Errorf("the referrer was told %q, ends %d %d", a.did, a.ends, b.ends)
		}
		a.hangup(sip.CauseNormal)
		r.allSettled(t, 2)
	})
}

// Who rings already when it is transferred to is busy, or is not there: whoever transferred hears of it and has its party back.
func TestTransferToWhoRingsAndIsNotReached(t *testing.T) {
	for _, refuses := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, ours)
			a := r.extension("c1", "2001")
			b := r.last()
			b.post(Answered{b.id, media.SDP("PCMU")})
			a2 := r.extension("c2", "2001")
			c := r.last()
			a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id)}})
			synctest.Wait()
			if refuses {
				c.hangup(sip.CauseBusy)
			} else {
				time.Sleep(time.Minute)
			}
			synctest.Wait()
			if s, ok := r.sw.Snapshot("c1"); !ok || s.Phase != Talking || !a.saw("report 486") && !a.saw("report 480") || a.ends != 0 || b.ends != 0 {
				t.Errorf("the referrer was told %q, ends %d %d", a.did, a.ends, b.ends)
			}
			a.hangup(sip.CauseNormal)
			r.allSettled(t, 2)
		})
	}
}

// A target that may only be reached with a recording brings its policy along: who waits hears the notice first (H14).
func TestTransferToARecordedNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.extension("c1", "2001")
		b := r.last()
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		r.plan = recorded(route.NoticeEarly)
		a.post(Referred{Leg: a.id, To: to("81312345678")})
		synctest.Wait()
		if got := r.endpoints[1].hears(); got != "notice/recording" || len(r.order) != 2 {
			t.Fatalf("who waits hears %q, %d legs", got, len(r.order))
		}
		b.post(Media{b.id, media.PlayEnded{Complete: true}})
		c := r.last()
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].of.Notice == nil || r.records[0].of.Parties[0].Endpoint != "c" || r.records[0].of.Parties[1].Endpoint != "b" {
			t.Errorf("recorded: %+v", r.records)
		}
		if a.ends != 1 || !a.saw("report 200") {
			t.Errorf("the referrer: %q, ends %d", a.did, a.ends)
		}
		c.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.Transfers != 1 || cdr.AnsweredBy != "2002" || cdr.EndedBy != "caller" {
			t.Errorf("%+v", cdr)
		}
	})
}

// What a called phone plays before it answers is heard; it hears nothing itself, or two people could talk and nobody would pay.
func TestEarlyMediaIsOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.start(media.SDP("PCMU"))
		b := r.last()
		b.post(Progress{b.id, 183, media.SDP("PCMU")})
		synctest.Wait()
		br := r.bridges[0]
		if len(br.members) != 2 || br.gates[r.endpoints[1]] != media.GateTalk {
			t.Errorf("early: %d members, gate %v", len(br.members), br.gates[r.endpoints[1]])
		}
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		if br.gates[r.endpoints[1]] != media.GateBoth {
			t.Errorf("answered: gate %v", br.gates[r.endpoints[1]])
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// Two legs that were negotiated apart: who may speak the other's codec is asked for it, and who said that it does not is not. Where nothing comes of
// it the relay transcodes; what it cannot decode ends the call, so that nobody sits in silence.
func TestNoCommonCodec(t *testing.T) {
	for _, c := range []struct {
		other string
		ends  int
	}{{"G722", 0}, {"G729", 488}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, ours)
			a := r.start(media.SDP(c.other + ",PCMU"))
			b := r.last()
			b.post(Progress{b.id, 183, media.SDP("PCMU")}) // one fork's early media, and another one answers
			b.post(Answered{b.id, media.SDP(c.other)})
			synctest.Wait()
			if !a.saw("offer " + c.other) {
				t.Fatalf("the caller was not asked: %q", a.did)
			}
			a.post(Disagreed{a.id, sip.StatusCause(488)})
			synctest.Wait()
			if b.saw("offer PCMU,PCMA") {
				t.Fatalf("the called one was asked for what it had left out of its answer: %q", b.did)
			}
			if c.ends == 0 {
				if s := r.sw.Snapshots("")[0]; s.Phase != Talking || s.Bridge == "" {
					t.Errorf("%+v", s)
				}
				a.hangup(sip.CauseNormal)
			}
			if cdr := r.settled(t); c.ends != 0 && cdr.Cause.Status != c.ends {
				t.Errorf("%+v", cdr)
			}
		})
	}
}

// The called side lacks all that the caller speaks: it was offered what can be made of that as well, nobody is asked again, and the call goes on.
func TestTranscodedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.start(media.SDP("OPUS"))
		b := r.last()
		if string(b.offer) != "OPUS,PCMU,PCMA,G722" {
			t.Errorf("offered %s", b.offer)
		}
		b.post(Answered{b.id, media.SDP("PCMA")})
		synctest.Wait()
		s := r.sw.Snapshots("")[0]
		if s.Phase != Talking || !a.saw("answer OPUS") || len(s.Parties) != 2 || s.Parties[0].Codec == s.Parties[1].Codec {
			t.Errorf("%q %+v", a.did, s)
		}
		if len(a.did)+len(b.did) > 2 {
			t.Errorf("caller %q called %q", a.did, b.did)
		}
		a.post(Offered{a.id, media.SDP("PCMU")}) // it leaves the codec that it spoke
		synctest.Wait()
		if !a.saw("reply PCMU") {
			t.Errorf("%q", a.did)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// What cannot be decoded is offered only to those who share it, and never where the call is recorded.
func TestRelayOnlyCodecs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, ours)
		a := r.start(media.SDP("G729,PCMU"))
		if b := r.last(); string(b.offer) != "G729,PCMU,PCMA,G722,OPUS" {
			t.Errorf("offered %s", b.offer)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
		r = newRig(plain, ours)
		a = r.start(media.SDP("G729"))
		if b := r.last(); string(b.offer) != "G729" {
			t.Errorf("offered %s", b.offer)
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
	c := &Call{plan: route.Plan{Record: route.Record{On: true}}}
	if got := c.within([]media.Codec{media.G729, media.PCMU}); !slices.Equal(got, []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus}) {
		t.Errorf("recorded: %v", got)
	}
}
