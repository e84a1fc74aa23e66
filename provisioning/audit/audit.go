// Package audit owns the form of the append-only log: canonical entries, the RFC 6962 Merkle tree over them, signed checkpoints
// and their verification. It never stores entries itself (the store does, in the transaction of the change) and never decides what is logged.
package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"naisen/provisioning"
)

// Bounds of an entry.
const (
	maxField  = 256   // runes of Subject, Action, Object, Outcome and the like; longer ones are cut, since they may come from a stranger
	maxReason = 1024  // runes of Reason
	maxLeaf   = 32768 // bytes of the canonical form
	maxDepth  = 10    // of Detail: a version of a menu is the deepest entity
	maxString = 4096  // bytes of a string in Detail; longer ones are cut
)

// Record is one entry as it is stored.
type Record struct {
	Seq    int64                   // row number, from 1
	Leaf   []byte                  // canonical JSON: the truth
	Hashes []byte                  // the tree's hashes that this entry completes, 32 bytes each: its leaf hash, then level 1, 2, ...
	Entry  provisioning.AuditEntry // the columns kept beside for searching (no Detail): must agree with Leaf
	Alone  bool                    // there are no columns beside the leaf: it comes from an export
}

// Log is what verification reads: a Source, a copy of the database, an export. Several goroutines may read at once.
type Log interface {
	AuditSize(ctx context.Context) (int64, error)
	// AuditRecords is ordered by Seq; fewer than limit only at the end.
	AuditRecords(ctx context.Context, after int64, limit int) ([]Record, error)
}

// Hashes are those of the tree.
type Hashes interface {
	// AuditHashes is Record.Hashes of the given entries, as far as they are there; of an archived block that of its last one.
	AuditHashes(ctx context.Context, seqs []int64) (map[int64][]byte, error)
}

// Source is what checkpoints and proofs read besides. Store implements it.
type Source interface {
	Log
	Hashes
}

// Canonical is the leaf of an entry: one line of JSON with fixed order, UTC times. The entry comes back as it reads from the leaf.
// Detail takes facts only (strings, numbers, booleans, times, lists and maps of them): *provisioning.Invalid for anything else and for
// a name such as "password".
func Canonical(e provisioning.AuditEntry) ([]byte, provisioning.AuditEntry, error) {
	for _, s := range []*string{&e.Domain, &e.Subject, &e.Action, &e.Object, &e.Outcome, &e.Rule, &e.Source, &e.Client, &e.Session} {
		*s = cut(*s, maxField)
	}
	e.Reason = cut(e.Reason, maxReason)
	e.Time, e.Kind = e.Time.UTC(), string(KindOf(e.Action))
	detail, err := facts("detail", reflect.ValueOf(e.Detail), 0)
	if err != nil {
		return nil, e, err
	}
	e.Detail, _ = detail.(map[string]any)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, e, &provisioning.Invalid{Field: "detail", Reason: "cannot be written as JSON"}
	}
	if b.Len() > maxLeaf {
		return nil, e, &provisioning.Invalid{Field: "detail", Reason: fmt.Sprintf("is longer than %d bytes", maxLeaf)}
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), e, nil
}

// cut makes a stranger's text fit: control characters (a NUL ends SQL text) and broken UTF-8 become U+FFFD.
func cut(s string, runes int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes]) + "…"
}

// forbidden are names whose values would be secrets.
func forbidden(name string) bool {
	return slices.Contains([]string{
		"password", "passwd", "secret", "token", "access_token", "refresh_token", "id_token", "pin", "otp", "totp",
		"ha1", "ha1_md5", "ha1_sha256", "private_key", "authorization", "cookie", "sdp", "audio",
	}, strings.ToLower(name))
}

// facts copies plain values. Structs, bytes and pointers are refused: a type that holds a secret is one of them.
func facts(at string, v reflect.Value, depth int) (any, error) {
	if !v.IsValid() {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, &provisioning.Invalid{Field: at, Reason: "is nested too deeply"}
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano), nil
	}
	switch v.Kind() {
	case reflect.Interface:
		return facts(at, v.Elem(), depth)
	case reflect.String:
		s := v.String()
		if len(s) > maxString {
			s = s[:maxString] + "…"
		}
		return strings.ToValidUTF8(s, "\uFFFD"), nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		return v.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Slice:
		return factList(at, v, depth)
	case reflect.Map:
		return factMap(at, v, depth)
	default:
		return nil, &provisioning.Invalid{Field: at, Reason: "is no plain fact"}
	}
}

func factList(at string, v reflect.Value, depth int) (any, error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return nil, &provisioning.Invalid{Field: at, Reason: "is no plain fact"}
	}
	out := make([]any, v.Len())
	for i := range out {
		var err error
		if out[i], err = facts(fmt.Sprintf("%s[%d]", at, i), v.Index(i), depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func factMap(at string, v reflect.Value, depth int) (any, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, &provisioning.Invalid{Field: at, Reason: "has keys that are no names"}
	}
	if v.Len() == 0 {
		return map[string]any(nil), nil
	}
	out := make(map[string]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		name := it.Key().String()
		if forbidden(name) {
			return nil, &provisioning.Invalid{Field: at + "." + name, Reason: "names a secret"}
		}
		fact, err := facts(at+"."+name, it.Value(), depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = fact
	}
	return out, nil
}

// Append computes Record.Hashes of the entry that comes after size others (RFC 6962 section 2.1). read gives Record.Hashes of earlier
// entries; it is asked for one on average.
func Append(size int64, leaf []byte, read func(seqs []int64) (map[int64][]byte, error)) ([]byte, error) {
	hashes, err := tlog.StoredHashes(size, leaf, hashReader(read))
	if err != nil {
		return nil, fmt.Errorf("audit: append entry %d: %w", size+1, err)
	}
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out, nil
}

// hashReader finds a hash of the tree in the entry that completed it: level l of entry e is the last of its 2^l leaves' hashes.
func hashReader(read func(seqs []int64) (map[int64][]byte, error)) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		seqs := make([]int64, len(indexes))
		levels := make([]int, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			seqs[i], levels[i] = (n+1)<<level, level
		}
		stored, err := read(seqs)
		if err != nil {
			return nil, err
		}
		out := make([]tlog.Hash, len(indexes))
		for i := range out {
			all := stored[seqs[i]]
			if len(all) < (levels[i]+1)*tlog.HashSize {
				return nil, fmt.Errorf("audit: entry %d has no hash of level %d", seqs[i], levels[i])
			}
			copy(out[i][:], all[levels[i]*tlog.HashSize:])
		}
		return out, nil
	})
}

// Root is the hash of the tree over the first size entries (RFC 6962 section 2.1), as checkpoints and reports write it.
func Root(ctx context.Context, src Source, size int64) (string, error) {
	root, err := rootAt(ctx, src, size)
	if err != nil {
		return "", fmt.Errorf("audit: root: %w", err)
	}
	return root.String(), nil
}

// rootAt is the tree's hash when it had size entries, from stored hashes.
func rootAt(ctx context.Context, src Source, size int64) (tlog.Hash, error) {
	return tlog.TreeHash(size, hashReader(func(seqs []int64) (map[int64][]byte, error) { return src.AuditHashes(ctx, seqs) }))
}
