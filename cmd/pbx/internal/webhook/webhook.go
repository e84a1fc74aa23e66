// Package webhook tells other systems of events by signed POST: one bounded queue, one delivery at a time per receiver, retries that back off.
// Whoever posts an event never waits. It connects to public addresses only, follows no redirection, and never decides who may subscribe.
package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	queueBound   = 1000            // events that wait to be looked at
	perReceiver  = 100             // deliveries that wait for one receiver; the oldest goes first, what comes later is dropped
	atOnce       = 8               // deliveries on the wire: a receiver that hangs costs one of them
	attempts     = 8               // in all, over about four minutes
	firstPause   = 2 * time.Second // doubles
	requestLimit = 5 * time.Second // from the look-up to the last byte of the answer
)

// Receiver is where events of a domain go.
type Receiver struct {
	Name string
	URL  string
	Key  string // of the signature
}

// Config of a Sender. Receivers is asked for each event, so that a change is live at once; it must not block.
type Config struct {
	Receivers func(domain, event string) []Receiver
	// Loopback lets receivers be on this machine: for tests.
	Loopback bool
	Clock    func() time.Time
	Log      *slog.Logger
	do       func(ctx context.Context, d *delivery) error // tests replace the wire
}

// Stats counters only grow.
type Stats struct {
	Delivered, Failed, Dropped uint64 // Failed: attempts; Dropped: events that reached nobody who wanted them
	Waiting                    int
}

// Sender delivers events until Close.
type Sender struct {
	cfg     Config
	events  chan event
	results chan result
	stop    context.CancelFunc
	done    chan struct{}

	delivered, failed, dropped atomic.Uint64
	waiting                    atomic.Int64
}

// event is what was posted.
type event struct {
	name, domain string
	at           time.Time
	data         any
}

// body is what a receiver reads.
type body struct {
	ID     string    `json:"id"` // the same in each attempt
	Event  string    `json:"event"`
	Domain string    `json:"domain"`
	Time   time.Time `json:"time"`
	Data   any       `json:"data"`
}

// delivery is one event for one receiver.
type delivery struct {
	to    key
	url   string
	sign  string
	id    string
	event string
	body  []byte
	tries int
}

type key struct{ domain, name string }

type result struct {
	d   *delivery
	err error
}

// New starts a Sender.
func New(cfg Config) *Sender {
	ctx, stop := context.WithCancel(context.Background())
	s := &Sender{cfg: cfg, events: make(chan event, queueBound), results: make(chan result), stop: stop, done: make(chan struct{})}
	if s.cfg.do == nil {
		s.cfg.do = newWire(cfg).post
	}
	go s.run(ctx)
	return s
}

// Post tells the receivers of a domain. It never waits: what finds the queue full is dropped and counted.
func (s *Sender) Post(domain, name string, data any) {
	select {
	case s.events <- event{name, domain, s.cfg.Clock(), data}:
	default:
		s.dropped.Add(1)
	}
}

// Stats is a snapshot.
func (s *Sender) Stats() Stats {
	return Stats{s.delivered.Load(), s.failed.Load(), s.dropped.Load(), int(s.waiting.Load()) + len(s.events)}
}

// Close breaks deliveries off and returns when nothing runs. Nothing may be posted any more.
func (s *Sender) Close() {
	s.stop()
	<-s.done
}

// line is what waits for one receiver.
type line struct {
	queue []*delivery // the first one is on the wire or resting
	busy  bool
	rest  time.Time // not before
}

// run owns all lines.
func (s *Sender) run(ctx context.Context) {
	defer close(s.done)
	lines := map[key]*line{}
	wires := 0
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var next time.Duration
		wires, next = s.begin(ctx, lines, wires)
		timer.Reset(next)
		select {
		case <-ctx.Done():
			for ; wires > 0; wires-- { // their requests end with ctx
				<-s.results
			}
			return
		case e := <-s.events:
			s.distribute(lines, e)
		case r := <-s.results:
			wires--
			s.finish(lines, r)
		case <-timer.C:
		}
	}
}

// distribute puts an event into the line of each receiver that wants it.
func (s *Sender) distribute(lines map[key]*line, e event) {
	for _, r := range s.cfg.Receivers(e.domain, e.name) {
		d := &delivery{to: key{e.domain, r.Name}, url: r.URL, sign: r.Key, id: rand.Text(), event: e.name}
		text, err := json.Marshal(body{d.id, e.name, e.domain, e.at.UTC(), e.data})
		if err != nil {
			s.cfg.Log.Error("webhook: event cannot be written", "event", e.name, "err", err)
			s.dropped.Add(1)
			continue
		}
		d.body = text
		l := lines[d.to]
		if l == nil {
			l = &line{}
			lines[d.to] = l
		}
		if len(l.queue) >= perReceiver {
			s.dropped.Add(1)
			continue
		}
		l.queue = append(l.queue, d)
		s.waiting.Add(1)
	}
}

// begin puts on the wire what may go now, and says when there is something to look at again.
func (s *Sender) begin(ctx context.Context, lines map[key]*line, wires int) (int, time.Duration) {
	now, next := time.Now(), time.Hour
	for k, l := range lines {
		switch {
		case len(l.queue) == 0:
			delete(lines, k)
		case l.busy:
		case now.Before(l.rest):
			next = min(next, l.rest.Sub(now))
		case wires < atOnce:
			wires++
			l.busy = true
			d := l.queue[0]
			go func() { s.results <- result{d, s.cfg.do(ctx, d)} }()
		}
	}
	return wires, next
}

// finish takes a delivery out of its line, or lets it rest before another try.
func (s *Sender) finish(lines map[key]*line, r result) {
	l := lines[r.d.to]
	l.busy = false
	if r.err == nil {
		s.delivered.Add(1)
		s.pop(l)
		return
	}
	s.failed.Add(1)
	if r.d.tries++; r.d.tries < attempts && !final(r.err) {
		l.rest = time.Now().Add(firstPause << (r.d.tries - 1))
		return
	}
	s.dropped.Add(1)
	s.cfg.Log.Warn("webhook: given up", "domain", r.d.to.domain, "webhook", r.d.to.name, "event", r.d.event, "tries", r.d.tries, "err", r.err)
	s.pop(l)
}

func (s *Sender) pop(l *line) {
	l.queue[0] = nil
	l.queue, l.rest = l.queue[1:], time.Time{}
	s.waiting.Add(-1)
}
