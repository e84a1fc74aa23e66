package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
)

// ledgerBound is how many CDRs wait while the store is away: at 20 calls/s more than eight minutes.
const ledgerBound = 10_000

// CDRs of so long go into one transaction: writing each alone was a third of a call's processor time. A power cut loses as much. A commit
// cannot be written in stretches, and three pages for each record of 200 were ten milliseconds in one piece, so there are no more of them.
const (
	ledgerGather = 250 * time.Millisecond
	ledgerBatch  = 25
)

// On one processor a whole batch is ten milliseconds in which nobody's call is answered, so it is written in stretches. Between them the
// ledger sleeps: Go looks for packets when nothing else can run, so that merely yielding would leave them in their sockets.
const (
	ledgerStretch = time.Millisecond
	ledgerRest    = 50 * time.Microsecond
)

// ledger takes CDRs from calls without making them wait, and writes them with their audit entry. What the store refuses is tried again;
// what finds the queue full is logged whole, so that a CDR is never simply gone.
type ledger struct {
	store   provisioning.Store
	log     *slog.Logger
	settled func(call string) // it has its record, or never will
	queue   chan entry
	dropped atomic.Uint64
	give    chan struct{} // closed: there is no time left to wait for the store
	done    chan struct{}
}

func newLedger(store provisioning.Store, settled func(call string), log *slog.Logger) *ledger {
	l := &ledger{store: store, settled: settled, log: log, queue: make(chan entry, ledgerBound), give: make(chan struct{}), done: make(chan struct{})}
	go l.run()
	return l
}

// Enter implements call.Ledger.
func (l *ledger) Enter(c call.CDR) {
	l.take(cdrEntry{row(c)})
}

// drop logs a record that can be written nowhere else.
func (l *ledger) drop(why string, e entry, more ...any) {
	l.dropped.Add(1)
	l.log.Error(why, append([]any{"record", e}, more...)...)
	l.settle(e)
}

// row is a call's record as it is stored.
func row(c call.CDR) provisioning.CDR {
	r := provisioning.CDR{Transfers: c.Transfers, MergedInto: c.MergedInto, Page: c.Page, ID: c.ID, Domain: c.Domain, Direction: string(c.Direction), From: c.From, To: c.To, AnsweredBy: c.AnsweredBy,
		Trunk: c.Trunk, Started: c.Started, Answered: c.Answered, Ended: c.Ended, TalkMS: c.Talk.Milliseconds(),
		Status: c.Cause.Status, Q850: c.Cause.Q850, Cause: c.Cause.Text, EndedBy: c.EndedBy, Withheld: c.Withheld, Emergency: c.Emergency, Site: c.Site, CallBack: c.CallBack, Recording: c.Recording,
		Payer: c.Charge.Extension, Class: c.Charge.Class, MilliYen: c.MilliYen}
	for _, x := range c.Rang {
		r.Rang = append(r.Rang, provisioning.Ring{Extension: x.Extension, Outcome: string(x.Outcome)})
	}
	r.Notices, r.Asked, r.Pauses = receipts(c.Notices), askedFor(c.Asked), pausesOf(c.Pauses)
	for _, l := range c.Legs {
		r.Legs = append(r.Legs, legQuality(l))
	}
	return r
}

// run writes in batches: one transaction for what gathered.
func (l *ledger) run() {
	defer close(l.done)
	for first := range l.queue {
		batch := l.gather(first)
		for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
			err := l.write(batch)
			if err == nil {
				break
			}
			if permanent(err) {
				batch = l.apart(batch)
				if len(batch) == 0 {
					break
				}
			}
			l.log.Error("ledger: CDRs wait for the store", "waiting", len(batch)+len(l.queue), "err", err)
			if !l.pause(wait) {
				for _, c := range batch {
					l.dropped.Add(1) // its note stays, so that the next start writes what is known of it
					l.log.Error("ledger: the store is away and the switch stops, the CDR is in this line only", "record", c)
				}
				break
			}
		}
	}
}

// gather waits a little for more CDRs, but not while the switch stops.
func (l *ledger) gather(first entry) []entry {
	batch := []entry{first}
	timer := time.NewTimer(ledgerGather)
	defer timer.Stop()
	for len(batch) < ledgerBatch {
		select {
		case c, open := <-l.queue:
			if !open {
				return batch
			}
			batch = append(batch, c)
		case <-timer.C:
			return batch
		}
	}
	return batch
}

// pause waits before another try; false: there will be none.
func (l *ledger) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.give:
		return false
	}
}

func (l *ledger) write(batch []entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := l.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		rest := time.NewTimer(ledgerRest)
		defer rest.Stop()
		began := time.Now()
		for _, c := range batch {
			if err := c.write(w); err != nil {
				return err
			}
			if time.Since(began) > ledgerStretch {
				rest.Reset(ledgerRest)
				<-rest.C
				began = time.Now()
			}
		}
		return nil
	})
	if err == nil {
		for _, c := range batch {
			l.settle(c)
		}
	}
	return err
}

// permanent says that trying again cannot help: the domain is gone, or a field is out of bounds.
func permanent(err error) bool {
	var invalid *provisioning.Invalid
	return errors.Is(err, provisioning.ErrNotFound) || errors.As(err, &invalid)
}

// apart writes a refused batch row by row, logs the rows that can never be written, and returns those worth another try.
func (l *ledger) apart(batch []entry) []entry {
	var again []entry
	for _, c := range batch {
		switch err := l.write([]entry{c}); {
		case err == nil:
		case permanent(err):
			l.drop("ledger: the store refuses a CDR for good, it is in this line only", c, "err", err)
		default:
			again = append(again, c)
		}
	}
	return again
}

// Close writes what waits, within ctx, and logs the rest. It returns when nothing runs.
func (l *ledger) Close(ctx context.Context) error {
	close(l.queue)
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
	}
	close(l.give)
	<-l.done
	return ctx.Err()
}
