package stack

// table is a map that gives its memory back after a burst: a Go map only grows.
type table[K comparable, V any] struct {
	m    map[K]V
	peak int // entries since the last shrinking
}

const tableShrinks = 8 // when so few of the peak are left: seldom enough to cost nothing for each entry

func newTable[K comparable, V any]() table[K, V] { return table[K, V]{m: make(map[K]V)} }

func (t *table[K, V]) set(k K, v V) {
	t.m[k] = v
	t.peak = max(t.peak, len(t.m))
}

func (t *table[K, V]) delete(k K) {
	delete(t.m, k)
	if t.peak < 512 || len(t.m)*tableShrinks > t.peak {
		return
	}
	smaller := make(map[K]V, len(t.m))
	for k, v := range t.m {
		smaller[k] = v
	}
	t.m, t.peak = smaller, len(smaller)
}
