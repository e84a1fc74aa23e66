package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

// MaxManifest bounds a manifest in bytes.
const MaxManifest = 1 << 20

// nameParts is how many parts ObjectName has.
const nameParts = 5

// Opener opens what was sealed for a domain. seal.Sealer is one.
type Opener interface {
	Open(ctx context.Context, domain string, src io.Reader) (io.Reader, error)
}

// Rebuilt says what a Rebuild found.
type Rebuilt struct {
	Rows int
	Bad  []string // manifests that do not open, do not belong to their name, or have no audio of the right size beside them; at most 1000
}

// Rebuild enters every stored recording that the store's manifests know. Rows that exist keep what they have beyond it.
func (c *Catalogue) Rebuild(ctx context.Context, store objstore.Store, keys Opener) (Rebuilt, error) {
	var res Rebuilt
	err := store.List(ctx, "", func(info objstore.Info) error {
		if !strings.HasSuffix(info.Name, manifestExt) || strings.Count(info.Name, "/") != nameParts-1 { // not a manifest, or of something that lies deeper
			return nil
		}
		domain, _, _ := strings.Cut(info.Name, "/")
		m, lock, err := ReadWhole(ctx, store, keys, domain, info.Name)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if len(res.Bad) < 1000 {
				res.Bad = append(res.Bad, info.Name)
			}
			return nil
		}
		if err := c.Restore(ctx, m, lock); err != nil {
			return err
		}
		res.Rows++
		return nil
	})
	if err != nil {
		return res, fmt.Errorf("catalogue: rebuild: %w", err)
	}
	return res, nil
}

// restoredBy stands for who held a recording, where only its lock in the store still says that it is held. Who it was and why is in the audit log.
const restoredBy = "store"

// Restore enters a stored recording from its manifest, with what its lock in the store says beyond it: a later time, a hold. Where its row was lost
// it has the highest label: somebody may have raised the one of the manifest. Recall gives it what people decided.
func (c *Catalogue) Restore(ctx context.Context, m recorder.Manifest, lock objstore.Lock) error {
	if known, err := c.Known(ctx, m.Domain, ObjectName(m.Case)); err != nil {
		return err
	} else if !known {
		m.Label = recorder.Restricted
	}
	return c.Follow(ctx, m, lock)
}

// Follow is Restore of a recording whose label somebody vouches for: it has just been stored by another process, and what changes it comes after it.
func (c *Catalogue) Follow(ctx context.Context, m recorder.Manifest, lock objstore.Lock) error {
	if err := c.Stored(ctx, m); err != nil {
		return err
	}
	if lock.Until.After(m.RetainUntil().Add(time.Second)) { // a store keeps whole seconds
		later := c.Extend
		if m.RetainUntil().IsZero() { // people have given it an end
			later = c.Date
		}
		if err := ignoreMissing(later(ctx, m.Domain, m.ID, lock.Until)); err != nil {
			return err
		}
	}
	row, err := c.Get(ctx, m.Domain, m.ID)
	if err == nil && lock.LegalHold && row.Held.IsZero() {
		err = c.Hold(ctx, m.Domain, m.ID, restoredBy, "")
	}
	return ignoreMissing(err)
}

// ignoreMissing: another recording has the id, or its destruction has begun, or somebody has held it meanwhile.
func ignoreMissing(err error) error {
	var held *HeldError
	if errors.Is(err, recorder.ErrNotFound) || errors.Is(err, ErrChanged) || errors.As(err, &held) {
		return nil
	}
	return err
}

// ReadWhole is ReadManifest of a recording of which everything is there, and the manifest's lock.
func ReadWhole(ctx context.Context, store objstore.Store, keys Opener, domain, name string) (recorder.Manifest, objstore.Lock, error) {
	m, err := ReadManifest(ctx, store, keys, domain, name)
	if err == nil {
		err = complete(ctx, store, m)
	}
	var lock objstore.Lock
	if err == nil {
		lock, err = store.Locked(ctx, name)
	}
	return m, lock, err
}

// complete holds the sizes of what lies beside a manifest against it.
func complete(ctx context.Context, store objstore.Store, m recorder.Manifest) error {
	object := ObjectName(m.Case)
	sizes := map[string]int64{object: m.SealedBytes}
	for _, t := range m.Tracks {
		sizes[TrackName(object, t.Number)] = t.SealedBytes
	}
	for name, size := range sizes {
		info, err := store.Stat(ctx, name)
		if err == nil && info.Size != size {
			err = recorder.ErrIntegrity
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadManifest reads and opens a sealed manifest and makes sure that it is the one of its name. Its Epoch is that of the header that opened it.
func ReadManifest(ctx context.Context, store objstore.Store, keys Opener, domain, name string) (recorder.Manifest, error) {
	m, _, err := ReadManifestText(ctx, store, keys, domain, name)
	return m, err
}

// ReadManifestText is ReadManifest with the manifest's own octets.
func ReadManifestText(ctx context.Context, store objstore.Store, keys Opener, domain, name string) (recorder.Manifest, []byte, error) {
	var m recorder.Manifest
	plain, body, epoch, err := OpenAny(ctx, store, keys, domain, name)
	if err != nil {
		return m, nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(plain, MaxManifest+1))
	if err != nil {
		return m, nil, err
	}
	if len(text) > MaxManifest {
		return m, nil, fmt.Errorf("catalogue: manifest too large: %w", recorder.ErrIntegrity)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, nil, fmt.Errorf("catalogue: manifest: %w: %v", recorder.ErrIntegrity, err)
	}
	if m.Domain != domain || ManifestName(ObjectName(m.Case)) != name {
		return m, nil, fmt.Errorf("catalogue: manifest of another recording: %w", recorder.ErrIntegrity)
	}
	m.Epoch = max(m.Epoch, epoch)
	return m, text, nil
}
