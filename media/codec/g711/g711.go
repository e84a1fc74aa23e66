// Package g711 holds the µ-law and A-law of ITU-T G.711 as tables: PCM both ways, and each law into the other.
// It has no state and never allocates beyond what the caller's slices lack.
package g711

// Payload octets that stand for silence.
const (
	SilenceU = 0xff
	SilenceA = 0xd5
)

// Tables, filled once at start-up: 256 samples per law, 65,536 codes per law, 256 codes between the laws.
var (
	linearU = decodeTable(decodeU)
	linearA = decodeTable(decodeA)
	codeU   = encodeTable(encodeU)
	codeA   = encodeTable(encodeA)

	// ULawToALaw and ALawToULaw give the code of the other law for each code: the packet path translates with them.
	ULawToALaw = lawTable(0xff, 0xd5, stepUA)
	ALawToULaw = lawTable(0xd5, 0xff, stepAU)
)

// DecodeU appends the samples of a µ-law payload, 16 bit at 8 kHz.
func DecodeU(dst []int16, payload []byte) []int16 { return decode(dst, payload, linearU) }

// DecodeA appends the samples of an A-law payload, 16 bit at 8 kHz.
func DecodeA(dst []int16, payload []byte) []int16 { return decode(dst, payload, linearA) }

// EncodeU appends the µ-law payload of samples at 8 kHz.
func EncodeU(dst []byte, pcm []int16) []byte { return encode(dst, pcm, codeU) }

// EncodeA appends the A-law payload of samples at 8 kHz.
func EncodeA(dst []byte, pcm []int16) []byte { return encode(dst, pcm, codeA) }

// UToA turns µ-law into A-law in place.
func UToA(payload []byte) {
	for i, c := range payload {
		payload[i] = ULawToALaw[c]
	}
}

// AToU turns A-law into µ-law in place.
func AToU(payload []byte) {
	for i, c := range payload {
		payload[i] = ALawToULaw[c]
	}
}

func decode(dst []int16, payload []byte, table *[256]int16) []int16 {
	for _, c := range payload {
		dst = append(dst, table[c])
	}
	return dst
}

func encode(dst []byte, pcm []int16, table *[65536]byte) []byte {
	for _, s := range pcm {
		dst = append(dst, table[uint16(s)])
	}
	return dst
}

func decodeTable(f func(byte) int16) *[256]int16 {
	var t [256]int16
	for c := range t {
		t[c] = f(byte(c))
	}
	return &t
}

func encodeTable(f func(int) byte) *[65536]byte {
	t := new([65536]byte)
	for i := range t {
		t[i] = f(int(int16(uint16(i))))
	}
	return t
}

// lawTable maps the magnitudes of one law to those of the other and keeps the sign. fromZero and toZero are the codes of positive magnitude 0.
func lawTable(fromZero, toZero byte, step func(int) int) (t [256]byte) {
	for c := range t {
		magnitude := (byte(c) ^ fromZero) & 0x7f
		sign := byte(c) & 0x80
		t[c] = (byte(step(int(magnitude))) ^ toZero&0x7f) | sign
	}
	return t
}

// stepUA is G.711 table 3 as a formula: magnitude 0 to 127 of µ-law to that of A-law. It is not always the nearest value: the tables
// are made so that a second conversion changes nothing more.
func stepUA(n int) int {
	switch {
	case n < 16:
		return n / 2
	case n < 32:
		return n - 8
	case n < 36:
		return 24 + 2*(n-32)
	case n < 48:
		return n - 4
	case n == 48:
		return 45
	case n < 64:
		return n - 2
	case n <= 80:
		return n - 1
	}
	return n
}

// stepAU is G.711 table 4: magnitude 0 to 127 of A-law to that of µ-law.
func stepAU(n int) int {
	switch {
	case n < 8:
		return 2*n + 1
	case n < 24:
		return n + 8
	case n < 32:
		return 32 + (n-24)/2
	case n < 44:
		return n + 4
	case n < 48:
		return 48 + (n-44)/2
	case n < 62:
		return n + 2
	case n < 64:
		return 64
	case n < 80:
		return n + 1
	}
	return n
}

// The µ-law works on 14 bits with a bias of 33, here on 16 bits with 132 (G.711 table 2).
const (
	biasU = 132
	clipU = 32635
)

func encodeU(s int) byte {
	sign := byte(0)
	if s < 0 {
		sign, s = 0x80, -s
	}
	s = min(s, clipU) + biasU
	segment := 7
	for bit := 0x4000; segment > 0 && s&bit == 0; bit >>= 1 {
		segment--
	}
	return ^(sign | byte(segment)<<4 | byte(s>>(segment+3))&0x0f)
}

func decodeU(c byte) int16 {
	c = ^c
	s := (int(c&0x0f)<<3+biasU)<<(c>>4&7) - biasU
	if c&0x80 != 0 {
		s = -s
	}
	return int16(s)
}

// The A-law works on 13 bits, here on 16 (G.711 table 1); every second bit is inverted on the wire.
func encodeA(s int) byte {
	sign := byte(0x80)
	if s < 0 {
		sign, s = 0, -s-1
	}
	s >>= 4 // 11 bits of magnitude
	segment := 0
	for v := s >> 4; v > 0; v >>= 1 {
		segment++
	}
	mantissa := s
	if segment > 1 {
		mantissa = s >> (segment - 1)
	}
	return (sign | byte(segment)<<4 | byte(mantissa)&0x0f) ^ 0x55
}

func decodeA(c byte) int16 {
	c ^= 0x55
	s := int(c&0x0f)<<4 + 8
	if segment := c >> 4 & 7; segment > 0 {
		s = (s + 0x100) << (segment - 1)
	}
	if c&0x80 == 0 {
		s = -s
	}
	return int16(s)
}
