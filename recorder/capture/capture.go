// Package capture puts a call's packets into an encrypted journal on local disk.
// It owns the queues and the goroutines between the packet path and the file. It never decodes, never uploads, and never makes a call wait:
// the packet path copies a payload into a queue and returns; one goroutine drains all queues into all journals; another one syncs them.
package capture

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// Errors of Start.
var (
	ErrClosed  = errors.New("capture: closed")
	ErrExists  = errors.New("capture: a recording with this id is under way")
	ErrCase    = errors.New("capture: case is not usable")
	ErrTooMany = errors.New("capture: too many recordings at once")
)

// Ext is the ending of a journal's file name; the rest is the recording's id.
const Ext = ".journal"

// Bounds.
const (
	maxID      = 100 // bytes
	maxText    = 200 // bytes of a number, a name: longer ones are cut, a recording is worth more than a display name
	maxParties = 64  // endpoints in the course of one recording: a conference
)

// Config of a Recorder. Dir and Keeper are required.
type Config struct {
	Dir    string         // of the journals; made if missing
	Keeper journal.Keeper // wraps the journals' keys
	Log    *slog.Logger
	Now    func() time.Time // default time.Now
	// Open makes a journal's file; it must refuse to overwrite. Default: os.OpenFile. Tests put a full disk here.
	Open func(path string) (journal.File, error)
	// SyncAll waits until the disk has all of them; where it fails each is asked for itself. Default: syncfs, if Open is the default; nil: each by itself.
	SyncAll func() error
	// Began and Ended report from capture's own goroutines and must not block. Ended: the journal is whole, synced and closed; case, end and why are set.
	Began func(recorder.Case)
	Ended func(recorder.Manifest)

	Drain   time.Duration // how often queues are emptied; default 100 ms
	Flush   time.Duration // how old a record may get before a slot is sealed for it; default 400 ms
	Sync    time.Duration // fsync of what was written; default 1 s
	Max     int           // recordings at once; default 2000. What was held and is kept comes on top, at most Rings
	MinFree int64         // bytes; below this a new recording is reported as failed at once; default 64 MiB
	Rings   int           // calls whose last stretch may be held in memory at once, of 2.5 MiB each where it is used; 0: none
}

// Recorder implements recorder.Recorder.
type Recorder struct {
	cfg    Config
	dir    *os.File // the directory of the journals
	pool   *pool
	slots  *slots
	rings  *rings
	mu     sync.Mutex
	live   map[string]*recording // guarded by mu; the syncer removes, before it tells the end
	closed bool                  // guarded by mu
	stop   chan struct{}
	sync   *syncer
	done   sync.WaitGroup
	full   atomic.Bool // the last look at the disk, or the last write, found no room
	count  counters

	holding int // of live, those without a journal; guarded by mu
}

var _ recorder.Recorder = (*Recorder)(nil)

// Open starts the two goroutines. Journals of an earlier run in the directory are not touched.
func Open(cfg Config) (*Recorder, error) {
	if cfg.Keeper == nil || cfg.Dir == "" {
		return nil, errors.New("capture: Dir and Keeper are required")
	}
	real := cfg.Open == nil
	cfg.defaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	dir, err := os.Open(cfg.Dir) // as long as the recorder lives: syncfs tells errors since the last call with it
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	if real && cfg.SyncAll == nil && canSyncAll {
		cfg.SyncAll = func() error { return syncAll(dir) }
	}
	r, err := open(cfg, dir)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return r, nil
}

func open(cfg Config, dir *os.File) (*Recorder, error) {
	all := cfg.Max + cfg.Rings                    // whoever is held may be kept
	waiting, err := newPool(2 * maxWaiting * all) // two parties each: no recording takes another one's room
	if err != nil {
		return nil, err
	}
	slots, err := newSlots(all)
	if err != nil {
		return nil, err
	}
	rings, err := newRings(cfg.Rings)
	if err != nil {
		return nil, err
	}
	r := &Recorder{cfg: cfg, dir: dir, pool: waiting, slots: slots, rings: rings, live: map[string]*recording{}, stop: make(chan struct{})}
	r.sync = newSyncer(r)
	r.look()
	r.done.Add(2)
	go r.drain()
	go r.sync.run()
	return r, nil
}

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Open == nil {
		c.Open = func(path string) (journal.File, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
	if c.Began == nil {
		c.Began = func(recorder.Case) {}
	}
	if c.Ended == nil {
		c.Ended = func(recorder.Manifest) {}
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&c.Drain, 100 * time.Millisecond}, {&c.Flush, 400 * time.Millisecond}, {&c.Sync, time.Second}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if c.Max <= 0 {
		c.Max = 2000
	}
	if c.MinFree == 0 {
		c.MinFree = 64 << 20
	}
}

// Start begins a recording. It touches no disk: the journal appears within Drain. Where the disk is known to be full, Failed already
// holds the reason when Start returns; the capture goes on nevertheless and keeps what the disk takes.
func (r *Recorder) Start(c recorder.Case) (recorder.Recording, error) {
	if err := check(&c); err != nil {
		r.count.refused.Add(1)
		return nil, err
	}
	rec := newRecording(r, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.admit(c.ID, len(r.live)-r.holding < r.cfg.Max); err != nil { // who is only held takes nobody's place
		return nil, err
	}
	r.live[c.ID] = rec
	r.count.started.Add(1)
	if r.full.Load() {
		rec.fail(recorder.ErrDiskFull)
	}
	return rec, nil
}

// admit says whether one more recording may begin, for which there is room or not. Called with mu held.
func (r *Recorder) admit(id string, room bool) error {
	switch {
	case r.closed:
		return ErrClosed
	case r.live[id] != nil:
		r.count.refused.Add(1)
		return fmt.Errorf("%w: %s", ErrExists, id)
	case !room:
		r.count.refused.Add(1)
		return ErrTooMany
	}
	return nil
}

// Live says whether the recording is still being captured: its journal is not to be touched.
func (r *Recorder) Live(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live[id] != nil
}

// Idle says whether every journal that ended was reported.
func (r *Recorder) Idle() bool { return r.sync.idle() }

// Close ends every recording as it stands ("shutdown"), writes what the disk takes and returns when nothing runs.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		r.done.Wait()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	close(r.stop)
	r.done.Wait()
	return r.dir.Close()
}

// check refuses what could not be stored, and tidies the rest.
func check(c *recorder.Case) error {
	if !ValidID(c.ID) || strings.HasSuffix(c.ID, ".manifest") || strings.Contains(c.ID, ".track-") { // that is how the files beside it are called
		return fmt.Errorf("%w: id", ErrCase)
	}
	if !ValidID(c.Domain) {
		return fmt.Errorf("%w: domain", ErrCase)
	}
	if len(c.Parties) > maxParties {
		return fmt.Errorf("%w: %d parties", ErrCase, len(c.Parties))
	}
	tidyCase(c)
	return nil
}

// tidyCase cuts what is only too long.
func tidyCase(c *recorder.Case) {
	for _, s := range []*string{&c.Call, &c.DID, &c.Direction, &c.Policy} {
		*s = cut(*s)
	}
	c.Label = recorder.HigherLabel(c.Label, recorder.Public) // nothing begins without one
	c.Parties = append([]recorder.Party(nil), c.Parties...)
	for i := range c.Parties {
		tidy(&c.Parties[i])
	}
	if c.Notice != nil {
		n := *c.Notice
		tidyNotice(&n)
		c.Notice = &n
	}
	if c.Asked != nil {
		a := *c.Asked
		tidyOrder(&a.Order)
		c.Asked = &a
	}
	if c.Source != nil {
		s := *c.Source
		for _, text := range []*string{&s.Peer, &s.CallID, &s.Session, &s.Group, &s.SIPSession} {
			*text = cut(*text)
		}
		c.Source = &s
	}
}

func tidy(p *recorder.Party) {
	for _, s := range []*string{&p.Role, &p.Number, &p.Name} {
		*s = cut(*s)
	}
}

func tidyNotice(n *recorder.Notice) {
	for _, s := range []*string{&n.Prompt, &n.Language, &n.SHA256, &n.Mode, &n.Party, &n.Leg, &n.RefusalKey, &n.Pressed} {
		*s = cut(*s)
	}
}

func cut(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

// ValidID says whether s can be a recording's id or domain: it becomes a part of file, object and URL names.
func ValidID(s string) bool {
	if s == "" || len(s) > maxID || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// Path is where the journal of a recording lies in dir.
func Path(dir, id string) string { return filepath.Join(dir, id+Ext) }
