package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/recorder"
	"naisen/recorder/mailbox"
	"naisen/sip/event"
)

// Guesses of PINs. Callers from outside share a bucket for each mailbox, and each extension has one of its own: strangers can close the way
// from outside, for as long as they go on guessing, and never that from the desk. Colleagues share one more for each mailbox, as slow as pins.go
// is, so that many telephones guess no faster than one; its owners' telephones need none of it.
const (
	guessBurst   = 10
	guessOutside = 1.0 / (10 * 60) // tokens a second
	guessInside  = 1.0 / 60
	wrongsADay   = 10 // wrong PINs of one secret in a day that raise an alarm, however slowly they come
	wrongsRate   = wrongsADay / 86400.0
	maxGuessers  = 20_000
	wrongDelay   = 2 * time.Second // before a wrong PIN is called wrong
	sweepEvery   = 10 * time.Minute
	draftLife    = 24 * time.Hour // of a greeting that was spoken and not put to use
)

// postOffice joins the mailboxes of the directory with the messages of the recorder: it counts what waits for whom, lights the lamps, and lets
// what is too old go.
type postOffice struct {
	post      *mailbox.Post
	store     provisioning.Store
	directory *directory.Directory
	lamps     func(event.AOR, event.Messages) // what waits for an extension now
	alarm     func(name, domain, object, detail string)
	clock     func() time.Time
	log       *slog.Logger
	delay     time.Duration                  // before a wrong PIN is called wrong
	guesses   map[bool]*limit.Rates[guesser] // by: from outside
	shared    *limit.Rates[boxKey]           // of all colleagues
	wrongs    *limit.Rates[boxKey]           // until the alarm
	changed   chan struct{}                  // one slot: count again
	stop      context.CancelFunc
	worker    sync.WaitGroup

	mu     sync.Mutex
	counts map[boxKey]event.Messages // of mailboxes that hold any, by their contents
	held   map[boxKey]int            // with those that are not stored yet: what their bound counts
	shown  map[event.AOR]event.Messages
}

type boxKey struct{ domain, number string }

// guesser is who tries PINs of a mailbox.
type guesser struct {
	box       boxKey
	extension string // empty: from outside
}

func newPostOffice(store provisioning.Store, d *directory.Directory, alarm func(name, domain, object, detail string), clock func() time.Time, log *slog.Logger) *postOffice {
	return &postOffice{store: store, directory: d, alarm: alarm, clock: clock, log: log, delay: wrongDelay, changed: make(chan struct{}, 1),
		lamps: func(event.AOR, event.Messages) {}, counts: map[boxKey]event.Messages{}, shown: map[event.AOR]event.Messages{},
		guesses: map[bool]*limit.Rates[guesser]{true: limit.NewRates[guesser](guessOutside, guessBurst, maxGuessers, clock),
			false: limit.NewRates[guesser](guessInside, guessBurst, maxGuessers, clock)},
		shared: limit.NewRates[boxKey](1/wrongPINEvery.Seconds(), wrongPINs, maxGuessers, clock),
		wrongs: limit.NewRates[boxKey](wrongsRate, wrongsADay-1, maxGuessers, clock)}
}

// touch lets the messages be counted again. It does not block.
func (o *postOffice) touch() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// start counts what an earlier run left, so that the lamps are right from the beginning, and then whatever changes.
func (o *postOffice) start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	o.stop = stop
	if err := o.recount(run); err != nil {
		o.log.Error("voicemail: messages are not counted", "err", err)
	}
	o.worker.Go(func() { o.run(run) })
	o.worker.Go(func() { o.follow(run) })
}

// Close ends what start began.
func (o *postOffice) Close() {
	if o.stop != nil {
		o.stop()
	}
	o.worker.Wait()
}

func (o *postOffice) run(ctx context.Context) {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	if err := o.expire(ctx); err != nil && ctx.Err() == nil { // what was deleted while nobody ran, or just before the end
		o.log.Error("voicemail", "err", err)
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-o.changed:
			err = o.recount(ctx)
		case <-sweep.C:
			err = o.expire(ctx)
		}
		if err != nil && ctx.Err() == nil {
			o.log.Error("voicemail", "err", err)
		}
	}
}

// follow counts again when somebody else hears a mailbox, and clears those that are gone.
func (o *postOffice) follow(ctx context.Context) {
	last := o.directory.Snapshot()
	for o.directory.WaitVersion(ctx, last.Version()+1) == nil {
		next := o.directory.Snapshot()
		for _, domain := range last.DomainNames() {
			for _, m := range last.Mailboxes(domain) {
				if now, there := next.Mailbox(domain, m.Number); there && now.Incarnation == m.Incarnation {
					continue
				}
				if err := o.post.Clear(ctx, domain, m.Contents(), o.clock().Add(time.Minute), true); err != nil {
					o.log.Error("voicemail: messages of a mailbox that is gone", "domain", domain, "mailbox", m.Number, "err", err)
				}
			}
		}
		last = next
		o.touch()
	}
}

// contents names what is in a mailbox, as the recorder knows it (provisioning.Mailbox.Contents). recorder.ErrNotFound: there is no such mailbox.
func (o *postOffice) contents(domain, number string) (string, error) {
	box, ok := o.directory.Snapshot().Mailbox(domain, number)
	if !ok {
		return "", recorder.ErrNotFound
	}
	return box.Contents(), nil
}

// holder is the mailbox that contents are of; false: it is gone, or another one has its number.
func holder(snap *directory.Snapshot, domain, contents string) (provisioning.Mailbox, bool) {
	box, ok := snap.Mailbox(domain, provisioning.ContentsOf(contents))
	return box, ok && box.Contents() == contents
}

// recount asks how many messages there are, and tells the lamps that changed. What belongs to no mailbox any more goes: it was entered after that one had gone.
func (o *postOffice) recount(ctx context.Context) error {
	all, err := o.post.Tallies(ctx)
	if err != nil {
		return err
	}
	counts, held := make(map[boxKey]event.Messages, len(all)), make(map[boxKey]int, len(all))
	for _, t := range all {
		held[boxKey{t.Domain, t.Number}] = t.Held
		counts[boxKey{t.Domain, t.Number}] = event.Messages{New: t.New, Old: t.Old}
	}
	shown := map[event.AOR]event.Messages{}
	snap := o.directory.Snapshot()
	for key, n := range counts {
		box, ok := holder(snap, key.domain, key.number)
		if !ok {
			err = errors.Join(err, o.post.Clear(ctx, key.domain, key.number, o.clock().Add(time.Minute), true))
			continue
		}
		for _, number := range box.Owners() {
			if _, ok := snap.Extension(key.domain, number); ok {
				a := event.AOR{User: number, Domain: key.domain}
				sum := shown[a]
				shown[a] = event.Messages{New: sum.New + n.New, Old: sum.Old + n.Old}
			}
		}
	}
	o.mu.Lock()
	before := o.shown
	o.counts, o.held, o.shown = counts, held, shown
	o.mu.Unlock()
	for a := range before {
		if _, still := shown[a]; !still {
			o.lamps(a, event.Messages{})
		}
	}
	for a, n := range shown {
		if before[a] != n {
			o.lamps(a, n)
		}
	}
	return err
}

// expire deletes what is older than its mailbox keeps, greetings that nobody put to use within a day, and what is in mailboxes that are gone:
// every one of which the catalogue has anything is looked at, so nothing stays whatever an earlier run did not come to.
func (o *postOffice) expire(ctx context.Context) error {
	boxes, err := o.post.Holders(ctx)
	if err != nil {
		return err
	}
	snap, now := o.directory.Snapshot(), o.clock()
	var errs error
	for _, key := range boxes {
		box, ok := holder(snap, key.Domain, key.Number)
		if !ok {
			errs = errors.Join(errs, o.post.Clear(ctx, key.Domain, key.Number, now, true))
			continue
		}
		errs = errors.Join(errs, o.post.Clear(ctx, key.Domain, key.Number, now.Add(-box.Retention()), false),
			o.post.ClearDrafts(ctx, key.Domain, key.Number, now.Add(-draftLife)))
	}
	return errs
}

// audit writes what somebody did by telephone into the log of the domain.
func (o *postOffice) audit(ctx context.Context, domain, subject string, action provisioning.Action, object, outcome string, detail map[string]any) error {
	if o.store == nil {
		return nil
	}
	e := provisioning.AuditEntry{Time: o.clock(), Domain: domain, Subject: subject, Action: string(action), Object: object, Outcome: outcome, Detail: detail}
	return o.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) })
}
