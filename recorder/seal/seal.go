// Package seal encrypts recordings with age to the vault's public keys and opens them again for playback.
// It owns the key files and their format; it never stores an object, and never decides who may open one.
//
// Three identities, each for one purpose, each hybrid X25519 + ML-KEM-768:
//   - vault: opens stored recordings. Only playback needs it; without its file the switch still records.
//   - recovery: opens stored recordings too. Its identity belongs offline; only the recipient stays here.
//   - spool: opens what waits on this machine's own disk (journals, upload notes) and nothing that is stored.
package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"filippo.io/age"

	"naisen/recorder"
)

// ErrNoKey says that none of the identities at hand opens this file. Where the header was altered it comes together with recorder.ErrIntegrity.
var ErrNoKey = errors.New("seal: no identity opens this")

// KeyRing gives keys by purpose. Files is the ring on disk; a KMS or a PKCS#11 token fits behind the same three methods.
type KeyRing interface {
	// Recipients are all who can open what is sealed for the domain: the vault and the offline recovery.
	Recipients(ctx context.Context, domain string) ([]age.Recipient, error)
	// Identities open what was sealed for the domain; ErrNoKey where this process has only public keys.
	Identities(ctx context.Context, domain string) ([]age.Identity, error)
	// Spool is the identity for files that wait on this machine's own disk.
	Spool(ctx context.Context) (age.Recipient, age.Identity, error)
}

// Sealer seals and opens with the keys of a ring. Safe for concurrent use.
type Sealer struct{ ring KeyRing }

// New makes a Sealer on a key ring.
func New(ring KeyRing) *Sealer { return &Sealer{ring} }

// Seal returns a writer that encrypts to dst for the domain's vault and the recovery recipient.
// Nothing is complete before Close, which does not close dst.
func (s *Sealer) Seal(ctx context.Context, domain string, dst io.Writer) (io.WriteCloser, error) {
	to, err := s.ring.Recipients(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("seal: recipients: %w", err)
	}
	w, err := age.Encrypt(dst, to...)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return w, nil
}

// Open decrypts a sealed stream. Reads fail with recorder.ErrIntegrity at the first altered 64 KiB chunk, before any byte of it is returned.
func (s *Sealer) Open(ctx context.Context, domain string, src io.Reader) (io.Reader, error) {
	ids, err := s.ring.Identities(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("seal: identities: %w", err)
	}
	return openStream(src, ids)
}

// OpenAt gives random access to a sealed object of the given size; the second result is the size of the plain content.
// Each chunk is authenticated before a byte of it is returned, and the last chunk before OpenAt returns.
func (s *Sealer) OpenAt(ctx context.Context, domain string, src io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	ids, err := s.ring.Identities(ctx, domain)
	if err != nil {
		return nil, 0, fmt.Errorf("seal: identities: %w", err)
	}
	watched := &watchedAt{r: src}
	plain, n, err := age.DecryptReaderAt(watched, size, ids...)
	if err != nil {
		return nil, 0, verdict(err, watched.err())
	}
	return &plainAt{plain, watched}, n, nil
}

// SealSpool encrypts a small value for this machine's own spool.
func (s *Sealer) SealSpool(ctx context.Context, plain []byte) ([]byte, error) {
	to, _, err := s.ring.Spool(ctx)
	if err != nil {
		return nil, fmt.Errorf("seal: spool key: %w", err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("seal: spool: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("seal: spool: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal: spool: %w", err)
	}
	return out.Bytes(), nil
}

// OpenSpool opens what SealSpool made; at most limit bytes of it.
func (s *Sealer) OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error) {
	_, id, err := s.ring.Spool(ctx)
	if err != nil {
		return nil, fmt.Errorf("seal: spool key: %w", err)
	}
	r, err := openStream(bytes.NewReader(sealed), []age.Identity{id})
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(plain)) > limit {
		return nil, fmt.Errorf("seal: spool: more than %d bytes: %w", limit, recorder.ErrIntegrity)
	}
	return plain, nil
}

func openStream(src io.Reader, ids []age.Identity) (io.Reader, error) {
	watched := &watched{r: src}
	plain, err := age.Decrypt(watched, ids...)
	if err != nil {
		return nil, verdict(err, watched.failed)
	}
	return &plainReader{plain, watched}, nil
}

// verdict tells an altered file from a store that could not be read: age returns both as plain errors.
func verdict(err, source error) error {
	var noMatch *age.NoIdentityMatchError
	switch {
	case source != nil:
		return fmt.Errorf("seal: read: %w", source)
	case errors.As(err, &noMatch): // also what an altered recipient stanza looks like
		return fmt.Errorf("%w: %w", recorder.ErrIntegrity, ErrNoKey)
	}
	return fmt.Errorf("%w: %v", recorder.ErrIntegrity, err)
}

// watched remembers the error of the source that is not the end of it.
type watched struct {
	r      io.Reader
	failed error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.failed = err
	}
	return n, err
}

type plainReader struct {
	r io.Reader
	w *watched
}

func (p *plainReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && err != io.EOF {
		err = verdict(err, p.w.failed)
	}
	return n, err
}

type watchedAt struct {
	r      io.ReaderAt
	mu     sync.Mutex
	failed error
}

func (w *watchedAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		w.mu.Lock()
		w.failed = err
		w.mu.Unlock()
	}
	return n, err
}

// err returns the source's failure once: a later read that succeeds must not inherit it.
func (w *watchedAt) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.failed
	w.failed = nil
	return err
}

type plainAt struct {
	r io.ReaderAt
	w *watchedAt
}

func (p *plainAt) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.r.ReadAt(b, off)
	if err != nil && err != io.EOF {
		err = verdict(err, p.w.err())
	}
	return n, err
}
