// Package webrtc owns what a browser's media needs before the first packet of voice: ICE as the lite side plays it (RFC 8445 section 2.5), which
// answers connectivity checks and never sends one, and telling STUN, DTLS and RTP apart on one port (RFC 7983).
// It is pure: no socket, no clock, no goroutine; who may be believed is decided here, where packets come from is media/relay's.
//
// There is no ICE library behind it. A lite agent has no pairs, no timers and no candidates of its peer to look at: a browser that lists two
// hundred of them, or our own database, costs nothing and makes us send nothing (threats.md F7).
package webrtc

import (
	"crypto/rand"
	"log/slog"
)

// Credentials are what one side's checks are authenticated with (RFC 8839 section 5.4). The password prints as nothing.
type Credentials struct{ Ufrag, Password string }

const (
	ufragLength    = 8  // of ours; 4 are asked for
	passwordLength = 24 // of ours; 22 are asked for
	maxField       = 256
)

// NewCredentials makes fresh ones: 48 and 144 random bits.
func NewCredentials() Credentials {
	return Credentials{random(ufragLength), random(passwordLength)}
}

// random writes n random ice-chars: 64 of them, so that a byte's low six bits choose evenly.
func random(n int) string {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	for i := range b {
		b[i] = chars[b[i]&63]
	}
	return string(b)
}

// Usable tells whether both have the form of RFC 8839 section 5.4.
func (c Credentials) Usable() bool {
	return len(c.Ufrag) >= 4 && len(c.Password) >= 22 && iceChars(c.Ufrag) && iceChars(c.Password)
}

func iceChars(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '+' && c != '/' {
			return false
		}
	}
	return len(s) <= maxField
}

// String hides the password.
func (c Credentials) String() string { return c.Ufrag + ":[redacted]" }

// GoString hides it from %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides it from slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Class is what a datagram on a media port is.
type Class uint8

// Classes by the first octet (RFC 7983 section 7).
const (
	Other Class = iota
	STUN
	DTLS
	RTP // and RTCP
)

// Classify looks at the first octet alone: what the rest must be is each protocol's own question.
func Classify(pkt []byte) Class {
	switch {
	case len(pkt) == 0:
		return Other
	case pkt[0] <= 3:
		return STUN
	case pkt[0] >= 20 && pkt[0] <= 63:
		return DTLS
	case pkt[0] >= 128 && pkt[0] <= 191:
		return RTP
	}
	return Other
}
