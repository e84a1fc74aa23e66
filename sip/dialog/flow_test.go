package dialog_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// side is one of two switches that talk over TCP; what it dials can be cut.
type side struct {
	*bench
	addr  netip.AddrPort
	mu    sync.Mutex
	conns []net.Conn
}

func newSide(t *testing.T, network *siptest.Network, addr netip.AddrPort, cfg dialog.Config) *side {
	s := &side{bench: &bench{t: t, net: network, in: make(chan *leg, 10), refused: make(chan error, 10)}, addr: addr}
	log := slog.New(slog.DiscardHandler)
	config := network.Config(stack.Listen{Transport: "tcp", Addr: addr}, stack.Listen{Transport: "udp", Addr: addr})
	config.DialStream = func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		c, err := network.DialStream(ctx, local, remote)
		if err == nil {
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
		}
		return c, err
	}
	st, err := stack.New(config, s.bench, log)
	if err != nil {
		t.Fatal(err)
	}
	s.st, s.ua = st, dialog.New(st, cfg, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = st.Serve(ctx) }()
	s.stop = func() { cancel(); _ = st.Close(); <-done }
	return s
}

// cut closes every connection that was dialled.
func (s *side) cut() {
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	wait(100 * time.Millisecond)
}

func (s *side) dial(to *side) *leg {
	return s.invite(func(i *dialog.Invite) { i.Targets = []stack.Target{{Transport: "tcp", Addr: to.addr}} })
}

func overTCP(t *testing.T, cfg dialog.Config, script func(near, far *side)) {
	synctest.Test(t, func(t *testing.T) {
		network := siptest.NewNetwork(1)
		network.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		near, far := newSide(t, network, pbx, dialog.Config{}), newSide(t, network, bob, cfg)
		defer near.stop()
		defer far.stop()
		script(near, far)
		wait(time.Minute)
		if a, b := near.ua.Sessions(), far.ua.Sessions(); a+b != 0 {
			t.Errorf("%d and %d sessions left", a, b)
		}
	})
}

func TestConnectionEndsWhileRinging(t *testing.T) {
	overTCP(t, dialog.Config{}, func(near, far *side) {
		out := near.dial(far)
		in := far.accepted()
		in.Ring(nil)
		wait(50 * time.Millisecond)
		near.cut()
		out.want("progress 180", "ended 430/27")
		in.want("ended 430/27 by peer")
	})
}

func TestConnectionEndsInACall(t *testing.T) {
	overTCP(t, dialog.Config{}, func(near, far *side) {
		out := near.dial(far)
		in := far.accepted()
		in.Answer([]byte("answer"))
		wait(50 * time.Millisecond)
		if out.Flow() == nil || out.Flow().Transport() != "tcp" || out.Secure() || in.Flow() == nil {
			t.Errorf("flow %v", out.Flow())
		}
		near.cut()
		out.want("answered answer")
		in.want()
		out.Offer([]byte("offer 2")) // we dialled that address once, so we may again
		wait(100 * time.Millisecond)
		in.want("offered offer 2")
		in.Reply([]byte("answer 2"))
		wait(100 * time.Millisecond)
		out.want("agreed answer 2")
		in.Offer([]byte("offer 3")) // and the callee has learned the new flow
		wait(100 * time.Millisecond)
		out.want("offered offer 3")
		out.Refuse(sip.CauseNotAcceptable)
		wait(100 * time.Millisecond)
		in.want("disagreed 488")
		near.cut()
		in.End(sip.CauseNormal) // it cannot dial: the call is over all the same
		in.want("ended 200/16")
		out.End(sip.CauseNormal)
		wait(100 * time.Millisecond)
		out.want("ended 200/16")
	})
}

func TestPeerIsFoundOnItsNewConnection(t *testing.T) {
	moved := dialog.Config{Reroute: func(contact sip.URI, old *stack.Flow) (stack.Target, bool) {
		return stack.Target{Transport: "tcp", Addr: pbx}, contact.Host == pbx.Addr().String() && !old.Alive()
	}}
	overTCP(t, moved, func(near, far *side) {
		out := near.dial(far)
		in := far.accepted()
		in.Answer([]byte("answer"))
		wait(50 * time.Millisecond)
		near.cut()
		in.End(sip.CauseNormal)
		wait(100 * time.Millisecond)
		out.want("answered answer", "ended 200/16 by peer")
		in.want("ended 200/16")
	})
}

func TestRefreshOutlivesALostConnection(t *testing.T) {
	overTCP(t, dialog.Config{SessionExpires: 90 * time.Second}, func(near, far *side) {
		out := near.invite(func(i *dialog.Invite) {
			i.Targets, i.SessionTimer = []stack.Target{{Transport: "tcp", Addr: far.addr}}, 90*time.Second
		})
		in := far.accepted()
		in.Answer([]byte("answer"))
		wait(50 * time.Millisecond)
		near.cut()
		out.want("answered answer")
		wait(50 * time.Second) // far refreshes at 45 s, into nothing
		in.want()
		wait(15 * time.Second) // both give up at 60 s
		in.want("ended 200/102")
		out.want("ended 200/102")
	})
}

func TestPhoneBehindNATComesFromAnotherPort(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, resp, l := b.up(nil)
		moved := b.net.Phone(b.t, "alice", netip.AddrPortFrom(alice.Addr(), 6000), pbx)
		info := b.alice.InDialog("INFO", r, resp)
		moved.Send(info)
		moved.ExpectStatus(200, "INFO")
		l.End(sip.CauseNormal)
		moved.Reply(moved.Expect("BYE"), 200, nil)
		wait(50 * time.Millisecond)
		l.want("ended 200/16")
	})
	play(t, "", dialog.Config{}, func(b *bench) { // but no other host takes the call along
		r, resp, l := b.up(nil)
		info := b.alice.InDialog("INFO", r, resp)
		b.bob.Send(info)
		b.bob.ExpectStatus(200, "INFO")
		hangUp(l, b.alice)
	})
}

func TestEndBeforeBegin(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		l := b.invite(func(i *dialog.Invite) { i.Targets = nil })
		l.End(sip.CauseNormal)
		l.want("ended 480/20")
		l = b.invite(func(i *dialog.Invite) { i.Body = nil })
		l.want("ended 500/41")
	})
}

func TestAnsweredWithoutDescription(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Answer(nil)
		b.alice.Ack(r, b.alice.ExpectStatus(500, "INVITE"))
		l.want("ended 500/41")
	})
}

func TestRingingIsRepeatedEachMinute(t *testing.T) {
	play(t, "ringing-repeated", dialog.Config{}, func(b *bench) {
		r, l := b.incoming(nil)
		l.Ring(nil)
		b.alice.ExpectStatus(180, "INVITE")
		for range 3 {
			wait(59 * time.Second)
			b.alice.ExpectStatus(180, "INVITE") // RFC 3261 section 13.3.1.1
		}
		l.End(sip.CauseNoAnswer)
		b.alice.Ack(r, b.alice.ExpectStatus(480, "INVITE"))
		l.want("ended 480/19")
	})
}

func TestReliableProvisionalOfAReinvite(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Offer([]byte("offer 2"))
		r := b.bob.Expect("INVITE")
		b.bob.Reply(r, 183, func(resp *stack.Response) { resp.Set("Require", "100rel"); resp.Set("RSeq", "5") })
		p := b.bob.Expect("PRACK")
		if p.Get("RAck") != "5 2 INVITE" {
			t.Errorf("RAck %q", p.Get("RAck"))
		}
		b.bob.Reply(p, 200, nil)
		b.bob.Reply(r, 200, body("answer 2"))
		b.bob.Expect("ACK")
		l.want("agreed answer 2")
		hangUp(l, b.bob)
	})
}

func TestInfoFindsNoDialog(t *testing.T) {
	play(t, "", dialog.Config{}, func(b *bench) {
		_, _, l := b.upOut(nil, nil)
		l.Digit('1')
		b.bob.Reply(b.bob.Expect("INFO"), 481, nil)
		b.bob.Reply(b.bob.Expect("BYE"), 481, nil)
		wait(50 * time.Millisecond)
		l.want("ended 481/41 by peer")
	})
}
