package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/nodes"
	"naisen/recorder/catalogue"
	"naisen/recorder/pipeline"
)

// heirs finish the recordings of nodes that died, where the journals lie in a folder that all nodes have (recording.journals). Each node has the lease of its
// own part of it. Who takes the lease of a dead one moves its part below its own, in one step: that is the fence. A node that was not dead but hung, and wakes,
// finds its part gone: what it goes on to write belongs to nobody, and it has nothing to store a second time. It takes its lease again, and begins a new part.
// What was finished the others learn from the audit log, as whatever another node has stored.
type heirs struct {
	root  string // all nodes' folder
	node  string
	nodes *nodes.Members
	open  func(dir string, rows *catalogue.Catalogue) (*pipeline.Pipeline, error)
	lost  func(detail string) // told when another node has taken what was this one's
	clock func() time.Time    // monotonic
	log   *slog.Logger

	turn  int64                // of this node's own lease
	still map[string]stillness // of parts whose nodes seem to be dead
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// stillness is how the files of a part were seen, and since when they are so.
type stillness struct {
	files int
	bytes int64
	since time.Time
}

const (
	heirsEvery  = time.Second
	heirsStill  = 10 * time.Second // a node that writes has lost the database, not its life
	heirsSettle = 10 * time.Minute // for one part; what is not stored by then is tried again
	heirsWait   = 20 * time.Second // for this node's own lease at the start

	taken      = "taken" // of a node's part: those that it has taken, each a part
	takenRows  = "rows.db"
	partPrefix = "journals/" // of leases
)

// sharesJournals says that other nodes may finish what this one records.
func (c Config) sharesJournals() bool { return c.Node != "" && c.Recording.Journals != "" }

// recorderPath is where this switch captures recordings.
func (c Config) recorderPath() string {
	if c.sharesJournals() {
		return filepath.Join(c.Recording.Journals, c.Node)
	}
	return c.path("recorder")
}

// ownJournals waits until this node has its part: nobody moves it from now on, as long as it lives.
func (p *pbx) ownJournals(ctx context.Context) error {
	if !p.config.sharesJournals() {
		return nil
	}
	lease := partPrefix + p.config.Node
	p.nodes.Want(lease)
	ctx, cancel := context.WithTimeout(ctx, heirsWait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, ok := p.nodes.Holds(lease); ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("recording.journals: the lease of %s is not to be had: %w", lease, ctx.Err())
		}
	}
}

// startHeirs watches over the other parts. The vault is open.
func (p *pbx) startHeirs(ctx context.Context) {
	if !p.config.sharesJournals() {
		return
	}
	c := p.vault.pipelineConfig(p.config, p.store, p.timed(), p.log)
	h := &heirs{root: p.config.Recording.Journals, node: p.config.Node, nodes: p.nodes, clock: time.Now, log: p.log, still: map[string]stillness{},
		lost: func(detail string) { p.alarms.happened("journals-taken", "", p.config.Node, detail) },
		open: func(dir string, rows *catalogue.Catalogue) (*pipeline.Pipeline, error) {
			of := c
			of.Dir, of.Catalogue = dir, rows
			return pipeline.Open(of)
		}}
	h.turn, _ = p.nodes.Holds(partPrefix + h.node)
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	h.done.Go(func() { h.run(ctx) })
	p.closing("journals of other nodes", func(context.Context) error { h.stop(); h.done.Wait(); return nil })
}

func (h *heirs) run(ctx context.Context) {
	tick := time.NewTicker(heirsEvery)
	defer tick.Stop()
	failing := false
	for {
		err := errors.Join(h.own(), h.others(ctx), h.finish(ctx))
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			if failing = err != nil; failing {
				h.log.Error("pbx: journals of other nodes", "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *heirs) part(node string) string { return filepath.Join(h.root, node) }

// own looks whether this node's part was taken while it could not say that it lives, and begins a new one.
func (h *heirs) own() error {
	turn, ok := h.nodes.Holds(partPrefix + h.node)
	if !ok || turn == h.turn {
		return nil
	}
	if err := pipeline.MakeDirs(h.part(h.node)); err != nil {
		return err
	}
	h.turn = turn
	h.lost("this node hung, and what it recorded until then was finished by another one")
	return nil
}

// others takes the parts of nodes that do not live.
func (h *heirs) others(ctx context.Context) error {
	entries, err := os.ReadDir(h.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		node := e.Name()
		if _, lives := h.nodes.Other(node); !e.IsDir() || node == h.node || lives || strings.HasPrefix(node, ".") {
			delete(h.still, node)
			continue
		}
		quiet, err := h.quiet(node)
		if err == nil && quiet {
			err = h.take(ctx, node)
		}
		if err != nil {
			return fmt.Errorf("of %s: %w", node, err)
		}
	}
	return nil
}

// quiet says that nobody has written into a part for long enough.
func (h *heirs) quiet(node string) (bool, error) {
	now := stillness{since: h.clock()}
	err := filepath.WalkDir(h.part(node), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				now.files++
				now.bytes += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // it went meanwhile
			return nil
		}
		return err
	})
	was, known := h.still[node]
	if !known || was.files != now.files || was.bytes != now.bytes {
		h.still[node] = now
		return false, err
	}
	return now.files > 0 && now.since.Sub(was.since) >= heirsStill, err
}

// take moves a part below this node's own, under the lease of its node.
func (h *heirs) take(ctx context.Context, node string) error {
	ok, err := h.nodes.Inherit(ctx, partPrefix+node)
	if err != nil || !ok {
		return err
	}
	to := filepath.Join(h.part(h.node), taken, fmt.Sprintf("%s-%d", node, time.Now().UnixNano()))
	err = os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		err = os.Rename(h.part(node), to)
	}
	if err == nil {
		h.log.Warn("pbx: recordings of a node that died are finished here", "node", node)
	}
	delete(h.still, node)
	return errors.Join(err, h.nodes.Drop(context.WithoutCancel(ctx), partPrefix+node))
}

// finish renders and stores what was taken, also by an earlier run. What cannot be rendered is this node's from then on: `pbx recording failed` has it.
func (h *heirs) finish(ctx context.Context) error {
	dir := filepath.Join(h.part(h.node), taken)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if err == nil && ctx.Err() == nil {
			err = h.settle(ctx, filepath.Join(dir, e.Name()))
		}
	}
	return err
}

// settle does one part, with rows of its own: in the node's catalogue all that has no file in its own part is lost. Parts that the dead node had taken itself
// come up beside it.
func (h *heirs) settle(ctx context.Context, part string) (err error) {
	below, _ := os.ReadDir(filepath.Join(part, taken))
	for _, e := range below {
		if err := os.Rename(filepath.Join(part, taken, e.Name()), filepath.Join(filepath.Dir(part), e.Name())); err != nil {
			return err
		}
	}
	waits, err := pipeline.Waits(part)
	if err == nil && !waits {
		if err = pipeline.AsideOf(part).Pass(h.part(h.node)); err == nil {
			err = os.RemoveAll(part)
		}
	}
	if err != nil || !waits {
		return err
	}
	rows, err := catalogue.Open(ctx, filepath.Join(part, takenRows), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	line, err := h.open(part, rows)
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, heirsSettle)
	defer cancel()
	settled := line.Settle(patience)
	cancel()
	closing, done := context.WithCancel(context.Background())
	done() // what has not come to its end does so the next time
	return errors.Join(settled, line.Close(closing))
}
