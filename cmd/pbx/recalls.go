package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
)

const (
	recallFor   = 45 * time.Minute
	recallsEach = 5    // of one extension
	recallsMost = 1000 // of the switch
	recallTries = 3    // calls that did not reach the other; each waits for the other's next call
	recallRing  = 20 * time.Second
	recallRest  = 3 * time.Second  // that both are left alone after a call: people hang up and dial again
	recallGrace = 10 * time.Second // after a try, in which its own legs end
	recallTick  = time.Second
	failedKept  = 20_000 // extensions whose last call in vain is remembered
)

var (
	errNoRecall    = errors.New("recalls: there is nobody to be called back for")
	errManyRecalls = errors.New("recalls: too many are waiting")
)

// recalls keeps wishes to be rung when a colleague's telephone is free (CCBS for who was busy, CCNR for who did not answer): it is free when it has
// no call, and has had one since the wish, so that somebody is there. Nothing is told of calls: whether both are free is asked of the legs
// each second while there is a wish, so that none can stick. Wishes are for three quarters of an hour and do not outlive the switch.
type recalls struct {
	begin     func(wish) (string, error)
	live      func() route.Live
	directory *directory.Directory
	clock     func() time.Time
	log       *slog.Logger

	mu     sync.Mutex // guards the rest; nothing is called under it
	wishes map[string]*recall
	failed map[string]string // by extension@domain: whom its last call did not reach
	wake   chan struct{}     // capacity 1
	stop   context.CancelFunc
	done   chan struct{}
}

type recall struct {
	provisioning.Recall
	domain  string
	since   time.Time // the other must have ended a call after it
	tries   int
	ringing bool
}

func newRecalls(begin func(wish) (string, error), live func() route.Live, d *directory.Directory, clock func() time.Time, log *slog.Logger) *recalls {
	return &recalls{begin: begin, live: live, directory: d, clock: clock, log: log, wishes: map[string]*recall{}, failed: map[string]string{},
		wake: make(chan struct{}, 1)}
}

// start looks until Close.
func (r *recalls) start() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan struct{})
	go func() {
		defer close(r.done)
		for {
			var tick <-chan time.Time
			if r.waiting() > 0 { // else nothing happens here
				tick = time.After(recallTick)
			}
			select {
			case <-ctx.Done():
				return
			case <-r.wake:
			case <-tick:
				r.look()
			}
		}
	}()
}

// Close forgets all wishes.
func (r *recalls) Close() {
	r.stop()
	<-r.done
}

func at(domain, extension string) string { return extension + "@" + domain }

func (r *recalls) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.wishes)
}

// ask notes that an extension wants to be rung when another is free; without a number it is the one that its last call did not reach.
func (r *recalls) ask(domain, by, of string) error {
	now := r.clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if of == "" {
		of = r.failed[at(domain, by)]
	}
	snap := r.directory.Snapshot()
	if of == by || !snap.Active(domain, of) || !snap.Active(domain, by) { // our own people only: nobody is rung for a call for help, or to the outside
		return errNoRecall
	}
	own := 0
	for _, w := range r.wishes {
		if w.domain != domain || w.By != by {
			continue
		}
		if own++; w.Of == of { // the same wish again lasts longer
			w.Until = now.Add(recallFor)
			return nil
		}
	}
	if own >= recallsEach || len(r.wishes) >= recallsMost {
		return errManyRecalls
	}
	w := &recall{Recall: provisioning.Recall{ID: rand.Text(), By: by, Of: of, Asked: now, Until: now.Add(recallFor)}, domain: domain, since: now}
	r.wishes[w.ID] = w
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// cancel drops all wishes of an extension.
func (r *recalls) cancel(domain, by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, w := range r.wishes {
		if w.domain == domain && w.By == by {
			delete(r.wishes, id)
		}
	}
}

// List implements provisioning.Recalls.
func (r *recalls) List(domain string) (out []provisioning.Recall) {
	for _, w := range r.all() {
		if w.domain == domain {
			out = append(out, w.Recall)
		}
	}
	return out
}

// Drop implements provisioning.Recalls.
func (r *recalls) Drop(domain, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.wishes[id]; w == nil || w.domain != domain {
		return provisioning.ErrNotFound
	}
	delete(r.wishes, id)
	return nil
}

// all are copies, the oldest wish first.
func (r *recalls) all() (out []recall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.wishes {
		out = append(out, *w)
	}
	slices.SortFunc(out, func(a, b recall) int { return cmp.Or(a.Asked.Compare(b.Asked), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Show remembers whom a call inside did not reach.
func (r *recalls) Show(s *call.Snapshot) {
	if !s.Over || s.Page != "" || !s.Answered.IsZero() || s.Direction != route.Internal || s.From == "" || s.To == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) >= failedKept {
		clear(r.failed)
	}
	r.failed[at(s.Domain, s.From)] = s.To
}

// look rings for the wishes whose time has come, and drops those whose time is over.
func (r *recalls) look() {
	now := r.clock()
	taken := map[string]bool{} // one call at a time for each telephone
	list := r.all()
	for _, w := range list {
		if w.ringing {
			taken[at(w.domain, w.Of)], taken[at(w.domain, w.By)] = true, true
		}
	}
	for _, w := range list {
		of, by := at(w.domain, w.Of), at(w.domain, w.By)
		switch {
		case w.ringing:
		case !now.Before(w.Until):
			_ = r.Drop(w.domain, w.ID)
		case taken[of] || taken[by] || !r.due(w, now):
		default:
			taken[of], taken[by] = true, true
			r.ring(w)
		}
	}
}

// due says that both telephones are free, and that somebody was at the other one since the wish.
func (r *recalls) due(w recall, now time.Time) bool {
	live, ended := r.live(), time.Time{}
	for _, n := range []string{w.By, w.Of} {
		if ended = live.IdleSince(w.domain, n); live.Busy(w.domain, n) || !live.Registered(w.domain, n) || now.Sub(ended) < recallRest {
			return false
		}
	}
	return ended.After(w.since) && !r.directory.Snapshot().Settings(w.domain, w.Of).DoNotDisturb
}

// ring begins the call: first who wished it, then the other.
func (r *recalls) ring(w recall) {
	r.change(w.ID, func(x *recall) { x.ringing = true; x.tries++ })
	snap := r.directory.Snapshot()
	other, _ := snap.Extension(w.domain, w.Of)
	d, _ := snap.Domain(w.domain)
	_, err := r.begin(wish{domain: w.domain, first: w.By, to: w.Of, ring: recallRing, idle: true,
		shown: route.Shown{Number: w.Of, Display: callBackTo(d.Language, cmp.Or(other.Display, w.Of))},
		done:  func(o call.Originated) { r.tried(w, o) }})
	var never *provisioning.Invalid
	switch {
	case errors.As(err, &never):
		r.log.Info("recalls: cannot be", "domain", w.domain, "by", w.By, "of", w.Of, "why", never.Reason)
		_ = r.Drop(w.domain, w.ID)
	case err != nil: // too much to do: the next second
		r.change(w.ID, func(x *recall) { x.ringing = false; x.tries-- })
	}
}

// tried ends a wish that was met, or that nobody was there for; who is busy again is waited for again.
func (r *recalls) tried(w recall, o call.Originated) {
	if !o.Answered || o.Reached || w.tries+1 >= recallTries {
		_ = r.Drop(w.domain, w.ID)
		return
	}
	r.change(w.ID, func(x *recall) { x.ringing, x.since = false, r.clock().Add(recallGrace) })
}

func (r *recalls) change(id string, f func(*recall)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.wishes[id]; w != nil {
		f(w)
	}
}

// startRecalls begins when calls can come.
func (p *pbx) startRecalls() {
	p.recalls = newRecalls(p.origins.begin, func() route.Live { return p.signalling.present() }, p.directory, time.Now, p.log)
	p.recalls.start()
	p.closing("recalls", func(context.Context) error { p.recalls.Close(); return nil })
}

// recall does what *37 and *38 ask for.
func (p *pbx) recall(domain, extension, feature, of string) error {
	if feature == provisioning.FeatureRecallOff {
		p.recalls.cancel(domain, extension)
		return nil
	}
	return p.recalls.ask(domain, extension, of)
}
