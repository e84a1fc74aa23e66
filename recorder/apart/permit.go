package apart

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"naisen/recorder/catalogue"
)

// What a permit allows.
const (
	actSpool    = "spool"    // open what waits in this machine's spool
	actManifest = "manifest" // open a manifest of a domain
	actRewrap   = "rewrap"   // make a header for a domain's newest key
	actProve    = "prove"    // say whether a header opens
	actAudio    = "audio"    // hear one part of one recording
	actPeaks    = "peaks"    // see the waveform of one recording
	actStatus   = "status"   // whether the keys are at hand
)

// permitLife bounds how long a permit may be presented: two processes of one machine, one request.
const permitLife = 30 * time.Second

// permit is the word of the process that decides: who may have what, until when.
type permit struct {
	Act     string    `json:"act"`
	Domain  string    `json:"domain,omitempty"`
	Expires time.Time `json:"expires"`
	Nonce   string    `json:"nonce"`

	// Of audio and waveform: the recording as the catalogue has it, and for whom it is.
	Part      string `json:"part,omitempty"` // "messages" or empty: below which name of the store
	Recording string `json:"recording,omitempty"`
	Object    string `json:"object,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"`
	Track     int    `json:"track,omitempty"` // 0: the stereo copy
	Listener  string `json:"listener,omitempty"`
}

// row is the recording that the permit names.
func (p permit) row() catalogue.Row {
	return catalogue.Row{ID: p.Recording, Domain: p.Domain, Object: p.Object, SealedSHA256: p.SHA256, SealedBytes: p.Bytes}
}

var errPermit = errors.New("apart: no valid permit")

// Names of the permit key's halves, below the directory of keys. The private one belongs to who decides, the public one to the vault.
const (
	permitPrivate = "permit.key"
	permitPublic  = "permit.pub"
)

// signer makes permits.
type signer struct {
	key ed25519.PrivateKey
	now func() time.Time
}

// openSigner reads or makes the key in dir.
func openSigner(dir string, now func() time.Time) (*signer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("apart: %w", err)
	}
	path := filepath.Join(dir, permitPrivate)
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		err = writeWhole(path, seed, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("apart: permit key: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("apart: %s is no permit key", path)
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	if old, err := os.ReadFile(filepath.Join(dir, permitPublic)); err != nil || string(old) != string(public) {
		if err := writeWhole(filepath.Join(dir, permitPublic), public, 0o644); err != nil {
			return nil, fmt.Errorf("apart: permit key: %w", err)
		}
	}
	return &signer{key, now}, nil
}

func writeWhole(path string, text []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".permit-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func (s *signer) sign(p permit) (string, error) {
	var nonce [12]byte
	rand.Read(nonce[:])
	p.Nonce, p.Expires = base64.RawURLEncoding.EncodeToString(nonce[:]), s.now().Add(permitLife).UTC()
	text, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(text) + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, text)), nil
}

// maxPermit bounds a permit in bytes.
const maxPermit = 4 << 10

// judge believes permits that were signed, have not run out and were not presented before.
type judge struct {
	path string // of the public key
	now  func() time.Time

	mu   sync.Mutex
	used map[string]time.Time // nonces, until they have run out
}

func (j *judge) read(header, act string) (permit, error) {
	var p permit
	token, ok := strings.CutPrefix(header, "Permit ")
	text64, sig64, cut := strings.Cut(token, ".")
	if !ok || !cut || len(token) > maxPermit {
		return p, errPermit
	}
	text, err1 := base64.RawURLEncoding.DecodeString(text64)
	sig, err2 := base64.RawURLEncoding.DecodeString(sig64)
	key, err := os.ReadFile(j.path) // small, and may be made after the vault was started
	if err != nil || len(key) != ed25519.PublicKeySize {
		return p, fmt.Errorf("apart: the switch's permit key is not here: %w", errPermit)
	}
	if err1 != nil || err2 != nil || !ed25519.Verify(ed25519.PublicKey(key), text, sig) {
		return p, errPermit
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, errPermit
	}
	now := j.now()
	if p.Act != act || now.After(p.Expires) || p.Expires.After(now.Add(2*permitLife)) || !j.fresh(p, now) {
		return permit{}, errPermit
	}
	return p, nil
}

// fresh notes a nonce; false where it was used.
func (j *judge) fresh(p permit, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for nonce, until := range j.used {
		if now.After(until) {
			delete(j.used, nonce)
		}
	}
	if _, seen := j.used[p.Nonce]; seen || p.Nonce == "" {
		return false
	}
	j.used[p.Nonce] = p.Expires
	return true
}
