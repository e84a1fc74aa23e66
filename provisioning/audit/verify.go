package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrBroken says that the log is not what was written. The Report says where.
var ErrBroken = errors.New("audit: log is not as it was written")

// Report is what Verify found.
type Report struct {
	Size        int64     // entries seen
	Root        tlog.Hash // hash of the tree over them
	Checkpoints int       // that agreed
	Since       int64     // entries after the last checkpoint: their order and content are checked, their being all is not provable
	Archived    int64     // of Size, entries that lie in archives and were not read here: HoldSegment holds each archive against the log
	Passed      int       // checkpoints within these, which say nothing here
	First       int64     // Seq of the first bad entry; 0: none
	Last        int64     // the first bad entry is one of First..Last: greater than First when someone rewrote all hashes too
	Reason      string    // "changed", ... for people
}

// OK says that nothing bad was found.
func (r Report) OK() bool { return r.First == 0 }

func (r Report) String() string {
	if r.OK() {
		archived := ""
		if r.Archived > 0 {
			archived = fmt.Sprintf(" (the first %d are in archives, with %d checkpoints)", r.Archived, r.Passed)
		}
		return fmt.Sprintf("%d entries good%s, %d checkpoints agree, %d entries since the last one, root %s", r.Size, archived, r.Checkpoints, r.Since, r.Root)
	}
	if r.Last > r.First {
		return fmt.Sprintf("first bad entry is between %d and %d: %s", r.First, r.Last, r.Reason)
	}
	return fmt.Sprintf("first bad entry is %d: %s", r.First, r.Reason)
}

// Verify recomputes the whole tree and compares each entry with its columns and hashes, and the tree with each checkpoint.
// A fault gives ErrBroken and the Report's First. Checkpoints must be authentic (LoadCheckpoints, OpenCheckpoint); without any, a log
// that was consistently rewritten or cut at its end is not found out. Of a Shortened log what is there is checked, on the hashes that stayed of the rest: a
// checkpoint behind them vouches for these.
func Verify(ctx context.Context, log Log, checkpoints ...Checkpoint) (Report, error) {
	size, err := log.AuditSize(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("audit: verify: %w", err)
	}
	v := verifier{checkpoints: slices.Clone(checkpoints)}
	slices.SortStableFunc(v.checkpoints, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	if short, ok := log.(Shortened); ok {
		if err := v.begin(ctx, short); err != nil {
			return Report{}, fmt.Errorf("audit: verify: %w", err)
		}
	}
	v.compare()
	if v.report.OK() {
		err := scan(ctx, log, v.report.Size, func(r checked) bool { v.add(r); return v.report.OK() })
		if err != nil {
			return v.report, fmt.Errorf("audit: verify: %w", err)
		}
	}
	now, err := log.AuditSize(ctx)
	if err != nil {
		return v.report, fmt.Errorf("audit: verify: %w", err)
	}
	return v.end(size, now)
}

// HoldSegment holds an archive against the log that it was taken from: ErrSegment where the block's root is another one.
func HoldSegment(ctx context.Context, log Hashes, s Segment) error {
	hashes, err := log.AuditHashes(ctx, []int64{s.Last})
	if err != nil {
		return fmt.Errorf("audit: archive: %w", err)
	}
	at := s.level() * tlog.HashSize
	if kept := hashes[s.Last]; len(kept) < at+tlog.HashSize || !bytes.Equal(kept[at:at+tlog.HashSize], s.Root[:]) {
		return fmt.Errorf("%w: entries %d to %d are not those of this log", ErrSegment, s.First, s.Last)
	}
	return nil
}

// verifier builds the tree anew.
type verifier struct {
	report      Report
	tree        tree
	checkpoints []Checkpoint // ordered, those not yet reached
	good        int64        // size of the last checkpoint that agreed
}

func (v *verifier) bad(first, last int64, reason string) {
	v.report.First, v.report.Last, v.report.Reason = first, last, reason
}

// begin takes the tree over the entries that are archived from the hashes that stayed.
func (v *verifier) begin(ctx context.Context, log Shortened) error {
	archived, err := log.AuditArchived(ctx)
	if err != nil || archived == 0 {
		return err
	}
	var ends []int64
	var levels []int
	for at, level := int64(0), 62; level >= 0; level-- {
		if archived&(1<<level) != 0 {
			at += 1 << level
			ends, levels = append(ends, at), append(levels, level)
		}
	}
	stored, err := log.AuditHashes(ctx, ends)
	if err != nil {
		return err
	}
	for i, end := range ends {
		at := levels[i] * tlog.HashSize
		if len(stored[end]) < at+tlog.HashSize {
			v.bad(1, archived, "they are archived, and what must stay of them did not")
			return nil
		}
		v.tree.frontier = append(v.tree.frontier, tlog.Hash(stored[end][at:at+tlog.HashSize]))
	}
	v.tree.size, v.report.Size, v.report.Archived = archived, archived, archived
	for len(v.checkpoints) > 0 && v.checkpoints[0].Size < archived {
		v.checkpoints = v.checkpoints[1:]
		v.report.Passed++
	}
	return nil
}

func (v *verifier) add(r checked) {
	seq := v.report.Size + 1
	if r.seq != seq {
		v.bad(seq, seq, fmt.Sprintf("it is missing, the next one there is %d", r.seq))
		return
	}
	if r.reason != "" {
		v.bad(seq, seq, r.reason)
		return
	}
	want := v.tree.add(r.hash)
	switch {
	case len(r.stored) < tlog.HashSize || !bytes.Equal(r.stored[:tlog.HashSize], want[:tlog.HashSize]):
		v.bad(seq, seq, "it was changed: its hash does not fit")
		return
	case !bytes.Equal(r.stored, want):
		v.bad(max(v.good, seq-subtree(r.stored, want))+1, seq, "one of these entries was changed together with its hash")
		return
	}
	v.report.Size = seq
	v.compare()
}

// subtree is the number of entries under the lowest node whose stored hash does not fit.
func subtree(got, want []byte) int64 {
	level := 0
	for at := tlog.HashSize; at <= len(want) && at <= len(got) && bytes.Equal(got[:at], want[:at]); at += tlog.HashSize {
		level++
	}
	return 1 << level
}

// compare checks the checkpoints that the tree has just reached.
func (v *verifier) compare() {
	for len(v.checkpoints) > 0 && v.checkpoints[0].Size == v.report.Size {
		c := v.checkpoints[0]
		v.checkpoints = v.checkpoints[1:]
		if c.Root != v.tree.root() {
			v.bad(v.good+1, max(c.Size, v.good+1), fmt.Sprintf("the log was rewritten: it does not fit the checkpoint of %d entries", c.Size))
			return
		}
		v.report.Checkpoints++
		v.good = c.Size
	}
}

// end judges the tail: before and after are the log's own idea of its size, read before and after the entries.
func (v *verifier) end(before, after int64) (Report, error) {
	if v.report.OK() {
		v.report.Root, v.report.Since = v.tree.root(), v.report.Size-v.good
		next := v.report.Size + 1
		switch {
		case len(v.checkpoints) > 0:
			v.bad(next, next, fmt.Sprintf("it is missing: the log was cut or rolled back, a checkpoint says %d entries", v.checkpoints[len(v.checkpoints)-1].Size))
		case v.report.Size < before:
			v.bad(next, next, fmt.Sprintf("it is missing: the log says that it has %d entries", before))
		case v.report.Size > after:
			v.bad(after+1, after+1, fmt.Sprintf("it was inserted: the log says that it has %d entries", after))
		}
	}
	if !v.report.OK() {
		return v.report, fmt.Errorf("%w: %s", ErrBroken, v.report)
	}
	return v.report, nil
}
