package witness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

const (
	lanes = 5  // switches at once: each waits more than it computes
	pairs = 3  // calls at once in each
	lost  = 50 // packets, one second: what a track may miss when the machine dies
	late  = 5  // packets that may be said from the count until the kill
)

// pair is two telephones and what became of their call at one point.
type pair struct {
	from, to *phone

	mu           sync.Mutex
	call         *talk
	failed       error // nobody killed the switch, and yet it was not answered
	ended        bool  // hung up before the kill
	saidA, saidB int   // before the kill
	recorded     int
}

// run makes the call, and hangs up if it is to, unless the switch dies before.
func (q *pair) run(ctx context.Context, before, length time.Duration, hangsUp bool, dead <-chan struct{}) {
	if over(dead, before) {
		return
	}
	dialling, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-dead:
			stop()
		case <-dialling.Done():
		}
	}()
	call, err := q.from.dial(dialling, q.to.number)
	if err != nil {
		if !over(dead, 0) {
			q.mu.Lock()
			q.failed = err
			q.mu.Unlock()
		}
		return
	}
	q.mu.Lock()
	q.call = call
	q.mu.Unlock()
	if over(dead, 60*time.Millisecond) { // until both are connected
		return
	}
	call.leg.goOn()
	q.to.newest().goOn()
	if over(dead, length) || !hangsUp {
		return
	}
	a, b := call.leg.silence(), q.to.newest().silence()
	if over(dead, 60*time.Millisecond) { // what was said last is on its way
		return
	}
	q.mu.Lock()
	q.saidA, q.saidB, q.ended = a, b, true
	q.mu.Unlock()
	call.Hangup()
}

// over waits, and tells whether the switch died meanwhile.
func over(dead <-chan struct{}, d time.Duration) bool {
	select {
	case <-dead:
		return true
	default:
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-dead:
		return true
	}
}

// count notes what was said so far in a call that goes on.
func (q *pair) count() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if leg := q.to.newest(); q.call != nil && leg != nil && !q.ended {
		q.saidA, q.saidB = q.call.leg.said(), leg.said()
	}
}

// leave ends what is left of the call.
func (q *pair) leave() {
	if q.call != nil {
		q.call.Hangup() // of which nobody knows any more
		q.from.choir.leave(q.call.leg)
	}
	q.to.drop()
}

// TestKill9Anywhere: the switch is killed at random moments of recorded calls, and started again. Each call has one recording, in which at most the
// last second is missing and nothing between; what had ended before has all; nothing is there twice; everything is closed within a
// minute; and in the end catalogue, manifests and objects agree.
func TestKill9Anywhere(t *testing.T) {
	for lane := range lanes {
		t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
			t.Parallel()
			p := newPBX(t, "")
			c := newChoir()
			t.Cleanup(c.close)
			people := staff(t, p, c, 1, 2*pairs, "all")
			for _, ph := range people {
				ph.shy = true
			}
			r := rand.New(rand.NewPCG(uint64(lane), 9))
			known := map[string]bool{}
			var longest time.Duration
			registered := time.Now()
			for n := lane; n < *points; n += lanes {
				if time.Since(registered) > registration/2 {
					for _, ph := range people {
						must(t, ph.Register(t.Context(), registration))
					}
					registered = time.Now()
				}
				took := killedOnce(t, p, people, r, known)
				if longest = max(longest, took); t.Failed() {
					t.Fatalf("at point %d", n)
				}
				if n/lanes%20 == 19 {
					t.Logf("%d points, %d recordings", n/lanes+1, len(known))
				}
			}
			if late := allStored(t, p, time.Time{}, known); len(late) > 0 {
				t.Errorf("of points that were over: %+v", late)
			}
			t.Logf("%d recordings; the longest time from the start to the last one stored: %v", len(known), longest.Round(time.Millisecond))
			reconciled(t, p)
		})
	}
}

// killedOnce is one point. It gives how long after the restart all recordings were stored.
func killedOnce(t *testing.T, p *peer.PBX, people []*phone, r *rand.Rand, known map[string]bool) time.Duration {
	all, before := make([]*pair, pairs), time.Now().Add(-time.Second)
	var talking sync.WaitGroup
	dead := make(chan struct{})
	for i := range all {
		q := &pair{from: people[2*i], to: people[2*i+1]}
		all[i] = q
		wait, length := time.Duration(r.IntN(200))*time.Millisecond, time.Duration(300+r.IntN(900))*time.Millisecond
		hangsUp := r.IntN(3) == 0
		talking.Go(func() { q.run(t.Context(), wait, length, hangsUp, dead) })
	}
	pass(t, 200*time.Millisecond+time.Duration(r.IntN(1600))*time.Millisecond)
	for _, q := range all {
		q.count()
	}
	p.Kill()
	close(dead)
	talking.Wait()
	must(t, p.Run(t.Context()))
	began := time.Now()
	fresh := allStored(t, p, before, known)
	took := time.Since(began)
	nameless := 0
	for _, rec := range fresh {
		known[rec.ID] = true
		if !evidence(t, p, rec, all) {
			nameless++
		}
	}
	for _, q := range all {
		if q.failed != nil {
			t.Error(q.failed)
		}
		if q.recorded == 0 && nameless > 0 && min(q.saidA, q.saidB) <= lost { // it died before anybody could be told by the voice
			nameless--
			q.recorded++
		}
		if q.recorded > 1 || q.recorded == 0 && min(q.saidA, q.saidB) > lost {
			t.Errorf("%s to %s: %d recordings; said %d and %d packets, hung up %v", q.from.number, q.to.number, q.recorded, q.saidA, q.saidB, q.ended)
		}
		q.leave()
	}
	if nameless > 0 {
		t.Errorf("%d recordings of nobody who called", nameless)
	}
	return took
}

// evidence compares a recording with what was said in the call that it is of. False: too little is in it to tell whose it is.
func evidence(t *testing.T, p *peer.PBX, rec recording, all []*pair) bool {
	t.Helper()
	full, pcm, err := channels(t.Context(), p, rec.ID)
	must(t, err)
	if len(pcm) != 2 {
		t.Fatalf("%s has %d channels", rec.ID, len(pcm))
	}
	left, right := Runs(pcm[0]), Runs(pcm[1])
	for _, q := range all {
		a, b := Of(left, q.from.voice), Of(right, q.to.voice)
		if a.Packets == 0 && b.Packets == 0 {
			continue
		}
		q.recorded++
		for _, side := range []struct {
			*phone
			h    Heard
			said int
			runs []Run
		}{{q.from, a, q.saidA, left}, {q.to, b, q.saidB, right}} {
			rest := Noise(side.runs, side.voice)
			if side.h.Packets == 0 {
				rest -= Lone(side.runs, side.voice, side.said+late)
			}
			if side.h.Missing > full.Lost || rest > 1 || side.said-side.h.Packets > lost {
				t.Errorf("%s in %s: %+v and %d of something else, %d were said; hung up %v; %+v; %+v", side.number, rec.ID, side.h, rest, side.said, q.ended, full, side.runs)
			}
		}
		return true
	}
	if len(left)+len(right) > 4 {
		t.Errorf("%s: of nobody who called: %v, %v; %+v", rec.ID, left, right, full)
	}
	return false
}
