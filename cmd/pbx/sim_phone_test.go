package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const (
	simT1  = 500 * time.Millisecond
	simT2  = 4 * time.Second
	simT64 = 64 * simT1
)

// phone is a user agent of its own: sockets, transactions and dialogs are written here, so that they check ours.
// Everything runs under world.mu; each phone has its own dice.
type phone struct {
	w        *world
	name     string // the extension's number; "carrier"
	password string // empty: a carrier, never challenged
	addr     netip.AddrPort
	pc       net.PacketConn
	dice     *rand.Rand
	life     int  // grows with each restart: what belongs to an earlier one does nothing
	silent   bool // it fell off the net
	leaving  bool // it registers no more
	leaves   bool // it takes its registration back, and no calls
	garbled  bool // it sent garbage

	count   int
	clients map[string]*asking
	servers map[string][]byte // last response by branch and method
	talks   []*talk           // of this life and of earlier ones
	last    []byte            // sent last
	regSeq  uint32
	regID   string
	rtp     uint16
	notify  func(*stack.Request) // takes NOTIFYs outside calls; nil: 481
}

// asking is a client transaction.
type asking struct {
	req  *stack.Request
	raw  []byte
	on   func(*stack.Response) // nil: nothing came in time
	wait time.Duration
	rang bool   // a provisional response came
	done bool   // a final response came
	ack  []byte // of a refused INVITE
}

func (w *world) phone(name, password string, addr netip.AddrPort, dice uint64) *phone {
	p := &phone{w: w, name: name, password: password, addr: addr, dice: rand.New(rand.NewPCG(w.seed, dice)), rtp: 20000}
	w.net.Host(name, addr.Addr())
	p.boot()
	return p
}

// boot opens the socket and knows nothing.
func (p *phone) boot() {
	pc, err := p.w.net.ListenPacket(p.addr)
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.life++
	p.pc, p.clients, p.servers, p.regID = pc, map[string]*asking{}, map[string][]byte{}, ""
	p.w.readers.Go(func() { p.read(pc) })
}

func (p *phone) read(pc net.PacketConn) {
	buf := make([]byte, 65535)
	for {
		n, _, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		p.w.mu.Lock()
		if p.pc == pc && !p.silent {
			p.packet(append([]byte(nil), buf[:n]...))
		}
		p.w.mu.Unlock()
	}
}

// restart forgets everything and comes back on another port.
func (p *phone) restart() {
	p.stop()
	p.addr = netip.AddrPortFrom(p.addr.Addr(), p.addr.Port()+1)
	p.boot()
	p.after(p.chance(2*time.Second), p.register)
}

// stop takes the phone off the net: its calls are not its own any more.
func (p *phone) stop() {
	for _, c := range p.talks {
		if c.state != over {
			c.lost = true
			c.finish("restarted")
		}
	}
	_ = p.pc.Close()
}

// fade stops everything without a word.
func (p *phone) fade() {
	for _, c := range p.talks {
		if c.state != over {
			c.lost = true
			c.finish("silent")
		}
	}
	p.silent = true
}

// after runs f in d unless the phone restarted or fell off the net. No two things happen in one nanosecond.
func (p *phone) after(d time.Duration, f func()) {
	life := p.life
	time.AfterFunc(d+time.Duration(p.dice.IntN(100_000)), func() {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if p.life == life && !p.silent {
			f()
		}
	})
}

func (p *phone) chance(most time.Duration) time.Duration {
	return time.Duration(p.dice.Int64N(int64(most)))
}

func (p *phone) one(in int) bool { return p.dice.IntN(in) == 0 }

func (p *phone) id(kind string) string {
	p.count++
	return fmt.Sprintf("%s-%s-%d", p.name, kind, p.count)
}

func (p *phone) branch() string {
	return fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%s;rport", p.addr, p.id("b"))
}

func (p *phone) contact() sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: p.name, Host: p.addr.Addr().String(), Port: int(p.addr.Port())}}
}

func (p *phone) send(b []byte) {
	p.last = b
	if !p.silent {
		_, _ = p.pc.WriteTo(b, net.UDPAddrFromAddrPort(p.w.proxy))
	}
}

func (p *phone) bytes(m interface{ Append([]byte) ([]byte, error) }) []byte {
	b, err := m.Append(nil)
	if err != nil {
		p.w.wrong("%s: message cannot be written: %v", p.name, err)
	}
	return b
}

func branchOf(via string) string {
	_, b, _ := strings.Cut(via, "branch=")
	b, _, _ = strings.Cut(b, ";")
	b, _, _ = strings.Cut(b, ",")
	return b
}

// ask sends a request and repeats it as RFC 3261 section 17.1 says. on is called for every response, and with nil when none came.
func (p *phone) ask(r *stack.Request, on func(*stack.Response)) {
	a := &asking{req: r, raw: p.bytes(r), on: on, wait: simT1}
	p.clients[branchOf(r.Get("Via"))+" "+r.Method] = a
	p.send(a.raw)
	p.after(a.wait, func() { p.repeat(a) })
	p.after(simT64, func() {
		if !a.done && !(a.rang && r.Method == "INVITE") {
			a.done = true
			on(nil)
		}
	})
}

func (p *phone) repeat(a *asking) {
	if a.done || a.rang && a.req.Method == "INVITE" || a.wait > simT64 {
		return
	}
	p.send(a.raw)
	a.wait *= 2
	next := a.wait
	if a.req.Method != "INVITE" {
		next = min(a.wait, simT2)
	}
	p.after(next, func() { p.repeat(a) })
}

func (p *phone) packet(b []byte) {
	if len(strings.TrimSpace(string(b))) == 0 {
		return // keep-alive
	}
	req, resp, err := stack.Parse(b)
	switch {
	case err != nil && p.garbled: // a refusal repeats what it refuses
	case err != nil:
		p.w.wrong("%s received what is not proper SIP: %v\n%s", p.name, err, b)
	case resp != nil:
		p.response(resp)
	default:
		p.request(req)
	}
}

func (p *phone) response(r *stack.Response) {
	_, method := r.CSeq()
	a := p.clients[branchOf(r.Get("Via"))+" "+method]
	if a == nil {
		return
	}
	if a.done { // a repetition
		switch {
		case a.ack != nil && r.Status >= 300:
			p.send(a.ack)
		case method == "INVITE" && r.Status/100 == 2:
			a.on(r)
		}
		return
	}
	a.rang = true
	p.spared(a.req, r)
	if r.Status >= 200 {
		a.done = true
		if method == "INVITE" && r.Status >= 300 {
			a.ack = p.bytes(refusalAck(a.req, r))
			p.send(a.ack)
		}
	}
	a.on(r)
}

// refusalAck belongs to the INVITE's own transaction (RFC 3261 section 17.1.1.3).
func refusalAck(invite *stack.Request, r *stack.Response) *stack.Request {
	ack := stack.NewRequest("ACK", invite.URI)
	for _, h := range []string{"Via", "From", "Call-ID"} {
		ack.Set(h, invite.Get(h))
	}
	ack.Set("To", r.Get("To"))
	n, _ := invite.CSeq()
	ack.Set("CSeq", fmt.Sprint(n, " ACK"))
	ack.Set("Max-Forwards", "70")
	return ack
}

// outside makes a request outside a dialog.
func (p *phone) outside(method, user string) *stack.Request {
	host := simDomain
	if p.password == "" {
		host = p.w.proxy.Addr().String()
	}
	to := sip.URI{Scheme: "sip", User: user, Host: host}
	r := stack.NewRequest(method, to)
	r.Set("Via", p.branch())
	r.Set("Max-Forwards", "70")
	r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: p.name, Host: host}}.WithTag(p.id("t")))
	r.SetTo(sip.Address{URI: to})
	r.Set("Call-ID", p.id("c"))
	r.Set("CSeq", "1 "+method)
	r.SetContact(p.contact())
	return r
}

// register registers this contact, with one challenge. It comes again before it expires.
func (p *phone) register() {
	if p.password == "" || p.leaving {
		return
	}
	r := p.outside("REGISTER", p.name)
	r.URI = sip.URI{Scheme: "sip", Host: simDomain}
	if p.regID == "" {
		p.regID = r.CallID()
	}
	p.regSeq++
	if p.w.desk.parks { // whoever restarted is another telephone, beside the one that is not there any more
		r.Set("Contact", fmt.Sprintf("<%s>;q=0.%d", p.contact().URI, 1+p.life%3))
		r.Set("User-Agent", fmt.Sprint("Phone ", p.life%3))
	}
	expires := 60 + p.dice.IntN(600)
	if p.one(12) || p.leaves {
		expires = 0
	}
	r.Set("Call-ID", p.regID)
	r.Set("CSeq", fmt.Sprint(p.regSeq, " REGISTER"))
	r.Set("Expires", fmt.Sprint(expires))
	p.ask(r, func(resp *stack.Response) {
		if shed(resp) {
			p.after(5*time.Second+p.chance(5*time.Second), p.register)
		}
		if resp == nil || resp.Status != 401 {
			return
		}
		p.regSeq++
		again := p.answer(r, resp, p.regSeq)
		p.ask(again, func(resp *stack.Response) {
			if shed(resp) {
				p.after(5*time.Second+p.chance(5*time.Second), p.register)
			} else if resp != nil && resp.Status >= 300 && resp.Status != 401 && resp.Status != 500 && resp.Status != 400 {
				p.w.wrong("%s: REGISTER got %d", p.name, resp.Status)
			}
		})
	})
	if expires > 0 {
		p.after(time.Duration(expires)*time.Second*9/10, p.register)
	}
}

// answer is the same request with the credentials that the challenge asks for.
func (p *phone) answer(r *stack.Request, challenge *stack.Response, cseq uint32) *stack.Request {
	again := r.Clone()
	again.Set("Via", p.branch())
	again.Set("CSeq", fmt.Sprint(cseq, " ", r.Method))
	if err := siptest.Digest(p.name, p.password)(again, challenge); err != nil {
		p.w.wrong("%s: %v", p.name, err)
	}
	return again
}

// reply answers a request and remembers the answer for its repetitions.
func (p *phone) reply(r *stack.Request, status int, tag string, change func(*stack.Response)) []byte {
	resp := stack.NewResponse(r, status, "")
	if tag != "" && r.To().Tag() == "" {
		resp.SetTo(r.To().WithTag(tag))
	}
	if change != nil {
		change(resp)
	}
	b := p.bytes(resp)
	p.servers[branchOf(r.Get("Via"))+" "+r.Method] = b
	p.send(b)
	return b
}

// request handles a request of the switch.
func (p *phone) request(r *stack.Request) {
	if b := p.servers[branchOf(r.Get("Via"))+" "+r.Method]; b != nil && r.Method != "ACK" {
		p.send(b)
		return
	}
	c := p.find(r)
	switch {
	case r.Method == "ACK":
		if c != nil {
			c.acked(r)
		}
	case r.Method == "CANCEL":
		if c = p.byBranch(r); c != nil {
			c.cancelled(r)
			return
		}
		p.reply(r, 481, "", nil)
	case c != nil:
		c.within(r)
	case r.Method == "INVITE" && r.To().Tag() == "":
		p.ring(r)
	case r.Method == "OPTIONS":
		p.reply(r, 200, "", nil)
	case r.Method == "NOTIFY" && p.notify != nil:
		p.notify(r)
	default:
		p.reply(r, 481, "", nil)
	}
}

// find gives the call that a request belongs to.
func (p *phone) find(r *stack.Request) *talk {
	for _, c := range p.talks {
		if c.life == p.life && c.callID == r.CallID() && (c.localTag == r.To().Tag() || r.Method == "ACK" && c.refused) {
			return c
		}
	}
	return nil
}

func (p *phone) byBranch(r *stack.Request) *talk {
	for _, c := range p.talks {
		if c.life == p.life && !c.out && branchOf(c.invite.Get("Via")) == branchOf(r.Get("Via")) {
			return c
		}
	}
	return nil
}
