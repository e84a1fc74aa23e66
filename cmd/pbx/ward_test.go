package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/queue"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/media/sdp"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/event"
)

// The ward's size.
const (
	wardPeople = 2500
	wardGroups = 60
	wardQueues = 10
	wardAgents = 100
	wardCalls  = 10_000
	wardHour   = time.Hour
)

// ward is the busy hour of a ward office above SIP: the real directory, routing, calls, scripts, distributor, lamps and purse, and people who
// call, answer, do not answer, go to lunch and hang up.
type ward struct {
	t      testing.TB
	seed   uint64
	air    *air
	dir    *directory.Directory
	calls  *call.Switch
	queues *queue.Distributor
	lamps  *lamps
	book   *legs // which extensions have a leg, as signalling knows it
	parks  *parks
	rooms  *app.Rooms
	boxes  *simBoxes
	purse  *purse

	mu      sync.Mutex // guards the rest
	dice    *rand.Rand
	legs    int
	fetches int
	live    map[call.LegID]*wardLeg
	busy    map[string]time.Time // extensions in a call, since when
	waiting map[string]string    // queue of calls that joined one
	offered map[string]time.Time // first ringing of an agent for a waiting call
	talked  map[string]string    // the last two who talked, by call
	parked  map[string]string    // slot, by call
	seen    map[string]int       // what happened how often
	started map[string]bool
	cdrs    map[string]int
	visits  []provisioning.QueueVisit
	agents  []provisioning.Agent
	away    map[string]bool // extensions without a registered phone
	faults  []string
}

func (w *ward) wrong(format string, args ...any) {
	if len(w.faults) < 50 {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

func newWard(t testing.TB, d *directory.Directory, seed uint64) *ward {
	w := &ward{t: t, seed: seed, dir: d, dice: rand.New(rand.NewPCG(seed, 0)), air: &air{t: t, speaking: nil}, live: map[call.LegID]*wardLeg{},
		busy: map[string]time.Time{}, waiting: map[string]string{}, offered: map[string]time.Time{}, talked: map[string]string{}, parked: map[string]string{}, seen: map[string]int{},
		started: map[string]bool{}, cdrs: map[string]int{}, away: map[string]bool{}}
	w.air.hear()
	log := slog.New(slog.DiscardHandler)
	s := &signalling{directory: d, domain: simDomain, own: map[string]bool{}, events: &events{mailboxes: newMailboxes(func(event.AOR) {})}, log: log}
	w.lamps = newLamps(func(event.AOR) {})
	w.book, w.parks, w.rooms, w.boxes = &s.legs, newParks(d, &s.legs), app.NewRooms(w.air.Room), newSimBoxes(&pbx{directory: d, signalling: s, log: log})
	for i := range wardAgents {
		w.agents = append(w.agents, provisioning.Agent{Number: fmt.Sprint(2001 + i), SignedIn: i%9 > 0, Skills: map[string]int{"tax": i % 5}})
	}
	w.queues = queue.New(queue.Deps{Clock: time.Now, Zone: zone(), Directory: func() queue.Directory { return wardTable{w} },
		Reachable: func(k queue.Key) bool { w.mu.Lock(); defer w.mu.Unlock(); return !w.away[k.Number] },
		Calls:     w.states, Do: w.do})
	w.purse = newPurse(d, auditQueue(10_000), newAlarms(log, time.Now), w, time.Now, log)
	ways := newTrunks(d, nil, nil, log).book
	of := &pbx{directory: d, log: log}
	w.calls = call.NewSwitch(call.Deps{Media: w.air, Dialler: w, Recorder: &tape{failing: func() bool { return false }, refused: map[string]bool{}},
		Ledger: w.purse, Clock: time.Now, Log: log, Alarm: w.alarm,
		Programs: app.Programs{Prompts: &simLibrary{}, Ringtone: wardTone, Queues: w, Rooms: w.rooms, Conference: of.conference, Beep: beep, Menu: of.menu, Parks: w.parks,
			Mailboxes: w.boxes, Leave: func(domain, number string) route.Plan {
				return route.Voicemail(ordered{d.Snapshot(), ways}, domain, number, "", route.Plan{})
			}},
		Route: func(r route.Request, now time.Time) route.Plan {
			r.Live = wardLive{w}
			plan := route.Route(ordered{d.Snapshot(), ways}, r, now)
			w.planned(plan)
			return plan
		},
		Admit: w.purse.admit, Moved: w.purse.book.Move, Spared: w.purse.spared, Mobiles: &call.Mobiles{}, Changed: w.changed, Number: s.number}, 0)
	w.queues.Configured()
	return w
}

// wardTone is a ringback without end, as the simulated endpoints know it.
func wardTone(c media.Codec) (media.Source, error) { return simEndless{simSource{c, 0}}, nil }

// hear lets every phone be heard, whatever its address.
func (a *air) hear() { a.all = true }

// wardTable is the directory as the distributor reads it: the agents' wishes change while the ward works.
type wardTable struct{ w *ward }

func (t wardTable) DomainNames() []string                    { return []string{simDomain} }
func (t wardTable) Queues(d string) []provisioning.Queue     { return t.w.dir.Snapshot().Queues(d) }
func (t wardTable) CallBacks(string) []provisioning.CallBack { return nil }
func (t wardTable) Agents(string) []provisioning.Agent {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	return slices.Clone(t.w.agents)
}

// Reach implements app.Queues: nobody is called back here.
func (w *ward) Reach(string, string, string) (string, bool) { return "", false }

// Queue, Join, Refused, Answered, WantKept and Place implement app.Queues.
func (w *ward) Queue(domain, number string) (provisioning.Queue, bool) {
	return w.dir.Snapshot().Queue(domain, number)
}
func (w *ward) Join(c queue.Caller) *queue.Seat {
	w.mu.Lock()
	w.waiting[c.Call] = c.Queue.Number
	w.mu.Unlock()
	return w.queues.Join(c)
}
func (w *ward) Refused(call, agent string)   { w.queues.Refused(call, agent) }
func (w *ward) Answered(call, agent string)  { w.queues.Answered(call, agent) }
func (w *ward) WantKept(call, number string) { w.queues.WantKept(call, number) }
func (w *ward) Place(id string) (queue.Place, bool) {
	p, ok := w.queues.View().Places[id]
	return p, ok
}

func (w *ward) alarm(reason string) { w.mu.Lock(); defer w.mu.Unlock(); w.wrong("alarm %s", reason) }

func (w *ward) states() (out []queue.Call) {
	for _, s := range w.calls.Snapshots("") {
		out = append(out, queueCall(s))
	}
	return out
}

func (w *ward) do(c queue.Command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := c.(queue.Visit); ok {
		w.visits = append(w.visits, v.Row)
	}
}

// Enter implements call.Ledger.
func (w *ward) Enter(c call.CDR) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cdrs[c.ID]++
}

// Find implements call.Dialler.
func (w *ward) Find(domain string, t route.Target) []call.Destination {
	d := call.Destination{Number: t.Number, Trunk: t.Trunk, Security: media.SecurityForbidden}
	if t.Kind == route.ToExtension {
		w.mu.Lock()
		gone := w.away[t.Number]
		w.mu.Unlock()
		if d.Extension = t.Number; gone || !w.dir.Snapshot().Active(domain, t.Number) {
			return nil
		}
	}
	return []call.Destination{d}
}

// phoneOffer is what a caller's INVITE carries.
func (w *ward) phoneOffer(n int) (media.SDP, error) {
	s := sdp.New(sdp.Config{Addr: netip.MustParseAddr("198.51.100.1"), Port: 4000, Codecs: []media.Codec{media.PCMU}, SessionID: uint64(n + 1)})
	return s.Offer(media.Want{Prefer: []media.Codec{media.PCMU}})
}

// restless agents come, go, have lunch and lose their telephone's registration.
func (w *ward) restless(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(7 * time.Second)
		w.mu.Lock()
		a := &w.agents[w.dice.IntN(wardAgents)]
		switch w.dice.IntN(4) {
		case 0:
			a.SignedIn = !a.SignedIn
		case 1:
			a.Paused = []string{"", "昼食", ""}[w.dice.IntN(3)]
		case 2:
			w.away[a.Number] = !w.away[a.Number] && w.dice.IntN(4) == 0
		}
		k := queue.Key{Domain: simDomain, Number: a.Number}
		w.mu.Unlock()
		w.queues.Configured()
		w.queues.Registrations(k)
	}
}

// TestDayOfTheWard plays the busy hour and checks what must hold. Under the race detector it is its first few minutes: make test plays the
// whole hour without.
func TestDayOfTheWard(t *testing.T) {
	d := simDirectory(t, wardEntities()...)
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, d, 1)
		ctx, stop := context.WithCancel(t.Context())
		var restless sync.WaitGroup
		restless.Go(func() { w.restless(ctx) })
		pace := rand.New(rand.NewPCG(w.seed, 1<<40))
		for n := range w.size() {
			time.Sleep(time.Duration(pace.Int64N(int64(2 * wardHour / wardCalls))))
			w.begin(n)
		}
		stop()
		time.Sleep(30 * time.Minute)
		restless.Wait()
		w.check()
		w.calls.Drain(ctx)
		w.queues.Close()
		for _, f := range w.faults {
			t.Error(f)
		}
	})
}

func (w *ward) check() {
	view := w.queues.View()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nothingLeft()
	if n, lit := w.calls.Len(), w.lamps.lit(); n > 0 || lit > 0 || len(w.live) > 0 || len(w.busy) > 0 {
		w.wrong("at rest there are %d calls, %d lamps lit, %d legs, %d people in calls", n, lit, len(w.live), len(w.busy))
	}
	for i, s := range w.calls.Snapshots("") {
		if i < 5 {
			w.t.Logf("still there: %+v, waited for %q", *s, w.waiting[s.ID])
		}
	}
	for id := range w.started {
		if w.cdrs[id] != 1 {
			w.wrong("call %s has %d records", id, w.cdrs[id])
		}
	}
	for k, q := range view.Queues {
		if q.Waiting > 0 {
			w.wrong("%d wait in %s", q.Waiting, k.Number)
		}
	}
	for k, a := range view.Agents {
		if a.State == queue.Talking || a.State == queue.Offered || a.State == queue.Busy || a.State == queue.WrapUp || a.State == queue.Resting {
			w.wrong("%s is stuck: %s", k.Number, a.State)
		}
	}
	w.everybodyServed()
	w.inOrder()
	w.lively()
}

func (w *ward) size() int {
	if raced {
		return wardCalls / 20
	}
	return wardCalls
}

// everybodyServed: each caller who waited has one outcome, and enough of each were seen for the day to mean something.
func (w *ward) everybodyServed() {
	seen, outcomes := map[string]int{}, map[provisioning.Outcome]int{}
	for _, v := range w.visits {
		seen[v.Call]++
		outcomes[v.Outcome]++
		if w.waiting[v.Call] == "" {
			w.wrong("%s has an outcome and never waited", v.Call)
		}
	}
	for id := range w.waiting {
		if seen[id] != 1 {
			w.wrong("%s waited and has %d outcomes", id, seen[id])
		}
	}
	w.t.Logf("%d calls, %d waited: %v", len(w.started), len(w.waiting), outcomes)
	if n := w.size(); outcomes[provisioning.OutcomeAnswered] < n/20 || outcomes[provisioning.OutcomeAbandoned] < n/500 ||
		!raced && outcomes[provisioning.OutcomeTime] < n/500 { // the first minutes overflow nothing
		w.wrong("hardly a busy hour: %v", outcomes)
	}
}

// inOrder: nobody's telephone rang for a caller while one who came earlier to the same queue waited without having been rung for.
func (w *ward) inOrder() {
	slices.SortStableFunc(w.visits, func(a, b provisioning.QueueVisit) int {
		return cmp.Or(strings.Compare(a.Queue, b.Queue), a.Arrived.Compare(b.Arrived), strings.Compare(a.Call, b.Call))
	})
	for i, v := range w.visits {
		first, ok := w.offered[v.Call]
		if !ok {
			first = v.Ended
		}
		for _, later := range w.visits[i+1:] {
			if later.Queue != v.Queue || !later.Arrived.Before(v.Ended) {
				break
			}
			if o, ok := w.offered[later.Call]; ok && o.Before(first) && later.Arrived.After(v.Arrived) {
				w.wrong("%s (came %v, first offer %v) was passed by %s (came %v, offer %v) in %s", v.Call, v.Arrived, first, later.Call, later.Arrived, o, v.Queue)
			}
		}
	}
}
