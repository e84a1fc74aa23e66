package stack

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// STUN on the SIP port is how a phone on UDP keeps its NAT binding and learns that it moved (RFC 5626 section 4.4.2). Binding requests are
// answered, without authentication and without any state; nothing else of STUN is (RFC 8489).
const (
	stunCookie      = 0x2112A442
	stunHeader      = 20
	stunRequest     = 0x0001 // Binding
	stunSuccess     = 0x0101
	stunError       = 0x0111
	attrErrorCode   = 0x0009
	attrUnknown     = 0x000A
	attrMapped      = 0x0020 // XOR-MAPPED-ADDRESS
	attrFingerprint = 0x8028
	fingerprintXOR  = 0x5354554E
	maxUnknown      = 2 // named in a 420: the answer stays small
)

// isSTUN tells it from SIP by its first bits, its cookie and its length (RFC 8489 section 5, RFC 5626 section 8).
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0]&0xC0 == 0 && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// stun answers within the source's rate, with at most the bytes that a Binding response must have.
func (l *packetListener) stun(b []byte, from netip.AddrPort) {
	out, ok := stunAnswer(b, from)
	if !ok {
		l.s.stats.malformed.Add(1)
		return
	}
	if !l.s.admit.allow(from.Addr()) {
		l.s.stats.shed.Add(1)
		return
	}
	_ = l.send(out, from)
}

// stunAnswer is the response to a Binding request; false for what is none, or is broken.
func stunAnswer(b []byte, from netip.AddrPort) ([]byte, bool) {
	if binary.BigEndian.Uint16(b) != stunRequest || int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader || len(b)%4 != 0 {
		return nil, false
	}
	unknown, signed := []uint16(nil), false
	for at := stunHeader; at < len(b); {
		if at+4 > len(b) || signed { // FINGERPRINT is the last (section 14.7)
			return nil, false
		}
		kind, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if at+4+n > len(b) {
			return nil, false
		}
		switch {
		case kind == attrFingerprint:
			if n != 4 || binary.BigEndian.Uint32(b[at+4:]) != crc32.ChecksumIEEE(b[:at])^fingerprintXOR {
				return nil, false
			}
			signed = true
		case kind < 0x8000 && !credentials(kind) && len(unknown) < maxUnknown: // comprehension-required (section 14)
			unknown = append(unknown, kind)
		}
		at += 4 + (n+3)&^3
	}
	out := make([]byte, stunHeader, 64)
	copy(out[4:], b[4:stunHeader])
	if len(unknown) > 0 {
		binary.BigEndian.PutUint16(out, stunError)
		out = append(out, 0, attrErrorCode, 0, 4, 0, 0, 4, 20) // 420 without a reason phrase (sections 6.3.1 and 14.8)
		out = append(out, 0, attrUnknown, 0, byte(2*len(unknown)))
		for _, kind := range unknown {
			out = binary.BigEndian.AppendUint16(out, kind)
		}
		out = append(out, make([]byte, -len(out)&3)...)
	} else {
		binary.BigEndian.PutUint16(out, stunSuccess)
		out = appendMapped(out, from)
	}
	if signed { // whoever sends one tells STUN from other protocols by it
		binary.BigEndian.PutUint16(out[2:], uint16(len(out)-stunHeader+8))
		sum := crc32.ChecksumIEEE(out) ^ fingerprintXOR
		out = binary.BigEndian.AppendUint32(append(out, attrFingerprint>>8, attrFingerprint&0xFF, 0, 4), sum)
	}
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)-stunHeader))
	return out, true
}

// credentials: a client that authenticates to everyone needs no 420; its USERNAME, MESSAGE-INTEGRITY, REALM and NONCE say nothing here.
func credentials(kind uint16) bool {
	return kind == 0x0006 || kind == 0x0008 || kind == 0x0014 || kind == 0x0015 || kind == 0x001C
}

// appendMapped writes XOR-MAPPED-ADDRESS (section 14.2). The cookie and the transaction ID stand in out already.
func appendMapped(out []byte, from netip.AddrPort) []byte {
	ip := from.Addr().WithZone("").AsSlice()
	family := byte(1)
	if len(ip) == 16 {
		family = 2
	}
	out = append(out, 0, attrMapped, 0, byte(4+len(ip)), 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^(stunCookie>>16))
	for i, c := range ip {
		out = append(out, c^out[4+i])
	}
	return out
}
