package render

import (
	"naisen/recorder/journal"
)

// Bounds of the mapping, in ticks.
const (
	window     = 4 * tickRate  // one value of a run's delay for each
	jump       = tickRate / 2  // a clock that departs from arrival by more than this has jumped, paused or been stalled
	reordered  = 10 * tickRate // a packet may be late by this
	settle     = 5 * 8         // 5 ms: a departure of the delay's edge that is not followed yet
	settled    = 4             // 0.5 ms: near enough
	far        = 20 * 8        // 20 ms: beyond this it is followed fast, two ticks a frame; below one tick in four frames, which nobody hears
	leap       = tickRate / 5  // beyond this it is not followed but taken over at once
	samePath   = 60 * 8        // 60 ms: after a stall of the network the old delay still holds
	snap       = 40 * 8        // 40 ms: a run that goes on in sequence after another one has no gap between
	maxRuns    = 4096          // runs of one stream; a peer with more gets its frames placed as they arrive
	maxWindows = 16 * 3600 / 4 // MaxDuration
	noDelay    = int64(1) << 62
)

// stream follows one sender's sequence numbers and clock. Both passes feed it the same frames and get the same places.
type stream struct {
	runs      []run
	cur, prev follow
}

// follow is the state of the run that frames belong to now.
type follow struct {
	run  int
	live bool
	ssrc uint32
	seq  uint16 // highest
	ts   uint32 // of seq
	ext  int64  // ts without wrap
	at   int64  // ticks
}

// run is a stretch in which the sender's clock is steady.
type run struct {
	start int64   // ticks: arrival of its first frame
	edge  []int64 // least delay by window since start; noDelay where nothing came
	loose bool    // placed by arrival: too many runs
	cont  bool    // its timestamps go on from the run before
}

// place says where a frame stands in its stream.
type place struct {
	run int
	ext int64
	gap int  // for the first of a run: frames missing before it by sequence number
	seq bool // it follows the one before without a gap in sequence numbers
}

// skip takes note of a telephone-event's sequence number: it is not a lost frame. Its timestamp stands still while it lasts (RFC 4733 section 2.3).
func (s *stream) skip(f *journal.Frame) {
	if c := &s.cur; c.live && c.ssrc == f.SSRC && int16(f.Sequence-c.seq) > 0 {
		c.seq = f.Sequence
	}
}

// since is how far a frame lies after a timestamp, in ticks, whatever its codec's clock is.
func since(f *journal.Frame, ts uint32) int64 {
	return int64(int32(f.Timestamp-ts)) / int64(f.Codec.Clock()/tickRate)
}

// place finds the run of a frame and its time on that run's clock, and starts a run where the clock does not fit.
func (s *stream) place(f *journal.Frame) place {
	at := ticks(f.At)
	c := &s.cur
	if !c.live {
		return s.fresh(f, at, 0, false)
	}
	if c.ssrc != f.SSRC {
		p := &s.prev
		if p.live && p.ssrc == f.SSRC && at-p.at < reordered && abs(since(f, p.ts)) < reordered {
			return place{run: p.run, ext: p.ext + since(f, p.ts)}
		}
		return s.fresh(f, at, 0, false)
	}
	step, seq := since(f, c.ts), int(int16(f.Sequence-c.seq))
	waited := at - c.at
	switch {
	case seq <= 0 && step <= 0 && step > -reordered: // late or repeated
		return place{run: c.run, ext: c.ext + step}
	case seq > 0 && step > 0 && abs(step-waited) <= jump:
	case seq > 0 && step > 0 && step < waited: // the network stalled or the sender's clock paused: the new run's delay tells
		return s.fresh(f, at, c.ext+step, true)
	default:
		return s.fresh(f, at, 0, false)
	}
	got := place{run: c.run, ext: c.ext + step, seq: seq == 1}
	c.seq, c.ts, c.ext, c.at = f.Sequence, f.Timestamp, got.ext, at
	return got
}

func (s *stream) fresh(f *journal.Frame, at, ext int64, cont bool) place {
	got := place{ext: ext}
	if c := s.cur; c.live && c.ssrc == f.SSRC {
		if n := int(int16(f.Sequence - c.seq)); n > 0 && n < 3000 {
			got.gap, got.seq = n-1, n == 1
		}
	} else {
		got.seq = c.live // a new SSRC has its own numbers: nothing says that anything is missing
	}
	s.prev = s.cur
	n := len(s.runs)
	if n < maxRuns {
		s.runs = append(s.runs, run{start: at, cont: cont})
	} else {
		n--
		s.runs[n].loose = true
	}
	got.run = n
	s.cur = follow{run: n, live: true, ssrc: f.SSRC, seq: f.Sequence, ts: f.Timestamp, ext: ext, at: at}
	return got
}

// observe takes a frame's delay into the edge.
func (r *run) observe(at, ext int64) {
	w := r.window(at)
	for len(r.edge) <= w {
		r.edge = append(r.edge, noDelay)
	}
	r.edge[w] = min(r.edge[w], at-ext)
}

func (r *run) window(at int64) int {
	return int(min(max(at-r.start, 0)/window, maxWindows))
}

// delay is the edge around a moment: the least of the window and its neighbours.
func (r *run) delay(at int64) int64 {
	w := r.window(at)
	least := noDelay
	for i := max(w-1, 0); i <= min(w+1, len(r.edge)-1); i++ {
		least = min(least, r.edge[i])
	}
	return least
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
