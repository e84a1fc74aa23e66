// Package secret owns how small secrets are held and sealed at rest: SIP and trunk passwords, second factors, keys.
// It never stores a secret itself, never logs one, and does not know who may read it.
package secret

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

const redacted = "[redacted]"

// Secret is a password in memory, sealed by a key of this process that no core dump has: it may lie there for as long as the switch runs.
// Whatever prints, logs or marshals it gets "[redacted]"; only Reveal gives the text, and what Reveal gave is garbage soon after.
// The zero value is no secret. Compare with Equal, never with ==.
type Secret struct {
	sealed []byte // nonce and ciphertext
}

// New wraps a plain text.
func New(plain string) Secret {
	if plain == "" {
		return Secret{}
	}
	mac := hmac.New(sha256.New, memoryKey())
	mac.Write([]byte(plain))
	nonce := mac.Sum(nil)[:chacha20poly1305.NonceSizeX] // of the text, so that equal secrets are deeply equal, as snapshots are compared
	return Secret{memorySeal().Seal(nonce, nonce, []byte(plain), nil)}
}

// Reveal is the plain text: for the one place that shows it once or computes with it.
func (s Secret) Reveal() string {
	if s.sealed == nil {
		return ""
	}
	plain, err := memorySeal().Open(nil, s.sealed[:chacha20poly1305.NonceSizeX], s.sealed[chacha20poly1305.NonceSizeX:], nil)
	if err != nil {
		panic("secret: memory was overwritten") // New is the only one that makes them
	}
	return string(plain)
}

// memorySeal is made anew each time, so that what it computes from the key does not stay.
func memorySeal() cipher.AEAD {
	aead, err := chacha20poly1305.NewX(memoryKey())
	if err != nil {
		panic(err) // of a key of another length
	}
	return aead
}

// memoryKey is the key of this process, in a page of its own.
var memoryKey = sync.OnceValue(func() []byte {
	page := privatePage()
	rand.Read(page[:chacha20poly1305.KeySize])
	return page[:chacha20poly1305.KeySize:chacha20poly1305.KeySize]
})

// IsZero says that there is no secret.
func (s Secret) IsZero() bool { return s.sealed == nil }

// Equal compares in constant time for equal lengths.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

func (Secret) String() string               { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format answers every verb, so that %d or %x cannot look inside.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }
