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
	"naisen/sip"
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

	mu      sync.Mutex // guards the rest
	dice    *rand.Rand
	legs    int
	live    map[call.LegID]*wardLeg
	busy    map[string]time.Time // extensions in a call, since when
	waiting map[string]string    // queue of calls that joined one
	offered map[string]time.Time // first ringing of an agent for a waiting call
	talked  map[string]bool
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

// wardEntities are 2,500 people, 60 groups, 10 queues and their numbers.
func wardEntities() (out []provisioning.Entity) {
	for i := range wardPeople {
		out = append(out, provisioning.Extension{Number: fmt.Sprint(2001 + i), AllowMD5: true, Media: "srtp-forbidden"})
	}
	for i := range wardGroups {
		d := provisioning.DID{Number: fmt.Sprintf("+8131000%04d", i), RingSeconds: 20}
		for m := range 6 {
			d.To = append(d.To, fmt.Sprint(2001+wardAgents+6*i+m))
		}
		out = append(out, d)
	}
	strategies := []string{provisioning.LongestIdle, provisioning.ByRank, provisioning.BySkill, provisioning.RingAll, provisioning.LongestIdle}
	for i := range wardQueues {
		q := provisioning.Queue{Number: fmt.Sprint(7001 + i), Strategy: strategies[i%len(strategies)], WrapUp: 20, MaxWait: 100, RingSeconds: 15,
			Policy: "silent", Priority: i % 2, Announce: provisioning.QueueAnnounce{Welcome: "queue/wait", Position: true, Estimate: true, Every: 30},
			Overflow: provisioning.QueueOverflow{Time: fmt.Sprint(4000 + i), Payer: "2001"}}
		if q.Strategy == provisioning.BySkill {
			q.Skill, q.Level, q.Relax = "tax", 3, 30
		}
		for a := range 14 { // each queue has ten of its own, and shares four
			q.Members = append(q.Members, provisioning.QueueMember{Agent: fmt.Sprint(2001 + (10*i+a)%wardAgents), Rank: a % 3})
		}
		out = append(out, q, provisioning.DID{Number: fmt.Sprintf("+8132000%04d", i), Queue: q.Number})
	}
	return out
}

func newWard(t testing.TB, d *directory.Directory, seed uint64) *ward {
	w := &ward{t: t, seed: seed, dir: d, dice: rand.New(rand.NewPCG(seed, 0)), air: &air{t: t, speaking: nil}, live: map[call.LegID]*wardLeg{},
		busy: map[string]time.Time{}, waiting: map[string]string{}, offered: map[string]time.Time{}, talked: map[string]bool{}, started: map[string]bool{},
		cdrs: map[string]int{}, away: map[string]bool{}}
	w.air.hear()
	log := slog.New(slog.DiscardHandler)
	s := &signalling{directory: d, domain: simDomain, own: map[string]bool{}, log: log}
	w.lamps = newLamps(func(event.AOR) {})
	for i := range wardAgents {
		w.agents = append(w.agents, provisioning.Agent{Number: fmt.Sprint(2001 + i), SignedIn: i%9 > 0, Skills: map[string]int{"tax": i % 5}})
	}
	w.queues = queue.New(queue.Deps{Clock: time.Now, Zone: zone(), Directory: func() queue.Directory { return wardTable{w} },
		Reachable: func(k queue.Key) bool { w.mu.Lock(); defer w.mu.Unlock(); return !w.away[k.Number] },
		Calls:     w.states, Do: w.do})
	p := newPurse(d, auditQueue(10_000), newAlarms(log, time.Now), w, time.Now, log)
	book := newTrunks(d, nil, nil, log).book
	w.calls = call.NewSwitch(call.Deps{Media: w.air, Dialler: w, Recorder: &tape{failing: func() bool { return false }, refused: map[string]bool{}},
		Ledger: p, Clock: time.Now, Log: log, Programs: app.Programs{Prompts: &simLibrary{}, Ringtone: wardTone, Queues: w}, Alarm: w.alarm,
		Route: func(r route.Request, now time.Time) route.Plan {
			return route.Route(ordered{d.Snapshot(), book}, r, now)
		},
		Admit: p.admit, Moved: p.book.Move, Changed: w.changed, Number: s.number}, 0)
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

// changed lets two who talk hang up some time.
func (w *ward) changed(s *call.Snapshot) {
	w.lamps.Changed(s)
	w.queues.Changed(queueCall(s))
	if s.Phase != call.Talking {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.talked[s.ID] || len(s.Parties) < 2 {
		return
	}
	w.talked[s.ID] = true
	parties := slices.DeleteFunc(slices.Clone(s.Parties), func(p call.PartySnapshot) bool { return p.Phase != call.PartyUp })
	l := w.live[parties[w.dice.IntN(len(parties))].Leg]
	d := 20*time.Second + time.Duration(w.dice.Int64N(int64(160*time.Second)))
	time.AfterFunc(d, func() { l.ended(sip.CauseNormal, false) })
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

// Dial implements call.Dialler. An agent is rung for a queue while it is in no call.
func (w *ward) Dial(d call.Destination, out call.Outgoing, m *call.Mailbox) call.Leg {
	l := w.newLeg(out.Leg, d.Extension, m, false)
	w.mu.Lock()
	w.live[out.Leg] = l
	id := callOf(out.Leg)
	since, busy := w.busy[d.Extension]
	if q := w.waiting[id]; q != "" && d.Extension < fmt.Sprint(2001+wardAgents) {
		if busy && since.Before(time.Now()) {
			w.wrong("%s is rung for %s of %s while it talks since %v", d.Extension, id, q, since)
		}
		if _, again := w.offered[id]; !again {
			w.offered[id] = time.Now()
		}
	}
	w.mu.Unlock()
	l.rung(out.Offer, busy && d.Extension != "")
	return l
}

// pickUp: the phone answers unless its person has another one at the ear.
func (w *ward) pickUp(l *wardLeg) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, busy := w.busy[l.ext]; busy && l.ext != "" {
		return false
	}
	if l.ext != "" {
		w.busy[l.ext] = time.Now()
	}
	return true
}

// gone: a leg has ended.
func (w *ward) gone(l *wardLeg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.live, l.id)
	if l.ext != "" && (l.up || l.inbound) {
		delete(w.busy, l.ext)
	}
}

// place begins one call of the day.
func (w *ward) place(n int) {
	w.mu.Lock()
	in := call.Incoming{ID: fmt.Sprintf("c%05d", n), MaxForwards: 70, Request: route.Request{Domain: simDomain, Trunk: "carrier", Number: fmt.Sprintf("+8190%08d", n)}}
	ext := ""
	switch kind := w.dice.IntN(100); {
	case kind < 30:
		in.Request.Dialled = fmt.Sprintf("+8132000%04d", w.dice.IntN(wardQueues))
	case kind < 50:
		in.Request.Dialled = fmt.Sprintf("+8131000%04d", w.dice.IntN(wardGroups))
	default:
		for ext == "" {
			ext = fmt.Sprint(2001 + w.dice.IntN(wardPeople))
			if _, busy := w.busy[ext]; busy {
				ext = ""
			}
		}
		w.busy[ext] = time.Now()
		in.Request.Trunk, in.Request.Extension, in.Request.Number = "", ext, ext
		in.Request.Dialled = fmt.Sprint(2001 + w.dice.IntN(wardPeople))
		if kind >= 90 {
			in.Request.Dialled = "0312345678"
			in.Request.E164 = "+81312345678"
		}
	}
	w.started[in.ID] = true
	patience := 20*time.Second + time.Duration(w.dice.Int64N(int64(3*time.Minute)))
	w.mu.Unlock()
	if offer, err := w.phoneOffer(n); err == nil {
		in.Offer = offer
	}
	err := w.calls.Start(in, func(id call.LegID, m *call.Mailbox) (call.Leg, bool) {
		l := w.newLeg(id, ext, m, true)
		w.mu.Lock()
		w.live[id] = l
		w.mu.Unlock()
		time.AfterFunc(patience, func() {
			w.mu.Lock()
			talks := w.talked[in.ID]
			w.mu.Unlock()
			if !talks {
				l.ended(sip.StatusCause(487), !l.isUp())
			}
		})
		return l, true
	})
	if err != nil {
		w.mu.Lock()
		w.wrong("call %d: %v", n, err)
		w.mu.Unlock()
	}
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
			w.place(n)
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
