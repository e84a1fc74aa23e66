package main

import (
	"sync"

	"naisen/sip/event"
)

// mailboxes has how many messages wait for each extension. The post office sets them.
type mailboxes struct {
	tell func(event.AOR)

	mu sync.Mutex
	of map[event.AOR]event.Messages
}

func newMailboxes(tell func(event.AOR)) *mailboxes {
	return &mailboxes{tell: tell, of: map[event.AOR]event.Messages{}}
}

// Messages implements event.Mailboxes.
func (m *mailboxes) Messages(a event.AOR) event.Messages {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[a]
}

// Set says what waits for an extension now.
func (m *mailboxes) Set(a event.AOR, now event.Messages) {
	m.mu.Lock()
	if m.of[a] = now; now == (event.Messages{}) {
		delete(m.of, a)
	}
	m.mu.Unlock()
	m.tell(a)
}
