// Package hsm keeps the vault's key behind a key of a PKCS#11 token: a seal.Safe whose AES key is made in the hardware and never leaves it.
// It is in builds with the tag pkcs11 only, since it calls the token's C library; without the tag Open says so and nothing of C is linked.
package hsm

import (
	"errors"
	"time"
)

// ErrNotBuilt says that this program was built without PKCS#11.
var ErrNotBuilt = errors.New("hsm: this program was built without PKCS#11: build it with cgo and the tag pkcs11")

// Config of a token. Module, Token, Key and PIN are required.
type Config struct {
	Module string // path of the token's library
	Token  string // label of the token
	Key    string // label of an AES key of 256 bits on it; Wrap makes it where there is none
	PIN    func() (string, error)
	Wait   time.Duration // for one operation of the token; default 10 s
}
