package capture

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/recorder/journal"
)

// A ring is 352 blocks of 64 bytes and a word for each: just under 24 KiB, 2.3 s of a G.711 party at 20 ms.
const (
	blockSize  = 64
	blocks     = 352
	ringHead   = 22 // at, timestamp, SSRC, sequence, payload length, codec, flags
	maxPayload = 1480
)

// ring is what one party's endpoint sent or heard, on its way to the journal. Any number of producers (the shard that reads the socket, the
// pacer that plays a prompt), one consumer. A producer reserves its blocks with one compare-and-swap, fills them, and commits them with one
// store; it never waits for anybody. Full: the frame is refused and counted.
type ring struct {
	endpoint string
	index    uint8 // of the party

	tail    atomic.Uint64 // blocks reserved
	head    atomic.Uint64 // blocks consumed
	dropped atomic.Int64
	commit  [blocks]atomic.Uint32 // at a record's first block: its length in blocks, 0 until it is whole
	buf     [blocks * blockSize]byte
}

// push copies the frame in, or counts it as dropped. It does not allocate.
func (r *ring) push(f *media.Frame, codec byte, at time.Duration) bool {
	need := uint64(ringHead+len(f.Payload)+blockSize-1) / blockSize
	var from uint64
	for {
		from = r.tail.Load()
		// Signed: the head read here may be ahead of the tail read before it, and then the swap fails.
		if int64(from+need-r.head.Load()) > blocks {
			r.dropped.Add(1)
			return false
		}
		if r.tail.CompareAndSwap(from, from+need) {
			break
		}
	}
	var head [ringHead]byte
	binary.LittleEndian.PutUint64(head[0:], uint64(at))
	binary.LittleEndian.PutUint32(head[8:], f.Timestamp)
	binary.LittleEndian.PutUint32(head[12:], f.SSRC)
	binary.LittleEndian.PutUint16(head[16:], f.Sequence)
	binary.LittleEndian.PutUint16(head[18:], uint16(len(f.Payload)))
	head[20] = codec
	head[21] = flags(f)
	off := from % blocks * blockSize
	off = r.copyIn(off, head[:])
	r.copyIn(off, f.Payload)
	r.commit[from%blocks].Store(uint32(need))
	return true
}

func (r *ring) copyIn(off uint64, b []byte) uint64 {
	n := copy(r.buf[off:], b)
	copy(r.buf[:], b[n:])
	return (off + uint64(len(b))) % (blocks * blockSize)
}

func (r *ring) copyOut(off uint64, b []byte) uint64 {
	n := copy(b, r.buf[off:])
	copy(b[n:], r.buf[:])
	return (off + uint64(len(b))) % (blocks * blockSize)
}

// peek reads the oldest whole record into f, its payload into scratch; false when there is none. The record stays until drop.
func (r *ring) peek(f *journal.Frame, scratch *[maxPayload]byte) (size uint64, ok bool) {
	at := r.head.Load()
	size = uint64(r.commit[at%blocks].Load())
	if size == 0 {
		return 0, false
	}
	var head [ringHead]byte
	off := r.copyOut(at%blocks*blockSize, head[:])
	n := binary.LittleEndian.Uint16(head[18:])
	r.copyOut(off, scratch[:n])
	*f = journal.Frame{Party: r.index, Played: head[21]&1 != 0, Event: head[21]&2 != 0, Marker: head[21]&4 != 0,
		Codec: journal.CodecOf(head[20]), Sequence: binary.LittleEndian.Uint16(head[16:]), Timestamp: binary.LittleEndian.Uint32(head[8:]),
		SSRC: binary.LittleEndian.Uint32(head[12:]), At: time.Duration(binary.LittleEndian.Uint64(head[0:])), Payload: scratch[:n]}
	return size, true
}

// drop frees what peek returned. The blocks are cleared while they are still the consumer's: audio stays in memory no longer than needed.
func (r *ring) drop(size uint64) {
	at := r.head.Load()
	from, to := at%blocks*blockSize, (at+size)%blocks*blockSize
	if from < to {
		clear(r.buf[from:to])
	} else {
		clear(r.buf[from:])
		clear(r.buf[:to])
	}
	r.commit[at%blocks].Store(0)
	r.head.Store(at + size)
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
