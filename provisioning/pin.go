package provisioning

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// SecretPIN is the kind of personal PINs; key: Extension.Number; PINHash.Encode. They open what a class of restriction keeps for them, unlock a
// telephone, and let their owner sign in at a desk.
const SecretPIN = "extension/pin"

// Bounds of a personal PIN, in digits.
const (
	minPINDigits = 4
	maxPINDigits = 12
	pinRounds    = 120_000 // of PBKDF2-HMAC-SHA256: some 20 ms. Who has the sealed database and its key finds short PINs all the same
)

// PINHash is what is kept of a PIN, sealed. It prints as "[redacted]".
type PINHash struct {
	salt, key []byte
	rounds    int
}

func (PINHash) String() string             { return "[redacted]" }
func (PINHash) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }
func (PINHash) LogValue() slog.Value       { return slog.StringValue("[redacted]") }

type pinJSON struct {
	Salt   []byte `json:"salt"`
	Key    []byte `json:"key"`
	Rounds int    `json:"rounds"`
}

// CheckPIN says what is wrong with a new PIN of an extension; it does not show it.
func CheckPIN(extension, pin string) error {
	var c check
	c.must(len(pin) >= minPINDigits && len(pin) <= maxPINDigits && only(pin, digits), "pin", "must be 4 to 12 digits")
	c.must(pin != extension, "pin", "is the extension's number")
	c.must(strings.Trim(pin, pin[:min(1, len(pin))]) != "", "pin", "is one digit again and again")
	c.must(!strings.Contains("01234567890", pin) && !strings.Contains("09876543210", pin), "pin", "is a row of digits")
	return c.result()
}

// HashPIN makes what is kept of a PIN.
func HashPIN(pin string) (PINHash, error) {
	h := PINHash{salt: make([]byte, 16), rounds: pinRounds}
	rand.Read(h.salt) // never fails: it ends the program instead
	var err error
	h.key, err = pbkdf2.Key(sha256.New, pin, h.salt, h.rounds, sha256.Size)
	return h, err
}

// Matches costs the same for a right and a wrong PIN. The zero value fits none.
func (h PINHash) Matches(pin string) bool {
	if len(h.key) != sha256.Size || h.rounds < 1 || h.rounds > 10*pinRounds {
		return false
	}
	got, err := pbkdf2.Key(sha256.New, pin, h.salt, h.rounds, sha256.Size)
	return err == nil && subtle.ConstantTimeCompare(got, h.key) == 1
}

// Encode is the form that is sealed: JSON.
func (h PINHash) Encode() []byte {
	b, err := json.Marshal(pinJSON{h.salt, h.key, h.rounds})
	if err != nil { // bytes and a number: cannot fail
		return nil
	}
	return b
}

// DecodePIN reads what Encode wrote.
func DecodePIN(b []byte) (PINHash, error) {
	var j pinJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return PINHash{}, errors.New("provisioning: PIN is not readable") // the cause could quote it
	}
	return PINHash{j.Salt, j.Key, j.Rounds}, nil
}

// PINOf reads what is kept of an extension's PIN; ErrNotFound: it has none.
func PINOf(r Reader, domain, extension string) (PINHash, error) {
	b, err := Secret(r, domain, SecretPIN, extension)
	if err != nil {
		return PINHash{}, err
	}
	return DecodePIN(b)
}
