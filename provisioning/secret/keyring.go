package secret

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"

	"naisen/provisioning/durable"
)

// Errors of opening. Neither says anything about the content.
var (
	ErrUnknownKey = errors.New("secret: sealed with a key that is not in the key file")
	ErrDamaged    = errors.New("secret: sealed value is damaged or belongs elsewhere")
	ErrKeyFile    = errors.New("secret: key file cannot be used")
)

const (
	formatV1  = 1
	idSize    = 8
	headSize  = 1 + idSize + chacha20poly1305.NonceSizeX
	lineHead  = "naisen-secret-key-1"
	maxSealed = 64 << 10
)

type keyID [idSize]byte

// Keyring seals with the newest key of its file and opens with any: XChaCha20-Poly1305, a random 24-byte nonce each time.
// Safe for concurrent use.
type Keyring struct {
	path string

	mu      sync.RWMutex // guards what follows
	keys    map[keyID]cipher.AEAD
	current keyID
}

// OpenKeyring reads a key file, or makes one with one new key (mode 0600, its directory 0700). A file that group or others
// can read is refused with ErrKeyFile. Losing the file loses every secret sealed with it: it belongs in the backup, apart from the database.
func OpenKeyring(path string) (*Keyring, error) {
	if err := createKeyFile(path); err != nil {
		return nil, fmt.Errorf("secret: create %s: %w", path, err)
	}
	k := &Keyring{path: path}
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("secret: open %s: %w", path, err)
	}
	return k, nil
}

// createKeyFile leaves an existing file alone. Two processes that start at once end with the same key.
func createKeyFile(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.Create(path, newKeyLine(), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func newKeyLine() []byte {
	var key [chacha20poly1305.KeySize]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	return []byte(lineHead + " " + base64.StdEncoding.EncodeToString(key[:]) + "\n")
}

func (k *Keyring) load() error {
	content, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	keys := map[keyID]cipher.AEAD{}
	var current keyID
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		head, text, _ := strings.Cut(line, " ")
		key, err := base64.StdEncoding.DecodeString(text)
		if head != lineHead || err != nil || len(key) != chacha20poly1305.KeySize {
			return fmt.Errorf("%w: line %d is no key", ErrKeyFile, n)
		}
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return fmt.Errorf("%w: line %d", ErrKeyFile, n)
		}
		current = idOf(key)
		keys[current] = aead
	}
	if len(keys) == 0 {
		return fmt.Errorf("%w: no key in it", ErrKeyFile)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.current = keys, current
	return nil
}

func readKeyFile(path string) ([]byte, error) {
	content, err := durable.ReadPrivate(path)
	if errors.Is(err, durable.ErrExposed) {
		err = fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	return content, err
}

// idOf names a key without telling anything about it.
func idOf(key []byte) keyID {
	sum := sha256.Sum256(append([]byte("naisen secret key id\n"), key...))
	return keyID(sum[:idSize])
}

// Rotate adds a new key to the file and seals with it from now on; older keys still open. One process at a time.
func (k *Keyring) Rotate() error {
	old, err := readKeyFile(k.path)
	if err != nil {
		return fmt.Errorf("secret: rotate: %w", err)
	}
	if err := durable.Replace(k.path, append(append(bytes.TrimRight(old, "\n"), '\n'), newKeyLine()...), 0o600); err != nil {
		return fmt.Errorf("secret: rotate: %w", err)
	}
	return k.load()
}

// KeyID names the key that seals now, for logs.
func (k *Keyring) KeyID() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return hex.EncodeToString(k.current[:])
}

// Seal encrypts plain for exactly this place: a sealed value moved to another domain, kind or key does not open.
// Form: version byte, 8-byte key id, 24-byte nonce, ciphertext with tag.
func (k *Keyring) Seal(domain, kind, key string, plain []byte) ([]byte, error) {
	if len(plain) > maxSealed {
		return nil, fmt.Errorf("secret: longer than %d bytes", maxSealed)
	}
	k.mu.RLock()
	aead, id := k.keys[k.current], k.current
	k.mu.RUnlock()
	out := make([]byte, headSize, headSize+len(plain)+chacha20poly1305.Overhead)
	out[0] = formatV1
	copy(out[1:], id[:])
	nonce := out[1+idSize : headSize]
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return aead.Seal(out, nonce, plain, place(out[:1+idSize], domain, kind, key)), nil
}

// Open is the reverse of Seal: ErrUnknownKey, ErrDamaged.
func (k *Keyring) Open(domain, kind, key string, sealed []byte) ([]byte, error) {
	if len(sealed) < headSize+chacha20poly1305.Overhead || sealed[0] != formatV1 {
		return nil, ErrDamaged
	}
	k.mu.RLock()
	aead, ok := k.keys[keyID(sealed[1:1+idSize])]
	k.mu.RUnlock()
	if !ok {
		return nil, ErrUnknownKey
	}
	plain, err := aead.Open(nil, sealed[1+idSize:headSize], sealed[headSize:], place(sealed[:1+idSize], domain, kind, key))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// place is the additional data: each part with its length, so that no two places read alike.
func place(head []byte, parts ...string) []byte {
	out := append([]byte("naisen secret\n"), head...)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p))) // bounded by the store
		out = append(out, p...)
	}
	return out
}
