package main

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

	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
	"naisen/sip/push"
	"naisen/sip/push/pushtest"
	"naisen/sip/registrar"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// flock is a thousand softphones behind one socket, a registrar, and what holds calls for them.
type flock struct {
	t        *testing.T
	phone    *siptest.Phone
	r        *registrar.Registrar
	s        *sleepers
	pushes   simPushes
	farewell map[call.LegID]sip.Cause
}

// Request implements stack.Handler.
func (f *flock) Request(tx *stack.ServerTx) {
	user := tx.Request().To().URI.User
	f.r.Register(tx, registrar.Right{AOR: user + "@" + simDomain, Domain: simDomain})
}

// Ack, Cancel, StrayResponse and FlowClosed implement stack.Handler: nothing comes of them here.
func (*flock) Ack(*stack.Request)            {}
func (*flock) Cancel(*stack.ServerTx)        {}
func (*flock) StrayResponse(*stack.Response) {}
func (*flock) FlowClosed(*stack.Flow)        {}

// newFlock starts it; service nil: pushes.
func newFlock(t *testing.T, service registrar.Pusher) *flock {
	n := siptest.NewNetwork(1)
	n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
	at := netip.MustParseAddrPort("192.0.2.100:5060")
	f := &flock{t: t, phone: n.Phone(t, "flock", netip.MustParseAddrPort("192.0.2.1:5060"), at), farewell: map[call.LegID]sip.Cause{}}
	n.Host("pbx", at.Addr())
	log := slog.New(slog.DiscardHandler)
	if service == nil {
		service = &f.pushes
	}
	f.r = registrar.New(registrar.Config{Push: registrar.Push{Service: service}}, nil, log)
	f.s = &sleepers{registrar: f.r, service: service, patience: wakePatience, grace: wakeGrace, legs: &legs{}, log: log,
		move: func(d call.Destination, b registrar.Binding) call.Destination {
			d.Asleep, d.Via = false, registrar.Device{b}
			return d
		},
		farewell: func(_ call.Destination, out call.Outgoing, c sip.Cause) {
			f.pushes.mu.Lock()
			defer f.pushes.mu.Unlock()
			if _, again := f.farewell[out.Leg]; again {
				t.Errorf("%s was rung and cancelled twice", out.Leg)
			}
			f.farewell[out.Leg] = c
		}}
	config := n.Config(stack.Listen{Transport: "udp", Addr: at})
	config.Limits = stack.Limits{Rate: 10_000, RatePerSource: 10_000} // they come from one address here
	st, err := stack.New(config, f, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.r.Start(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- st.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := f.r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// register sends one softphone's REGISTER and waits for nothing.
func (f *flock) register(i int) {
	f.registerAs(i, fmt.Sprintf("pn-provider=acme;pn-param=app;pn-prid=token-%d", i))
}

func (f *flock) registerAs(i int, pn string) {
	r := f.phone.NewRequest("REGISTER", "")
	aor := sip.Address{URI: sip.URI{Scheme: "sip", User: fmt.Sprint(i), Host: simDomain}}
	r.SetFrom(aor.WithTag("f"))
	r.SetTo(aor)
	r.Set("Contact", fmt.Sprintf("<sip:u%d@192.0.2.1:5060;%s>", i, pn))
	r.Set("Expires", "3600")
	f.phone.Send(r)
}

// heldFate is what becomes of one held INVITE.
type heldFate int

const (
	wakes heldFate = iota
	neverWakes
	givenUp      // and never wakes
	wakesTooLate // after it was given up
	wakesLast    // after the branch's patience: a push that was delivered in the last instant
	cannotBePushed
	fates
)

// TestThousandHeld: a thousand INVITEs held at once, whose devices wake in random order, some never, some for a call that was given up or that waits no
// longer, some that cannot be pushed to: each branch gets exactly one last event, the right one; each device that woke for nothing is told so, once; nothing is left.
func TestThousandHeld(t *testing.T) {
	const many = 1000
	synctest.Test(t, func(t *testing.T) {
		f := newFlock(t, nil)
		for i := range many {
			f.register(i)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if n := f.r.Count(); n != many {
			t.Fatalf("%d bindings", n)
		}
		dice := rand.New(rand.NewPCG(7, 7))
		boxes, held, ends := make([]*call.Mailbox, many), make([]call.Leg, many), make([]heldFate, many)
		for i := range many {
			aor := fmt.Sprintf("%d@%s", i, simDomain)
			flows, asleep := awake(f.r.Devices(aor)[0])
			if !asleep {
				t.Fatalf("%s is awake", aor)
			}
			ends[i], boxes[i] = heldFate(dice.IntN(int(fates))), call.NewMailbox()
			f.pushes.fail = nil
			if ends[i] == cannotBePushed {
				f.pushes.fail = push.ErrUnavailable
			}
			id := call.LegID(fmt.Sprintf("c%d-1", i))
			out := call.Outgoing{Leg: id, Domain: simDomain}
			held[i] = f.s.hold(call.Destination{Extension: fmt.Sprint(i), Via: flows, Asleep: true}, out, newLeg(id, boxes[i], f.s.legs, func() {}))
		}
		began := time.Now()
		for _, i := range dice.Perm(many) {
			time.Sleep(time.Duration(dice.IntN(40)) * time.Millisecond) // 20 s for all of them: within a branch's patience
			if ends[i] == givenUp || ends[i] == wakesTooLate {
				held[i].End(sip.CauseCompletedElsewhere)
			}
			if ends[i] == wakes || ends[i] == wakesTooLate {
				f.register(i)
				f.register(i) // an app in a hurry
			}
		}
		time.Sleep(time.Until(began.Add(wakePatience + wakeGrace/2)))
		for i := range many {
			if ends[i] == wakesLast {
				f.register(i)
			}
		}
		time.Sleep(wakeGrace)
		for i := range many {
			f.judge(i, ends[i], boxes[i].Take())
			held[i].End(sip.CauseNormal) // a call that ended in the instant in which the device woke
			held[i].End(sip.CauseNormal)
			if told, rung := f.told(held[i].ID()); ends[i] == wakes && told != sip.CauseNormal || rung && len(boxes[i].Take()) > 0 {
				t.Errorf("%d: woken for a call that ends: %v %+v", i, rung, told)
			}
		}
		if s := f.r.Stats(); s.Held != 0 || s.NotHeld != 0 {
			t.Errorf("left over: %+v", s)
		}
		if l := f.s.legs; len(l.book)+len(l.whos)+len(l.of) != 0 {
			t.Errorf("legs are left: %d, %d, %d", len(l.book), len(l.whos), len(l.of))
		}
		if n := len(f.pushes.pushed()); n != many {
			t.Errorf("%d pushes", n)
		}
	})
}

// told is by what farewell a leg was rung and cancelled, if it was.
func (f *flock) told(id call.LegID) (why sip.Cause, rung bool) {
	f.pushes.mu.Lock()
	defer f.pushes.mu.Unlock()
	why, rung = f.farewell[id]
	return why, rung
}

// judge compares what a call was told with the fate of its device.
func (f *flock) judge(i int, of heldFate, got []call.Event) {
	id := call.LegID(fmt.Sprintf("c%d-1", i))
	if len(got) != 1 {
		f.t.Errorf("%d, fate %d: told %v", i, of, got)
		return
	}
	told, rung := f.told(id)
	late := map[heldFate]sip.Cause{wakesTooLate: sip.CauseCompletedElsewhere, wakesLast: sip.CauseNoAnswer}
	if why, ghost := late[of]; rung != ghost || rung && told != why {
		f.t.Errorf("%d, fate %d: rung and cancelled %v by %+v", i, of, rung, told)
	}
	want := map[heldFate]sip.Cause{neverWakes: sip.CauseNoAnswer, wakesLast: sip.CauseNoAnswer, givenUp: sip.CauseCompletedElsewhere, wakesTooLate: sip.CauseCompletedElsewhere,
		cannotBePushed: sip.CauseUnavailable}
	switch e := got[0].(type) {
	case call.Woken:
		if b := e.At.Via.(registrar.Device)[0]; of != wakes || b.Contact.User != fmt.Sprintf("u%d", i) || b.Asleep {
			f.t.Errorf("%d, fate %d: woken as %+v", i, of, b)
		}
	case call.Ended:
		if of == wakes || e.Cause != want[of] {
			f.t.Errorf("%d, fate %d: ended by %+v", i, of, e.Cause)
		}
	default:
		f.t.Errorf("%d: %T", i, e)
	}
}

// TestWokenByGoogle: the whole way, from a held branch by the push service's simulator to the app's REGISTER and back, for some apps at once; the branch
// of one that was removed ends at once.
func TestWokenByGoogle(t *testing.T) {
	const many = 20
	sim := pushtest.NewFCM(t)
	provider, err := push.NewFCM(push.FCMConfig{Account: sim.Account, Base: sim.URL, TokenURI: sim.TokenURI(), Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	service := push.New(push.Config{Providers: []push.Provider{provider}}, slog.New(slog.DiscardHandler))
	defer service.Close()
	f := newFlock(t, service)
	f.s.farewell = func(call.Destination, call.Outgoing, sip.Cause) { t.Error("rung and cancelled") }
	token := func(i int) string { return fmt.Sprintf("app-token-of-phone-%04d", i) }
	pn := func(i int) string { return "pn-provider=fcm;pn-param=" + sim.Project + ";pn-prid=" + token(i) }
	rang := make(chan string, many)
	sim.OnDelivery(func(d pushtest.Delivery) { rang <- d.PRID })
	for i := range many {
		f.registerAs(i, pn(i))
		if i > 0 {
			sim.Register(token(i))
		}
	}
	sim.Register(token(0))
	sim.Forget(token(0))
	for range many {
		f.phone.ExpectStatus(200, "REGISTER")
	}
	boxes := make([]*call.Mailbox, many)
	for i := range many {
		flows := f.r.Devices(fmt.Sprintf("%d@%s", i, simDomain))[0]
		flows[0].Asleep, boxes[i] = true, call.NewMailbox()
		id := call.LegID(fmt.Sprintf("c%d-1", i))
		f.s.hold(call.Destination{Extension: fmt.Sprint(i), Via: flows, Asleep: true}, call.Outgoing{Leg: id, Domain: simDomain}, newLeg(id, boxes[i], f.s.legs, func() {}))
	}
	for range many - 1 {
		select {
		case prid := <-rang:
			var i int
			if _, err := fmt.Sscanf(prid, "app-token-of-phone-%d", &i); err != nil {
				t.Fatal(err)
			}
			f.registerAs(i, pn(i))
			f.phone.ExpectStatus(200, "REGISTER")
		case <-time.After(siptest.Patience):
			t.Fatal("not pushed")
		}
	}
	for i := range many {
		var got []call.Event
		for began := time.Now(); len(got) == 0 && time.Since(began) < siptest.Patience; runtime.Gosched() {
			got = boxes[i].Take()
		}
		if len(got) != 1 {
			t.Fatalf("%d: told %v", i, got)
		}
		if _, woken := got[0].(call.Woken); woken == (i == 0) {
			t.Errorf("%d: told %T", i, got[0])
		}
	}
	if s := f.r.Stats(); s.Held != 0 || service.Stats()[0].Gone != 1 || service.Stats()[0].Sent != many-1 {
		t.Errorf("%+v, %+v", s, service.Stats())
	}
}
