package registrar

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"naisen/sip"
)

// Record is one binding as a Table keeps it.
type Record struct {
	AOR     string
	Key     string // names the binding inside its AOR
	Body    []byte // JSON, below 8 KiB; nil deletes the record
	Expires time.Time
	Node    string    // whose it is; filled in by the registrar that saves it
	At      time.Time // of the registration: of two nodes the one counts at which the telephone was last
}

// Table keeps bindings across a restart. Save is called by one goroutine at a time, with at most 500 records: all of them or none.
type Table interface {
	Load(ctx context.Context) ([]Record, error) // those not yet expired
	Save(ctx context.Context, batch []Record) error
}

// stored is the Body of a Record.
type stored struct {
	Domain, Text, Instance, CallID string
	RegID                          int
	CSeq                           uint32
	Q                              float64
	Registered                     time.Time
	Path                           []string
	Transport                      string
	Received, Local                netip.AddrPort
	UserAgent, Proof               string
	Token                          []byte `json:",omitempty"` // sealed: pn-prid, for which a mark stands in Text
	Sleep                          sleep  `json:",omitempty"`
}

func (r *Registrar) record(h *held) Record {
	v := h.via.Value()
	text, token, err := r.sealToken(h)
	if err != nil { // it sleeps, and is forgotten with the process: better than a token that anybody can read
		return Record{AOR: h.AOR, Key: h.key, Expires: h.until(), At: time.Unix(0, h.registered)}
	}
	body, err := json.Marshal(stored{
		Domain: h.domain.Value(), Text: text, Token: token, Sleep: h.sleep, Instance: h.Instance, CallID: h.CallID, RegID: int(h.RegID), CSeq: h.CSeq, Q: h.Q,
		Registered: time.Unix(0, h.registered), Path: h.Path, Transport: v.transport, Received: h.Received, Local: v.local, UserAgent: h.agent.Value(),
		Proof: h.proof.Value(),
	})
	if err != nil { // a Q of NaN or a year of five digits: neither passes wish or fill
		return Record{AOR: h.AOR, Key: h.key, Expires: h.until(), At: time.Unix(0, h.registered)}
	}
	return Record{AOR: h.AOR, Key: h.key, Body: body, Expires: h.until(), At: time.Unix(0, h.registered)}
}

func (r *Registrar) restore(rec Record) (*held, error) {
	var s stored
	if err := json.Unmarshal(rec.Body, &s); err != nil {
		return nil, err
	}
	if err := r.openToken(rec, &s); err != nil {
		return nil, err
	}
	if _, err := sip.ParseAddress(s.Text); err != nil {
		return nil, err
	}
	h := hold(Binding{
		AOR: rec.AOR, Domain: s.Domain, Text: s.Text, Instance: s.Instance, RegID: s.RegID, CallID: s.CallID, CSeq: s.CSeq,
		Q: s.Q, Registered: s.Registered, Expires: rec.Expires, Path: s.Path, Transport: s.Transport, Received: s.Received, Local: s.Local,
		UserAgent: s.UserAgent, Proof: s.Proof,
	}, rec.Key)
	if len(s.Token) > 0 && r.cfg.Push.Service != nil {
		h.sleep = min(s.Sleep, sleepsTold)
	}
	return h, nil
}

// load brings the bindings of the last run back. Those on UDP can be reached again at once; those on TCP and TLS only hold their
// place until the phone comes back, since nobody can open a connection to it.
func (r *Registrar) load(ctx context.Context, network Network) error {
	if r.saver.table == nil {
		return nil
	}
	records, err := r.saver.table.Load(ctx)
	if err != nil {
		return fmt.Errorf("registrar: load bindings: %w", err)
	}
	var loaded []*held
	unreadable := 0
	for _, rec := range records {
		if !r.mine(rec) {
			continue
		}
		if h, err := r.restore(rec); err == nil {
			loaded = append(loaded, h)
		} else {
			unreadable++
		}
	}
	slices.SortStableFunc(loaded, func(a, b *held) int { return cmp.Compare(a.registered, b.registered) })
	wall, now := r.cfg.Clock(), time.Since(r.began)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range loaded {
		left := min(h.until().Sub(wall), time.Duration(r.mostExpires(wish{sleeps: h.sleep}))*time.Second) // the clock may have been set back
		if left <= 0 || len(r.due) >= r.cfg.Total {
			continue
		}
		if h.deadline = now + left; h.udp() && network != nil {
			h.Flow = network.Flow("udp", h.via.Value().local, h.Received)
		}
		r.turn++
		h.turn, h.woke = r.turn, now-r.cfg.Push.Awake-1 // nobody knows that it is awake
		r.setNudge(h, left)
		r.add(h)
		r.tell(EventCreated, h)
	}
	r.learnAll(records)
	r.log.Info("bindings loaded", slog.Int("bindings", len(r.due)), slog.Int("aors", len(r.aors)), slog.Int("unreadable", unreadable))
	return nil
}

const (
	batchMax   = 500
	gatherTime = 500 * time.Millisecond // REGISTERs of that long go into one batch
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// saver writes behind: REGISTER only notes what has changed. What waits is bounded, since a record replaces the one with the same key.
type saver struct {
	table Table
	node  string
	log   *slog.Logger
	limit int
	wake  chan struct{}

	mu       sync.Mutex
	dirty    map[recordKey]Record
	flying   []Record // on its way into the table
	failures uint64
	dropped  uint64
}

type recordKey struct{ aor, key string }

func newSaver(table Table, log *slog.Logger) *saver {
	return &saver{table: table, log: log, dirty: make(map[recordKey]Record), wake: make(chan struct{}, 1)}
}

// put notes a record. With the table down for long, deletions are given up first: such a record ends by its Expires anyway.
func (s *saver) put(rec Record) {
	if s.table == nil {
		return
	}
	rec.Node = s.node
	s.mu.Lock()
	k := recordKey{rec.AOR, rec.Key}
	if _, waiting := s.dirty[k]; !waiting && len(s.dirty) >= s.limit {
		s.dropped++
	} else {
		s.dirty[k] = rec
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // a wake-up is waiting already
	}
}

// run saves until ctx ends. Registrar.running waits for it; what is left then is flush's.
func (s *saver) run(ctx context.Context) {
	wait := gatherTime
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for more := true; more; {
			if !pause(ctx, wait) {
				return
			}
			err := s.flush(ctx)
			if more = err != nil; !more {
				wait = gatherTime
				continue
			}
			wait = min(max(2*wait, retryFirst), retryMost)
			s.log.Warn("bindings not saved, trying again", slog.Any("error", err), slog.Duration("in", wait))
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// flush saves all that is noted, batch by batch. A batch that fails is noted again unless something newer is.
func (s *saver) flush(ctx context.Context) error {
	for {
		batch := s.take()
		if len(batch) == 0 {
			return nil
		}
		err := s.table.Save(ctx, batch)
		s.mu.Lock()
		s.flying = nil
		if err == nil {
			s.mu.Unlock()
			continue
		}
		s.failures++
		for _, rec := range batch {
			if k := (recordKey{rec.AOR, rec.Key}); s.dirty[k].AOR == "" {
				s.dirty[k] = rec
			}
		}
		s.mu.Unlock()
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		return fmt.Errorf("registrar: save bindings: %w", err)
	}
}

func (s *saver) take() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := make([]Record, 0, min(len(s.dirty), batchMax))
	for k, rec := range s.dirty {
		if len(batch) == batchMax {
			break
		}
		batch = append(batch, rec)
		delete(s.dirty, k)
	}
	if len(s.dirty) == 0 {
		s.dirty = make(map[recordKey]Record) // a map does not shrink: not what a restart of all phones made of it
	}
	s.flying = batch
	return batch
}

func (s *saver) stats() (unsaved int, failures, dropped uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.dirty), s.failures, s.dropped
}
