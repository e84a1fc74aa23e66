package watermark

import (
	"fmt"
	"io"
	"time"

	"naisen/media/codec/resample"
)

// File is audio that turned up somewhere.
type File struct {
	r      io.ReaderAt
	layout layout
}

// OpenFile opens a WAV file of 16 bit, µ-law or A-law, any usual rate. ErrFormat: it is something else.
func OpenFile(r io.ReaderAt, size int64) (*File, error) {
	l, err := readLayout(r, size)
	if err != nil {
		return nil, err
	}
	return &File{r, l}, nil
}

// OpenRaw opens audio without a head: one channel of 8 kHz.
func OpenRaw(r io.ReaderAt, size int64, law Law) *File {
	l := layout{law: law, rate: baseRate, channels: 1}
	l.size = size - size%l.block()
	return &File{r, l}
}

// Length of the audio.
func (f *File) Length() time.Duration {
	return time.Duration(float64(f.layout.samples()) / float64(f.layout.rate) * float64(time.Second))
}

// both stands for all channels together.
const both = -1

// stretch gives samples of 8 kHz: of one channel, or of all added up.
func (f *File) stretch(from, seconds, channel int) ([]int16, error) {
	first := int64(from) * int64(f.layout.rate)
	last := min(first+int64(seconds)*int64(f.layout.rate), f.layout.samples())
	if first >= last {
		return nil, nil
	}
	width := f.layout.block()
	raw := make([]byte, (last-first)*width)
	if n, err := f.r.ReadAt(raw, f.layout.at+first*width); n < len(raw) {
		return nil, fmt.Errorf("watermark: read: %w", err)
	}
	all := f.layout.decode(make([]int16, 0, len(raw)), raw)
	pcm := make([]int16, 0, last-first)
	for at := 0; at < len(all); at += f.layout.channels {
		if channel != both {
			pcm = append(pcm, all[at+channel])
			continue
		}
		sum := 0
		for _, s := range all[at : at+f.layout.channels] {
			sum += int(s)
		}
		pcm = append(pcm, int16(min(max(sum, -1<<15), 1<<15-1)))
	}
	if f.layout.rate == baseRate {
		return pcm, nil
	}
	pcm, err := resample.All(pcm, f.layout.rate, baseRate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return pcm, nil
}
