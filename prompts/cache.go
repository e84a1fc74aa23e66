package prompts

import (
	"container/list"
	"sync"

	"naisen/media"
	"naisen/media/play"
)

// cache keeps encoded announcements by content and codec, the least recently used going first. Audio that many callers ask for at once
// is encoded once: the others wait for it.
type cache struct {
	limit int // bytes of audio

	mu    sync.Mutex
	bytes int
	order *list.List // of *cached, most recently used first
	byKey map[cacheKey]*list.Element
}

type cacheKey struct {
	sha256 string
	codec  media.Codec
}

type cached struct {
	key   cacheKey
	load  func() (*play.Clip, error) // made once
	bytes int                        // counted when loaded
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), byKey: map[cacheKey]*list.Element{}}
}

// get returns the clip for a key, made by load if it is not there. A failure is not kept.
func (c *cache) get(k cacheKey, load func() (*play.Clip, error)) (*play.Clip, error) {
	c.mu.Lock()
	e, ok := c.byKey[k]
	if ok {
		c.order.MoveToFront(e)
	} else {
		e = c.order.PushFront(&cached{key: k, load: sync.OnceValues(load)})
		c.byKey[k] = e
	}
	entry := e.Value.(*cached)
	c.mu.Unlock()
	clip, err := entry.load() // outside the lock: it reads and encodes
	c.settle(e, clip, err)
	return clip, err
}

// settle counts a fresh clip, drops a failed one, and makes room.
func (c *cache) settle(e *list.Element, clip *play.Clip, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := e.Value.(*cached)
	if c.byKey[entry.key] != e {
		return // went while it was made
	}
	if err != nil {
		c.remove(e)
		return
	}
	if entry.bytes == 0 {
		entry.bytes = max(clip.Bytes(), 1)
		c.bytes += entry.bytes
	}
	for c.bytes > c.limit && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	entry := e.Value.(*cached)
	c.order.Remove(e)
	delete(c.byKey, entry.key)
	c.bytes -= entry.bytes
}
