package render

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"naisen/media"
	"naisen/media/codec/g711"
)

// output is the WAV file: a mixing window of some seconds that moves forward.
type output struct {
	w       io.Writer
	mono    bool        // the left channel alone
	law     media.Codec // PCMU, PCMA: as these octets; empty: 16 bit linear
	narrow  []int16
	at      int64 // samples written of each channel
	mixed   [2][]int32
	have    [2][]bool
	covered func(channel int, from, to int64, have bool)
	bytes   []byte
	written int64
	odd     bool   // the data's length is
	peaks   *peaks // nil: nobody wants them
}

// The format tags of WAV files (RFC 2361).
const (
	tagPCM  = 1
	tagALaw = 6
	tagULaw = 7
)

// layout is the format tag, the channels, and the bytes of one sample of a channel.
func (o *output) layout() (tag, channels, size int) {
	channels = 2
	if o.mono {
		channels = 1
	}
	switch o.law {
	case media.PCMU:
		return tagULaw, channels, 1
	case media.PCMA:
		return tagALaw, channels, 1
	}
	return tagPCM, channels, 2
}

// header writes the head of a canonical WAV file: 44 bytes for linear samples, 58 with the length of G.711.
func (o *output) header(rate int, samples int64) error {
	tag, channels, width := o.layout()
	block := channels * width
	size := samples * int64(block)
	if size > math.MaxUint32-64 {
		return fmt.Errorf("%d samples are too many for a WAV file", samples)
	}
	pad := size & 1 // a chunk ends on an even place
	b := make([]byte, 0, 64)
	b = binary.LittleEndian.AppendUint32(append(b, "WAVEfmt "...), 16)
	if tag != tagPCM { // what is not linear has the longer form and a fact chunk
		binary.LittleEndian.PutUint32(b[8:], 18)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*block))
	b = binary.LittleEndian.AppendUint16(b, uint16(block))
	b = binary.LittleEndian.AppendUint16(b, uint16(8*width))
	if tag != tagPCM {
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = binary.LittleEndian.AppendUint32(append(b, "fact"...), 4)
		b = binary.LittleEndian.AppendUint32(b, uint32(samples))
	}
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(size))
	o.odd = pad == 1
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(int64(len(b))+size+pad))
	return o.write(append(head, b...))
}

func (o *output) write(b []byte) error {
	n, err := o.w.Write(b)
	o.written += int64(n)
	return err
}

// end writes what a file of an odd length needs.
func (o *output) end() error {
	if !o.odd {
		return nil
	}
	return o.write([]byte{0})
}

// mix adds samples at a place that is not written yet; what lies before is left out.
func (o *output) mix(channel int, at int64, pcm []int16) {
	if at < o.at {
		if o.at-at >= int64(len(pcm)) {
			return
		}
		pcm, at = pcm[o.at-at:], o.at
	}
	from := int(at - o.at)
	o.grow(channel, from+len(pcm))
	mixed, have := o.mixed[channel][from:], o.have[channel][from:]
	for i, s := range pcm {
		mixed[i] += int32(s)
		have[i] = true
	}
}

func (o *output) grow(channel, n int) {
	o.mixed[channel], o.have[channel] = longer(o.mixed[channel], n), longer(o.have[channel], n)
}

// longer brings a window to n values at least, the new ones zero, in the room that it has. (append of make would do the same, but not with
// the race detector, under which it allocates each time.)
func longer[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	s = slices.Grow(s, n-len(s))
	clear(s[len(s):n])
	return s[:n]
}

// emit writes everything before a place.
func (o *output) emit(to int64) error {
	n := int(to - o.at)
	if n <= 0 {
		return nil
	}
	o.bytes = o.bytes[:0]
	for c := range o.mixed {
		o.grow(c, n)
		o.report(c, o.have[c][:n])
	}
	o.encode(n)
	if o.peaks != nil {
		o.peaks.take(o.mixed[0][:n], o.mixed[1][:n])
	}
	for c := range o.mixed {
		o.mixed[c] = shift(o.mixed[c], n)
		o.have[c] = shift(o.have[c], n)
	}
	o.at = to
	return o.write(o.bytes)
}

// encode makes the bytes of the next n samples.
func (o *output) encode(n int) {
	left, right := o.mixed[0][:n], o.mixed[1][:n]
	switch {
	case o.law != "":
		o.narrow = o.narrow[:0]
		for _, s := range left {
			o.narrow = append(o.narrow, clip(s))
		}
		if o.law == media.PCMU {
			o.bytes = g711.EncodeU(o.bytes, o.narrow)
		} else {
			o.bytes = g711.EncodeA(o.bytes, o.narrow)
		}
	case o.mono:
		for _, s := range left {
			o.bytes = binary.LittleEndian.AppendUint16(o.bytes, uint16(clip(s)))
		}
	default:
		for i := range n {
			o.bytes = binary.LittleEndian.AppendUint16(o.bytes, uint16(clip(left[i])))
			o.bytes = binary.LittleEndian.AppendUint16(o.bytes, uint16(clip(right[i])))
		}
	}
}

// report tells runs of covered and uncovered samples.
func (o *output) report(channel int, have []bool) {
	from := 0
	for i := 1; i <= len(have); i++ {
		if i == len(have) || have[i] != have[from] {
			o.covered(channel, o.at+int64(from), o.at+int64(i), have[from])
			from = i
		}
	}
}

// shift drops the first n and leaves zeroes behind the rest, because the room is used again.
func shift[T any](s []T, n int) []T {
	kept := copy(s, s[n:])
	clear(s[kept:])
	return s[:kept]
}

func clip(n int32) int16 {
	return int16(max(min(n, math.MaxInt16), math.MinInt16))
}
