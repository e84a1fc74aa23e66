package dialog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/multipart"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const sdpType = "application/sdp"

var (
	pbx   = netip.MustParseAddrPort("192.0.2.10:5060")
	alice = netip.MustParseAddrPort("192.0.2.1:5060")
	bob   = netip.MustParseAddrPort("192.0.2.2:5060")
)

// bench is one stack with a UA on an in-memory network, and two scripted phones.
type bench struct {
	manner     dialog.Manner // of who calls
	t          *testing.T
	net        *siptest.Network
	st         *stack.Stack
	ua         *dialog.UA
	alice, bob *siptest.Phone
	in         chan *leg
	refused    chan error
	stop       func()
}

// leg is a session with what it told us.
type leg struct {
	*dialog.Session
	t      *testing.T
	mu     sync.Mutex
	events []dialog.Event
	times  []time.Time
	ended  int
}

func (l *leg) on(e dialog.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended > 0 {
		l.t.Errorf("%s after Ended", text(e))
	}
	if _, ok := e.(dialog.Ended); ok {
		l.ended++
	}
	l.events = append(l.events, e)
	l.times = append(l.times, time.Now())
}

// want takes all events so far and compares them.
func (l *leg) want(events ...string) {
	l.t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var got []string
	for _, e := range l.events {
		got = append(got, text(e))
	}
	l.events = nil
	if !slices.Equal(got, events) {
		l.t.Errorf("events:\n got  %q\n want %q", got, events)
	}
}

// take returns the events so far.
func (l *leg) take() []dialog.Event {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.events
	l.events = nil
	return e
}

func text(e dialog.Event) string {
	switch e := e.(type) {
	case dialog.Progress:
		return strings.TrimSpace(fmt.Sprintf("progress %d %s", e.Status, e.SDP))
	case dialog.Answered:
		return fmt.Sprintf("answered %s", e.SDP)
	case dialog.Offered:
		return strings.TrimSpace(fmt.Sprintf("offered %s%s", e.SDP, partsText(e.With)))
	case dialog.Roamed:
		return fmt.Sprintf("roamed %s", e.From)
	case dialog.Probed:
		return fmt.Sprintf("probed %t", e.Reached)
	case dialog.Told:
		return "told" + partsText(e.With)
	case dialog.Agreed:
		if e.Refresh {
			return fmt.Sprintf("agreed by refresh %s", e.SDP)
		}
		return fmt.Sprintf("agreed %s", e.SDP)
	case dialog.Disagreed:
		return "disagreed " + fmt.Sprint(e.Cause.Status)
	case dialog.Digit:
		return fmt.Sprintf("digit %c %s", e.Rune, e.Duration)
	case dialog.Referred:
		return strings.TrimSpace("referred " + e.To.String() + " " + e.ReplacesCallID)
	case dialog.ReferStatus:
		return "refer " + fmt.Sprint(e.Cause.Status)
	case dialog.Ended:
		s := fmt.Sprintf("ended %d/%d", e.Cause.Status, e.Cause.Q850)
		if e.ByPeer {
			s += " by peer"
		}
		if e.Crossed {
			s += " crossed"
		}
		return s
	}
	return fmt.Sprintf("%T", e)
}

func partsText(parts []multipart.Part) (s string) {
	for _, p := range parts {
		s += fmt.Sprintf(" with %s %s", p.Type, p.Body)
	}
	return s
}

// Request, Ack and the rest make bench the stack's handler, as cmd/pbx will be.
func (b *bench) Request(tx *stack.ServerTx) {
	if b.ua.Request(tx) {
		return
	}
	if tx.Request().Method != "INVITE" {
		_ = tx.Respond(stack.NewResponse(tx.Request(), 405, ""))
		return
	}
	l := &leg{t: b.t}
	s, err := b.ua.AcceptAs(tx, "in", b.manner, l.on)
	if err != nil {
		b.refused <- err
		return
	}
	l.Session = s
	b.in <- l
}
func (b *bench) Ack(r *stack.Request)            { b.ua.Ack(r) }
func (b *bench) Cancel(tx *stack.ServerTx)       { b.ua.Cancel(tx) }
func (b *bench) StrayResponse(r *stack.Response) { b.ua.StrayResponse(r) }
func (b *bench) FlowClosed(f *stack.Flow)        { b.ua.FlowClosed(f) }

// play runs a script inside a bubble of virtual time. At the end no session may be left; with a name, the ladder must be the golden one.
func play(t *testing.T, golden string, cfg dialog.Config, script func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, cfg, 1)
		defer b.stop() // also when the script gives up
		b.alice = b.net.Phone(t, "alice", alice, pbx)
		b.bob = b.net.Phone(t, "bob", bob, pbx)
		b.net.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		script(b)
		synctest.Wait()
		if golden != "" {
			siptest.Golden(t, golden+".ladder", b.net.Ladder())
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if n := b.ua.Sessions(); n != 0 {
			t.Errorf("%d sessions left", n)
		}
		if err := b.ua.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

func newBench(t *testing.T, cfg dialog.Config, seed uint64) *bench {
	b := &bench{t: t, net: siptest.NewNetwork(seed), in: make(chan *leg, 100), refused: make(chan error, 100)}
	for i, name := range []string{"alice", "pbx", "bob"} {
		b.net.Host(name, []netip.AddrPort{alice, pbx, bob}[i].Addr())
	}
	log := slog.New(slog.DiscardHandler)
	config := b.net.Config(stack.Listen{Transport: "udp", Addr: pbx})
	config.Limits = stack.Limits{RatePerSource: 1e6, Rate: 1e6}
	st, err := stack.New(config, b, log)
	if err != nil {
		t.Fatal(err)
	}
	b.st = st
	b.ua = dialog.New(st, cfg, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = st.Serve(ctx) }()
	b.stop = func() {
		cancel()
		_ = st.Close()
		<-done
	}
	return b
}

// invite makes bob's phone ring from the switch.
func (b *bench) invite(change func(*dialog.Invite)) *leg {
	uri := sip.URI{Scheme: "sip", User: "bob", Host: bob.Addr().String()}
	inv := dialog.Invite{
		ID: "out", URI: uri, To: sip.Address{URI: uri}, From: sip.Address{URI: sip.URI{Scheme: "sip", User: "2001", Host: "pbx.example"}},
		Targets: []stack.Target{{Transport: "udp", Addr: bob}}, Body: []byte("offer"), SessionTimer: -1,
	}
	if change != nil {
		change(&inv)
	}
	l := &leg{t: b.t}
	l.Session = b.ua.Invite(inv, l.on)
	return l
}

// incoming sends an INVITE of alice and gives the session that it made.
func (b *bench) incoming(change func(*stack.Request)) (*stack.Request, *leg) {
	b.t.Helper()
	r := b.alice.NewRequest("INVITE", "2001")
	r.SetBody(sdpType, []byte("offer"))
	if change != nil {
		change(r)
	}
	b.alice.Send(r)
	return r, b.accepted()
}

func (b *bench) accepted() *leg {
	b.t.Helper()
	select {
	case l := <-b.in:
		return l
	case err := <-b.refused:
		b.t.Fatalf("refused: %v", err)
	case <-time.After(time.Second):
		b.t.Fatal("no session")
	}
	return nil
}

// up makes an inbound session that is answered and acknowledged.
func (b *bench) up(change func(*stack.Request)) (*stack.Request, *stack.Response, *leg) {
	b.t.Helper()
	r, l := b.incoming(change)
	l.Answer([]byte("answer"))
	resp := b.alice.ExpectStatus(200, "INVITE")
	b.alice.Ack(r, resp)
	wait(20 * time.Millisecond)
	l.want()
	return r, resp, l
}

// upOut makes an outbound session that is answered.
func (b *bench) upOut(change func(*dialog.Invite), answer func(*stack.Response)) (*stack.Request, *stack.Response, *leg) {
	b.t.Helper()
	l := b.invite(change)
	r := b.bob.Expect("INVITE")
	resp := b.bob.Reply(r, 200, func(resp *stack.Response) {
		resp.SetBody(sdpType, []byte("answer"))
		if answer != nil {
			answer(resp)
		}
	})
	b.bob.Expect("ACK")
	l.want("answered answer")
	return r, resp, l
}

// hangUp ends a session from our side and lets the phone answer.
func hangUp(l *leg, p *siptest.Phone) {
	l.t.Helper()
	l.End(sip.CauseNormal)
	p.Reply(p.Expect("BYE"), 200, nil)
	wait(50 * time.Millisecond)
	l.want("ended 200/16")
}

// wait lets virtual time pass.
func wait(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
	synctest.Wait()
}

func body(s string) func(*stack.Response) {
	return func(r *stack.Response) { r.SetBody(sdpType, []byte(s)) }
}
