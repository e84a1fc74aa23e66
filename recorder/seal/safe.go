package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"naisen/recorder"
)

// Errors of a Safe; callers use errors.Is.
var (
	// ErrUnavailable says that whoever keeps the vault's key does not answer now.
	ErrUnavailable = errors.New("seal: the keeper of the vault's key does not answer")
	// ErrRefused says that it answers and does not give the key: it was disabled there, or this machine may not use it any more.
	ErrRefused = errors.New("seal: the keeper of the vault's key refuses it")
)

// Safe keeps identities so that the disk alone does not give them away: behind a passphrase, a key service or a token of hardware. What it wraps is at
// most 4 KiB. Both methods end within some seconds, whatever ctx says. Errors: ErrUnavailable; ErrRefused; recorder.ErrIntegrity: this was
// wrapped by another safe, or altered.
type Safe interface {
	Kind() string // ends the names of wrapped files
	Wrap(ctx context.Context, secret []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

// workFactor of scrypt, as age has it: about a second and 256 MiB for each guess.
const workFactor = 18

// Passphrase is a safe that opens with a text. What it wraps is an age file: `age -d` opens it with the same text.
type Passphrase struct {
	text string
	work int
}

// NewPassphrase makes the safe. Whoever has the disk can guess as fast as the machines allow that they pay for: let a machine make the text.
func NewPassphrase(text string) (*Passphrase, error) {
	if len(text) < minPassphrase {
		return nil, fmt.Errorf("seal: a passphrase has at least %d characters", minPassphrase)
	}
	return &Passphrase{text, workFactor}, nil
}

const minPassphrase = 12

// Kind implements Safe.
func (*Passphrase) Kind() string { return "age" }

// Wrap implements Safe.
func (p *Passphrase) Wrap(_ context.Context, secret []byte) ([]byte, error) {
	to, err := age.NewScryptRecipient(p.text)
	if err != nil {
		return nil, errors.New("seal: passphrase cannot be used")
	}
	to.SetWorkFactor(p.work)
	return sealSmall(secret, to)
}

// Unwrap implements Safe.
func (p *Passphrase) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	id, err := age.NewScryptIdentity(p.text)
	if err != nil {
		return nil, errors.New("seal: passphrase cannot be used")
	}
	secret, err := openSmall(wrapped, id)
	if err != nil {
		return nil, fmt.Errorf("seal: the passphrase does not open it: %w", recorder.ErrIntegrity)
	}
	return secret, nil
}

// String keeps the passphrase out of a log.
func (*Passphrase) String() string { return "[redacted]" }

// GoString keeps the passphrase out of %#v.
func (*Passphrase) GoString() string { return "[redacted]" }

// sealSmall encrypts a small value to whoever shall open it.
func sealSmall(plain []byte, to ...age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// openSmall is the reverse, of at most maxKeyFile bytes.
func openSmall(sealed []byte, ids ...age.Identity) ([]byte, error) {
	r, err := openStream(bytes.NewReader(sealed), ids)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err == nil && len(plain) > maxKeyFile {
		err = recorder.ErrIntegrity
	}
	return plain, err
}
