// Package pipeline joins the stages of a recording: capture, render and seal, store, catalogue. It implements recorder.Recorder.
// It owns the order of the stages and the files between them. It never decides what is recorded or who may listen.
//
// Everything that must survive is on disk, below Dir:
//
//	journal/ID.journal       encrypted packets, written during the call
//	spool/ID.age             the sealed audio
//	spool/ID.track-NN.age    the sealed voice of one party, where more than two spoke
//	spool/ID.manifest.age    the sealed manifest
//	spool/ID.job             what the upload must know, for this machine's eyes; the last of the three: once it is there the render is done
//	failed/ID.journal        a journal that cannot be rendered; it ends as its recording would have, by package retention
//
// A stage looks only at these files and the catalogue, so each can be run again at any time, after a crash or beside a second try, with the
// same result. The journal goes only after the store has given back, byte for byte, what was put, and has locked it for as long as its rule says.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"naisen/recorder"
	"naisen/recorder/capture"
	"naisen/recorder/catalogue"
	"naisen/recorder/journal"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// Config of a Pipeline. Dir, Sealer, Store and Catalogue are required.
type Config struct {
	Dir       string
	Sealer    *seal.Sealer
	Store     objstore.Store
	Catalogue *catalogue.Catalogue
	Log       *slog.Logger
	Now       func() time.Time

	Renderer   Renderer      // nil: this process renders
	Renders    int           // at once; default 1
	Uploads    int           // at once; default 2
	RetryFirst time.Duration // back-off after the first failure; default 1 s
	RetryMost  time.Duration // longest back-off; default 1 min
	Sweep      time.Duration // how often the files are looked through for work that nobody announced; default 1 min

	// Keep says of a recording that was rendered whether there is anything in it worth keeping; nil: always. What is not kept leaves nothing.
	Keep func(recorder.Manifest) bool
	// Deposit is told of each recording that the store has given back, before it is called stored, and may be told twice. An error keeps the recording
	// here, to be tried again: what nobody wrote down is not stored. nil: nobody writes it down.
	Deposit func(context.Context, recorder.Deposit) error
	// Stored is told of each recording that can be played from now on. It must not block.
	Stored func(recorder.Manifest)
	// Timed is told how long rendering and upload of a recording took, of each try; of one that failed to be rendered only the Case is known. It must not
	// block. nil: nobody wants to know.
	Timed func(Stage)
	// Entered is told after each stage of a recording, also when it begins: its row may be another one. It must not block.
	Entered func()

	// Unreadable says of a damaged journal of which nothing opens whose it is, domain empty where nothing else knows that either, and for how many days
	// its recording is kept; 0: until somebody says. nil: nobody knows more, and it has no end.
	Unreadable func(ctx context.Context, domain string) (whose string, days int, err error)
	// AsideFor removes journals that could not be rendered after a time, for recordings that no class of retention keeps; 0: never.
	AsideFor time.Duration

	MaxLive int // recordings at once; 0: as many as capture takes
	Rings   int // calls whose last stretch may be held in memory at once; 0: none
	// OpenJournal is capture.Config.Open: tests put a full disk here.
	OpenJournal func(path string) (journal.File, error)
}

// Stage is one try at a part of a recording's way into the store.
type Stage struct {
	Name         string // "render" or "upload"
	Manifest     recorder.Manifest
	Began, Ended time.Time
	Err          error
}

// timed tells of a stage that has ended.
func (p *Pipeline) timed(name string, m recorder.Manifest, began time.Time, err error) {
	if p.cfg.Timed != nil {
		p.cfg.Timed(Stage{name, m, began, p.cfg.Now(), err})
	}
}

// Pipeline records. Safe for concurrent use.
type Pipeline struct {
	cfg     Config
	capture *capture.Recorder
	renders *queue
	uploads *queue
	news    chan recorder.Manifest // to the scribe: what begins, and what is over
	cancel  context.CancelFunc
	closing sync.Once
	closed  error
	workers sync.WaitGroup
	count   counters
	down    refusing
	waiting atomic.Int64    // bytes of what waits here, at the last sweep
	aside   atomic.Int64    // journals that could not be rendered
	entered map[string]bool // of them, those whose rows are right; the sweeper's alone
}

var _ interface {
	recorder.Recorder
	recorder.Holder
} = (*Pipeline)(nil)

const (
	journals = "journal"
	spool    = "spool"
	failed   = "failed"

	maxUntold = 4096   // beginnings and ends waiting to be entered; beyond it a row says so when its recording is rendered
	maxTold   = 64     // of them, entered at once
	maxQueue  = 100000 // jobs remembered; beyond it the sweep finds them again
)

// Open starts the workers and takes up what an earlier run left: every journal found becomes a recording, marked interrupted where its
// capture did not end it.
func Open(cfg Config) (*Pipeline, error) {
	if cfg.Dir == "" || cfg.Sealer == nil || cfg.Store == nil || cfg.Catalogue == nil {
		return nil, errors.New("pipeline: Dir, Sealer, Store and Catalogue are required")
	}
	cfg.defaults()
	if err := MakeDirs(cfg.Dir); err != nil {
		return nil, err
	}
	p := &Pipeline{cfg: cfg, renders: newQueue(cfg), uploads: newQueue(cfg), news: make(chan recorder.Manifest, maxUntold), entered: map[string]bool{}}
	if err := p.removeTemporary(); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	var err error
	p.capture, err = capture.Open(capture.Config{Dir: p.dir(journals), Keeper: cfg.Sealer, Log: cfg.Log, Now: cfg.Now, Open: cfg.OpenJournal, Max: cfg.MaxLive, Rings: cfg.Rings,
		Began: p.onBegan, Ended: p.onEnded})
	if err != nil {
		return nil, err
	}
	if err := p.sweep(); err != nil {
		return nil, errors.Join(fmt.Errorf("pipeline: %w", err), p.capture.Close())
	}
	work, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.workers.Go(func() { p.scribe(work) })
	p.workers.Go(func() { p.sweeper(work) })
	for range cfg.Renders {
		p.workers.Go(func() {
			lowerPriority()
			p.renderer(work)
		})
	}
	for range cfg.Uploads {
		p.workers.Go(func() { p.work(work, p.uploads, p.upload) })
	}
	return p, nil
}

// MakeDirs makes what a pipeline has below its Dir, also below one that was taken away from it.
func MakeDirs(dir string) error {
	for _, d := range []string{journals, spool, failed} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("pipeline: %w", err)
		}
	}
	return nil
}

// Waits says whether something is to be rendered or stored below the Dir of a pipeline that does not run.
func Waits(dir string) (bool, error) {
	for _, d := range []string{journals, spool} {
		entries, err := os.ReadDir(filepath.Join(dir, d))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("pipeline: %w", err)
		}
		if len(entries) > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Renderer == nil {
		c.Renderer = here{}
	}
	c.Renders, c.Uploads = max(c.Renders, 1), max(c.Uploads, 0)
	if c.Uploads == 0 {
		c.Uploads = 2
	}
	if c.RetryFirst <= 0 {
		c.RetryFirst = time.Second
	}
	if c.RetryMost <= 0 {
		c.RetryMost = time.Minute
	}
	if c.Sweep <= 0 {
		c.Sweep = time.Minute
	}
	if c.Keep == nil {
		c.Keep = func(recorder.Manifest) bool { return true }
	}
	if c.Deposit == nil {
		c.Deposit = func(context.Context, recorder.Deposit) error { return nil }
	}
	if c.Unreadable == nil {
		c.Unreadable = func(_ context.Context, domain string) (string, int, error) { return domain, 0, nil }
	}
	if c.Stored == nil {
		c.Stored = func(recorder.Manifest) {}
	}
	if c.Entered == nil {
		c.Entered = func() {}
	}
}

// Start implements recorder.Recorder.
func (p *Pipeline) Start(c recorder.Case) (recorder.Recording, error) { return p.capture.Start(c) }

// Hold implements recorder.Holder.
func (p *Pipeline) Hold(c recorder.Case, window time.Duration) (recorder.Held, error) {
	return p.capture.Hold(c, window)
}

// Settle waits until nothing is being captured and no job can be done now: all is stored, or waits for a store that refuses it.
func (p *Pipeline) Settle(ctx context.Context) error {
	return until(ctx, func() bool {
		return p.capture.Stats().Live == 0 && p.capture.Idle() && p.renders.idle() && p.uploads.idle()
	})
}

// Close ends the recordings under way, renders and stores what it can within the context, and returns when nothing runs.
// What is left waits encrypted on disk for the next start.
func (p *Pipeline) Close(ctx context.Context) error {
	p.closing.Do(func() {
		p.closed = p.capture.Close() // from here on every journal is announced
		if err := until(ctx, func() bool { return p.renders.idle() && p.uploads.idle() }); err != nil {
			p.cfg.Log.Warn("pipeline: closed with work left", "renders", p.renders.len(), "uploads", p.uploads.len())
		}
		p.cancel()
		p.workers.Wait()
	})
	return p.closed
}

func until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p *Pipeline) onBegan(c recorder.Case) { p.tell(recorder.Manifest{Case: c}) }

func (p *Pipeline) onEnded(m recorder.Manifest) {
	p.tell(m)
	p.renders.add(m.ID)
}

func (p *Pipeline) tell(m recorder.Manifest) {
	select {
	case p.news <- m:
	default:
		p.count.unwritten.Add(1)
	}
}

// scribe enters beginnings and ends into the catalogue, away from the goroutines that write journals: the row of a call that was hung up says so at once,
// however many wait to be rendered before it. What waits is entered together, since a transaction waits for the disk. A row that cannot be written now is
// written by the next stage.
func (p *Pipeline) scribe(ctx context.Context) {
	for {
		var told []recorder.Manifest
		select {
		case <-ctx.Done():
			return
		case m := <-p.news:
			told = append(told, m)
		}
		for more := true; more && len(told) < maxTold; {
			select {
			case m := <-p.news:
				told = append(told, m)
			default:
				more = false
			}
		}
		if err := p.cfg.Catalogue.Going(ctx, told); err != nil && ctx.Err() == nil {
			p.count.unwritten.Add(int64(len(told)))
			p.cfg.Log.Error("pipeline: catalogue", "recording", told[0].ID, "domain", told[0].Domain, "call", told[0].Call, "rows", len(told), "err", err)
		}
		p.cfg.Entered()
	}
}

// work runs one stage's jobs until the context ends.
func (p *Pipeline) work(ctx context.Context, q *queue, stage func(context.Context, string) error) {
	for {
		id, ok := q.take(ctx)
		if !ok {
			return
		}
		err := stage(ctx, id)
		if ctx.Err() != nil {
			return
		}
		q.done(id, err)
		p.cfg.Entered()
	}
}

func (p *Pipeline) dir(name string) string { return filepath.Join(p.cfg.Dir, name) }

func (p *Pipeline) journal(id string) string { return capture.Path(p.dir(journals), id) }

// Spool file endings.
const (
	audioExt    = ".age"
	manifestExt = ".manifest.age"
	jobExt      = ".job"
	tmpExt      = ".tmp"
)

// trackExt ends the name of a track.
func trackExt(number int) string { return fmt.Sprintf("%s%02d%s", trackMark, number, audioExt) }

// trackMark stands in it before the number.
const trackMark = ".track-"

func (p *Pipeline) spooled(id, ext string) string { return filepath.Join(p.dir(spool), id+ext) }
