// Package codec turns PCM into payloads and back behind one interface, and changes sample rates. It never paces or sends.
package codec

import (
	"errors"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/media/codec/g722"
)

// ErrUnknown says that there is no implementation of a codec.
var ErrUnknown = errors.New("codec: unknown codec")

// FrameMillis is the length of a frame, and FrameBytes its payload: all codecs here are 64 kbit/s.
const (
	FrameMillis = 20
	FrameBytes  = 160
)

// Encoder makes the payloads of one stream. Not safe for concurrent use.
type Encoder interface {
	Rate() int                             // of the PCM, Hz
	Encode(dst []byte, pcm []int16) []byte // appends; allocates only if dst lacks room
}

// Decoder makes the PCM of one stream. Not safe for concurrent use.
type Decoder interface {
	Rate() int                                  // of the PCM, Hz
	Decode(dst []int16, payload []byte) []int16 // appends; allocates only if dst lacks room
}

// NewEncoder starts a stream; ErrUnknown.
func NewEncoder(c media.Codec) (Encoder, error) {
	switch c {
	case media.PCMU:
		return ulaw{}, nil
	case media.PCMA:
		return alaw{}, nil
	case media.G722:
		return wideEncoder{g722.NewEncoder()}, nil
	}
	return nil, ErrUnknown
}

// NewDecoder starts a stream; ErrUnknown.
func NewDecoder(c media.Codec) (Decoder, error) {
	switch c {
	case media.PCMU:
		return ulaw{}, nil
	case media.PCMA:
		return alaw{}, nil
	case media.G722:
		return wideDecoder{g722.NewDecoder()}, nil
	}
	return nil, ErrUnknown
}

type ulaw struct{}

func (ulaw) Rate() int                                  { return 8000 }
func (ulaw) Encode(dst []byte, pcm []int16) []byte      { return g711.EncodeU(dst, pcm) }
func (ulaw) Decode(dst []int16, payload []byte) []int16 { return g711.DecodeU(dst, payload) }

type alaw struct{}

func (alaw) Rate() int                                  { return 8000 }
func (alaw) Encode(dst []byte, pcm []int16) []byte      { return g711.EncodeA(dst, pcm) }
func (alaw) Decode(dst []int16, payload []byte) []int16 { return g711.DecodeA(dst, payload) }

type wideEncoder struct{ *g722.Encoder }

func (wideEncoder) Rate() int { return g722.Rate }

type wideDecoder struct{ *g722.Decoder }

func (wideDecoder) Rate() int { return g722.Rate }
