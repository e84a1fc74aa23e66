package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Recipients are who can open a file that is no recording: a backup, an escrow of keys. They are public.
type Recipients struct{ to []*age.HybridRecipient }

// maxRecipients bounds them: each costs the header of a file 1.6 KiB.
const maxRecipients = 16

// ReadRecipients reads them from a file, one in a line (age1pq...); lines that begin with # are remarks.
func ReadRecipients(path string) (Recipients, error) {
	text, _, err := readBounded(path)
	if err != nil {
		return Recipients{}, fmt.Errorf("seal: recipients: %w", err)
	}
	var r Recipients
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		to, err := age.ParseHybridRecipient(line)
		if err != nil { // somebody may have put an identity here
			return Recipients{}, fmt.Errorf("seal: %s holds something else than hybrid recipients (age1pq...)", path)
		}
		r.to = append(r.to, to)
	}
	if len(r.to) == 0 || len(r.to) > maxRecipients {
		return Recipients{}, fmt.Errorf("seal: %s holds %d recipients: one to %d may be there", path, len(r.to), maxRecipients)
	}
	return r, nil
}

// Recovery is the recipient of the offline recovery key.
func (f *Files) Recovery() Recipients { return Recipients{[]*age.HybridRecipient{f.recovery}} }

// Fingerprints name them, for people: the first eight octets of the SHA-256 of each.
func (r Recipients) Fingerprints() (all []string) {
	for _, to := range r.to {
		all = append(all, shortSum(to.String()))
	}
	return all
}

func shortSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Seal returns a writer that encrypts to dst. Nothing is complete before Close, which does not close dst.
func (r Recipients) Seal(dst io.Writer) (io.WriteCloser, error) {
	if len(r.to) == 0 {
		return nil, errors.New("seal: nobody to seal to")
	}
	to := make([]age.Recipient, len(r.to))
	for i := range to {
		to[i] = r.to[i]
	}
	w, err := age.Encrypt(dst, to...)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return w, nil
}

// Identity opens what was sealed to it.
type Identity struct{ id *age.HybridIdentity }

// ReadIdentity reads an identity file that only its owner can read.
func ReadIdentity(path string) (Identity, error) {
	id, err := readIdentity(path)
	return Identity{id}, err
}

// ParseIdentity reads one from text, as NewIdentity makes it.
func ParseIdentity(text []byte) (Identity, error) {
	id, err := parseIdentity(bytes.Clone(text), "the text")
	return Identity{id}, err
}

// Fingerprint names its recipient, as Recipients.Fingerprints does.
func (i Identity) Fingerprint() string { return shortSum(i.id.Recipient().String()) }

// Recipients are who it is.
func (i Identity) Recipients() Recipients {
	return Recipients{[]*age.HybridRecipient{i.id.Recipient()}}
}

// Open decrypts a sealed stream. Reads fail at the first altered 64 KiB chunk, before any byte of it is returned: recorder.ErrIntegrity, and with it ErrCut where
// the file ends before its end, and ErrNoKey where it was sealed to others (or its header was altered, which looks the same).
func (i Identity) Open(src io.Reader) (io.Reader, error) {
	return openStream(src, []age.Identity{i.id})
}

// String keeps the key out of a log.
func (Identity) String() string { return "[redacted]" }

// GoString keeps the key out of %#v.
func (Identity) GoString() string { return "[redacted]" }
