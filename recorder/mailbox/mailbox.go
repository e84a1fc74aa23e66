// Package mailbox keeps voice messages and spoken greetings: recordings of one voice, sealed like those of calls and by the same pipeline, in a
// catalogue and below a name of their own, so that no list, right or rule of call recordings ever meets them. It never decides who may
// hear one, and plain audio leaves it in memory only.
package mailbox

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/pipeline"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

// Words of Case.Policy by which the catalogue tells messages from greetings.
const (
	messagePolicy  = "message"
	greetingPolicy = "greeting/" // and the mode
)

// leastMessage is how much must have been heard of a caller: who hangs up at the tone leaves no message.
const leastMessage = time.Second

// MaxKept bounds what one mailbox may list, in messages.
const MaxKept = 1000

// Opener opens what is stored, as unseal.Opener does.
type Opener interface {
	Open(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error)
}

// Config of a Post. All fields but Opener, Renderer, Log, Now, Changed and MinFree are required.
type Config struct {
	Dir       string // of journals and spool
	Sealer    *seal.Sealer
	Opener    Opener         // nil: of Store and Sealer, in this process
	Store     objstore.Store // of messages alone: objstore.Under
	Catalogue *catalogue.Catalogue
	Renderer  pipeline.Renderer // nil: this process
	Log       *slog.Logger
	Now       func() time.Time
	Changed   func() // messages came, went or were heard: whoever counts them counts again. It must not block.
	MinFree   int64  // bytes; with less on the disk nothing new is taken. Default 512 MiB, far above what stops call recordings: they come first
}

// Post holds the messages of all mailboxes. Safe for concurrent use.
type Post struct {
	cfg      Config
	pipeline *pipeline.Pipeline
	opener   Opener
	dirty    chan struct{} // one slot: there is something to delete
	cancel   context.CancelFunc
	worker   sync.WaitGroup
}

// Message is one message, or one greeting.
type Message struct {
	ID, Domain, Mailbox string
	From, Name          string // who left it; From empty: withheld
	Left                time.Time
	Length              time.Duration
	Heard               time.Time // zero: it is new. Of a greeting: since when it is in use; zero: a draft
	Mode                string    // of a greeting; empty: it is a message
	SHA256              string    // of the sealed object
}

// Open takes up what an earlier run left: a message that was being spoken when the process died is finished.
func Open(cfg Config) (*Post, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = 512 << 20
	}
	p := &Post{cfg: cfg, opener: cfg.Opener, dirty: make(chan struct{}, 1)}
	if p.opener == nil {
		p.opener = unseal.New(cfg.Store, cfg.Sealer)
	}
	var err error
	p.pipeline, err = pipeline.Open(pipeline.Config{Dir: cfg.Dir, Sealer: cfg.Sealer, Store: cfg.Store, Catalogue: cfg.Catalogue, Renderer: cfg.Renderer, Log: cfg.Log, Now: cfg.Now,
		Keep: worth, Stored: p.stored, Entered: cfg.Changed, MaxLive: maxLive, AsideFor: asideFor})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.worker.Go(func() { p.purge(ctx) })
	p.purgeSoon()
	return p, nil
}

// stored lets go at once what was deleted while it was spoken.
func (p *Post) stored(recorder.Manifest) {
	p.cfg.Changed()
	p.purgeSoon()
}

// asideFor is how long a message that could not be rendered lies here for somebody to try it again: no class keeps messages.
const asideFor = 30 * 24 * time.Hour

// maxLive bounds the messages that are spoken at once; each holds some memory.
const maxLive = 200

// Close finishes what it can within ctx; the rest waits, sealed, for the next start.
func (p *Post) Close(ctx context.Context) error {
	err := p.pipeline.Close(ctx)
	p.cancel()
	p.worker.Wait()
	return err
}

// Stats are the pipeline's.
func (p *Post) Stats() pipeline.Stats { return p.pipeline.Stats() }

// Settle waits until everything that was said is stored, or waits for a store that refuses it.
func (p *Post) Settle(ctx context.Context) error { return p.pipeline.Settle(ctx) }

// worth says whether a caller said anything. A greeting is its owner's to judge.
func worth(m recorder.Manifest) bool {
	if m.Policy != messagePolicy {
		return true
	}
	heard := m.DurationMS
	for _, g := range m.Gaps {
		if g.Party == "caller" {
			heard -= g.ToMS - g.FromMS
		}
	}
	return heard >= leastMessage.Milliseconds() && len(m.Codecs) > 0
}

// Letter is what is known when somebody begins to speak.
type Letter struct {
	ID, Domain, Mailbox, Call string
	From, Name                string
	Mode                      string // of a greeting; empty: it is a message
}

// Take is one voice being recorded.
type Take struct {
	ID        string
	recording recorder.Recording
}

// voice is the one party of a message, whichever endpoint it speaks by: the telephone may change while it speaks.
const voice = "voice"

// ErrNoRoom refuses a new message while the disk is needed for call recordings.
var ErrNoRoom = errors.New("mailbox: the disk is kept for call recordings")

// Record begins a message or a greeting. It touches no disk and does not block. ErrNoRoom.
func (p *Post) Record(l Letter) (*Take, error) {
	if disk := p.Stats().Capture; disk.DiskTotal > 0 && disk.DiskFree < p.cfg.MinFree {
		return nil, ErrNoRoom
	}
	policy := messagePolicy
	if l.Mode != "" {
		policy = greetingPolicy + l.Mode
	}
	rec, err := p.pipeline.Start(recorder.Case{ID: l.ID, Domain: l.Domain, Call: l.Call, DID: l.Mailbox, Direction: "voicemail", Policy: policy,
		Started: p.cfg.Now(), Parties: []recorder.Party{{Endpoint: voice, Role: "caller", Number: l.From, Name: l.Name}}})
	if err != nil {
		return nil, err
	}
	return &Take{l.ID, rec}, nil
}

// OnFailure is told, at most once, that nothing more is kept.
func (t *Take) OnFailure(f func(error)) { t.recording.OnFailure(f) }

// Stop ends it; what was said is kept.
func (t *Take) Stop(ended time.Time, why string) { t.recording.Stop(ended, why) }

// Tap sees what the one who speaks says.
func (t *Take) Tap() media.Tap { return ear{t.recording.Tap()} }

// ear hears what a leg says, and nothing that is played to it.
type ear struct{ tap media.Tap }

// Tap implements media.Tap.
func (e ear) Tap(f *media.Frame) {
	if f.Played {
		return
	}
	from := f.From
	f.From = voice
	e.tap.Tap(f)
	f.From = from
}

// Tally counts the messages of a mailbox.
type Tally = catalogue.Tally

// Holder is a mailbox of which the catalogue has anything, messages or greetings.
type Holder = catalogue.Holder

// Holders are all mailboxes that hold anything, whatever became of it.
func (p *Post) Holders(ctx context.Context) ([]Holder, error) { return p.cfg.Catalogue.Holders(ctx) }

// Tallies counts the messages of all mailboxes that have any.
func (p *Post) Tallies(ctx context.Context) ([]Tally, error) {
	return p.cfg.Catalogue.Tallies(ctx, messagePolicy)
}

// failed is an error that is no "there is none".
func failed(err error) bool { return err != nil && !errors.Is(err, recorder.ErrNotFound) }
