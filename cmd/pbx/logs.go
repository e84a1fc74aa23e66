package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// logger writes one line per state change. Values that hold secrets redact themselves.
func logger(c LogConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

const (
	logGather   = 50 * time.Millisecond // lines of so long go out by one write: each by its own was a sixteenth of a call's processor time
	logBound    = 1 << 20               // octets that wait for an output that does not take them; what comes then is dropped
	logPatience = time.Second           // how long an error, or the end of the switch, waits for that output
)

// logGate lets lines wait for their output instead of the calls that say them: a terminal that is stopped or a pipe that nobody reads
// holds up no call.
type logGate struct {
	out     io.Writer
	dropped atomic.Uint64 // lines
	stuck   atomic.Bool   // somebody waited in vain: nobody waits again until out takes something

	mu      sync.Mutex
	waiting []byte
	said    uint64        // octets taken, ever
	written uint64        // of them written or lost with out
	moved   chan struct{} // closed and replaced as written grows

	wake chan struct{} // something waits
	rush chan struct{} // somebody waits for it
	end  chan struct{}
	done chan struct{}
}

func newLogGate(out io.Writer) *logGate {
	g := &logGate{out: out, moved: make(chan struct{}), wake: make(chan struct{}, 1), rush: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan struct{})}
	go g.run()
	return g
}

// Write takes one line. It never blocks and never fails.
func (g *logGate) Write(line []byte) (int, error) {
	g.mu.Lock()
	full := len(g.waiting)+len(line) > logBound
	if !full {
		g.waiting = append(g.waiting, line...)
		g.said += uint64(len(line))
	}
	g.mu.Unlock()
	if full {
		g.dropped.Add(1)
	}
	nudge(g.wake)
	return len(line), nil
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (g *logGate) run() {
	defer close(g.done)
	gather := time.NewTimer(logGather)
	defer gather.Stop()
	var spare []byte
	for {
		select {
		case <-g.wake:
		case <-g.end:
			g.pass(spare)
			return
		}
		gather.Reset(logGather)
		select {
		case <-gather.C:
		case <-g.rush:
		case <-g.end:
		}
		spare = g.pass(spare)
	}
}

// pass writes what waits, and gives back its buffer for the one after the next.
func (g *logGate) pass(spare []byte) []byte {
	g.mu.Lock()
	out := g.waiting
	g.waiting = spare[:0]
	g.mu.Unlock()
	if len(out) > 0 {
		began := time.Now()
		_, _ = g.out.Write(out)              // there is nowhere to complain
		if time.Since(began) < logPatience { // one that takes a little now and then is not worth waiting for either
			g.stuck.Store(false)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.written += uint64(len(out))
	close(g.moved)
	g.moved = make(chan struct{})
	return out
}

// flush waits until what was said before it is written, but not for ever.
func (g *logGate) flush() {
	patience := time.NewTimer(logPatience)
	defer patience.Stop()
	g.mu.Lock()
	said := g.said
	g.mu.Unlock()
	for {
		g.mu.Lock()
		there, moved := g.written >= said, g.moved
		g.mu.Unlock()
		if there || g.stuck.Load() {
			return
		}
		nudge(g.rush)
		select {
		case <-moved:
		case <-g.done:
			return
		case <-patience.C:
			g.stuck.Store(true)
			return
		}
	}
}

// Close writes what waits. An output that takes nothing keeps one goroutine until the process ends.
func (g *logGate) Close() {
	g.flush()
	close(g.end)
	patience := time.NewTimer(logPatience)
	defer patience.Stop()
	select {
	case <-g.done:
	case <-patience.C:
	}
}

// flushing is a handler whose errors are written before it returns: some are the only place where a record still is.
type flushing struct {
	slog.Handler
	gate *logGate
}

// Handle implements slog.Handler.
func (f flushing) Handle(ctx context.Context, r slog.Record) error {
	err := f.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelError {
		f.gate.flush()
	}
	return err
}

// WithAttrs and WithGroup implement slog.Handler.
func (f flushing) WithAttrs(a []slog.Attr) slog.Handler {
	return flushing{f.Handler.WithAttrs(a), f.gate}
}
func (f flushing) WithGroup(name string) slog.Handler {
	return flushing{f.Handler.WithGroup(name), f.gate}
}
