package mediatest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Impairment is a bad network. The zero value is a perfect one.
type Impairment struct {
	Loss      float64       // share of packets that never arrive, 0 to 1
	Duplicate float64       // share that arrives twice
	Delay     time.Duration // of every packet
	Jitter    time.Duration // added at random, 0 to Jitter: packets overtake each other when it exceeds their distance
	Seed      uint64        // the same seed gives the same fate to the same packets
}

// Arrival is a packet's fate: which one, when.
type Arrival struct {
	Index int // of the packet sent
	At    time.Duration
}

// Schedule tells in which order and when n packets, sent every interval, arrive.
func (m Impairment) Schedule(n int, interval time.Duration) []Arrival {
	rnd := rand.New(rand.NewPCG(m.Seed, 0x6e616973656e))
	var out []Arrival
	for i := range n {
		lost, double := rnd.Float64() < m.Loss, rnd.Float64() < m.Duplicate
		first, second := m.jitter(rnd), m.jitter(rnd)
		sent := time.Duration(i) * interval
		if lost {
			continue
		}
		out = append(out, Arrival{i, sent + m.Delay + first})
		if double {
			out = append(out, Arrival{i, sent + m.Delay + second})
		}
	}
	slices.SortStableFunc(out, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	return out
}

func (m Impairment) jitter(rnd *rand.Rand) time.Duration {
	if m.Jitter <= 0 {
		return 0
	}
	return time.Duration(rnd.Int64N(int64(m.Jitter)))
}
