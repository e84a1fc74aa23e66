package main

import (
	"cmp"
	"context"
	flags "flag"
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
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/siptest"
)

// Flags of the simulation: go test ./cmd/pbx -run TestSimulation -seeds 100000, or -seed 4711 for one of them with its ladder.
var (
	simSeeds   = flags.Int("seeds", 60, "how many histories TestSimulation plays")
	simFrom    = flags.Uint64("from", 0, "the first of them")
	simSeed    = flags.Int64("seed", -1, "play only this history")
	simReplays = flags.Int("replays", 8, "how many histories TestSimulationReplays plays twice")
	simLog     = flags.Bool("simlog", false, "log what the switch does in a simulated history")
)

// simStart is when every bubble begins.
var simStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestSimulation plays random histories against the whole signalling side in virtual time and checks what must hold after each.
func TestSimulation(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one at a time: histories replay exactly
	d := simDirectory(t)
	first, n := *simFrom, uint64(*simSeeds)
	if *simSeed >= 0 {
		first, n = uint64(*simSeed), 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, d, seed, *simSeed >= 0) })
	}
}

// simulate plays one history; it returns what was seen, for comparison.
func simulate(t *testing.T, d *directory.Directory, seed uint64, draw bool, also ...func(*world)) (ladder string) {
	return playTown(t, seed, draw, func(t testing.TB) *world { return newWorld(t, d, seed) }, also...)
}

// playTown plays a history in a world.
func playTown(t *testing.T, seed uint64, draw bool, begin func(testing.TB) *world, also ...func(*world)) (ladder string) {
	cryptotest.SetGlobalRandom(t, seed)
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		w.populate()
		w.history()
		w.farewell()
		time.Sleep(10 * time.Minute)
		w.check()
		for _, look := range also {
			look(w)
		}
		w.close()
		ladder = w.trace()
		for _, f := range w.faults {
			t.Error(f)
		}
		if len(w.faults) > 0 || draw {
			w.tell()
		}
	})
	return ladder
}

func (w *world) populate() {
	w.carrier = w.phone("carrier", "", netip.MustParseAddrPort("192.0.2.50:5060"), 99)
	for i := range w.people() {
		number := fmt.Sprint(2001 + i)
		w.phones = append(w.phones, w.phone(number, "secret-"+number, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(21 + i)}), 5060), uint64(100+i)))
	}
	if !w.classic {
		w.p.signalling.overload = newOverload(w.waits, time.Now)
	}
	w.mu.Lock()
	for _, p := range w.phones {
		p.register()
	}
	w.mu.Unlock()
	if !w.classic {
		w.watch()
	}
	if w.office != nil {
		w.look()
	}
	time.Sleep(3 * time.Second)
}

// people is how many telephones there are.
func (w *world) people() int {
	if w.office != nil {
		return officePeople
	}
	return 4
}

// history is 10 to 40 random actions in several minutes.
func (w *world) history() {
	for range 10 + w.throw(31) {
		if w.office != nil {
			w.business()
		} else {
			w.act()
		}
		time.Sleep(time.Duration(w.throw(int(9 * time.Second))))
	}
}

// throw throws the dice, which phones throw too.
func (w *world) throw(below int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.IntN(below)
}

func (w *world) act() {
	w.mu.Lock()
	if !w.classic && w.dice.IntN(7) == 0 {
		w.more()
		w.mu.Unlock()
		return
	}
	if w.desk.parks && w.dice.IntN(8) == 0 {
		w.park()
		w.mu.Unlock()
		return
	}
	if w.desk.pages && w.dice.IntN(4) == 0 {
		w.page()
		w.mu.Unlock()
		return
	}
	p := w.phones[w.dice.IntN(len(w.phones))]
	numbers := []string{"2001", "2002", "2003", "2004", "2003", simRecorded, simAnswered, "0312345678", "0451112222", "999"}
	dids := []string{simRecorded, simRecorded, simAnswered, simStrict, simPlain, "+81355555555"}
	c := w.some(func(c *talk) bool { return c.state == up })
	action := w.dice.IntN(100)
	switch {
	case action < 24:
		p.call(numbers[w.dice.IntN(len(numbers))])
	case action < 46:
		w.carrier.call(dids[w.dice.IntN(len(dids))])
	case action < 52:
		if c := w.some(func(c *talk) bool { return c.out && c.state == calling }); c != nil {
			c.giveUp()
		}
	case action < 58 && c != nil:
		c.bye()
	case action < 68 && c != nil:
		c.reinvite(!c.holding, w.dice.IntN(4) > 0)
	case action < 74 && c != nil:
		c.other([]string{"UPDATE", "INFO", "REFER", "UPDATE"}[w.dice.IntN(4)])
	case action < 78 && c != nil: // re-INVITEs of both sides of the call at once
		c.reinvite(true, true)
		if o := w.some(func(o *talk) bool { return o.state == up && o != c }); o != nil {
			o.reinvite(true, true)
		}
	case action < 82:
		p.send(p.last)
	case action < 87:
		p.restart()
	case action < 91:
		p.register()
	case action < 96:
		p.garbage()
	}
	w.mu.Unlock()
	if action >= 96 {
		w.byREST()
	}
}

// some picks a talk of a living phone.
func (w *world) some(want func(*talk) bool) *talk {
	var list []*talk
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		for _, c := range p.talks {
			if c.life == p.life && !p.silent && want(c) {
				list = append(list, c)
			}
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[w.dice.IntN(len(list))]
}

// garbage sends what no parser should like, and what one might.
func (p *phone) garbage() {
	p.garbled = true
	for _, c := range p.talks { // what looks like its own INVITE may be answered like it
		c.muddled = c.muddled || c.state == calling
	}
	b := slices.Clone(p.last)
	switch p.dice.IntN(3) {
	case 0:
		b = make([]byte, 1+p.dice.IntN(1200))
		for i := range b {
			b[i] = byte(p.dice.Uint32())
		}
	case 1:
		b = b[:p.dice.IntN(len(b)+1)]
	case 2:
		for range 5 {
			if len(b) > 0 {
				b[p.dice.IntN(len(b))] = byte(p.dice.Uint32())
			}
		}
	}
	last := p.last
	p.send(b)
	p.last = last
}

// byREST is what an authorised person does to a live call.
func (w *world) byREST() {
	list := w.p.calls.Snapshots(simDomain)
	slices.SortFunc(list, func(a, b *call.Snapshot) int { return a.Started.Compare(b.Started) })
	if len(list) == 0 {
		return
	}
	s := list[w.throw(len(list))]
	w.mu.Lock()
	w.byHand[s.ID] = true
	w.mu.Unlock()
	var e call.Event = call.Hangup{Cause: sip.CauseNormal}
	if n := w.throw(3); n > 0 {
		e = call.Record{On: n == 1, Done: make(chan error, 1)}
	}
	_ = w.p.calls.Post(simDomain, s.ID, e)
}

// farewell: most phones end all their calls, some fall off the net.
func (w *world) farewell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.office != nil {
		w.office.closing = true
		time.AfterFunc(80*time.Second, w.forgetWishes)
	}
	if w.panel != nil {
		w.panel.after(390*time.Second, func() { w.panel.idle = true })
	}
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		if p.one(5) {
			p.fade()
			continue
		}
		p.leaving = true
		one := p.one(3) // leaves hanging up to the other side, and answers for another minute
		p.after(time.Minute+p.chance(time.Second), func() { p.endAll() })
		if w.office != nil { // else whoever asked to be called back would be
			p.after(62*time.Second, p.leave)
			p.after(100*time.Second, func() { p.endAll() })
		}
		if !one {
			p.endAll()
		}
	}
}

// leave takes the registration back. No call is answered from now on.
func (p *phone) leave() {
	p.leaving, p.leaves = false, true
	p.register()
	p.leaving = true
}

func (p *phone) endAll() {
	for _, c := range p.talks {
		if c.life != p.life {
			continue
		}
		switch c.state {
		case calling:
			c.giveUp()
		case ringing:
			c.refuse(480)
		case up:
			c.bye()
		}
	}
}

// close ends every part as run does, and the phones.
func (w *world) close() {
	w.shut()
	w.mu.Lock()
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		p.life++
		_ = p.pc.Close()
	}
	if w.panel != nil {
		w.panel.life++
		_ = w.panel.pc.Close()
	}
	w.mu.Unlock()
	w.readers.Wait()
}

func (w *world) shut() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	w.p.calls.Drain(ctx)
	w.p.Close(ctx)
	if err := w.p.signalling.events.Close(ctx); err != nil {
		w.faults = append(w.faults, err.Error())
	}
	w.p.queues.hall.close()
	w.p.dialler.Close()
	_ = w.p.registrar.Close(ctx)
	if err := w.p.signalling.ua.Close(ctx); err != nil {
		w.faults = append(w.faults, err.Error())
	}
	w.stop()
	_ = w.p.stack.Close()
	w.serve.Wait()
	if w.office != nil {
		w.office.shut(w)
	}
}

// trace is what was seen, for comparison. What happens at one instant on several goroutines has no order.
func (w *world) trace() string {
	var b strings.Builder
	trace := w.net.Trace()
	slices.SortStableFunc(trace, func(a, b siptest.Seen) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Label, b.Label),
			cmp.Compare(fmt.Sprint(a.Lost), fmt.Sprint(b.Lost)))
	})
	for _, m := range trace {
		fmt.Fprintln(&b, m.At, m.From, m.To, m.Label, m.Lost)
	}
	slices.SortFunc(w.cdrs, func(a, b call.CDR) int { return a.Started.Compare(b.Started) })
	for _, c := range w.cdrs {
		fmt.Fprintln(&b, c.Started, c.From, c.To, c.AnsweredBy, c.Cause.Status, c.EndedBy, c.Talk)
	}
	return b.String() + strings.Join(w.desk.marks, "\n")
}

func (w *world) tell() {
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		for _, c := range p.talks {
			w.t.Log(c)
		}
	}
	for _, c := range w.cdrs {
		w.t.Logf("CDR %v %s %s -> %s answered by %q: %d %s by %s, answered %v ended %v recording %q", c.Started.Sub(simStart), c.ID, c.From, c.To, c.AnsweredBy,
			c.Cause.Status, c.Cause.Text, c.EndedBy, !c.Answered.IsZero(), c.Ended.Sub(simStart), c.Recording)
	}
	w.t.Logf("history %d:\n%s", w.seed, w.net.Ladder())
}

// simFound are the histories that found something before there was a panel or a rush: each message more would make it another history.
var simFound = map[string]uint64{
	"the caller holds during the notice and vanishes": 37,
	"both sides hold and vanish":                      300,
	"the caller's CANCEL overtakes our answer":        899,
	"CANCEL and answer cross on a carrier's call":     5475,
	"CANCEL and answer cross on an inside call":       5931,
	"a mandatory recording fails before the answer":   5919,
}

// simFoundLater are those that found something since.
var simFoundLater = map[string]uint64{
	"an INVITE's repetition is served after it was shed":           143,
	"a redirection that is allowed follows one that is not":        604,
	"a redirection that is allowed follows one that is not, again": 382,
}

// found: this history found something, and is played as it was then.
func (w *world) found() bool {
	for _, list := range []map[string]uint64{simFound, simFoundLater} {
		for _, seed := range list {
			if seed == w.seed {
				return true
			}
		}
	}
	return false
}

// TestSimulationRegressions plays them as they were then.
func TestSimulationRegressions(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t)
	for _, found := range []map[string]uint64{simFound, simFoundLater} {
		for name, seed := range found {
			t.Run(name, func(t *testing.T) { simulate(t, d, seed, false) })
		}
	}
}

// TestSimulationReplays plays a few seeds twice: the traces are equal. The race detector starts goroutines in an order that it draws, so
// under it the test shows that nothing depends on who runs first within an instant.
func TestSimulationReplays(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d, base := simDirectory(t), simOfficeRecords(t)
	for seed := range uint64(*simReplays) {
		replays(t, fmt.Sprint(seed), func(t *testing.T) string { return simulate(t, d, seed, false) })
	}
	for seed := range uint64(*simReplays+1) / 2 {
		replays(t, fmt.Sprint("office-", seed), func(t *testing.T) string {
			return playTown(t, seed, false, func(t testing.TB) *world { return newSimTown(t, base, seed) })
		})
	}
}

// replays plays the same history twice.
func replays(t *testing.T, name string, history func(*testing.T) string) {
	var traces [2]string
	for i := range traces {
		t.Run(fmt.Sprint(name, "-", i), func(t *testing.T) { traces[i] = history(t) })
	}
	if traces[0] != traces[1] {
		a, b := strings.Split(traces[0], "\n"), strings.Split(traces[1], "\n")
		i := 0
		for i < min(len(a), len(b))-1 && a[i] == b[i] {
			i++
		}
		t.Errorf("history %s played differently the second time, first in line %d:\n%s\n%s", name, i, a[i], b[i])
	}
}
