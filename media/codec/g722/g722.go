// Package g722 wraps the G.722 codec (ITU-T G.722 at 64 kbit/s): 16 kHz PCM in, two samples to an octet; or 8 kHz PCM, which is the lower
// of its two bands alone. It is the only importer of its library. Both directions have state: one Encoder or Decoder belongs to one stream and to one goroutine.
package g722

import "github.com/gotranspile/g722"

// Rate is the PCM rate, Hz. The RTP clock is 8000 all the same (RFC 3551 section 4.5.2).
const Rate = 16000

// Encoder of one stream.
type Encoder struct {
	enc  *g722.Encoder
	rate int
	odd  []int16 // a sample without its pair, at most one
	buf  [2]int16
}

// NewEncoder starts a stream of PCM at 16000 Hz, or at 8000: then the upper band is silent.
func NewEncoder(rate int) *Encoder {
	return &Encoder{enc: g722.NewEncoder(g722.Rate64000, flags(rate)), rate: rate}
}

func flags(rate int) g722.Flags {
	if rate == Rate/2 {
		return g722.FlagSampleRate8000
	}
	return 0
}

// Rate of the PCM, Hz.
func (e *Encoder) Rate() int { return e.rate }

// Encode appends the payload of pcm to dst. An odd sample waits for the next call. It allocates only if dst lacks room.
func (e *Encoder) Encode(dst []byte, pcm []int16) []byte {
	if e.rate != Rate {
		return e.encode(dst, pcm)
	}
	if len(e.odd) == 1 && len(pcm) > 0 {
		e.buf[1] = pcm[0]
		dst, pcm, e.odd = e.encode(dst, e.buf[:]), pcm[1:], nil
	}
	even := len(pcm) &^ 1
	dst = e.encode(dst, pcm[:even])
	if even < len(pcm) {
		e.buf[0] = pcm[even]
		e.odd = e.buf[:1]
	}
	return dst
}

func (e *Encoder) encode(dst []byte, pcm []int16) []byte {
	n := len(dst)
	for range len(pcm) * Rate / 2 / e.rate {
		dst = append(dst, 0)
	}
	return dst[:n+e.enc.Encode(dst[n:], pcm)]
}

// Decoder of one stream.
type Decoder struct {
	dec  *g722.Decoder
	rate int
}

// NewDecoder starts a stream that is heard at 16000 Hz, or at 8000: then the upper band is left out.
func NewDecoder(rate int) *Decoder {
	return &Decoder{g722.NewDecoder(g722.Rate64000, flags(rate)), rate}
}

// Rate of the PCM, Hz.
func (d *Decoder) Rate() int { return d.rate }

// Decode appends the samples of payload to dst: two to an octet, or one at 8 kHz. It allocates only if dst lacks room.
func (d *Decoder) Decode(dst []int16, payload []byte) []int16 {
	n := len(dst)
	for range len(payload) * d.rate * 2 / Rate {
		dst = append(dst, 0)
	}
	return dst[:n+d.dec.Decode(dst[n:], payload)]
}
