package auth

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Random gets and puts against a list of keys in order of touch.
func TestLRU(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for limit := 1; limit <= 9; limit++ {
		l := newLRU[int, int](limit)
		var order []int // touched last is last
		for range 2000 {
			k := random.IntN(12)
			i := slices.Index(order, k)
			if random.IntN(2) == 0 {
				if v := l.get(k); (v != nil) != (i >= 0) || v != nil && *v != k {
					t.Fatalf("get %d: %v with %v", k, v, order)
				}
				if i < 0 {
					continue
				}
			} else {
				if v := l.put(k); *v != k && (i >= 0 || *v != 0) {
					t.Fatalf("put %d gives %d with %v", k, *v, order)
				} else {
					*v = k
				}
			}
			if i >= 0 {
				order = slices.Delete(order, i, i+1)
			}
			if order = append(order, k); len(order) > limit {
				order = order[1:]
			}
			if len(l.at) != len(order) || len(l.entries) > limit || l.entries[l.newest].key != k || l.entries[l.oldest].key != order[0] {
				t.Fatalf("%d entries of %d, want %v", len(l.at), limit, order)
			}
		}
	}
}
