package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ErrKeyFile says that the signing key's file cannot be used.
var ErrKeyFile = errors.New("audit: key file cannot be used")

// keyName stands in every signature line.
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

// Public is the verifier's key: "naisen-audit+hash+base64".
func (k *Key) Public() string { return k.public }

func readOrCreateKey(path string) (string, error) {
	if info, err := os.Stat(path); err == nil {
		if info.Mode().Perm()&0o077 != 0 {
			return "", fmt.Errorf("%w: mode %04o, must be 0600", ErrKeyFile, info.Mode().Perm())
		}
		b, err := os.ReadFile(path) // the operator's path
		return string(b), err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	private, public, err := note.GenerateKey(rand.Reader, keyName)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	text := private + "\n" + public + "\n"
	if err := writeNew(path, []byte(text), 0o600); errors.Is(err, fs.ErrExist) {
		return readOrCreateKey(path) // another process was first
	} else if err != nil {
		return "", err
	}
	return text, nil
}

// writeNew makes a file whole or not at all, and refuses to overwrite (fs.ErrExist).
func writeNew(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
