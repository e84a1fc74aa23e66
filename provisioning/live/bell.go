package live

import "sync"

// Bell tells those who do something for long that rights in a domain have changed: each asks again for its own. It says no more than that, so that a ring can
// stand for many, and nobody is told anything about anybody. Safe for concurrent use; the zero value is ready.
type Bell struct {
	mu sync.Mutex // map work only
	of map[string]map[chan struct{}]struct{}
}

// Listen until stop is called.
func (b *Bell) Listen(domain string) (rings <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[string]map[chan struct{}]struct{}{}
	}
	if b.of[domain] == nil {
		b.of[domain] = map[chan struct{}]struct{}{}
	}
	b.of[domain][c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.of[domain], c)
		if len(b.of[domain]) == 0 {
			delete(b.of, domain)
		}
	}
}

// Ring never blocks: who has not heard the last one yet hears one.
func (b *Bell) Ring(domain string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.of[domain] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
