package main

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"naisen/sip"
	"naisen/sip/event"
	"naisen/sip/registrar"
)

const (
	contactChanges = 1024 // bindings that may change before the follower has looked
	endsKept       = 1024 // reasons of ended bindings that are remembered, until their NOTIFYs are out
)

// contacts follows the registrar's table for the packages that are derived from it.
type contacts struct {
	registrar *registrar.Registrar
	watch     *registrar.Watch
	tell      func(event.AOR) // after a binding of somebody has changed
	came      func(event.AOR) // after a new one was made
	tellAll   func()          // after changes were missed
	stop      context.CancelFunc
	done      chan struct{}

	mu   sync.Mutex
	ends map[string]string // why a binding ended, by its ID
}

func newContacts(r *registrar.Registrar, tell func(event.AOR), tellAll func()) *contacts {
	return &contacts{registrar: r, tell: tell, tellAll: tellAll, done: make(chan struct{}), ends: map[string]string{}}
}

// start follows until Close. The registrar may have started already: each document is made of what is there then.
func (c *contacts) start() {
	ctx, stop := context.WithCancel(context.Background())
	c.stop, c.watch = stop, c.registrar.Watch(contactChanges)
	go c.run(ctx)
}

func (c *contacts) run(ctx context.Context) {
	defer close(c.done)
	defer c.watch.Close()
	lost := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case change := <-c.watch.C():
			if change.Event.Over() {
				c.ended(idOf(change.Binding), string(change.Event))
			}
			c.tell(aorOf(change.Binding.AOR))
			if change.Event == registrar.EventRegistered {
				c.came(aorOf(change.Binding.AOR))
			}
		}
		if n := c.watch.Lost(); n != lost {
			lost = n
			c.tellAll()
		}
	}
}

// Close stops following and waits.
func (c *contacts) Close() {
	c.stop()
	<-c.done
}

func (c *contacts) ended(id, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ends) >= endsKept {
		clear(c.ends) // a reason that is forgotten is told as unregistered
	}
	c.ends[id] = why
}

// Ended implements event.Contacts.
func (c *contacts) Ended(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends[id]
}

// Contacts implements event.Contacts.
func (c *contacts) Contacts(a event.AOR) []event.Contact {
	var out []event.Contact
	for _, b := range c.registrar.Bindings(a.String()) {
		x := event.Contact{ID: idOf(b), URI: registrar.Public(b.Contact).String(), CallID: b.CallID, CSeq: b.CSeq, Q: b.Q, Expires: b.Expires.Unix(),
			Instance: strings.Trim(b.Instance, "<>")}
		if strings.HasPrefix(strings.ToLower(x.Instance), "urn:") { // RFC 5627 section 4.2; temporary ones are not kept, so cannot be told
			x.PubGRUU = sip.URI{Scheme: "sip", User: a.User, Host: a.Domain, Params: sip.Params{{Name: "gr", Value: x.Instance}}}.String()
		}
		out = append(out, x)
	}
	return out
}

func idOf(b registrar.Binding) string { return "b" + strconv.FormatUint(b.ID, 36) }

func aorOf(aor string) event.AOR {
	user, domain, _ := strings.Cut(aor, "@")
	return event.AOR{User: user, Domain: domain}
}
