package main

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tap takes what is written when it is open.
type tap struct {
	open   chan struct{}
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (t *tap) Write(p []byte) (int, error) {
	<-t.open
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
	return t.text.Write(p)
}

func (t *tap) seen() (string, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String(), t.writes
}

// Lines that come together are written together, an error before its call returns, the rest at the end.
func TestLogGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		close(out.open)
		g := newLogGate(out)
		log := slog.New(flushing{logger(LogConfig{}, g).Handler(), g}).With("call", "c1")
		for range 100 {
			log.Info("line")
		}
		if text, _ := out.seen(); text != "" {
			t.Errorf("written at once: %s", text)
		}
		time.Sleep(2 * logGather)
		if text, writes := out.seen(); strings.Count(text, "msg=line call=c1\n") != 100 || writes > 2 {
			t.Errorf("%d writes: %s", writes, text)
		}
		log.Info("before")
		log.Error("error")
		if text, _ := out.seen(); !strings.HasSuffix(text, "msg=error call=c1\n") || !strings.Contains(text, "msg=before") {
			t.Errorf("after an error: %s", text)
		}
		log.Info("last")
		g.Close()
		if text, _ := out.seen(); !strings.HasSuffix(text, "msg=last call=c1\n") || g.dropped.Load() != 0 {
			t.Errorf("after the end: %s", text)
		}
	})
}

// An output that takes nothing holds up nobody for long, and costs no memory without end; what it lost is counted.
func TestLogGateStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tap{open: make(chan struct{})}
		g := newLogGate(out)
		log := slog.New(flushing{logger(LogConfig{}, g).Handler(), g})
		began := time.Now()
		long := strings.Repeat("x", 1000)
		for range 3 * logBound / 1000 {
			log.Info(long)
		}
		for range 100 {
			log.Error("error")
		}
		if waited := time.Since(began); waited > 2*logPatience {
			t.Errorf("waited %s", waited)
		}
		if g.dropped.Load() < logBound/1000 || len(g.waiting) > logBound {
			t.Errorf("dropped %d, waiting %d", g.dropped.Load(), len(g.waiting))
		}
		close(out.open)
		g.Close()
		if text, _ := out.seen(); len(text) > 2*logBound+2000 || !strings.Contains(text, long) {
			t.Errorf("%d octets", len(text))
		}
	})
}

// slow takes one piece in three seconds.
type slow struct{}

func (slow) Write(p []byte) (int, error) {
	time.Sleep(3 * logPatience)
	return len(p), nil
}

// An output that takes a little now and then holds up who says errors no more often than one that takes nothing.
func TestLogGateSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newLogGate(slow{})
		defer func() { g.Close(); <-g.done }()
		log := slog.New(flushing{logger(LogConfig{}, g).Handler(), g})
		waited := time.Duration(0)
		for range 100 {
			began := time.Now()
			log.Error("error")
			waited += time.Since(began)
			time.Sleep(logPatience)
		}
		if waited > 2*logPatience {
			t.Errorf("waited %s", waited)
		}
	})
}

var _ io.Writer = (*logGate)(nil)
