package auth

// lru is a bounded map: the entry not touched for longest gives way. Its owner holds the lock. Entries lie in one slice, linked by number:
// there is one for each phone, and an object for each would cost more than what it holds.
type lru[K comparable, V any] struct {
	max     int
	entries []lruEntry[K, V]
	at      map[K]int32 // into entries
	newest  int32       // touched last
	oldest  int32
}

type lruEntry[K comparable, V any] struct {
	key          K
	val          V
	newer, older int32
}

const noEntry = -1

func newLRU[K comparable, V any](limit int) lru[K, V] {
	return lru[K, V]{max: limit, at: make(map[K]int32), newest: noEntry, oldest: noEntry}
}

// get is nil when there is none. What it points to is good until the next put.
func (l *lru[K, V]) get(k K) *V {
	i, ok := l.at[k]
	if !ok {
		return nil
	}
	l.unlink(i)
	l.link(i)
	return &l.entries[i].val
}

// put finds or makes the entry. What it points to is good until the next put.
func (l *lru[K, V]) put(k K) *V {
	if v := l.get(k); v != nil {
		return v
	}
	i := int32(len(l.entries))
	if len(l.entries) < l.max {
		l.entries = append(l.entries, lruEntry[K, V]{})
	} else {
		i = l.oldest
		l.unlink(i)
		delete(l.at, l.entries[i].key)
	}
	l.entries[i] = lruEntry[K, V]{key: k}
	l.at[k] = i
	l.link(i)
	return &l.entries[i].val
}

// link puts an entry that is nowhere in front.
func (l *lru[K, V]) link(i int32) {
	l.entries[i].newer, l.entries[i].older = noEntry, l.newest
	if l.newest != noEntry {
		l.entries[l.newest].newer = i
	} else {
		l.oldest = i
	}
	l.newest = i
}

func (l *lru[K, V]) unlink(i int32) {
	e := l.entries[i]
	if e.newer != noEntry {
		l.entries[e.newer].older = e.older
	} else {
		l.newest = e.older
	}
	if e.older != noEntry {
		l.entries[e.older].newer = e.newer
	} else {
		l.oldest = e.newer
	}
}
