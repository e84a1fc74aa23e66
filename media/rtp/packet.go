// Package rtp owns what is inside RTP and RTCP packets: headers edited in place, re-stamping, receiver statistics,
// reports, and RFC 4733 digits. It never opens a socket and never decrypts.
package rtp

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed says that a packet is not RTP (or RTCP) as RFC 3550 defines it: drop it and count it.
var ErrMalformed = errors.New("rtp: malformed packet")

// HeaderSize is the size of a header without CSRCs and extension, as this switch sends it.
const HeaderSize = 12

// Header is a parsed RTP header (RFC 3550 section 5.1) with the place of the payload.
type Header struct {
	Marker      bool
	PayloadType uint8
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	Start, End  int // the payload is pkt[Start:End]: CSRCs, extension and padding are outside
}

// Parse reads the header of a plain RTP packet without allocating. ErrMalformed also for padding that is 0 or longer than the payload.
func Parse(pkt []byte) (Header, error) {
	h, err := ParseProtected(pkt)
	if err != nil {
		return h, err
	}
	if pkt[0]&0x20 != 0 {
		pad := int(pkt[len(pkt)-1])
		if pad == 0 || pad > len(pkt)-h.Start {
			return Header{}, ErrMalformed
		}
		h.End -= pad
	}
	return h, nil
}

// ParseProtected reads the header of an SRTP packet, whose padding cannot be seen yet. End is the end of the packet.
func ParseProtected(pkt []byte) (Header, error) {
	if len(pkt) < HeaderSize || pkt[0]>>6 != 2 {
		return Header{}, ErrMalformed
	}
	h := Header{
		Marker:      pkt[1]&0x80 != 0,
		PayloadType: pkt[1] & 0x7f,
		Sequence:    binary.BigEndian.Uint16(pkt[2:]),
		Timestamp:   binary.BigEndian.Uint32(pkt[4:]),
		SSRC:        binary.BigEndian.Uint32(pkt[8:]),
		Start:       HeaderSize + 4*int(pkt[0]&0x0f),
		End:         len(pkt),
	}
	if h.Start > len(pkt) {
		return Header{}, ErrMalformed
	}
	if pkt[0]&0x10 != 0 {
		if len(pkt) < h.Start+4 {
			return Header{}, ErrMalformed
		}
		h.Start += 4 + 4*int(binary.BigEndian.Uint16(pkt[h.Start+2:]))
		if h.Start > len(pkt) {
			return Header{}, ErrMalformed
		}
	}
	return h, nil
}

// Put writes a header of HeaderSize octets: no padding, extension or CSRC. Start and End are not used.
func (h Header) Put(pkt []byte) {
	_ = pkt[HeaderSize-1]
	pkt[0] = 0x80
	pkt[1] = h.PayloadType & 0x7f
	if h.Marker {
		pkt[1] |= 0x80
	}
	binary.BigEndian.PutUint16(pkt[2:], h.Sequence)
	binary.BigEndian.PutUint32(pkt[4:], h.Timestamp)
	binary.BigEndian.PutUint32(pkt[8:], h.SSRC)
}

// Append builds a packet behind dst[:0]: header and payload. It allocates only if dst is too small.
func (h Header) Append(dst, payload []byte) []byte {
	var head [HeaderSize]byte
	h.Put(head[:])
	return append(append(dst[:0], head[:]...), payload...)
}

// IsRTCP tells RTCP from RTP on one port (RFC 5761 section 4): packet types 192 to 223.
func IsRTCP(pkt []byte) bool {
	return len(pkt) >= 8 && pkt[0]>>6 == 2 && pkt[1] >= 192 && pkt[1] <= 223
}
