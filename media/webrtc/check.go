package webrtc

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
)

// STUN as far as a connectivity check needs it (RFC 8489, RFC 8445 section 7).
const (
	cookie         = 0x2112A442
	headerSize     = 20
	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	bindingError   = 0x0111

	attrUsername    = 0x0006
	attrIntegrity   = 0x0008 // MESSAGE-INTEGRITY, HMAC-SHA1
	attrErrorCode   = 0x0009
	attrUnknown     = 0x000A
	attrMapped      = 0x0020 // XOR-MAPPED-ADDRESS
	attrPriority    = 0x0024
	attrNominate    = 0x0025 // USE-CANDIDATE
	attrFingerprint = 0x8028
	attrControlled  = 0x8029
	attrControlling = 0x802A

	fingerprintXOR = 0x5354554E
	maxUnknown     = 4
)

// Errors of Read and Verify. Whoever caused one gets no answer: a lite agent that is silent can be used against nobody (threats.md F4).
var (
	ErrSTUN  = errors.New("webrtc: not a STUN binding request")
	ErrWrong = errors.New("webrtc: a check with wrong credentials")
)

// Check is a connectivity check that was read but not yet believed.
type Check struct {
	Ours, Theirs string // the two ufrags of its USERNAME: whom it is for, and from
	Nominated    bool   // USE-CANDIDATE: the pair is chosen

	packet     []byte
	integrity  int // where MESSAGE-INTEGRITY begins
	controlled bool
	unknown    []uint16
}

// Read parses a check. Nothing in it is proven yet. The Check refers to pkt. ErrSTUN.
func Read(pkt []byte) (Check, error) {
	c := Check{packet: pkt}
	if len(pkt) < headerSize || len(pkt)%4 != 0 || binary.BigEndian.Uint16(pkt) != bindingRequest || binary.BigEndian.Uint32(pkt[4:]) != cookie ||
		int(binary.BigEndian.Uint16(pkt[2:])) != len(pkt)-headerSize {
		return c, ErrSTUN
	}
	signed := false
	for at := headerSize; at < len(pkt); {
		if at+4 > len(pkt) || signed { // FINGERPRINT is the last
			return c, ErrSTUN
		}
		kind, n := binary.BigEndian.Uint16(pkt[at:]), int(binary.BigEndian.Uint16(pkt[at+2:]))
		if at+4+n > len(pkt) {
			return c, ErrSTUN
		}
		value := pkt[at+4 : at+4+n]
		switch {
		case kind == attrFingerprint:
			if signed = n == 4 && binary.BigEndian.Uint32(value) == crc32.ChecksumIEEE(pkt[:at])^fingerprintXOR; !signed {
				return c, ErrSTUN
			}
		case c.integrity > 0: // nothing after MESSAGE-INTEGRITY counts (RFC 8489 section 14.5)
		default:
			if !c.attribute(kind, value, at) {
				return c, ErrSTUN
			}
		}
		at += 4 + (n+3)&^3
	}
	if c.integrity == 0 || !signed || c.Ours == "" { // RFC 8445 section 7.1.1: FINGERPRINT and the credentials are always there
		return c, ErrSTUN
	}
	return c, nil
}

// attribute takes one attribute before MESSAGE-INTEGRITY; false: it is malformed.
func (c *Check) attribute(kind uint16, value []byte, at int) bool {
	switch kind {
	case attrUsername:
		ours, theirs, ok := strings.Cut(string(value), ":")
		if !ok || len(value) > 2*maxField+1 || c.Ours != "" {
			return false
		}
		c.Ours, c.Theirs = ours, theirs
	case attrIntegrity:
		if len(value) != sha1.Size {
			return false
		}
		c.integrity = at
	case attrNominate:
		c.Nominated = true
	case attrControlled:
		c.controlled = true
	case attrPriority, attrControlling:
	default:
		if kind < 0x8000 && len(c.unknown) < maxUnknown { // comprehension-required
			c.unknown = append(c.unknown, kind)
		}
	}
	return true
}

// Verify proves that the check was made by whom we gave our credentials. theirs is the peer's ufrag; empty: not known yet. ErrWrong.
func (c Check) Verify(ours Credentials, theirs string) error {
	if ours.Password == "" || c.Ours != ours.Ufrag || theirs != "" && c.Theirs != theirs {
		return ErrWrong
	}
	mac := integrity(ours.Password, c.packet[:c.integrity], c.integrity)
	if !hmac.Equal(mac, c.packet[c.integrity+4:c.integrity+4+sha1.Size]) {
		return ErrWrong
	}
	return nil
}

// integrity computes MESSAGE-INTEGRITY over what stands before it, with the length as if it were the last attribute (RFC 8489 section 14.5).
func integrity(password string, before []byte, at int) []byte {
	h := hmac.New(sha1.New, []byte(password))
	_, _ = h.Write(before[:2])
	_, _ = h.Write(binary.BigEndian.AppendUint16(nil, uint16(at-headerSize+4+sha1.Size)))
	_, _ = h.Write(before[4:])
	return h.Sum(nil)
}

// Accepts tells whether the pair that a verified check tests may be used: no attribute that we would have to understand, and the browser knows
// that it leads (RFC 8445 section 6.1.1: a lite agent is controlled).
func (c Check) Accepts() bool { return !c.controlled && len(c.unknown) == 0 }

// Answer writes the response to a verified check that came from an address: 76 octets at most, with what it answers for (RFC 8445 section 7.3).
func (c Check) Answer(out []byte, ours Credentials, from netip.AddrPort) []byte {
	out = append(out[:0], c.packet[:headerSize]...)
	switch {
	case len(c.unknown) > 0:
		binary.BigEndian.PutUint16(out, bindingError)
		out = append(out, 0, attrErrorCode, 0, 4, 0, 0, 4, 20)
		out = append(out, 0, attrUnknown, 0, byte(2*len(c.unknown)))
		for _, kind := range c.unknown {
			out = binary.BigEndian.AppendUint16(out, kind)
		}
		out = append(out, make([]byte, -len(out)&3)...)
	case c.controlled: // RFC 8445 section 7.3.1.1
		binary.BigEndian.PutUint16(out, bindingError)
		out = append(out, 0, attrErrorCode, 0, 4, 0, 0, 4, 87)
	default:
		binary.BigEndian.PutUint16(out, bindingSuccess)
		out = appendMapped(out, from)
	}
	mac := integrity(ours.Password, out, len(out))
	out = append(append(out, 0, attrIntegrity, 0, sha1.Size), mac...)
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)-headerSize+8))
	sum := crc32.ChecksumIEEE(out) ^ fingerprintXOR
	return binary.BigEndian.AppendUint32(append(out, attrFingerprint>>8, attrFingerprint&0xFF, 0, 4), sum)
}

// appendMapped writes XOR-MAPPED-ADDRESS (RFC 8489 section 14.2). The cookie and the transaction ID stand in out already.
func appendMapped(out []byte, from netip.AddrPort) []byte {
	ip := from.Addr().Unmap().WithZone("").AsSlice()
	family := byte(1)
	if len(ip) == 16 {
		family = 2
	}
	out = append(out, 0, attrMapped, 0, byte(4+len(ip)), 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^(cookie>>16))
	for i, b := range ip {
		out = append(out, b^out[4+i])
	}
	return out
}

// AppendCheck writes a check as a browser does: for tests and the load generator, whose side we play there.
func AppendCheck(out []byte, id [12]byte, from, to Credentials, nominate bool) []byte {
	out = append(out[:0], bindingRequest>>8, bindingRequest&0xFF, 0, 0)
	out = binary.BigEndian.AppendUint32(out, cookie)
	out = append(out, id[:]...)
	name := to.Ufrag + ":" + from.Ufrag
	out = binary.BigEndian.AppendUint16(append(out, 0, attrUsername), uint16(len(name)))
	out = append(out, name...)
	out = append(out, make([]byte, -len(out)&3)...)
	out = append(out, 0, attrPriority, 0, 4, 110, 0, 30, 255)
	out = append(out, attrControlling>>8, attrControlling&0xFF, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)
	if nominate {
		out = append(out, 0, attrNominate, 0, 0)
	}
	mac := integrity(to.Password, out, len(out))
	out = append(append(out, 0, attrIntegrity, 0, sha1.Size), mac...)
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)-headerSize+8))
	sum := crc32.ChecksumIEEE(out) ^ fingerprintXOR
	return binary.BigEndian.AppendUint32(append(out, attrFingerprint>>8, attrFingerprint&0xFF, 0, 4), sum)
}
