package call

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

var scripted = route.Plan{Direction: route.Internal, To: "2002", Steps: []route.Step{{Run: route.Run{Verb: "test", Name: "x"}}}}

// opening is a script that orders once, when it begins.
func opening(first ...Order) func(Facts, Cue) []Order {
	return func(_ Facts, c Cue) []Order {
		if _, ok := c.(Began); ok {
			return first
		}
		return nil
	}
}

// onScript runs a call whose caller a script has.
func onScript(t *testing.T, offer media.SDP, act func(Facts, Cue) []Order, then func(r *rig, a *fakeLeg)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.act = act
		a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002"}, Offer: offer, MaxForwards: 70})
		synctest.Wait()
		then(r, a)
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

func (r *rig) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := r.told(); !slices.Equal(got, want) {
		t.Errorf("the script was told %q, want %q", got, want)
	}
}

func prompt(name string) Program { return program{nil, name} }

func (l *fakeLeg) presses(keys string) {
	for _, k := range keys {
		l.post(Media{l.id, media.Digit{Rune: k}})
	}
}

func (l *fakeLeg) informs(keys string) {
	for _, k := range keys {
		l.post(Digit{l.id, k})
	}
}

// What is played reaches an unanswered caller as early media; keys end it, and its end is told.
func TestScriptPlaysAndGathers(t *testing.T) {
	onScript(t, media.SDP("PCMU"), opening(Play{prompt("menu")}, Gather{Max: 3}), func(r *rig, a *fakeLeg) {
		e := r.endpoints[0]
		if !a.saw("ring PCMU") || e.hears() != "menu" || r.sw.Snapshots("d")[0].Script != "test:x" {
			t.Fatalf("the caller got %q and hears %q", a.did, e.hears())
		}
		a.presses("1")
		synctest.Wait()
		if e.hears() != "" {
			t.Error("a key stops what is played")
		}
		a.presses("2#")
		r.expect(t, "Began{}", "Gathered{12 1}")
	})
}

// Patience begins when the prompt has ended, and again with each key.
func TestGatherPatience(t *testing.T) {
	onScript(t, media.SDP("PCMU"), opening(Play{prompt("menu")}, Gather{First: 5 * time.Second, Next: 2 * time.Second}), func(r *rig, a *fakeLeg) {
		time.Sleep(time.Minute)
		r.expect(t, "Began{}")
		a.post(Media{a.id, media.PlayEnded{Complete: true}})
		time.Sleep(4 * time.Second)
		r.expect(t, "Played{true}")
		a.presses("7")
		time.Sleep(1900 * time.Millisecond)
		a.presses("8")
		time.Sleep(1900 * time.Millisecond)
		r.expect(t)
		time.Sleep(200 * time.Millisecond)
		r.expect(t, "Gathered{78 2}")
		time.Sleep(time.Minute)
		r.expect(t)
	})
	onScript(t, media.SDP("PCMU"), opening(Gather{First: 5 * time.Second}), func(r *rig, a *fakeLeg) {
		time.Sleep(6 * time.Second)
		r.expect(t, "Began{}", "Gathered{ 2}")
	})
}

// Where each key comes twice, in RTP and by INFO, it is one key; repeated ones are several.
func TestKeysByBothPaths(t *testing.T) {
	onScript(t, media.SDP("PCMU"), opening(Gather{Max: 4}), func(r *rig, a *fakeLeg) {
		for range 2 {
			a.informs("5")
			a.presses("5")
		}
		a.presses("x ")
		a.informs("5")
		time.Sleep(onePath)
		a.presses("6")
		r.expect(t, "Began{}", "Gathered{5556 0}")
	})
}

// Keys that come before anybody waits are kept, and told when somebody does.
func TestKeysAhead(t *testing.T) {
	act := func(_ Facts, c Cue) []Order {
		switch c := c.(type) {
		case Began:
			return []Order{Wake{time.Second}}
		case Elapsed:
			return []Order{Play{prompt("first")}, Gather{Max: 1}}
		case Gathered:
			if c.Keys.Reveal() == "1" {
				return []Order{Play{prompt("second")}, Gather{Max: 1}}
			}
			return []Order{Gather{Max: 1, Fresh: true}}
		}
		return nil
	}
	onScript(t, media.SDP("PCMU"), act, func(r *rig, a *fakeLeg) {
		a.presses("129")
		time.Sleep(2 * time.Second)
		r.expect(t, "Began{}", "Elapsed{}", "Gathered{1 0}", "Gathered{2 0}")
	})
}

// A PIN is printed by nothing, and the recording is told to keep silence meanwhile.
func TestSecretKeys(t *testing.T) {
	k := NewKeys("4711", true)
	text, _ := json.Marshal(struct{ PIN Keys }{k})
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %q", k, k, k, k), fmt.Sprintf("%v %+v %#v", Gathered{Keys: k}, Gathered{Keys: k}, Gathered{Keys: k}), string(text), k.LogValue().String()} {
		if strings.Contains(s, "4711") || !strings.Contains(s, "[redacted]") {
			t.Errorf("a secret prints as %s", s)
		}
	}
	synctest.Test(t, func(t *testing.T) { // transferred out of a recorded call
		r, a, _ := talkingRecorded(t)
		r.plan, r.act = scripted, opening(Gather{Max: 4, Secret: true})
		b := r.leg(1)
		b.mailbox.Post(Referred{Leg: b.id, To: to("2009")})
		synctest.Wait()
		if !b.saw("report 200") || b.ends != 1 {
			t.Errorf("a script has the caller: who sent it there is let go, and got %q", b.did)
		}
		if m := r.records[0].masks; !slices.Equal(m, []bool{true}) {
			t.Errorf("while the PIN is pressed: %v", m)
		}
		a.presses("4711")
		synctest.Wait()
		if m := r.records[0].masks; !slices.Equal(m, []bool{true, false}) {
			t.Errorf("afterwards: %v", m)
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

func talkingRecorded(t *testing.T) (r *rig, a, b *fakeLeg) {
	t.Helper()
	r = newRig(recorded(route.NoticeNone), phone)
	a = r.extension("c1", "2001")
	b = r.leg(1)
	r.sw.mu.Lock()
	c := r.sw.calls["c1"]
	r.sw.mu.Unlock()
	b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
	synctest.Wait()
	c.called[0].ext = "2002" // by the test's leave: nothing runs
	return r, a, b
}

// An INVITE without an offer cannot hear early media: it is answered, and hears the prompt once its ACK is here.
func TestScriptAndLateOffer(t *testing.T) {
	onScript(t, nil, opening(Play{prompt("menu")}), func(r *rig, a *fakeLeg) {
		if !a.saw("answer PCMU,PCMA,G722,OPUS") || r.endpoints[0].hears() != "" {
			t.Fatalf("the caller got %q", a.did)
		}
		a.post(Agreed{a.id, media.SDP("PCMA")})
		synctest.Wait()
		if r.endpoints[0].hears() != "menu" {
			t.Errorf("after the ACK the caller hears %q", r.endpoints[0].hears())
		}
	})
}

// A script answers once, and the record names it.
func TestScriptPicksUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.act = opening(PickUp{}, PickUp{}, Finish{sip.CauseNormal})
		a := r.start(media.SDP("PCMU"))
		time.Sleep(time.Minute)
		if cdr := r.settled(t); cdr.AnsweredBy != "test:x" || cdr.Answered.IsZero() || !slices.Equal(a.did, []string{"answer PCMU"}) {
			t.Errorf("%+v, the caller got %q", cdr, a.did)
		}
	})
}

// A party that is heard no more leaves a script as it would leave a conversation.
func TestScriptHearsNobody(t *testing.T) {
	onScript(t, media.SDP("PCMU"), opening(PickUp{}), func(r *rig, a *fakeLeg) {
		time.Sleep(mediaPatience)
		a.post(Media{a.id, media.Timeout{Silent: 30 * time.Second}})
		synctest.Wait()
		if a.ends != 1 {
			t.Error("the call goes on without a caller")
		}
		r.expect(t, "Began{}", "Left{}")
	})
}

func TestScriptRings(t *testing.T) {
	again := func(_ Facts, c Cue) []Order {
		switch c.(type) {
		case Began, Unanswered:
			return []Order{Play{prompt("music")}, Ring{plain.Steps[0]}}
		}
		return nil
	}
	onScript(t, media.SDP("PCMU"), again, func(r *rig, a *fakeLeg) {
		b := r.leg(1)
		b.post(Progress{b.id, 183, media.SDP("PCMU")})
		b.hangup(sip.CauseBusy)
		r.expect(t, "Began{}", "Unanswered{"+fmt.Sprint(sip.CauseBusy)+"}")
		time.Sleep(31 * time.Second) // the second one does not answer
		d := r.leg(3)
		if r.leg(2).ends != 1 || d == nil {
			t.Fatal("who does not answer rings no more, and the next one does")
		}
		d.post(Answered{d.id, media.SDP("PCMU")})
		r.expect(t, "Unanswered{"+fmt.Sprint(sip.CauseNoAnswer)+"}", "Reached{2002 }")
		if s := r.sw.Snapshots("d")[0]; s.Phase != Talking || s.Script != "" || r.endpoints[0].hears() != "" || !a.saw("answer PCMU") {
			t.Errorf("%v %q, the caller hears %q", s.Phase, s.Script, r.endpoints[0].hears())
		}
	})
	onScript(t, media.SDP("PCMU"), opening(Ring{plain.Steps[0]}, Unring{}), func(r *rig, a *fakeLeg) {
		time.Sleep(time.Minute)
		r.expect(t, "Began{}")
		if r.leg(1).ends != 1 {
			t.Error("it rings on")
		}
	})
	onScript(t, media.SDP("PCMU"), opening(Ring{}), func(r *rig, a *fakeLeg) {
		r.expect(t, "Began{}", "Unanswered{"+fmt.Sprint(sip.CauseUnavailable)+"}")
	})
}

// A script sends its caller on by the rights of whom it acts for, and stays when that is refused.
func TestScriptSendsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.act = func(_ Facts, c Cue) []Order {
			switch c.(type) {
			case Began:
				return []Order{Play{prompt("menu")}, Goto{Number: "2009", For: "2500"}}
			case Refused:
				return []Order{Goto{Number: "2010"}, Play{prompt("never")}}
			}
			return nil
		}
		plans := []route.Plan{scripted, {Refuse: sip.CauseForbidden}, plain}
		r.routes = func(route.Request) route.Plan { p := plans[0]; plans = plans[1:]; return p }
		a := r.extension("c1", "2001")
		r.expect(t, "Began{}", "Refused{"+fmt.Sprint(sip.CauseForbidden)+"}")
		if q := r.asked; len(q) != 3 || q[1].Extension != "2500" || q[1].Dialled != "2009" || q[2].Extension != "2001" || q[2].Dialled != "2010" {
			t.Errorf("asked %+v", q)
		}
		if b := r.leg(1); b == nil || r.endpoints[0].hears() != "ringback" {
			t.Errorf("nobody rings, or the caller hears %q", r.endpoints[0].hears())
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// An outside caller has no rights of its own.
func TestScriptWithoutRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.act = opening(Goto{Number: "2009"})
		a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "t", Dialled: "+81312345678"}, Offer: media.SDP("PCMU")})
		r.expect(t, "Began{}", "Refused{"+fmt.Sprint(sip.CauseForbidden)+"}")
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// What a script still wants to do when its party is gone is done, and joined before the call is over.
func TestScriptCleansUp(t *testing.T) {
	done := make(chan string, 1)
	act := func(_ Facts, c Cue) []Order {
		if _, ok := c.(Left); ok {
			return []Order{Play{prompt("nobody hears it")}, Beside{func(context.Context) any { done <- "saved"; return nil }}}
		}
		return nil
	}
	onScript(t, media.SDP("PCMU"), act, func(r *rig, a *fakeLeg) {
		a.hangup(sip.CauseNormal)
		r.expect(t, "Began{}", "Left{}")
		if <-done != "saved" {
			t.Error("the work was not done")
		}
	})
}

// Scripts that send a caller round come to an end, and so does one that plays what is not there.
func TestScriptsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted)
		r.act = opening(Follow{scripted})
		r.start(media.SDP("PCMU"))
		time.Sleep(time.Minute)
		if n, cdr := len(r.told()), r.settled(t); n != maxActs || cdr.Cause.Status != 500 {
			t.Errorf("%d scripts, %+v", n, cdr.Cause)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted)
		r.openErr = errFake
		r.act = func(Facts, Cue) []Order { return []Order{Play{program{r, "missing"}}} }
		r.start(media.SDP("PCMU"))
		time.Sleep(time.Minute)
		if cdr := r.settled(t); cdr.Cause.Status != 500 {
			t.Errorf("%+v", cdr.Cause)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		plan := scripted
		plan.Steps = []route.Step{{Run: route.Run{Verb: "unknown"}}}
		r := newRig(plan)
		a := r.start(media.SDP("PCMU"))
		time.Sleep(time.Minute)
		if r.settled(t); a.cause.Status != 500 {
			t.Errorf("%+v", a.cause)
		}
	})
}

// Who comes by an attended transfer hears the script from its beginning, in its own call.
func TestScriptMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		r.act = opening(PickUp{}, Play{prompt("menu")})
		asks := r.extension("c2", "2001") // a colleague's second call: it hears the menu
		r.expect(t, "Began{}")
		r.plan = plain
		a := r.extension("c1", "2001")
		b := r.leg(2)
		b.post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		a.post(Referred{Leg: a.id, To: to("2009"), Replaces: Replaces{CallID: string(asks.id)}})
		if told := r.told(); len(told) != 2 || !slices.Contains(told, "Left{}") || !slices.Contains(told, "Began{}") { // two calls, each at its pace
			t.Errorf("the scripts were told %q", told)
		}
		if a.ends != 1 || asks.ends != 1 || !a.saw("report 200") || b.ends != 0 {
			t.Errorf("referrer %d %q, its other leg %d, who stays %d", a.ends, a.did, asks.ends, b.ends)
		}
		if s := r.sw.Snapshots("d"); len(s) != 1 || s[0].ID != "c1" || s[0].Script != "test:x" {
			t.Errorf("calls %+v", s)
		}
		b.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.allSettled(t, 2)
	})
}

// What a party says to a script alone is recorded where its number's policy says so, once, from before the first word to the end.
func TestTape(t *testing.T) {
	for _, c := range []struct {
		record route.Record
		broken error
		want   int
		status int
	}{
		{route.Record{On: true, Number: "+81312345678", Policy: "always", Notice: route.NoticeNone}, nil, 1, 200},
		{route.Record{Notice: route.NoticeNone}, nil, 0, 200},
		{route.Record{On: true, Number: "+81312345678", Notice: route.NoticeNone, Refuse: true}, errors.New("disk"), 0, 503},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(scripted, phone)
			r.plan.Record, r.startErr = c.record, c.broken
			r.act = opening(PickUp{}, Tape{}, Tape{}, Play{prompt("greeting")})
			leg := r.extension("c1", "2001")
			synctest.Wait()
			if len(r.records) != c.want {
				t.Fatalf("%d recordings", len(r.records))
			}
			if c.want > 0 {
				if rec := r.records[0]; rec.of.DID != "+81312345678" || len(rec.of.Parties) != 1 || rec.of.Parties[0].Number != "2001" || rec.stops != 0 {
					t.Errorf("%+v", rec)
				}
			}
			if c.status == 200 {
				leg.hangup(sip.CauseNormal)
			}
			time.Sleep(time.Minute)
			r.settled(t)
			if got := r.cdrs[0]; got.Cause.Status != c.status || c.want > 0 && r.records[0].stops != 1 {
				t.Errorf("%+v, recording %+v", got.Cause, r.records)
			}
		})
	}
}
