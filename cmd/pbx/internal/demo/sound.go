package demo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// audible is the share of the power from which on a tone is what one hears.
const audible = 0.5

// share is the part of the audio's power that lies at one frequency, 0 to 1, by Goertzel's algorithm; 0 for silence.
func share(pcm []int16, hz float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/rate)
	var s1, s2, total float64
	for _, v := range pcm {
		x := float64(v)
		s1, s2 = x+k*s1-s2, s1
		total += x * x
	}
	if total == 0 {
		return 0
	}
	return min(2*(s1*s1+s2*s2-k*s1*s2)/(float64(len(pcm))*total), 1)
}

// windows is the part of the audio's 20 ms windows in which a tone is clear, 0 to 1.
func windows(pcm []int16, hz float64) float64 {
	const size = int(rate * frameTime / time.Second)
	n, good := 0, 0
	for ; len(pcm) >= size; pcm = pcm[size:] {
		if n++; share(pcm[:size], hz) >= audible {
			good++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(good) / float64(n)
}

// stereo is a recording: left the caller, right the called side.
type stereo struct{ left, right []int16 }

func (s stereo) length() time.Duration { return time.Duration(len(s.left)) * time.Second / rate }

var errWAV = errors.New("no WAV of 16 bit, two channels, 8 kHz")

// readWAV reads the canonical form that the switch serves (RIFF, PCM).
func readWAV(b []byte) (stereo, error) {
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" {
		return stereo{}, errWAV
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	if u16(b[20:]) != 1 || u16(b[22:]) != 2 || u32(b[24:]) != rate || u16(b[34:]) != 16 {
		return stereo{}, errWAV
	}
	data := b[44:]
	if int64(u32(b[40:])) != int64(len(data)) {
		return stereo{}, fmt.Errorf("%w: %d bytes of audio, the header says %d", errWAV, len(data), u32(b[40:]))
	}
	var s stereo
	for ; len(data) >= 4; data = data[4:] {
		s.left = append(s.left, int16(u16(data)))
		s.right = append(s.right, int16(u16(data[2:])))
	}
	return s, nil
}
