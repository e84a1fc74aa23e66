package queue

import (
	"context"
	"slices"
	"sync"
)

// seatBound is how many notes wait for a script. The core offers one agent at a time and then waits for a report or its patience, so that a
// script that looks never finds so many.
const seatBound = 64

// Seat is where the script of a waiting call hears from the distributor. It is closed by the script.
type Seat struct {
	wake   chan struct{}
	closed chan struct{}

	mu    sync.Mutex // guards the rest
	notes []Command
	over  bool
}

// NewSeat makes one of which nobody has heard yet.
func NewSeat() *Seat { return &Seat{wake: make(chan struct{}, 1), closed: make(chan struct{})} }

// Add notes what concerns the caller.
func (s *Seat) Add(c Command) {
	s.mu.Lock()
	if len(s.notes) == seatBound {
		s.notes = slices.Delete(s.notes, 0, 1) // the oldest is worth least: what follows takes it back
	}
	s.notes = append(s.notes, c)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Wait gives what was noted since the last time, in order, as soon as there is something. Nothing: ctx has ended, or the seat was closed.
func (s *Seat) Wait(ctx context.Context) []Command {
	select {
	case <-s.wake:
	case <-s.closed:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.notes
	s.notes = nil
	return notes
}

// Close lets whoever waits go. It may be called twice.
func (s *Seat) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true
		close(s.closed)
	}
}
