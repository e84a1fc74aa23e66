package main

import (
	"slices"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/queue"
	"naisen/media"
	"naisen/provisioning"
)

// withCodes lets an extension press codes while it talks.
func withCodes(extension string) provisioning.Settings {
	return provisioning.Settings{Extension: extension, CallCodes: true}
}

func (a side) keys(keys string) {
	for _, k := range keys {
		a.inform(string(k))
	}
}

// Bob has a telephone without a transfer key: he presses ## and a number, hears it ring, and is let go when carol answers.
func TestTransferByKeys(t *testing.T) {
	onStage(t, "keys-transfer", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.keys("##2004#") // hers mean nothing: nobody gave her codes
		b.keys("##")
		o.wait(3 * time.Second)
		b.keys("2004#")
		carol := o.phones["2004"]
		in := carol.Expect("INVITE")
		if in.From().URI.User != "2001" {
			t.Errorf("the target sees %s, not whom it will talk with", in.Get("From"))
		}
		carol.Reply(in, 180, nil)
		o.wait(time.Second)
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		b.hungUp()
		c.bye(a)
		o.records("2001 > 2002 2002 200 OK by called")
	}, withCodes("2002"))
}

// A number that is busy, is not there or was not pressed: whoever pressed it hears why and has the other one back.
func TestTransferByKeysFails(t *testing.T) {
	onStage(t, "keys-fail", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.keys("##2004#")
		carol := o.phones["2004"]
		carol.Reply(carol.Expect("INVITE"), 486, nil)
		carol.Expect("ACK")
		o.wait(5 * time.Second) // it is said
		b.keys("##9999")        // the pause ends it
		o.wait(10 * time.Second)
		b.keys("###")
		o.wait(time.Second)
		if n := o.p.calls.Snapshots(simDomain)[0]; n.Phase.String() != "talking" || len(n.Parties) != 2 {
			t.Errorf("they do not talk: %+v", n)
		}
		o.air.mu.Lock()
		for e, g := range o.air.bridges[0].gates {
			if g != media.GateBoth || e.play != nil {
				t.Errorf("%s takes part as %v, and hears %v", e.id, g, e.play)
			}
		}
		o.air.mu.Unlock()
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	}, withCodes("2002"))
}

// Who pressed it hangs up while it rings, and nobody answers: it is rung again.
func TestTransferByKeysRecalls(t *testing.T) {
	onStage(t, "keys-recall", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.keys("##2004#")
		carol, bob := o.phones["2004"], o.phones["2002"]
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		b.do("BYE", 200, nil)
		carol.Reply(in, 603, nil)
		carol.Expect("ACK")
		back := bob.Expect("INVITE")
		again := side{bob, back, bob.Reply(back, 200, with(bob, "0 8 101")), false}
		bob.Expect("ACK")
		a.bye(again)
		o.records("2001 > 2002 2002 200 OK by caller")
	}, withCodes("2002"))
}

// #72 parks, and says where.
func TestParkByKeys(t *testing.T) {
	onStage(t, "keys-park", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.keys("#72")
		b.hungUp()
		if got := o.library.heard(); got != "music/hold call/parked number/7 number/0 number/1" && got != "call/parked number/7 number/0 number/1 music/hold" {
			t.Errorf("heard %q", got)
		}
		c := o.fetch("2004", "701")
		o.emptyLot()
		a.bye(c)
		o.records("2001 > 2002 2002 200 OK by caller")
	}, withCodes("2002"), simLot())
}

// rung answers the call that rings at a telephone, as from whom it should be.
func (o *stage) rung(number, from string) side {
	o.t.Helper()
	p := o.phones[number]
	in := p.Expect("INVITE")
	if got := in.From().URI.User; got != from {
		o.t.Errorf("%s rings for %s, not for %s", number, got, from)
	}
	p.Reply(in, 180, nil)
	o.wait(time.Second)
	s := side{p, in, p.Reply(in, 200, with(p, "0 8 101")), false}
	p.Expect("ACK")
	o.wait(time.Second)
	return s
}

// talking says that so many parties hear each other in the calls as they began, and who waits hears something else.
func (o *stage) talking(want ...int) {
	o.t.Helper()
	var got []int
	o.air.mu.Lock()
	defer o.air.mu.Unlock()
	for _, b := range o.air.bridges {
		n := 0
		for e, g := range b.gates {
			if g == media.GateBoth && e.play == nil && e.closed == 0 {
				n++
			}
		}
		got = append(got, n)
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("%v hear each other, want %v", got, want)
	}
}

// Bob asks carol while alice hears music, goes to and fro, and connects the two by hanging up.
func TestConsultByKeys(t *testing.T) {
	onStage(t, "keys-consult", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.keys("#70")
		o.wait(3 * time.Second)
		b.keys("2004#")
		c := o.rung("2004", "2002")
		o.talking(0, 2)
		b.keys("#71")
		o.wait(time.Second)
		o.talking(2, 0)
		b.keys("#71")
		o.wait(time.Second)
		o.talking(0, 2)
		b.do("BYE", 200, nil)
		o.wait(time.Second)
		o.talking(2, 0)
		a.bye(c)
		o.records("2001 > 2002 2002 200 OK by caller", "2002 > 2004 2004 200 Merged by caller")
	}, withCodes("2002"))
}

// Whom bob asks is busy, and then not needed any more: he has alice back, and carol's telephone stops.
func TestConsultByKeysReturns(t *testing.T) {
	onStage(t, "keys-return", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		carol := o.phones["2004"]
		b.keys("#702004#")
		carol.Reply(carol.Expect("INVITE"), 486, nil)
		carol.Expect("ACK")
		o.wait(5 * time.Second) // it is said
		b.keys("#702004#")
		in := carol.Expect("INVITE")
		carol.Reply(in, 180, nil)
		o.wait(time.Second)
		b.keys("#75")
		carol.Reply(carol.Expect("CANCEL"), 200, nil)
		carol.Reply(in, 487, nil)
		carol.Expect("ACK")
		o.wait(time.Second)
		b.keys("#702004#")
		c := o.rung("2004", "2002")
		b.keys("#75")
		c.hungUp()
		o.wait(time.Second)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller", "2002 > 2004  486 Busy Here by switch", "2002 > 2004  487 Normal call clearing by caller",
			"2002 > 2004 2004 200 Normal call clearing by caller")
	}, withCodes("2002"))
}

// Bob brings all three together, and hangs up: the others talk on.
func TestThreeByKeys(t *testing.T) {
	onStage(t, "keys-three", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.keys("#702004#")
		c := o.rung("2004", "2002")
		o.air.audience = true // three in a bridge
		b.keys("#73")
		o.wait(time.Second)
		o.talking(0, 3)
		b.do("BYE", 200, nil)
		o.wait(time.Second)
		o.talking(0, 2)
		c.bye(a)
		o.records("2001 > 2002 2002 200 Merged by called", "2002 > 2004 2004 200 OK by called")
	}, withCodes("2002"))
}

// A telephone with two lines and no mixer: bob holds alice, calls carol himself, and joins the two calls by the code.
func TestThreeOfTwoLines(t *testing.T) {
	onStage(t, "keys-three-lines", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.hold()
		line2, c := o.talk(o.phones["2002"], o.phones["2004"], "2004")
		o.air.audience = true // three in a bridge
		line2.keys("#73")
		b.hungUp()
		o.wait(time.Second)
		o.talking(0, 3)
		c.do("BYE", 200, nil)
		o.wait(time.Second)
		o.talking(0, 2)
		line2.bye(a)
		o.records("2001 > 2002 2002 200 Merged by called", "2002 > 2004 2004 200 OK by caller")
	}, withCodes("2002"))
}

// An agent consults by keys: its conversation with the queue's caller goes on meanwhile, and its wrap-up begins when it is in no call.
func TestAgentConsultsByKeys(t *testing.T) {
	onStage(t, "keys-agent", func(o *stage) {
		a := o.enters(simQueueDID)
		bob := o.phones["2001"]
		in := bob.Expect("INVITE")
		b := side{bob, in, bob.Reply(in, 200, with(bob, "0 8 101")), false}
		bob.Expect("ACK")
		o.wait(5 * time.Second)
		b.keys("#702004#")
		c := o.rung("2004", "2001")
		o.agentIs("2001", queue.Talking)
		b.keys("#75")
		c.hungUp()
		o.wait(time.Second)
		o.agentIs("2001", queue.Talking)
		b.keys("#702004#")
		c = o.rung("2004", "2001")
		b.do("BYE", 200, nil)
		o.wait(time.Second)
		o.agentIs("2001", queue.WrapUp)
		o.waited("7001 answered 2001 1")
		c.bye(a)
		o.records(" > "+simQueueDID+" 2001 200 OK by called", "2001 > 2004 2004 200 Normal call clearing by caller", "2001 > 2004 2004 200 Merged by caller")
	}, append(simQueue(nil), withCodes("2001"))...)
}

// Telephones with a display show whom they talk with: who consults sees carol as soon as her telephone rings, and alice again; alice sees carol once
// they are connected.
func TestConsultByKeysIsShown(t *testing.T) {
	onStage(t, "keys-shown", func(o *stage) {
		carol := o.phones["2004"]
		a, b := o.speaking(o.phones["2001"], o.phones["2002"], "2002", "Allow", updates)
		for _, back := range []bool{true, false} {
			b.keys("#702004#")
			in := carol.Expect("INVITE")
			carol.Reply(in, 180, nil)
			if got := b.updated(); got != "Ext 3 2004" {
				t.Errorf("who consults is told of %q", got)
			}
			c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
			carol.Expect("ACK")
			o.wait(time.Second)
			if !back {
				b.do("BYE", 200, nil)
				if got := a.updated(); got != "Ext 3 2004" {
					t.Errorf("who waited is told of %q", got)
				}
				a.bye(c)
				break
			}
			b.keys("#75")
			c.hungUp()
			if got := b.updated(); got != "Ext 0 2001" {
				t.Errorf("who is back is told of %q", got)
			}
		}
	}, withCodes("2002"))
}

// Who consults somebody outside pays for it, to the end: the one who waited talks on with the carrier. What it may not call is said.
func TestConsultOutsideByKeys(t *testing.T) {
	town := simEntities()[0].(provisioning.Domain)
	town.Tariffs = []provisioning.Tariff{{Class: "mobile", YenPerMinute: 60}}
	onStage(t, "keys-outside", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.keys("#700990123456#") // premium: closed
		o.wait(5 * time.Second)
		o.talking(2, 0)
		b.keys("#7009012345678#")
		in := o.carrier.Expect("INVITE")
		c := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		o.wait(10 * time.Second)
		b.do("BYE", 200, nil)
		o.wait(20 * time.Second)
		o.talking(2, 0, 0)
		a.bye(c)
		o.records("2001 > 2002 2002 200 OK by caller", "2002 > 0990123456  403 Forbidden by switch", "2002 > 09012345678 09012345678 200 Merged by caller")
		paid, _ := o.p.purse.book.State(limit.Payer{Domain: simDomain, Extension: "2002"})
		if paid.Calls != 0 || paid.Talk < 30*time.Second || paid.Talk > 33*time.Second || paid.Cost < 30_000 {
			t.Errorf("bob has used %+v", paid)
		}
		if free, _ := o.p.purse.book.State(limit.Payer{Domain: simDomain, Extension: "2001"}); free.Cost != 0 {
			t.Errorf("alice has used %+v", free)
		}
	}, town, withCodes("2002"))
}
