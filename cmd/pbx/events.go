package main

import (
	"context"
	"time"

	"naisen/sip/event"
)

// lastWords bounds the wait for the answers to the last NOTIFYs: a watcher that is gone must not hold the switch up.
const lastWords = 2 * time.Second

// events is what phones can watch, and where it comes from.
type events struct {
	notifier  *event.Notifier
	published *event.Publications
	lamps     *lamps
	mailboxes *mailboxes
	teller    *event.Teller
	contacts  *contacts
	quiet     quiet
}

// newEvents joins the notifier, which speaks through st, with its sources. It needs the registrar and the directory.
func (s *signalling) newEvents(st event.Transport) *events {
	e := &events{}
	tell := func(packages ...string) func(event.AOR) {
		return func(a event.AOR) {
			for _, p := range packages {
				e.notifier.Changed(p, a)
			}
		}
	}
	lamp := tell("dialog", "presence")
	e.lamps = newLamps(func(a event.AOR) {
		lamp(a)
		s.live.Changed(topicLamp, a.Domain, a.User)
	})
	e.lamps.name = namer(s.directory)
	e.quiet = quiet{calls: e.lamps, directory: s.directory, every: 15 * time.Second, attendance: s.attendance}
	summary := tell("message-summary")
	e.mailboxes = newMailboxes(func(a event.AOR) {
		for _, user := range append(s.directory.Snapshot().DesksOf(a.Domain, a.User, time.Now()), a.User) {
			at := event.AOR{User: user, Domain: a.Domain}
			summary(at)
			e.teller.Tell(at)
		}
	})
	e.teller = event.NewTeller(s.stack, seated{e.mailboxes, s.directory}, s.unsolicited)
	e.published = event.NewPublications(s.stack, event.PublishConfig{Changed: tell("presence")}, s.log)
	reg := tell("reg", "presence")
	e.contacts = newContacts(s.registrar, func(a event.AOR) {
		reg(a)
		s.live.Changed(topicRegistration, a.Domain, a.User)
	}, func() {
		e.notifier.ChangedAll("reg")
		e.notifier.ChangedAll("presence")
		s.live.Anew()
	})
	e.contacts.came = e.teller.Tell // a phone that has just started knows of no messages
	e.notifier = event.New(st, event.Config{
		Packages: []event.Package{event.DialogInfo(e.quiet), event.MessageSummary(seated{e.mailboxes, s.directory}), event.Registrations(e.contacts, time.Now),
			event.Presence(func(a event.AOR) bool { return s.present().Registered(a.Domain, a.User) }, e.lamps, e.published, e.quiet.note)},
		Judge: s.maySee, Reroute: s.registrar.Reroute,
	}, s.log)
	e.contacts.start()
	return e
}

// unsolicited are the phones of an extension that are told of messages unasked.
func (s *signalling) unsolicited(a event.AOR) (out []event.Phone) {
	if e, ok := s.directory.Snapshot().Extension(a.Domain, a.User); !ok || !e.UnsolicitedMWI {
		return nil
	}
	for _, d := range s.registrar.Devices(a.String()) {
		if d[0].Asleep { // it is told when it wakes
			continue
		}
		if to, by, ok := s.way(d[0]); ok {
			out = append(out, event.Phone{Contact: d[0].Contact, Routes: by, Target: to})
		}
	}
	return out
}

// Close tells the watchers and waits a moment for their answers.
func (e *events) Close(ctx context.Context) error {
	e.contacts.Close()
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	return e.notifier.Close(ctx)
}

// Watchers implements watchers.
func (e *events) Watchers() []event.AOR { return e.notifier.Watchers() }

// revoke ends what an extension watches by a proof that is worth nothing any more, and then also what it published.
func (e *events) revoke(a event.AOR, lost func(proof string) bool) {
	if e.notifier.Revoke(a, lost) > 0 {
		e.published.Remove(a)
	}
}
