// Package jitter holds the buffer that puts a stream's packets back into order and time before they are decoded. It adapts its delay to the
// network: as long as nearly every packet needs, and no longer. It is a value without clock or socket, and it never decodes.
//
// Where audio is only relayed there is no such buffer: the phone at the end has its own.
package jitter

import "time"

const (
	capacity = 64                     // packets
	bucket   = 5 * time.Millisecond   // of the histogram of lateness
	buckets  = 80                     // 400 ms
	forget   = 0.995                  // of the histogram per packet: half of it is of the last 3 s
	inTime   = 0.97                   // share of packets that shall be in time
	spare    = 10 * time.Millisecond  // above that, for our own timers
	least    = 20 * time.Millisecond  // delay
	most     = 400 * time.Millisecond // delay
	first    = 40 * time.Millisecond  // delay before anything is known
	epoch    = 250                    // packets for which a smallest transit is believed
	restart  = 2 * time.Second        // by which timestamps may disagree with our clock before they count as a new stream
	starved  = 200 * time.Millisecond // without a packet: the sender is silent
	rest     = 8                      // packets between two that are merged
)

// What Next says about the next stretch of audio.
type What uint8

// Outcomes of Next.
const (
	Dry   What = iota // nothing to play: silence, or waiting for a stream to begin
	Play              // this packet
	Merge             // this packet and the next one in the time of one: the delay is longer than it need be
	Lost              // a packet that is not coming: conceal its length
	Wait              // nothing yet: conceal the length, the packet may still come
)

// Counts only grow.
type Counts struct{ Late, Doubled, Overflowed, Lost, Waited, Merged, Restarts uint64 }

// Buffer of one stream. Not safe for concurrent use.
type Buffer struct {
	clock   int64
	packets []packet // in the order of their timestamps
	spares  [][]byte // payload buffers not in use
	playing bool
	pos     int64  // extended timestamp of the next sample to play
	length  int64  // of the last packet played, clock units
	held    []byte // payload handed out last, used until the next call
	starve  int64  // when it began to wait; 0: not waiting
	calm    int    // packets since the last merge

	newest   int64 // extended timestamp
	newestAt int64
	any      bool

	lateness [buckets]float32
	weight   float32
	smallest [2]int64 // transits: of this epoch and of the one before, nanoseconds
	seen     int
	target   int64 // delay wanted, nanoseconds
	Count    Counts
}

type packet struct {
	at      int64 // extended timestamp
	length  int64
	payload []byte
}

// New makes a buffer for timestamps on the given clock, Hz.
func New(clock int) *Buffer {
	return &Buffer{clock: int64(clock), packets: make([]packet, 0, capacity), target: int64(first), length: int64(clock / 50)}
}

// Put takes a packet: its timestamp, how long its audio is in clock units, its payload, which is copied, and when it came in monotonic nanoseconds.
func (b *Buffer) Put(timestamp uint32, length int, payload []byte, now int64) {
	if length <= 0 {
		return
	}
	at := b.newest + int64(int32(timestamp-uint32(b.newest)))
	if b.any && b.broken(at, now) {
		b.Reset()
		b.Count.Restarts++
	}
	if !b.any {
		at, b.any = int64(timestamp), true
		b.newest, b.newestAt = at, now
	}
	b.observe(at, now)
	if at > b.newest {
		b.newest, b.newestAt = at, now
	}
	if b.playing && at < b.pos {
		b.Count.Late++
		return
	}
	i := len(b.packets)
	for i > 0 && b.packets[i-1].at >= at {
		i--
	}
	if i < len(b.packets) && b.packets[i].at == at {
		b.Count.Doubled++
		return
	}
	if len(b.packets) == capacity {
		b.Count.Overflowed++
		b.drop(0)
		i = max(i-1, 0)
	}
	b.packets = append(b.packets, packet{})
	copy(b.packets[i+1:], b.packets[i:])
	b.packets[i] = packet{at, int64(length), append(b.spare(), payload...)}
	b.starve = 0
}

// Reset forgets the stream: another source speaks. What was learned about the network stays as long as it fits the new one.
func (b *Buffer) Reset() {
	for len(b.packets) > 0 {
		b.drop(len(b.packets) - 1)
	}
	b.playing, b.any, b.starve = false, false, 0
	b.seen, b.smallest = 0, [2]int64{}
}

// broken: the timestamp left the clock.
func (b *Buffer) broken(at, now int64) bool {
	skew := b.nanos(at-b.newest) - (now - b.newestAt)
	return skew > int64(restart) || skew < -int64(restart) && at <= b.newest
}

// observe learns how late packets come: later than the quickest of the last seconds, so that two clocks may run apart.
func (b *Buffer) observe(at, now int64) {
	transit := now - b.nanos(at)
	switch {
	case b.seen == 0:
		b.smallest = [2]int64{transit, transit}
	case b.seen%epoch == 0:
		b.smallest = [2]int64{transit, b.smallest[0]}
	default:
		b.smallest[0] = min(b.smallest[0], transit)
	}
	b.seen++
	late := min(max(int((transit-b.base())/int64(bucket)), 0), buckets-1)
	for i := range b.lateness {
		b.lateness[i] *= forget
	}
	b.weight = b.weight*forget + 1
	b.lateness[late]++
	sum, i := float32(0), 0
	for ; i < buckets-1; i++ {
		if sum += b.lateness[i]; sum >= inTime*b.weight {
			break
		}
	}
	b.target = min(max(int64(i+1)*int64(bucket)+int64(spare), int64(least)), int64(most))
	if b.seen < 10 {
		b.target = max(b.target, int64(first))
	}
}

// base is the transit of the quickest packet.
func (b *Buffer) base() int64 { return min(b.smallest[0], b.smallest[1]) }

func (b *Buffer) nanos(ticks int64) int64 { return ticks * 1_000_000 / b.clock * 1000 }

// Delay that is aimed at.
func (b *Buffer) Delay() time.Duration { return time.Duration(b.target) }

// Start says when the first waiting packet shall be played; ok is false while there is none or playing has begun.
func (b *Buffer) Start() (at int64, ok bool) {
	if b.playing || len(b.packets) == 0 {
		return 0, false
	}
	return b.nanos(b.packets[0].at) + b.base() + b.target, true
}

// Next says what comes next at the given time, and how long it is in clock units. The payload is valid until the next call.
func (b *Buffer) Next(now int64) (what What, length int, payload []byte) {
	if !b.playing {
		at, ok := b.Start()
		if !ok || now < at-int64(bucket) {
			return Dry, 0, nil
		}
		b.playing, b.pos, b.starve, b.calm = true, b.packets[0].at, 0, 0
	}
	delay := now - b.base() - b.nanos(b.pos)
	if len(b.packets) == 0 || b.packets[0].at > b.pos {
		return b.missing(delay, now)
	}
	p := b.packets[0]
	b.pos, b.length = p.at+p.length, p.length
	b.take()
	b.calm++
	if delay > int64(most) && len(b.packets) == 0 {
		b.seen = 0 // nothing waits, so it is not late: the quickest packet was a lie, or of another stream
	}
	over := delay - b.target
	if len(b.packets) > 0 && b.packets[0].at == b.pos && (over > 2*b.nanos(p.length) && b.calm > rest || delay > int64(most)+int64(least)) {
		b.calm = 0
		b.Count.Merged++
		return Merge, int(p.length), b.held
	}
	return Play, int(p.length), b.held
}

// missing: what should be played now is not here.
func (b *Buffer) missing(delay, now int64) (What, int, []byte) {
	if len(b.packets) > 0 && delay >= b.target { // what came after it is here, and it had its time
		n := min(b.length, b.packets[0].at-b.pos)
		b.pos += n
		b.Count.Lost++
		return Lost, int(n), nil
	}
	if b.starve == 0 {
		b.starve = now
	}
	if now-b.starve >= int64(starved) {
		b.playing = false
		return Dry, 0, nil
	}
	b.Count.Waited++
	return Wait, int(b.length), nil
}

// take hands out the payload of the first packet.
func (b *Buffer) take() {
	if b.held != nil {
		b.spares = append(b.spares, b.held[:0])
	}
	b.held = b.packets[0].payload
	b.packets[0].payload = nil
	b.drop(0)
}

func (b *Buffer) drop(i int) {
	if p := b.packets[i].payload; p != nil {
		b.spares = append(b.spares, p[:0])
	}
	copy(b.packets[i:], b.packets[i+1:])
	b.packets[len(b.packets)-1] = packet{}
	b.packets = b.packets[:len(b.packets)-1]
}

func (b *Buffer) spare() []byte {
	if n := len(b.spares); n > 0 {
		s := b.spares[n-1]
		b.spares = b.spares[:n-1]
		return s
	}
	return make([]byte, 0, 192)
}
