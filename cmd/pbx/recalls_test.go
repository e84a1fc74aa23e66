package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// withRecalls lets wishes be followed during a script.
func (o *stage) withRecalls(script func()) {
	o.p.recalls = newRecalls(o.p.origins.begin, func() route.Live { return o.p.signalling.present() }, o.p.directory, time.Now, slog.New(slog.DiscardHandler))
	o.p.recalls.start()
	script()
	if n := o.p.recalls.waiting(); n != 0 {
		o.t.Errorf("%d wishes are left", n)
	}
	o.p.recalls.Close()
}

// Who was busy is free again: the one who wished it is rung and sees for whom, then the other.
func TestRecallOfWhoWasBusy(t *testing.T) {
	onStage(t, "recall-busy", func(o *stage) {
		o.withRecalls(func() {
			alice, bob, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
			a, b := o.talk(bob, dave, "2004")
			out := o.invite(alice, "2004", nil)
			in := dave.Expect("INVITE")
			dave.Reply(in, 486, nil)
			dave.Expect("ACK")
			alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
			o.wait(time.Second)
			if err := o.p.recall(simDomain, "2001", provisioning.FeatureRecallOn, ""); err != nil { // as *37 does
				t.Error(err)
			}
			o.wait(20 * time.Second)
			b.bye(a)
			in = alice.Expect("INVITE")
			if from := in.From(); from.URI.User != "2004" || from.Display != "折り返し Ext 3" {
				t.Errorf("the phone shows %v", from)
			}
			c := o.acked(side{alice, in, alice.Reply(in, 200, with(alice, "0 8 101")), false})
			d := o.answers(dave)
			o.wait(2 * time.Second)
			c.bye(d)
			o.wait(time.Minute) // nothing more
			o.records("2002 > 2004 2004 200 OK by called", "2001 > 2004  486 Busy Here by switch", "2001 > 2004 2004 200 OK by caller")
		})
	})
}

// Codes say what they did.
func TestRecallByCode(t *testing.T) {
	onStage(t, "recall-code", func(o *stage) {
		o.ends(o.script(o.phones["2001"], "*372004"), 1)
		o.ends(o.script(o.phones["2001"], "*37"), 1)
		o.ends(o.script(o.phones["2001"], "*38"), 1)
		if got, want := fmt.Sprint(o.desk.set), "[2001 call-back-on 2004 2001 call-back-on  2001 call-back-off ]"; got != want {
			t.Errorf("set %s, want %s", got, want)
		}
		if got, want := o.library.heard(), "feature/callback-set feature/callback-set feature/callback-off"; got != want {
			t.Errorf("heard %q", got)
		}
	})
}

// people is who talks since when, for the wishes.
type people struct {
	busy, away map[string]bool
	idle       map[string]time.Time
}

func (o *people) Busy(_, e string) bool           { return o.busy[e] }
func (o *people) Registered(_, e string) bool     { return !o.away[e] }
func (o *people) IdleSince(_, e string) time.Time { return o.idle[e] }
func (o *people) Turn(string, string) int         { return 0 }
func (o *people) talks(e string, yes bool, t time.Time) {
	if o.busy[e] && !yes {
		o.idle[e] = t
	}
	o.busy[e] = yes
}

// TestRecallBounds: who cannot be waited for, how many wishes there may be, and that they end.
func TestRecallBounds(t *testing.T) {
	var more []provisioning.Entity
	for i := range 10 {
		more = append(more, provisioning.Extension{Number: fmt.Sprint(2100 + i)})
	}
	d := simDirectory(t, more...)
	synctest.Test(t, func(t *testing.T) {
		o := &people{map[string]bool{}, map[string]bool{}, map[string]time.Time{}}
		r := newRecalls(func(wish) (string, error) { t.Error("somebody is rung"); return "", nil }, func() route.Live { return o }, d, time.Now, slog.New(slog.DiscardHandler))
		for _, of := range []string{"2001", "", "2999", "110", "0312345678", "*37"} {
			if err := r.ask(simDomain, "2001", of); !errors.Is(err, errNoRecall) {
				t.Errorf("%q can be waited for: %v", of, err)
			}
		}
		for i := range recallsEach {
			if err := r.ask(simDomain, "2001", fmt.Sprint(2100+i)); err != nil {
				t.Error(err)
			}
		}
		if err := r.ask(simDomain, "2001", "2109"); !errors.Is(err, errManyRecalls) {
			t.Errorf("one too many: %v", err)
		}
		if err := r.ask(simDomain, "2001", "2100"); err != nil || r.waiting() != recallsEach {
			t.Errorf("the same wish again: %v, %d wait", err, r.waiting())
		}
		if r.List("other.example") != nil || r.Drop("other.example", r.List(simDomain)[0].ID) == nil {
			t.Error("another domain sees it")
		}
		r.cancel(simDomain, "2001")
		if r.waiting() != 0 {
			t.Error("not all are cancelled")
		}
		_ = r.ask(simDomain, "2001", "2100")
		time.Sleep(recallFor)
		r.look()
		if r.waiting() != 0 {
			t.Error("it never ends")
		}
	})
}

// TestRecallHistories plays random hours: nobody is rung who talks, nobody is waited for who was not at the telephone since, one call at a
// time for each telephone, and every wish ends.
func TestRecallHistories(t *testing.T) {
	d := simDirectory(t)
	names := []string{"2001", "2002", "2003", "2004"}
	reached := 0
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(seed, 1))
			o := &people{map[string]bool{}, map[string]bool{}, map[string]time.Time{}}
			var open []wish
			asked := map[string]time.Time{}
			begin := func(w wish) (string, error) {
				switch {
				case o.busy[w.first] || o.busy[w.to]:
					t.Errorf("seed %d: %s is rung for %s, and one of them talks", seed, w.first, w.to)
				case !o.idle[w.to].After(asked[w.first+w.to]):
					t.Errorf("seed %d: %s is rung for %s, who had no call since", seed, w.first, w.to)
				case dice.IntN(8) == 0:
					return "", errShed
				}
				open = append(open, w)
				o.talks(w.first, true, time.Now())
				return "c", nil
			}
			r := newRecalls(begin, func() route.Live { return o }, d, time.Now, slog.New(slog.DiscardHandler))
			for range 300 {
				who := names[dice.IntN(4)]
				rung := func(w wish) bool { return w.first == who || w.to == who }
				ringing := false
				for _, w := range open {
					ringing = ringing || rung(w)
				}
				switch dice.IntN(5) {
				case 0:
					of := names[dice.IntN(4)]
					before := r.waiting()
					if r.ask(simDomain, who, of) == nil && r.waiting() > before {
						asked[who+of] = time.Now()
					}
				case 1, 2:
					if !ringing {
						o.talks(who, !o.busy[who], time.Now())
					}
				case 3:
					if len(open) > 0 {
						w := open[0]
						open = open[1:]
						o.talks(w.first, false, time.Now())
						answered := dice.IntN(3) > 0
						won := answered && dice.IntN(2) == 0
						if won {
							reached++
						}
						w.done(call.Originated{Answered: answered, Reached: won})
					}
				}
				time.Sleep(time.Duration(dice.IntN(20)) * time.Second)
				r.look()
			}
			for _, w := range open {
				w.done(call.Originated{})
			}
			time.Sleep(2 * recallFor)
			r.look()
			if r.waiting() != 0 {
				t.Errorf("seed %d: %d wishes are left", seed, r.waiting())
			}
		})
	}
	if reached < 50 {
		t.Errorf("only %d calls came about: nothing was tried", reached)
	}
}
