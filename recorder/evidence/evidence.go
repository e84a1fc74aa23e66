// Package evidence makes evidence packs of recordings and checks them: one ZIP file with the audio, the manifest, the receipt of the notice, the part of the
// audit log that is about the recording, and a signed index of it all, which anybody can check without this switch and without a network.
// It owns the pack's format. It never decides who may have one, keeps no plain audio anywhere but in what it writes, and knows the audit log
// only by a seam: that log proves itself.
package evidence

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"naisen/recorder"
)

// Format names this form of a pack in its index.
const Format = "naisen-evidence/1"

// Names of the members, in their order. Tracks follow as "track-01.wav".
const (
	readmeText  = "README.txt"
	readmePage  = "README.html"
	indexName   = "index.json"
	sigName     = "index.sig"
	keyName     = "key.pem"
	manifestOf  = "manifest.json"
	receiptName = "receipt.json"
	logName     = "audit.json"
	audioName   = "audio.wav"
)

// StoredAction is the audit log's word for the entry that every recording has since the store gave it back, and that names its hashes.
const StoredAction = "recording.stored"

// ErrUnlogged says that the audit log has no such entry, or one of other hashes: nothing can be proved of this recording.
var ErrUnlogged = errors.New("evidence: the audit log does not know this recording as it is stored")

// Invalid names what of a request cannot be done.
type Invalid struct{ Field, Reason string }

func (e *Invalid) Error() string { return "evidence: " + e.Field + ": " + e.Reason }

// Sides of a redaction.
const (
	Caller = "caller" // the left channel, and the tracks of callers
	Called = "called" // the right channel, and the tracks of everybody else
	Both   = "both"
)

// Redaction is a stretch that is silence in the pack.
type Redaction struct {
	FromMS int64  `json:"from_ms"`
	ToMS   int64  `json:"to_ms"`
	Side   string `json:"side"` // "caller", "called", "both"
	Reason string `json:"reason"`
}

// File is a member of the pack that the index vouches for.
type File struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	Original string `json:"original_sha256,omitempty"` // of audio: what the manifest says; equal to SHA256 where nothing was redacted
}

// Index is what the pack's maker signs: the octets of index.json, by Ed25519.
type Index struct {
	Format     string      `json:"format"`
	Domain     string      `json:"domain"`
	Recording  string      `json:"recording"`
	Call       string      `json:"call"`
	Made       time.Time   `json:"made"`
	By         string      `json:"by"`
	Purpose    string      `json:"purpose"`
	LogKey     string      `json:"log_key"` // public key of the audit log
	Redactions []Redaction `json:"redactions"`
	Files      []File      `json:"files"`
	LogLeftOut []LeftOut   `json:"log_left_out,omitempty"` // what the log has of the recording besides what is in the pack
}

// Request says what shall be in a pack, and for whom.
type Request struct {
	By         string // who gets it, as the audit log names people
	Purpose    string
	Redactions []Redaction
}

// Bounds of a request.
const (
	maxPurpose    = 200 // runes
	maxReason     = 100
	maxRedactions = 200
)

// Check says what is wrong with a request for a recording of that length: *Invalid.
func (q Request) Check(duration time.Duration) error {
	if !sayable(q.Purpose, maxPurpose) {
		return &Invalid{"purpose", fmt.Sprintf("is missing, longer than %d characters, or has control characters", maxPurpose)}
	}
	if len(q.Redactions) > maxRedactions {
		return &Invalid{"redactions", fmt.Sprintf("are more than %d", maxRedactions)}
	}
	for i, r := range q.Redactions {
		at := fmt.Sprintf("redactions[%d].", i)
		switch {
		case r.FromMS < 0 || r.FromMS > duration.Milliseconds():
			return &Invalid{at + "from_ms", "is outside the recording"}
		case r.ToMS <= r.FromMS:
			return &Invalid{at + "to_ms", "is not after from_ms"}
		case r.ToMS > duration.Milliseconds():
			return &Invalid{at + "to_ms", "is outside the recording"}
		case r.Side != Caller && r.Side != Called && r.Side != Both:
			return &Invalid{at + "side", `is "caller", "called" or "both"`}
		case !sayable(r.Reason, maxReason):
			return &Invalid{at + "reason", fmt.Sprintf("is missing, longer than %d characters, or has control characters", maxReason)}
		}
	}
	return nil
}

// sayable: people wrote it, and it can stand in a line of text.
func sayable(s string, runes int) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= runes && !strings.ContainsFunc(s, unicode.IsControl)
}

// Entry is one entry of the audit log.
type Entry struct {
	Seq     int64
	Time    time.Time
	Domain  string
	Subject string
	Action  string
	Object  string
	Outcome string
	Detail  map[string]any
}

// Log is the audit log, for whoever makes packs.
type Log interface {
	// Extract is what the log has about a recording. It is bounded: who looks at a recording again and again must not keep a pack from being made.
	Extract(ctx context.Context, domain, recording string) (Extract, error)
}

// Extract is a part of the log as a file that proves itself.
type Extract struct {
	Text    []byte
	Key     string // public key of the log
	LeftOut []LeftOut
}

// LeftOut counts entries of one kind that the log has and an extract has not.
type LeftOut struct {
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	Count   int64  `json:"count"`
}

// Proved is an extract that was found to be what the log holds.
type Proved struct {
	Entries   []Entry
	Size      int64     // of the log, when its checkpoint was signed
	Time      time.Time // of the checkpoint
	Witnessed time.Time // when a witness signed it too; zero: none that was asked for
}

// OpenLog checks an extract with the log's public key. Its error names the entry that is wrong.
type OpenLog func(extract []byte, key string) (Proved, error)

// Fingerprint of a public key: SHA-256 of its SubjectPublicKeyInfo (RFC 5280 section 4.1), in hexadecimal, as
// `openssl pkey -pubin -outform DER | sha256sum` prints it.
func Fingerprint(key ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	return sum(der)
}

// EncodeKey writes a public key as PEM.
func EncodeKey(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("evidence: public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParseKey reads what EncodeKey wrote, and nothing else.
func ParseKey(text []byte) (ed25519.PublicKey, error) {
	bad := errors.New("evidence: no public key of Ed25519 in PEM")
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return nil, bad
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, bad
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, bad
	}
	return key, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// receipt is what callers were told, and when: a part of the manifest, for a reader who wants nothing else.
type receipt struct {
	Recording string            `json:"recording"`
	Notices   []recorder.Notice `json:"notices"`
}

func receiptOf(m recorder.Manifest) receipt {
	r := receipt{Recording: m.ID, Notices: []recorder.Notice{}}
	if m.Notice != nil {
		r.Notices = append(r.Notices, *m.Notice)
	}
	r.Notices = append(r.Notices, m.Notices...)
	return r
}

// trackName is the member of a track.
func trackName(number int) string { return fmt.Sprintf("track-%02d.wav", number) }
