package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// hands are the stage's phones, acting by themselves: what a play says is who calls whom and who does what, and not which message follows which.
type hands struct {
	*stage
	lanes []string
	who   map[string]*siptest.Phone
	rule  map[string]string // by phone, what it does when it rings: answers at once; rings, busy, or to:NUMBER for a redirection
	grips []*grip
	seen  int // recordings before this play
	from  time.Time
}

// grip is one dialog of a phone.
type grip struct {
	side
	name     string
	tag      string
	again    *stack.Request // its own re-INVITE
	up, over bool
	status   int
}

func newHands(o *stage) *hands {
	h := &hands{stage: o, who: map[string]*siptest.Phone{"carrier": o.carrier}, lanes: []string{"carrier", simWatcher, "2001", "2002", "2003", "2004"}}
	for name, p := range o.phones {
		h.who[name] = p
	}
	o.lucky = true
	p := o.net.Phone(o.t, simWatcher, netip.MustParseAddrPort("192.0.2.29:5060"), o.proxy)
	p.Domain, p.Auth = simDomain, siptest.Digest(simWatcher, "secret-"+simWatcher)
	p.Register(3600)
	h.who[simWatcher] = p
	o.air.speak(netip.AddrPortFrom(p.Addr.Addr(), 4000), true)
	return h
}

// dial calls a number.
func (h *hands) dial(from, number string) *grip {
	return h.ask(from, number, nil)
}

func (h *hands) ask(from, number string, change func(*stack.Request)) *grip {
	p := h.who[from]
	r := p.NewRequest("INVITE", number)
	r.SetBody("application/sdp", description(p, "0 8 101"))
	if from == "carrier" {
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag(r.From().Tag()))
	}
	if change != nil {
		change(r)
	}
	g := &grip{side: side{p, r, nil, true}, name: from}
	h.grips = append(h.grips, g)
	p.Send(r)
	return g
}

// run lets time pass.
func (h *hands) run(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, name := range h.lanes {
			for {
				m, ok := h.who[name].Read(20 * time.Millisecond)
				if !ok {
					break
				}
				switch {
				case m.Request != nil:
					h.request(name, m.Request)
				case m.Response != nil:
					h.response(name, m.Response)
				}
			}
		}
	}
}

func (h *hands) request(name string, r *stack.Request) {
	p := h.who[name]
	r.Flow = nil
	g := h.named(name, r.CallID())
	switch {
	case r.Method == "ACK":
	case r.Method == "INVITE" && r.To().Tag() == "":
		if g == nil { // else a repetition
			h.rung(name, r)
		}
	case r.Method == "INVITE":
		p.Reply(r, 200, with(p, "0 8 101"))
	case r.Method == "CANCEL":
		p.Reply(r, 200, nil)
		if g != nil && !g.up && !g.over {
			h.reply(g, 487)
		}
	default:
		p.Reply(r, 200, nil)
		if r.Method == "BYE" && g != nil {
			g.over = true
		}
	}
}

func (h *hands) rung(name string, r *stack.Request) {
	g := &grip{side: side{h.who[name], r, nil, false}, name: name, tag: fmt.Sprint("h", len(h.grips))}
	h.grips = append(h.grips, g)
	rule := h.rule[name]
	to, moved := strings.CutPrefix(rule, "to:")
	switch {
	case moved:
		g.p.Reply(r, 302, func(resp *stack.Response) {
			resp.SetTo(resp.To().WithTag(g.tag))
			resp.SetContact(sip.Address{URI: sip.URI{Scheme: "sip", User: to, Host: simDomain}})
		})
		g.over = true
	case rule == "busy":
		h.reply(g, 486)
	case rule == "rings":
		h.reply(g, 180)
	default:
		h.reply(g, 200)
	}
}

// reply answers the INVITE of a phone that was called.
func (h *hands) reply(g *grip, status int) {
	g.resp = g.p.Reply(g.invite, status, func(r *stack.Response) {
		r.SetTo(r.To().WithTag(g.tag))
		if status == 200 {
			r.SetBody("application/sdp", description(g.p, "0 8 101"))
		}
	})
	g.up, g.over = status == 200, status >= 300
}

func (h *hands) response(name string, r *stack.Response) {
	g := h.named(name, r.CallID())
	n, method := r.CSeq()
	if g == nil || method != "INVITE" || r.Status == 100 {
		return
	}
	if g.again != nil {
		if m, _ := g.again.CSeq(); m == n {
			g.p.Ack(g.again, r)
			return
		}
	}
	switch {
	case r.Status == 401:
		g.p.Ack(g.invite, r)
		g.invite = g.p.Again(g.invite)
		if err := g.p.Auth(g.invite, r); err != nil {
			h.t.Fatal(err)
		}
		g.p.Send(g.invite)
		return
	case r.Status >= 200:
		g.p.Ack(g.invite, r)
		g.up, g.over, g.status = r.Status < 300, r.Status >= 300, r.Status
	}
	if r.Status < 300 {
		g.resp = r
	}
}

// named is a phone's dialog of that Call-ID.
func (h *hands) named(name, id string) *grip {
	for _, g := range h.grips {
		if g.name == name && g.invite.CallID() == id {
			return g
		}
	}
	return nil
}

// at is the phone's latest dialog that is not over.
func (h *hands) at(name string) *grip {
	h.t.Helper()
	for _, g := range slices.Backward(h.grips) {
		if g.name == name && !g.over && g.resp != nil {
			return g
		}
	}
	h.t.Fatalf("%s has no call", name)
	return nil
}

// picks answers what rings at a phone.
func (h *hands) picks(name string) { h.reply(h.at(name), 200) }

// refer sends whom a phone talks with elsewhere.
func (h *hands) refer(name, number string) {
	g := h.at(name)
	g.p.Send(g.referral("sip:" + number + "@" + simDomain))
	h.run(8 * time.Second)
}

// consult calls a third one beside the call, after d completes the attended transfer.
func (h *hands) consult(name, number string, d time.Duration) {
	first := h.at(name)
	h.describes(first, "sendonly")
	second := h.dial(name, number)
	h.run(d)
	first.p.Send(first.referral("sip:" + number + "@" + simDomain + "?Replaces=" + second.named()))
	h.run(10 * time.Second)
}

// describes sends a re-INVITE.
func (h *hands) describes(g *grip, direction string) {
	g.again = g.request("INVITE")
	g.again.SetBody("application/sdp", []byte(strings.Replace(string(description(g.p, "0 8 101")), "a=sendrecv", "a="+direction, 1)))
	g.p.Send(g.again)
	h.run(time.Second)
}

// press sends keys by INFO.
func (h *hands) press(name, keys string) {
	g := h.at(name)
	for _, k := range keys {
		r := g.request("INFO")
		r.SetBody("application/dtmf-relay", []byte("Signal="+string(k)+"\r\nDuration=160\r\n"))
		g.p.Send(r)
		h.run(300 * time.Millisecond)
	}
}

// part ends everything.
func (h *hands) part() {
	for _, g := range h.grips {
		switch {
		case g.over:
		case g.up:
			g.p.Send(g.request("BYE"))
			g.over = true
		case g.out:
			g.p.Cancel(g.invite)
		default:
			h.reply(g, 480)
		}
	}
	h.run(6 * time.Second)
	for _, c := range h.p.calls.Snapshots(simDomain) {
		h.t.Errorf("a call is left: %+v", c)
		h.p.calls.Post(simDomain, c.ID, call.Hangup{Cause: sip.CauseNormal})
	}
	h.grips, h.rule = nil, map[string]string{}
}

// begin forgets what was before.
func (h *hands) begin() {
	h.tape.mu.Lock()
	h.seen = len(h.tape.recordings)
	h.tape.mu.Unlock()
	h.from, h.rule = time.Now(), map[string]string{}
}

// names of endpoints, by whose telephone they belong to.
func (h *hands) names(who []*simEndpoint) string {
	var out []string
	for _, e := range who {
		name := "?"
		for n, p := range h.who {
			if e.agreed != nil && e.agreed.Remote.Addr() == p.Addr.Addr() {
				name = n
			}
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// spells are the conversations since begin in the order in which they began, each with the recordings that have it: "2001 carrier @1". What one
// recording has only in part says so.
func (h *hands) spells() (out []string) {
	h.air.mu.Lock()
	defer h.air.mu.Unlock()
	h.tape.mu.Lock()
	defer h.tape.mu.Unlock()
	type told struct {
		at   time.Time
		line string
	}
	var all []told
	for _, b := range h.air.bridges {
		for _, s := range b.spells {
			if s.from.Before(h.from) {
				continue
			}
			line := h.names(s.who)
			for i, r := range h.tape.recordings[h.seen:] {
				for _, a := range b.attached {
					if a.r != r {
						continue
					}
					if whole, fault := a.covers(s); whole {
						line += fmt.Sprint(" @", i+1)
					} else if fault != "" {
						line += fmt.Sprint(" @", i+1, " ", fault)
					}
				}
			}
			all = append(all, told{s.from, line})
		}
	}
	slices.SortStableFunc(all, func(a, b told) int { return a.at.Compare(b.at) })
	for _, s := range all {
		out = append(out, s.line)
	}
	return slices.Compact(out)
}

// tapes are the recordings since begin: whose policy, who was told, who is heard in it, who listened, and how it belongs to other calls.
func (h *hands) tapes() (out []string) {
	h.tape.mu.Lock()
	defer h.tape.mu.Unlock()
	for i, r := range h.tape.recordings[h.seen:] {
		line := fmt.Sprintf("@%d %s", i+1, r.of.DID)
		if r.of.Notice != nil {
			line += " told " + r.of.Notice.Party
		}
		for _, n := range r.informed {
			line += "," + n.Party
		}
		var who []string
		for _, p := range append(slices.Clone(r.of.Parties), r.joined...) {
			if !slices.Contains(who, p.Number) {
				who = append(who, p.Number)
			}
		}
		line += " who " + strings.Join(who, ",")
		for _, l := range r.links {
			line += " " + l.How
		}
		if r.stops != 1 {
			line += fmt.Sprint(" stopped ", r.stops, " times")
		}
		out = append(out, line)
	}
	return out
}
