package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/live"
	"naisen/sip/event"
	"naisen/sip/registrar"
)

// clerkBound is how many changes of the call centre wait for the store.
const clerkBound = 1000

// zone is whose midnight begins a day.
func zone() *time.Location { return time.FixedZone("JST", 9*3600) }

// queues joins the distributor with the directory, the registrar, the calls, the store and the ledger.
type queues struct {
	*hall
	directory *directory.Directory
	registrar *registrar.Registrar
	store     provisioning.Store
	ledger    queueLedger
	calls     func() []*call.Snapshot
	live      *live.Hub
	lamp      func(queue.Key) // an agent does something else now
	log       *slog.Logger
	origins   *origins // set before anything runs
	alarm     func(name, domain, object, detail string)

	desk    chan queue.Command // for the store
	dropped atomic.Uint64
	stop    context.CancelFunc
	running sync.WaitGroup
}

// queueLedger takes rows for reports. It never blocks.
type queueLedger interface {
	Visit(provisioning.QueueVisit)
	Stint(provisioning.AgentStint)
}

// newQueues needs the registrar loaded, and calls that may be asked for.
func newQueues(d *directory.Directory, r *registrar.Registrar, st provisioning.Store, l queueLedger, calls func() []*call.Snapshot, hub *live.Hub, log *slog.Logger) *queues {
	q := &queues{directory: d, registrar: r, store: st, ledger: l, calls: calls, live: hub, log: log, desk: make(chan queue.Command, clerkBound)}
	q.hall = newHall(q.distributor)
	q.moved = func(kind string, k queue.Key) {
		if kind == kindAgent {
			q.agentChanged(k)
		} else {
			q.live.Changed(topicQueue, k.Domain, k.Number)
		}
	}
	return q
}

func (q *queues) distributor() *queue.Distributor {
	return queue.New(queue.Deps{Clock: time.Now, Zone: zone(), Directory: func() queue.Directory { return quietAgents{q.directory.Snapshot()} },
		Reachable: q.reachable, Calls: q.states, Do: q.do, Changed: q.tell})
}

// quietAgents are the agents as they may be rung: who wants no calls at all wants none of a queue.
type quietAgents struct{ *directory.Snapshot }

// Agents implements queue.Directory.
func (q quietAgents) Agents(domain string) []provisioning.Agent {
	list := q.Snapshot.Agents(domain)
	for i, a := range list {
		if a.Paused == "" && q.Settings(domain, a.Number).DoNotDisturb {
			list[i].Paused = "do-not-disturb"
		}
	}
	return list
}

// start follows the directory and the registrations until Close.
func (q *queues) start() {
	ctx, stop := context.WithCancel(context.Background())
	q.stop = stop
	watch := q.registrar.Watch(contactChanges)
	if q.nodes != nil {
		q.running.Go(func() { q.preside(ctx) })
	} else {
		q.Configured()
		q.Restore(q.today(ctx))
	}
	q.running.Go(func() { q.follow(ctx) })
	q.running.Go(func() { q.watch(ctx, watch) })
	q.running.Go(func() { q.clerk(ctx) })
}

// startQueues begins when calls can come.
func (p *pbx) startQueues(ctx context.Context) {
	p.wireAgents()
	if afar := p.signalling.afar; afar != nil {
		p.queues.among(p.nodes, afar)
		afar.mirror.Run(ctx) // everybody who learns by it is there
		p.closing("other nodes' calls", func(context.Context) error { afar.mirror.Close(); return nil })
	}
	p.queues.start()
	p.closing("queues", func(context.Context) error { p.queues.Close(); return nil })
}

// Close stops following, writes what waits for the store, and ends the distributor.
func (q *queues) Close() {
	q.hall.close()
	q.stop()
	q.running.Wait()
}

// follow takes what is set, and who signs in at which desk: an agent can be rung there. Whom the clock signs out is taken out of the directory soon.
func (q *queues) follow(ctx context.Context) {
	snap := q.directory.Snapshot()
	before := snap.Seated(time.Now())
	for q.directory.WaitVersion(ctx, snap.Version()+1) == nil {
		snap = q.directory.Snapshot()
		q.Configured()
		now := snap.Seated(time.Now())
		reseated(before, now, q.came)
		before = now
	}
}

// came says that the telephones of an extension have changed, which may be somebody else's desk.
func (q *queues) came(a event.AOR) {
	q.Registrations(queue.Key{Domain: a.Domain, Number: a.User})
	if person, ok := q.directory.Snapshot().PersonAt(a.Domain, a.User, time.Now()); ok {
		q.Registrations(queue.Key{Domain: a.Domain, Number: person})
	}
}

func (q *queues) watch(ctx context.Context, w *registrar.Watch) {
	defer w.Close()
	lost := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-w.C():
			q.came(aorOf(c.Binding.AOR))
		}
		if n := w.Lost(); n != lost {
			lost = n
			for k := range q.View().Agents {
				q.Registrations(k)
			}
		}
	}
}

// today is what the queues did today.
func (q *queues) today(ctx context.Context) (all []provisioning.QueueVisit) {
	if q.store == nil {
		return nil
	}
	midnight := time.Now().In(zone())
	midnight = time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, 0, 0, 0, zone())
	err := q.store.View(ctx, func(r provisioning.Reader) error {
		for _, d := range q.directory.Snapshot().DomainNames() {
			rows, err := r.Visits(d, provisioning.LogQuery{From: midnight})
			if err != nil {
				return err
			}
			all = append(all, rows...)
		}
		return nil
	})
	if err != nil {
		q.log.Error("queues: today's counts begin anew", "err", err)
	}
	return all
}

// reachable: there is a telephone that rings for an agent, at the own place or at a desk.
func (q *queues) reachable(k queue.Key) bool {
	return present{registrar: q.registrar, directory: q.directory}.Registered(k.Domain, k.Number)
}

// Queue implements app.Queues.
func (q *queues) Queue(domain, number string) (provisioning.Queue, bool) {
	return q.directory.Snapshot().Queue(domain, number)
}

// Place implements app.Queues.
func (q *queues) Place(id string) (queue.Place, bool) {
	return q.place(id)
}

func (q *queues) states() []queue.Call {
	list := q.calls()
	out := make([]queue.Call, len(list))
	for i, s := range list {
		out[i] = queueCall(s)
	}
	return out
}

// Show takes the new state of a call, in order for each call; own: it is this node's.
func (q *queues) Show(s *call.Snapshot, own bool) {
	c := queueCall(s)
	if own {
		q.shown(c)
	}
	q.Changed(c)
}

// queueCall is what a call says of the agents in it.
func queueCall(s *call.Snapshot) queue.Call {
	c := queue.Call{ID: s.ID, Domain: s.Domain, Ending: s.Phase == call.Ending, Over: s.Over}
	for _, p := range s.Parties {
		if p.Extension != "" { // also while it is leaving: a telephone that has not hung up yet is not free
			c.In = append(c.In, queue.InCall{Number: p.Extension, Talking: p.Phase >= call.PartyUp})
		}
	}
	if s.Consults != "" { // its conversation is not over
		c.In = append(c.In, queue.InCall{Number: s.Consults, Talking: true})
	}
	return c
}

// do carries out a command that is no waiting call's. It never blocks.
func (q *queues) do(c queue.Command) {
	switch c := c.(type) {
	case queue.Visit:
		q.ledger.Visit(c.Row)
	case queue.Stint:
		q.ledger.Stint(c.Row)
	case queue.CallBack:
		q.callBack(c)
	default:
		select {
		case q.desk <- c:
		default:
			q.dropped.Add(1)
			q.log.Error("queues: the store is behind, a change is lost", "change", c)
			if k, ok := c.(queue.Keep); ok {
				q.Kept(k.Call, false)
			}
		}
	}
}

// clerk writes what agents and call-backs change. What waits when the switch stops is still written.
func (q *queues) clerk(ctx context.Context) {
	for {
		select {
		case c := <-q.desk:
			q.file(context.WithoutCancel(ctx), c)
		case <-ctx.Done():
			for len(q.desk) > 0 {
				q.file(context.WithoutCancel(ctx), <-q.desk)
			}
			return
		}
	}
}

func (q *queues) file(ctx context.Context, c queue.Command) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := q.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return write(w, c) })
	if err != nil {
		q.log.Error("queues: a change was not stored", "err", err)
	}
	if k, ok := c.(queue.Keep); ok {
		q.Kept(k.Call, err == nil)
	}
}

func write(w provisioning.Writer, c queue.Command) (err error) {
	switch c := c.(type) {
	case queue.Keep:
		_, err = provisioning.Put(w, c.Domain, c.CallBack, "!")
	case queue.Change:
		_, err = provisioning.Put(w, c.Domain, c.CallBack, "*")
	case queue.Drop:
		err = provisioning.Delete[provisioning.CallBack](w, c.Domain, c.ID, "")
	case queue.SignOut:
		a, tag, err := provisioning.Get[provisioning.Agent](w, c.Agent.Domain, c.Agent.Number)
		if err != nil {
			return err
		}
		a.SignedIn = false
		_, err = provisioning.Put(w, c.Agent.Domain, a, tag)
		return err
	}
	return err
}
