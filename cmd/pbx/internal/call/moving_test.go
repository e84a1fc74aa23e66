package call

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

var (
	bobsDesk = Destination{Number: "2002", Extension: "2002", Instance: "<urn:uuid:desk>"}
	bobsPC   = Destination{Number: "2002", Extension: "2002", Instance: "<urn:uuid:pc>"}
)

// move wants a leg's party to go on at another telephone of its own.
func (r *rig) move(l *fakeLeg) error {
	done := make(chan error, 1)
	if err := r.sw.Post("d", "c1", MoveAway{Leg: l.id, Done: done}); err != nil {
		return err
	}
	synctest.Wait()
	return <-done
}

// atDesk is a recorded call of anna with bob, who talks at his desk, and may go on at his PC and his mobile.
func atDesk(t *testing.T, play func(r *rig, anna, desk *fakeLeg)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeNone), bobsDesk)
		r.sw.deps.Codes = func(string, string) []Code { return []Code{{Keys: "#79", Does: Moves}, {Keys: "##"}} }
		a := r.extension("c1", "2001")
		d := r.leg(1)
		d.answers()
		r.mu.Lock()
		r.found = []Destination{bobsDesk, bobsPC, bobsMobile}
		r.mu.Unlock()
		play(r, a, d)
		r.settled(t)
	})
}

// Who moves talks on until another telephone answers: then that one is in its place, with the same recording, the same record and no music for anybody.
// The other ones ring no more, and the one at which it talked does not ring at all.
func TestMoveAway(t *testing.T) {
	for name, start := range map[string]func(*rig, *fakeLeg) error{"asked": (*rig).move, "code": func(_ *rig, l *fakeLeg) error { l.presses("#79"); synctest.Wait(); return nil }} {
		t.Run(name, func(t *testing.T) {
			atDesk(t, func(r *rig, a, desk *fakeLeg) {
				if err := start(r, desk); err != nil {
					t.Fatal(err)
				}
				r.after(t, 5, "RRR")
				if got := fmt.Sprint(r.members()); got != "[a b]" {
					t.Errorf("members %s while it rings", got)
				}
				pc, mobile := r.leg(2), r.leg(3)
				pc.answers()
				if got := fmt.Sprint(r.members()); got != "[a c]" || desk.cause.Text != "Replaced" || mobile.cause != sip.CauseCompletedElsewhere || r.endpoints[0].hears() != "" {
					t.Errorf("members %s, the desk was told %+v, the mobile %+v, anna hears %q", got, desk.cause, mobile.cause, r.endpoints[0].hears())
				}
				time.Sleep(time.Minute)
				pc.hangup(sip.CauseNormal)
				synctest.Wait()
				if c := r.cdrs[0]; len(r.records) != 1 || c.AnsweredBy != "2002" || c.EndedBy != "called" || c.Talk != 65*time.Second || c.Transfers != 1 || len(c.Rang) != 1 {
					t.Errorf("%d recordings, %+v", len(r.records), c)
				}
				_ = a
			})
		})
	}
}

// A mobile takes the place by its key; until then the two talk, however long it is asked.
func TestMoveToMobile(t *testing.T) {
	atDesk(t, func(r *rig, a, desk *fakeLeg) {
		if err := r.move(desk); err != nil {
			t.Fatal(err)
		}
		mobile := r.leg(3)
		mobile.answers()
		r.after(t, 31, "R-R")
		mobile.post(Media{mobile.id, media.Timeout{}}) // it hears us, and need not speak
		r.after(t, 0, "R-R")
		mobile.presses("1")
		synctest.Wait()
		if got := fmt.Sprint(r.members()); got != "[a d]" || desk.ends != 1 {
			t.Errorf("members %s, the desk was ended %d times", got, desk.ends)
		}
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		if c := r.cdrs[0]; c.Charge.Extension != "2002" {
			t.Errorf("%+v", c)
		}
	})
}

// In vain: nobody answers, all say no, or the call goes another way. The two talk on, or it ends as ever, and nothing rings any more.
func TestMoveInVain(t *testing.T) {
	for name, c := range map[string]struct {
		what func(r *rig, a, desk *fakeLeg)
		want string
	}{
		"nobody":     {func(*rig, *fakeLeg, *fakeLeg) { time.Sleep(movePatience + time.Second) }, "[a b]"},
		"all refuse": {func(r *rig, _, _ *fakeLeg) { r.leg(2).hangup(sip.CauseBusy); r.leg(3).hangup(sip.CauseDeclined) }, "[a b]"},
		"twice":      {func(r *rig, _, desk *fakeLeg) { _ = r.move(desk); time.Sleep(movePatience + time.Second) }, "[a b]"},
		"transfer": {func(_ *rig, _, desk *fakeLeg) {
			desk.post(Referred{Leg: desk.id, To: to("2003")})
			time.Sleep(movePatience + time.Second)
		}, "[a b]"},
		"caller hangs": {func(_ *rig, a, _ *fakeLeg) { a.hangup(sip.CauseNormal) }, "[]"},
		"mover hangs":  {func(_ *rig, _, desk *fakeLeg) { desk.hangup(sip.CauseNormal) }, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			atDesk(t, func(r *rig, a, desk *fakeLeg) {
				if err := r.move(desk); err != nil {
					t.Fatal(err)
				}
				c.what(r, a, desk)
				synctest.Wait()
				if got := fmt.Sprint(r.members()); got != c.want || r.ringing()[1:] != "--" {
					t.Errorf("members %s, want %s, rings %s", got, c.want, r.ringing())
				}
				a.hangup(sip.CauseNormal)
			})
		})
	}
}

// Who sends the other one elsewhere meanwhile does not move any more.
func TestTransferEndsMove(t *testing.T) {
	atDesk(t, func(r *rig, a, desk *fakeLeg) {
		if err := r.move(desk); err != nil {
			t.Fatal(err)
		}
		r.leg(3)
		r.mu.Lock()
		r.found = nil
		r.mu.Unlock()
		desk.presses("##2003#")
		synctest.Wait()
		for _, l := range []*fakeLeg{r.leg(2), r.leg(3)} {
			if l.cause != sip.CauseCompletedElsewhere {
				t.Errorf("%s was told %+v", l.id, l.cause)
			}
		}
		a.hangup(sip.CauseNormal)
		synctest.Wait()
	})
}

// Who calls may move as well, to what its telephones speak with whom it talks; nobody else moves it, and nobody who does not talk.
func TestCallerMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, bobsDesk)
		a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002", Instance: "urn:uuid:anna"}, Offer: media.SDP("G722"), MaxForwards: 70})
		if err := r.move(a); err != ErrState {
			t.Errorf("while it rings: %v", err)
		}
		r.leg(1).post(Answered{r.leg(1).id, media.SDP("PCMU")})
		synctest.Wait()
		r.mu.Lock()
		r.found = []Destination{{Number: "2001", Extension: "2001", Instance: "<URN:UUID:ANNA>"}}
		r.mu.Unlock()
		if err := r.move(a); err != ErrState {
			t.Errorf("without another telephone: %v", err)
		}
		r.mu.Lock()
		r.found = append(r.found, Destination{Number: "2001", Extension: "2001", Instance: "<urn:uuid:pc>"})
		r.mu.Unlock()
		if err := r.move(a); err != nil {
			t.Fatal(err)
		}
		pc := r.leg(2)
		if got := string(pc.offer); got[:4] != "PCMU" {
			t.Errorf("it was offered %s: bob speaks PCMU", got)
		}
		pc.answers()
		if got := fmt.Sprint(r.members()); got != "[b c]" || a.ends != 1 {
			t.Errorf("members %s, the caller was ended %d times", got, a.ends)
		}
		pc.hangup(sip.CauseNormal)
		if c := r.settled(t); c.EndedBy != "caller" || c.From != "2001" || len(c.Rang) != 1 || c.Rang[0].Extension != "2002" {
			t.Errorf("%+v", c)
		}
	})
}

// A telephone that sleeps is woken, and the call moves there once it is answered; while it sleeps the two talk, also where there is no other one.
func TestMoveToSleeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002", Instance: "desk"})
		a := r.extension("c1", "2001")
		desk := r.leg(1)
		desk.answers()
		app := sleeping()
		r.mu.Lock()
		r.found = []Destination{{Number: "2002", Extension: "2002", Instance: "desk"}, app}
		r.mu.Unlock()
		if err := r.move(desk); err != nil {
			t.Fatal(err)
		}
		held := r.leg(2)
		held.wake(Destination{Number: "2002", Extension: "2002", Instance: "app"})
		r.after(t, 1, "R-R")
		r.leg(3).answers()
		if desk.ends != 1 || held.ends != 0 {
			t.Errorf("the desk was ended %d times, the held leg %d times", desk.ends, held.ends)
		}
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		if c := r.cdrs[0]; c.AnsweredBy != "2002" || c.Transfers != 1 || len(c.Rang) != 1 {
			t.Errorf("%+v", c)
		}
		r.settled(t)
	})
}

// From the desk to the mobile, and from there to the PC: one recording that never stops, one record, and no music for who is talked with.
func TestMoveTwice(t *testing.T) {
	atDesk(t, func(r *rig, a, desk *fakeLeg) {
		if err := r.move(desk); err != nil {
			t.Fatal(err)
		}
		mobile := r.leg(3)
		mobile.answers()
		mobile.presses("1")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := r.move(mobile); err != nil {
			t.Fatal(err)
		}
		before := len(r.endpoints)
		pc := r.last()
		pc.answers()
		if mobile.ends != 1 || desk.ends != 1 || r.endpoints[0].hears() != "" || before != len(r.endpoints) {
			t.Errorf("the desk was ended %d times, the mobile %d times, anna hears %q", desk.ends, mobile.ends, r.endpoints[0].hears())
		}
		if len(r.records) != 1 || r.records[0].stops != 0 {
			t.Errorf("%d recordings, stopped %d times", len(r.records), r.records[0].stops)
		}
		time.Sleep(10 * time.Second)
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		if c := r.cdrs[0]; len(r.records) != 1 || r.records[0].stops != 1 || c.AnsweredBy != "2002" || c.Talk != 20*time.Second || c.Transfers != 2 || c.Recording == "" || len(c.Rang) != 1 {
			t.Errorf("%d recordings, %+v", len(r.records), c)
		}
	})
}

// Who called goes on at a telephone that sleeps and never wakes: it talks on where it is, and has missed nothing.
func TestMoveToSleepingInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002", Instance: "desk"})
		a := r.extension("c1", "2001")
		r.leg(1).answers()
		r.mu.Lock()
		r.found = []Destination{{Number: "2001", Extension: "2001", Asleep: true}}
		r.mu.Unlock()
		if err := r.move(a); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		a.hangup(sip.CauseNormal)
		if c := r.settled(t); c.Transfers != 0 || len(c.Rang) != 1 || c.Rang[0].Extension != "2002" {
			t.Errorf("%+v", c)
		}
	})
}
