package watermark

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"naisen/media/codec/g711"
)

// ErrFormat says that a file is not of a kind that can be marked or searched.
var ErrFormat = errors.New("watermark: audio of an unknown kind")

// Law is how samples are written.
type Law string

// Laws of samples.
const (
	Linear Law = "linear" // 16 bit, little-endian
	ULaw   Law = "ulaw"
	ALaw   Law = "alaw"
)

// layout is where samples are in a file, and how they are written.
type layout struct {
	law      Law
	rate     int // Hz
	channels int
	at, size int64 // of the data, bytes; size is a whole number of blocks
}

// block is the size of one sample of all channels.
func (l layout) block() int64 {
	if l.law == Linear {
		return 2 * int64(l.channels)
	}
	return int64(l.channels)
}

// samples of each channel.
func (l layout) samples() int64 { return l.size / l.block() }

const (
	maxHead  = 64 << 10 // what is read in search of the data
	maxChans = 8
)

// Format tags (RFC 2361).
const (
	tagLinear     = 1
	tagALaw       = 6
	tagULaw       = 7
	tagExtensible = 0xfffe // the tag is the first two bytes of the sub-format
)

// readLayout reads the head of a WAV file, which may be of any length up to maxHead before its data.
func readLayout(r io.ReaderAt, size int64) (layout, error) {
	var l layout
	head := make([]byte, min(size, maxHead))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return l, err
	}
	if len(head) < 12 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WAVE" {
		return l, fmt.Errorf("no WAV file: %w", ErrFormat)
	}
	for at := 12; at+8 <= len(head); {
		name, n := string(head[at:at+4]), int64(binary.LittleEndian.Uint32(head[at+4:]))
		at += 8
		switch name {
		case "fmt ":
			if n < 16 || int64(at)+n > int64(len(head)) {
				return l, fmt.Errorf("a format of %d bytes: %w", n, ErrFormat)
			}
			if err := l.format(head[at : at+int(n)]); err != nil {
				return l, err
			}
		case "data":
			if l.rate == 0 {
				return l, fmt.Errorf("data before their format: %w", ErrFormat)
			}
			l.at, l.size = int64(at), min(n, size-int64(at)) // a stream's length may be a lie
			l.size -= l.size % l.block()
			return l, nil
		}
		if n > maxHead {
			break
		}
		at += int(n + n&1)
	}
	return l, fmt.Errorf("a WAV file without data: %w", ErrFormat)
}

func (l *layout) format(b []byte) error {
	tag, bits := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[14:])
	if tag == tagExtensible && len(b) >= 26 {
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	l.channels, l.rate = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	switch {
	case tag == tagLinear && bits == 16:
		l.law = Linear
	case tag == tagULaw && bits == 8:
		l.law = ULaw
	case tag == tagALaw && bits == 8:
		l.law = ALaw
	default:
		return fmt.Errorf("samples of tag %d and %d bits: %w", tag, bits, ErrFormat)
	}
	if l.channels < 1 || l.channels > maxChans || l.rate < 4000 || l.rate > 192000 {
		return fmt.Errorf("%d channels at %d Hz: %w", l.channels, l.rate, ErrFormat)
	}
	return nil
}

// decode appends samples, all channels in turn.
func (l layout) decode(dst []int16, b []byte) []int16 {
	switch l.law {
	case ULaw:
		return g711.DecodeU(dst, b)
	case ALaw:
		return g711.DecodeA(dst, b)
	}
	for i := 0; i+1 < len(b); i += 2 {
		dst = append(dst, int16(binary.LittleEndian.Uint16(b[i:])))
	}
	return dst
}

// encode appends the bytes of samples.
func (l layout) encode(dst []byte, pcm []int16) []byte {
	switch l.law {
	case ULaw:
		return g711.EncodeU(dst, pcm)
	case ALaw:
		return g711.EncodeA(dst, pcm)
	}
	for _, s := range pcm {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(s))
	}
	return dst
}
