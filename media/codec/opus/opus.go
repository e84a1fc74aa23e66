// Package opus wraps the Opus codec (RFC 6716) for mono speech: PCM of 8, 12, 16, 24 or 48 kHz, packets of 10 to 60 ms. It is the only importer
// of its library. Both directions have state: one Encoder or Decoder belongs to one stream and to one goroutine. It never packs into RTP.
package opus

import (
	"errors"
	"fmt"

	"github.com/thesyncim/gopus"
)

// ErrRate says that Opus does not know a sample rate.
var ErrRate = errors.New("opus: sample rate is not 8, 12, 16, 24 or 48 kHz")

const (
	maxPacket = 1275 // octets of one frame (RFC 6716 section 3.2.1)
	maxMillis = 120  // of one packet
)

// settings of the encoder by sample rate: the bit rate at which speech has no audible fault (RFC 7587 section 3.1.1), and the complexity by
// BenchmarkEncode. At 16 kHz complexity 2 costs a third more than 0 and brings 0.22 dB, all that is above it costs up to twice as much
// again for another 0.05 dB.
var settings = map[int]struct{ bitrate, complexity int }{
	8000: {16000, 2}, 12000: {18000, 2}, 16000: {24000, 2}, 24000: {28000, 2}, 48000: {32000, 2},
}

// Encoder of one stream.
type Encoder struct {
	enc   *gopus.Encoder
	rate  int
	frame int // samples that enc is set to
	buf   [maxPacket]byte
}

// NewEncoder starts a stream of PCM at the given rate, Hz; ErrRate.
func NewEncoder(rate int) (*Encoder, error) {
	set, ok := settings[rate]
	if !ok {
		return nil, fmt.Errorf("%w: %d", ErrRate, rate)
	}
	return newEncoder(rate, set.bitrate, set.complexity)
}

func newEncoder(rate, bitrate, complexity int) (*Encoder, error) {
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: rate, Channels: 1, Application: gopus.ApplicationVoIP})
	if err != nil {
		return nil, fmt.Errorf("opus: encoder: %w", err)
	}
	if err = enc.SetBitrate(bitrate); err == nil {
		err = enc.SetComplexity(complexity)
	}
	if err == nil {
		err = enc.SetSignal(gopus.SignalVoice)
	}
	if err != nil {
		return nil, fmt.Errorf("opus: encoder: %w", err)
	}
	return &Encoder{enc: enc, rate: rate}, nil
}

// Rate of the PCM, Hz. The RTP clock is 48000 all the same (RFC 7587 section 4.1).
func (e *Encoder) Rate() int { return e.rate }

// Encode appends the packet of one frame of 10, 20, 40 or 60 ms to dst; PCM of another length appends nothing. It allocates only if dst lacks room.
func (e *Encoder) Encode(dst []byte, pcm []int16) []byte {
	if len(pcm) != e.frame {
		if len(pcm) == 0 || e.enc.SetFrameSize(len(pcm)) != nil {
			return dst
		}
		e.frame = len(pcm)
	}
	n, err := e.enc.EncodeInt16(pcm, e.buf[:])
	if err != nil {
		return dst
	}
	return append(dst, e.buf[:n]...)
}

// Decoder of one stream.
type Decoder struct {
	dec  *gopus.Decoder
	rate int
	last int // samples of the last packet
}

// NewDecoder starts a stream that is heard at the given rate, Hz, whatever the sender's was, and in mono, whatever it sent; ErrRate.
func NewDecoder(rate int) (*Decoder, error) {
	if _, ok := settings[rate]; !ok {
		return nil, fmt.Errorf("%w: %d", ErrRate, rate)
	}
	dec, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(rate, 1))
	if err != nil {
		return nil, fmt.Errorf("opus: decoder: %w", err)
	}
	return &Decoder{dec: dec, rate: rate, last: rate / 50}, nil
}

// Rate of the PCM, Hz.
func (d *Decoder) Rate() int { return d.rate }

// Decode appends the samples of a packet. One that is not Opus is concealed like a lost one. It allocates only if dst lacks room.
func (d *Decoder) Decode(dst []int16, packet []byte) []int16 {
	want := Samples(packet, d.rate)
	if want == 0 {
		return d.Conceal(dst, d.last)
	}
	from := len(dst)
	dst = grow(dst, want)
	n, err := d.dec.DecodeInt16(packet, dst[from:])
	if err != nil || n != want {
		return d.Conceal(dst[:from], d.last)
	}
	d.last = want
	return dst
}

// Conceal appends what is heard in place of n lost samples, as the decoder makes it up from what came before.
func (d *Decoder) Conceal(dst []int16, n int) []int16 {
	step := d.rate / 400 // the decoder works in steps of 2.5 ms
	for n > 0 {
		part := min(n, d.rate/1000*maxMillis)
		from := len(dst)
		dst = grow(dst, part)
		got := 0
		if whole := part / step * step; whole > 0 {
			var err error
			if got, err = d.dec.DecodeInt16(nil, dst[from:from+whole]); err != nil {
				got = 0
			}
		}
		clear(dst[from+got:])
		n -= part
	}
	return dst
}

func grow(dst []int16, n int) []int16 {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}

// Samples that a packet holds at a rate, by its first two octets (RFC 6716 section 3.1); 0 if it is none or longer than 120 ms.
func Samples(packet []byte, rate int) int {
	if len(packet) == 0 {
		return 0
	}
	count := 2
	switch packet[0] & 3 {
	case 0:
		count = 1
	case 3:
		if len(packet) < 2 {
			return 0
		}
		count = int(packet[1] & 0x3f)
	}
	n := count * rate / 400 * quarters(packet[0]>>3)
	if n > rate/1000*maxMillis {
		return 0
	}
	return n
}

// quarters is the length of one frame in steps of 2.5 ms by its configuration (RFC 6716 table 2).
func quarters(config byte) int {
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [...]int{4, 8, 16, 24}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		return [...]int{4, 8}[config&1]
	}
	return [...]int{1, 2, 4, 8}[config&3] // CELT
}
