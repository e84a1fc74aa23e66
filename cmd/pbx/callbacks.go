package main

import (
	"sync"
	"time"
)

const (
	callBackFor  = 30 * time.Minute // unless the site says otherwise
	maxCallBacks = 1000             // the oldest go
)

// callbacks remembers which numbers called for help lately: who calls them back gets through, whatever is set there.
type callbacks struct {
	clock func() time.Time

	mu     sync.Mutex
	window map[callBackKey]window
}

type callBackKey struct{ domain, number string }

type window struct {
	extension string // which made the call
	until     time.Time
}

func newCallbacks(clock func() time.Time) *callbacks {
	return &callbacks{clock: clock, window: map[callBackKey]window{}}
}

// open begins the window of an emergency call: for the number that it was made with, and the extension's own.
func (c *callbacks) open(domain, extension string, length time.Duration, numbers ...string) {
	if length <= 0 {
		length = callBackFor
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	for _, n := range numbers {
		if n == "" {
			continue
		}
		c.make(now)
		c.window[callBackKey{domain, n}] = window{extension, now.Add(length)}
	}
}

// make makes room: what is over goes first, then what ends first. The lock is held.
func (c *callbacks) make(now time.Time) {
	if len(c.window) < maxCallBacks {
		return
	}
	var first callBackKey
	for k, w := range c.window {
		if now.After(w.until) {
			delete(c.window, k)
		} else if first.number == "" || w.until.Before(c.window[first].until) {
			first = k
		}
	}
	if len(c.window) >= maxCallBacks {
		delete(c.window, first)
	}
}

// find says which extension called for help with this number lately.
func (c *callbacks) find(domain, number string) (extension string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.window[callBackKey{domain, number}]
	if !ok || c.clock().After(w.until) {
		return "", false
	}
	return w.extension, true
}
