package siem

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/durable"
)

// Config of an Exporter.
type Config struct {
	Name      string
	Address   string // host:port
	Transport Transport
	Format    Format
	TLS       *tls.Config // of TLS: whom to trust, as what to be known; the server is always verified
	Clear     bool        // TCP and UDP may leave this machine
	Log       audit.Log
	Cursor    string // file that remembers up to where the log was sent
	Place     Place  // remembers it in its stead, where several processes have one log; nil: the file does
	Host      string // of this switch, in each message
	Version   string
	// Settle is how long a connection must stand after messages were confirmed by TCP until they count as arrived: syslog has no answer, and what a log server
	// had in its hands when it died was confirmed too. 0: 5 s.
	Settle time.Duration
	Poll   time.Duration // between two looks for entries; 0: 1 s
	Logger *slog.Logger  // nil: slog.Default
}

// Place remembers up to where the log was sent, and which of several processes sends it.
type Place interface {
	// Load is the last entry that counts as arrived. ErrElsewhere: another process sends.
	Load(ctx context.Context) (seq int64, err error)
	// Save keeps it. ErrElsewhere: another process sends by now.
	Save(ctx context.Context, seq int64) error
}

// ErrElsewhere says that another process sends the log.
var ErrElsewhere = errors.New("siem: another process sends the log")

// Validate wants TLS for whatever leaves this machine, unless the configuration says otherwise.
func (c Config) Validate() error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return fmt.Errorf("address %q is no host:port", c.Address)
	}
	if c.Format != CEF && c.Format != OCSF {
		return fmt.Errorf("format %q is neither cef nor ocsf", c.Format)
	}
	switch c.Transport {
	case TLS:
		if c.TLS == nil || c.TLS.InsecureSkipVerify {
			return errors.New("a log server must be verified")
		}
	case TCP, UDP:
		if at, err := netip.ParseAddr(host); (err != nil || !at.IsLoopback()) && !c.Clear {
			return errors.New("everybody on the way would read the audit log: use tls, or say clear: true")
		}
	default:
		return fmt.Errorf("transport %q is none of tls, tcp, udp", c.Transport)
	}
	return nil
}

const (
	batchEntries = 200
	maxMarks     = 1024
	firstPause   = time.Second
	longestPause = time.Minute
)

// Stats of an Exporter.
type Stats struct {
	Sent     uint64    // messages written, also those of a connection that broke
	Settled  int64     // the last entry that counts as arrived
	Waiting  int64     // entries after it
	Progress time.Time // when entries last arrived, or none were waiting
	Failure  string    // of the last connection; empty: it stands
}

// Exporter sends the log to one server, in its order, each entry at least once: after a broken connection it goes on behind the last entry that counts as
// arrived. It keeps one batch in memory, however long the server is away.
type Exporter struct {
	cfg    Config
	write  writer
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	stats Stats
}

// New starts sending.
func New(ctx context.Context, cfg Config) (*Exporter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("siem: %s: %w", cfg.Name, err)
	}
	if cfg.Settle <= 0 {
		cfg.Settle = 5 * time.Second
	}
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Cursor), 0o700); err != nil {
		return nil, err
	}
	if cfg.Place == nil {
		cfg.Place = durable.Cursor(cfg.Cursor)
	}
	x := &Exporter{cfg: cfg, write: writer{cfg.Host, cfg.Version, cfg.Format}, done: make(chan struct{})}
	if err := x.resume(ctx); err != nil && !errors.Is(err, ErrElsewhere) {
		return nil, fmt.Errorf("siem: %s: %w", cfg.Name, err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	x.cancel = cancel
	go x.run(run)
	return x, nil
}

// Close ends sending. What did not settle is sent again by the next run.
func (x *Exporter) Close() {
	x.cancel()
	<-x.done
}

// Stats says how far it is.
func (x *Exporter) Stats() Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stats
}

// resume finds where to go on.
func (x *Exporter) resume(ctx context.Context) error {
	seq, err := x.cfg.Place.Load(ctx)
	if err != nil {
		return err
	}
	size, err := x.cfg.Log.AuditSize(ctx)
	if err != nil {
		return err
	}
	if seq > size {
		x.cfg.Logger.Error("siem: the log is shorter than what was sent of it; it goes on at its end", "server", x.cfg.Name, "sent", seq, "size", size)
		seq = size
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stats.Progress.IsZero() || seq != x.stats.Settled {
		x.stats.Settled, x.stats.Progress = seq, time.Now()
	}
	return nil
}

// rest is while another process sends: nothing waits here.
func (x *Exporter) rest() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stats.Waiting, x.stats.Failure, x.stats.Progress = 0, "", time.Now()
}

func (x *Exporter) run(ctx context.Context) {
	defer close(x.done)
	pause := firstPause
	for ctx.Err() == nil {
		err := x.resume(ctx)
		before := x.Stats().Settled
		if err == nil {
			err = x.serve(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		next := x.cfg.Poll
		if errors.Is(err, ErrElsewhere) {
			x.rest()
		} else {
			x.failed(ctx, err)
			if pause = min(2*pause, longestPause); x.Stats().Settled > before {
				pause = firstPause
			}
			next = pause
		}
		wait := time.NewTimer(next)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

func (x *Exporter) failed(ctx context.Context, err error) {
	x.mu.Lock()
	fresh := x.stats.Failure == ""
	x.stats.Failure = err.Error()
	x.mu.Unlock()
	if fresh {
		x.cfg.Logger.Warn("siem: the log server is away; the audit log waits for it", "server", x.cfg.Name, "err", err)
	}
	x.look(ctx)
}

// look counts what waits.
func (x *Exporter) look(ctx context.Context) {
	size, err := x.cfg.Log.AuditSize(ctx)
	if err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stats.Waiting = size - x.stats.Settled; x.stats.Waiting <= 0 {
		x.stats.Waiting, x.stats.Progress = 0, time.Now()
	}
}

// mark is an entry up to which everything was confirmed, and when.
type mark struct {
	seq int64
	at  time.Time
}

// serve sends over one connection until it breaks.
func (x *Exporter) serve(ctx context.Context) error {
	l, err := dial(ctx, x.cfg)
	if err != nil {
		return err
	}
	defer l.close()
	tick := time.NewTicker(x.cfg.Poll)
	defer tick.Stop()
	var marks []mark
	for at := x.Stats().Settled; ; {
		records, err := x.cfg.Log.AuditRecords(ctx, at, batchEntries)
		if err != nil {
			return err
		}
		if len(records) > 0 {
			if err := x.send(ctx, l, records); err != nil {
				return err
			}
			at = records[len(records)-1].Seq
			marks = append(marks, mark{at, time.Now()})
		}
		if marks, err = x.settle(ctx, l, marks); err != nil {
			return err
		}
		if len(records) == batchEntries {
			continue
		}
		select {
		case <-tick.C:
		case <-l.gone:
			return errGone
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send writes one batch. A datagram is a message of its own (RFC 5426 section 3.1).
func (x *Exporter) send(ctx context.Context, l *link, records []audit.Record) error {
	var batch []byte
	for _, r := range records {
		var e provisioning.AuditEntry
		if err := json.Unmarshal(r.Leaf, &e); err != nil { // altered: that is for Verify to say; the columns are sent
			e = r.Entry
		}
		if e.Kind == "" {
			e.Kind = string(audit.KindOf(e.Action))
		}
		message := x.write.message(e)
		if x.cfg.Transport == UDP {
			if err := l.send(ctx, message); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, frame(message)...)
	}
	if len(batch) > 0 {
		if err := l.send(ctx, batch); err != nil {
			return err
		}
	}
	x.mu.Lock()
	x.stats.Sent += uint64(len(records))
	x.stats.Failure = ""
	x.mu.Unlock()
	return nil
}

// settle moves the cursor behind what was confirmed long enough ago over a connection that still stands.
func (x *Exporter) settle(ctx context.Context, l *link, marks []mark) ([]mark, error) {
	select {
	case <-l.gone:
		return marks, errGone
	default:
	}
	old, seq := time.Now().Add(-x.cfg.Settle), int64(0)
	for len(marks) > 0 && (!marks[0].at.After(old) || x.cfg.Transport == UDP) {
		seq, marks = marks[0].seq, marks[1:]
	}
	if len(marks) > maxMarks { // a log server that is fast: what is between is told with the last
		marks = append(marks[:maxMarks/2:maxMarks/2], marks[len(marks)-1])
	}
	if seq > 0 {
		if err := x.cfg.Place.Save(ctx, seq); err != nil {
			return marks, err
		}
		x.mu.Lock()
		x.stats.Settled, x.stats.Progress = seq, time.Now()
		x.mu.Unlock()
	}
	x.look(ctx)
	return marks, nil
}
