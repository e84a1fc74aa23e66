package auth

import "container/list"

// lru is a bounded map: the entry not touched for longest gives way. Its owner holds the lock.
type lru[K comparable, V any] struct {
	max   int
	order *list.List // front: touched last
	at    map[K]*list.Element
}

type lruEntry[K comparable, V any] struct {
	key K
	val V
}

func newLRU[K comparable, V any](limit int) lru[K, V] {
	return lru[K, V]{max: limit, order: list.New(), at: make(map[K]*list.Element)}
}

// get is nil when there is none.
func (l *lru[K, V]) get(k K) *V {
	e := l.at[k]
	if e == nil {
		return nil
	}
	l.order.MoveToFront(e)
	return &e.Value.(*lruEntry[K, V]).val
}

// put finds or makes the entry.
func (l *lru[K, V]) put(k K) *V {
	if v := l.get(k); v != nil {
		return v
	}
	if len(l.at) >= l.max {
		oldest := l.order.Back()
		delete(l.at, oldest.Value.(*lruEntry[K, V]).key)
		l.order.Remove(oldest)
	}
	e := &lruEntry[K, V]{key: k}
	l.at[k] = l.order.PushFront(e)
	return &e.val
}
