package capture

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/recorder/journal"
)

const (
	frameHead  = 22 // at, timestamp, SSRC, sequence, payload length, codec, flags
	maxPayload = 1480
	closed     = math.MaxUint32 // on top of the stack of a recording that is over
)

// queue is what one party's endpoint sent or heard, on its way to the journal. Any number of producers (the shard that reads the socket, the
// pacer that plays a prompt), one consumer. A producer takes blocks of the pool, fills them and puts them on top of a stack with one
// compare-and-swap; it never waits for anybody. The consumer takes the whole stack with one swap and turns it round. Too much waiting, or no
// block free: the frame is refused and counted.
type queue struct {
	endpoint string
	index    uint8 // of the party
	pool     *pool
	deaf     atomic.Bool // what the endpoint says is not kept: a listener who is not one of the parties now

	newest  atomic.Uint32 // the top of the stack
	waiting atomic.Int32  // blocks that this party's frames hold, or are about to
	dropped atomic.Int64

	oldest uint32 // the consumer's own: frames taken off the stack, in order
}

// push copies the frame in, or counts it as dropped. It does not allocate.
func (q *queue) push(f *media.Frame, codec byte, at time.Duration) bool {
	need := blocksOf(len(f.Payload))
	if q.waiting.Add(need) > maxWaiting {
		return q.refuse(need)
	}
	first := q.pool.take(int(need))
	if first == 0 {
		return q.refuse(need)
	}
	b := &q.pool.blocks[first]
	binary.LittleEndian.PutUint64(b.data[0:], uint64(at))
	binary.LittleEndian.PutUint32(b.data[8:], f.Timestamp)
	binary.LittleEndian.PutUint32(b.data[12:], f.SSRC)
	binary.LittleEndian.PutUint16(b.data[16:], f.Sequence)
	binary.LittleEndian.PutUint16(b.data[18:], uint16(len(f.Payload)))
	b.data[20] = codec
	b.data[21] = flags(f)
	rest := f.Payload[copy(b.data[frameHead:], f.Payload):]
	for part := b; len(rest) > 0; {
		part = &q.pool.blocks[part.more]
		rest = rest[copy(part.data[:], rest):]
	}
	for {
		old := q.newest.Load()
		if old == closed {
			q.pool.put(first)
			return q.refuse(need)
		}
		b.next.Store(old)
		if q.newest.CompareAndSwap(old, first) {
			runtime.KeepAlive(q)
			return true
		}
	}
}

// refuse takes back what was reserved.
func (q *queue) refuse(need int32) bool {
	q.waiting.Add(-need)
	q.dropped.Add(1)
	return false
}

func blocksOf(payload int) int32 { return int32((frameHead + payload + blockData - 1) / blockData) }

// peek reads the oldest frame into f; false when there is none. Its payload stays where it is, or is put together in scratch, until drop.
func (q *queue) peek(f *journal.Frame, scratch *[maxPayload]byte) bool {
	if q.oldest == 0 {
		for top := q.newest.Swap(0); top != 0; { // turned round
			b := &q.pool.blocks[top]
			below := b.next.Load()
			b.next.Store(q.oldest)
			q.oldest, top = top, below
		}
	}
	if q.oldest == 0 {
		return false
	}
	b := &q.pool.blocks[q.oldest]
	length := int(binary.LittleEndian.Uint16(b.data[18:]))
	payload := b.data[frameHead:min(frameHead+length, blockData)]
	if len(payload) < length {
		whole := scratch[:length]
		rest := whole[copy(whole, payload):]
		for part := b; len(rest) > 0; {
			part = &q.pool.blocks[part.more]
			rest = rest[copy(rest, part.data[:]):]
		}
		payload = whole
	}
	*f = journal.Frame{Party: q.index, Played: b.data[21]&1 != 0, Event: b.data[21]&2 != 0, Marker: b.data[21]&4 != 0,
		Codec: journal.CodecOf(b.data[20]), Sequence: binary.LittleEndian.Uint16(b.data[16:]), Timestamp: binary.LittleEndian.Uint32(b.data[8:]),
		SSRC: binary.LittleEndian.Uint32(b.data[12:]), At: time.Duration(binary.LittleEndian.Uint64(b.data[0:])), Payload: payload}
	runtime.KeepAlive(q)
	return true
}

// drop gives the blocks of what peek returned back to the pool.
func (q *queue) drop() {
	b := &q.pool.blocks[q.oldest]
	first, need := q.oldest, blocksOf(int(binary.LittleEndian.Uint16(b.data[18:])))
	q.oldest = b.next.Load()
	q.pool.put(first)
	q.waiting.Add(-need)
}

// close gives everything back, now and from whoever pushes later: a pool that outlives its users must get back what it lent.
func (q *queue) close() {
	for q.oldest != 0 {
		q.drop()
	}
	if top := q.newest.Swap(closed); top != closed {
		q.oldest = top
	}
	for q.oldest != 0 {
		q.drop()
	}
}

func flags(f *media.Frame) byte {
	var b byte
	if f.Played {
		b = 1
	}
	if f.Event {
		b |= 2
	}
	if f.Marker {
		b |= 4
	}
	return b
}
