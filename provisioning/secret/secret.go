// Package secret owns how small secrets are held and sealed at rest: SIP and trunk passwords, second factors, keys.
// It never stores a secret itself, never logs one, and does not know who may read it.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a password in memory. Whatever prints, logs or marshals it gets "[redacted]"; only Reveal gives the text.
// The zero value is no secret. Compare with Equal, never with ==.
type Secret struct {
	text *string // a pointer, because fmt looks into the unexported fields of others without asking Format
}

// New wraps a plain text.
func New(plain string) Secret { return Secret{text: &plain} }

// Reveal is the plain text: for the one place that shows it once or computes with it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says that there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares in constant time for equal lengths.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

func (Secret) String() string               { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format answers every verb, so that %d or %x cannot look inside.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }
