package seal

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"naisen/recorder"
)

// HeadSize covers an age header with several hybrid recipients and the nonce behind it: the first so many bytes of a sealed file are enough for
// Rewrap and Splice.
const HeadSize = 16 << 10

// ProofSize covers the beginning of a sealed file with its first chunk of 64 KiB, and a byte of the next.
const ProofSize = HeadSize + 65<<10

// columns of base64 in a header, by the age specification.
const columns = 64

// header makes the age header (C2SP age specification, "Header") that gives a file key to recipients. age itself makes one only for a file key of its
// own making; reading is left to it.
func header(fileKey []byte, to []age.Recipient) ([]byte, error) {
	if len(to) == 0 {
		return nil, errors.New("no recipients")
	}
	var b bytes.Buffer
	b.WriteString("age-encryption.org/v1\n")
	for _, r := range to {
		stanzas, err := r.Wrap(fileKey)
		if err != nil {
			return nil, err
		}
		for _, s := range stanzas {
			b.WriteString("-> " + s.Type)
			for _, a := range s.Args {
				b.WriteString(" " + a)
			}
			b.WriteByte('\n')
			body := base64.RawStdEncoding.EncodeToString(s.Body)
			for ; len(body) >= columns; body = body[columns:] {
				b.WriteString(body[:columns] + "\n")
			}
			b.WriteString(body + "\n") // the last line is shorter than the others, and may be empty
		}
	}
	b.WriteString("---")
	key, err := hkdf.Key(sha256.New, fileKey, nil, "header", sha256.Size)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(b.Bytes())
	b.WriteString(" " + base64.RawStdEncoding.EncodeToString(mac.Sum(nil)) + "\n")
	return b.Bytes(), nil
}

// Rewrap gives the file key behind the head of a sealed file to those who are the domain's recipients now. It returns a header that stands in the place
// of the old one, and the epoch of the key that opens it; the file itself stays as it is. Errors as Open.
func (s *Sealer) Rewrap(ctx context.Context, domain string, head []byte) (fresh []byte, epoch int, err error) {
	ids, err := s.ring.Identities(ctx, domain)
	if errors.Is(err, ErrNoKey) && s.vault != nil {
		return s.vault.Rewrap(ctx, domain, head)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("seal: identities: %w", err)
	}
	fileKey, err := fileKeyOf(head, ids)
	if err != nil {
		return nil, 0, err
	}
	defer clear(fileKey)
	epoch, to, err := s.ring.Recipients(ctx, domain)
	if err != nil {
		return nil, 0, fmt.Errorf("seal: recipients: %w", err)
	}
	if fresh, err = header(fileKey, to); err != nil {
		return nil, 0, fmt.Errorf("seal: rewrap: %w", err)
	}
	if ids, err = s.ring.Identities(ctx, domain); err != nil { // the recipients may be newer than the identities above
		return nil, 0, fmt.Errorf("seal: identities: %w", err)
	}
	again, err := fileKeyOf(fresh, ids)
	if err != nil || subtle.ConstantTimeCompare(again, fileKey) != 1 {
		return nil, 0, errors.Join(errors.New("seal: rewrap: the new header does not open"), err)
	}
	clear(again)
	return fresh, epoch, nil
}

// Proves says whether the beginning of a sealed file, of ProofSize bytes or all of it, opens: its header with the domain's newest key
// and no other, and its first chunk with what that gives. Errors as Open.
func (s *Sealer) Proves(ctx context.Context, domain string, start []byte) error {
	ids, err := s.ring.Identities(ctx, domain)
	if errors.Is(err, ErrNoKey) && s.vault != nil {
		return s.vault.Proves(ctx, domain, start)
	}
	if err != nil {
		return fmt.Errorf("seal: identities: %w", err)
	}
	plain, err := openStream(bytes.NewReader(start), ids[:1])
	if err != nil {
		return err
	}
	var first [1]byte
	_, err = io.ReadFull(plain, first[:])
	return err
}

func fileKeyOf(head []byte, ids []age.Identity) ([]byte, error) {
	old, err := age.ExtractHeader(bytes.NewReader(head))
	if err != nil {
		return nil, verdict(err, nil)
	}
	fileKey, err := age.DecryptHeader(old, ids...)
	if err != nil {
		return nil, verdict(err, nil)
	}
	return fileKey, nil
}

// Splice gives a sealed file with another header in the place of its own: what Rewrap made of that one. It takes what it needs from src at once.
func Splice(src io.Reader, fresh []byte) (io.Reader, error) {
	head := make([]byte, HeadSize)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("seal: read: %w", err)
	}
	old, err := headerLen(head[:n])
	if err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(fresh), bytes.NewReader(head[old:n]), src), nil
}

// SpliceAt is Splice for random access; the second result is the size with the other header.
func SpliceAt(src io.ReaderAt, size int64, fresh []byte) (io.ReaderAt, int64, error) {
	head := make([]byte, min(HeadSize, size))
	if n, err := src.ReadAt(head, 0); n < len(head) {
		return nil, 0, fmt.Errorf("seal: read: %w", err)
	}
	old, err := headerLen(head)
	if err != nil {
		return nil, 0, err
	}
	return &spliced{src, fresh, int64(old)}, size - int64(old) + int64(len(fresh)), nil
}

func headerLen(head []byte) (int, error) {
	old, err := age.ExtractHeader(bytes.NewReader(head))
	if err != nil {
		return 0, fmt.Errorf("seal: header: %w: %v", recorder.ErrIntegrity, err)
	}
	return len(old), nil // age reads one form of a header only, the one that it writes
}

// spliced is a sealed file behind another header.
type spliced struct {
	src   io.ReaderAt
	fresh []byte
	old   int64 // length of the header that is left out
}

// ReadAt implements io.ReaderAt.
func (s *spliced) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(s.fresh)) {
		n = copy(p, s.fresh[off:])
	}
	if n == len(p) {
		return n, nil
	}
	m, err := s.src.ReadAt(p[n:], off+int64(n)-int64(len(s.fresh))+s.old)
	return n + m, err
}
