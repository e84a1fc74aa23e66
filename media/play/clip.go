// Package play makes media.Source values out of audio in memory: once, looped, one after the other. It reads no file and keeps no time:
// the relay's pacer asks for each frame.
package play

import (
	"errors"
	"fmt"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/codec/g711"
	"naisen/media/codec/resample"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrFrames = errors.New("play: not whole frames of 20 ms")
	ErrMixed  = errors.New("play: sources of different codecs")
)

// settleFrames is how long a G.722 decoder needs to forget what it heard, in frames; its predictor leaks with 32 ms.
const settleFrames = 4

// Clip is encoded audio in whole frames of 20 ms. It is immutable, so any number of calls play it at once.
type Clip struct {
	codec media.Codec
	data  []byte
	ends  []uint32 // of each frame in data; nil: all frames have codec.FrameBytes
}

// NewClip keeps payload (not a copy: do not change it). ErrFrames unless it is whole frames, and for Opus, whose frames have no fixed
// length; codec.ErrUnknown.
func NewClip(c media.Codec, payload []byte) (*Clip, error) {
	switch {
	case !codec.Known(c):
		return nil, fmt.Errorf("play: %w: %q", codec.ErrUnknown, c)
	case c == media.Opus, len(payload)%codec.FrameBytes != 0:
		return nil, ErrFrames
	}
	return &Clip{codec: c, data: payload}, nil
}

// encode appends whole frames of PCM to the clip.
func (c *Clip) encode(enc codec.Encoder, pcm []int16) {
	for n := frameSamples(enc); len(pcm) >= n; pcm = pcm[n:] {
		c.data = enc.Encode(c.data, pcm[:n])
		if c.codec == media.Opus {
			c.ends = append(c.ends, uint32(len(c.data)))
		}
	}
}

// FromPCM encodes samples of the given rate (Hz), padded with silence to whole frames. G.722 and Opus get 80 ms of silence in front: their
// decoders have state, the phone's is still at whatever it heard before, and without time to settle a loud start becomes a bang. codec.ErrUnknown, resample.ErrRate.
func FromPCM(c media.Codec, pcm []int16, rate int) (*Clip, error) {
	pcm, enc, err := framed(c, pcm, rate)
	if err != nil {
		return nil, err
	}
	clip := &Clip{codec: c}
	if stateful(c) {
		clip.encode(enc, make([]int16, settleFrames*frameSamples(enc)))
	}
	clip.encode(enc, pcm)
	return clip, nil
}

// PeriodFromPCM encodes one period of a tone that will be looped, in such a way that a codec with state is at the end of the period
// where it was at its beginning. Errors as FromPCM.
func PeriodFromPCM(c media.Codec, pcm []int16, rate int) (*Clip, error) {
	pcm, enc, err := framed(c, pcm, rate)
	if err != nil {
		return nil, err
	}
	if stateful(c) {
		(&Clip{codec: c}).encode(enc, pcm)
	}
	clip := &Clip{codec: c}
	clip.encode(enc, pcm)
	return clip, nil
}

// framed brings samples to the codec's rate and to whole frames.
func framed(c media.Codec, pcm []int16, rate int) ([]int16, codec.Encoder, error) {
	enc, err := codec.NewEncoder(c)
	if err != nil {
		return nil, nil, err
	}
	if pcm, err = resample.All(pcm, rate, enc.Rate()); err != nil {
		return nil, nil, err
	}
	if short := len(pcm) % frameSamples(enc); short != 0 {
		pcm = append(pcm[:len(pcm):len(pcm)], make([]int16, frameSamples(enc)-short)...)
	}
	return pcm, enc, nil
}

func frameSamples(e codec.Encoder) int { return e.Rate() / 1000 * codec.FrameMillis }

func stateful(c media.Codec) bool { return c == media.G722 || c == media.Opus }

// Silence of at least the given length.
func Silence(c media.Codec, length time.Duration) (*Clip, error) {
	frames := int((length + codec.FrameMillis*time.Millisecond - 1) / (codec.FrameMillis * time.Millisecond))
	quiet := byte(g711.SilenceU)
	switch c {
	case media.PCMA:
		quiet = g711.SilenceA
	case media.G722, media.Opus:
		return PeriodFromPCM(c, make([]int16, max(frames, 0)*320), 16000)
	}
	data := make([]byte, max(frames, 0)*codec.FrameBytes)
	for i := range data {
		data[i] = quiet
	}
	return NewClip(c, data)
}

// Codec of the clip.
func (c *Clip) Codec() media.Codec { return c.codec }

// Frames is the number of 20 ms frames.
func (c *Clip) Frames() int {
	if c.ends != nil {
		return len(c.ends)
	}
	return len(c.data) / codec.FrameBytes
}

// frame i of the clip.
func (c *Clip) frame(i int) []byte {
	from, to := i*codec.FrameBytes, (i+1)*codec.FrameBytes
	if c.ends != nil {
		if from, to = 0, int(c.ends[i]); i > 0 {
			from = int(c.ends[i-1])
		}
	}
	return c.data[from:to:to]
}

// Duration of the clip.
func (c *Clip) Duration() time.Duration {
	return time.Duration(c.Frames()) * codec.FrameMillis * time.Millisecond
}

// Bytes that the clip holds in memory.
func (c *Clip) Bytes() int { return len(c.data) + 4*len(c.ends) }

// Play gives a source that plays the clip once.
func (c *Clip) Play() media.Source { return &once{clip: c} }

// Loop gives a source that plays the clip again and again until the endpoint stops it: hold music, ring-back. An empty clip ends at once.
func (c *Clip) Loop() media.Source { return &loop{once{clip: c}} }

type once struct {
	clip *Clip
	at   int // frames given
}

func (s *once) Codec() media.Codec { return s.clip.codec }

func (s *once) Next() ([]byte, bool) {
	if s.at >= s.clip.Frames() {
		return nil, false
	}
	s.at++
	return s.clip.frame(s.at - 1), true
}

type loop struct{ once }

func (s *loop) Next() ([]byte, bool) {
	if s.at >= s.clip.Frames() {
		s.at = 0
	}
	return s.once.Next()
}

// Sequence plays one source after the other. ErrMixed unless all have one codec; ErrFrames if there is none.
func Sequence(sources ...media.Source) (media.Source, error) {
	if len(sources) == 0 {
		return nil, ErrFrames
	}
	for _, s := range sources[1:] {
		if s.Codec() != sources[0].Codec() {
			return nil, ErrMixed
		}
	}
	return &sequence{codec: sources[0].Codec(), rest: sources}, nil
}

type sequence struct {
	codec media.Codec
	rest  []media.Source
}

func (s *sequence) Codec() media.Codec { return s.codec }

func (s *sequence) Next() ([]byte, bool) {
	for len(s.rest) > 0 {
		if frame, ok := s.rest[0].Next(); ok {
			return frame, true
		}
		s.rest = s.rest[1:]
	}
	return nil, false
}
