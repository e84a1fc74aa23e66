package call

import "sync"

// mailboxBound is how many events may wait. A call that falls this far behind is broken and ends itself, loudly.
const mailboxBound = 1024

// Mailbox is how everything outside reaches a call. Post never blocks and never drops.
type Mailbox struct {
	mu     sync.Mutex
	queue  []Event
	closed bool
	wake   chan struct{} // capacity 1
}

// NewMailbox returns an empty mailbox. A call makes its own; whoever else makes one reads it with Take.
func NewMailbox() *Mailbox { return &Mailbox{wake: make(chan struct{}, 1)} }

// Post hands e to the call. After the call is over it does nothing.
func (m *Mailbox) Post(e Event) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		refuseLate(e)
		return
	}
	m.queue = append(m.queue, e)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take returns all that waits, reusing spare as the next queue.
func (m *Mailbox) take(spare []Event) []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue
	m.queue = spare[:0]
	return q
}

// Take returns all that waits.
func (m *Mailbox) Take() []Event { return m.take(nil) }

// close makes later posts do nothing and answers the askers among what still waits.
func (m *Mailbox) close() {
	m.mu.Lock()
	q := m.queue
	m.queue, m.closed = nil, true
	m.mu.Unlock()
	for _, e := range q {
		refuseLate(e)
	}
}

// refuseLate answers an asker whose call is gone. Done has capacity 1 and one writer.
func refuseLate(e Event) {
	if a, ok := e.(asker); ok {
		a.reply(ErrGone)
	}
}
