package call

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

var (
	plain  = route.Plan{Direction: route.Internal, To: "2002", Steps: []route.Step{{Targets: []route.Target{{Number: "2002"}}, Ring: 30 * time.Second}}}
	phone  = Destination{Number: "2002"}
	phone2 = Destination{Number: "2002", Name: "second"}
)

func recorded(notice route.Notice) route.Plan {
	p := plain
	p.Direction = route.Inbound
	p.Record = route.Record{On: true, Number: "+81312345678", Policy: "p", Outside: "copied", Notice: notice, Prompt: "notice/recording", Language: "ja"}
	return p
}

// settled checks what must hold after every call, whatever happened in it.
func (r *rig) settled(t *testing.T) CDR {
	t.Helper()
	return r.allSettled(t, 1)[0]
}

func (r *rig) allSettled(t *testing.T, calls int) []CDR {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cdrs) != calls {
		t.Fatalf("%d CDRs, want exactly %d", len(r.cdrs), calls)
	}
	for _, l := range r.order {
		if l.ends > 1 {
			t.Errorf("leg %s got %d Ends", l.id, l.ends)
		}
		if !l.ended {
			t.Errorf("leg %s never ended", l.id)
		}
	}
	for _, e := range r.endpoints {
		if e.closes != 1 {
			t.Errorf("endpoint %s closed %d times", e.id, e.closes)
		}
	}
	for _, b := range r.bridges {
		if b.closes != 1 {
			t.Errorf("bridge closed %d times", b.closes)
		}
	}
	for _, f := range r.records {
		if f.stops != 1 {
			t.Errorf("recording stopped %d times", f.stops)
		}
	}
	if n := r.sw.Len(); n != 0 {
		t.Errorf("%d calls left", n)
	}
	return r.cdrs
}

func (r *rig) leg(i int) *fakeLeg {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if i >= len(r.order) {
		return nil
	}
	return r.order[i]
}

func TestAnsweredCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("G722,PCMA"))
		b := r.leg(1)
		if string(b.offer) != "G722,PCMA,PCMU,OPUS" {
			t.Errorf("called leg was offered %s: first what the caller speaks, the other G.711 law, then what can be transcoded", b.offer)
		}
		b.mailbox.Post(Progress{Leg: b.id, Status: 180})
		b.mailbox.Post(Progress{Leg: b.id, Status: 180})
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		synctest.Wait()
		if !a.saw("ring") || !a.saw("answer PCMA") {
			t.Errorf("caller saw %q", a.did)
		}
		time.Sleep(5 * time.Second)
		b.hangup(sip.CauseNormal)
		cdr := r.settled(t)
		if cdr.EndedBy != "called" || cdr.Talk != 5*time.Second || cdr.AnsweredBy != "2002" || cdr.Cause.Status != 200 {
			t.Errorf("CDR %+v", cdr)
		}
		if a.ends != 1 || b.ends != 0 {
			t.Errorf("ends: caller %d, called %d", a.ends, b.ends)
		}
	})
}

func TestCallerGivesUpWhileRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone, phone2)
		a := r.start(media.SDP("PCMU"))
		b, c := r.leg(1), r.leg(2)
		a.hangup(sip.CauseCancelled)
		cdr := r.settled(t)
		if cdr.EndedBy != "caller" || !cdr.Answered.IsZero() || b.cause != sip.CauseCancelled || c.ends != 1 {
			t.Errorf("CDR %+v, called was told %+v", cdr, b.cause)
		}
	})
}

func TestFirstAnswerWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone, phone2)
		a := r.start(media.SDP("PCMU"))
		b, c := r.leg(1), r.leg(2)
		r.mu.Lock()
		r.autoEnd = false
		r.mu.Unlock()
		c.mailbox.Post(Answered{Leg: c.id, SDP: media.SDP("PCMU")})
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")}) // crosses its own CANCEL
		synctest.Wait()
		if b.ends != 1 || b.cause != sip.CauseCompletedElsewhere || c.ends != 0 {
			t.Errorf("loser %d %+v, winner %d", b.ends, b.cause, c.ends)
		}
		b.hangup(sip.CauseCompletedElsewhere)
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		c.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

func TestBusyBeatsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone, phone2)
		a := r.start(media.SDP("PCMU"))
		r.leg(1).hangup(sip.CauseNoAnswer)
		r.leg(2).hangup(sip.CauseBusy)
		if cdr := r.settled(t); cdr.Cause.Status != 486 || a.cause.Status != 486 {
			t.Errorf("caller was told %+v", a.cause)
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plain
		p.Steps = append([]route.Step{}, plain.Steps[0], plain.Steps[0]) // two steps: the second rings the phone again
		r := newRig(p, phone)
		a := r.start(media.SDP("PCMU"))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if len(r.order) != 3 || r.order[1].ends != 1 {
			t.Fatalf("second step did not ring: %d legs", len(r.order))
		}
		time.Sleep(31 * time.Second)
		if cdr := r.settled(t); cdr.Cause.Status != sip.CauseNoAnswer.Status || a.ends != 1 {
			t.Errorf("%+v", cdr)
		}
	})
}

func TestNobodyRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain)
		r.start(media.SDP("PCMU"))
		if cdr := r.settled(t); cdr.Cause.Status != 480 {
			t.Errorf("%+v", cdr)
		}
	})
}

// A recorded number whose phones are all away: the caller is told so at once, not after the notice.
func TestNobodyRegisteredForTheRecordedNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeAnswer))
		a := r.start(media.SDP("PCMU"))
		if cdr := r.settled(t); cdr.Cause.Status != 480 || len(a.did) != 0 {
			t.Errorf("%+v, caller saw %q", cdr, a.did)
		}
	})
}

func TestUnusableOfferRingsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("bad"))
		if cdr := r.settled(t); cdr.Cause.Status != 488 || len(r.order) != 1 || a.cause.Status != 488 {
			t.Errorf("%+v, %d legs", cdr, len(r.order))
		}
	})
}

func TestRefusedByRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(route.Plan{Refuse: sip.CauseNotFound})
		a := r.start(media.SDP("PCMU"))
		if r.settled(t); a.cause.Status != 404 {
			t.Errorf("%+v", a.cause)
		}
	})
}

func TestEarlyNoticeThenRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeEarly), phone)
		a := r.start(media.SDP("PCMU"))
		synctest.Wait()
		if !a.saw("ring PCMU") || r.leg(1) != nil || r.endpoints[0].hears() != "notice/recording" {
			t.Fatalf("notice comes first, as early media: %q hears %q", a.did, r.endpoints[0].hears())
		}
		a.mailbox.Post(Media{a.id, media.PlayEnded{Complete: true, FirstRTP: 160, LastRTP: 320, SSRC: 7, Packets: 2, EndedAt: int64(time.Second)}})
		b := r.leg(1)
		if r.endpoints[0].hears() != "ringback" {
			t.Errorf("after the notice the caller hears %q", r.endpoints[0].hears())
		}
		if len(r.records) != 0 {
			t.Error("recording began before anybody answered")
		}
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.endpoints[0].hears() != "" {
			t.Fatalf("%d recordings, caller hears %q", len(r.records), r.endpoints[0].hears())
		}
		rec := r.records[0].of
		if rec.Notice == nil || rec.Notice.Mode != "early-media" || rec.Notice.FirstRTP != 160 || rec.Notice.Packets != 2 ||
			rec.Parties[0].Role != "caller" || rec.Parties[1].Endpoint != r.endpoints[1].id || rec.DID != "+81312345678" {
			t.Errorf("case %+v notice %+v", rec, rec.Notice)
		}
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); cdr.Recording == "" {
			t.Error("the CDR does not name its recording")
		}
	})
}

func TestNoticeAfterAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		notice route.Notice
		offer  media.SDP
	}{{"by policy", route.NoticeAnswer, media.SDP("PCMU")}, {"early is impossible without an offer", route.NoticeEarly, nil}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(recorded(c.notice), phone)
				a := r.start(c.offer)
				if c.offer == nil {
					a.mailbox.Post(Agreed{a.id, media.SDP("PCMU")})
				}
				synctest.Wait()
				if len(a.did) != 1 || a.did[0][:6] != "answer" || r.endpoints[0].hears() != "notice/recording" {
					t.Fatalf("%q, hears %q", a.did, r.endpoints[0].hears())
				}
				a.mailbox.Post(Media{a.id, media.PlayEnded{Complete: true, Packets: 1}})
				b := r.leg(1)
				b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
				synctest.Wait()
				if !slices.Equal(a.did[1:], []string{"show 2002"}) { // nobody was there to be shown when it was answered
					t.Errorf("caller was answered twice: %q", a.did)
				}
				if n := r.records[0].of.Notice; n.Mode != "after-answer" {
					t.Errorf("receipt says %s", n.Mode)
				}
				b.hangup(sip.CauseNormal)
				r.settled(t)
			})
		})
	}
}

func TestNoticeThatCannotBePlayed(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := recorded(route.NoticeEarly)
			p.Record.Refuse = refuse
			r := newRig(p, phone)
			r.openErr = errFake
			a := r.start(media.SDP("PCMU"))
			if b := r.leg(1); !refuse {
				b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
				synctest.Wait()
				if len(r.records) != 0 {
					t.Error("recorded without a notice")
				}
				done := make(chan error, 1)
				a.mailbox.Post(Record{On: true, Done: done})
				if err := <-done; err != ErrState || len(r.records) != 0 {
					t.Errorf("by hand: %v, %d recordings", err, len(r.records))
				}
				a.hangup(sip.CauseNormal)
			}
			if cdr := r.settled(t); refuse != (cdr.Cause.Status == 503) || len(r.alarms) == 0 {
				t.Errorf("refuse=%v: %+v alarms %q", refuse, cdr, r.alarms)
			}
		})
	}
}

func TestMandatoryRecordingThatFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		refuse  bool
		atStart bool
		status  int
	}{{"continue, at start", false, true, 200}, {"refuse, at start", true, true, 503}, {"continue, later", false, false, 200}, {"refuse, later", true, false, 503}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := recorded(route.NoticeNone)
				p.Record.Refuse = c.refuse
				r := newRig(p, phone)
				if c.atStart {
					r.startErr = errFake
				}
				a := r.start(media.SDP("PCMU"))
				b := r.leg(1)
				b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
				synctest.Wait()
				if !c.atStart {
					r.records[0].failed(errFake)
					synctest.Wait()
				}
				a.hangup(sip.CauseNormal)
				if cdr := r.settled(t); cdr.Cause.Status != c.status || !cdr.RecordingFailed || r.alarms[0] != "recording-failed" {
					t.Errorf("%+v %q", cdr, r.alarms)
				}
			})
		})
	}
}

func TestHoldAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("PCMU")})
		a.mailbox.Post(Offered{a.id, media.SDP("hold:PCMU")})
		synctest.Wait()
		br := r.bridges[0]
		if !a.saw("reply PCMU") || br.gates[r.endpoints[0]] != media.GateNone || r.endpoints[1].hears() != "music" {
			t.Fatalf("held: %q gate %v, other hears %q", a.did, br.gates[r.endpoints[0]], r.endpoints[1].hears())
		}
		a.mailbox.Post(Media{a.id, media.Timeout{}}) // a phone that holds is silent
		a.mailbox.Post(Offered{a.id, media.SDP("PCMU")})
		synctest.Wait()
		if br.gates[r.endpoints[0]] != media.GateBoth || r.endpoints[1].hears() != "" {
			t.Errorf("resumed: gate %v, other hears %q", br.gates[r.endpoints[0]], r.endpoints[1].hears())
		}
		a.mailbox.Post(Offered{a.id, media.SDP("bad")})
		synctest.Wait()
		if !a.saw("refuse") || r.sw.Len() != 1 {
			t.Error("a re-INVITE that cannot be answered is refused and the call goes on")
		}
		b.mailbox.Post(Media{b.id, media.Timeout{}}) // of a silence from before it was joined
		synctest.Wait()
		if r.sw.Len() != 1 {
			t.Error("ended for a silence that began before anybody listened")
		}
		time.Sleep(30 * time.Second)
		b.mailbox.Post(Media{b.id, media.Timeout{}})
		if cdr := r.settled(t); cdr.Cause != sip.CauseMediaTimeout {
			t.Errorf("%+v", cdr)
		}
	})
}

// Switched by hand: each time a recording of its own, and the tap of a stopped one is out of the bridge.
func TestRecordByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		ask := func(on bool) error {
			done := make(chan error, 1)
			a.mailbox.Post(Record{On: on, Done: done})
			return <-done
		}
		if err := ask(true); err != ErrState {
			t.Errorf("before anybody answered: %v", err)
		}
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		for range 2 {
			if err := ask(true); err != nil || r.bridges[0].taps != 1 {
				t.Fatalf("on: %v, %d taps", err, r.bridges[0].taps)
			}
			if err := ask(false); err != nil || r.bridges[0].taps != 0 {
				t.Fatalf("off: %v, %d taps", err, r.bridges[0].taps)
			}
		}
		if len(r.records) != 2 || r.records[0].of.ID == r.records[1].of.ID {
			t.Errorf("%d recordings, ids must differ", len(r.records))
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

func TestPlainRetryAfter488(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := phone
		d.Profile.SecureSIP = true
		r := newRig(plain, d)
		r.start(media.SDP("PCMU"))
		r.leg(1).hangup(sip.StatusCause(488))
		b := r.leg(2)
		if b == nil {
			t.Fatal("device that refuses SAVP was not tried with plain RTP")
		}
		b.hangup(sip.StatusCause(488))
		if cdr := r.settled(t); cdr.Cause.Status != 488 || len(r.order) != 3 {
			t.Errorf("%+v after %d legs", cdr, len(r.order))
		}
	})
}

func TestUnusableAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{Leg: b.id, SDP: media.SDP("bad")})
		if cdr := r.settled(t); cdr.Cause.Status != 488 && cdr.Cause.Status != 502 || b.ends != 1 {
			t.Errorf("%+v", cdr)
		}
	})
}

func TestEarlyMediaOfTheCalledSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Progress{b.id, 183, media.SDP("PCMU")})
		synctest.Wait()
		if !a.saw("ring PCMU") || len(r.bridges[0].members) != 2 {
			t.Fatalf("%q, %d in the bridge", a.did, len(r.bridges[0].members))
		}
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		a.mailbox.Post(Hangup{Cause: sip.CauseNormal, Done: make(chan error, 1)})
		r.settled(t)
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		r.start(media.SDP("PCMU"))
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		ctx, cancel := contextAfter(t, time.Minute)
		defer cancel()
		begun := time.Now()
		r.sw.Drain(ctx)
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("drain took %v, want its whole patience", took)
		}
		r.settled(t)
		r.sw.deps.Note = func(c CDR) { t.Errorf("%s was refused, and noted as one that runs", c.ID) }
		if err := r.sw.Start(Incoming{ID: "c2"}, nil); err != ErrDraining {
			t.Errorf("a new call during the drain: %v", err)
		}
		if err := r.sw.Post("d", "c1", Hangup{}); err != ErrGone {
			t.Errorf("post to a call that is over: %v", err)
		}
	})
}

func TestLegThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.start(media.SDP("PCMU"))
		r.leg(1)
		r.mu.Lock()
		r.autoEnd = false
		r.mu.Unlock()
		a.hangup(sip.CauseCancelled)
		time.Sleep(guard + time.Second)
		synctest.Wait()
		if len(r.cdrs) != 1 || r.sw.Len() != 0 || len(r.alarms) != 1 {
			t.Errorf("%d CDRs, %d calls, alarms %q", len(r.cdrs), r.sw.Len(), r.alarms)
		}
	})
}
