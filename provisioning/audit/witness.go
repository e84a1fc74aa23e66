package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrWitness says that a witness did not sign, for a reason that is not the log's: it is away, does not know the log, or signs with another key.
var ErrWitness = errors.New("audit: witness did not sign")

const (
	algCosignature = 4 // C2SP tlog-cosignature, Ed25519
	maxAnswer      = 16 << 10
)

// Witness is somebody else who remembers how large the log was, and signs only what grew out of that (C2SP tlog-witness). With its signature a
// checkpoint says that not even whoever owns this machine and its keys has shown another history elsewhere.
type Witness struct {
	url      string
	verifier cosigner
	http     *http.Client
	size     int64 // what it signed last, as far as we know; of the Publisher's goroutine
}

// NewWitness takes the submission prefix of a witness and its key as "name+hash+base64", with signature type 4 (Ed25519 cosignature).
func NewWitness(url, key string, client *http.Client) (*Witness, error) {
	v, err := newCosigner(key)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return nil, errors.New("audit: a witness is reached by http:// or https://")
	}
	return &Witness{url: strings.TrimSuffix(url, "/") + "/add-checkpoint", verifier: v, http: client}, nil
}

// Cosign has a signed checkpoint signed by the witness and gives it back with that signature. ErrBroken: the witness has seen another or a longer
// history of this log. ErrWitness: it cannot be asked now, or refuses.
func (w *Witness) Cosign(ctx context.Context, src Source, c Checkpoint, signed []byte) ([]byte, error) {
	for range 2 { // the second time with the size that it told us
		status, answer, err := w.ask(ctx, src, c, signed)
		if err != nil {
			return nil, err
		}
		switch status {
		case http.StatusOK:
			both, err := w.join(signed, answer)
			if err == nil {
				w.size = c.Size
			}
			return both, err
		case http.StatusConflict:
			size, err := strconv.ParseInt(strings.TrimSpace(string(answer)), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%w: its answer is not readable", ErrWitness)
			}
			if size > c.Size || size == c.Size && w.size == c.Size { // the second: the same size, and another root
				return nil, fmt.Errorf("%w: the witness %s has seen it with %d entries, and other ones than the %d here", ErrBroken, w.verifier.name, size, c.Size)
			}
			w.size = size
		case http.StatusUnprocessableEntity:
			return nil, fmt.Errorf("%w: the witness %s has seen another history of its first %d entries", ErrBroken, w.verifier.name, w.size)
		default:
			return nil, fmt.Errorf("%w: status %d", ErrWitness, status)
		}
	}
	return nil, fmt.Errorf("%w: it names another size each time", ErrWitness)
}

func (w *Witness) ask(ctx context.Context, src Source, c Checkpoint, signed []byte) (int, []byte, error) {
	var body bytes.Buffer
	old := min(w.size, c.Size)
	fmt.Fprintf(&body, "old %d\n", old)
	if old > 0 && old < c.Size {
		proof, err := tlog.ProveTree(c.Size, old, hashReader(func(seqs []int64) (map[int64][]byte, error) { return src.AuditHashes(ctx, seqs) }))
		if err != nil {
			return 0, nil, fmt.Errorf("audit: witness: %w", err)
		}
		for _, h := range proof {
			fmt.Fprintln(&body, h)
		}
	}
	body.WriteByte('\n')
	body.Write(signed)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, &body)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrWitness, err)
	}
	res, err := w.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrWitness, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrWitness, err)
	}
	return res.StatusCode, answer, nil
}

// join puts the witness's own line under the note; lines of others are left out, and one that does not verify is refused.
func (w *Witness) join(signed, answer []byte) ([]byte, error) {
	for line := range bytes.Lines(answer) {
		if !bytes.HasPrefix(line, []byte("— "+w.verifier.name+" ")) || !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		both := append(bytes.Clone(signed), line...)
		if n, err := note.Open(both, note.VerifierList(w.verifier)); err == nil && len(n.Sigs) == 1 {
			return both, nil
		}
	}
	return nil, fmt.Errorf("%w: its answer has no signature of %s that holds", ErrWitness, w.verifier.name)
}

// Cosigned says when the witness of that key signed a checkpoint: ErrCheckpoint where it did not.
func Cosigned(signed []byte, key string) (time.Time, error) {
	v, err := newCosigner(key)
	if err != nil {
		return time.Time{}, err
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: the witness %s has not signed it", ErrCheckpoint, v.name)
	}
	raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil || len(raw) < 12 {
		return time.Time{}, fmt.Errorf("%w: the witness's signature is not readable", ErrCheckpoint)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[4:12])), 0).UTC(), nil
}

// cosigner is the key of a witness as a note.Verifier.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

var _ note.Verifier = cosigner{}

func newCosigner(vkey string) (cosigner, error) {
	bad := errors.New(`audit: the key of a witness is "name+hash+base64" of type 4`)
	name, rest, _ := strings.Cut(strings.TrimSpace(vkey), "+")
	hash, encoded, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || name == "" || strings.ContainsAny(name, " \t\n") || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algCosignature {
		return cosigner{}, bad
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	c := cosigner{name, binary.BigEndian.Uint32(sum[:]), raw[1:]}
	if hash != fmt.Sprintf("%08x", c.hash) {
		return cosigner{}, bad
	}
	return c, nil
}

// Name implements note.Verifier.
func (c cosigner) Name() string { return c.name }

// KeyHash implements note.Verifier.
func (c cosigner) KeyHash() uint32 { return c.hash }

// Verify implements note.Verifier: eight octets of time, then the signature over time and note.
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if at > 1<<62 {
		return false
	}
	return ed25519.Verify(c.key, append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), msg...), sig[8:])
}
