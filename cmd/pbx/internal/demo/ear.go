package demo

import (
	"bytes"
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/codec/g711"
)

const (
	frameTime = codec.FrameMillis * time.Millisecond
	rate      = 8000
	maxHeard  = int(Patience / frameTime)
)

// heard is one frame that a phone received, after decryption.
type heard struct {
	at       int // place in the stream, in frames, from the RTP sequence number
	sequence uint16
	payload  [codec.FrameBytes]byte
}

// ear keeps what one phone hears. It is a media.Tap: only the packet path writes, and readers see what is complete.
type ear struct {
	frames []heard
	count  atomic.Int64
	missed atomic.Int64 // frames of another size or codec, or beyond the bound
}

func newEar() *ear { return &ear{frames: make([]heard, maxHeard)} }

// Tap implements media.Tap.
func (e *ear) Tap(f *media.Frame) {
	if f.Played || f.Event {
		return
	}
	n := int(e.count.Load())
	if n >= len(e.frames) || f.Codec != media.PCMU || len(f.Payload) != codec.FrameBytes {
		e.missed.Add(1)
		return
	}
	h := &e.frames[n]
	h.sequence = f.Sequence
	copy(h.payload[:], f.Payload)
	if n > 0 {
		before := e.frames[n-1]
		h.at = before.at + int(int16(f.Sequence-before.sequence))
	}
	e.count.Store(int64(n + 1))
}

// mark is the present end of what was heard.
func (e *ear) mark() int { return int(e.count.Load()) }

// since gives what was heard after a mark, in the order of the stream, without repetitions.
func (e *ear) since(mark int) []heard {
	out := slices.Clone(e.frames[mark:e.mark()])
	slices.SortStableFunc(out, func(a, b heard) int { return cmp.Compare(a.at, b.at) })
	return slices.CompactFunc(out, func(a, b heard) bool { return a.at == b.at })
}

// inOrder counts the frames of an announcement that were heard, each at its place: the start is where most of them fit, which may be
// before the first frame that was heard.
func inOrder(got []heard, want [][]byte) (best int) {
	place := make(map[int]*heard, len(got))
	for i := range got {
		place[got[i].at] = &got[i]
	}
	if len(got) == 0 {
		return 0
	}
	for start := got[0].at - len(want) + 1; start <= got[len(got)-1].at; start++ {
		n := 0
		for i, frame := range want {
			if h := place[start+i]; h != nil && bytes.Equal(h.payload[:], frame) {
				n++
			}
		}
		best = max(best, n)
	}
	return best
}

// toneHeard says how long a tone sounded, and the longest gap in it, in whole frames.
func toneHeard(got []heard, hz float64) (length, gap time.Duration) {
	var pcm []int16
	first, last := 0, -1
	for i := range got {
		if pcm = g711.DecodeU(pcm[:0], got[i].payload[:]); share(pcm, hz) < audible {
			continue
		}
		if last < 0 {
			first = got[i].at
		} else {
			gap = max(gap, time.Duration(got[i].at-last-1)*frameTime)
		}
		last = got[i].at
	}
	if last < 0 {
		return 0, 0
	}
	return time.Duration(last-first+1) * frameTime, gap
}

// framesOf reads a source to its end, at most the bound of an ear.
func framesOf(src media.Source) (out [][]byte) {
	for len(out) < maxHeard {
		payload, ok := src.Next()
		if !ok {
			break
		}
		out = append(out, bytes.Clone(payload))
	}
	return out
}
