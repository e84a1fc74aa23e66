package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/sip/stack"
)

// officeMust are the things without which a run of many histories shows nothing.
var officeMust = []string{"parked", "fetched", "signed in at a desk", "heard", "mode changed", "code while talking", "answered by itself", "asked to be called back",
	"began by itself", "queued", "served by an agent", "place kept", "recorded", "changed by an administrator", "outage", "picked up", "gone to a mailbox", "key turned"}

// happened counts. Called with mu held.
func (w *world) happened(what string) { w.office.did[what]++ }

func pick[T any](p *phone, list ...T) T { return list[p.dice.IntN(len(list))] }

// business is something that happens in an office.
func (w *world) business() {
	w.mu.Lock()
	p := w.phones[w.dice.IntN(len(w.phones))]
	c := w.some(func(c *talk) bool { return c.state == up })
	action := w.dice.IntN(100)
	switch {
	case p.silent && action < 82: // nobody is there
	case action < 14:
		p.call(pick(p, "2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "6001", "6002", "6003", "6004", "6005", "7001", "7002", "7003", "8000", "8001",
			simRecorded, simAnswered, "0312345678", "09011112222", simPremium, simEmergency, "999")).idle()
	case action < 30:
		w.carrier.call(pick(w.carrier, simRecorded, simRecorded, simRecorded, simAnswered, simStrict, simPlain, simPlain, officeFound, officeRoom, officeBox)).waits()
	case action < 34: // somebody with power over others, or without a place
		w.phones[pick(p, 2, 5, 6)].code()
	case action < 46:
		p.code()
	case action < 52 && c != nil:
		c.press(pick(c.p, "##2003#", "##6001#", "##0312345678#", "##700#", "##999#", "###", "#72", "#72", "1", "11", "5", "*6", "2001#", "##2", "#"))
	case action < 58 && c != nil:
		c.parks = c.p.one(2)
		c.other("REFER")
		if c.parks && !p.one(3) {
			p.after(2*time.Second+p.chance(12*time.Second), func() { p.call(pick(p, "701", "701", "702")) })
		}
		c.parks = false
	case action < 63:
		p.call(pick(p, "701", "702", "701", "*8", "**2001", "**2004", "**2005", "*70", "700")).idle()
	case action < 66 && c != nil:
		c.bye()
	case action < 70 && c != nil:
		c.reinvite(!c.holding, c.p.one(2))
	case action < 73:
		if c := w.some(func(c *talk) bool { return c.out && c.state == calling }); c != nil {
			c.giveUp()
		}
	case action < 75 && c != nil:
		c.other(pick(c.p, "UPDATE", "INFO"))
	case action < 77:
		p.restart()
	case action < 79:
		p.outage(10*time.Second + p.chance(50*time.Second))
	case action < 81:
		p.register()
	case action < 82:
		p.garbage()
	}
	w.mu.Unlock()
	switch {
	case action >= 95:
		w.byREST()
	case action >= 91:
		w.click()
	case action >= 82:
		w.administer()
	}
}

// code dials what makes the switch do something, and presses what it asks for.
func (p *phone) code() {
	if p.silent {
		return
	}
	who, sits := pick(p, "2001", "2002", "2004", "2005", "2008"), pick(p, "2001", "2002", "2005", "2008")
	dial, keys := pick(p, [2]string{"*37" + who}, [2]string{"*37"}, [2]string{"*38"}, [2]string{"*55" + who}, [2]string{"*55" + who}, [2]string{"*34"}, [2]string{"*35", officePIN + "#"}, [2]string{"*28" + officeKey}, [2]string{"*28" + officeKey},
		[2]string{"*72" + who}, [2]string{"*73"}, [2]string{"*73"}, [2]string{"*90" + who}, [2]string{"*91"}, [2]string{"*92" + who}, [2]string{"*93"}, [2]string{"*78"}, [2]string{"*79"}, [2]string{"*79"},
		[2]string{"*45"}, [2]string{"*45"}, [2]string{"*46"}, [2]string{"*47"}, [2]string{"*8"}, [2]string{"**" + who}, [2]string{"*70"}, [2]string{"*33" + "09011112222", officePIN + "#"},
		[2]string{"*97", officePIN + "#1"}, [2]string{"*962005"}, [2]string{"*966001"}, [2]string{"*31" + sits, officePIN + "#"}, [2]string{"*43"}, [2]string{"*69", "1"}), ""
	switch {
	case p.name == officeBoss && p.dice.IntN(4) > 0: // listens where somebody talks
		whom := pick(p, "2001", "2002", "2004")
		if c := p.w.some(func(c *talk) bool {
			return c.state == up && (c.p.name == "2001" || c.p.name == "2002" || c.p.name == "2004")
		}); c != nil {
			whom = c.p.name
		}
		dial = [2]string{pick(p, "*51", "*52", "*53") + whom, pick(p, "", "5", "64", "456", "9")}
	case (p.name == "2001" || p.name == officeBoss) && p.one(6):
		dial = [2]string{"*28" + officeKey}
	case (p.name == "2006" || p.name == "2007") && p.dice.IntN(3) > 0:
		dial = pick(p, [2]string{"*31" + sits, officePIN + "#"}, [2]string{"*31" + sits, "0815#" + officePIN + "#"}, [2]string{"*32"}, [2]string{"*31" + sits, officePIN + "#"})
	}
	if keys = dial[1]; strings.HasPrefix(dial[0], "*37") {
		p.w.happened("asked to be called back")
	}
	p.call(dial[0]).keys = keys
}

// idle lets a caller play with the keys.
func (c *talk) idle() {
	if c.p.one(3) {
		c.keys = pick(c.p, "1", "11", "1", "2", "5", "*6", "2001#", "#", "1#1")
	}
}

// waits is a caller from outside: half of those who hear an offer to be called back take it.
func (c *talk) waits() {
	if c.dialled != simRecorded || c.p.one(2) {
		c.idle()
		return
	}
	for i := range 12 {
		c.p.after(time.Duration(12+4*i)*time.Second+c.p.chance(3*time.Second), func() { c.press("1") })
	}
}

// press sends keys one after the other, as RFC 4733 or by INFO.
func (c *talk) press(keys string) {
	if keys == "" || c.state != up {
		return
	}
	if strings.HasPrefix(keys, "##") || strings.HasPrefix(keys, "#72") {
		c.p.w.happened("code while talking")
	}
	rest := keys[1:]
	next := func() { c.p.after(150*time.Millisecond+c.p.chance(600*time.Millisecond), func() { c.press(rest) }) }
	if c.port%4 == 0 { // a phone has one way: of what comes by two, one is an echo
		c.p.w.air.press(netip.AddrPortFrom(c.p.addr.Addr(), c.port), rune(keys[0]))
		next()
		return
	}
	r := c.request("INFO")
	r.SetBody("application/dtmf-relay", []byte("Signal="+keys[:1]+"\r\nDuration=160\r\n"))
	c.p.ask(r, func(resp *stack.Response) {
		switch {
		case resp == nil || resp.Status >= 300 && resp.Status != 481:
		case resp.Status == 481:
			c.bye()
		case resp.Status >= 200:
			next()
		}
	})
}

// outage takes a telephone off the net without a word, and brings it back.
func (p *phone) outage(length time.Duration) {
	if p.silent {
		return
	}
	p.w.happened("outage")
	p.fade()
	life := p.life
	time.AfterFunc(length, func() {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if p.life == life && !p.w.office.closing {
			p.silent = false
			p.restart()
		}
	})
}

// click begins a call by REST.
func (w *world) click() {
	w.mu.Lock()
	p := w.phones[w.dice.IntN(len(w.phones))]
	from, to := p.name, pick(p, "2001", "2002", "2004", "2005", "2008", "6001", "7001", "8000", "0312345678", "701", "*43")
	w.mu.Unlock()
	_, _ = liveCalls{w.p.calls, w.p.directory, w.p.origins}.Start(context.Background(), simDomain, provisioning.StartCall{From: from, To: to})
}

// administer changes something while calls run, and puts it back later.
func (w *world) administer() {
	w.mu.Lock()
	p := w.phones[w.dice.IntN(len(w.phones))]
	what, back := 1+w.dice.IntN(15), 2*time.Second+time.Duration(w.dice.Int64N(int64(40*time.Second)))
	w.mu.Unlock()
	do, undo := w.order(what, p.name)
	w.change(do)
	if undo != nil {
		time.AfterFunc(back, func() { w.change(undo) })
	}
}

// forgetWishes takes back what would go on after everybody has left: places that are kept, and wishes to be called back.
func (w *world) forgetWishes() {
	for _, b := range w.p.directory.Snapshot().CallBacks(simDomain) {
		w.change(func(t provisioning.Writer) error { return t.Delete(simDomain, b.Kind(), b.ID, "") })
	}
	for _, n := range w.names() {
		w.p.recalls.cancel(simDomain, n)
	}
}

// change is one transaction. One that is refused has changed nothing.
func (w *world) change(f func(provisioning.Writer) error) {
	before := w.p.directory.Snapshot().Version()
	err := liveStore{w.office.records, w.p.directory, w.p.log}.Update(context.Background(), provisioning.Subject{System: true}, f)
	if err == nil && w.p.directory.Snapshot().Version() > before {
		w.mu.Lock()
		w.happened("changed by an administrator")
		w.mu.Unlock()
	}
}

type simOrder func(provisioning.Writer) error

// order is what an administrator does, and how it is put back; nil: it stays. A queue, a group, a room and a mailbox go in the middle of their calls.
func (w *world) order(what int, name string) (do, undo simOrder) {
	put := func(e provisioning.Entity) simOrder {
		return func(w provisioning.Writer) error { _, err := w.Put(simDomain, e, ""); return err }
	}
	del := func(e provisioning.Entity) simOrder {
		return func(w provisioning.Writer) error { return w.Delete(simDomain, e.Kind(), e.Key(), "") }
	}
	without := func(e provisioning.Entity) (simOrder, simOrder) { return del(e), put(e) }
	seen := w.p.directory.Snapshot()
	own, _ := seen.Extension(simDomain, name)
	switch what {
	case 1:
		return without(officeSpare())
	case 2:
		return without(provisioning.Group{Number: "6005", Members: []string{"2001", "2008"}, RingSeconds: 6})
	case 3:
		return without(provisioning.Conference{Number: "8001", Tones: true})
	case 4:
		return without(provisioning.Mailbox{Number: "2008", MaxSeconds: 10})
	case 5:
		return without(provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 2, Seconds: 15, Fallback: toExt("2005")})
	case 6: // an agent who talks serves the queue no more
		q := officeQueue()
		q.Members = q.Members[:1]
		return put(q), put(officeQueue())
	case 7:
		off := own
		off.Disabled = true
		return put(off), put(own)
	case 8:
		g, _ := seen.Group(simDomain, "6003")
		g.Members, g.Strategy = []string{"2001", "2005"}, provisioning.Simultaneous
		return put(g), put(provisioning.Group{Number: "6003", Strategy: provisioning.Circular, Members: []string{"2004", "2005", "2008"}, RingSeconds: 4, Overflow: &provisioning.Destination{Group: "6001"}})
	case 9:
		return put(provisioning.DID{Number: simPlain, To: []string{"2003", name}}), put(provisioning.DID{Number: simPlain, Menu: "office"})
	case 10:
		s := seen.Settings(simDomain, name)
		s.Extension, s.DoNotDisturb = name, !s.DoNotDisturb
		return put(s), nil
	case 11:
		s := seen.Settings(simDomain, name)
		s.Extension, s.NoCallWaiting = name, !s.NoCallWaiting
		return put(s), nil
	case 12: // whoever sits at a desk is sent away
		return del(provisioning.HotDesk{Desk: "2006"}), nil
	case 13: // people come by, and the agent is signed in again
		return put(provisioning.Agent{Number: []string{"2001", "2002", "2008"}[int(name[3])%3], SignedIn: true}), nil
	case 14: // with what it has set, who sits there, and its password
		return del(provisioning.Extension{Number: officeGone}), func(t provisioning.Writer) error { return hired(t, officeExtension(6)) }
	}
	return w.rearranged(put, del)
}

// rearranged: whoever may listen to others may listen to somebody else.
func (w *world) rearranged(put, del func(provisioning.Entity) simOrder) (do, undo simOrder) {
	return func(t provisioning.Writer) error {
			if err := del(provisioning.Supervision{Name: "hall"})(t); err != nil {
				return err
			}
			return put(provisioning.Supervision{Name: "hall", Supervisors: []string{"boss"}, Extensions: []string{"2008"}})(t)
		}, func(t provisioning.Writer) error {
			for _, e := range simOffice() {
				if e.Kind() == provisioning.KindSupervision {
					return put(e)(t)
				}
			}
			return fmt.Errorf("no supervision")
		}
}
