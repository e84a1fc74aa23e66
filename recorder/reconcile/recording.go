package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/retention"
	"naisen/recorder/seal"
)

// part is an object of a recording, and what it must be.
type part struct {
	name string
	size int64 // < 0: not known
	sha  string
}

// recording looks at what is stored of one. Without Deep that are names and sizes of audio and manifest, and what the catalogue does not know of people's
// decisions.
func (r *run) recording(ctx context.Context, row catalogue.Row, stored map[string]int64, beside []string) error {
	manifest := catalogue.ManifestName(row.Object)
	whole := true
	for _, p := range []part{{row.Object, row.SealedBytes, row.SealedSHA256}, {manifest, -1, ""}} {
		ok, err := r.there(ctx, row, p, stored)
		if err != nil {
			return err
		}
		whole = whole && ok
	}
	deep := r.Deep(row.Object)
	if err := r.decided(ctx, row, stored, beside, deep); err != nil || !whole || !deep {
		return err
	}
	m, err := catalogue.ReadManifest(ctx, r.Store, r.Keys, row.Domain, manifest)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && r.keyless(err): // the audio is looked at all the same
		m = recorder.Manifest{SealedSHA256: row.SealedSHA256, Epoch: row.Epoch}
	case errors.Is(err, objstore.ErrNotFound):
		return nil // destroyed meanwhile, or told by the next run
	case errors.Is(err, recorder.ErrIntegrity):
		r.found(Altered, manifest, "%v", err)
		return nil
	case err != nil:
		return err
	case m.SealedSHA256 != row.SealedSHA256:
		r.found(Altered, manifest, "it names another audio than the catalogue")
		return nil
	}
	parts := []part{{row.Object, row.SealedBytes, row.SealedSHA256}}
	for _, t := range m.Tracks {
		parts = append(parts, part{catalogue.TrackName(row.Object, t.Number), t.SealedBytes, t.SealedSHA256})
	}
	for _, p := range parts {
		if ok, err := r.there(ctx, row, p, stored); err != nil || !ok {
			return err
		}
		if err := r.read(ctx, row, p); err != nil {
			return err
		}
	}
	parts = append(parts, part{name: manifest})
	wrap := part{name: catalogue.WrapName(row.Object, row.Epoch), size: -1}
	_, listed := stored[wrap.name]
	if row.Epoch > m.Epoch { // without it the recording opens with an older key alone, or with none
		if ok, err := r.there(ctx, row, wrap, stored); err != nil || !ok {
			return err
		}
		listed = true
	}
	if listed {
		parts = append(parts, wrap)
	}
	return r.locks(ctx, row, append(parts, known(row, beside)...))
}

// known are the objects with what people decided that the catalogue knows: nobody vouches for others, and they are not locked.
func known(row catalogue.Row, beside []string) (parts []part) {
	for _, name := range beside {
		if catalogue.RemarksNumber(name) <= row.Remarks {
			parts = append(parts, part{name: name, size: -1})
		}
	}
	return parts
}

// keyless says that this machine has public keys only, as it may: then no manifest opens, and none is called altered for that. An altered header looks
// like a missing key too, but then others open.
func (r *run) keyless(err error) bool {
	if !errors.Is(err, seal.ErrNoKey) || errors.Is(err, recorder.ErrIntegrity) {
		return false
	}
	r.report.Keyless = true
	return true
}

// there says that an object is listed with its size.
func (r *run) there(ctx context.Context, row catalogue.Row, p part, stored map[string]int64) (bool, error) {
	size, ok := stored[p.name]
	if !ok {
		info, err := r.Store.Stat(ctx, p.name)
		if errors.Is(err, objstore.ErrNotFound) {
			return r.missing(ctx, row, p.name)
		}
		if err != nil {
			return false, err
		}
		size = info.Size
	}
	if p.size >= 0 && size != p.size {
		r.found(Altered, p.name, "%d bytes instead of %d", size, p.size)
		return false, nil
	}
	return true, nil
}

// missing tells of an object that is not there, unless its recording went meanwhile, or it can be brought back.
func (r *run) missing(ctx context.Context, row catalogue.Row, name string) (bool, error) {
	_, err := r.Catalogue.Get(ctx, row.Domain, row.ID)
	if errors.Is(err, recorder.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if u, ok := r.Store.(objstore.Uncoverer); ok && r.Mend {
		n, err := u.Uncover(ctx, name)
		if err != nil {
			return false, err
		}
		if _, err := r.Store.Stat(ctx, name); n > 0 && err == nil {
			r.found(Uncovered, name, "somebody deleted it past us, without its version")
			return true, nil
		}
	}
	r.found(Missing, name, "recording %s of %s", row.ID, row.Started.UTC().Format("2006-01-02 15:04:05"))
	return false, nil
}

// read holds an object's hash against what it must be.
func (r *run) read(ctx context.Context, row catalogue.Row, p part) error {
	body, err := r.Store.Get(ctx, p.name, 0, -1)
	if errors.Is(err, objstore.ErrNotFound) {
		_, err := r.missing(ctx, row, p.name)
		return err
	}
	if err != nil {
		return err
	}
	defer body.Close()
	h := sha256.New()
	n, err := io.Copy(h, body)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	r.report.Read++
	if sum := hex.EncodeToString(h.Sum(nil)); n != p.size || sum != p.sha {
		r.found(Altered, p.name, "hash %s instead of %s", sum, p.sha)
	}
	return nil
}

// locks makes sure that everything is locked for as long as the catalogue keeps it. Times and holds are two things: a time is only made later, and a
// hold is what the catalogue says after it was set, not before, since somebody may release or hold it in that moment.
func (r *run) locks(ctx context.Context, row catalogue.Row, parts []part) error {
	want := objstore.Lock{Until: row.RetainUntil, LegalHold: !row.Held.IsZero()}
	if !want.Stands(r.Clock()) {
		return nil
	}
	var less []string // locked for less than that
	loose := false
	for _, p := range parts {
		has, err := r.Store.Locked(ctx, p.name)
		if errors.Is(err, objstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		short, free := has.Until.Before(want.Until), want.LegalHold && !has.LegalHold
		if short && r.Mend {
			err = r.Store.Retain(ctx, p.name, want.Until)
		}
		if err != nil {
			return unlockable(err)
		}
		if loose = loose || free; short || free {
			less = append(less, p.name)
		}
	}
	detail := "kept until %s"
	if r.Mend {
		detail += "; locked now"
	}
	if loose && r.Mend {
		if err := retention.SettleHold(ctx, r.Catalogue, r.Store, row.Domain, row.ID); err != nil {
			return unlockable(err)
		}
	}
	for _, name := range less {
		r.found(Unlocked, name, detail, want.Until.UTC().Format("2006-01-02"))
	}
	return nil
}

// unlockable is err, but where there is nothing to lock any more, or nothing that locks: the bucket's alarm says so once for all.
func unlockable(err error) error {
	if errors.Is(err, objstore.ErrNoLocks) || errors.Is(err, objstore.ErrNotFound) || errors.Is(err, recorder.ErrNotFound) {
		return nil
	}
	return err
}
