// Package nodes knows which switches share the database: who of them lives, where it is reached and by which certificate, and which one does what one node
// at a time does (leases, which last while their node lives). It never sends anything to one of them.
//
// Nobody's clock is compared with another's. A node counts its beats up, and who sees the count stand still for Dead by its own monotonic clock takes it for
// dead. Who cannot read the table learns nothing: those who lived then go on living, since calls between nodes do not need the database.
package nodes

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"naisen/provisioning"
)

// Times of the table.
const (
	beatEvery = time.Second
	dead      = 3 * time.Second         // without a beat that somebody else sees
	resigned  = 2500 * time.Millisecond // without a beat of one's own: shorter, so that nobody does what another has taken over
	beatLate  = 2 * time.Second
)

// Statement is what a node says of itself. It is sealed with the key that all of them have: who can only write into the database is no node.
type Statement struct {
	Address     netip.AddrPort // SIP over TLS
	Certificate []byte         // PEM, for its own name
	Start       string         // random: which process it is
	Draining    bool           // it takes no new calls
}

// Member is a node as others see it.
type Member struct {
	Name string
	Statement
}

// Sealer is the keyring that the nodes share.
type Sealer interface {
	Seal(domain, kind, key string, plain []byte) ([]byte, error)
	Open(domain, kind, key string, sealed []byte) ([]byte, error)
}

// Config of Members.
type Config struct {
	Name    string
	Table   provisioning.NodeTable
	Seal    Sealer
	Changed func()           // told when somebody came, went, or says something else; must not block
	Clock   func() time.Time // monotonic; nil: time.Now
	Log     *slog.Logger
}

// Members is safe for concurrent use. A nil one is a switch that has the database to itself.
type Members struct {
	cfg  Config
	stop context.CancelFunc
	done chan struct{}
	wake chan struct{} // room for one: say it now

	mu     sync.Mutex // guards the rest
	says   Statement
	sealed []byte // says, for the table; nil: to be made
	seen   map[string]*sighting
	leases map[string]provisioning.Lease
	wants  map[string]bool // leases that this node would take
	untold bool            // something changed of which Changed was not told yet
	beaten time.Time       // when the last beat of ours that succeeded began
	own    int64           // our count
	jumps  int             // beats in a row between which somebody else beat under our name
}

// jumps that are no accident: a beat of ours may have counted whose answer was lost.
const tooManyJumps = 3

// sighting is what was read of another node.
type sighting struct {
	beat  int64
	moved time.Time // when beat was another one, or was seen first
	alive bool      // beat was another one: what was seen first may have been dead for long
	body  string
	says  Statement
}

// New makes Members that know of nobody yet.
func New(cfg Config) *Members {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Members{cfg: cfg, seen: map[string]*sighting{}, leases: map[string]provisioning.Lease{}, wants: map[string]bool{Jobs: true},
		wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Start beats until Close, and says that. Where it beats already it says something else from now on.
func (m *Members) Start(ctx context.Context, says Statement) {
	m.mu.Lock()
	m.says, m.sealed = says, nil
	m.mu.Unlock()
	if m.stop != nil {
		m.beatNow()
		return
	}
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	go m.run(ctx)
}

// Close ends it; the others are told as long as ctx allows.
func (m *Members) Close(ctx context.Context) error {
	if m == nil || m.stop == nil {
		return nil
	}
	m.stop()
	<-m.done
	if m.Taken() {
		return nil // the row is somebody else's
	}
	return m.cfg.Table.Leave(ctx, m.cfg.Name)
}

func (m *Members) run(ctx context.Context) {
	defer close(m.done)
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	failing := false
	for {
		late, cancel := context.WithTimeout(ctx, beatLate)
		err := m.Beat(late)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			if failing = err != nil; failing {
				m.cfg.Log.Error("nodes: this node cannot say that it lives", "err", err)
			} else {
				m.cfg.Log.Info("nodes: this node says again that it lives")
			}
		}
		select {
		case <-tick.C:
		case <-m.wake:
		case <-ctx.Done():
			return
		}
	}
}

// Beat is one round; Start calls it.
func (m *Members) Beat(ctx context.Context) error {
	began := m.cfg.Clock()
	body, err := m.statement()
	if err != nil {
		return err
	}
	rows, leases, err := m.cfg.Table.Beat(ctx, m.cfg.Name, body)
	if err != nil {
		return err
	}
	changed := m.look(rows, leases, began)
	taken, err := m.take(ctx)
	if m.tells(changed || taken) && m.cfg.Changed != nil {
		m.cfg.Changed()
	}
	return err
}

// tells says whether Changed is to be told: not before this node takes calls, since who is told is being made.
func (m *Members) tells(changed bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.untold = m.untold || changed
	if !m.says.Address.IsValid() {
		return false
	}
	changed, m.untold = m.untold, false
	return changed
}

const kind = "node"

// statement is what this node says, sealed once: it would be another text each time.
func (m *Members) statement() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sealed != nil {
		return m.sealed, nil
	}
	plain, err := json.Marshal(m.says)
	if err == nil {
		m.sealed, err = m.cfg.Seal.Seal("", kind, m.cfg.Name, plain)
	}
	return m.sealed, err
}

// look takes over what was read, and says whether anything is otherwise now.
func (m *Members) look(rows []provisioning.NodeRow, leases []provisioning.Lease, began time.Time) (changed bool) {
	now := m.cfg.Clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	missed := !m.beaten.IsZero() && began.Sub(m.beaten) > resigned // the table was away, or we were
	changed = m.learn(leases)
	m.beaten = began
	there := map[string]bool{}
	for _, r := range rows {
		if r.Name == m.cfg.Name {
			m.count(r.Beat)
			continue
		}
		there[r.Name] = true
		changed = m.sight(r, now, missed) || changed
	}
	for name, s := range m.seen {
		if !there[name] {
			delete(m.seen, name)
			changed = changed || s.alive
		}
	}
	return changed
}

// count looks for somebody else who beats under our name. m.mu is held.
func (m *Members) count(beat int64) {
	if m.own != 0 && beat > m.own+1 {
		m.jumps++
	} else {
		m.jumps = 0
	}
	if m.own = beat; m.jumps == tooManyJumps {
		m.cfg.Log.Error("nodes: another switch has this node's name", "node", m.cfg.Name)
	}
}

// Taken says that another switch has this node's name: telephones and duties go astray until one of them gets another.
func (m *Members) Taken() bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jumps >= tooManyJumps
}

func (m *Members) sight(r provisioning.NodeRow, now time.Time, missed bool) (changed bool) {
	s := m.seen[r.Name]
	if s == nil {
		s = &sighting{beat: r.Beat, moved: now}
		m.seen[r.Name] = s
	}
	was := s.alive
	switch {
	case r.Beat != s.beat:
		s.beat, s.moved, s.alive = r.Beat, now, true
	case missed:
		s.moved = now
	case s.alive && now.Sub(s.moved) >= dead:
		s.alive = false
	}
	if body := string(r.Body); body != s.body {
		s.body, changed = body, s.alive
		s.says = m.read(r)
	}
	if s.says.Start == "" { // nobody of ours said it
		s.alive = false
	}
	if s.alive != was {
		m.cfg.Log.Info("nodes: a node came or went", "node", r.Name, "alive", s.alive)
	}
	return changed || s.alive != was
}

// read opens what a node says; empty: it is none of ours.
func (m *Members) read(r provisioning.NodeRow) (says Statement) {
	plain, err := m.cfg.Seal.Open("", kind, r.Name, r.Body)
	if err == nil {
		err = json.Unmarshal(plain, &says)
	}
	if err != nil {
		m.cfg.Log.Error("nodes: what a node says of itself is not sealed by the key that the nodes share", "node", r.Name, "err", err)
		return Statement{}
	}
	return says
}

// Others are the nodes that live, without this one, by name.
func (m *Members) Others() (out []Member) {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range m.seen {
		if s.alive {
			out = append(out, Member{name, s.says})
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Other is one that lives.
func (m *Members) Other(name string) (Member, bool) {
	if m == nil {
		return Member{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.seen[name]
	if s == nil || !s.alive {
		return Member{}, false
	}
	return Member{name, s.says}, true
}

// Missing are nodes that went without a word.
func (m *Members) Missing() (out []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range m.seen {
		if !s.alive && s.says.Start != "" && m.cfg.Clock().Sub(s.moved) >= dead { // who has just come is seen to live in a moment
			out = append(out, name)
		}
	}
	return out
}

// Duty is the node that does what one node does and can be done without the database too: who had the duty when the table was read last, as long as it lives.
// Empty: nobody.
func (m *Members) Duty() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.leases[Jobs].Node
	if s := m.seen[node]; node == m.cfg.Name || s != nil && s.alive {
		return node
	}
	return ""
}

// Name is this node's.
func (m *Members) Name() string { return m.cfg.Name }

// Drain says that this node takes no new calls.
func (m *Members) Drain() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.says.Draining, m.sealed = true, nil
	m.mu.Unlock()
	m.beatNow()
}

// beatNow does not wait for the next second.
func (m *Members) beatNow() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
