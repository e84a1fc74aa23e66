package dialog_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// node is a switch of its own that answers, offers and hangs up as its dice fall.
type node struct {
	*bench
	addr  netip.AddrPort
	seed  uint64
	legs  []*player
	fresh chan *player
}

// player is a session and what it was told. Its dice and fields belong to the session's shard; the driver only gives commands.
type player struct {
	*leg
	dice *rand.Rand
}

func (p *player) on(e dialog.Event) {
	p.leg.on(e)
	switch e.(type) {
	case dialog.Offered:
		switch p.dice.IntN(8) {
		case 0:
			p.Refuse(sip.CauseNotAcceptable)
		default:
			p.Reply([]byte("reply"))
		}
	case dialog.Referred:
		if p.dice.IntN(2) == 0 {
			p.Refuse(sip.CauseForbidden)
			return
		}
		p.ReferProgress(sip.StatusCause(100))
		p.ReferProgress(sip.StatusCause(200))
	}
}

func (n *node) player(seed uint64) *player {
	return &player{leg: &leg{t: n.t}, dice: rand.New(rand.NewPCG(n.seed, seed))}
}

func (n *node) Request(tx *stack.ServerTx) {
	if n.ua.Request(tx) {
		return
	}
	if tx.Request().Method != "INVITE" {
		_ = tx.Respond(stack.NewResponse(tx.Request(), 405, ""))
		return
	}
	p := n.player(uint64(len(n.fresh)) + 1000)
	s, err := n.ua.Accept(tx, "in", p.on)
	if err != nil {
		return
	}
	p.Session = s
	n.fresh <- p
}

func newNode(t *testing.T, net *siptest.Network, addr netip.AddrPort, seed uint64) *node {
	n := &node{bench: &bench{t: t, net: net}, addr: addr, seed: seed, fresh: make(chan *player, 1000)}
	log := slog.New(slog.DiscardHandler)
	config := net.Config(stack.Listen{Transport: "udp", Addr: addr})
	config.Limits = stack.Limits{RatePerSource: 1e6, Rate: 1e6}
	st, err := stack.New(config, n, log)
	if err != nil {
		t.Fatal(err)
	}
	n.st, n.ua = st, dialog.New(st, dialog.Config{SessionExpires: 90 * time.Second}, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = st.Serve(ctx) }()
	n.stop = func() { cancel(); _ = st.Close(); <-done }
	return n
}

func (n *node) collect() {
	for {
		select {
		case p := <-n.fresh:
			n.legs = append(n.legs, p)
		default:
			return
		}
	}
}

func (n *node) call(to *node, seed uint64) {
	p := n.player(seed)
	uri := sip.URI{Scheme: "sip", User: "x", Host: to.addr.Addr().String()}
	p.Session = n.ua.Invite(dialog.Invite{
		ID: fmt.Sprint("out", seed), URI: uri, To: sip.Address{URI: uri}, From: sip.Address{URI: uri},
		Targets: []stack.Target{{Transport: "udp", Addr: to.addr}}, Body: []byte("offer"),
	}, p.on)
	n.legs = append(n.legs, p)
}

// roll gives one command to one session.
func (p *player) roll(d *rand.Rand) {
	switch d.IntN(20) {
	case 0, 1, 2:
		p.Ring(nil)
	case 3, 4:
		p.Ring([]byte("early"))
	case 5, 6, 7, 8, 9:
		p.Answer([]byte("answer"))
	case 10, 11, 12:
		p.Offer([]byte(fmt.Sprint("offer ", d.IntN(1000))))
	case 13, 14:
		p.Digit('5')
	case 15:
		p.Refer(sip.URI{Scheme: "sip", User: "y", Host: "z"}, nil)
	case 16:
		p.ReferProgress(sip.StatusCause(180))
	case 17:
		p.End(sip.CauseNormal)
	}
}

func TestRandomHistories(t *testing.T) {
	links := map[string]siptest.Link{
		"loss":    {Delay: 20 * time.Millisecond, Jitter: 60 * time.Millisecond, Loss: 0.2, Duplicate: 0.1},
		"reorder": {Delay: 5 * time.Millisecond, Jitter: 700 * time.Millisecond, Duplicate: 0.2},
	}
	for name, link := range links {
		for seed := range uint64(40) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { randomHistory(t, link, seed) })
			})
		}
	}
}

func randomHistory(t *testing.T, link siptest.Link, seed uint64) {
	net := siptest.NewNetwork(seed)
	net.Usual(link)
	one, two := newNode(t, net, pbx, seed), newNode(t, net, bob, seed+500)
	defer one.stop()
	defer two.stop()
	d := rand.New(rand.NewPCG(seed, 7))
	for i := range uint64(6) {
		one.call(two, i)
		two.call(one, i+50)
	}
	for range 250 {
		wait(time.Duration(d.IntN(800)) * time.Millisecond)
		one.collect()
		two.collect()
		all := append(append([]*player(nil), one.legs...), two.legs...)
		all[d.IntN(len(all))].roll(d)
	}
	net.Usual(siptest.Link{Delay: 5 * time.Millisecond})
	wait(70 * time.Second)
	one.collect()
	two.collect()
	// One side hangs up; the other must notice by itself, unless a lost BYE has left it alone before.
	for _, p := range one.legs {
		p.End(sip.CauseNormal)
	}
	wait(70 * time.Second)
	if link.Loss == 0 {
		if n := two.ua.Sessions(); n != 0 {
			for _, p := range two.legs {
				t.Logf("left: %+v", p.Snapshot().Phase)
			}
			t.Errorf("%d half calls", n)
		}
	}
	for _, p := range two.legs {
		p.End(sip.CauseNormal)
	}
	wait(70 * time.Second)
	for _, p := range append(one.legs, two.legs...) {
		if p.ended != 1 {
			t.Errorf("%s %v: %d times Ended, phase %s", p.ID(), p.Inbound(), p.ended, p.Snapshot().Phase)
		}
	}
	if a, b := one.ua.Sessions(), two.ua.Sessions(); a+b != 0 {
		t.Errorf("%d and %d sessions left", a, b)
	}
}

// TestSessionMemory reports what an answered session costs once its transactions are gone.
func TestSessionMemory(t *testing.T) {
	const calls = 500
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, dialog.Config{}, 1)
		defer b.stop()
		b.alice = b.net.Phone(t, "alice", alice, pbx)
		heap := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		run := func(n int) (legs []*leg) {
			sdp := make([]byte, 400)
			for range n {
				_, l := b.incoming(func(r *stack.Request) { supports(r); r.SetBody(sdpType, sdp) })
				l.Answer(append([]byte(nil), sdp...))
				resp := b.alice.ExpectStatus(200, "INVITE")
				b.alice.Ack(b.last(resp), resp)
				legs = append(legs, l)
			}
			wait(2 * time.Minute)
			return legs
		}
		warm := run(50)
		trace := len(b.net.Trace())
		before := heap()
		legs := run(calls)
		after := heap()
		if n := b.ua.Sessions(); n != calls+50 {
			t.Fatalf("%d sessions, want %d", n, calls+50)
		}
		messages := len(b.net.Trace()) - trace
		per := (int64(after) - int64(before) - int64(messages)*120) / calls
		t.Logf("%d bytes per session (heap %d, of which the trace of the test %d)", per, after-before, messages*120)
		if per > 8<<10 {
			t.Errorf("%d bytes per session, want at most 8 KiB", per)
		}
		for _, l := range append(warm, legs...) {
			l.End(sip.CauseNormal)
		}
		runtime.KeepAlive(legs)
		b.alice.Close()
		wait(time.Minute)
	})
}

// last rebuilds as much of the INVITE as an ACK needs.
func (b *bench) last(resp *stack.Response) *stack.Request {
	cs, _ := resp.Contacts()
	r := stack.NewRequest("INVITE", cs[0].URI)
	for _, h := range []string{"From", "To", "Call-ID", "CSeq"} {
		r.Set(h, resp.Get(h))
	}
	return r
}
