package secret

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// pinRounds of PBKDF2-HMAC-SHA256. A PIN has few digits, so no number of rounds protects it from whoever has the database and the key of its seal:
// what holds guesses off is that seal, and the count of guesses. The rounds make a glance at an opened row tell nothing.
const (
	pinRounds = 50_000
	pinSalt   = 16
)

// ErrPIN says that a text is no PIN. It does not show it.
var ErrPIN = errors.New("secret: a PIN has 4 to 12 digits, and not all the same")

// NewPIN is what is kept of a PIN: salted and hashed, for the store to seal. ErrPIN.
func NewPIN(pin string) ([]byte, error) {
	if !pinForm(pin) {
		return nil, ErrPIN
	}
	out := binary.BigEndian.AppendUint32(nil, pinRounds)
	salt := make([]byte, pinSalt)
	rand.Read(salt) // never fails: it ends the program instead
	key, err := pbkdf2.Key(sha256.New, pin, salt, pinRounds, sha256.Size)
	if err != nil {
		return nil, err
	}
	out = append(append(out, salt...), key...)
	return base64.RawStdEncoding.AppendEncode(nil, out), nil
}

// MatchPIN costs the same for a right PIN and a wrong one, and for none that is kept (nil).
func MatchPIN(kept []byte, pin string) bool {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, kept)
	rounds := uint32(pinRounds)
	there := err == nil && len(raw) == 4+pinSalt+sha256.Size
	if there {
		rounds = binary.BigEndian.Uint32(raw)
		there = rounds > 0 && rounds <= 10*pinRounds // a row that was tampered with must not eat the machine
	}
	if !there {
		raw, rounds = make([]byte, 4+pinSalt+sha256.Size), pinRounds
	}
	key, err := pbkdf2.Key(sha256.New, pin, raw[4:4+pinSalt], int(rounds), sha256.Size)
	return err == nil && subtle.ConstantTimeCompare(key, raw[4+pinSalt:]) == 1 && there
}

func pinForm(pin string) bool {
	if len(pin) < 4 || len(pin) > 12 {
		return false
	}
	same := true
	for i := range len(pin) {
		if pin[i] < '0' || pin[i] > '9' {
			return false
		}
		same = same && pin[i] == pin[0]
	}
	return !same
}
