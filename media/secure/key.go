// Package secure owns SRTP: SDES keys (RFC 4568) and the packet transforms (RFC 3711, RFC 7714).
// The transforms are our own over the standard library's ciphers; its tests compare each with another implementation's. It never opens a socket, and no key leaves it but through
// CryptoLine, which media/sdp calls.
package secure

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrSuite     = errors.New("secure: unknown crypto suite")
	ErrCrypto    = errors.New("secure: malformed or unusable crypto attribute")
	ErrAuth      = errors.New("secure: packet is not authentic")
	ErrReplay    = errors.New("secure: packet is a replay or too old")
	ErrMalformed = errors.New("secure: not an RTP or RTCP packet")
	ErrExhausted = errors.New("secure: key used up, or too many sources on one key")
)

// Suite names an SRTP crypto suite as a=crypto spells it.
type Suite string

// Suites that can be negotiated. Weaker ones, and those without encryption or authentication, do not exist here.
const (
	AESCM80    Suite = "AES_CM_128_HMAC_SHA1_80" // RFC 4568; every phone has it
	AESCM32    Suite = "AES_CM_128_HMAC_SHA1_32" // accepted when it is all that a peer offers
	GCM128     Suite = "AEAD_AES_128_GCM"        // RFC 7714
	GCM256     Suite = "AEAD_AES_256_GCM"        // RFC 7714
	AES256CM80 Suite = "AES_256_CM_HMAC_SHA1_80" // RFC 6188
	AES256CM32 Suite = "AES_256_CM_HMAC_SHA1_32" // RFC 6188
)

const (
	maxMaterial   = 32 + 14 // AES-256 master key and AES-CM salt
	maxMKI        = 8       // RFC 4568 allows 128 octets; nobody sends more than 4
	maxCryptoLine = 512
)

// lengths gives the octets of master key and salt of a suite (RFC 4568 section 6.2, RFC 6188, RFC 7714 section 14.2).
func (s Suite) lengths() (key, salt int, ok bool) {
	switch s {
	case AESCM80, AESCM32:
		return 16, 14, true
	case AES256CM80, AES256CM32:
		return 32, 14, true
	case GCM128:
		return 16, 12, true
	case GCM256:
		return 32, 12, true
	}
	return 0, 0, false
}

// Known reports whether the suite can be used.
func (s Suite) Known() bool { _, _, ok := s.lengths(); return ok }

// Key is one direction's master key, salt and MKI. The zero value is "no key". It prints as "[redacted]".
type Key struct {
	suite    Suite
	material [maxMaterial]byte // master key, then salt
	mki      [maxMKI]byte
	mkiLen   int
	lifetime string // as the peer wrote it ("2^31"); empty: as long as SRTP allows
}

// String hides the key.
func (Key) String() string { return "[redacted]" }

// GoString hides the key from %#v.
func (Key) GoString() string { return "[redacted]" }

// LogValue hides the key from slog.
func (Key) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText hides the key from encoders.
func (Key) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Suite of the key; empty for the zero Key.
func (k Key) Suite() Suite { return k.suite }

// IsZero reports that there is no key.
func (k Key) IsZero() bool { return k.suite == "" }

// Equal compares in constant time. Lifetime does not count: it says nothing about packets.
func (k Key) Equal(o Key) bool {
	return k.suite == o.suite && k.mkiLen == o.mkiLen &&
		subtle.ConstantTimeCompare(k.material[:], o.material[:])&subtle.ConstantTimeCompare(k.mki[:], o.mki[:]) == 1
}

// Generate makes a fresh random key without MKI; ErrSuite if the suite is unknown.
func Generate(s Suite) (Key, error) {
	n, m, ok := s.lengths()
	if !ok {
		return Key{}, ErrSuite
	}
	k := Key{suite: s}
	_, err := rand.Read(k.material[:n+m])
	return k, err
}

// CryptoLine prints the value of an a=crypto attribute (RFC 4568 section 9.1). Only media/sdp calls it.
func (k Key) CryptoLine(tag int) string {
	n, m, ok := k.suite.lengths()
	if !ok {
		return ""
	}
	line := strconv.Itoa(tag) + " " + string(k.suite) + " inline:" + base64.StdEncoding.EncodeToString(k.material[:n+m])
	if k.lifetime != "" {
		line += "|" + k.lifetime
	}
	if k.mkiLen > 0 {
		var v uint64
		for _, b := range k.mki[:k.mkiLen] {
			v = v<<8 | uint64(b)
		}
		line += "|" + strconv.FormatUint(v, 10) + ":" + strconv.Itoa(k.mkiLen)
	}
	return line
}

// ParseCrypto reads the value of an a=crypto attribute. ErrSuite: a suite that we do not know, to be skipped;
// ErrCrypto: malformed, or asking for what we refuse (no encryption, no authentication, several keys).
// No error repeats the attribute.
func ParseCrypto(attr string) (tag int, k Key, err error) {
	if len(attr) > maxCryptoLine {
		return 0, Key{}, fmt.Errorf("%w: too long", ErrCrypto)
	}
	f := strings.Fields(attr)
	if len(f) < 3 {
		return 0, Key{}, fmt.Errorf("%w: three fields needed", ErrCrypto)
	}
	tag, ok := digits(f[0], 9)
	if !ok {
		return 0, Key{}, fmt.Errorf("%w: tag", ErrCrypto)
	}
	k.suite = Suite(strings.ToUpper(f[1]))
	if !k.suite.Known() {
		return tag, Key{}, ErrSuite
	}
	if err := k.parseInline(f[2]); err != nil {
		return tag, Key{}, err
	}
	for _, p := range f[3:] {
		if !harmless(p) {
			return tag, Key{}, fmt.Errorf("%w: session parameter", ErrCrypto)
		}
	}
	return tag, k, nil
}

// harmless says whether a session parameter (RFC 4568 section 6.3) may be ignored: the window size hint, and what the peer
// itself marks as optional with "-". The others would weaken the transform or change it.
func harmless(p string) bool {
	return strings.HasPrefix(p, "-") || len(p) > 4 && strings.EqualFold(p[:4], "WSH=")
}

// parseInline reads "inline:" key||salt ["|" lifetime] ["|" MKI ":" length] (RFC 4568 section 9.2).
func (k *Key) parseInline(s string) error {
	const method = "inline:"
	if len(s) < len(method) || !strings.EqualFold(s[:len(method)], method) {
		return fmt.Errorf("%w: key method", ErrCrypto)
	}
	parts := strings.Split(s[len(method):], "|")
	if len(parts) > 3 {
		return fmt.Errorf("%w: key parameters", ErrCrypto)
	}
	n, m, _ := k.suite.lengths()
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "=")) // some phones omit the padding
	if err != nil || len(raw) != n+m {
		return fmt.Errorf("%w: key length", ErrCrypto)
	}
	copy(k.material[:], raw)
	for _, p := range parts[1:] {
		switch value, length, found := strings.Cut(p, ":"); {
		case found && k.mkiLen == 0:
			if !k.setMKI(value, length) {
				return fmt.Errorf("%w: MKI", ErrCrypto)
			}
		case !found && k.lifetime == "" && k.mkiLen == 0 && validLifetime(p):
			k.lifetime = p
		default:
			return fmt.Errorf("%w: key parameters", ErrCrypto)
		}
	}
	return nil
}

func (k *Key) setMKI(value, length string) bool {
	n, ok := digits(length, 3)
	if !ok || n < 1 || n > maxMKI {
		return false
	}
	v, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n < 8 && v>>(8*n) != 0 {
		return false
	}
	for i := n - 1; i >= 0; i-- {
		k.mki[i] = byte(v)
		v >>= 8
	}
	k.mkiLen = n
	return true
}

// packets is how many SRTP packets the key may carry: its lifetime, at most 2^48 (RFC 3711 section 9.2).
func (k Key) packets() uint64 {
	const most = 1 << 48
	if p, ok := strings.CutPrefix(k.lifetime, "2^"); ok {
		n, _ := digits(p, 2)
		return 1 << min(n, 48)
	}
	if n, ok := digits(k.lifetime, 15); ok {
		return min(uint64(n), most)
	}
	return most
}

// validLifetime accepts a packet count in decimal or as a power of two.
func validLifetime(s string) bool {
	if p, ok := strings.CutPrefix(s, "2^"); ok {
		n, ok := digits(p, 2)
		return ok && n >= 1 && n <= 48
	}
	n, ok := digits(s, 15)
	return ok && n > 0
}

// digits reads a decimal number of at most max digits, nothing else.
func digits(s string, max int) (int, bool) {
	if s == "" || len(s) > max {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
