package event

import (
	"strconv"
	"sync/atomic"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Why a subscription ends (RFC 6665 section 4.1.3).
const (
	reasonTimeout     = "timeout"
	reasonRejected    = "rejected"
	reasonDeactivated = "deactivated"
	reasonNoResource  = "noresource"
)

const (
	maxRoutes = 16
	grace     = 32 * time.Second // for a subscriber to come back after its connection has ended
)

// subscription is one dialog of RFC 6665. All but the first block belongs to the shard of its Call-ID.
type subscription struct {
	n        *Notifier
	key      subKey
	pkg      Package
	id       string // of the Event header
	watcher  Watcher
	resource AOR
	phone    string // user, host and port of its first Contact: an instance of the watcher
	marked   atomic.Bool
	on       *stack.Flow // guarded by Notifier.mu: where flows has it

	view       View
	local      string // From of our NOTIFYs
	remote     string // their To
	remoteTag  string
	contact    string // ours
	target     sip.URI
	routes     []sip.Address
	echo       []string // Record-Route for our responses
	localSeq   uint32
	remoteSeq  uint32
	flow       *stack.Flow
	until      time.Time // monotonic
	expiry     timer
	pace       timer
	orphanhood timer

	dirty  bool      // a NOTIFY is due
	urgent bool      // at once
	all    bool      // with everything, changed or not
	tell   bool      // the last NOTIFY carries the state
	busy   bool      // a NOTIFY is on its way
	final  bool      // and it is the last
	gone   bool      // forgotten
	why    string    // not empty: it ends; the reason and its parameters
	next   time.Time // no NOTIFY before, unless it is urgent; monotonic
	tries  int       // refusals in a row that may pass
}

func (s *subscription) topic() topic { return topic{s.pkg.Name(), s.resource} }

// timer is at most one running timer.
type timer struct{ stop func() }

func (t *timer) set(s *subscription, d time.Duration, f func()) {
	t.clear()
	t.stop = s.n.st.After(s.key.callID, d, func() {
		t.stop = nil
		f()
	})
}

func (t *timer) clear() {
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
}

// changed: the state of the resource is another one. What is read for the NOTIFY is read after the mark is taken back.
func (s *subscription) changed() {
	s.marked.Store(false)
	if s.gone || s.why != "" {
		return
	}
	if s.dirty {
		s.n.coalesced.Add(1)
	}
	s.dirty = true
	s.flush()
}

// end sends the last NOTIFY as soon as it may.
func (s *subscription) end(why string) {
	if s.gone || s.why != "" {
		return
	}
	s.why = why
	s.expiry.clear()
	s.dirty, s.urgent = true, true
	s.flush()
}

// over forgets the subscription.
func (s *subscription) over() {
	if s.gone {
		return
	}
	s.gone = true
	s.expiry.clear()
	s.pace.clear()
	s.orphanhood.clear()
	s.n.remove(s)
}

// move takes over the flow of a SUBSCRIBE within the dialog: the tags have proven it.
func (s *subscription) move(f *stack.Flow) {
	if f == nil || s.flow == f {
		return
	}
	s.flow = f
	s.orphanhood.clear()
	s.n.moved(s, f)
}

// reach tells where the subscriber is: on the flow of its last SUBSCRIBE, unless it has moved since. False: it has gone, and may come back.
func (s *subscription) reach() (stack.Target, bool) {
	if reroute := s.n.cfg.Reroute; reroute != nil {
		if to, ok := reroute(s.target, s.flow); ok && to.Flow != nil && (!s.flow.Secure() || to.Flow.Secure()) {
			s.move(to.Flow)
			return to, true
		}
	}
	return stack.Target{Flow: s.flow}, s.flow.Alive()
}

// orphaned: the connection has ended. What changes meanwhile is told when the subscriber is found again.
func (s *subscription) orphaned() {
	if s.gone || s.flow.Alive() || s.orphanhood.stop != nil {
		return
	}
	if s.why != "" {
		s.over()
		return
	}
	s.orphanhood.set(s, grace, func() {
		if _, ok := s.reach(); !ok {
			s.n.failed.Add(1)
			s.over()
			return
		}
		s.flush()
	})
}

// notify makes the request (RFC 3261 section 12.2.1.1).
func (s *subscription) notify() *stack.Request {
	uri, routes := s.target.WithoutHeaders(), s.routes
	if len(routes) > 0 && !routes[0].URI.Params.Has("lr") { // a strict router wants to be the Request-URI
		last := sip.Address{URI: uri}
		uri = routes[0].URI.WithoutHeaders()
		routes = append(append([]sip.Address(nil), routes[1:]...), last)
	}
	r := stack.NewRequest("NOTIFY", uri)
	for _, a := range routes {
		r.Add("Route", sip.Address{URI: a.URI}.String())
	}
	s.localSeq++
	r.Set("From", s.local)
	r.Set("To", s.remote)
	r.Set("Call-ID", s.key.callID)
	r.Set("CSeq", strconv.FormatUint(uint64(s.localSeq), 10)+" NOTIFY")
	r.Set("Contact", s.contact)
	r.Set("Event", eventHeader(s.pkg.Name(), s.id))
	return r
}
