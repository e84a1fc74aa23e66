// Package seal encrypts recordings with age to the vault's public keys and opens them again for playback.
// It owns the key files and their format; it never stores an object, and never decides who may open one.
//
// Four kinds of identities, each for one purpose, each hybrid X25519 + ML-KEM-768:
//   - of a domain: open what is stored of that domain. Each has a number, its epoch; rotation makes the next one. They lie beside their recipients,
//     sealed to vault and recovery.
//   - vault: opens the domains' identities, and recordings from before domains had keys of their own (epoch 0). Only playback needs it; without it the
//     switch still records.
//   - recovery: opens stored recordings and the domains' identities. Its identity belongs offline; only the recipient stays here.
//   - spool: opens what waits on this machine's own disk (journals, upload notes) and nothing that is stored.
//
// A Safe may keep vault and spool. Sealing, and making a domain's next key, need recipients only.
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

// ErrCut says that a sealed file ends before its end. It comes together with recorder.ErrIntegrity.
var ErrCut = errors.New("seal: the file is cut off")

// KeyRing gives keys by purpose. Files is the ring on disk; key services and hardware are behind its Safe.
type KeyRing interface {
	// Recipients are all who can open what is sealed for the domain from now on: its newest key, of that epoch, and the offline recovery.
	Recipients(ctx context.Context, domain string) (epoch int, to []age.Recipient, err error)
	// Identities open what was sealed for the domain; ErrNoKey where this process has only public keys; ErrUnavailable, ErrRefused.
	Identities(ctx context.Context, domain string) ([]age.Identity, error)
	// Renew asks whoever keeps the vault's identity whether it may still be used, if that was not asked a moment ago: ErrRefused, and from then on
	// nothing opens. nil where there is nobody to ask. One who does not answer is no error as long as what he gave before may be used.
	Renew(ctx context.Context) error
	// SpoolRecipients are who can open what waits on this machine's own disk.
	SpoolRecipients() []age.Recipient
	// SpoolIdentities open it. The errors are those of Identities.
	SpoolIdentities(ctx context.Context) ([]age.Identity, error)
	// Session are identities of this run alone, in memory, which open what this run put into its spool. There may be none.
	Session() []age.Identity
}

// Vault opens what this process has no identity for: the vault as a process of its own. Errors as those of the Sealer's methods.
type Vault interface {
	OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error)
	// OpenManifest opens a sealed manifest, and nothing else that was sealed.
	OpenManifest(ctx context.Context, domain string, src io.Reader) (io.Reader, error)
	Rewrap(ctx context.Context, domain string, head []byte) (fresh []byte, epoch int, err error)
	Proves(ctx context.Context, domain string, start []byte) error
}

// Sealer seals and opens with the keys of a ring. Safe for concurrent use.
type Sealer struct {
	ring  KeyRing
	vault Vault // nil: this process is the vault
}

// New makes a Sealer on a key ring.
func New(ring KeyRing) *Sealer { return &Sealer{ring: ring} }

// Apart makes a Sealer of public keys. What only a private one can do it asks the vault for, but for audio, which it never opens.
func Apart(ring KeyRing, vault Vault) *Sealer { return &Sealer{ring, vault} }

// Seal returns a writer that encrypts to dst for the domain's vault and the recovery recipient.
// Nothing is complete before Close, which does not close dst.
func (s *Sealer) Seal(ctx context.Context, domain string, dst io.Writer) (io.WriteCloser, error) {
	_, to, err := s.ring.Recipients(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("seal: recipients: %w", err)
	}
	w, err := age.Encrypt(dst, to...)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return w, nil
}

// Epoch numbers the domain's key that Seal uses now, or a newer one if somebody rotates meanwhile.
func (s *Sealer) Epoch(ctx context.Context, domain string) (int, error) {
	epoch, _, err := s.ring.Recipients(ctx, domain)
	if err != nil {
		return 0, fmt.Errorf("seal: recipients: %w", err)
	}
	return epoch, nil
}

// Open decrypts a sealed stream; apart from the vault, a manifest's only. Reads fail with recorder.ErrIntegrity at the first altered 64 KiB chunk, before any byte of it is returned.
func (s *Sealer) Open(ctx context.Context, domain string, src io.Reader) (io.Reader, error) {
	ids, err := s.ring.Identities(ctx, domain)
	if errors.Is(err, ErrNoKey) && s.vault != nil {
		return s.vault.OpenManifest(ctx, domain, src)
	}
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

// Renew is for whoever begins to listen: a key that was disabled since it was given is refused now, not when it would have been asked for again.
// Apart from the vault it says nothing: the vault asks.
func (s *Sealer) Renew(ctx context.Context) error {
	if err := s.ring.Renew(ctx); err != nil {
		return fmt.Errorf("seal: identities: %w", err)
	}
	return nil
}

// SealSpool encrypts a small value for this machine's own spool.
func (s *Sealer) SealSpool(_ context.Context, plain []byte) ([]byte, error) {
	sealed, err := sealSmall(plain, s.ring.SpoolRecipients()...)
	if err != nil {
		return nil, fmt.Errorf("seal: spool: %w", err)
	}
	return sealed, nil
}

// OpenSpool opens what SealSpool made; at most limit bytes of it.
func (s *Sealer) OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error) {
	plain, err := openSpool(sealed, s.ring.Session(), limit)
	if !errors.Is(err, ErrNoKey) {
		return plain, err
	}
	ids, err := s.ring.SpoolIdentities(ctx)
	if errors.Is(err, ErrNoKey) && s.vault != nil {
		return s.vault.OpenSpool(ctx, sealed, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("seal: spool key: %w", err)
	}
	return openSpool(sealed, ids, limit)
}

func openSpool(sealed []byte, ids []age.Identity, limit int64) ([]byte, error) {
	if len(ids) == 0 {
		return nil, ErrNoKey
	}
	r, err := openStream(bytes.NewReader(sealed), ids)
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
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", recorder.ErrIntegrity, ErrCut)
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
