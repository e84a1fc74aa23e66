// Package hep owns the export of SIP messages to a Homer by HEP version 3 ("HEP3 Network Protocol Specification", sipcapture.org): the form of a
// packet, and a sender that never waits. It is given messages as they may be shown, and never looks into them.
package hep

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Chunk types of vendor 0.
const (
	chunkFamily      = 0x01 // 8 bits
	chunkTransport   = 0x02 // 8 bits
	chunkSource4     = 0x03
	chunkTarget4     = 0x04
	chunkSource6     = 0x05
	chunkTarget6     = 0x06
	chunkSourcePort  = 0x07 // 16 bits
	chunkTargetPort  = 0x08 // 16 bits
	chunkSeconds     = 0x09 // 32 bits
	chunkMicros      = 0x0a // 32 bits: behind the seconds
	chunkProtocol    = 0x0b // 8 bits
	chunkAgent       = 0x0c // 32 bits
	chunkKey         = 0x0e
	chunkPayload     = 0x0f
	chunkCorrelation = 0x11
)

// Values of chunks.
const (
	family4, family6 = 2, 10 // AF_INET, AF_INET6 of Linux
	overTCP, overUDP = 6, 17
	protocolSIP      = 1
)

// Packet is one SIP message as it was seen.
type Packet struct {
	At          time.Time
	From, To    netip.AddrPort
	Reliable    bool   // over TCP, with TLS or a WebSocket in it or not; else UDP
	Correlation string // what joins the legs of one call
	Payload     []byte // the message as it may be shown
}

// Agent is who says so.
type Agent struct {
	ID  uint32 // of this capture agent, as Homer shows it
	Key Key    // which Homer asks for; empty: none
}

// Key is a secret between agent and Homer.
type Key string

// String implements fmt.Stringer.
func (Key) String() string { return "[redacted]" }

// GoString implements fmt.GoStringer.
func (Key) GoString() string { return "[redacted]" }

// ErrForm means that something cannot stand in a packet.
var ErrForm = errors.New("hep: addresses of two families, or a packet of more than 65,535 bytes")

// Append writes a packet to dst.
func Append(dst []byte, a Agent, p Packet) ([]byte, error) {
	from, to := p.From.Addr().Unmap().WithZone(""), p.To.Addr().Unmap().WithZone("")
	if !from.IsValid() || !to.IsValid() || from.Is4() != to.Is4() {
		return dst, ErrForm
	}
	start := len(dst)
	b := append(dst, "HEP3\x00\x00"...)
	transport := byte(overUDP)
	if p.Reliable {
		transport = overTCP
	}
	if from.Is4() {
		b = chunk(chunk(chunk(b, chunkFamily, []byte{family4}), chunkSource4, from.AsSlice()), chunkTarget4, to.AsSlice())
	} else {
		b = chunk(chunk(chunk(b, chunkFamily, []byte{family6}), chunkSource6, from.AsSlice()), chunkTarget6, to.AsSlice())
	}
	b = chunk(b, chunkTransport, []byte{transport})
	b = chunk(b, chunkSourcePort, binary.BigEndian.AppendUint16(nil, p.From.Port()))
	b = chunk(b, chunkTargetPort, binary.BigEndian.AppendUint16(nil, p.To.Port()))
	b = chunk(b, chunkSeconds, binary.BigEndian.AppendUint32(nil, uint32(p.At.Unix())))
	b = chunk(b, chunkMicros, binary.BigEndian.AppendUint32(nil, uint32(p.At.Nanosecond()/1000)))
	b = chunk(b, chunkProtocol, []byte{protocolSIP})
	b = chunk(b, chunkAgent, binary.BigEndian.AppendUint32(nil, a.ID))
	if a.Key != "" {
		b = chunk(b, chunkKey, []byte(a.Key))
	}
	if p.Correlation != "" {
		b = chunk(b, chunkCorrelation, []byte(p.Correlation))
	}
	b = chunk(b, chunkPayload, p.Payload)
	size := len(b) - start
	if size > 0xffff || max(len(p.Payload), len(p.Correlation), len(a.Key)) > 0xffff-6 {
		return dst, ErrForm
	}
	binary.BigEndian.PutUint16(b[start+4:], uint16(size))
	return b, nil
}

// chunk appends one: vendor, type, length with this head of six bytes, value.
func chunk(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(6+len(value)))
	return append(b, value...)
}
