package main

import (
	flags "flag"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/directory"
)

// go test ./cmd/pbx -run TestMemoryComesBack -cycles 1000000 -timeout 4h
var simCycles = flags.Int("cycles", 1000, "calls, and registrations, of TestMemoryComesBack")

const (
	simBatch = 500 // calls that go on more or less at once
	// What may be left in octets: tables of a fixed size fill up, and the simulated network's timers are of it too. That takes its time,
	// so a short run may leave less: 170 for each call in CI, half an octet for each of a million.
	simGrowth, simGrowthEach, simGrowthMost = 160 << 10, 8, 512 << 10
)

// TestMemoryComesBack plays calls and registrations of every kind that phones can make of them, through the whole signalling side in
// virtual time, and weighs the switch before and after: nothing stays of a call, a registration, or a batch of them.
func TestMemoryComesBack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t)
	cryptotest.SetGlobalRandom(t, 1)
	synctest.Test(t, func(t *testing.T) { comeBack(t, d, *simCycles) })
}

func comeBack(t *testing.T, d *directory.Directory, cycles int) {
	w := newWorld(t, d, 4) // good weather: whatever ends, ends in time
	w.carrier = w.phone("carrier", "", netip.MustParseAddrPort("192.0.2.50:5060"), 99)
	for i := range 4 {
		number := fmt.Sprint(2001 + i)
		w.phones = append(w.phones, w.phone(number, "secret-"+number, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(21 + i)}), 5060), uint64(100+i)))
	}
	for range 2 { // what is made once and kept
		w.batch()
	}
	before := weigh()
	calls := 0
	for tenth := 1; calls < cycles; { // a million takes an hour: it says on the way what it sees
		if calls += w.batch(); calls >= cycles/10*tenth {
			tenth++
			t.Logf("%d calls: %d KiB", calls, weigh().heap>>10)
		}
	}
	after := weigh()
	t.Logf("%d calls and as many registrations: %d KiB and %d goroutines before, %d KiB and %d after", calls, before.heap>>10, before.goroutines,
		after.heap>>10, after.goroutines)
	if grown := after.heap - before.heap; grown > min(simGrowth+simGrowthEach*calls, simGrowthMost) {
		t.Errorf("%d bytes more are held after %d calls: %d for each", grown, calls, grown/calls)
	}
	if after.goroutines > before.goroutines {
		t.Errorf("%d goroutines, %d before", after.goroutines, before.goroutines)
	}
	w.close()
}

// batch is many calls and registrations, and the quarter of an hour after which nobody knows of them any more; it gives how many calls
// reached the switch.
func (w *world) batch() int {
	for i := range simBatch {
		w.mu.Lock()
		p := w.phones[w.dice.IntN(len(w.phones))]
		p.register()
		if i%2 == 0 {
			p.call([]string{"2001", "2002", "2003", "2004", simRecorded, "0312345678", "999"}[w.dice.IntN(7)])
		} else {
			w.carrier.call([]string{simRecorded, simAnswered, simStrict, simPlain, "+81355555555"}[w.dice.IntN(5)])
		}
		w.mu.Unlock()
		<-time.After(50 * time.Millisecond)
	}
	<-time.After(2 * time.Minute)
	w.mu.Lock()
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		p.endAll()
	}
	w.mu.Unlock()
	<-time.After(time.Minute)
	w.mu.Lock()
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		p.stop() // and with it its registering again
		p.boot()
	}
	w.mu.Unlock()
	<-time.After(15 * time.Minute)
	return w.forget()
}

// forget empties the notes of the simulation, after it has seen that the switch is idle.
func (w *world) forget() (calls int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.p.stack.Stats()
	if n, m, b := w.p.calls.Len(), w.p.signalling.ua.Sessions(), w.p.registrar.Count(); n+m+b+s.Transactions != 0 {
		w.t.Errorf("%d calls, %d sessions, %d bindings, %d transactions are left", n, m, b, s.Transactions)
	}
	w.checkMedia()
	if len(w.cdrs) < simBatch/3 || len(w.faults) > 0 {
		w.t.Errorf("%d call records; %v", len(w.cdrs), w.faults)
	}
	calls = len(w.cdrs)
	w.arrivals, w.ports, w.byHand, w.byes, w.asked = map[arrival][]time.Time{}, map[uint16]call.LegID{}, map[string]bool{}, map[string]bool{}, map[arrival]asked{}
	w.plans, w.acked, w.unacked = map[time.Time]route.Plan{}, map[string]bool{}, map[string]bool{}
	w.begun = map[string]call.Phase{}
	w.senders, w.cdrs, w.visits, w.alarms = map[string]map[string]bool{}, nil, nil, nil
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		p.talks, p.last = nil, nil
	}
	w.air.mu.Lock()
	w.air.speaking, w.air.endpoints, w.air.bridges = map[netip.AddrPort]bool{}, nil, nil
	w.air.mu.Unlock()
	w.tape.mu.Lock()
	w.tape.recordings, w.tape.refused = nil, map[string]bool{}
	w.tape.mu.Unlock()
	for len(w.p.auditor.queue) > 0 { // nobody writes it here
		<-w.p.auditor.queue
	}
	w.net.Forget()
	return calls
}

type weight struct{ heap, goroutines int }

func weigh() weight {
	synctest.Wait()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return weight{int(m.HeapAlloc), runtime.NumGoroutine()}
}
