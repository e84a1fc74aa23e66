package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
	"naisen/sip"
)

const (
	noteGather  = 250 * time.Millisecond // a call that is over by then is never noted
	notePulse   = time.Second            // how exactly the end of calls is known that nobody saw
	noteCompact = 1000                   // lines more than there are calls, after which the file is written anew
	noteLine    = 64 << 10               // octets
)

// causeKilled is written into the records of calls that ran when the switch died.
var causeKilled = sip.Cause{Status: 500, Q850: 41, Text: "Switch stopped without warning"}

// note is what a call's record would say now, and what a minute of it costs in thousandths of a yen.
type note struct {
	CDR   provisioning.CDR
	Price int64
}

// noteEntry is one line of the file: a note in place of an earlier one of the same call, or that the call has its record.
type noteEntry struct {
	Note *note  `json:",omitempty"`
	Gone string `json:",omitempty"`
}

// notes keep on disk which calls run, so that each has exactly one record even when the process is killed: the next start writes those of
// the calls that have none yet. The file survives the process and not the machine: it is not synced, a power cut may cost half a minute.
type notes struct {
	path  string
	price func(domain string, c call.CDR) int64
	log   *slog.Logger

	mu      sync.Mutex
	waiting map[string]*note // by call; nil: it has its record. Bounded by the calls that may run
	wake    chan struct{}
	failed  atomic.Uint64 // writes

	file  *os.File          // run's, and the rest
	live  map[string][]byte // the line of each call in the file
	lines int
	end   chan struct{}
	done  chan struct{}
}

// openNotes begins a new file. What the last one held must have been recovered.
func openNotes(path string, price func(string, call.CDR) int64, log *slog.Logger) (*notes, error) {
	n := &notes{path: path, price: price, log: log, waiting: map[string]*note{}, wake: make(chan struct{}, 1), live: map[string][]byte{},
		end: make(chan struct{}), done: make(chan struct{})}
	var err error
	if n.file, err = os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("call notes: %w", err)
	}
	go n.run()
	return n, nil
}

// keep implements call.Deps.Note. It never blocks.
func (n *notes) keep(c call.CDR) {
	n.change(c.ID, &note{row(c), n.price(c.Domain, c)})
}

// settled says that a call has its record.
func (n *notes) settled(id string) { n.change(id, nil) }

func (n *notes) change(id string, to *note) {
	n.mu.Lock()
	n.waiting[id] = to
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run writes what changed, and shows by the file's time that it lives while there are calls.
func (n *notes) run() {
	defer close(n.done)
	for {
		var pulse <-chan time.Time
		var timer *time.Timer
		if len(n.live) > 0 {
			timer = time.NewTimer(notePulse)
			pulse = timer.C
		}
		select {
		case <-n.end:
			n.write()
			return
		case <-pulse:
			now := time.Now()
			n.check(os.Chtimes(n.path, now, now))
			continue
		case <-n.wake:
		}
		if timer != nil {
			timer.Stop()
		}
		gather := time.NewTimer(noteGather)
		select {
		case <-gather.C:
		case <-n.end:
			gather.Stop()
		}
		n.write()
	}
}

// write brings the file up to date.
func (n *notes) write() {
	n.mu.Lock()
	waiting := n.waiting
	n.waiting = map[string]*note{}
	n.mu.Unlock()
	var b bytes.Buffer
	for id, what := range waiting {
		_, known := n.live[id]
		e := noteEntry{Note: what}
		switch {
		case what == nil && !known:
			continue
		case what == nil:
			e.Gone = id
			delete(n.live, id)
		}
		line, err := json.Marshal(e)
		if err != nil {
			n.check(err)
			continue
		}
		line = append(line, '\n')
		if what != nil {
			n.live[id] = line
		}
		b.Write(line)
		n.lines++
	}
	if b.Len() > 0 {
		_, err := n.file.Write(b.Bytes())
		n.check(err)
	}
	if n.lines > len(n.live)+noteCompact {
		n.check(n.compact())
	}
}

// compact writes the notes of the running calls into a new file, which takes the place of the old one.
func (n *notes) compact() error {
	next, err := os.OpenFile(n.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, line := range n.live {
		b.Write(line)
	}
	if _, err = next.Write(b.Bytes()); err == nil {
		err = os.Rename(n.path+".new", n.path)
	}
	if err != nil {
		return errors.Join(err, next.Close())
	}
	old := n.file
	n.file, n.lines = next, len(n.live)
	return old.Close()
}

func (n *notes) check(err error) {
	if err != nil {
		n.failed.Add(1)
		n.log.Error("call notes: not written; a call that runs when the switch is killed has no record", "err", err)
	}
}

// Close writes what waits. Calls that have no record by then keep their note.
func (n *notes) Close(context.Context) error {
	close(n.end)
	<-n.done
	return n.file.Close()
}

// recovered are the notes of the calls that ran when the last process died, ended when it was seen alive last.
func recovered(path string) ([]note, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("call notes: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("call notes: %w", err)
	}
	found := map[string]note{}
	for lines := bufio.NewReaderSize(f, noteLine); ; {
		line, err := lines.ReadSlice('\n')
		var e noteEntry
		if err == nil && json.Unmarshal(line, &e) == nil { // the last line may have been cut by the kill
			delete(found, e.Gone)
			if e.Note != nil {
				found[e.Note.CDR.ID] = *e.Note
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	out := make([]note, 0, len(found))
	for _, n := range found {
		out = append(out, n.ended(info.ModTime()))
	}
	return out, nil
}

// ended is the note with the end that nobody saw.
func (n note) ended(alive time.Time) note {
	c := &n.CDR
	c.Ended = alive.In(c.Started.Location())
	if c.Ended.Before(c.Started) || c.Ended.Before(c.Answered) {
		c.Ended = c.Answered
		if c.Answered.IsZero() {
			c.Ended = c.Started
		}
	}
	c.Status, c.Q850, c.Cause, c.EndedBy = causeKilled.Status, causeKilled.Q850, causeKilled.Text, "switch"
	if !c.Answered.IsZero() {
		c.Status, c.TalkMS = 200, c.Ended.Sub(c.Answered).Milliseconds() // what the caller saw last
		if c.Payer != "" {
			c.MilliYen = limit.Cost(n.Price, c.Ended.Sub(c.Answered))
		}
	}
	return n
}

// recoverCalls writes the records of the calls that ran when the last process died, before the limits of today are counted from the records.
func recoverCalls(ctx context.Context, path string, store provisioning.Store, log *slog.Logger) error {
	list, err := recovered(path)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, n := range list {
		err := recoverCall(ctx, n.CDR, store)
		if err != nil && !permanent(err) {
			return fmt.Errorf("call notes: %w", err)
		}
		log.Warn("call notes: a call ran when the switch was killed", "call", n.CDR.ID, "domain", n.CDR.Domain, "answered", !n.CDR.Answered.IsZero(), "err", err)
	}
	return nil
}

// recoverCall writes one record, unless it was written just before the kill.
func recoverCall(ctx context.Context, c provisioning.CDR, store provisioning.Store) error {
	return store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		there, err := w.CDRs(c.Domain, provisioning.CDRQuery{ID: c.ID, Limit: 1})
		if err != nil || len(there) > 0 {
			return err
		}
		if err := w.AddCDR(c); err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: c.Domain, Subject: "system", Action: "call.ended", Object: c.ID, Outcome: "failed",
			Detail: map[string]any{"from": c.From, "to": c.To, "answered_by": c.AnsweredBy, "status": c.Status, "recording": c.Recording, "cause": c.Cause}})
	})
}
