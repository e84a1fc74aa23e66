package dialog_test

import (
	"net/netip"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var elsewhere = netip.MustParseAddrPort("198.51.100.7:5060")

// moved is alice's telephone in another network, with the dialog in hand.
func (b *bench) moved(method string, invite *stack.Request, resp *stack.Response, sdp string) (*siptest.Phone, *stack.Request) {
	p := b.net.Phone(b.t, "alice", elsewhere, pbx)
	r := b.alice.InDialog(method, invite, resp)
	r.SetContact(sip.Address{URI: p.Contact()})
	if sdp != "" {
		r.SetBody(sdpType, []byte(sdp))
	}
	p.Send(r)
	return p, r
}

// A re-INVITE from another network takes the dialog along: target, flow and what is told.
func TestPhoneChangesItsNetwork(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		inv, resp, l := b.up(nil)
		p, r := b.moved("INVITE", inv, resp, "offer 2")
		wait(50 * time.Millisecond)
		l.want("roamed 198.51.100.7", "offered offer 2")
		l.Reply([]byte("answer 2"))
		p.Ack(r, p.ExpectStatus(200, "INVITE"))
		wait(50 * time.Millisecond)
		if got := l.Snapshot(); got.Target.String() != p.Contact().String() || l.Flow().Remote() != elsewhere {
			t.Errorf("target %s by %s", got.Target, l.Flow())
		}
		l.End(sip.CauseNormal)
		p.Reply(p.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
}

// What went to the network that the peer has left does not keep it out: neither an offer of ours, nor a refresh, nor a 2xx that it cannot acknowledge.
func TestWhatWasLostGivesWay(t *testing.T) {
	for _, lost := range []string{"offer", "answer", "offer in an answer"} {
		t.Run(lost, func(t *testing.T) {
			play(t, "", dialog.Config{}, func(b *bench) {
				inv, resp, l := b.up(nil)
				told := []string{"roamed 198.51.100.7", "offered offer 3"}
				switch lost {
				case "offer":
					b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{Down: true})
					l.Offer([]byte("offer 2"))
					told = []string{"disagreed 491", "roamed 198.51.100.7", "offered offer 3"}
				default:
					r := b.alice.InDialog("INVITE", inv, resp)
					if lost == "answer" {
						r.SetBody(sdpType, []byte("offer 2"))
						told = append([]string{"offered offer 2"}, told...)
					} else {
						told = append([]string{"offered", "disagreed 491"}, told...)
					}
					b.alice.Send(r)
					wait(50 * time.Millisecond)
					b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{Down: true})
					l.Reply([]byte("answer 2"))
				}
				wait(3 * time.Second)
				p, r := b.moved("INVITE", inv, resp, "offer 3")
				wait(50 * time.Millisecond)
				l.want(told...)
				l.Reply([]byte("answer 3"))
				p.Ack(r, p.ExpectStatus(200, "INVITE"))
				wait(40 * time.Second) // the end of what was lost changes nothing
				l.want()
				l.End(sip.CauseNormal)
				p.Reply(p.Expect("BYE"), 200, nil)
				wait(50 * time.Millisecond)
				l.want("ended 200/16")
			})
		})
	}
	play(t, "", dialog.Config{}, func(b *bench) { // but from where our offer went it is glare as ever
		inv, resp, l := b.up(nil)
		l.Offer([]byte("offer 2"))
		ours := b.alice.Expect("INVITE")
		r := b.alice.InDialog("INVITE", inv, resp)
		r.SetBody(sdpType, []byte("offer 3"))
		b.alice.Send(r)
		b.alice.Ack(r, b.alice.ExpectStatus(491, "INVITE"))
		b.alice.Reply(ours, 200, body("answer 2"))
		b.alice.Expect("ACK")
		wait(50 * time.Millisecond)
		l.want("agreed answer 2")
		hangUp(l, b.alice)
	})
}

// An offer that timed out where the peer was is made again where it is.
func TestOfferFollowsThePeer(t *testing.T) {
	moved := false
	play(t, "", dialog.Config{Reroute: func(_ sip.URI, old *stack.Flow) (stack.Target, bool) {
		return stack.Target{Transport: "udp", Addr: elsewhere, Flow: nil}, moved && old.Remote() == alice
	}}, func(b *bench) {
		_, _, l := b.up(nil)
		b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{Down: true})
		l.Offer([]byte("offer 2"))
		wait(time.Second)
		moved = true
		p := b.net.Phone(b.t, "alice", elsewhere, pbx)
		wait(31 * time.Second)
		r := p.Expect("INVITE")
		p.Reply(r, 200, body("answer 2"))
		p.Expect("ACK")
		wait(50 * time.Millisecond)
		l.want("roamed 198.51.100.7", "agreed answer 2")
		l.End(sip.CauseNormal)
		p.Reply(p.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
}

// An offer over a connection that is gone ends nothing: the peer comes back on another one.
func TestOfferOutlivesALostConnection(t *testing.T) {
	overTCP(t, dialog.Config{}, func(near, far *side) {
		out := near.dial(far)
		in := far.accepted()
		in.Answer([]byte("answer"))
		wait(50 * time.Millisecond)
		near.cut()
		in.Offer([]byte("offer 2"))
		wait(time.Second)
		in.want("disagreed 503")
		out.want("answered answer")
		out.End(sip.CauseNormal)
		wait(100 * time.Millisecond)
		in.want("ended 200/16 by peer")
		out.want("ended 200/16")
	})
}

// Who takes a request from another host is the owner's to say, whatever the tags.
func TestAnotherHostIsAdmitted(t *testing.T) {
	play(t, "", dialog.Config{Admit: func(leg string, tx *stack.ServerTx) bool {
		if leg != "in" || tx.Request().Has("Authorization") {
			return leg == "in"
		}
		_ = tx.Respond(stack.NewResponse(tx.Request(), 401, ""))
		return false
	}}, func(b *bench) {
		inv, resp, l := b.up(nil)
		neighbour := b.net.Phone(b.t, "neighbour", netip.AddrPortFrom(alice.Addr(), 5099), pbx) // behind the same translation
		theirs := b.alice.InDialog("INVITE", inv, resp)
		theirs.SetBody(sdpType, []byte("offer 2"))
		neighbour.Send(theirs)
		neighbour.Ack(theirs, neighbour.ExpectStatus(401, "INVITE"))
		wait(50 * time.Millisecond)
		l.want()
		if l.Flow().Remote() != alice {
			t.Errorf("our requests go to %s", l.Flow().Remote())
		}
		thief, _ := b.moved("BYE", inv, resp, "")
		thief.ExpectStatus(401, "BYE")
		r := b.alice.InDialog("INVITE", inv, resp)
		r.SetBody(sdpType, []byte("offer 2"))
		thief.Send(r)
		thief.Ack(r, thief.ExpectStatus(401, "INVITE"))
		wait(50 * time.Millisecond)
		l.want()
		proven := thief.Again(r)
		proven.Set("CSeq", "90 INVITE")
		proven.Set("Authorization", "it is me")
		thief.Send(proven)
		wait(50 * time.Millisecond)
		l.want("roamed 198.51.100.7", "offered offer 2")
		l.Reply([]byte("answer 2"))
		thief.Ack(proven, thief.ExpectStatus(200, "INVITE"))
		wait(50 * time.Millisecond)
		l.End(sip.CauseNormal)
		thief.Reply(thief.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
}

// Probe tells of an answer, of none in time, and of one that came late; it ends nothing.
func TestProbe(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.up(nil)
		l.Probe(2 * time.Second)
		b.alice.Reply(b.alice.Expect("OPTIONS"), 405, nil)
		wait(50 * time.Millisecond)
		l.want("probed true")
		l.Probe(2 * time.Second)
		b.alice.Reply(b.alice.Expect("OPTIONS"), 481, nil) // loaded anew: not there, and not gone
		wait(3 * time.Second)
		l.want("probed false")
		b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{Down: true})
		l.Probe(2 * time.Second)
		wait(1900 * time.Millisecond)
		l.want()
		wait(200 * time.Millisecond)
		l.want("probed false")
		b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{})
		b.alice.Reply(b.alice.Expect("OPTIONS"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("probed true")
		b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{Down: true})
		l.Probe(2 * time.Second)
		l.Probe(2 * time.Second) // instead
		wait(40 * time.Second)
		l.want("probed false")
		b.net.Link(pbx.Addr(), alice.Addr(), siptest.Link{})
		hangUp(l, b.alice)
		l.Probe(time.Second)
	})
}
