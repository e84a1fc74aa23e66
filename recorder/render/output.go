package render

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// output is the WAV file: a mixing window of some seconds that moves forward.
type output struct {
	w       io.Writer
	at      int64 // samples written of each channel
	mixed   [2][]int32
	have    [2][]bool
	covered func(channel int, from, to int64, have bool)
	bytes   []byte
	written int64
}

// header writes the 44 bytes of a canonical WAV file (RIFF, PCM, 16 bit, two channels).
func (o *output) header(rate int, samples int64) error {
	size := samples * 4
	if size > math.MaxUint32-36 {
		return fmt.Errorf("%d samples are too many for a WAV file", samples)
	}
	b := make([]byte, 0, 44)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(36+size))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 2) // channels
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*4))
	b = binary.LittleEndian.AppendUint16(b, 4) // bytes per sample of both channels
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	n, err := o.w.Write(b)
	o.written += int64(n)
	return err
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
	left, right := o.mixed[0][:n], o.mixed[1][:n]
	for i := range n {
		o.bytes = binary.LittleEndian.AppendUint16(o.bytes, uint16(clip(left[i])))
		o.bytes = binary.LittleEndian.AppendUint16(o.bytes, uint16(clip(right[i])))
	}
	for c := range o.mixed {
		o.mixed[c] = shift(o.mixed[c], n)
		o.have[c] = shift(o.have[c], n)
	}
	o.at = to
	wrote, err := o.w.Write(o.bytes)
	o.written += int64(wrote)
	return err
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
