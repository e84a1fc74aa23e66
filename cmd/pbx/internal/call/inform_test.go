package call

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// A recording that was stopped by hand is not begun again by what happens to the call.
func TestStoppedByHandStaysStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, phone)
		a := r.extension("c1", "2001")
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		for _, on := range []bool{true, false} {
			done := make(chan error, 1)
			a.mailbox.Post(Record{On: on, Done: done})
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		a.post(Referred{Leg: a.id, To: to("2003")})
		c := r.last()
		c.mailbox.Post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].stops != 1 {
			t.Errorf("%d recordings", len(r.records))
		}
		c.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// What was switched on by hand can be switched off so, wherever the call goes; but not once it is where a policy demands it.
func TestByHandUntilItIsDemanded(t *testing.T) {
	for _, c := range []struct {
		next route.Plan
		err  error
	}{{plain, nil}, {recorded(route.NoticeNone), ErrMandatory}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(plain, phone)
			a := r.extension("c1", "2001")
			b := r.leg(1)
			b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
			ask := func(on bool) error {
				done := make(chan error, 1)
				_ = r.sw.Post("d", "c1", Record{On: on, Done: done})
				return <-done
			}
			if err := ask(true); err != nil {
				t.Fatal(err)
			}
			r.plan = c.next
			a.post(Referred{Leg: a.id, To: to("2003")})
			next := r.last()
			next.mailbox.Post(Answered{next.id, media.SDP("PCMU")})
			synctest.Wait()
			if err := ask(false); err != c.err || len(r.records) != 1 || r.records[0].stops == 1 != (c.err == nil) {
				t.Errorf("switched off: %v, want %v; %d recordings, stopped %d times", err, c.err, len(r.records), r.records[0].stops)
			}
			next.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// days is a plan whose recordings are kept for so long.
func days(n int) route.Plan {
	p := recorded(route.NoticeNone)
	p.Record.Retention = n
	return p
}

// A recording that runs is told when the call comes under a rule that keeps it longer: by a transfer, or with the legs of another call.
func TestKeptLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(days(30), phone)
		a := r.extension("c1", "2001")
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		r.plan = days(3650)
		a.post(Referred{Leg: a.id, To: to("2003")})
		c := r.last()
		if slices.Contains(r.records[0].kept, 3650) {
			t.Error("a target that only rings demands something")
		}
		c.mailbox.Post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		if len(r.records) != 1 || r.records[0].of.RetentionDays != 30 || !slices.Contains(r.records[0].kept, 3650) {
			t.Errorf("%d recordings, the first for %d days and then %d", len(r.records), r.records[0].of.RetentionDays, r.records[0].kept)
		}
		c.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, days(3650))
		o.now(days(30), carols)
		o.bob.presses("#702003#")
		o.carol, o.cars = o.last(), o.endpoints[2]
		o.answers()
		o.bob.presses("#73")
		o.talk(o.annas, o.bobs, o.cars)
		if len(o.records) != 2 || o.records[1].of.RetentionDays != 30 || !slices.Contains(o.records[1].kept, 3650) {
			t.Errorf("%d recordings, the second for %d days and then %d", len(o.records), o.records[1].of.RetentionDays, o.records[1].kept)
		}
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
}

// Somebody outside who comes into a recorded call must hear the notice. Where it cannot be played the voice is not recorded: what ran until then ends.
func TestNewcomerWhoCannotBeTold(t *testing.T) {
	for _, broken := range []error{nil, errors.New("no prompt")} {
		synctest.Test(t, func(t *testing.T) {
			p := recorded(route.NoticeEarly)
			p.Direction = route.Inbound
			r := newRig(p, phone)
			a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "0901", Dialled: "0312345678"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
			synctest.Wait()
			a.mailbox.Post(Media{a.id, media.PlayEnded{Complete: true}})
			b := r.last()
			b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
			synctest.Wait()
			if len(r.records) != 1 || r.records[0].of.Notice == nil || r.records[0].of.Notice.Party != "0901" {
				t.Fatalf("recordings %+v", r.records)
			}
			r.sw.mu.Lock()
			call := r.sw.calls["c1"]
			r.sw.mu.Unlock()
			call.called[0].ext = "2002" // by the test's leave: nothing runs
			out := plain
			out.Direction = route.Outbound
			out.Steps = []route.Step{{Targets: []route.Target{{Kind: route.ToTrunk, Number: "0312340000", Trunk: "carrier"}}, Ring: time.Minute}}
			r.plan, r.found = out, []Destination{{Number: "0312340000", Trunk: "carrier"}}
			r.openErr = broken
			b.post(Referred{Leg: b.id, To: to("0312340000")})
			c := r.last()
			c.mailbox.Post(Answered{c.id, media.SDP("PCMU")})
			synctest.Wait()
			if broken == nil {
				if got := r.endpoints[2].hears(); got != "notice/recording" {
					t.Errorf("who is called hears %q", got)
				}
				c.mailbox.Post(Media{c.id, media.PlayEnded{Complete: true}})
				synctest.Wait()
			}
			if stopped := r.records[0].stops == 1; stopped != (broken != nil) || call.phase != Talking || len(r.records) != 1 {
				t.Errorf("stopped %v, phase %v, %d recordings", stopped, call.phase, len(r.records))
			}
			a.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}
