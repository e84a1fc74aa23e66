package prompts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"naisen/media/codec/g711"
	"naisen/media/mediatest"
)

// wav builds a file: the format fields as given, the data as it is.
func wav(encoding, channels, bits int, rate uint32, data []byte) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVE")
	b = append(b, "LIST\x05\x00\x00\x00INFOx\x00"...) // an odd chunk that must be skipped with its padding
	b = append(b, "fmt \x10\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(encoding))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*uint32(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func bytes16(pcm []int16) []byte {
	var b []byte
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

func tone16(rate, millis int) []byte { return bytes16(mediatest.Sine(rate, 440, 12000, millis)) }

// Every encoding that people upload comes out as the same tone at the same level.
func TestDecodeWAV(t *testing.T) {
	sine := func(rate int) []int16 { return mediatest.Sine(rate, 440, 12000, 500) }
	each := func(rate int, f func([]byte, int16) []byte) (b []byte) {
		for _, s := range sine(rate) {
			b = f(b, s)
		}
		return b
	}
	extensible := func() []byte {
		b := wav(1, 1, 16, 16000, tone16(16000, 500))
		at := bytes.Index(b, []byte("fmt "))
		body := append([]byte(nil), b[at+8:at+24]...)
		binary.LittleEndian.PutUint16(body, formatExtensible)
		body = append(body, 22, 0, 16, 0, 4, 0, 0, 0, 1, 0)
		body = append(body, make([]byte, 14)...)
		out := append(append([]byte(nil), b[:at]...), "fmt \x28\x00\x00\x00"...)
		return append(append(out, body...), b[at+24:]...)
	}
	for name, file := range map[string][]byte{
		"16 kHz mono":   wav(1, 1, 16, 16000, tone16(16000, 500)),
		"8 kHz":         wav(1, 1, 16, 8000, tone16(8000, 500)),
		"44.1 kHz":      wav(1, 1, 16, 44100, tone16(44100, 500)),
		"48 kHz stereo": wav(1, 2, 16, 48000, each(48000, func(b []byte, s int16) []byte { return append(b, bytes16([]int16{s, s})...) })),
		"8 bit":         wav(1, 1, 8, 16000, each(16000, func(b []byte, s int16) []byte { return append(b, byte(s>>8)+128) })),
		"24 bit":        wav(1, 1, 24, 48000, each(48000, func(b []byte, s int16) []byte { return append(b, 0, byte(s), byte(s>>8)) })),
		"32 bit":        wav(1, 1, 32, 48000, each(48000, func(b []byte, s int16) []byte { return append(b, 0, 0, byte(s), byte(s>>8)) })),
		"float": wav(3, 1, 32, 48000, each(48000, func(b []byte, s int16) []byte {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(s)/32768))
		})),
		"A-law":      wav(6, 1, 8, 8000, g711.EncodeA(nil, sine(8000))),
		"µ-law":      wav(7, 1, 8, 8000, g711.EncodeU(nil, sine(8000))),
		"extensible": extensible(),
	} {
		pcm, err := decodeWAV(context.Background(), bytes.NewReader(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(pcm) != Rate/2 || mediatest.ToneIn(pcm, Rate, 440) < 0.99 || math.Abs(mediatest.Amplitude(pcm, Rate, 440)-12000) > 200 {
			t.Errorf("%s: %d samples, amplitude %.0f", name, len(pcm), mediatest.Amplitude(pcm, Rate, 440))
		}
	}
}

// endless is a body of harmless chunks without an end; it counts what was taken of it.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	const chunk = 1 << 20
	head := "junk\xf8\xff\x0f\x00" // of chunk-8 bytes
	for i := range p {
		switch at := e.n; {
		case at < 12:
			p[i] = "RIFF\x00\x00\x00\x00WAVE"[at]
		case (at-12)%chunk < 8:
			p[i] = head[(at-12)%chunk]
		default:
			p[i] = 0
		}
		e.n++
	}
	return len(p), nil
}

// G9: what people (and others) upload that is no announcement.
func TestRefusedAudio(t *testing.T) {
	good := wav(1, 1, 16, 16000, tone16(16000, 500))
	says := func(size uint32) []byte {
		b := append([]byte(nil), good...)
		binary.LittleEndian.PutUint32(b[bytes.LastIndex(b, []byte("data"))+4:], size)
		return b
	}
	field := func(at int, v uint16) []byte {
		b := append([]byte(nil), good...)
		binary.LittleEndian.PutUint16(b[bytes.Index(b, []byte("fmt "))+8+at:], v)
		return b
	}
	for _, c := range []struct {
		name   string
		file   []byte
		err    error
		reason string
	}{
		{"empty", nil, ErrBadAudio, "too short"},
		{"HLS text", []byte("#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n"), ErrBadAudio, "not a WAV"},
		{"zip", append([]byte("PK\x03\x04"), make([]byte, 100)...), ErrBadAudio, "not a WAV"},
		{"MP3", append([]byte("ID3\x04"), make([]byte, 100)...), ErrBadAudio, "not a WAV"},
		{"AVI", append([]byte("RIFF\x00\x00\x00\x00AVI "), make([]byte, 100)...), ErrBadAudio, "not a WAV"},
		{"4 GB header", says(0xffffffff), ErrTooLarge, "4294967295"},
		{"says more than there is", says(1 << 20), ErrBadAudio, "cut off"},
		{"0 channels", field(2, 0), ErrBadAudio, "0 channels"},
		{"6 channels", field(2, 6), ErrBadAudio, "6 channels"},
		{"1 GHz", wav(1, 1, 16, 1_000_000_000, tone16(16000, 500)), ErrBadAudio, "1000000000 Hz"},
		{"0 Hz", wav(1, 1, 16, 0, tone16(16000, 500)), ErrBadAudio, "0 Hz"},
		{"44,101 Hz", wav(1, 1, 16, 44101, tone16(44100, 500)), ErrBadAudio, "44101 Hz"},
		{"0 bits", field(14, 0), ErrBadAudio, "0 bits"},
		{"ADPCM", field(0, 2), ErrBadAudio, "encoding 2"},
		{"wrong block", field(12, 9), ErrBadAudio, "block of 9"},
		{"six minutes", wav(1, 1, 8, 8000, make([]byte, 8000*360)), ErrTooLarge, "360 s"},
		{"a blink", wav(1, 1, 16, 16000, tone16(16000, 50)), ErrBadAudio, "shorter"},
		{"no samples", wav(1, 1, 16, 16000, nil), ErrBadAudio, "shorter"},
		{"silence", wav(1, 1, 16, 16000, make([]byte, 32000)), ErrBadAudio, "nothing to hear"},
		{"data first", append([]byte("RIFF\x00\x00\x00\x00WAVEdata\x04\x00\x00\x00"), 1, 2, 3, 4), ErrBadAudio, "before its format"},
		{"chunks without end", append([]byte("RIFF\x00\x00\x00\x00WAVE"), bytes.Repeat([]byte("junk\x00\x00\x00\x00"), 100)...), ErrBadAudio, "chunks"},
		{"huge format", append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\x00\x00"), make([]byte, 70000)...), ErrBadAudio, "format of"},
	} {
		_, err := decodeWAV(context.Background(), bytes.NewReader(c.file))
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestEndlessBody(t *testing.T) {
	body := &endless{}
	if _, err := decodeWAV(context.Background(), body); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if body.n > maxBody+64<<10 {
		t.Errorf("%d bytes read of an endless body", body.n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := decodeWAV(ctx, body); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCanonicalRoundTrip(t *testing.T) {
	pcm := mediatest.Sine(Rate, 700, 9000, 300)
	back, err := decodeWAV(context.Background(), bytes.NewReader(encodeWAV(pcm)))
	if err != nil || !slices.Equal(back, pcm) {
		t.Errorf("canonical audio changes: %v", err)
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wav(1, 2, 16, 44100, tone16(44100, 120)))
	f.Add(wav(7, 1, 8, 8000, bytes.Repeat([]byte{0x80, 0}, 500)))
	f.Add(wav(3, 1, 32, 48000, bytes.Repeat([]byte{0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x3f}, 5000)))
	f.Fuzz(func(t *testing.T, file []byte) {
		pcm, err := decodeWAV(context.Background(), bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, ErrBadAudio) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error without a kind: %v", err)
			}
			return
		}
		if len(pcm) > Rate*maxSeconds+Rate || len(pcm) == 0 || peak(pcm) < minPeak {
			t.Fatalf("%d samples", len(pcm))
		}
	})
}
