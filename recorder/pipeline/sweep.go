package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/capture"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// sweeper looks through files and rows from time to time, so that no recording depends on anyone's memory.
func (p *Pipeline) sweeper(ctx context.Context) {
	tick := time.NewTicker(p.cfg.Sweep)
	defer tick.Stop()
	for {
		if err := errors.Join(p.settleLost(ctx), p.settleAside(ctx)); err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("pipeline: sweep", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := p.sweep(); err != nil {
			p.cfg.Log.Error("pipeline: sweep", "err", err)
		}
	}
}

func (p *Pipeline) sweep() error {
	waiting, err := names(p.dir(spool), jobExt)
	if err != nil {
		return err
	}
	if err := p.weigh(); err != nil {
		return err
	}
	for _, id := range waiting {
		p.uploads.add(id)
	}
	open, err := names(p.dir(journals), capture.Ext)
	if err != nil {
		return err
	}
	for _, id := range open {
		if !p.capture.Live(id) { // listed first: what is not live now was finished before
			p.renders.add(id)
		}
	}
	return nil
}

// weigh adds up what waits here.
func (p *Pipeline) weigh() error {
	sum := int64(0)
	for _, dir := range []string{p.dir(spool), p.dir(journals)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			info, err := e.Info()
			if err == nil {
				sum += info.Size()
			} else if !errors.Is(err, fs.ErrNotExist) { // it went meanwhile
				return err
			}
		}
	}
	p.waiting.Store(sum)
	return nil
}

// removeTemporary removes, before anything runs, files of renders that did not come to their end, and sealed files that belong to nothing.
func (p *Pipeline) removeTemporary() error {
	entries, err := os.ReadDir(p.dir(spool))
	if err != nil {
		return err
	}
	for _, e := range entries {
		orphan := strings.HasSuffix(e.Name(), tmpExt)
		id, sealed := strings.CutSuffix(e.Name(), audioExt)
		if sealed {
			id = strings.TrimSuffix(id, ".manifest")
			if i := strings.LastIndex(id, trackMark); i > 0 {
				id = id[:i]
			}
			_, job := os.Stat(p.spooled(id, jobExt))
			_, journal := os.Stat(p.journal(id))
			orphan = errors.Is(job, fs.ErrNotExist) && errors.Is(journal, fs.ErrNotExist)
		}
		if orphan {
			p.cfg.Log.Info("pipeline: removes what an earlier run did not finish", "file", e.Name())
			if err := os.Remove(p.spooled(e.Name(), "")); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleLost closes rows without any file here: the machine stopped before the journal's first record was on disk, or after the recording was
// stored and before that was entered. A row appears only after its journal, so a live recording is never among them; and a row that is stored
// meanwhile stays stored (catalogue.Fail). Where the store does not answer, the row waits.
func (p *Pipeline) settleLost(ctx context.Context) error {
	return p.cfg.Catalogue.Unfinished(ctx, func(r catalogue.Row) error {
		for _, path := range []string{p.journal(r.ID), p.spooled(r.ID, jobExt)} {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		m, err := catalogue.ReadManifest(ctx, p.cfg.Store, p.cfg.Sealer, r.Domain, catalogue.ManifestName(r.Object))
		if err == nil {
			if err = p.cfg.Catalogue.Stored(ctx, m); err == nil {
				p.cfg.Stored(m)
			}
			return err
		}
		if !errors.Is(err, objstore.ErrNotFound) {
			return nil
		}
		p.cfg.Log.Warn("pipeline: row without a recording", "recording", r.ID, "domain", r.Domain, "call", r.Call)
		p.count.empty.Add(1)
		return p.cfg.Catalogue.Fail(ctx, recorder.Case{ID: r.ID, Domain: r.Domain}, "stopped before anything was captured")
	})
}

func names(dir, ext string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ext); ok && capture.ValidID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// SealedBefore counts what waits in a pipeline's directory for its upload and was sealed before a moment: nobody but its note, which only the
// spool's key opens, says to which key. A directory that was never made has none.
func SealedBefore(dir string, moment time.Time) (int, error) {
	entries, err := os.ReadDir(filepath.Join(dir, spool))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("pipeline: %w", err)
	}
	n := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), audioExt) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // it was stored meanwhile
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("pipeline: %w", err)
		}
		if info.ModTime().Before(moment) {
			n++
		}
	}
	return n, nil
}
