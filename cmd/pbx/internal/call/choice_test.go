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

// choosing is a recorded number whose callers may refuse by 9.
func choosing(ends bool) route.Plan {
	p := recorded(route.NoticeAnswer)
	p.Record.Refusal = route.Refusal{Key: '9', Ends: ends, Wait: 3 * time.Second}
	return p
}

// hears lets everything happen, and says what an endpoint hears.
func (r *rig) hears(i int) string {
	synctest.Wait()
	return r.endpoints[i].hears()
}

// played says that what a leg hears has come to its end.
func (l *fakeLeg) played() {
	l.post(Media{l.id, media.PlayEnded{Complete: true, Packets: 7, FirstSequence: 10, LastSequence: 16}})
}

func (l *fakeLeg) key(k rune) { l.post(Media{l.id, media.Digit{Rune: k}}) }

// Who hears the notice to its end and presses nothing is recorded, and the receipt says which key it could have pressed. Another key is
// nothing, and stands nowhere.
func TestNobodyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(choosing(false), phone)
		a := r.start(media.SDP("PCMU"))
		if got := r.hears(0); got != "notice/recording" {
			t.Fatalf("the caller hears %q", got)
		}
		a.key('5')
		a.played()
		if got := r.hears(0); got != "pause" || r.leg(1) != nil {
			t.Fatalf("after the notice the caller hears %q, and somebody rings: %v", got, r.leg(1) != nil)
		}
		a.key('#')
		a.played()
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		a.key('9') // too late: it is the conversation's
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].stops != 0 {
			t.Fatalf("%d recordings", len(r.records))
		}
		n := r.records[0].of.Notice
		if n == nil || !n.Complete || n.RefusalKey != "9" || n.Pressed != "" || n.Packets != 7 || n.FirstSequence != 10 || n.LastSequence != 16 || n.Leg != string(a.id) {
			t.Errorf("receipt %+v", n)
		}
		a.hangup(sip.CauseNormal)
		if cdr := r.settled(t); len(cdr.Notices) != 1 || cdr.Notices[0] != *n {
			t.Errorf("CDR %+v", cdr.Notices)
		}
	})
}

// The key counts during the notice and for a while after it, by RTP and by INFO, once. The call goes on unrecorded, also when it is asked for by hand, or
// ends, as the policy says.
func TestRefusedByKey(t *testing.T) {
	for _, ends := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for _, info := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					p := choosing(ends)
					p.Record.Refuse = true // no call without a recording: but refusing it is not a failure
					r := newRig(p, phone)
					a := r.start(media.SDP("PCMU"))
					r.hears(0)
					if after {
						a.played()
						r.hears(0)
					}
					if info {
						a.post(Digit{a.id, '9'})
					} else {
						a.key('9')
					}
					want := map[bool]string{false: sayUnrecorded, true: sayRefusedEnd}[ends]
					if got := r.hears(0); got != want || r.leg(1) != nil {
						t.Fatalf("who refused hears %q, want %q", got, want)
					}
					a.key('9')
					a.played()
					if ends {
						if synctest.Wait(); a.ends != 1 || a.cause.Status != 603 {
							t.Errorf("the caller is told %+v", a.cause)
						}
						if cdr := r.settled(t); cdr.EndedBy != bySwitch || cdr.Recording != "" || cdr.Cause.Status != 603 {
							t.Errorf("CDR %+v", cdr)
						}
						return
					}
					b := r.leg(1)
					b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
					synctest.Wait()
					done := make(chan error, 1)
					a.post(Record{On: true, Done: done})
					if err := <-done; err != ErrState || len(r.records) != 0 {
						t.Errorf("by hand: %v, %d recordings", err, len(r.records))
					}
					a.hangup(sip.CauseNormal)
					cdr := r.settled(t)
					if cdr.Recording != "" || cdr.RecordingFailed || len(r.alarms) != 0 {
						t.Errorf("CDR %+v, alarms %v", cdr, r.alarms)
					}
					if after && (len(cdr.Notices) != 1 || !cdr.Notices[0].Complete || cdr.Notices[0].Pressed != "9") {
						t.Errorf("receipts %+v", cdr.Notices)
					}
				})
			}
		}
	}
}

// A notice that was cut short has its receipt too: by the key, and by hanging up. How much was sent is what the endpoint says, also when it
// says so only while it closes.
func TestCutShort(t *testing.T) {
	for _, key := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(choosing(false), phone)
			a := r.start(media.SDP("PCMU"))
			r.hears(0)
			r.endpoints[0].counting = &media.PlayEnded{Packets: 3, FirstSequence: 20, LastSequence: 22}
			if key {
				a.key('9')
				r.hears(0)
				r.endpoints[0].counting = nil
			}
			a.hangup(sip.CauseNormal)
			cdr := r.settled(t)
			if len(cdr.Notices) != 1 {
				t.Fatalf("receipts %+v", cdr.Notices)
			}
			n, pressed := cdr.Notices[0], map[bool]string{true: "9"}[key]
			if n.Complete || n.Packets != 3 || n.FirstSequence != 20 || n.LastSequence != 22 || n.Pressed != pressed || n.SHA256 != "00" || n.Mode != "after-answer" {
				t.Errorf("receipt %+v", n)
			}
		})
	}
}

// Who refused is sent to a number that would rather have no call than no recording, or that talks with nobody who refuses it: the call ends. Where a
// recording is only wanted it goes on without.
func TestRefusedAndSentOn(t *testing.T) {
	for next, insists := range map[route.Record]bool{{}: false, {Refuse: true}: true, {Refusal: route.Refusal{Key: '8', Ends: true}}: true, {Refusal: route.Refusal{Key: '8'}}: false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(choosing(false), phone)
			a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "0901", Dialled: "0312345678"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
			r.hears(0)
			a.key('9')
			r.hears(0)
			a.played()
			b := r.leg(1)
			b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
			synctest.Wait()
			r.sw.mu.Lock()
			r.sw.calls["c1"].called[0].ext = "2002" // by the test's leave: nothing runs
			r.sw.mu.Unlock()
			r.plan = recorded(route.NoticeAnswer)
			r.plan.Record.Refuse, r.plan.Record.Refusal = next.Refuse, next.Refusal
			b.post(Referred{Leg: b.id, To: to("2003")})
			c := r.last()
			c.mailbox.Post(Answered{c.id, media.SDP("PCMU")})
			synctest.Wait()
			if len(r.records) != 0 {
				t.Errorf("%d recordings of somebody who refused", len(r.records))
			}
			if ended := a.ends == 1; ended != insists {
				t.Errorf("ended: %v", ended)
			}
			a.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// Whom a call goes to outside has a notice of its own, or none where its policy says so, whatever those hear who call.
func TestOutboundNotice(t *testing.T) {
	for _, c := range []struct {
		name             string
		inbound, outward route.Notice
		prompt, hears    string
		recorded         bool
	}{
		{"as who calls", route.NoticeEarly, "", "", "notice/recording", false},
		{"words of its own", route.NoticeEarly, route.NoticeCalled, "notice/recording-outbound", "notice/recording-outbound", false},
		{"only out", route.NoticeNone, route.NoticeCalled, "", "notice/recording", false},
		{"only in", route.NoticeEarly, route.NoticeNone, "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := recorded(c.inbound)
				p.Direction = route.Outbound
				p.Record.Outbound, p.Record.Calling = c.outward, c.prompt
				p.Steps = []route.Step{{Targets: []route.Target{{Kind: route.ToTrunk, Number: "0312340000", Trunk: "carrier"}}, Ring: time.Minute}}
				r := newRig(p, Destination{Number: "0312340000", Trunk: "carrier"})
				a := r.extension("c1", "2001")
				b := r.leg(1)
				b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
				if got := r.hears(1); got != c.hears || (len(r.records) == 1) != c.recorded {
					t.Fatalf("who is called hears %q, want %q; %d recordings", got, c.hears, len(r.records))
				}
				if c.hears != "" {
					b.played()
					synctest.Wait()
					if n := r.records[0].of.Notice; n == nil || n.Mode != "outbound" || n.Prompt != c.hears || n.Leg != string(b.id) {
						t.Errorf("receipt %+v", n)
					}
				}
				if len(r.records) != 1 || slices.Contains(r.alarms, "notice-failed") {
					t.Errorf("%d recordings, alarms %v", len(r.records), r.alarms)
				}
				a.hangup(sip.CauseNormal)
				r.settled(t)
			})
		})
	}
}

// A notice that was heard to its end has its receipt also where the time to refuse was cut short: by hanging up, or by another telephone in its place.
func TestHeardAndNotChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(choosing(false), phone)
		a := r.start(media.SDP("PCMU"))
		r.hears(0)
		a.played()
		if got := r.hears(0); got != "pause" {
			t.Fatalf("hears %q", got)
		}
		a.hangup(sip.CauseNormal)
		cdr := r.settled(t)
		if len(cdr.Notices) != 1 || !cdr.Notices[0].Complete || cdr.Notices[0].Pressed != "" || cdr.Notices[0].RefusalKey != "9" {
			t.Errorf("receipts %+v", cdr.Notices)
		}
	})
}

// What was played before, and ends late, is not the notice: that is over when it is.
func TestLateEndIsNotTheNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeEarly), phone)
		a := r.start(media.SDP("PCMU"))
		if got := r.hears(0); got != "notice/recording" {
			t.Fatalf("hears %q", got)
		}
		a.post(Media{a.id, media.PlayEnded{Source: named{"music", media.PCMU}, Complete: true, Packets: 9}})
		if got := r.hears(0); got != "notice/recording" || r.leg(1) != nil {
			t.Errorf("hears %q, and somebody rings: %v", got, r.leg(1) != nil)
		}
		a.post(Media{a.id, media.PlayEnded{Source: named{"notice/recording", media.PCMU}, Complete: true, Packets: 9}})
		if r.leg(1) == nil {
			t.Error("nobody rings after the notice")
		}
		a.hangup(sip.CauseNormal)
		r.settled(t)
	})
}

// Who refused is not recorded either when its leg goes to another call: a recording that runs there ends. Where only who refused is gone, it goes on.
func TestRefusedAndBroughtTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(choosing(false), ours)
		stranger := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "0901", Dialled: "2002"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
		r.hears(0)
		stranger.key('9')
		r.hears(0)
		stranger.played()
		b := r.last()
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		r.now(recorded(route.NoticeNone), carols)
		asks := r.extension("c2", "2002")
		c := r.last()
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].stops != 0 {
			t.Fatalf("%d recordings", len(r.records))
		}
		asks.post(Referred{Leg: asks.id, To: to("2003"), Replaces: Replaces{CallID: string(b.id)}})
		synctest.Wait()
		if rec := r.records[0]; len(r.records) != 1 || rec.stops != 1 || rec.why != whyRefused || stranger.ends+c.ends != 0 {
			t.Errorf("%d recordings, the first ended %d times: %q", len(r.records), rec.stops, rec.why)
		}
		r.over(t, 2)
	})
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, recorded(route.NoticeNone))
		o.now(choosing(false), carols)
		o.bob.presses("#702003#")
		o.alone(o.bobs, "notice/recording")
		o.bob.key('9')
		o.alone(o.bobs, sayUnrecorded)
		o.bob.played()
		o.carol = o.last()
		o.cars = o.endpoints[len(o.endpoints)-1]
		o.answers()
		o.talk(o.bobs, o.cars)
		o.bob.presses("#74")
		o.talk(o.annas, o.cars)
		if len(o.records) != 1 || o.records[0].stops != 0 {
			t.Errorf("%d recordings", len(o.records))
		}
		o.rig.over(t, 2)
	})
}
