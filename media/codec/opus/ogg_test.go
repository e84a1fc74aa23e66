package opus

import (
	"encoding/binary"
	"testing"
)

// ogg puts packets into an Ogg Opus file (RFC 7845), one to a page; each lasts the given samples at 48 kHz.
func ogg(packets [][]byte, samples int) []byte {
	head := append([]byte("OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00"), 0, 0, 0)
	tags := append([]byte("OpusTags"), 0, 0, 0, 0, 0, 0, 0, 0)
	file := page(nil, head, 2, 0, 0)
	file = page(file, tags, 0, 0, 1)
	for i, p := range packets {
		flags := byte(0)
		if i == len(packets)-1 {
			flags = 4
		}
		file = page(file, p, flags, uint64(samples*(i+1)), uint32(i+2))
	}
	return file
}

func page(dst, packet []byte, flags byte, granule uint64, number uint32) []byte {
	p := append([]byte("OggS\x00"), flags)
	p = binary.LittleEndian.AppendUint64(p, granule)
	p = binary.LittleEndian.AppendUint32(p, 7)
	p = binary.LittleEndian.AppendUint32(p, number)
	p = append(p, 0, 0, 0, 0, byte(len(packet)/255+1))
	for range len(packet) / 255 {
		p = append(p, 255)
	}
	p = append(append(p, byte(len(packet)%255)), packet...)
	var crc uint32
	for _, b := range p {
		crc ^= uint32(b) << 24
		for range 8 {
			if crc&0x80000000 != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	binary.LittleEndian.PutUint32(p[22:], crc)
	return append(dst, p...)
}

// unpack gives the audio packets of an Ogg Opus file.
func unpack(t *testing.T, file []byte) [][]byte {
	t.Helper()
	var packets [][]byte
	var open []byte
	for len(file) > 27 && string(file[:4]) == "OggS" {
		segments := int(file[26])
		body := file[27+segments:]
		for _, n := range file[27 : 27+segments] {
			open, body = append(open, body[:n]...), body[n:]
			if n < 255 {
				packets, open = append(packets, open), nil
			}
		}
		file = body
	}
	if len(packets) < 3 || string(packets[0][:8]) != "OpusHead" {
		t.Fatalf("not an Ogg Opus file: %d packets", len(packets))
	}
	return packets[2:]
}
