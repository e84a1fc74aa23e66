package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"filippo.io/age"

	"naisen/recorder"
)

const (
	// askAgain is how long a safe that does not answer is left alone while what it gave before may still be used.
	askAgain = 15 * time.Second
	// askMost is how old what it gave becomes before it is asked again, if half of the hold is not shorter.
	askMost = time.Minute
	// askLeast is how long it is not asked by those who begin to listen: they come in crowds, and a player asks for many ranges.
	askLeast = time.Second
)

// holder has one identity: for good where it lies in a plain file, else for as long as the Safe last said.
//
// A minute, or half of the hold, after it was asked the Safe is asked again, and by everybody who begins to listen: a key that was disabled there is refused
// here at once. A safe that does not answer is not noticed until the end of the hold; then nothing opens any more.
type holder struct {
	turn  chan struct{} // one slot: whoever is in it may look, ask and write what follows
	fetch func(context.Context) (*age.HybridIdentity, error)
	hold  time.Duration // < 0: for good
	id    *age.HybridIdentity
	asked time.Time // when the Safe last gave it
	tried time.Time // when it was last asked
}

// fixed has an identity from a plain file.
func fixed(id *age.HybridIdentity) *holder {
	return &holder{turn: make(chan struct{}, 1), hold: -1, id: id}
}

// held has one that the Safe keeps.
func (f *Files) held(name string, to *age.HybridRecipient) *holder {
	return &holder{turn: make(chan struct{}, 1), hold: f.cfg.Hold, fetch: func(ctx context.Context) (*age.HybridIdentity, error) {
		id, err := f.unwrap(ctx, name)
		if err == nil && id.Recipient().String() != to.String() {
			err = fmt.Errorf("seal: %s does not belong to the identity in the safe", f.public(name))
		}
		return id, err
	}}
}

// identity is what is used from day to day.
func (h *holder) identity(ctx context.Context) (*age.HybridIdentity, error) {
	return h.within(ctx, min(h.hold/2, askMost))
}

// renewed is identity for who begins to listen.
func (h *holder) renewed(ctx context.Context) (*age.HybridIdentity, error) {
	return h.within(ctx, min(h.hold/2, askLeast))
}

// within asks the Safe if it gave the identity longer ago than that. It waits for whoever asks already: a safe is asked once, not by each listener.
func (h *holder) within(ctx context.Context, after time.Duration) (*age.HybridIdentity, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.id != nil && (h.hold < 0 || time.Since(h.asked) < after) {
		return h.id, nil
	}
	usable := h.id != nil && time.Since(h.asked) < h.hold
	if usable && h.tried.After(h.asked) && time.Since(h.tried) < askAgain { // it did not answer
		return h.id, nil
	}
	h.tried = time.Now()
	id, err := h.fetch(ctx)
	switch {
	case err == nil:
		h.id, h.asked = id, h.tried
		return id, nil
	case usable && (errors.Is(err, ErrUnavailable) || ctx.Err() != nil):
		return h.id, nil
	}
	h.id = nil
	return nil, err
}

func (f *Files) unwrap(ctx context.Context, name string) (*age.HybridIdentity, error) {
	wrapped, _, err := readBounded(f.wrapped(name))
	if err != nil {
		return nil, fmt.Errorf("seal: identity: %w", err)
	}
	text, err := f.cfg.Safe.Unwrap(ctx, wrapped)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", name, err)
	}
	defer clear(text)
	return parseIdentity(text, f.wrapped(name))
}

// Protect brings the identities of vault and spool from plain files into the Safe: what it wrapped is read back and opened before the plain file goes.
// It returns the files that are gone. Killed at any moment it can be done again.
func (f *Files) Protect(ctx context.Context) (gone []string, err error) {
	if f.cfg.Safe == nil {
		return nil, errors.New("seal: the configuration names no safe")
	}
	for _, name := range []string{vaultName, spoolName} {
		text, _, err := readBounded(f.private(name))
		if errors.Is(err, fs.ErrNotExist) && f.kept[name] {
			continue // it is there already
		}
		if err != nil {
			return gone, fmt.Errorf("seal: protect: %w", err)
		}
		if err := f.protect(ctx, name, text); err != nil {
			return gone, err
		}
		gone = append(gone, f.private(name))
	}
	return gone, nil
}

func (f *Files) protect(ctx context.Context, name string, text []byte) error {
	plain, err := parseIdentity(text, f.private(name))
	if err != nil {
		return err
	}
	wrapped, err := f.cfg.Safe.Wrap(ctx, text)
	if err != nil {
		return fmt.Errorf("seal: protect %s: %w", name, err)
	}
	if err := replace(f.wrapped(name), wrapped, 0o600); err != nil {
		return fmt.Errorf("seal: protect %s: %w", name, err)
	}
	back, err := f.unwrap(ctx, name)
	if err != nil {
		return err
	}
	if back.String() != plain.String() {
		return fmt.Errorf("seal: protect %s: %w", name, recorder.ErrIntegrity)
	}
	if err := os.Remove(f.private(name)); err != nil {
		return fmt.Errorf("seal: protect %s: %w", name, err)
	}
	return syncDir(f.cfg.Private)
}
