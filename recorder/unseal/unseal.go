// Package unseal opens stored recordings for reading: it holds manifest and sealed object against the catalogue, and only then decrypts, chunk by
// chunk and in memory. It never decides who may read, and writes nothing anywhere.
package unseal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// Opener opens what a store holds. Safe for concurrent use.
type Opener struct {
	store  objstore.Store
	sealer *seal.Sealer
	proofs proofs
}

// New makes an Opener.
func New(store objstore.Store, sealer *seal.Sealer) *Opener {
	return &Opener{store: store, sealer: sealer, proofs: proofs{known: map[proofKey][]byte{}}}
}

// Manifest opens the sealed manifest of a stored recording; recorder.ErrIntegrity where it does not fit the catalogue.
func (o *Opener) Manifest(ctx context.Context, row catalogue.Row) (recorder.Manifest, error) {
	_, m, err := o.ManifestText(ctx, row)
	return m, err
}

// ManifestText is Manifest with the manifest's own octets, whose hash the audit log has.
func (o *Opener) ManifestText(ctx context.Context, row catalogue.Row) ([]byte, recorder.Manifest, error) {
	m, text, err := catalogue.ReadManifestText(ctx, o.store, o.sealer, row.Domain, catalogue.ManifestName(row.Object))
	if err == nil && (m.ID != row.ID || m.SealedSHA256 != row.SealedSHA256 || m.SealedBytes != row.SealedBytes) {
		err = recorder.ErrIntegrity
	}
	return text, m, err
}

// Waveform opens the one that is sealed inside the manifest; nil: the recording has none. Errors as Open.
func (o *Opener) Waveform(ctx context.Context, row catalogue.Row) (recorder.Manifest, *recorder.Peaks, error) {
	if err := o.sealer.Renew(ctx); err != nil {
		return recorder.Manifest{}, nil, err
	}
	m, err := o.Manifest(ctx, row)
	if err != nil || m.Peaks == nil {
		return m, nil, err
	}
	plain, err := o.sealer.Open(ctx, row.Domain, bytes.NewReader(m.Peaks))
	if errors.Is(err, seal.ErrNoKey) {
		plain, err = o.peaksBehind(ctx, row, m.Peaks, err)
	}
	if err != nil {
		return m, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(plain, catalogue.MaxManifest))
	if err != nil {
		return m, nil, err
	}
	var p recorder.Peaks
	if err := json.Unmarshal(text, &p); err != nil {
		return m, nil, fmt.Errorf("unseal: waveform: %w: %v", recorder.ErrIntegrity, err)
	}
	return m, &p, nil
}

// peaksBehind opens a waveform by a header that it got when its own key was replaced.
func (o *Opener) peaksBehind(ctx context.Context, row catalogue.Row, sealed []byte, none error) (io.Reader, error) {
	headers, err := catalogue.Headers(ctx, o.store, catalogue.PeaksName(row.Object))
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		spliced, err := seal.Splice(bytes.NewReader(sealed), h.Text)
		if err != nil {
			return nil, err
		}
		plain, err := o.sealer.Open(ctx, row.Domain, spliced)
		if err == nil {
			return plain, nil
		}
		if !errors.Is(err, seal.ErrNoKey) && !errors.Is(err, recorder.ErrIntegrity) {
			return nil, err
		}
	}
	return nil, none
}

// Open proves the whole sealed object and returns its plain content, a WAV file, for random access as long as ctx lives. Close ends what the
// store has open. Whoever keeps the vault's key is asked again first. Errors: recorder.ErrIntegrity, objstore.ErrNotFound, seal.ErrNoKey,
// seal.ErrRefused; any other means: not now.
func (o *Opener) Open(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error) {
	if err := o.sealer.Renew(ctx); err != nil {
		return nil, 0, nil, err
	}
	if _, err := o.Manifest(ctx, row); err != nil {
		return nil, 0, nil, err
	}
	return o.open(ctx, row)
}

// Track is Open for the voice of one party alone. recorder.ErrNotFound: the recording has no track of that number.
func (o *Opener) Track(ctx context.Context, row catalogue.Row, number int) (io.ReaderAt, int64, io.Closer, error) {
	if err := o.sealer.Renew(ctx); err != nil {
		return nil, 0, nil, err
	}
	m, err := o.Manifest(ctx, row)
	if err != nil {
		return nil, 0, nil, err
	}
	for _, t := range m.Tracks {
		if t.Number == number {
			row.Object = catalogue.TrackName(row.Object, number)
			row.SealedSHA256, row.SealedBytes = t.SealedSHA256, t.SealedBytes
			return o.open(ctx, row)
		}
	}
	return nil, 0, nil, recorder.ErrNotFound
}

func (o *Opener) open(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error) {
	head, err := o.proofs.prove(ctx, o.store, row)
	if err != nil {
		return nil, 0, nil, err
	}
	sealed := &objectAt{ctx: ctx, store: o.store, name: row.Object, size: row.SealedBytes, head: head}
	plain, size, err := o.sealer.OpenAt(ctx, row.Domain, sealed, row.SealedBytes)
	if errors.Is(err, seal.ErrNoKey) {
		plain, size, err = o.behind(ctx, row, sealed, err)
	}
	if err != nil {
		sealed.Close()
		return nil, 0, nil, err
	}
	return plain, size, sealed, nil
}

// behind opens a sealed object by a header that it got when its own key was replaced. The object was proved, and what a header gives is the object's own
// file key or opens nothing.
func (o *Opener) behind(ctx context.Context, row catalogue.Row, sealed *objectAt, none error) (io.ReaderAt, int64, error) {
	headers, err := catalogue.Headers(ctx, o.store, row.Object)
	if err != nil {
		return nil, 0, err
	}
	for _, h := range headers {
		spliced, size, err := seal.SpliceAt(sealed, row.SealedBytes, h.Text)
		if err != nil {
			return nil, 0, err
		}
		plain, size, err := o.sealer.OpenAt(ctx, row.Domain, spliced, size)
		if err == nil {
			return plain, size, nil
		}
		if !errors.Is(err, seal.ErrNoKey) && !errors.Is(err, recorder.ErrIntegrity) {
			return nil, 0, err
		}
	}
	return nil, 0, none
}
