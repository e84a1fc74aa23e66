package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"naisen/provisioning"
)

// Proven is one entry with the proof that it stands in the tree of a checkpoint (RFC 6962 section 2.1.1).
type Proven struct {
	Seq   int64       `json:"seq"`
	Leaf  string      `json:"leaf"` // canonical JSON, to the octet
	Proof []tlog.Hash `json:"proof"`
}

// Extract is a part of the log that proves itself: a signed checkpoint and entries that stand in its tree.
type Extract struct {
	LogKey     string   `json:"log_key"`    // Key.Public
	Checkpoint string   `json:"checkpoint"` // signed, with the signature of a witness where there is one
	Entries    []Proven `json:"entries"`
}

// maxExtract bounds the entries of an extract.
const maxExtract = 20_000

// NewExtract proves entries (by Seq, ascending) against a checkpoint that Checkpointer.Signed gave.
func NewExtract(ctx context.Context, src Source, signed []byte, public string, seqs []int64) (Extract, error) {
	x := Extract{LogKey: public, Checkpoint: string(signed), Entries: []Proven{}}
	c, err := OpenCheckpoint(signed, public)
	if err != nil {
		return x, err
	}
	if len(seqs) > maxExtract {
		return x, fmt.Errorf("audit: extract: %d entries are more than %d", len(seqs), maxExtract)
	}
	reader := hashReader(func(seqs []int64) (map[int64][]byte, error) { return src.AuditHashes(ctx, seqs) })
	for _, seq := range seqs {
		records, err := src.AuditRecords(ctx, seq-1, 1)
		if err != nil {
			return x, fmt.Errorf("audit: extract: %w", err)
		}
		if len(records) != 1 || records[0].Seq != seq {
			return x, fmt.Errorf("%w: entry %d is missing", ErrBroken, seq)
		}
		proof, err := tlog.ProveRecord(c.Size, seq-1, reader)
		if err == nil {
			err = tlog.CheckRecord(proof, c.Size, c.Root, seq-1, tlog.RecordHash(records[0].Leaf))
		}
		if err != nil {
			return x, fmt.Errorf("%w: entry %d does not stand in the tree of the checkpoint: %w", ErrBroken, seq, err)
		}
		x.Entries = append(x.Entries, Proven{seq, string(records[0].Leaf), proof})
	}
	return x, nil
}

// ReadExtract reads what json.Marshal made of an Extract, strictly.
func ReadExtract(text []byte) (Extract, error) {
	var x Extract
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		return x, fmt.Errorf("audit: extract is not readable: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return x, fmt.Errorf("audit: extract: more follows it")
	}
	if len(x.Entries) > maxExtract {
		return x, fmt.Errorf("audit: extract: %d entries are more than %d", len(x.Entries), maxExtract)
	}
	return x, nil
}

// Open checks checkpoint and proofs and gives the entries. public is the log's key as the reader trusts it; empty: the extract's own, which whoever
// signed the extract vouches for. ErrCheckpoint; ErrBroken, which names the first entry that is not as it was written.
func (x Extract) Open(public string) (Checkpoint, []provisioning.AuditEntry, error) {
	if public == "" {
		public = x.LogKey
	}
	c, err := OpenCheckpoint([]byte(x.Checkpoint), public)
	if err != nil {
		return c, nil, err
	}
	out := make([]provisioning.AuditEntry, 0, len(x.Entries))
	last := int64(0)
	for _, p := range x.Entries {
		if p.Seq <= last || p.Seq > c.Size {
			return c, nil, fmt.Errorf("%w: entry %d is out of order, or behind the checkpoint", ErrBroken, p.Seq)
		}
		last = p.Seq
		if err := tlog.CheckRecord(p.Proof, c.Size, c.Root, p.Seq-1, tlog.RecordHash([]byte(p.Leaf))); err != nil {
			return c, nil, fmt.Errorf("%w: entry %d is not what the log holds there", ErrBroken, p.Seq)
		}
		var e provisioning.AuditEntry
		if err := json.Unmarshal([]byte(p.Leaf), &e); err != nil || e.Seq != p.Seq {
			return c, nil, fmt.Errorf("%w: entry %d is not readable, or another one", ErrBroken, p.Seq)
		}
		out = append(out, e)
	}
	return c, out, nil
}
