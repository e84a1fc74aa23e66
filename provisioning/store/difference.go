package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"naisen/provisioning"
)

// noteChange records what a change of an entity changed: each field with both values, as far as an entry of the log has room for them. Where it has not, a
// list is told by what came and what went, and what is still too long by its hash: a change is never refused, and never left out, for its size.
// Entities hold no secrets (those are in their own table).
func (w *writer) noteChange(domain, action, object string, old, now []byte) error {
	was, err := fields(old)
	if err != nil {
		return err
	}
	is, err := fields(now)
	if err != nil {
		return err
	}
	for _, tell := range []func(a, b any) any{plainly, byElement, byHash} {
		err = w.note(domain, action, object, difference(was, is, tell))
		if invalid := (*provisioning.Invalid)(nil); !errors.As(err, &invalid) {
			return err
		}
	}
	return err
}

// fields of an entity as it is stored; nil where there is none.
func fields(body []byte) (map[string]any, error) {
	if body == nil {
		return nil, nil
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("store: stored row: %w", err)
	}
	return out, nil
}

// difference is the fields that changed, as tell says it of both values. Of what is new or goes there is one.
func difference(was, is map[string]any, tell func(a, b any) any) map[string]any {
	out := map[string]any{}
	for name := range is {
		if !same(was[name], is[name]) {
			out[name] = tell(was[name], is[name])
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok {
			out[name] = tell(was[name], nil)
		}
	}
	if was != nil && is != nil {
		return out
	}
	for name, v := range out { // the other one is none
		if m, ok := v.(map[string]any); ok {
			if out[name] = m["to"]; is == nil {
				out[name] = m["from"]
			}
		}
	}
	return out
}

func plainly(a, b any) any { return map[string]any{"from": a, "to": b} }

// byElement tells of two lists which elements went and which came, wherever they stand; the hash is that of the list as it is now.
func byElement(a, b any) any {
	from, ok := a.([]any)
	to, both := b.([]any)
	if !ok || !both {
		return plainly(a, b)
	}
	return map[string]any{"removed": without(from, to), "added": without(to, from), "now": digest(to)}
}

// byHash tells of what is long its hash.
func byHash(a, b any) any { return plainly(short(a), short(b)) }

func short(v any) any {
	const most = 128
	if body, err := json.Marshal(v); err == nil && len(body) <= most {
		return v
	}
	return digest(v)
}

// digest stands for a value: the hash of its JSON, whose names are sorted.
func digest(v any) map[string]any {
	body, _ := json.Marshal(v) // it was JSON
	sum := sha256.Sum256(body)
	return map[string]any{"sha256": hex.EncodeToString(sum[:]), "bytes": len(body)}
}

// without is what is in a list and not in another one.
func without(list, other []any) []any {
	gone := map[string]bool{}
	for _, v := range other {
		body, _ := json.Marshal(v)
		gone[string(body)] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(v any) bool {
		body, _ := json.Marshal(v)
		return gone[string(body)]
	})
}

func same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
