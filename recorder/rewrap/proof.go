package rewrap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// Held is what a store holds of a domain, whatever the catalogue says of it.
type Held struct {
	Proved int64  // recordings of which everything opens with the domain's newest key alone
	Old    int64  // recordings of which something does not
	First  string // the first object that does not
}

// Prove opens the beginning of everything that the store holds of a domain with the domain's newest key and no other, by the object's own header or by
// the one that its newest wrap gives. So it knows what still needs an older key after a catalogue was lost, rebuilt or brought back from a backup, and
// where a wrap was lost. What the catalogue has removed, or begins to destroy, needs none. It reads up to seal.ProofSize of each object, and changes nothing.
// Errors: those of store and catalogue, seal.ErrUnavailable, seal.ErrRefused, seal.ErrNoKey where this process has public keys only.
func Prove(ctx context.Context, cfg Config, domain string) (Held, error) {
	if cfg.Catalogue == nil || cfg.Store == nil || cfg.Keys == nil {
		return Held{}, errors.New("rewrap: Catalogue, Store and Keys are required")
	}
	p := prover{run: run{Config: cfg}, domain: domain}
	var err error
	if p.newest, err = cfg.Keys.Epoch(ctx, domain); err != nil {
		return p.held, fmt.Errorf("rewrap: %w", err)
	}
	if err := p.walk(ctx); err != nil {
		return p.held, fmt.Errorf("rewrap: prove %s: %w", domain, err)
	}
	return p.held, nil
}

type prover struct {
	run
	domain string
	newest int
	held   Held
}

// walk goes through what is stored, a day at a time: that is what memory must hold.
func (p *prover) walk(ctx context.Context) error {
	var at string
	day := map[string][]string{} // by the audio that they belong to
	flush := func() error {
		for _, object := range sorted(day) {
			if err := p.recording(ctx, object, day[object]); err != nil {
				return err
			}
		}
		clear(day)
		return nil
	}
	err := p.Store.List(ctx, p.domain+"/", func(i objstore.Info) error {
		if dir := path.Dir(i.Name); dir != at {
			if err := flush(); err != nil {
				return err
			}
			at = dir
		}
		if object := catalogue.ObjectOf(i.Name); object != "" {
			day[object] = append(day[object], i.Name)
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return err
}

func sorted(day map[string][]string) []string {
	names := make([]string, 0, len(day))
	for n := range day {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// recording counts one.
func (p *prover) recording(ctx context.Context, object string, names []string) error {
	bad, err := p.needsOlder(ctx, object, names)
	if err != nil {
		return err
	}
	if bad != "" {
		if dropped, err := p.Catalogue.Dropped(ctx, p.domain, object); err != nil || dropped {
			return err
		}
		if p.held.Old++; p.held.First == "" {
			p.held.First = bad
		}
		return nil
	}
	p.held.Proved++
	return nil
}

// needsOlder names the first object of a recording that the newest key alone does not open; empty: all of them open.
func (p *prover) needsOlder(ctx context.Context, object string, names []string) (string, error) {
	var w catalogue.Wrap
	if wrap := catalogue.WrapName(object, p.newest); slices.Contains(names, wrap) {
		var err error
		if w, err = catalogue.ReadWrap(ctx, p.Store, wrap); doubtful(err) {
			return wrap, nil
		} else if err != nil {
			return "", err
		}
	}
	latest := latestRemarks(names)
	for _, name := range names {
		if catalogue.IsBeside(name) && name != latest {
			continue
		}
		err := p.begins(ctx, p.domain, name, w.Headers[name])
		switch {
		case doubtful(err):
			return name, nil
		case err != nil && !errors.Is(err, objstore.ErrNotFound): // what is gone since it was listed needs no key
			return "", err
		}
	}
	return p.waveform(ctx, object, names, w)
}

// latestRemarks is the newest of what people decided about a recording, which is written anew for each key; those before it count no longer.
func latestRemarks(names []string) (latest string) {
	for _, n := range names {
		if catalogue.RemarksNumber(n) > catalogue.RemarksNumber(latest) {
			latest = n
		}
	}
	return latest
}

// waveform is needsOlder for what is sealed inside a manifest. One that nothing here opens any more was lost before, and needs no key.
func (p *prover) waveform(ctx context.Context, object string, names []string, w catalogue.Wrap) (string, error) {
	if !slices.Contains(names, catalogue.ManifestName(object)) {
		return "", nil
	}
	peaks, err := p.peaks(ctx, p.domain, object)
	if len(peaks) == 0 || err != nil {
		if errors.Is(err, objstore.ErrNotFound) {
			err = nil
		}
		return "", err
	}
	name := catalogue.PeaksName(object)
	if err = p.starts(ctx, p.domain, bytes.NewReader(peaks), w.Headers[name]); !doubtful(err) {
		return "", err
	}
	if _, _, err := p.Keys.Rewrap(ctx, p.domain, headOf(peaks)); errors.Is(err, seal.ErrNoKey) {
		return "", nil
	}
	return name, nil
}

// doubtful is what an object does that another key opens, or none: age cannot tell these apart, and neither lets a key go.
func doubtful(err error) bool { return errors.Is(err, recorder.ErrIntegrity) }

// begins makes sure that an object opens with the newest key alone: behind another header, or, where that is empty, behind its own.
func (r *run) begins(ctx context.Context, domain, part string, fresh []byte) error {
	body, err := r.Store.Get(ctx, part, 0, seal.ProofSize)
	if err != nil {
		return err
	}
	defer body.Close()
	return r.starts(ctx, domain, body, fresh)
}

// starts is begins for what is read already.
func (r *run) starts(ctx context.Context, domain string, sealed io.Reader, fresh []byte) (err error) {
	if len(fresh) > 0 {
		if sealed, err = seal.Splice(sealed, fresh); err != nil {
			return err
		}
	}
	start, err := io.ReadAll(io.LimitReader(sealed, seal.ProofSize))
	if err != nil {
		return err
	}
	return r.Keys.Proves(ctx, domain, start)
}
