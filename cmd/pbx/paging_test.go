package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// paged is a paging group of everybody.
func paged(change func(*provisioning.PagingGroup)) provisioning.PagingGroup {
	g := provisioning.PagingGroup{Number: "6500", Title: "全館", Members: []string{"2001", "2002", "2003", "2004", simWatcher}, Everyone: true}
	if change != nil {
		change(&g)
	}
	return g
}

// hears is a telephone that answers by itself.
func (o *stage) hears(p *siptest.Phone) side {
	o.t.Helper()
	in := p.Expect("INVITE")
	if !answersItself(in) {
		o.t.Errorf("%s is not asked to answer by itself:\n%s", p.Name, in.Get("From"))
	}
	return o.acked(side{p, in, p.Reply(in, 200, with(p, "0 8 101")), false})
}

// gone: what rings at a telephone is taken back.
func (o *stage) gone(p *siptest.Phone, in *stack.Request) {
	o.t.Helper()
	p.Reply(p.Expect("CANCEL"), 200, nil)
	p.Reply(in, 487, nil)
	p.Expect("ACK")
}

// audience is who is in announcements, and how, by telephone.
func (o *stage) audience() string {
	o.air.mu.Lock()
	defer o.air.mu.Unlock()
	var out []string
	for _, b := range o.air.bridges {
		for _, e := range b.members {
			if b.room {
				number := 2001 + int(e.agreed.Remote.Addr().As4()[3]) - 21
				out = append(out, fmt.Sprint(number, " ", map[media.Gate]string{media.GateTalk: "talks", media.GateListen: "listens", media.GateNone: "waits", media.GateBoth: "both"}[b.gates[e]]))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// pages compares the records of members, each as "from > to answered-by status by".
func (o *stage) pages(want ...string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var got []string
	for _, c := range o.paged {
		got = append(got, fmt.Sprintf("%s > %s %s %d by %s", c.From, c.To, c.AnsweredBy, c.Cause.Status, c.EndedBy))
		if !slices.ContainsFunc(o.cdrs, func(p call.CDR) bool { return p.ID == c.Page }) {
			o.t.Errorf("%s is of no announcement", c.ID)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		o.t.Errorf("records of members\n%q\nwant\n%q", got, want)
	}
	if n := o.p.pages.Len(); n != 0 {
		o.t.Errorf("%d announcements are left", n)
	}
}

// Everybody is rung but who speaks: one telephone answers by itself, one is busy, one rings until it is over. After a while a tone, and one is heard;
// the telephones show who speaks, and for how many.
func TestPage(t *testing.T) {
	onStage(t, "page", func(o *stage) {
		alice, bob, carol, dave := o.phones["2001"], o.phones["2002"], o.phones["2003"], o.phones["2004"]
		a := o.script(alice, "6500")
		b := o.hears(bob)
		if from := b.invite.From(); from.URI.User != "2001" || from.Display != "全館 Ext 0" {
			t.Errorf("the telephone shows %v", from)
		}
		no := carol.Expect("INVITE")
		carol.Reply(no, 486, nil)
		carol.Expect("ACK")
		rings := dave.Expect("INVITE")
		dave.Reply(rings, 180, nil)
		o.wait(4 * time.Second)
		if got := o.audience(); got != "2001 waits, 2002 listens" {
			t.Errorf("while it may still be answered: %s", got)
		}
		o.wait(4 * time.Second)
		if got := o.audience(); got != "2001 talks, 2002 listens" {
			t.Errorf("while somebody speaks: %s", got)
		}
		for _, s := range o.p.calls.Snapshots(simDomain) {
			if s.Script != "page:6500" && (s.Page == "" || s.From != "2001" || s.To != "6500") {
				t.Errorf("%+v", s)
			}
		}
		a.do("BYE", 200, nil)
		b.hungUp()
		o.gone(dave, rings)
		o.records("2001 > 6500 page:6500 200 OK by caller")
		o.pages("2001 > 6500 2002 200 by switch", "2001 > 6500  486 by switch", "2001 > 6500  480 by switch")
	}, paged(nil))
}

// All have answered: nobody waits any longer. Who hangs up leaves alone; with the last one it ends. What the group announces is heard by all.
func TestPageWithoutWaiting(t *testing.T) {
	onStage(t, "", func(o *stage) {
		a := o.script(o.phones["2001"], "*566500")
		b, d := o.hears(o.phones["2002"]), o.hears(o.phones["2004"])
		o.wait(3 * time.Second)
		if got := o.audience(); got != "2001 talks, 2002 listens, 2004 listens" {
			t.Errorf("all are there: %s", got)
		}
		if got := o.library.heard(); got != "greeting/disaster greeting/disaster greeting/disaster" {
			t.Errorf("heard %q", got)
		}
		o.wait(40 * time.Second)
		b.do("BYE", 200, nil)
		o.wait(time.Second)
		if got := o.audience(); got != "2001 talks, 2004 listens" {
			t.Errorf("one has hung up: %s", got)
		}
		d.do("BYE", 200, nil)
		a.hungUp()
		o.records("2001 > 6500 page:6500 200 Normal call clearing by switch")
		o.pages("2001 > 6500 2002 200 by called", "2001 > 6500 2004 200 by called")
	}, paged(func(g *provisioning.PagingGroup) {
		g.Members, g.Announce = []string{"2002", "2004"}, "greeting/disaster"
	}))
}

// It lasts as long as it may, also where the telephones of members send nothing, and those of who speaks.
func TestPageLasts(t *testing.T) {
	onStage(t, "", func(o *stage) {
		a := o.script(o.phones["2001"], "6500")
		o.air.speak(netip.AddrPortFrom(o.phones["2002"].Addr.Addr(), 4000), false)
		b := o.hears(o.phones["2002"])
		o.wait(39 * time.Second)
		if got := o.audience(); got != "2001 talks, 2002 listens" {
			t.Errorf("before its time: %s", got)
		}
		a.hungUp()
		b.hungUp()
		o.records("2001 > 6500 page:6500 200 Normal call clearing by switch")
		o.pages("2001 > 6500 2002 200 by switch")
	}, paged(func(g *provisioning.PagingGroup) { g.Members, g.Seconds = []string{"2002"}, 40 }))
}

// Whoever is not to be disturbed, talks, has calls sent elsewhere or no telephone is not even rung; and who would speak to nobody hears so.
func TestPageLeavesAlone(t *testing.T) {
	onStage(t, "", func(o *stage) {
		c, d := o.talk(o.phones["2002"], o.phones["2004"], "2004")
		o.ends(o.script(o.phones["2001"], "6500"), 1)
		c.bye(d)
		if got := o.library.heard(); got != "call/unavailable" {
			t.Errorf("heard %q", got)
		}
		if m, ok := o.phones["2003"].Read(time.Second); ok {
			t.Errorf("2003 got %s", m)
		}
		s := o.p.pages.Stats()
		if s.Alone.Load() != 4 || s.Begun.Load() != 1 {
			t.Errorf("%d were left alone, %d announcements", s.Alone.Load(), s.Begun.Load())
		}
		o.pages()
	}, paged(nil), provisioning.Settings{Extension: "2003", DoNotDisturb: true})
}

// Two speak to one group: the second hears that it is busy, and nobody is rung for it. Who is called while it listens is, as at any time; and may
// call itself, above all for help.
func TestPageOfTwo(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob, dave := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		a := o.script(alice, "6500")
		b := o.hears(bob)
		o.wait(2 * time.Second)
		o.ends(o.script(dave, "6500"), 1)
		if got := o.library.heard(); got != "call/busy" {
			t.Errorf("heard %q", got)
		}
		out := o.invite(dave, "2002", nil)
		in := bob.Expect("INVITE")
		if answersItself(in) {
			t.Error("an ordinary call asks to be answered by itself")
		}
		bob.Reply(in, 486, nil)
		bob.Expect("ACK")
		dave.Ack(out, dave.ExpectStatus(486, "INVITE"))
		help := o.invite(bob, "119", nil)
		in = o.carrier.Expect("INVITE")
		h := o.acked(side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false})
		e := side{bob, help, bob.ExpectStatus(200, "INVITE"), true}
		bob.Ack(help, e.resp)
		o.wait(time.Second)
		if got := o.audience(); got != "2001 talks, 2002 listens" {
			t.Errorf("while one of them calls for help: %s", got)
		}
		h.bye(e)
		a.do("BYE", 200, nil)
		b.hungUp()
		o.pages("2001 > 6500 2002 200 by switch")
	}, paged(func(g *provisioning.PagingGroup) { g.Members = []string{"2002"} }))
}

// The lamp of a member is lit while it hears, and shows who speaks.
func TestPageLamp(t *testing.T) {
	onStage(t, "", func(o *stage) {
		panel := o.panelOn("2002")
		a := o.script(o.phones["2001"], "6500")
		in := o.phones["2002"].Expect("INVITE")
		lampOf(t, panel, "trying")
		o.phones["2002"].Reply(in, 180, nil)
		o.wait(time.Second)
		lampOf(t, panel, "early")
		b := o.acked(side{o.phones["2002"], in, o.phones["2002"].Reply(in, 200, with(o.phones["2002"], "0 8 101")), false})
		if d := lampOf(t, panel, "confirmed"); !strings.Contains(d[0].Remote.Identity.URI, "2001@") {
			t.Errorf("the lamp shows %+v", d[0].Remote)
		}
		o.wait(4 * time.Second)
		a.do("BYE", 200, nil)
		b.hungUp()
		lampOf(t, panel, "terminated")
		lampOf(t, panel, "")
		o.wait(52 * time.Second)
		lampOf(t, panel, "") // the subscription runs out
		if n := o.p.signalling.events.lamps.lit(); n != 0 {
			t.Errorf("%d lamps stay lit", n)
		}
	}, paged(func(g *provisioning.PagingGroup) { g.Members = []string{"2002"} }))
}

// Nobody is sent to where others are spoken to: not by REFER, blind or attended, not by click-to-call, not from outside; and who is not named hears that
// it may not.
func TestPageIsForTheOwnTelephone(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, dave := o.phones["2001"], o.phones["2004"]
		r := o.carrier.NewRequest("INVITE", simPlain)
		r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81300000000", Host: "carrier.example"}}.WithTag("c"))
		o.carrier.Send(r)
		in := dave.Expect("INVITE")
		d := o.acked(side{dave, in, dave.Reply(in, 200, with(dave, "0 8 101")), false})
		c := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
		o.carrier.Ack(r, c.resp)
		o.wait(time.Second)
		dave.Send(d.referral("sip:6500@" + simDomain))
		dave.ExpectStatus(403, "REFER")
		if _, err := o.p.origins.begin(wish{domain: simDomain, first: "2001", to: "6500"}); err == nil {
			t.Error("click-to-call lets somebody speak")
		}
		p := o.script(dave, "6500")
		a := o.hears(alice)
		o.wait(2 * time.Second)
		dave.Send(d.referral("sip:6500@" + simDomain + "?Replaces=" + p.named()))
		dave.ExpectStatus(202, "REFER")
		var got []string
		for range 2 { // the announcement goes on, and the outside caller waits
			m, ok := dave.Read(siptest.Patience)
			if !ok {
				t.Fatalf("2004: nothing after %q", got)
			}
			dave.Reply(m.Request, 200, nil)
			got = append(got, strings.TrimSpace(m.Request.Method+" "+string(m.Request.Body)))
		}
		slices.Sort(got)
		if want := []string{"NOTIFY SIP/2.0 100 Trying", "NOTIFY SIP/2.0 480 Temporarily Unavailable"}; !slices.Equal(got, want) {
			t.Errorf("2004 got %q, want %q", got, want)
		}
		if got := o.audience(); got != "2001 listens, 2004 talks" {
			t.Errorf("in the announcement: %s", got)
		}
		p.do("BYE", 200, nil)
		a.hungUp()
		d.bye(c)
		out := o.invite(alice, "6500", nil)
		alice.ExpectStatus(183, "INVITE")
		alice.Ack(out, alice.ExpectStatus(403, "INVITE"))
		if said := o.library.heard(); said != "call/barred" {
			t.Errorf("heard %q", said)
		}
		o.carrier.Send(o.carrier.NewRequest("INVITE", "6500"))
		o.carrier.ExpectStatus(404, "INVITE")
	}, paged(func(g *provisioning.PagingGroup) {
		g.Members, g.Callers, g.Everyone = []string{"2001"}, []string{"2004"}, false
	}),
		provisioning.DID{Number: simPlain, To: []string{"2004"}})
}
