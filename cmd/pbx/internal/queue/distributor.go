package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"naisen/provisioning"
)

// Deps are what a Distributor asks of the rest of the switch. None of them may block.
type Deps struct {
	Clock     func() time.Time
	Zone      *time.Location
	Directory func() Directory // the latest snapshot
	// Reachable tells whether an extension has a telephone that can be rung.
	Reachable func(Key) bool
	// Calls are all live calls as they show themselves now.
	Calls func() []Call
	// Do carries out what is no business of a waiting call: Keep, CallBack, Change, Drop, SignOut, Visit, Stint.
	Do func(Command)
	// Changed is told of each new view that differs from the one before. Nil: nobody looks.
	Changed func(old, new *View)
}

// reckon is how often what is known of calls is compared with the calls.
const reckon = time.Minute

// Distributor is the one goroutine that owns a Core. What it is told waits in its inbox: at most a state for each live call, and for each
// waiting caller the few things that its script has to say.
type Distributor struct {
	deps  Deps
	core  *Core
	seats map[string]func(Command) // of waiting callers; the loop's own
	view  atomic.Pointer[View]
	wake  chan struct{}
	stop  context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex // guards the rest
	inbox  []message
	states map[string]int // where the latest state of a call stands in inbox
}

// message is something that happened; nil do: a later one has taken its place.
type message struct {
	call string // whose state it is; empty: it is none
	do   func(now time.Time)
}

// New starts a distributor; its caller tells it of the first Configured, and closes it.
func New(deps Deps) *Distributor {
	ctx, stop := context.WithCancel(context.Background())
	d := &Distributor{deps: deps, core: NewCore(deps.Zone), seats: map[string]func(Command){}, wake: make(chan struct{}, 1), stop: stop,
		done: make(chan struct{}), states: map[string]int{}}
	d.view.Store(d.core.View())
	go d.run(ctx)
	return d
}

// Close ends the loop and waits for it. Callers who wait keep waiting: their calls are ended by whoever drains the switch.
func (d *Distributor) Close() {
	d.stop()
	<-d.done
}

// View is the latest state; safe from any goroutine.
func (d *Distributor) View() *View { return d.view.Load() }

func (d *Distributor) post(m message) {
	d.mu.Lock()
	if m.call != "" {
		if i, ok := d.states[m.call]; ok {
			d.inbox[i].do = nil // the later state comes after everything that was said meanwhile
		}
		d.states[m.call] = len(d.inbox)
	}
	d.inbox = append(d.inbox, m)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *Distributor) tell(do func(now time.Time)) { d.post(message{do: do}) }

func (d *Distributor) take() []message {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.inbox
	d.inbox = nil
	clear(d.states)
	return list
}

func (d *Distributor) run(ctx context.Context) {
	defer close(d.done)
	timer := time.NewTimer(reckon)
	defer timer.Stop()
	next := d.deps.Clock().Add(reckon)
	var due time.Time // of the core
	for {
		select {
		case <-ctx.Done():
			d.carryOut(d.core.Close(d.deps.Clock()))
			return
		case <-d.wake:
		case <-timer.C:
		}
		now := d.deps.Clock()
		for _, m := range d.take() {
			if m.do != nil {
				m.do(now)
			}
		}
		if !now.Before(next) {
			next = now.Add(reckon)
			d.reckon(now)
		}
		if d.core.Touched() || !due.IsZero() && !now.Before(due) { // most calls are no business of a queue
			d.carryOut(d.core.Settle(now))
			d.publish()
			due = d.core.Deadline(now)
		}
		wait := next.Sub(now)
		if !due.IsZero() {
			wait = min(wait, due.Sub(now))
		}
		timer.Reset(max(wait, time.Millisecond))
	}
}

// reckon compares what is known with what is.
func (d *Distributor) reckon(now time.Time) {
	there := map[string]bool{}
	for _, c := range d.deps.Calls() {
		there[c.ID] = true
	}
	d.core.Alive(now, func(id string) bool { return there[id] })
}

// carryOut gives each command to whom it concerns.
func (d *Distributor) carryOut(list []Command) {
	for _, cmd := range list {
		switch cmd := cmd.(type) {
		case Offer:
			d.note(cmd.Call, cmd)
		case Withdraw:
			d.note(cmd.Call, cmd)
		case Answer:
			d.note(cmd.Call, cmd)
		case Overflow:
			d.note(cmd.Call, cmd)
			delete(d.seats, cmd.Call)
		default:
			d.deps.Do(cmd)
		}
	}
}

func (d *Distributor) note(call string, cmd Command) {
	if hear := d.seats[call]; hear != nil {
		hear(cmd)
	}
}

// publish shows the state. Seats of calls that wait no more are let go.
func (d *Distributor) publish() {
	old, v := d.view.Load(), d.core.View()
	for call := range d.seats {
		if _, waits := v.Places[call]; !waits {
			delete(d.seats, call)
		}
	}
	d.view.Store(v)
	if d.deps.Changed != nil {
		d.deps.Changed(old, v)
	}
}

// Configured says that the directory has changed.
func (d *Distributor) Configured() {
	d.tell(func(now time.Time) {
		fresh := d.core.Configure(now, d.deps.Directory())
		if len(fresh) == 0 {
			return
		}
		for _, k := range fresh {
			d.core.Registered(now, k, d.deps.Reachable(k))
		}
		for _, c := range d.deps.Calls() { // some of them may be talking
			d.core.Call(now, c)
		}
	})
}

// Restore counts the rows of earlier today.
func (d *Distributor) Restore(rows []provisioning.QueueVisit) {
	d.tell(func(now time.Time) {
		for _, r := range rows {
			d.core.Restore(now, r)
		}
	})
}

// Registrations says that the telephones of an extension have changed.
func (d *Distributor) Registrations(k Key) {
	d.tell(func(now time.Time) { d.core.Registered(now, k, d.deps.Reachable(k)) })
}

// Changed takes the state of a call. For each call it is told in order.
func (d *Distributor) Changed(c Call) {
	d.post(message{call: c.ID, do: func(now time.Time) { d.core.Call(now, c) }})
}

// Join seats a caller in a queue.
func (d *Distributor) Join(from Caller) *Seat {
	s := NewSeat()
	d.Rejoin(from, time.Time{}, s.Add)
	return s
}

// Rejoin seats a caller who has waited since then; zero: who comes now. hear is told what concerns the caller, and must not block.
func (d *Distributor) Rejoin(from Caller, since time.Time, hear func(Command)) {
	d.tell(func(now time.Time) {
		d.seats[from.Call] = hear
		if since.IsZero() || since.After(now) { // by another node's clock
			since = now
		}
		d.core.Join(since, from)
	})
}

// Reanswered says when an agent and the caller of a call began to talk, to a distributor that did not see it.
func (d *Distributor) Reanswered(call, agent string, at time.Time) {
	d.tell(func(time.Time) { d.core.Answered(at, call, agent) })
}

// Refused, Answered and WantKept: see Core.
func (d *Distributor) Refused(call, agent string) {
	d.tell(func(now time.Time) { d.core.Refused(now, call, agent) })
}

// Answered: see Core.
func (d *Distributor) Answered(call, agent string) {
	d.tell(func(now time.Time) { d.core.Answered(now, call, agent) })
}

// WantKept: see Core.
func (d *Distributor) WantKept(call, number string) {
	d.tell(func(now time.Time) { d.core.WantKept(now, call, number) })
}

// Kept: see Core.
func (d *Distributor) Kept(call string, ok bool) {
	d.tell(func(now time.Time) { d.core.Kept(now, call, ok) })
}

// Called: see Core.
func (d *Distributor) Called(domain, id, agent string, what Tried) {
	d.tell(func(now time.Time) { d.core.Called(now, domain, id, agent, what) })
}

// Ready: see Core.
func (d *Distributor) Ready(k Key) {
	d.tell(func(now time.Time) { d.core.Ready(now, k) })
}
