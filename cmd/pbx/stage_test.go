package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/sip/ladder"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// stage is the whole signalling side of the simulation with phones that follow a script, for ladders through the switch: two dialogs
// and the call between them. Nothing is random.
type stage struct {
	*world
	phones  map[string]*siptest.Phone
	carrier *siptest.Phone
	nats    [2]*siptest.NAT
	roamed  int
	woken   int // sleeping telephones, by push
	opened  int // and by their owners
	names   []string
	quiet   time.Duration // when the phones had registered: the ladder begins here
}

// onStage plays a script. When it is over no call, session or transaction is left; name is the golden ladder, empty: none.
func onStage(t *testing.T, name string, script func(*stage), more ...provisioning.Entity) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t, more...)
	cryptotest.SetGlobalRandom(t, 1)
	synctest.Test(t, func(t *testing.T) {
		o := &stage{world: newWorld(t, d, 0), phones: map[string]*siptest.Phone{}, names: []string{"pbx"}}
		o.net.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		o.tape.failing = func() bool { return false }
		began := time.Now()
		for i, number := range []string{"2001", "2002", "2003", "2004"} {
			if fromMobiles(t) {
				o.carry(number, i)
				continue
			}
			p := o.net.Phone(t, number, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(21 + i)}), 5060), o.proxy)
			p.Domain, p.Auth = simDomain, siptest.Digest(number, "secret-"+number)
			p.Register(3600)
			o.phones[number] = p
			o.names = append(o.names, number)
			o.air.speak(netip.AddrPortFrom(p.Addr.Addr(), 4000), true)
		}
		o.carrier = o.net.Phone(t, "carrier", netip.MustParseAddrPort("192.0.2.50:5060"), o.proxy)
		o.names = append(o.names, "carrier")
		o.air.speak(netip.AddrPortFrom(o.carrier.Addr.Addr(), 4000), true)
		time.Sleep(time.Second)
		o.quiet = time.Since(began)
		defer func() { // also when the script fails
			o.shut()
			for _, f := range o.faults {
				t.Error(f)
			}
		}()
		script(o)
		o.leave()
		if asleep(t) {
			if pushes := len(o.pushes.pushed()); name != "" && o.woken+o.opened == 0 || (pushes == 0) != (o.woken == 0) {
				t.Errorf("%d pushes have woken %d telephones, and %d were taken up", pushes, o.woken, o.opened)
			}
		} else if fromMobiles(t) && o.roamed == 0 {
			t.Error("no telephone changed its network")
		}
		if name != "" && !fromMobiles(t) {
			siptest.Golden(t, name+".ladder", o.draw())
		}
	})
}

// draw leaves the registrations and the phones that took no part out.
func (o *stage) draw() string {
	var rungs []ladder.Rung
	lanes := map[int]int{}
	var names []string
	for _, m := range o.net.Trace() {
		if m.At >= o.quiet {
			rungs = append(rungs, ladder.Rung{At: m.At - o.quiet, From: m.From, To: m.To, Label: m.Label, Lost: m.Lost})
		}
	}
	// What two calls send in one instant has no order.
	slices.SortStableFunc(rungs, func(a, b ladder.Rung) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Label, b.Label))
	})
	for i, name := range o.names {
		if slices.ContainsFunc(rungs, func(r ladder.Rung) bool { return r.From == i || r.To == i }) {
			lanes[i] = len(names)
			names = append(names, name)
		}
	}
	for i := range rungs {
		rungs[i].From, rungs[i].To = lanes[rungs[i].From], lanes[rungs[i].To]
	}
	return ladder.Draw(names, rungs)
}

// leave waits until everything has ended by itself.
func (o *stage) leave() {
	o.t.Helper()
	time.Sleep(40 * time.Second)
	if n := o.p.calls.Len(); n != 0 {
		o.t.Errorf("%d calls are still alive", n)
	}
	if n := o.p.signalling.ua.Sessions(); n != 0 {
		o.t.Errorf("%d sessions are left", n)
	}
	o.p.signalling.legs.mu.Lock()
	if n := len(o.p.signalling.legs.book); n != 0 {
		o.t.Errorf("%d legs are still known", n)
	}
	if n := len(o.p.signalling.legs.of) + len(o.p.signalling.legs.whos); n != 0 {
		o.t.Errorf("extensions are still busy: %v", o.p.signalling.legs.of)
	}
	o.p.signalling.legs.mu.Unlock()
	o.mu.Lock()
	for _, a := range o.alarms {
		o.t.Errorf("alarm %s", a)
	}
	o.mu.Unlock()
	o.air.mu.Lock()
	for _, e := range o.air.endpoints {
		if e.closed != 1 {
			o.t.Errorf("endpoint %s was closed %d times", e.id, e.closed)
		}
	}
	o.air.mu.Unlock()
}

// records compares the CDRs, each as "from > to answered-by status cause by", in the order of the calls' begin.
func (o *stage) records(want ...string) {
	o.t.Helper()
	time.Sleep(time.Second)
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.SortFunc(o.cdrs, func(a, b call.CDR) int { return a.Started.Compare(b.Started) })
	var got []string
	for _, c := range o.cdrs {
		text := c.Cause.Text
		if strings.HasPrefix(text, "Merged") {
			text = "Merged"
		}
		got = append(got, fmt.Sprintf("%s > %s %s %d %s by %s", c.From, c.To, c.AnsweredBy, c.Cause.Status, text, c.EndedBy))
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("CDRs\n%q\nwant\n%q", got, want)
	}
}

// side is one phone's dialog of an answered call.
type side struct {
	p      *siptest.Phone
	invite *stack.Request
	resp   *stack.Response
	out    bool
}

// request makes a request of this side's dialog.
func (s side) request(method string) *stack.Request {
	if s.out {
		return s.p.InDialog(method, s.invite, s.resp)
	}
	return s.p.FromCallee(method, s.invite, s.resp)
}

func (s side) do(method string, status int, change func(*stack.Request)) {
	r := s.request(method)
	if change != nil {
		change(r)
	}
	s.p.Send(r)
	s.p.ExpectStatus(status, method)
}

// bye hangs up here, and the other side is told.
func (s side) bye(other side) {
	s.roams()
	other.roams()
	s.p.Send(s.request("BYE"))
	other.p.Reply(other.p.Expect("BYE"), 200, nil)
	s.p.ExpectStatus(200, "BYE")
	s.rests()
	other.rests()
}

// hungUp: the switch ends this side.
func (s side) hungUp() *stack.Request {
	r := s.p.Expect("BYE")
	s.p.Reply(r, 200, nil)
	s.rests()
	return r
}

// named is this side's dialog as its own phone writes it into the Replaces of a Refer-To, escaped.
func (s side) named() string {
	ours, theirs := s.resp.To().Tag(), s.resp.From().Tag()
	if !s.out {
		ours, theirs = s.invite.From().Tag(), s.resp.To().Tag()
	}
	return fmt.Sprintf("%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s", s.invite.CallID(), ours, theirs)
}

// refer sends REFER and takes 202 and the first NOTIFY.
func (s side) refer(to string) {
	s.p.Send(s.referral(to))
	s.p.ExpectStatus(202, "REFER")
	s.notified("100 Trying")
}

func (s side) referral(to string) *stack.Request {
	r := s.request("REFER")
	r.Set("Refer-To", "<"+to+">")
	return r
}

// notified takes a NOTIFY with that status line.
func (s side) notified(want string) *stack.Request {
	r := s.p.Expect("NOTIFY")
	s.p.Reply(r, 200, nil)
	if got := strings.TrimSpace(strings.TrimPrefix(string(r.Body), "SIP/2.0 ")); got != want {
		panic(fmt.Sprintf("%s was notified of %q, not %q", s.p.Name, got, want))
	}
	return r
}

// description of a phone's media.
func description(p *siptest.Phone, payloads string) []byte {
	a := p.Addr.Addr()
	if p.Transport == "tls" {
		return []byte(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/SAVP %s\r\n%sa=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n", a, a, payloads, mobileKey))
	}
	return []byte(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP %s\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n", a, a, payloads))
}

func with(p *siptest.Phone, payloads string) func(*stack.Response) {
	return func(r *stack.Response) { r.SetBody("application/sdp", description(p, payloads)) }
}

// invite sends an INVITE that is past its challenge.
func (o *stage) invite(from *siptest.Phone, number string, change func(*stack.Request)) *stack.Request {
	r := from.NewRequest("INVITE", number)
	r.SetBody("application/sdp", description(from, "0 8 101"))
	if change != nil {
		change(r)
	}
	from.Send(r)
	if from.Auth == nil {
		return r
	}
	resp := from.ExpectStatus(401, "INVITE")
	from.Ack(r, resp)
	r = from.Again(r)
	if err := from.Auth(r, resp); err != nil {
		o.t.Fatal(err)
	}
	from.Send(r)
	return r
}

// talk brings a call up.
func (o *stage) talk(from, to *siptest.Phone, number string) (caller, called side) {
	o.t.Helper()
	out := o.invite(from, number, nil)
	in := to.Expect("INVITE")
	to.Reply(in, 180, nil)
	from.ExpectStatus(180, "INVITE")
	return o.pickUp(side{from, out, nil, true}, side{to, in, nil, false})
}

// pickUp answers a ringing call.
func (o *stage) pickUp(caller, called side) (side, side) {
	o.t.Helper()
	called.resp = called.p.Reply(called.invite, 200, with(called.p, "0 8 101"))
	called.p.Expect("ACK")
	caller.resp = caller.p.ExpectStatus(200, "INVITE")
	caller.p.Ack(caller.invite, caller.resp)
	time.Sleep(20 * time.Millisecond)
	o.roam(caller, called)
	return caller, called
}

// gather takes n messages in whatever order they come, by label.
func (o *stage) gather(p *siptest.Phone, n int) map[string]siptest.Message {
	o.t.Helper()
	got := map[string]siptest.Message{}
	for range n {
		m, ok := p.Read(siptest.Patience)
		if !ok {
			o.t.Fatalf("%s: nothing after %v", p.Name, got)
		}
		got[m.String()] = m
	}
	return got
}

func (o *stage) wait(d time.Duration) { time.Sleep(d) }
