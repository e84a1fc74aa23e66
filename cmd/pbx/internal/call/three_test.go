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

// together lets bob bring all three together.
func together(t *testing.T, play func(*trial)) {
	t.Helper()
	consulting(t, plain, func(o *trial) {
		o.answers()
		o.bob.presses("#73")
		o.talk(o.annas, o.bobs, o.cars)
		play(o)
	})
}

// All three hear each other. Whoever goes, the two others talk on.
func TestThree(t *testing.T) {
	for i, c := range []struct {
		goes  func(*trial)
		stay  func(*trial) []*fakeEndpoint
		ended string
	}{
		{func(o *trial) { o.anna.hangup(sip.CauseNormal) }, func(o *trial) []*fakeEndpoint { return []*fakeEndpoint{o.bobs, o.cars} }, "caller"},
		{func(o *trial) { o.bob.hangup(sip.CauseNormal) }, func(o *trial) []*fakeEndpoint { return []*fakeEndpoint{o.annas, o.cars} }, "caller"},
		{func(o *trial) { o.carol.hangup(sip.CauseNormal) }, func(o *trial) []*fakeEndpoint { return []*fakeEndpoint{o.annas, o.bobs} }, "called"},
		{func(o *trial) { o.bob.presses("#75") }, func(o *trial) []*fakeEndpoint { return []*fakeEndpoint{o.annas, o.bobs} }, "called"},
	} {
		together(t, func(o *trial) {
			c.goes(o)
			o.talk(c.stay(o)...)
			if i == 3 && o.carol.ends != 1 {
				t.Error("the code let somebody else go than who was consulted")
			}
			o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 "+c.ended)
		})
	}
}

// One who holds takes no part, and the others go on without music. One who is not heard any more is let go.
func TestThreeHold(t *testing.T) {
	together(t, func(o *trial) {
		o.anna.post(Offered{o.anna.id, media.SDP("hold:PCMU")})
		synctest.Wait()
		if g := o.bridges[1].gates[o.annas]; g != media.GateNone || o.bobs.hears() != "" || o.cars.hears() != "" {
			t.Errorf("anna takes part as %v, bob hears %q, carol %q", g, o.bobs.hears(), o.cars.hears())
		}
		o.anna.post(Offered{o.anna.id, media.SDP("PCMU")})
		o.talk(o.annas, o.bobs, o.cars)
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
}

func TestThreeSilence(t *testing.T) {
	together(t, func(o *trial) {
		time.Sleep(mediaPatience)
		o.carol.post(Media{o.carol.id, media.Timeout{Silent: mediaPatience}})
		o.talk(o.annas, o.bobs)
		if o.carol.ends != 1 {
			t.Error("carol was not let go")
		}
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 called")
	})
}

// Nothing else changes a call of three: no transfer, no listener, nobody in a place of theirs, no fax.
func TestThreeIsLeftAlone(t *testing.T) {
	together(t, func(o *trial) {
		o.bob.presses("##2001##70#71#74")
		for _, l := range []*fakeLeg{o.anna, o.bob, o.carol} {
			n := o.newLeg("n-"+l.id, nil)
			l.post(Replace{Leg: l.id, By: n, In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2004", Number: "2004"}}})
			l.post(Referred{Leg: l.id, To: to("2001")})
			synctest.Wait()
			if n.ends != 1 || !l.saw("refuse") {
				t.Errorf("%s: %q, who replaced it ends %d", l.id, l.did, n.ends)
			}
		}
		done := make(chan Watched, 1)
		_ = o.sw.Post("d", "m1", Watch{Ext: "2002", Done: done})
		if w := <-done; w.Gallery != nil {
			t.Error("three are listened to as if they were the two who were judged")
		}
		o.talk(o.annas, o.bobs, o.cars)
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
}

// After going to and fro it is the first call that asks, and the code still lets go whom bob consulted.
func TestThreeAfterSwap(t *testing.T) {
	consulting(t, plain, func(o *trial) {
		o.answers()
		o.bob.presses("#71#73")
		o.talk(o.annas, o.bobs, o.cars)
		o.bob.presses("#75")
		o.talk(o.annas, o.bobs)
		if o.carol.ends != 1 {
			t.Error("carol was not let go")
		}
		o.over("m1 2002 2003 2003 caller c1", "c1 2001 2002 2002 caller")
	})
}

// Carol hangs up, or anna, in the instant in which bob brings all together: the two who are left talk.
func TestHangUpCrossesThree(t *testing.T) {
	for _, first := range []bool{true, false} {
		for _, anna := range []bool{true, false} {
			consulting(t, plain, func(o *trial) {
				o.answers()
				goes, stays := o.carol, o.annas
				if anna {
					goes, stays = o.anna, o.cars
				}
				if first {
					goes.hangup(sip.CauseNormal)
				}
				o.bob.presses("#73")
				if !first {
					goes.hangup(sip.CauseNormal)
				}
				synctest.Wait()
				if o.bobs.hears() == notPossible {
					o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
				}
				o.talk(o.bobs, stays)
				for _, l := range o.order {
					l.hangup(sip.CauseNormal)
				}
				o.allSettled(t, 2)
			})
		}
	}
}

// A telephone with two lines and no mixer: bob holds anna, has called carol himself, and brings all three together. Nobody held, nothing to join.
func TestThreeOfTwoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plain)
		o.bob.post(Offered{o.bob.id, media.SDP("hold:PCMU")})
		line2 := o.extension("c2", "2002")
		o.carol = o.last()
		o.answers()
		mine, hers := o.endpoints[2], o.endpoints[3]
		line2.presses("#73")
		o.alone(mine, notPossible)
		line2.post(Media{line2.id, media.PlayEnded{Complete: true}})
		o.talk(mine, hers)
		o.held = []*fakeLeg{o.bob}
		line2.presses("#73")
		o.talk(o.annas, mine, hers)
		if o.bob.ends != 1 {
			t.Error("the line that was held is not free")
		}
		line2.hangup(sip.CauseNormal)
		o.talk(o.annas, hers)
		o.over("c1 2001 2002 2002 called c2", "c2 2002 2002 2003 caller")
	})
}

// Both calls of a telephone ask for the other one's party: one of them is told no, and nobody waits for ever.
func TestTwoCallsAskEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plain)
		line2 := o.extension("c2", "2002")
		o.carol = o.last()
		o.answers()
		o.held = []*fakeLeg{o.bob, line2}
		o.bob.presses("#7")
		line2.presses("#7")
		synctest.Wait()
		o.bob.presses("3")
		line2.presses("3")
		synctest.Wait()
		for _, l := range []*fakeLeg{o.bob, line2} {
			l.post(Media{l.id, media.PlayEnded{Complete: true}})
		}
		synctest.Wait()
		for _, l := range o.order {
			l.hangup(sip.CauseNormal)
		}
		o.allSettled(t, 2)
	})
}

// What cannot be mixed is not joined, on whichever side it is.
func TestThreeNeedsAMixer(t *testing.T) {
	for _, anna := range []bool{true, false} {
		consulting(t, plain, func(o *trial) {
			o.answers()
			o.mu.Lock()
			if anna {
				o.annas.codec = media.G729
			} else {
				o.cars.codec = media.G729
			}
			o.mu.Unlock()
			o.bob.presses("#73")
			o.alone(o.bobs, notPossible)
			o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}})
			o.talk(o.bobs, o.cars)
			o.over("c1 2001 2002 2002 caller", "m1 2002 2003 2003 caller")
		})
	}
}

// hasAll says that a recording has the voices of all three.
func (o *trial) hasAll(f *fakeRecording) {
	o.t.Helper()
	got := append([]string{}, f.more...)
	for _, p := range f.of.Parties {
		got = append(got, p.Number+"/"+p.Role)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"2001/called", "2002/caller", "2003/called"}) {
		o.t.Errorf("parties %q", got)
	}
}

// Switched on by hand while three talk, a recording has all of them.
func TestThreeAreRecordedByHand(t *testing.T) {
	together(t, func(o *trial) {
		done := make(chan error, 1)
		_ = o.sw.Post("d", "m1", Record{On: true, Done: done})
		if err := <-done; err != nil || len(o.records) != 1 {
			t.Fatalf("%v, %d recordings", err, len(o.records))
		}
		o.hasAll(o.records[0])
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
}

// A call that is recorded goes on so with three, as the part of the call that they are now in; who comes into a recorded one hears that before.
func TestThreeIsRecorded(t *testing.T) {
	consulting(t, recorded(route.NoticeEarly), func(o *trial) {
		o.answers()
		o.bob.presses("#73")
		o.talk(o.annas, o.bobs, o.cars)
		if len(o.records) != 2 || o.records[0].stops != 1 || o.records[1].of.Notice == nil || o.records[1].of.Call != "m1" {
			t.Fatalf("%d recordings", len(o.records))
		}
		o.hasAll(o.records[1])
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
	synctest.Test(t, func(t *testing.T) {
		o := talking(t, plain)
		o.now(recorded(route.NoticeEarly), carols)
		o.bob.presses("#702003#")
		synctest.Wait()
		o.bob.post(Media{o.bob.id, media.PlayEnded{Complete: true}}) // bob hears that carol's calls are recorded
		o.carol = o.last()
		o.cars = o.endpoints[2]
		o.answers()
		o.bob.presses("#73")
		o.alone(o.annas, "notice/recording")
		o.talk(o.bobs, o.cars)
		o.anna.post(Media{o.anna.id, media.PlayEnded{Complete: true}})
		o.talk(o.annas, o.bobs, o.cars)
		o.over("c1 2001 2002 2002 called m1", "m1 2002 2003 2003 caller")
	})
}
