package watermark

import (
	"fmt"
	"io"
	"math"
)

// blockHops is how much of a copy is made at a time: half a second. What is read for it beyond its ends is 3 %.
const blockHops = 32

// marked is a copy: the file that it is of, with other samples.
type marked struct {
	plain  io.ReaderAt
	size   int64
	layout layout
	shaper *shaper
	hop    int64 // samples
	length int64 // of a block, samples

	have  int64 // the block in bytes, whose samples are in; -1: none
	bytes []byte

	raw     []byte
	pcm     []int16
	in, sum []complex128
}

// headed is a file whose first bytes are in memory: they are looked at before anything is asked for, and often again.
type headed struct {
	io.ReaderAt
	head []byte
}

// ReadAt implements io.ReaderAt.
func (h *headed) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(h.head)) {
		if n = copy(p, h.head[off:]); n == len(p) {
			return n, nil
		}
	}
	m, err := h.ReaderAt.ReadAt(p[n:], off+int64(n))
	return n + m, err
}

// Copy is a WAV file of 8 or 16 kHz and one or two channels as the listening of that number hears it: as long, with the same head, and other samples.
// What it returns is for one goroutine; nothing is read before it is asked for, but the head. Who reads it in order has the file read in order, each
// octet once: behind the file may be another process, which is asked anew for each jump. ErrFormat: the file is another one.
func (k *Key) Copy(plain io.ReaderAt, size int64, id ID) (io.ReaderAt, error) {
	head := make([]byte, min(size, maxHead))
	if n, err := plain.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	plain = &headed{plain, head}
	l, err := readLayout(plain, size)
	if err != nil {
		return nil, err
	}
	scale := l.rate / baseRate
	if l.rate%baseRate != 0 || scale < 1 || scale > 2 || l.channels > 2 {
		return nil, fmt.Errorf("a recording of %d Hz and %d channels: %w", l.rate, l.channels, ErrFormat)
	}
	m := &marked{plain: plain, size: size, layout: l, shaper: newShaper(k, id, scale), hop: int64(hop * scale), length: int64(blockHops * hop * scale), have: -1}
	m.in = make([]complex128, m.length+2*m.hop)
	m.sum = make([]complex128, len(m.in))
	return m, nil
}

// ReadAt implements io.ReaderAt.
func (m *marked) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= m.size {
		return 0, io.EOF
	}
	var err error
	if most := m.size - off; int64(len(p)) >= most {
		p, err = p[:most], io.EOF
	}
	n := 0
	for n < len(p) {
		got, bad := m.some(p[n:], off+int64(n))
		n += got
		if bad != nil {
			return n, bad
		}
	}
	return n, err
}

// some reads up to the end of the head, of a block, or of what follows the samples.
func (m *marked) some(p []byte, off int64) (int, error) {
	in := off - m.layout.at
	switch {
	case in < 0:
		return m.asIs(p[:min(int64(len(p)), -in)], off)
	case in >= m.layout.size:
		return m.asIs(p, off)
	}
	width := m.length * m.layout.block()
	if number := in / width; number != m.have {
		if err := m.make(number); err != nil {
			return 0, err
		}
	}
	return copy(p, m.bytes[in%width:]), nil
}

func (m *marked) asIs(p []byte, off int64) (int, error) {
	n, err := m.plain.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// make makes one block of the copy.
func (m *marked) make(number int64) error {
	known := int64(0) // samples at the beginning that the block before has read
	if m.have >= 0 && number == m.have+1 {
		known = int64(copy(m.in, m.in[m.length:]))
	}
	m.have = -1
	if err := m.take(number*m.length-m.hop, known); err != nil {
		return err
	}
	clear(m.sum)
	for f := range int64(blockHops + 1) { // the first one began before the block
		at := f * m.hop
		m.shaper.frame(m.sum[at:], m.in[at:at+2*m.hop], number*blockHops+f-1)
	}
	count := min(m.length, m.layout.samples()-number*m.length)
	m.pcm = m.pcm[:0]
	for _, v := range m.sum[m.hop : m.hop+count] {
		m.pcm = append(m.pcm, whole(real(v)))
		if m.layout.channels == 2 {
			m.pcm = append(m.pcm, whole(imag(v)))
		}
	}
	m.bytes, m.have = m.layout.encode(m.bytes[:0], m.pcm), number
	return nil
}

// take reads the samples from a place on that a block needs, behind those that are known; before and behind the recording is silence.
func (m *marked) take(from, known int64) error {
	clear(m.in[known:])
	first, last := max(from+known, 0), min(from+int64(len(m.in)), m.layout.samples())
	if first >= last {
		return nil
	}
	width := m.layout.block()
	m.raw = append(m.raw[:0], make([]byte, (last-first)*width)...)
	if _, err := m.asIs(m.raw, m.layout.at+first*width); err != nil {
		return err
	}
	m.pcm = m.layout.decode(m.pcm[:0], m.raw)
	for i := range last - first {
		if m.layout.channels == 2 {
			m.in[first-from+i] = complex(float64(m.pcm[2*i]), float64(m.pcm[2*i+1]))
		} else {
			m.in[first-from+i] = complex(float64(m.pcm[i]), 0)
		}
	}
	return nil
}

func whole(v float64) int16 {
	return int16(min(max(math.Round(v), math.MinInt16), math.MaxInt16))
}
