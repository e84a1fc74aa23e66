package limit

import "time"

// window counts events by the minute over the last hour.
type window struct {
	minute int64 // of the newest bucket, since 1970
	counts [60]uint16
}

func (w *window) roll(now time.Time) {
	m := now.Unix() / 60
	if m < w.minute { // a clock that was set back counts on in the newest minute
		return
	}
	if m-w.minute >= 60 {
		w.counts = [60]uint16{}
	} else {
		for i := w.minute + 1; i <= m; i++ {
			w.counts[i%60] = 0
		}
	}
	w.minute = m
}

func (w *window) add(now time.Time) {
	w.roll(now)
	if c := &w.counts[w.minute%60]; *c < 1<<16-1 {
		*c++
	}
}

// past counts an event of an earlier minute, within the hour.
func (w *window) past(at, now time.Time) {
	w.roll(now)
	if m := at.Unix() / 60; m <= w.minute && m > w.minute-60 && w.counts[m%60] < 1<<16-1 {
		w.counts[m%60]++
	}
}

// sum is how many there were in the last minutes, the running one included.
func (w *window) sum(now time.Time, minutes int64) (n int) {
	w.roll(now)
	for i := int64(0); i < minutes; i++ {
		n += int(w.counts[(w.minute-i+60)%60])
	}
	return n
}

// Spikes tells when a key has many more events in five minutes than it is used to.
type Spikes[K comparable] struct {
	least  int // events in five minutes that are worth a word
	factor int // how many times the usual five minutes they must be; 0: it does not matter what is usual
	clock  func() time.Time
	keys   map[K]*window
	bound  int
}

// NewSpikes follows at most bound keys; past that the quiet ones are forgotten. It is not safe for concurrent use.
func NewSpikes[K comparable](least, factor, bound int, clock func() time.Time) *Spikes[K] {
	return &Spikes[K]{least: least, factor: factor, clock: clock, keys: map[K]*window{}, bound: bound}
}

// Add counts an event. It tells whether the last five minutes are a spike.
func (s *Spikes[K]) Add(k K) bool {
	now := s.clock()
	w := s.keys[k]
	if w == nil {
		if len(s.keys) >= s.bound {
			s.forget(now)
		}
		w = &window{}
		s.keys[k] = w
	}
	w.add(now)
	return s.high(w, now)
}

// High tells whether the last five minutes of the key are still a spike.
func (s *Spikes[K]) High(k K) bool {
	w := s.keys[k]
	return w != nil && s.high(w, s.clock())
}

func (s *Spikes[K]) high(w *window, now time.Time) bool {
	five, hour := w.sum(now, 5), w.sum(now, 60)
	return five >= s.least && (s.factor == 0 || five*11 > s.factor*(hour-five)) // the other 55 minutes are eleven times five
}

// forget drops who had no event in the last hour, and if nobody was quiet anybody: memory is bounded first.
func (s *Spikes[K]) forget(now time.Time) {
	freed := false
	for k, w := range s.keys {
		if w.sum(now, 60) == 0 {
			delete(s.keys, k)
			freed = true
		}
	}
	for k := range s.keys {
		if freed {
			return
		}
		delete(s.keys, k)
		freed = true
	}
}
