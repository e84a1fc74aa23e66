package capture

import (
	"fmt"
	"runtime"

	"naisen/recorder/journal"
)

// slots are the buffers of the journals that are being written: each holds the slot that is not full yet. Like the pool they are outside of
// the collector's heap. They belong to the drain goroutine.
type slots struct {
	mem  []byte
	free []int
	used int // slots that were ever taken; those above are untouched
}

// newSlots reserves memory for n journals.
func newSlots(n int) (*slots, error) {
	mem, release, err := reserve(n * journal.SlotSize)
	if err != nil {
		return nil, fmt.Errorf("capture: reserve %d slots: %w", n, err)
	}
	s := &slots{mem: mem}
	if release != nil {
		runtime.AddCleanup(s, release, mem)
	}
	return s, nil
}

// take gives a buffer and its number. There is one for each recording that may be live.
func (s *slots) take() (int, []byte) {
	i := s.used
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.used++
	}
	return i, s.mem[i*journal.SlotSize:][:journal.SlotSize]
}

// put takes a buffer back, cleared.
func (s *slots) put(i int) {
	clear(s.mem[i*journal.SlotSize:][:journal.SlotSize])
	s.free = append(s.free, i)
}
