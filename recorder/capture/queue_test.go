package capture

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"naisen/media"
	"naisen/recorder/journal"
)

// newQueue has a pool of its own, of n blocks that the race detector sees.
func newQueue(t testing.TB, n int) *queue {
	t.Helper()
	return &queue{pool: &pool{blocks: make([]block, n+1)}}
}

// free counts the blocks that can be taken.
func (p *pool) available() int {
	var chain []uint32
	for {
		i := p.take(1)
		if i == 0 {
			break
		}
		chain = append(chain, i)
	}
	for _, i := range chain {
		p.put(i)
	}
	return len(chain)
}

// Producers on several goroutines at once and one consumer: every record comes whole, in its producer's order, or is counted.
func TestRingConcurrent(t *testing.T) {
	r := newQueue(t, 100)
	const producers, each = 4, 20000
	var wg sync.WaitGroup
	var done atomic.Bool
	for p := range producers {
		wg.Go(func() {
			for n := range each {
				size := 1 + (n*7+p)%300
				f := &media.Frame{SSRC: uint32(p), Timestamp: uint32(n), Payload: bytes.Repeat([]byte{byte(n)}, size)}
				r.push(f, 1, time.Duration(size))
			}
		})
	}
	go func() { wg.Wait(); done.Store(true) }()
	var scratch [maxPayload]byte
	var f journal.Frame
	got := 0
	next := [producers]uint32{}
	for {
		over := done.Load()
		if !r.peek(&f, &scratch) {
			if over {
				break
			}
			continue
		}
		if len(f.Payload) != int(f.At) || f.Timestamp < next[f.SSRC] || !bytes.Equal(f.Payload, bytes.Repeat([]byte{byte(f.Timestamp)}, len(f.Payload))) {
			t.Fatalf("record %+v is not whole", f)
		}
		next[f.SSRC] = f.Timestamp + 1
		got++
		r.drop()
	}
	if int64(got)+r.dropped.Load() != producers*each {
		t.Errorf("%d read + %d dropped, want %d", got, r.dropped.Load(), producers*each)
	}
}

// What waits is bounded for a party by itself and for all by the pool; a refused frame leaves nothing behind, and all comes back.
func TestBounds(t *testing.T) {
	for _, x := range []struct {
		name                string
		pool, payload, want int
	}{
		{"20 ms", 1000, 160, 234},
		{"10 ms", 1000, 80, 234},
		{"30 ms", 1000, 240, 117},
		{"nothing", 1000, 0, 234},
		{"the longest", 1000, maxPayload, 26},
		{"the pool is empty", 100, 240, 50},
		{"the pool has only a part", 101, 240, 50},
	} {
		t.Run(x.name, func(t *testing.T) {
			q := newQueue(t, x.pool)
			got := 0
			for range 300 {
				if q.push(&media.Frame{Payload: make([]byte, x.payload)}, 1, 0) {
					got++
				}
			}
			if got != x.want || q.dropped.Load() != int64(300-x.want) {
				t.Errorf("took %d, dropped %d, want %d taken", got, q.dropped.Load(), x.want)
			}
			var f journal.Frame
			var scratch [maxPayload]byte
			for i := 0; i < got/2 && q.peek(&f, &scratch); i++ { // the rest is left to close
				q.drop()
			}
			q.close()
			q.close()
			if q.push(&media.Frame{}, 1, 0) {
				t.Error("a frame after the end was taken")
			}
			if n := q.pool.available(); n != x.pool || q.waiting.Load() != 0 {
				t.Errorf("%d of %d blocks are free after the end, %d wait", n, x.pool, q.waiting.Load())
			}
		})
	}
}

// A tap that outlives its recording by a packet leaves no block behind.
func TestCloseAgainstPush(t *testing.T) {
	for range 200 {
		q := newQueue(t, 400)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 50 {
					q.push(&media.Frame{Payload: make([]byte, 160)}, 1, 0)
				}
			})
		}
		q.close()
		wg.Wait()
		if n := q.pool.available(); n != 400 || q.waiting.Load() != 0 {
			t.Fatalf("%d blocks are free, %d wait", n, q.waiting.Load())
		}
	}
}

// What the journal has is gone from memory, and a writer that keeps up touches few blocks however long the call is.
func TestMemoryIsReused(t *testing.T) {
	p, err := newPool(2 * maxWaiting * 2000)
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{pool: p}
	var scratch [maxPayload]byte
	var f journal.Frame
	for n := range 10000 {
		if !q.push(&media.Frame{Payload: bytes.Repeat([]byte{0xaa}, 100+n%300)}, 1, 0) {
			t.Fatal("refused")
		}
		if n%5 == 4 {
			for q.peek(&f, &scratch) {
				q.drop()
			}
		}
	}
	if used := int(p.used.Load()); used > 25 {
		t.Errorf("%d blocks were touched for 5 frames of up to 5 blocks", used)
	}
	for i := range p.blocks[:p.used.Load()+1] {
		if bytes.Contains(p.blocks[i].data[:], []byte{0xaa}) {
			t.Fatal("audio is left in the pool")
		}
	}
}
