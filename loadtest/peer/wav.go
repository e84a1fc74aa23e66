package peer

import (
	"encoding/binary"
	"fmt"

	"naisen/media/codec/g711"
)

// ReadWAV splits a WAV of 16-bit PCM or of G.711 into its channels.
func ReadWAV(raw []byte) (channels [][]int16, rate int, err error) {
	if len(raw) < 44 || string(raw[:4]) != "RIFF" || string(raw[8:16]) != "WAVEfmt " {
		return nil, 0, fmt.Errorf("peer: no WAV: %d bytes", len(raw))
	}
	tag, n := binary.LittleEndian.Uint16(raw[20:]), int(binary.LittleEndian.Uint16(raw[22:]))
	rate = int(binary.LittleEndian.Uint32(raw[24:]))
	if n < 1 || n > 8 {
		return nil, 0, fmt.Errorf("peer: WAV with %d channels", n)
	}
	data := raw[12:]
	for len(data) >= 8 && string(data[:4]) != "data" { // chunks, each padded to an even length
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		size += 8 + size&1
		if size > int64(len(data)) {
			return nil, 0, fmt.Errorf("peer: WAV ends in a chunk")
		}
		data = data[size:]
	}
	var all []int16
	switch {
	case len(data) < 8:
		return nil, 0, fmt.Errorf("peer: WAV without samples")
	case tag == 1:
		all = samples(data)
	case tag == 6:
		all = g711.DecodeA(nil, data[8:])
	case tag == 7:
		all = g711.DecodeU(nil, data[8:])
	default:
		return nil, 0, fmt.Errorf("peer: WAV of format %d", tag)
	}
	channels = make([][]int16, n)
	for i, s := range all {
		channels[i%n] = append(channels[i%n], s)
	}
	return channels, rate, nil
}
