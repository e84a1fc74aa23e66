package limit

import (
	"testing"
	"time"
)

func TestRecent(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewRecent(32*time.Second, 100, func() time.Time { return now })
	if r.Has(1) {
		t.Error("knows what it was never told")
	}
	r.Add(1)
	for range 32 {
		if !r.Has(1) {
			t.Fatalf("forgot after %v", now.Sub(time.Unix(1000, 0)))
		}
		now = now.Add(time.Second)
	}
	r.Add(2)
	if now = now.Add(64 * time.Second); r.Has(1) || r.Has(2) {
		t.Error("remembers for ever")
	}
	for key := range uint64(10_000) {
		r.Add(key)
	}
	if n := len(r.now) + len(r.old); n > 200 {
		t.Errorf("%d keys are kept", n)
	}
	if !r.Has(9_999) || !r.Has(9_900) || r.Has(5) {
		t.Error("the last hundred are not the ones that stay")
	}
}
