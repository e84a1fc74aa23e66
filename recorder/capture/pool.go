package capture

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Sizes of what waits for the journal.
const (
	blockSize = 192 // three cache lines: a packet of 20 ms of G.711 is in one block
	blockData = blockSize - 8
	// maxWaiting is how many blocks one party's frames may hold: at least 2.3 s of G.711, whether in packets of 10, 20 or 30 ms.
	maxWaiting = 234
)

// block is a part of a frame. Number 0 is no block.
type block struct {
	next atomic.Uint32 // in a queue: the frame before; in the free list: the next free one
	more uint32        // the owner's: the block with the rest of the frame
	data [blockData]byte
}

// pool is the memory of all frames that wait for their journals. It is reserved once, outside of the collector's heap: a page that no block
// was ever needed from costs nothing, and the collector adds no reserve of its own for it. take and put may be called by anyone; they wait
// for nobody. Blocks return in last-in first-out order, so that what is touched is the most that ever waited at once.
type pool struct {
	blocks []block
	free   atomic.Uint64 // the first free block, below 32 bits of a count of changes: a block that went and came back is noticed
	used   atomic.Uint32 // blocks that were ever taken; those above are untouched
}

// newPool reserves memory for n blocks.
func newPool(n int) (*pool, error) {
	size := (n + 1) * blockSize
	mem, release, err := reserve(size)
	if err != nil {
		return nil, fmt.Errorf("capture: reserve %d bytes: %w", size, err)
	}
	p := &pool{blocks: unsafe.Slice((*block)(unsafe.Pointer(&mem[0])), n+1)}
	if release != nil { // a tap may outlive Close by a packet, so only when nobody can reach the pool any more
		runtime.AddCleanup(p, release, mem)
	}
	return p, nil
}

// take gives a chain of n blocks, or 0 if there are not so many.
func (p *pool) take(n int) uint32 {
	var first uint32
	for range n {
		i := p.one()
		if i == 0 {
			if first != 0 {
				p.put(first)
			}
			return 0
		}
		p.blocks[i].more = first
		first = i
	}
	return first
}

func (p *pool) one() uint32 {
	for {
		old := p.free.Load()
		i := uint32(old)
		if i == 0 {
			return p.fresh()
		}
		// If another one takes i first, next is not worth anything, and the swap fails.
		next := p.blocks[i].next.Load()
		if p.free.CompareAndSwap(old, (old>>32+1)<<32|uint64(next)) {
			return i
		}
	}
}

func (p *pool) fresh() uint32 {
	for {
		n := p.used.Load()
		if int(n)+1 >= len(p.blocks) {
			return 0
		}
		if p.used.CompareAndSwap(n, n+1) {
			return n + 1
		}
	}
}

// put gives a chain back, cleared: audio stays in memory no longer than needed.
func (p *pool) put(first uint32) {
	last := first
	for {
		b := &p.blocks[last]
		clear(b.data[:])
		if b.more == 0 {
			break
		}
		b.next.Store(b.more)
		last, b.more = b.more, 0
	}
	for {
		old := p.free.Load()
		p.blocks[last].next.Store(uint32(old))
		if p.free.CompareAndSwap(old, (old>>32+1)<<32|uint64(first)) {
			runtime.KeepAlive(p)
			return
		}
	}
}
