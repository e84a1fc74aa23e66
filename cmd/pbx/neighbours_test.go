package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/queue"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// people have telephones of their own, may pick up for each other, and a parking lot.
func (p *twins) people(numbers ...string) {
	p.t.Helper()
	for _, n := range numbers {
		p.a.put(provisioning.Extension{Number: n, AllowMD5: true, Media: "srtp-preferred", Pickup: "desk"})
		if _, known := p.a.p.first.Extensions[n]; known {
			continue
		}
		plain, sealed := secret.NewSIPSecret(n, p.a.p.config.Domain)
		err := (liveStore{p.a.p.store, p.a.p.directory, p.a.p.log}).Update(p.t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			return w.PutSecret(p.a.p.config.Domain, provisioning.SecretSIP, n, sealed.Encode())
		})
		if err != nil {
			p.t.Fatal(err)
		}
		p.a.p.first.Extensions[n] = plain
	}
	p.a.put(provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 2, Seconds: 60})
	if err := p.b.p.directory.WaitVersion(p.t.Context(), p.a.p.directory.Snapshot().Version()); err != nil {
		p.t.Fatal(err)
	}
}

// dials is the side of who calls and is answered at once.
func (p *twins) dials(x *siptest.Phone, number string, change func(*stack.Request)) side {
	p.t.Helper()
	r := callTo(x, number)
	if change != nil {
		change(r)
	}
	r = p.a.authorised(x, r)
	s := side{x, r, x.ExpectStatus(200, "INVITE"), true}
	x.Ack(r, s.resp)
	return s
}

// talk brings a call up.
func (p *twins) talk(from, to *siptest.Phone) (caller, called side) {
	p.t.Helper()
	r := p.a.authorised(from, callTo(from, to.Name))
	in := to.Expect("INVITE")
	answer := to.Reply(in, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(to.Addr.Addr())) })
	resp := from.ExpectStatus(200, "INVITE")
	from.Ack(r, resp)
	to.Expect("ACK")
	return side{from, r, resp, true}, side{to, in, answer, false}
}

// TestTwoNodesShareCalls: the calls of one switch are on the lamps of the other, who rings or is parked there is taken from here, and who has a call there makes
// the next one there, to join the two.
func TestTwoNodesShareCalls(t *testing.T) {
	t.Parallel()
	p := newTwins(t)
	p.people("2001", "2002", "2003", "2004")
	alice, bob, dave := p.phone(p.a, "2001"), p.phone(p.b, "2002"), p.phone(p.b, "2004")
	p.has(p.a, "2002", "b")
	p.has(p.a, "2004", "b")

	c, d := p.pickUp(bob, dave, func() side {
		until(t, "a knows who rings", func() bool { return p.a.p.signalling.afar.occupied(p.a.p.config.Domain, "2002") })
		return p.dials(alice, "*8", nil)
	})
	c.bye(d)

	p.rest()
	carol := p.panel(p.a, "2003", "2002")
	b, other := p.talk(bob, dave) // at b, by nothing of a's
	lights(t, carol, "confirmed")
	if !p.a.p.signalling.present().Busy(p.a.p.config.Domain, "2002") {
		t.Error("2002 is not busy for the other switch")
	}
	b.bye(other)
	lights(t, carol, "")
	c, d = p.pickUp(bob, dave, func() side {
		d := lights(t, carol, "early")[0]
		return p.dials(carol, "2002", func(r *stack.Request) {
			r.Set("Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", d.CallID, d.RemoteTag, d.LocalTag))
		})
	})
	lights(t, carol, "")
	c.bye(d)
	p.park(carol, bob, dave)
	p.joins(alice, bob, dave)
	p.borrows(alice, bob, carol, dave)
	p.meet(alice, dave)
	until(t, "nothing is left at either switch", func() bool {
		return p.a.p.calls.Len()+p.b.p.calls.Len()+p.a.p.signalling.events.lamps.lit()+p.b.p.signalling.events.lamps.lit() == 0
	})
	p.death(carol, bob, dave)
}

// rest waits until no call is left at either switch, or shown by it: who still talks for the other one has the next call there.
func (p *twins) rest() {
	p.t.Helper()
	until(p.t, "nothing is left at either switch", func() bool {
		left := 0
		for _, l := range []*lab{p.a, p.b} {
			left += l.p.calls.Len() + len(l.p.signalling.afar.of("")) + l.p.signalling.events.lamps.lit()
		}
		return left == 0
	})
}

// pickUp: dave calls bob at b, and the call is taken at a.
func (p *twins) pickUp(bob, dave *siptest.Phone, take func() side) (taker, caller side) {
	p.t.Helper()
	r := p.a.authorised(dave, callTo(dave, "2002"))
	in := bob.Expect("INVITE")
	bob.Reply(in, 180, nil)
	dave.ExpectStatus(180, "INVITE")
	taker = take()
	calledOff(bob, in)
	caller = side{dave, r, dave.ExpectStatus(200, "INVITE"), true}
	dave.Ack(r, caller.resp)
	if p.a.p.calls.Len() != 0 || p.b.p.calls.Len() != 1 {
		p.t.Errorf("%d calls at a, %d at b", p.a.p.calls.Len(), p.b.p.calls.Len())
	}
	return taker, caller
}

// park: bob parks dave at b, and carol fetches him at a.
func (p *twins) park(carol, bob, dave *siptest.Phone) {
	p.t.Helper()
	b, d := p.talk(bob, dave)
	lights(p.t, carol, "confirmed")
	b.hold()
	b.refer("sip:700@" + p.a.p.config.Domain)
	b.notified("200 OK")
	b.hungUp()
	lights(p.t, carol, "")
	until(p.t, "a knows who is parked", func() bool { return p.a.p.signalling.afar.slot(p.a.p.config.Domain, "701") == "b" })
	lot := provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 2}
	if slot, ok := p.a.p.signalling.parks.Take(p.a.p.config.Domain, lot, "", "2001", "another", false); !ok || slot != "702" {
		p.t.Errorf("the next one is parked in %q, %v", slot, ok)
	}
	p.a.p.signalling.parks.Changed(&call.Snapshot{ID: "another", Over: true})
	c := p.dials(carol, "701", nil)
	c.bye(d)
	until(p.t, "the slot is free", func() bool { return p.a.p.signalling.afar.slot(p.a.p.config.Domain, "701") == "" })
}

// joins: alice, at a, has called bob, at b, who asks dave and joins the two.
func (p *twins) joins(alice, bob, dave *siptest.Phone) {
	p.t.Helper()
	a, b := p.talk(alice, bob)
	until(p.t, "b knows of it", func() bool { return p.b.p.signalling.afar.talks(p.a.p.config.Domain, "2002") == "a" })
	req := stack.NewRequest("INVITE", sip.URI{Scheme: "sip"})
	listen := p.b.p.directory.Snapshot().FeatureCodes(p.a.p.config.Domain).CodeOf(provisioning.FeatureListen)
	if node := p.b.p.signalling.elsewhere(req, route.Request{Domain: p.a.p.config.Domain, Extension: "2003", Dialled: listen + "2001"}); node != "a" {
		p.t.Errorf("who hears alice is led to %q", node)
	}
	b.hold()
	out, d := p.talk(bob, dave)
	until(p.t, "both calls are at a", func() bool { return p.a.p.calls.Len() == 2 && p.b.p.calls.Len() == 0 })
	bob.Send(b.referral("sip:2004@" + p.a.p.config.Domain + "?Replaces=" + out.named()))
	took, joined, over := false, false, 0
	for !took || !joined || over < 2 { // two dialogs, in no order
		m, ok := bob.Read(10 * time.Second)
		switch {
		case !ok:
			p.t.Fatalf("taken %v, joined %v, %d dialogs over", took, joined, over)
		case m.Response != nil:
			took = took || m.Response.Status == 202
			continue
		case m.Request.Method == "BYE":
			over++
		case m.Request.Method == "NOTIFY":
			joined = joined || strings.Contains(string(m.Request.Body), "200 OK")
		}
		bob.Reply(m.Request, 200, nil)
	}
	a.bye(d)
}

// meet: who dials a room is with who is there already.
func (p *twins) meet(alice, dave *siptest.Phone) {
	p.t.Helper()
	p.sets(provisioning.Conference{Number: "8000"})
	sides := []side{p.dials(alice, "8000", nil)}
	until(p.t, "b knows of it", func() bool { return p.b.p.signalling.meets(p.a.p.config.Domain, "8000") == "a" })
	sides = append(sides, p.dials(dave, "8000", nil))
	until(p.t, "both are at a", func() bool { return p.a.p.calls.Len() == 2 && p.b.p.calls.Len() == 0 })
	begun := time.Now()
	for _, s := range sides {
		s.do("BYE", 200, nil)
	}
	until(p.t, "it was seen that alice had a call", func() bool {
		return !p.b.p.signalling.present().IdleSince(p.a.p.config.Domain, "2001").Before(begun)
	})
}

// borrows: dave, who talks at a, begins another call there by the Call-ID of bob's, as the lamp shows it: what b writes into the answer would let him speak in
// bob's dialog.
func (p *twins) borrows(alice, bob, carol, dave *siptest.Phone) {
	p.t.Helper()
	a, b := p.talk(alice, bob)
	lights(p.t, carol, "confirmed")
	c, d := p.talk(carol, dave)
	until(p.t, "b knows of dave's call", func() bool { return p.b.p.signalling.afar.talks(p.a.p.config.Domain, "2004") == "a" })
	r := callTo(dave, "2001")
	r.Set("Call-ID", b.invite.CallID())
	r = p.a.authorised(dave, r)
	resp := dave.ExpectStatus(400, "INVITE")
	dave.Ack(r, resp)
	if resp.Has("Record-Route") {
		p.t.Errorf("he is told %s", resp.Get("Record-Route"))
	}
	c.bye(d)
	a.bye(b)
	lights(p.t, carol, "")
}

// death: what a dead switch showed is shown no more.
func (p *twins) death(carol, bob, dave *siptest.Phone) {
	p.t.Helper()
	p.talk(bob, dave)
	lights(p.t, carol, "confirmed")
	if err := p.b.p.nodes.Close(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	lights(p.t, carol, "")
}

// panel is a telephone at one of them that watches a lamp, which is dark.
func (p *twins) panel(l *lab, number, watched string) *siptest.Phone {
	p.t.Helper()
	x := p.phone(l, number)
	r := x.NewRequest("SUBSCRIBE", watched)
	r.Set("Event", "dialog")
	r.Set("Expires", "600")
	if _, resp := x.Do(r); resp.Status != 200 {
		p.t.Fatalf("SUBSCRIBE: %d", resp.Status)
	}
	lampOf(p.t, x, "")
	return x
}

// lights waits until a lamp shows these states: what comes before may come together, or one after the other.
func lights(t *testing.T, x *siptest.Phone, want string) []shownDialog {
	t.Helper()
	for {
		r := x.Expect("NOTIFY")
		x.Reply(r, 200, nil)
		if states, list := dialogsIn(t, r); states == want {
			return list
		}
	}
}

// TestTwoNodesShareQueues: an agent whose telephone is at one switch gets the callers who wait at either, both switches show the same, and who waits when the
// switch that decides goes is served by the other.
func TestTwoNodesShareQueues(t *testing.T) {
	t.Parallel()
	p := newTwins(t)
	p.people("2001", "2002", "2004")
	domain := p.a.p.config.Domain
	p.sets(provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2002"}}}, provisioning.Agent{Number: "2002", SignedIn: true})
	alice, bob, dave := p.phone(p.a, "2001"), p.phone(p.b, "2002"), p.phone(p.b, "2004")
	p.has(p.a, "2002", "b")
	bobs := queue.Key{Domain: domain, Number: "2002"}
	state := func(want queue.State) {
		t.Helper()
		for _, l := range []*lab{p.a, p.b} {
			until(t, fmt.Sprintf("2002 is %s at %s", want, l.p.config.Node), func() bool { return l.p.queues.View().Agents[bobs].State == want })
		}
	}
	state(queue.Ready)
	if p.a.p.queues.here() == nil || p.b.p.queues.here() != nil {
		t.Error("it is not the first one alone that decides")
	}
	for _, x := range []*siptest.Phone{alice, dave} {
		caller := p.dials(x, "7001", nil)
		agent := p.answers(bob)
		state(queue.Talking)
		caller.bye(agent)
		state(queue.Ready)
	}
	until(t, "both visits", func() bool { return p.visits() == 2 })

	p.sets(provisioning.Agent{Number: "2002", SignedIn: true, Paused: "lunch"})
	state(queue.Paused)
	caller := p.dials(dave, "7001", nil)
	line := queue.Key{Domain: domain, Number: "7001"}
	until(t, "a knows who waits at b, and b where", func() bool {
		place, ok := p.b.p.queues.Place(string(p.b.p.calls.Snapshots("")[0].ID))
		return p.a.p.queues.View().Queues[line].Waiting == 1 && ok && place.Position == 1
	})
	if err := p.a.p.nodes.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "b decides", func() bool { return p.b.p.queues.here() != nil && p.b.p.queues.View().Queues[line].Waiting == 1 })
	p.sets(provisioning.Agent{Number: "2002", SignedIn: true})
	caller.bye(p.answers(bob))
	until(t, "the third visit", func() bool { return p.visits() == 3 })
}

// pretends: who is no node tells a switch of calls, as itself and as a telephone that has proved itself. Nobody listens, and it is heard no more than any stranger.
func (p *twins) pretends(x *siptest.Phone) {
	p.t.Helper()
	plain, err := json.Marshal(map[string]any{"set": map[string]any{kindCall + "/x": call.Snapshot{ID: "x", Domain: x.Domain, Parties: []call.PartySnapshot{{Extension: "2001"}}}}})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, body := range [][]byte{plain, make([]byte, 12_000), nil} {
		r := x.NewRequest("PUBLISH", nodeUser)
		r.Set("Event", nodeEvent)
		r.SetBody(nodeType, body)
		if _, resp := x.Do(r); resp.Status != 403 {
			p.t.Errorf("who is no node gets %d", resp.Status)
		}
	}
	if p.a.p.signalling.afar.occupied(x.Domain, "2001") {
		p.t.Error("a telephone is busy by a stranger's word")
	}
}

// sets puts entities at a, and returns when b sees them too.
func (p *twins) sets(entities ...provisioning.Entity) {
	p.t.Helper()
	p.a.put(entities...)
	if err := p.b.p.directory.WaitVersion(p.t.Context(), p.a.p.directory.Snapshot().Version()); err != nil {
		p.t.Fatal(err)
	}
}

// answers is the side of whose telephone is rung.
func (p *twins) answers(x *siptest.Phone) side {
	p.t.Helper()
	in := x.Expect("INVITE")
	answer := x.Reply(in, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(x.Addr.Addr())) })
	x.Expect("ACK")
	return side{x, in, answer, false}
}

// visits of the queue, as stored.
func (p *twins) visits() (n int) {
	p.t.Helper()
	if err := p.b.p.store.View(p.t.Context(), func(r provisioning.Reader) error {
		rows, err := r.Visits(p.a.p.config.Domain, provisioning.LogQuery{From: time.Now().Add(-time.Hour)})
		n = len(rows)
		return err
	}); err != nil {
		p.t.Log(err)
	}
	return n
}

// TestTwoNodesShareLimits: what an extension has under way or has spent at one switch counts at the other, and the channels of a trunk are those of both.
func TestTwoNodesShareLimits(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	d, now := twoDomains(t), time.Now()
	p := newPurse(d, auditQueue(1), newAlarms(log, time.Now), noLedger{}, time.Now, log)
	n := newNeighbours("start", nil, nil, p.follow, log)
	p.afar, n.on[kindSpent] = n, p.learn
	ways := health.New(time.Now, func(int) int { return 0 }, log)
	ways.Elsewhere(n.channels)
	payer, trunk := limit.Payer{Domain: "a.example", Extension: "2001"}, health.Key{Domain: "a.example", Trunk: "ntt"}
	charge := route.Charge{Extension: "2001", Class: provisioning.ClassInternational, E164: "4930"}
	says := func(key string, x any) {
		t.Helper()
		var text []byte
		if x != nil {
			var err error
			if text, err = json.Marshal(x); err != nil {
				t.Fatal(err)
			}
		}
		n.learn("b", key, text)
	}
	used := func(what string, calls, foreign, channels int, cost int64) {
		t.Helper()
		u, _ := p.book.State(payer)
		if got := n.channels(trunk); u.Calls != calls || u.Foreign != foreign || got != channels || u.Cost != cost {
			t.Errorf("%s: %+v, %d channels", what, u, got)
		}
	}
	c := call.Snapshot{ID: "x", Domain: "a.example", Started: now, Charge: charge, Parties: []call.PartySnapshot{{Extension: "2001"}, {Trunk: "ntt"}}}
	says("call/x", c)
	c.Phase = call.Ringing
	says("call/x", c)
	used("it rings there", 1, 1, 1, 0)
	if _, err := ways.Start(trunk, health.Limits{Calls: 1}, "sip:x", false); !errors.Is(err, health.ErrChannels) {
		t.Errorf("the only channel is used there: %v", err)
	}
	says("call/x", nil)
	used("it is over", 0, 0, 0, 0)
	if _, err := ways.Start(trunk, health.Limits{Calls: 1}, "sip:x", false); err != nil {
		t.Errorf("the channel is free: %v", err)
	}
	for range 2 { // said again after a loss
		says("spent/x", spent{payer, true, now, now, now, 5000})
		says("spent/x", nil)
	}
	used("what it came to", 0, 1, 0, 5000)
	p.Enter(call.CDR{ID: "y", Domain: "a.example", Charge: charge, Started: now, Ended: now})
	p.Enter(call.CDR{ID: "z", Domain: "a.example", Started: now, Ended: now})
	if len(p.said) != 1 || p.said[0].id != "y" {
		t.Errorf("others are told of %v", p.said)
	}
}
