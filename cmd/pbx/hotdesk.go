package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/event"
)

// SignIn implements app.Desk. A PIN is looked at only where somebody may sign in.
func (d selfService) SignIn(ctx context.Context, domain, desk, person, pin string) error {
	if err := d.pins.prove(ctx, domain, person, desk, pin); err != nil {
		return err
	}
	return d.store.Update(ctx, provisioning.Subject{Domain: domain, User: "extension " + person, Device: desk}, func(w provisioning.Writer) error {
		return provisioning.SignIn(w, domain, desk, person, time.Now())
	})
}

// seats tells watchers who sits where, and takes away the rows of those whom the clock has signed out. Who is signed in is a function of row and
// clock, so nothing waits for it.
type seats struct {
	directory *directory.Directory
	store     provisioning.Store
	tell      func(event.AOR) // of whom something is another now: a desk, and a person
	every     time.Duration   // how often the clock is looked at
	log       *slog.Logger
	stop      context.CancelFunc
	done      chan struct{}
}

func (s *seats) start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.done = stop, make(chan struct{})
	go func() {
		defer close(s.done)
		snap := s.directory.Snapshot()
		before := snap.Seated(time.Now())
		for {
			s.sweep(run, snap)
			wait, cancel := context.WithTimeout(run, s.every)
			err := s.directory.WaitVersion(wait, snap.Version()+1)
			late := wait.Err() != nil
			cancel()
			if run.Err() != nil || err != nil && !late {
				return
			}
			snap = s.directory.Snapshot()
			now := snap.Seated(time.Now())
			reseated(before, now, s.tell)
			before = now
		}
	}()
}

// reseated tells of each desk with another person, and of both persons.
func reseated(before, now map[[2]string]string, tell func(event.AOR)) {
	for _, pair := range [][2]map[[2]string]string{{before, now}, {now, before}} {
		for k, person := range pair[0] {
			if pair[1][k] != person {
				tell(event.AOR{User: k[1], Domain: k[0]})
				tell(event.AOR{User: person, Domain: k[0]})
			}
		}
	}
}

func (s *seats) sweep(ctx context.Context, snap *directory.Snapshot) {
	for _, k := range snap.Ended(time.Now()) {
		err := s.store.Update(ctx, provisioning.Subject{Domain: k[0], System: true}, func(w provisioning.Writer) error {
			h, tag, err := provisioning.Get[provisioning.HotDesk](w, k[0], k[1])
			if err != nil || time.Now().Before(h.Until) { // signed in anew meanwhile
				return err
			}
			return provisioning.Delete[provisioning.HotDesk](w, k[0], k[1], tag)
		})
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) && ctx.Err() == nil {
			s.log.Warn("hot desks: a row that is over was not taken away", "domain", k[0], "desk", k[1], "err", err)
		}
	}
}

// Close stops it and waits.
func (s *seats) Close() {
	s.stop()
	<-s.done
}

// startSeats lets lamps, presence and message lamps follow who sits where.
func (p *pbx) startSeats(ctx context.Context) {
	e := p.signalling.events
	s := &seats{directory: p.directory, store: p.store, every: 15 * time.Second, log: p.log, tell: func(a event.AOR) {
		for _, pkg := range []string{"dialog", "presence", "message-summary"} {
			e.notifier.Changed(pkg, a)
		}
		e.teller.Tell(a)
	}}
	s.start(ctx)
	p.closing("hot desks", func(context.Context) error { s.Close(); return nil })
}

// seated shows at a desk the messages of who is signed in there.
type seated struct {
	event.Mailboxes
	directory *directory.Directory
}

// Messages implements event.Mailboxes.
func (s seated) Messages(a event.AOR) event.Messages {
	if person, ok := s.directory.Snapshot().PersonAt(a.Domain, a.User, time.Now()); ok {
		a.User = person
	}
	return s.Mailboxes.Messages(a)
}
