package watermark

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"naisen/recorder"
)

// Keeper seals small values for this machine, and opens them. seal.Sealer is one: where the vault is a process of its own, that one opens.
type Keeper interface {
	SealSpool(ctx context.Context, plain []byte) ([]byte, error)
	OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error)
}

// Holder opens the key when it is first needed, since its keeper may not answer when the switch starts. One key marks for all domains, so that whoever
// finds a file need not know first whose it is. Safe for concurrent use.
type Holder struct {
	path   string
	keeper Keeper

	turn chan struct{} // one slot: whoever is in it may look, ask and write what follows
	key  *Key
}

// NewHolder is for the key in a sealed file. A file that is lost is lost: what was marked until then is traced no more, so it belongs into the backup of
// the keys.
func NewHolder(path string, keeper Keeper) *Holder {
	return &Holder{path: path, keeper: keeper, turn: make(chan struct{}, 1)}
}

// Key opens the key, and makes it where it was never made. It waits for whoever does so already, as long as ctx lives: the keeper may be slow, and is
// asked once. Errors: the keeper's, ctx's, recorder.ErrIntegrity.
func (h *Holder) Key(ctx context.Context) (*Key, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("watermark: key: %w", ctx.Err())
	}
	if h.key != nil {
		return h.key, nil
	}
	sealed, err := os.ReadFile(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		sealed, err = h.create(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("watermark: key: %w", err)
	}
	secret, err := h.keeper.OpenSpool(ctx, sealed, secretSize)
	if err != nil {
		return nil, fmt.Errorf("watermark: key: %w", err)
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("watermark: key of %d bytes: %w", len(secret), recorder.ErrIntegrity)
	}
	h.key, err = newKey(secret)
	return h.key, err
}

// create makes a secret and keeps it sealed. Of two processes that do so at once the first one's counts.
func (h *Holder) create(ctx context.Context) ([]byte, error) {
	var secret [secretSize]byte
	rand.Read(secret[:])
	sealed, err := h.keeper.SealSpool(ctx, secret[:])
	if err != nil {
		return nil, err
	}
	if err := publish(h.path, sealed); err != nil {
		return nil, err
	}
	return os.ReadFile(h.path)
}

// publish gives a file its name once it is whole and on the disk; one that is there already stays.
func publish(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
