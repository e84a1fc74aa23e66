package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"naisen/provisioning/durable"
)

// ErrKeyFile says that the signing key's file cannot be used.
var ErrKeyFile = errors.New("audit: key file cannot be used")

// keyName begins the name that stands in every signature line and is the log's origin. What follows it is random: no two logs share a name.
const keyName = "naisen-audit"

// Key signs checkpoints (Ed25519, golang.org/x/mod/sumdb/note).
type Key struct {
	signer note.Signer
	public string
}

// OpenKey reads the key file, or makes one (mode 0600) with its public half beside it as path + ".pub".
// Whoever verifies elsewhere needs the public half only.
func OpenKey(path string) (*Key, error) {
	text, err := readOrCreateKey(path)
	if err != nil {
		return nil, fmt.Errorf("audit: key %s: %w", path, err)
	}
	private, public, _ := strings.Cut(strings.TrimSpace(text), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("audit: key %s: %w", path, ErrKeyFile) // the cause could quote the key
	}
	if v, err := note.NewVerifier(public); err != nil || v.KeyHash() != signer.KeyHash() {
		return nil, fmt.Errorf("audit: key %s: %w: its two halves do not belong together", path, ErrKeyFile)
	}
	if err := os.WriteFile(path+".pub", []byte(public+"\n"), 0o644); err != nil { // public
		return nil, fmt.Errorf("audit: key %s: %w", path, err)
	}
	return &Key{signer: signer, public: public}, nil
}

// Public is the verifier's key: "naisen-audit/name+hash+base64".
func (k *Key) Public() string { return k.public }

func readOrCreateKey(path string) (string, error) {
	b, err := durable.ReadPrivate(path)
	switch {
	case errors.Is(err, durable.ErrExposed):
		return "", fmt.Errorf("%w: %w", ErrKeyFile, err)
	case !errors.Is(err, fs.ErrNotExist):
		return string(b), err
	}
	private, public, err := note.GenerateKey(rand.Reader, keyName+"/"+strings.ToLower(rand.Text()[:12]))
	if err != nil {
		return "", err
	}
	text := private + "\n" + public + "\n"
	if err := durable.Create(path, []byte(text), 0o600); errors.Is(err, fs.ErrExist) {
		return readOrCreateKey(path) // another process was first
	} else if err != nil {
		return "", err
	}
	return text, nil
}
