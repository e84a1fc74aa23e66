// Package codec turns PCM into payloads and back behind one interface. Its sub-packages hold the codecs, the concealment of lost packets
// and the change of sample rates. It never paces or sends.
package codec

import (
	"errors"
	"fmt"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/media/codec/g722"
	"naisen/media/codec/opus"
	"naisen/media/codec/plc"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrUnknown = errors.New("codec: unknown codec")
	ErrRate    = errors.New("codec: not a sample rate of this codec")
)

// FrameMillis is the length of a frame, and FrameBytes its payload where a codec has 64 kbit/s: G.711 and G.722.
const (
	FrameMillis = 20
	FrameBytes  = 160
)

// Encoder makes the payloads of one stream from mono PCM. Not safe for concurrent use.
type Encoder interface {
	Rate() int                             // of the PCM, Hz
	Encode(dst []byte, pcm []int16) []byte // appends one payload; allocates only if dst lacks room. Opus takes 10, 20, 40 or 60 ms and nothing else
}

// Decoder makes the mono PCM of one stream. Not safe for concurrent use.
type Decoder interface {
	Rate() int                                  // of the PCM, Hz
	Decode(dst []int16, payload []byte) []int16 // appends; allocates only if dst lacks room
	Conceal(dst []int16, n int) []int16         // appends n samples in place of what was lost, made of what came before; allocates only if dst lacks room
}

// Rates of the PCM that a codec takes and gives, Hz, best first; nil for one that is not implemented. G.722 at 8000 is its lower band alone,
// which is all that G.711 has: half the work, and no change of rate.
func Rates(c media.Codec) []int {
	switch c {
	case media.PCMU, media.PCMA:
		return []int{8000}
	case media.G722:
		return []int{16000, 8000}
	case media.Opus:
		return []int{16000, 48000, 8000}
	}
	return nil
}

// Known says that there is an implementation.
func Known(c media.Codec) bool { return Rates(c) != nil }

// NewEncoder starts a stream at the codec's first rate; ErrUnknown.
func NewEncoder(c media.Codec) (Encoder, error) { return NewEncoderAt(c, best(c)) }

// NewDecoder starts a stream at the codec's first rate; ErrUnknown.
func NewDecoder(c media.Codec) (Decoder, error) { return NewDecoderAt(c, best(c)) }

func best(c media.Codec) int {
	if r := Rates(c); r != nil {
		return r[0]
	}
	return 0
}

// NewEncoderAt starts a stream of PCM at one of the codec's Rates; ErrUnknown, ErrRate.
func NewEncoderAt(c media.Codec, rate int) (Encoder, error) {
	if err := check(c, rate); err != nil {
		return nil, err
	}
	switch c {
	case media.PCMU:
		return ulaw{}, nil
	case media.PCMA:
		return alaw{}, nil
	case media.G722:
		return g722.NewEncoder(rate), nil
	}
	return opus.NewEncoder(rate)
}

// NewDecoderAt starts a stream that is heard at one of the codec's Rates; ErrUnknown, ErrRate.
func NewDecoderAt(c media.Codec, rate int) (Decoder, error) {
	if err := check(c, rate); err != nil {
		return nil, err
	}
	switch c {
	case media.PCMU:
		return newConcealed(ulaw{}), nil
	case media.PCMA:
		return newConcealed(alaw{}), nil
	case media.G722:
		return newConcealed(g722.NewDecoder(rate)), nil
	}
	return opus.NewDecoder(rate)
}

func check(c media.Codec, rate int) error {
	rates := Rates(c)
	if rates == nil {
		return fmt.Errorf("%w: %q", ErrUnknown, c)
	}
	for _, r := range rates {
		if r == rate {
			return nil
		}
	}
	return fmt.Errorf("%w: %s at %d Hz", ErrRate, c, rate)
}

// Samples that a payload stands for at a rate; 0 for what is not a payload of the codec, or of one that is not known.
func Samples(c media.Codec, payload []byte, rate int) int {
	switch c {
	case media.PCMU, media.PCMA, media.G722:
		return len(payload) * rate / 8000
	case media.Opus:
		return opus.Samples(payload, rate)
	}
	return 0
}

type ulaw struct{}

func (ulaw) Rate() int                                  { return 8000 }
func (ulaw) Encode(dst []byte, pcm []int16) []byte      { return g711.EncodeU(dst, pcm) }
func (ulaw) Decode(dst []int16, payload []byte) []int16 { return g711.DecodeU(dst, payload) }

type alaw struct{}

func (alaw) Rate() int                                  { return 8000 }
func (alaw) Encode(dst []byte, pcm []int16) []byte      { return g711.EncodeA(dst, pcm) }
func (alaw) Decode(dst []int16, payload []byte) []int16 { return g711.DecodeA(dst, payload) }

// bare is a decoder without concealment of its own.
type bare interface {
	Rate() int
	Decode(dst []int16, payload []byte) []int16
}

// concealed gives it one.
type concealed struct {
	bare
	hide *plc.Concealer
}

func newConcealed(b bare) *concealed { return &concealed{b, plc.New(b.Rate())} }

func (c *concealed) Decode(dst []int16, payload []byte) []int16 {
	from := len(dst)
	dst = c.bare.Decode(dst, payload)
	c.hide.Good(dst[from:])
	return dst
}

func (c *concealed) Conceal(dst []int16, n int) []int16 { return c.hide.Conceal(dst, n) }
