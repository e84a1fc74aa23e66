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
	First       int64     // Seq of the first bad entry; 0: none
	Last        int64     // the first bad entry is one of First..Last: greater than First when someone rewrote all hashes too
	Reason      string    // "changed", ... for people
}

// OK says that nothing bad was found.
func (r Report) OK() bool { return r.First == 0 }

func (r Report) String() string {
	if r.OK() {
		return fmt.Sprintf("%d entries good, %d checkpoints agree, %d entries since the last one, root %s", r.Size, r.Checkpoints, r.Since, r.Root)
	}
	if r.Last > r.First {
		return fmt.Sprintf("first bad entry is between %d and %d: %s", r.First, r.Last, r.Reason)
	}
	return fmt.Sprintf("first bad entry is %d: %s", r.First, r.Reason)
}

// Verify recomputes the whole tree and compares each entry with its columns and hashes, and the tree with each checkpoint.
// A fault gives ErrBroken and the Report's First. Checkpoints must be authentic (LoadCheckpoints, OpenCheckpoint); without any, a log
// that was consistently rewritten or cut at its end is not found out.
func Verify(ctx context.Context, log Log, checkpoints ...Checkpoint) (Report, error) {
	size, err := log.AuditSize(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("audit: verify: %w", err)
	}
	v := verifier{checkpoints: slices.Clone(checkpoints)}
	slices.SortStableFunc(v.checkpoints, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	v.compare()
	if v.report.OK() {
		err := scan(ctx, log, func(r checked) bool { v.add(r); return v.report.OK() })
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

// verifier holds the tree's frontier: the roots of its complete subtrees, largest first.
type verifier struct {
	report      Report
	frontier    []tlog.Hash
	want        []byte       // the hashes of the entry in hand: room that is used again
	checkpoints []Checkpoint // ordered, those not yet reached
	good        int64        // size of the last checkpoint that agreed
}

func (v *verifier) bad(first, last int64, reason string) {
	v.report.First, v.report.Last, v.report.Reason = first, last, reason
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
	hash := r.hash
	v.want = append(v.want[:0], hash[:]...)
	v.frontier = append(v.frontier, hash)
	for n := v.report.Size; n&1 == 1; n >>= 1 { // this entry completes a subtree per trailing one
		l := len(v.frontier)
		hash = tlog.NodeHash(v.frontier[l-2], v.frontier[l-1])
		v.frontier = append(v.frontier[:l-2], hash)
		v.want = append(v.want, hash[:]...)
	}
	switch {
	case len(r.stored) < tlog.HashSize || !bytes.Equal(r.stored[:tlog.HashSize], v.want[:tlog.HashSize]):
		v.bad(seq, seq, "it was changed: its hash does not fit")
		return
	case !bytes.Equal(r.stored, v.want):
		v.bad(max(v.good, seq-subtree(r.stored, v.want))+1, seq, "one of these entries was changed together with its hash")
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
		if c.Root != v.root() {
			v.bad(v.good+1, max(c.Size, v.good+1), fmt.Sprintf("the log was rewritten: it does not fit the checkpoint of %d entries", c.Size))
			return
		}
		v.report.Checkpoints++
		v.good = c.Size
	}
}

// root folds the frontier (RFC 6962 section 2.1).
func (v *verifier) root() tlog.Hash {
	if len(v.frontier) == 0 {
		h, _ := tlog.TreeHash(0, nil) // the hash of nothing
		return h
	}
	h := v.frontier[len(v.frontier)-1]
	for i := len(v.frontier) - 2; i >= 0; i-- {
		h = tlog.NodeHash(v.frontier[i], h)
	}
	return h
}

// end judges the tail: before and after are the log's own idea of its size, read before and after the entries.
func (v *verifier) end(before, after int64) (Report, error) {
	if v.report.OK() {
		v.report.Root, v.report.Since = v.root(), v.report.Size-v.good
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
