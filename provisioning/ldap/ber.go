package ldap

import (
	"errors"
	"math"
)

// Bounds of what a client may send.
const (
	maxMessage = 16 << 10 // octets of one LDAPMessage
	maxDepth   = 16       // of nested elements, and of a filter
	maxFilter  = 64       // items of a filter
	maxList    = 64       // attributes asked for
)

var (
	errBER   = errors.New("ldap: not the BER that LDAP allows (RFC 4511 section 5.1)")
	errLarge = errors.New("ldap: message is too large")
)

// Tags of RFC 4511: class, constructed bit and number in one octet; LDAP needs no other.
const (
	tagBoolean    = 0x01
	tagInteger    = 0x02
	tagOctets     = 0x04
	tagEnumerated = 0x0a
	tagSequence   = 0x30
	tagSet        = 0x31
)

// element is one decoded element: its tag and its content. The content is a part of what was read.
type element struct {
	tag  byte
	body []byte
}

// header reads tag and length. need is how many octets more there must be before it can be said; size is that of the whole element.
func header(b []byte) (tag byte, head, size int, need bool, err error) {
	if len(b) < 2 {
		return 0, 0, 0, true, nil
	}
	tag = b[0]
	if tag&0x1f == 0x1f {
		return 0, 0, 0, false, errBER // a tag of several octets
	}
	n := int(b[1])
	if n < 0x80 {
		return tag, 2, 2 + n, false, nil
	}
	count := n & 0x7f
	if count == 0 || count > 4 { // the indefinite form is not for LDAP
		return 0, 0, 0, false, errBER
	}
	if len(b) < 2+count {
		return 0, 0, 0, true, nil
	}
	length := uint64(0)
	for _, c := range b[2 : 2+count] {
		length = length<<8 | uint64(c)
	}
	if length > maxMessage {
		return 0, 0, 0, false, errLarge
	}
	return tag, 2 + count, 2 + count + int(length), false, nil
}

// cut takes the first element off.
func cut(b []byte) (e element, rest []byte, err error) {
	tag, head, size, need, err := header(b)
	if err != nil {
		return element{}, nil, err
	}
	if need || size > len(b) {
		return element{}, nil, errBER
	}
	return element{tag, b[head:size]}, b[size:], nil
}

// reader reads elements one after the other; after a fault it gives none.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) more() bool { return r.err == nil && len(r.rest) > 0 }

func (r *reader) any() element {
	if r.err != nil {
		return element{}
	}
	var e element
	e, r.rest, r.err = cut(r.rest)
	return e
}

func (r *reader) expect(tag byte) []byte {
	e := r.any()
	if r.err == nil && e.tag != tag {
		r.err = errBER
	}
	if r.err != nil {
		return nil
	}
	return e.body
}

func (r *reader) text(tag byte) string { return string(r.expect(tag)) }

// integer reads INTEGER or ENUMERATED of at most 32 bits, none below zero: LDAP has no others.
func (r *reader) integer(tag byte) int {
	b := r.expect(tag)
	if r.err == nil && (len(b) == 0 || len(b) > 5 || b[0]&0x80 != 0) {
		r.err = errBER
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	if n > math.MaxInt32 {
		r.err = errBER
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) boolean() bool {
	b := r.expect(tagBoolean)
	if r.err == nil && len(b) != 1 {
		r.err = errBER
	}
	return r.err == nil && b[0] != 0
}

// put writes an element around parts.
func put(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, n+6)
	out = append(out, tag)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n <= 0xff:
		out = append(out, 0x81, byte(n))
	case n <= 0xffff:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func putText(tag byte, s string) []byte { return put(tag, []byte(s)) }

// putInteger writes n, which is not below zero.
func putInteger(tag byte, n int) []byte {
	var b []byte
	for shift := 56; shift >= 0; shift -= 8 {
		if c := byte(n >> shift); len(b) > 0 || c != 0 || shift == 0 {
			b = append(b, c)
		}
	}
	if b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return put(tag, b)
}
