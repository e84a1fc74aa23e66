package playback

import (
	"encoding/binary"
	"errors"
	"io"
)

// wave is where the sound of a WAV file lies, and how many bytes a second of it has.
type wave struct {
	at, size  int64
	perSecond int64
}

var errNoWave = errors.New("playback: it is no WAV file")

// maxWaveHead is how far into a file its sound begins at most. Ours begin at byte 44 or 58.
const maxWaveHead = 4096

// readWave reads the head of a WAV file.
func readWave(r io.ReaderAt, size int64) (wave, error) {
	head := make([]byte, min(size, maxWaveHead))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return wave{}, err
	}
	if len(head) < 12 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WAVE" {
		return wave{}, errNoWave
	}
	var w wave
	for at := int64(12); at+8 <= int64(len(head)); {
		name, length := string(head[at:at+4]), int64(binary.LittleEndian.Uint32(head[at+4:]))
		switch {
		case name == "fmt " && length >= 16 && at+8+16 <= int64(len(head)):
			w.perSecond = int64(binary.LittleEndian.Uint32(head[at+16:]))
		case name == "data":
			w.at, w.size = at+8, min(length, size-at-8)
			if w.perSecond <= 0 {
				return wave{}, errNoWave
			}
			return w, nil
		}
		at += 8 + length + length&1
	}
	return wave{}, errNoWave
}

// span is the stretch of the recording, in milliseconds, of which bytes of the file are, rounded outwards. 0, 0: none of them is sound.
func (w wave) span(from, to int64) (fromMS, toMS int64) {
	from, to = max(from-w.at, 0), min(to-w.at, w.size)
	if to <= from || w.perSecond <= 0 {
		return 0, 0
	}
	return from * 1000 / w.perSecond, (to*1000 + w.perSecond - 1) / w.perSecond
}
