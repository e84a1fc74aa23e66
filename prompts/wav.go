package prompts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"naisen/media/codec/g711"
	"naisen/media/codec/resample"
)

// Canonical form of every announcement, and the bounds on what is taken.
const (
	Rate       = 16000 // Hz, 16 bit, mono, little endian
	maxBody    = 20 << 20
	maxSeconds = 5 * 60
	minMillis  = 100
	minPeak    = 256 // about -42 dBFS: below this it is silence
	maxChunks  = 64
	headerSize = 44 // of a canonical file

	maxCanonical = headerSize + (maxSeconds+1)*2*Rate
	minInRate    = 8000
	maxInRate    = 96000
)

// Encodings of the fmt chunk.
const (
	formatPCM        = 1
	formatFloat      = 3
	formatALaw       = 6
	formatULaw       = 7
	formatExtensible = 0xfffe
)

func badAudio(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadAudio, fmt.Sprintf(format, args...))
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTooLarge, fmt.Sprintf(format, args...))
}

// bounded stops a body at maxBody and when ctx ends.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left <= 0 {
		return 0, tooLarge("more than %d MB", maxBody>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// wave is the fmt chunk.
type wave struct {
	encoding, channels, bits int
	rate                     int
}

// decodeWAV reads a WAV file (RIFF, PCM of 8 to 32 bits, float, A-law or µ-law; mono or stereo) and gives canonical samples.
// It believes nothing that the file says of itself before it has checked it, and holds no more than the canonical samples in memory.
// ErrBadAudio or ErrTooLarge with the reason; ctx.Err().
func decodeWAV(ctx context.Context, r io.Reader) ([]int16, error) {
	in := bufio.NewReaderSize(&bounded{ctx, r, maxBody + 1}, 32<<10)
	var head [12]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, cut(err, "too short for a WAV file")
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, badAudio("not a WAV file")
	}
	var format *wave
	for range maxChunks {
		var chunk [8]byte
		if _, err := io.ReadFull(in, chunk[:]); err != nil {
			return nil, cut(err, "no audio data in it")
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		if size > maxBody {
			return nil, tooLarge("a chunk of %d bytes", size)
		}
		switch string(chunk[:4]) {
		case "fmt ":
			var err error
			if format, err = readFormat(in, size); err != nil {
				return nil, err
			}
			continue
		case "data":
			if format == nil {
				return nil, badAudio("audio data before its format")
			}
			return format.samples(in, size)
		}
		if _, err := io.CopyN(io.Discard, in, size+size&1); err != nil {
			return nil, cut(err, "file is cut off")
		}
	}
	return nil, badAudio("more than %d chunks", maxChunks)
}

// cut names the end of a file; other errors stay what they are.
func cut(err error, reason string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badAudio("%s", reason)
	}
	return err
}

func readFormat(in io.Reader, size int64) (*wave, error) {
	if size < 16 || size > 128 {
		return nil, badAudio("format of %d bytes", size)
	}
	b := make([]byte, size+size&1)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, cut(err, "file is cut off")
	}
	w := &wave{
		encoding: int(binary.LittleEndian.Uint16(b)), channels: int(binary.LittleEndian.Uint16(b[2:])),
		bits: int(binary.LittleEndian.Uint16(b[14:])),
	}
	if w.encoding == formatExtensible {
		if size < 40 {
			return nil, badAudio("extensible format of %d bytes", size)
		}
		w.encoding = int(binary.LittleEndian.Uint16(b[24:]))
	}
	rate := binary.LittleEndian.Uint32(b[4:])
	if rate < minInRate || rate > maxInRate {
		return nil, badAudio("sample rate of %d Hz; %d to %d can be used", rate, minInRate, maxInRate)
	}
	w.rate = int(rate)
	if w.channels != 1 && w.channels != 2 {
		return nil, badAudio("%d channels; mono or stereo can be used", w.channels)
	}
	if w.reader() == nil {
		return nil, badAudio("encoding %d with %d bits", w.encoding, w.bits)
	}
	if align := int(binary.LittleEndian.Uint16(b[12:])); align != w.channels*w.bits/8 {
		return nil, badAudio("block of %d bytes for %d channels of %d bits", align, w.channels, w.bits)
	}
	return w, nil
}

// reader gives the function that reads one sample of the encoding; nil if there is none.
func (w *wave) reader() func([]byte) int {
	switch {
	case w.encoding == formatPCM && w.bits == 8:
		return func(b []byte) int { return (int(b[0]) - 128) << 8 }
	case w.encoding == formatPCM && w.bits == 16:
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b))) }
	case w.encoding == formatPCM && w.bits == 24:
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b[1:]))) }
	case w.encoding == formatPCM && w.bits == 32:
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b[2:]))) }
	case w.encoding == formatFloat && w.bits == 32:
		return func(b []byte) int { return fromFloat(math.Float32frombits(binary.LittleEndian.Uint32(b))) }
	case w.encoding == formatALaw && w.bits == 8:
		return func(b []byte) int { return int(g711.DecodeA(nil, b[:1])[0]) }
	case w.encoding == formatULaw && w.bits == 8:
		return func(b []byte) int { return int(g711.DecodeU(nil, b[:1])[0]) }
	}
	return nil
}

func fromFloat(f float32) int {
	switch {
	case f >= 1:
		return math.MaxInt16
	case f <= -1:
		return math.MinInt16
	case f != f: // not a number
		return 0
	}
	return int(f * math.MaxInt16)
}

// samples reads the data chunk, makes it mono and canonical, and checks that it is something to hear.
func (w *wave) samples(in io.Reader, size int64) ([]int16, error) {
	block := w.channels * w.bits / 8
	count := size / int64(block)
	if count > int64(w.rate)*maxSeconds {
		return nil, tooLarge("%d s long; %d can be used", count/int64(w.rate), maxSeconds)
	}
	if count*1000/int64(w.rate) < minMillis {
		return nil, badAudio("shorter than %d ms", minMillis)
	}
	resampler, err := resample.New(w.rate, Rate)
	if err != nil {
		return nil, badAudio("sample rate of %d Hz", w.rate)
	}
	out := make([]int16, 0, count*Rate/int64(w.rate)+1024)
	raw, mono, sample := make([]byte, 4096*block), make([]int16, 0, 4096), w.reader()
	for left := count * int64(block); left > 0; {
		part := raw[:min(left, int64(len(raw)))]
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, cut(err, "file is cut off")
		}
		left -= int64(len(part))
		mono = mono[:0]
		for at := 0; at < len(part); at += block {
			v := sample(part[at:])
			if w.channels == 2 {
				v = (v + sample(part[at+block/2:])) / 2
			}
			mono = append(mono, int16(v))
		}
		out = resampler.Process(out, mono)
	}
	out = resampler.Flush(out)
	if p := peak(out); p < minPeak {
		return nil, badAudio("nothing to hear: peak of %d", p)
	}
	return out, nil
}

func peak(pcm []int16) int {
	best := 0
	for _, s := range pcm {
		best = max(best, int(s), -int(s))
	}
	return best
}

// Decode reads a WAV file as an upload is read: bounded, checked, and made canonical samples. ErrBadAudio or ErrTooLarge with the reason; ctx.Err().
func Decode(ctx context.Context, r io.Reader) ([]int16, error) { return decodeWAV(ctx, r) }

// Encode gives the canonical file of samples.
func Encode(pcm []int16) []byte { return encodeWAV(pcm) }

// encodeWAV gives the canonical file.
func encodeWAV(pcm []int16) []byte {
	b := append(make([]byte, 0, headerSize+2*len(pcm)), header(2*len(pcm))...)
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// header of a canonical file with so many bytes of audio.
func header(data int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), uint32(headerSize-8+data))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, formatPCM), 1)
	b = le.AppendUint32(le.AppendUint32(b, Rate), 2*Rate)
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	return le.AppendUint32(append(b, "data"...), uint32(data))
}

// canonical gives the audio of a file that is canonical to the octet, as all stored ones are. ErrBadAudio for any other.
func canonical(file []byte) ([]byte, error) {
	data := len(file) - headerSize
	if data < 0 || len(file) > maxCanonical || !bytes.Equal(file[:headerSize], header(data)) {
		return nil, badAudio("not a stored announcement")
	}
	return file[headerSize:], nil
}
