package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/push"
	"naisen/sip/siptest"
)

// simPushes is a push service of one maker, "acme", that notes what it is asked for.
type simPushes struct {
	mu   sync.Mutex
	sent []push.Message
	fail error // what it answers

	delivers func(push.Message) // to the device; nil: the test looks for itself
}

func (*simPushes) Features() []string { return []string{`+sip.pns="acme"`} }

func (*simPushes) Takes(d push.Device) (string, error) {
	if d.Provider != "acme" {
		return "", push.ErrUnsupported
	}
	return `+sip.pns="acme"`, d.Check()
}

func (*simPushes) Wakes(_ push.Device, o push.Occasion) bool { return o == push.ForCall }

func (s *simPushes) Push(m push.Message, done func(error)) {
	s.mu.Lock()
	s.sent = append(s.sent, m)
	err, delivers := s.fail, s.delivers
	s.mu.Unlock()
	if delivers != nil && err == nil {
		delivers(m)
	}
	done(err)
}

func (s *simPushes) pushed() []push.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]push.Message(nil), s.sent...)
}

// softphone is an app of 2002 on a mobile.
type softphone struct {
	*siptest.Phone
	o *stage
	q float64
}

// mobile puts a softphone on the net that has registered, and sleeps.
func (o *stage) mobile(q float64) softphone {
	p := o.net.Phone(o.t, "mobile", netip.MustParseAddrPort("192.0.2.31:5060"), o.proxy)
	p.Domain, p.Auth = simDomain, siptest.Digest("2002", "secret-2002")
	m := softphone{p, o, q}
	m.register()
	o.air.speak(netip.AddrPortFrom(p.Addr.Addr(), 4000), true)
	o.names = append(o.names, "mobile")
	o.wait(30 * time.Second)
	o.quiet = time.Since(simStart) // the ladder begins here
	return m
}

func (m softphone) register() {
	m.o.t.Helper()
	aor := sip.Address{URI: sip.URI{Scheme: "sip", User: "2002", Host: simDomain}}
	r := m.NewRequest("REGISTER", "")
	r.SetFrom(aor.WithTag("mobile"))
	r.SetTo(aor)
	r.Set("Contact", fmt.Sprintf(`<%s;pn-provider=acme;pn-param=app;pn-prid=t0ken>;q=%v;+sip.instance="<urn:uuid:mobile>"`, m.Contact(), m.q))
	r.Set("Expires", "3600")
	if _, resp := m.Do(r); resp.Status != 200 || resp.Get("Feature-Caps") != `*;+sip.pns="acme"` {
		m.o.t.Fatalf("REGISTER: %d, Feature-Caps %q", resp.Status, resp.Get("Feature-Caps"))
	}
}

// A mobile that sleeps is pushed to, once, and is sent nothing before its REGISTER was answered; the desk rings meanwhile. The mobile answers, and
// the desk hears that the call was completed elsewhere.
func TestPushWakes(t *testing.T) {
	onStage(t, "push-wakes", func(o *stage) {
		alice, desk, mobile := o.phones["2001"], o.phones["2002"], o.mobile(1)
		out := o.invite(alice, "2002", nil)
		first := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		mobile.Silence(3 * time.Second)
		sent := o.pushes.pushed()
		if len(sent) != 1 || sent[0].Why != push.ForCall || sent[0].Device.PRID != "t0ken" || strings.Contains(fmt.Sprint(sent[0].ID), "2001") {
			t.Fatalf("pushed %v", sent)
		}
		mobile.register()
		in := rung(mobile.Phone)
		a, b := o.pickUp(side{alice, out, nil, true}, side{mobile.Phone, in, nil, false})
		if why := calledOff(desk, first); !strings.Contains(why, "SIP;cause=200") {
			t.Errorf("the desk was told %s", why)
		}
		o.wait(time.Second)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
		if n := len(o.pushes.pushed()); n != 1 || o.p.registrar.Stats().Held != 0 {
			t.Errorf("%d pushes, %d held", n, o.p.registrar.Stats().Held)
		}
	})
}

// A mobile that wakes when the desk has answered is rung and cancelled at once, with the reason: its app shows a call for the push, and nothing
// else would end that.
func TestPushWakesLate(t *testing.T) {
	onStage(t, "push-wakes-late", func(o *stage) {
		alice, desk, mobile := o.phones["2001"], o.phones["2002"], o.mobile(1)
		out := o.invite(alice, "2002", nil)
		in := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		a, b := o.pickUp(side{alice, out, nil, true}, side{desk, in, nil, false})
		o.wait(2 * time.Second)
		mobile.register()
		ghost := mobile.Expect("INVITE")
		mobile.Reply(ghost, 180, nil)
		if why := calledOff(mobile.Phone, ghost); !strings.Contains(why, "SIP;cause=200") {
			t.Errorf("the mobile was told %s", why)
		}
		mobile.Silence(time.Second)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// A mobile that wakes after its branch's patience, for a push that came in the last instant, is rung and cancelled though the call still rings elsewhere:
// its app shows a call, too.
func TestPushWakesLast(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, desk, mobile := o.phones["2001"], o.phones["2002"], o.mobile(1)
		out := o.invite(alice, "2002", nil)
		in := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		o.wait(28 * time.Second)
		if s := o.p.dialler.sleepers; s.slept.Load() != 1 || o.p.registrar.Stats().Held != 1 {
			t.Errorf("%d slept, %d wait, after the branch's patience", s.slept.Load(), o.p.registrar.Stats().Held)
		}
		mobile.register()
		ghost := mobile.Expect("INVITE")
		mobile.Reply(ghost, 180, nil)
		if why := calledOff(mobile.Phone, ghost); !strings.Contains(why, "SIP;cause=480") && !strings.Contains(why, "Q.850") {
			t.Errorf("the mobile was told %s", why)
		}
		mobile.Silence(time.Second)
		a, b := o.pickUp(side{alice, out, nil, true}, side{desk, in, nil, false})
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// A mobile that never wakes costs its branch its patience, and the call nothing: who registers later is not rung for a call of long ago.
func TestPushNeverWakes(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, desk, mobile := o.phones["2001"], o.phones["2002"], o.mobile(1)
		to := route.Target{Kind: route.ToExtension, Number: "2002"}
		if n := len(o.p.dialler.Find(simDomain, to)); n != 2 {
			t.Errorf("%d telephones of a call", n)
		}
		if d := (phones{o.p.dialler}).Devices(simDomain, "2002"); len(d) != 2 || !slices.ContainsFunc(d, func(d provisioning.Device) bool { return d.Asleep && d.Woken == "acme" }) {
			t.Errorf("listed %+v", d)
		}
		to.AutoAnswer = true
		if n := len(o.p.dialler.Find(simDomain, to)); n != 1 {
			t.Errorf("%d telephones of a page: nobody is woken for one", n)
		}
		out := o.invite(alice, "2002", nil)
		in := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		o.wait(38 * time.Second)
		if n := o.p.registrar.Stats().Held; n != 0 || o.p.dialler.sleepers.slept.Load() != 1 {
			t.Errorf("%d held after the branch's patience", n)
		}
		mobile.register()
		mobile.Silence(time.Second)
		a, b := o.pickUp(side{alice, out, nil, true}, side{desk, in, nil, false})
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// The push service is down: in order, the desk's turn comes at once and not after the mobile's. An app that is gone is forgotten.
func TestPushFails(t *testing.T) {
	for _, why := range []error{push.ErrUnavailable, push.ErrFull, push.ErrGone} {
		onStage(t, "", func(o *stage) {
			alice, desk, mobile := o.phones["2001"], o.phones["2002"], o.mobile(1)
			desk.Register(3600) // the last one goes first, among equals
			o.pushes.mu.Lock()
			o.pushes.fail = why
			o.pushes.mu.Unlock()
			began := time.Now()
			out := o.invite(alice, "2002", nil)
			in := rung(desk)
			if late := time.Since(began); late > time.Second {
				t.Errorf("%v: the desk rang after %v", why, late)
			}
			alice.ExpectStatus(180, "INVITE")
			a, b := o.pickUp(side{alice, out, nil, true}, side{desk, in, nil, false})
			mobile.Silence(time.Second)
			if n := len(o.p.registrar.Bindings("2002@" + simDomain)); (n == 1) != (why == push.ErrGone) {
				t.Errorf("%v: %d bindings", why, n)
			}
			a.bye(b)
			o.records("2001 > 2002 2002 200 OK by caller")
		}, provisioning.Settings{Extension: "2002", Ring: provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 20,
			Devices: []provisioning.RingDevice{{Instance: "urn:uuid:mobile"}}}})
	}
}
