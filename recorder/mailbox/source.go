package mailbox

import (
	"context"
	"encoding/binary"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/codec/resample"
	"naisen/media/play"
)

const (
	chunkTime    = 8 * time.Second  // that is decrypted at once, and the most that waits in memory besides what plays
	fetchLimit   = 20 * time.Second // for one chunk: a store that is slower is silence, and then the end
	settleFrames = 4                // as play.FromPCM
	lateFrames   = int(fetchLimit / (codec.FrameMillis * time.Millisecond))
)

// Source plays a message in a codec. It decrypts a few seconds ahead, each piece on a goroutine of its own that ends by itself: a listener who
// hangs up leaves nothing behind. The first piece is there when Source returns. Errors as Audio.
func (p *Post) Source(ctx context.Context, domain, mailbox, id string, c media.Codec) (media.Source, error) {
	enc, err := codec.NewEncoder(c)
	if err != nil {
		return nil, err
	}
	quiet, err := play.Silence(c, codec.FrameMillis*time.Millisecond)
	if err != nil {
		return nil, err
	}
	row, err := p.row(ctx, domain, mailbox, id)
	if err != nil {
		return nil, err
	}
	s := &source{codec: c, ready: make(chan chunk, 1), open: func(ctx context.Context) (*Audio, error) { return p.Audio(ctx, domain, mailbox, row.ID) }, enc: enc}
	s.silence, _ = quiet.Play().Next()
	if c == media.G722 || c == media.Opus { // their decoders need time to forget what they heard before
		s.rest = make([]int16, settleFrames*enc.Rate()/1000*codec.FrameMillis)
	}
	first := s.read(ctx)
	if first.err != nil {
		return nil, first.err
	}
	s.now = first
	return s, nil
}

// chunk is some seconds of frames.
type chunk struct {
	frames [][]byte
	last   bool
	err    error
}

// source is a message being played. The pacer's fields are now, at, fetching and late; a fetch has the others, and only one runs at a time.
type source struct {
	codec   media.Codec
	ready   chan chunk
	silence []byte

	now      chunk
	at       int
	fetching bool
	late     int // frames that were not there in time

	open  func(context.Context) (*Audio, error)
	enc   codec.Encoder
	conv  *resample.Resampler
	taken int64   // samples read
	rest  []int16 // less than a frame
}

// Codec implements media.Source.
func (s *source) Codec() media.Codec { return s.codec }

// Next implements media.Source: it never blocks. What is late is silence.
func (s *source) Next() ([]byte, bool) {
	if !s.fetching && !s.now.last {
		s.fetching = true
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
			defer cancel()
			s.ready <- s.read(ctx) // its slot is free: the one before was taken
		}()
	}
	if s.at < len(s.now.frames) {
		s.at++
		return s.now.frames[s.at-1], true
	}
	if s.now.last {
		return nil, false
	}
	select {
	case s.now = <-s.ready:
		s.at, s.fetching, s.late = 0, false, 0
		if s.now.err != nil {
			return nil, false
		}
		return s.Next()
	default:
		s.late++
		return s.silence, s.late < lateFrames
	}
}

// read decrypts and encodes the next seconds.
func (s *source) read(ctx context.Context) chunk {
	a, err := s.open(ctx)
	if err != nil {
		return chunk{last: true, err: err}
	}
	defer a.Close()
	if s.conv == nil && a.Rate() != s.enc.Rate() {
		if s.conv, err = resample.New(a.Rate(), s.enc.Rate()); err != nil {
			return chunk{last: true, err: err}
		}
	}
	count := min(int64(chunkTime.Seconds())*int64(a.Rate()), a.samples-s.taken)
	raw := make([]byte, 2*count)
	if n, err := a.ReadAt(raw, wavHead+2*s.taken); int64(n) < 2*count {
		return chunk{last: true, err: err}
	}
	s.taken += count
	pcm := make([]int16, count)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	out := chunk{last: s.taken >= a.samples}
	if s.conv == nil {
		s.rest = append(s.rest, pcm...)
	} else if s.rest = s.conv.Process(s.rest, pcm); out.last {
		s.rest = s.conv.Flush(s.rest)
	}
	n := s.enc.Rate() / 1000 * codec.FrameMillis
	if short := len(s.rest) % n; out.last && short != 0 {
		s.rest = append(s.rest, make([]int16, n-short)...)
	}
	for len(s.rest) >= n {
		out.frames = append(out.frames, s.enc.Encode(nil, s.rest[:n]))
		s.rest = s.rest[n:]
	}
	s.rest = append([]int16(nil), s.rest...)
	return out
}
