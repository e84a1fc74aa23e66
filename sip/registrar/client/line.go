package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

const (
	usualExpires = 3600
	longestAsk   = 86400            // a Min-Expires above it is not followed
	resolveTime  = 5 * time.Second  // for the registrar's addresses
	targetTime   = 5 * time.Second  // until the next address is tried; the last one has the transaction's 32 s
	farewellTime = 2 * time.Second  // for the answer to our last REGISTER
	firstWait    = 5 * time.Second  // after a failure; doubles (RFC 5626 section 4.5, with a base for one trunk instead of a thousand phones)
	longestWait  = 10 * time.Minute //
	rejectedWait = 2 * time.Minute  // after 403 and the like; doubles too
	mostRejected = time.Hour        //
	longestAfter = time.Hour        // of a Retry-After
)

// line is one registration. Its fields belong to run, but for those that say otherwise.
type line struct {
	Line
	c    *Client
	stop context.CancelFunc         // set before run starts
	done chan struct{}              // closed when run returns
	wake chan struct{}              // the connection is gone
	flow atomic.Pointer[stack.Flow] // of the registration; read by FlowClosed

	state atomic.Pointer[State] // read by anybody; replaced, never changed

	callID   string
	user     string // of our Contact
	cseq     uint32
	expires  int // asked for
	failures int // one after the other
	target   stack.Target
	contact  sip.URI
}

func newLine(c *Client, w Line) *line {
	l := &line{Line: w, c: c, done: make(chan struct{}), wake: make(chan struct{}, 1), callID: rand.Text(), expires: w.Expires}
	if l.expires <= 0 {
		l.expires = usualExpires
	}
	if !w.Bulk {
		l.user = "t" + rand.Text()[:16] // a carrier calls it; nobody else can guess it
	}
	l.state.Store(&State{Key: w.Key, Phase: Registering, Since: c.cfg.Clock()})
	return l
}

func (l *line) poke() {
	select {
	case l.wake <- struct{}{}:
	default: // woken already
	}
}

// run registers until ctx ends, then unregisters. before is the line that it replaces.
func (l *line) run(ctx context.Context, before <-chan struct{}) {
	defer close(l.done)
	if before != nil {
		<-before
	}
	for ctx.Err() == nil {
		if l.pause(ctx, l.attempt(ctx), l.wake) { // a registrar that closes each connection must not make us hurry
			l.pause(ctx, firstWait/2+mathrand.N(firstWait/2), nil)
		}
	}
	l.farewell()
}

// pause waits, and tells whether it was woken.
func (l *line) pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
		return true
	case <-timer.C:
	}
	return false
}

// failure is why an attempt came to nothing.
type failure struct {
	status int
	reason string
	after  time.Duration // of Retry-After
	wrong  bool          // the account, not the moment
}

// attempt registers or refreshes once, and says when the next is due.
func (l *line) attempt(ctx context.Context) time.Duration {
	granted, status, bad := l.register(ctx)
	if ctx.Err() != nil {
		return 0
	}
	now := l.c.cfg.Clock()
	was := *l.state.Load()
	is := was
	is.Attempts++
	is.Status, is.Contact = status, l.contact
	var wait time.Duration
	if bad == nil {
		l.failures = 0
		wait = refreshAfter(granted)
		is.Phase, is.Reason, is.Expires = Registered, "", now.Add(granted)
	} else {
		l.failures++
		is.Failures++
		is.Phase, is.Reason, is.Status, wait = Waiting, bad.reason, bad.status, backoff(bad, l.failures)
		if bad.wrong {
			is.Phase = Rejected
		}
		if !is.Expires.After(now) {
			is.Expires = time.Time{}
		} else if left := is.Expires.Sub(now); is.Phase == Waiting && bad.after == 0 { // refresh failed: the registration still stands
			wait = min(wait, max(left/2, firstWait))
		}
	}
	is.Next = now.Add(wait)
	if is.Phase != was.Phase {
		is.Since = now
	}
	l.state.Store(&is)
	l.log(was, is)
	return wait
}

func (l *line) log(was, is State) {
	if was.Phase == is.Phase && was.Reason == is.Reason {
		return
	}
	attrs := []any{slog.String("line", l.Key), slog.String("phase", string(is.Phase)), slog.Int("status", is.Status)}
	if is.Phase == Registered {
		l.c.cfg.Log.Info("registered with a carrier", append(attrs, slog.Time("expires", is.Expires))...)
		return
	}
	l.c.cfg.Log.Warn("not registered with a carrier", append(attrs, slog.String("reason", is.Reason), slog.Time("next", is.Next))...)
}

// refreshAfter: ten minutes before the end, or half-way through a short one (3GPP TS 24.229 section 5.1.1.4.1, which carriers expect).
func refreshAfter(granted time.Duration) time.Duration {
	if granted > 20*time.Minute {
		return granted - 10*time.Minute
	}
	return max(granted/2, time.Second)
}

// backoff is between half and all of its bound, so that the switches of a carrier that restarts do not come together (RFC 5626 section 4.5).
func backoff(bad *failure, failures int) time.Duration {
	first, most := firstWait, longestWait
	if bad.wrong {
		first, most = rejectedWait, mostRejected
	}
	bound := min(first<<min(failures-1, 10), most)
	wait := bound/2 + mathrand.N(bound/2)
	if bad.after > 0 {
		return max(wait, min(bad.after, longestAfter)+mathrand.N(time.Second))
	}
	return wait
}

var errNoTarget = errors.New("client: the registrar has no address")

// register tries the registrar's addresses in turn until one gives an answer that the others would give too.
func (l *line) register(ctx context.Context) (granted time.Duration, status int, bad *failure) {
	find, cancel := context.WithTimeout(ctx, resolveTime)
	targets, err := l.c.cfg.Resolve(find, l.Line)
	cancel()
	if err == nil && len(targets) == 0 {
		err = errNoTarget
	}
	if err != nil {
		return 0, 0, &failure{reason: "registrar not found"}
	}
	for i, to := range targets {
		patience := time.Duration(0)
		if i+1 < len(targets) {
			patience = targetTime
		}
		granted, status, bad = l.ask(ctx, to, l.expires, patience)
		if bad == nil || bad.wrong || ctx.Err() != nil || bad.status != 0 && bad.status != 408 && bad.status/100 != 5 {
			break
		}
	}
	return granted, status, bad
}

// farewell ends the registration, if there is one, without waiting for long: it runs out by itself.
func (l *line) farewell() {
	defer l.flow.Store(nil)
	if l.state.Load().Expires.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewellTime)
	defer cancel()
	_, status, _ := l.ask(ctx, l.target, 0, 0)
	l.c.cfg.Log.Info("unregistered from a carrier", slog.String("line", l.Key), slog.Int("status", status))
}

func (l *line) request(to stack.Target, expires int) *stack.Request {
	domain := l.Domain
	if domain == "" {
		domain = l.Host
	}
	me := sip.Address{URI: sip.URI{Scheme: "sip", User: l.User, Host: domain}}
	req := stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: domain})
	req.SetFrom(me.WithTag(rand.Text()[:12]))
	req.SetTo(me)
	req.Add("Call-ID", l.callID) // the same for the line's life, with a growing CSeq (RFC 3261 section 10.2.4)
	l.contact = l.c.cfg.Network.Contact(l.user, to)
	if l.Bulk { // RFC 6140 section 5.1
		l.contact.User = ""
		l.contact = l.contact.WithFlag("bnc")
		req.Add("Require", "gin")
		req.Add("Proxy-Require", "gin")
	}
	req.Add("Supported", "path")
	req.SetContact(sip.Address{URI: l.contact})
	req.Add("Expires", strconv.Itoa(expires))
	req.Add("Max-Forwards", "70")
	return req
}

func (l *line) next(req *stack.Request) {
	l.cseq++
	req.Set("CSeq", fmt.Sprintf("%d REGISTER", l.cseq))
}
