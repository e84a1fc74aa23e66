package main

import (
	"testing"
	"time"

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
