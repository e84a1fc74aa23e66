// Package rewrap brings what is stored under a domain's older keys to its newest one, without touching an object: the file keys get new headers in a
// small object beside the recording (catalogue.Wrap), which is read back and opened before the catalogue believes it. It never decrypts audio beyond
// the first chunk that proves a header, and no waveform, never deletes a recording's object, and never takes a key away.
package rewrap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// Keys do what needs them. seal.Sealer is one.
type Keys interface {
	catalogue.Opener // of manifests
	// Epoch numbers the domain's newest key.
	Epoch(ctx context.Context, domain string) (int, error)
	// Rewrap makes a header for the domain's newest key from a sealed object's head.
	Rewrap(ctx context.Context, domain string, head []byte) (fresh []byte, epoch int, err error)
	// Proves says whether the beginning of a sealed file, of seal.ProofSize bytes, opens.
	Proves(ctx context.Context, domain string, start []byte) error
}

// Config of a run. All but Log are required.
type Config struct {
	Catalogue *catalogue.Catalogue
	Store     objstore.Store
	Keys      Keys
	Log       *slog.Logger
}

// Report of one run.
type Report struct {
	Done   int64 // recordings that the newest key opens now
	Failed int64 // recordings that it does not open yet
}

// keyless says that this process has no private key at all. A header that none of its keys opens may be altered too, and says so.
func keyless(err error) bool {
	return errors.Is(err, seal.ErrNoKey) && !errors.Is(err, recorder.ErrIntegrity)
}

// Run brings all domains' recordings to their newest keys. A recording that cannot be done is told, up to maxTold of them, counted, and left for the next run; an error of the
// catalogue, a keeper of keys that does not answer, and no private key at all (seal.ErrNoKey without recorder.ErrIntegrity) end the run. It can be killed at any moment: what a recording has already is taken up again.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Catalogue == nil || cfg.Store == nil || cfg.Keys == nil {
		return Report{}, errors.New("rewrap: Catalogue, Store and Keys are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := run{Config: cfg}
	counts, err := cfg.Catalogue.Epochs(ctx)
	if err != nil {
		return r.report, fmt.Errorf("rewrap: %w", err)
	}
	for domain, by := range counts {
		if err := r.domain(ctx, domain, by); err != nil {
			return r.report, fmt.Errorf("rewrap: %s: %w", domain, err)
		}
	}
	return r.report, nil
}

type run struct {
	Config
	report Report
}

func (r *run) domain(ctx context.Context, domain string, needed map[int]int64) error {
	newest, err := r.Keys.Epoch(ctx, domain)
	if err != nil {
		return err
	}
	old := int64(0)
	for epoch, n := range needed {
		if epoch < newest {
			old += n
		}
	}
	after := ""
	for old > 0 {
		rows, err := r.Catalogue.Below(ctx, domain, newest, after)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.ID
			if err := r.recording(ctx, row); err != nil {
				if ctx.Err() != nil || errors.Is(err, seal.ErrUnavailable) || errors.Is(err, seal.ErrRefused) || keyless(err) {
					return err
				}
				if r.report.Failed++; r.report.Failed <= maxTold {
					r.Log.Error("rewrap: recording", "recording", row.ID, "domain", domain, "err", err)
				}
				if err := rest(ctx); err != nil {
					return err
				}
				continue
			}
			r.report.Done++
		}
		if len(rows) < catalogue.MaxLimit {
			return nil
		}
	}
	return nil
}

// Where nothing can be done, because a store has lost what it had, a run looks at a million recordings, and the next one a minute later again: no more than
// maxTold of them are told, and after each it rests, so that calls and searches have the processor.
const (
	maxTold    = 100
	failedRest = 2 * time.Millisecond // far more than it costs to find that there is nothing
)

func rest(ctx context.Context) error {
	timer := time.NewTimer(failedRest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// recording makes one recording's wrap, proves it, locks it as the recording is locked, and only then tells the catalogue.
func (r *run) recording(ctx context.Context, row catalogue.Row) error {
	parts, err := r.parts(ctx, row)
	if err != nil {
		return err
	}
	peaks, err := r.peaks(ctx, row.Domain, row.Object)
	if err != nil {
		return err
	}
	epoch, err := r.Keys.Epoch(ctx, row.Domain)
	if err != nil {
		return err
	}
	name := catalogue.WrapName(row.Object, epoch)
	_, err = r.Store.Stat(ctx, name)
	if errors.Is(err, objstore.ErrNotFound) { // else an earlier run came so far
		name, epoch, err = r.put(ctx, row, parts, peaks)
	}
	if err != nil {
		return err
	}
	if err := r.prove(ctx, row, name, parts, peaks); err != nil {
		return err
	}
	return r.Catalogue.Beside(ctx, r.Store, row, name, func() error { return r.Catalogue.Rewrapped(ctx, row.Domain, row.ID, epoch) })
}

// parts are the sealed objects of a recording that get a new header. What people decided is written anew instead, by remarks.Keeper.
func (r *run) parts(ctx context.Context, row catalogue.Row) ([]string, error) {
	names, err := catalogue.Objects(ctx, r.Store, row.Object)
	var parts []string
	for _, n := range names {
		if !catalogue.IsBeside(n) {
			parts = append(parts, n)
		}
	}
	return parts, err
}

// put stores a wrap for the newest key.
func (r *run) put(ctx context.Context, row catalogue.Row, parts []string, peaks []byte) (name string, epoch int, err error) {
	w := catalogue.Wrap{Version: 1, Object: row.Object, Headers: map[string][]byte{}}
	add := func(name string, head []byte) error {
		fresh, of, err := r.header(ctx, row.Domain, name, head)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if w.Epoch != 0 && of != w.Epoch {
			return errors.New("the domain got another key meanwhile") // the next run has it
		}
		w.Epoch, w.Headers[name] = of, fresh
		return nil
	}
	for _, part := range parts {
		head, err := r.head(ctx, part)
		if err == nil {
			err = add(part, head)
		}
		if err != nil {
			return "", 0, err
		}
	}
	if len(peaks) > 0 {
		err := add(catalogue.PeaksName(row.Object), headOf(peaks))
		if errors.Is(err, seal.ErrNoKey) { // its key was retired by a version that left it out: the audio is worth more than its picture
			r.Log.Warn("rewrap: the waveform opens with no key any more", "recording", row.ID, "domain", row.Domain)
			err = nil
		}
		if err != nil {
			return "", 0, err
		}
	}
	text, err := json.Marshal(w)
	if err != nil {
		return "", 0, err
	}
	if len(text) > catalogue.MaxWrap {
		return "", 0, fmt.Errorf("a wrap of %d bytes", len(text))
	}
	name = catalogue.WrapName(row.Object, w.Epoch)
	err = r.Store.Put(ctx, name, bytes.NewReader(text), int64(len(text)), objstore.Lock{})
	if errors.Is(err, objstore.ErrExists) { // another process does the same: what it put must prove itself
		err = nil
	}
	return name, w.Epoch, err
}

// peaks is the sealed waveform of a recording, which its manifest has; nil: it has none.
func (r *run) peaks(ctx context.Context, domain, object string) ([]byte, error) {
	m, err := catalogue.ReadManifest(ctx, r.Store, r.Keys, domain, catalogue.ManifestName(object))
	return m.Peaks, err
}

func headOf(sealed []byte) []byte { return sealed[:min(len(sealed), seal.HeadSize)] }

// header makes the new one from a part's own, or from the newest that opens.
func (r *run) header(ctx context.Context, domain, part string, head []byte) ([]byte, int, error) {
	fresh, epoch, err := r.Keys.Rewrap(ctx, domain, head)
	if !errors.Is(err, seal.ErrNoKey) {
		return fresh, epoch, err
	}
	headers, listed := catalogue.Headers(ctx, r.Store, part)
	if listed != nil {
		return nil, 0, listed
	}
	for _, h := range headers {
		if fresh, epoch, again := r.Keys.Rewrap(ctx, domain, h.Text); again == nil {
			return fresh, epoch, nil
		}
	}
	return nil, 0, err
}

func (r *run) head(ctx context.Context, name string) ([]byte, error) {
	body, err := r.Store.Get(ctx, name, 0, seal.HeadSize)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, seal.HeadSize))
}

// prove reads the wrap back by a request of its own and opens every object of the recording behind its new header, as a listener will when the old
// key is gone. A wrap that does not open is taken away again where the store lets go of it.
func (r *run) prove(ctx context.Context, row catalogue.Row, name string, parts []string, peaks []byte) error {
	w, err := catalogue.ReadWrap(ctx, r.Store, name)
	for _, part := range parts {
		if err == nil {
			err = r.opens(ctx, row.Domain, part, w)
		}
	}
	if fresh := w.Headers[catalogue.PeaksName(row.Object)]; err == nil && len(peaks) > 0 && len(fresh) > 0 { // a wrap of before has none
		err = r.starts(ctx, row.Domain, bytes.NewReader(peaks), fresh)
	}
	if errors.Is(err, recorder.ErrIntegrity) {
		return errors.Join(fmt.Errorf("the store holds another wrap: %w", err), r.Store.Delete(ctx, name))
	}
	return err
}

// opens makes sure that an object opens behind its new header, and that no older key is needed for that.
func (r *run) opens(ctx context.Context, domain, part string, w catalogue.Wrap) error {
	fresh := w.Headers[part]
	if len(fresh) == 0 {
		return fmt.Errorf("no header for %s: %w", part, recorder.ErrIntegrity)
	}
	return r.begins(ctx, domain, part, fresh)
}
