package traffic

import "time"

// Histogram counts times in steps of 1 µs up to 100 ms; longer ones share the last step and are told by Max.
type Histogram struct {
	steps [100_001]uint32
	count uint64
	max   time.Duration
}

// Add counts one time; a negative one (two clocks' rounding) counts as 0.
func (h *Histogram) Add(nanos int64) {
	us := max(nanos/1000, 0)
	h.steps[min(us, int64(len(h.steps)-1))]++
	h.count++
	h.max = max(h.max, time.Duration(nanos))
}

// Quantile gives the time that the share q of all does not exceed; 0 if there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	need := uint64(q * float64(h.count))
	var sum uint64
	for us, n := range h.steps {
		sum += uint64(n)
		if sum > need || sum == h.count {
			if us == len(h.steps)-1 {
				return h.max
			}
			return time.Duration(us) * time.Microsecond
		}
	}
	return h.max
}

// Max is the longest.
func (h *Histogram) Max() time.Duration { return h.max }
