package capture

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"naisen/recorder/journal"
)

// Sizes of what is held in memory.
const (
	// ringSize holds 120 s of two parties in G.711, in packets of 10 ms: 200 frames a second of 104 bytes, and 10 chunks of 28.
	ringSize = 2560 << 10
	// maxChunk is the most that is sealed together; usually it is what came in a tenth of a second.
	maxChunk  = 16 << 10
	chunkHead = 12 // length of the ciphertext, time of its first frame
	chunkTag  = 16
	frameMore = 24 // of a frame's record beside its payload
)

// rings are the memory of all calls whose last stretch is held: a ring and a place for a key each, reserved once, outside of the collector's heap.
// Pages that were never needed cost nothing. What is in a ring is ciphertext; keys are locked, so that neither swap nor a core file ever has both.
// take and put are called with Recorder.mu held; the rest belongs to the drain goroutine.
type rings struct {
	mem, keys []byte
	work      []byte // one chunk, plain only while it is worked on
	free      []int
	locked    bool // the keys' pages, which the system may refuse to lock
}

func newRings(n int) (*rings, error) {
	r := &rings{}
	if n <= 0 {
		return r, nil
	}
	for _, m := range []struct {
		to   *[]byte
		size int
	}{{&r.mem, n * ringSize}, {&r.keys, n * keyPlace}, {&r.work, maxChunk + chunkTag}} {
		mem, release, err := reserve(m.size)
		if err != nil {
			return nil, fmt.Errorf("capture: reserve %d bytes: %w", m.size, err)
		}
		*m.to = mem
		if release != nil {
			runtime.AddCleanup(r, release, mem)
		}
	}
	r.locked = lock(r.keys) == nil && lock(r.work) == nil
	for i := range n {
		r.free = append(r.free, n-1-i)
	}
	return r, nil
}

// take gives a ring with a key of its own; nil: none is free.
func (r *rings) take(window time.Duration) (*ring, error) {
	n := len(r.free)
	if n == 0 {
		return nil, nil
	}
	i := r.free[n-1]
	key := r.keys[i*keyPlace:][:keyPlace:keyPlace]
	aead, err := newCipher(key)
	if err != nil {
		clear(key)
		return nil, err
	}
	r.free = r.free[:n-1]
	return &ring{of: r, number: i, mem: r.mem[i*ringSize:][:ringSize:ringSize], key: key, aead: aead, window: window}, nil
}

// ring is the last stretch of one call's frames: sealed chunks, one behind the other, round and round. A chunk that is too old, or in the way of a new
// one, is overwritten with zeroes. It belongs to the drain goroutine.
type ring struct {
	of     *rings
	number int
	mem    []byte
	key    []byte
	aead   cipher.AEAD
	window time.Duration

	first, used int    // where the oldest chunk begins, bytes of all
	oldest, seq uint64 // chunks by number: the oldest, the next; a number is a nonce, and none comes twice
	since       time.Duration
	plain       int // bytes in work that are not sealed yet
	done        int // frames of the oldest chunk that were replayed
	damaged     int // chunks that did not authenticate: somebody or something wrote into our memory
	nonce       [12]byte
}

// add takes a frame. It stays plain until seal, which follows at once.
func (r *ring) add(f *journal.Frame) {
	b := r.of.work[:r.plain]
	if len(b)+frameMore+len(f.Payload) > maxChunk {
		r.seal()
		b = b[:0]
	}
	if len(b) == 0 {
		r.since = f.At
	}
	r.plain = len(journal.AppendFrame(b, f))
}

// seal encrypts what was added.
func (r *ring) seal() {
	if r.plain == 0 {
		return
	}
	work := r.of.work
	binary.BigEndian.PutUint64(r.nonce[4:], r.seq)
	sealed := r.aead.Seal(work[:0], r.nonce[:], work[:r.plain], nil)
	need := chunkHead + len(sealed)
	for len(r.mem)-r.used < need {
		r.drop()
	}
	var head [chunkHead]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(sealed)))
	binary.BigEndian.PutUint64(head[4:], uint64(r.since))
	r.write(r.used, head[:])
	r.write(r.used+chunkHead, sealed)
	r.used += need
	r.seq++
	r.plain = 0
}

// age drops what lies before a time.
func (r *ring) age(before time.Duration) {
	for r.used > 0 && r.start() < before {
		r.drop()
	}
}

// start is when the oldest frame came, while there is one.
func (r *ring) start() time.Duration {
	var head [chunkHead]byte
	r.read(0, head[:])
	return time.Duration(binary.BigEndian.Uint64(head[4:]))
}

// drop overwrites the oldest chunk.
func (r *ring) drop() {
	n := chunkHead + r.sealed()
	for at := r.first; n > 0; at = 0 {
		part := r.mem[at:min(at+n, len(r.mem))]
		clear(part)
		n -= len(part)
		r.first = (r.first + len(part)) % len(r.mem)
		r.used -= len(part)
	}
	r.oldest, r.done = r.oldest+1, 0
}

// sealed is the length of the oldest chunk's ciphertext.
func (r *ring) sealed() int {
	var head [4]byte
	r.read(0, head[:])
	return int(binary.BigEndian.Uint32(head[:]))
}

// replay gives all frames to a journal, the oldest first, and drops them. After an error it goes on with the same frame when called again.
func (r *ring) replay(write func(*journal.Frame) error) error {
	for r.used > 0 {
		if err := r.open(write); err != nil {
			return err
		}
		r.drop()
	}
	return nil
}

// open gives the frames of the oldest chunk.
func (r *ring) open(write func(*journal.Frame) error) error {
	sealed := r.of.work[:r.sealed()]
	defer clear(sealed)
	r.read(chunkHead, sealed)
	binary.BigEndian.PutUint64(r.nonce[4:], r.oldest)
	rest, err := r.aead.Open(sealed[:0], r.nonce[:], sealed, nil)
	if err != nil {
		r.damaged++
		return nil
	}
	var f journal.Frame
	for n := 0; len(rest) > 0; n++ {
		var ok bool
		if rest, ok = journal.CutFrame(rest, &f); !ok {
			return nil
		}
		if n < r.done {
			continue
		}
		if err := write(&f); err != nil {
			return err
		}
		r.done++
	}
	return nil
}

// destroy leaves nothing: first the key goes, without which what was swapped out is noise, then the chunks, then the pages themselves.
func (r *ring) destroy() {
	clear(r.key)
	r.aead = nil
	clear(r.of.work)
	for r.used > 0 {
		r.drop()
	}
	discard(r.mem)
	r.plain, r.first = 0, 0
}

// write and read copy at a place counted from the oldest chunk, round the end.
func (r *ring) write(at int, b []byte) {
	at = (r.first + at) % len(r.mem)
	copy(r.mem, b[copy(r.mem[at:], b):])
}

func (r *ring) read(at int, b []byte) {
	at = (r.first + at) % len(r.mem)
	n := copy(b, r.mem[at:])
	copy(b[n:], r.mem)
}
