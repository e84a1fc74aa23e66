package event

import (
	"sync"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Phone is where one device is reached outside a dialog.
type Phone struct {
	Contact sip.URI
	Routes  []sip.Address // towards it, topmost first
	Target  stack.Target
}

// Teller sends message summaries to phones that show them but never subscribe. There is no RFC for that: to the phone it is the first and
// last NOTIFY of a subscription that somebody else made for it, so it is sent as terminated.
type Teller struct {
	st     Transport
	src    Mailboxes
	phones func(AOR) []Phone // those to tell now; it must not block

	mu    sync.Mutex // guards the rest; nothing is called under it
	busy  map[AOR]int
	again map[AOR]bool
}

// NewTeller tells what src has.
func NewTeller(st Transport, src Mailboxes, phones func(AOR) []Phone) *Teller {
	return &Teller{st: st, src: src, phones: phones, busy: map[AOR]int{}, again: map[AOR]bool{}}
}

// Tell sends what waits for an owner to each phone of his, now or once those told before have answered: a phone that does not answer costs
// one request at a time, and the last state always gets out. Any goroutine may call it.
func (t *Teller) Tell(owner AOR) {
	phones := t.phones(owner)
	if len(phones) == 0 {
		return
	}
	t.mu.Lock()
	if t.busy[owner] > 0 {
		t.again[owner] = true
		t.mu.Unlock()
		return
	}
	t.busy[owner] = len(phones)
	t.mu.Unlock()
	body := summary(owner, t.src.Messages(owner))
	for _, p := range phones {
		r := notification(t.st, owner, p, "message-summary")
		r.SetBody(summaryType, body)
		t.st.Send(r, p.Target, func(_ *stack.ClientTx, r stack.Result) {
			if r.Err != nil || r.Response.Status >= 200 {
				t.told(owner, r.Err != nil)
			}
		})
	}
}

// notification is a NOTIFY outside of any subscription, as the first and last one of a subscription that nobody made.
func notification(st Transport, owner AOR, p Phone, pkg string) *stack.Request {
	r := stack.NewRequest("NOTIFY", p.Contact.WithoutHeaders())
	for _, a := range p.Routes {
		r.Add("Route", a.String())
	}
	me := sip.Address{URI: sip.URI{Scheme: "sip", User: owner.User, Host: owner.Domain}}
	r.SetFrom(me.WithTag(stack.NewTag()))
	r.SetTo(me)
	r.Set("Call-ID", stack.NewCallID())
	r.Set("CSeq", "1 NOTIFY")
	r.SetContact(sip.Address{URI: st.Contact(owner.User, p.Target)})
	r.Set("Event", pkg)
	r.Set("Subscription-State", "terminated;reason=noresource")
	return r
}

// told counts the answers down; the last one lets what has changed meanwhile go, a little later if a phone could not be reached.
func (t *Teller) told(owner AOR, failed bool) {
	t.mu.Lock()
	t.busy[owner]--
	done := t.busy[owner] == 0
	again := done && t.again[owner]
	if done {
		delete(t.busy, owner)
		delete(t.again, owner)
	}
	t.mu.Unlock()
	switch {
	case again && failed:
		t.st.After(owner.String(), time.Second, func() { t.Tell(owner) })
	case again:
		t.Tell(owner)
	}
}
