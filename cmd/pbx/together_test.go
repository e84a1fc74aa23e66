package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/sip/siptest"
)

// Who holds is answered by the switch alone, and the other one hears music until it is resumed: its telephone is asked for nothing.
func TestHoldIsAnsweredHere(t *testing.T) {
	onStage(t, "hold", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.hold()
		o.wait(5 * time.Second)
		if n := o.playing(); n != 1 {
			t.Errorf("%d parties hear music, not the one who is held alone", n)
		}
		again := b.request("INVITE")
		again.SetBody("application/sdp", description(b.p, "0 8 101"))
		b.p.Send(again)
		b.p.Ack(again, b.p.ExpectStatus(200, "INVITE"))
		o.wait(time.Second)
		if n := o.playing(); n != 0 {
			t.Errorf("%d parties hear music after the resume", n)
		}
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// playing counts the parties to whom something is played.
func (o *stage) playing() (n int) {
	o.air.mu.Lock()
	defer o.air.mu.Unlock()
	for _, e := range o.air.endpoints {
		if e.play != nil {
			n++
		}
	}
	return n
}

// The devices of one number ring together. The one that is not answered is told that the other was, and lists no missed call.
func TestDevicesRingTogether(t *testing.T) {
	onStage(t, "devices-together", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		soft := o.net.Phone(o.t, "2002 too", netip.MustParseAddrPort("192.0.2.28:5060"), o.proxy)
		soft.Name, soft.Domain, soft.Auth = "2002", simDomain, siptest.Digest("2002", "secret-2002")
		o.names = append(o.names, "2002 too")
		r := soft.NewRequest("REGISTER", "")
		r.Set("Call-ID", "soft") // two phones of one name count alike
		r.Set("Expires", "3600")
		if _, resp := soft.Do(r); resp.Status != 200 {
			t.Fatalf("REGISTER: %d", resp.Status)
		}
		out := o.invite(alice, "2002", nil)
		in, other := desk.Expect("INVITE"), soft.Expect("INVITE")
		desk.Reply(in, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		soft.Reply(other, 180, nil)
		a, b := o.pickUp(side{alice, out, nil, true}, side{desk, in, nil, false})
		cancel := soft.Expect("CANCEL")
		if got := cancel.Get("Reason"); !strings.HasPrefix(got, `SIP;cause=200;text="Call completed elsewhere"`) {
			t.Errorf("CANCEL with %q", got)
		}
		soft.Reply(cancel, 200, nil)
		soft.Reply(other, 487, nil)
		soft.Expect("ACK")
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}
