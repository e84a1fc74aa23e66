package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"naisen/recorder"
	"naisen/recorder/capture"
	"naisen/recorder/journal"
	"naisen/recorder/objstore"
)

// Aside is where journals lie that could not be rendered. It may be looked at beside the process that records.
type Aside struct{ dir string } // the pipeline's

// AsideOf is that of a pipeline's Dir.
func AsideOf(dir string) Aside { return Aside{dir} }

// AsideJournal is one of them.
type AsideJournal struct {
	ID      string
	Bytes   int64
	Written time.Time // last, so about when the recording ended
}

// ErrAgain says that a journal is being tried again.
var ErrAgain = errors.New("pipeline: the journal is being tried again")

func (a Aside) path(stage, id string) (string, error) {
	if !capture.ValidID(id) {
		return "", objstore.ErrNotFound
	}
	return capture.Path(filepath.Join(a.dir, stage), id), nil
}

// List is all of them. A pipeline that never ran has none.
func (a Aside) List() ([]AsideJournal, error) {
	ids, err := names(filepath.Join(a.dir, failed), capture.Ext)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []AsideJournal
	for _, id := range ids {
		info, gone := os.Stat(capture.Path(filepath.Join(a.dir, failed), id))
		if errors.Is(gone, fs.ErrNotExist) {
			continue
		}
		if gone != nil {
			return nil, gone
		}
		all = append(all, AsideJournal{id, info.Size(), info.ModTime()})
	}
	return all, err
}

// Open reads one as it lies there, encrypted. objstore.ErrNotFound; ErrAgain.
func (a Aside) Open(id string) (io.ReadCloser, error) {
	path, err := a.path(failed, id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, a.absent(id)
	}
	return f, err
}

// absent says why one is not there.
func (a Aside) absent(id string) error {
	for _, path := range []string{capture.Path(filepath.Join(a.dir, journals), id), filepath.Join(a.dir, spool, id+jobExt)} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(ErrAgain, err)
		}
	}
	return objstore.ErrNotFound
}

// Remove deletes one for good. objstore.ErrNotFound; ErrAgain.
func (a Aside) Remove(id string) error {
	path, err := a.path(failed, id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return a.absent(id)
	} else if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Retry puts one back among those that are to be rendered: the next sweep takes it up, or the next start. objstore.ErrNotFound; ErrAgain.
func (a Aside) Retry(id string) error { return a.move(id, failed, journals) }

// Return takes Retry back. objstore.ErrNotFound: it was taken up already.
func (a Aside) Return(id string) error { return a.move(id, journals, failed) }

func (a Aside) move(id, from, to string) error {
	old, err := a.path(from, id)
	if err != nil {
		return err
	}
	path, err := a.path(to, id)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil { // never over another one
		return ErrAgain
	}
	if err := os.Rename(old, path); errors.Is(err, fs.ErrNotExist) {
		return a.absent(id)
	} else if err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(path)), syncDir(filepath.Dir(old)))
}

// problem is what a row says of a recording whose journal lies aside.
const problem = "journal damaged"

// quarantine puts aside a journal that will never render. Nothing of it is played; it is kept, and ends, as its recording would have.
func (p *Pipeline) quarantine(ctx context.Context, id string, why error) error {
	p.count.failed.Add(1)
	p.cfg.Log.Error("pipeline: journal cannot be rendered", "recording", id, "err", why)
	if err := p.enterAside(ctx, id, p.journal(id)); err != nil {
		return p.renderFailed(id, err)
	}
	if err := AsideOf(p.cfg.Dir).Return(id); err != nil {
		return p.renderFailed(id, err)
	}
	if all, err := AsideOf(p.cfg.Dir).List(); err == nil {
		p.aside.Store(int64(len(all)))
	}
	return nil
}

// enterAside enters the recording of a journal that cannot be rendered as failed, with the end that its class gives it.
func (p *Pipeline) enterAside(ctx context.Context, id, path string) error {
	c, written, err := p.ruleOf(ctx, id, path)
	if err != nil {
		return err
	}
	var until time.Time
	if c.RetentionDays > 0 {
		if c.Started.After(written) { // the clock was set back meanwhile
			written = c.Started
		}
		until = written.Add(time.Duration(c.RetentionDays) * 24 * time.Hour).UTC().Truncate(time.Millisecond)
	}
	return p.cfg.Catalogue.Aside(ctx, c, until, problem)
}

// ruleOf is what can be known of a damaged journal's recording: from what of it still opens, else from its row and the rule for what nobody can read.
func (p *Pipeline) ruleOf(ctx context.Context, id, path string) (c recorder.Case, written time.Time, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, written, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c, written, err
	}
	written = info.ModTime()
	r, err := journal.Open(ctx, f, info.Size(), p.cfg.Sealer, id)
	if err == nil {
		c, err = lastRule(r)
		r.Clear() // the slots that it opened hold voices
	}
	if err == nil {
		c.ID = id
		return c, written, nil
	}
	if !errors.Is(err, recorder.ErrIntegrity) {
		return c, written, err
	}
	row, err := p.cfg.Catalogue.Find(ctx, id)
	if err != nil && !errors.Is(err, recorder.ErrNotFound) {
		return c, written, err
	}
	c = recorder.Case{ID: id, Domain: row.Domain, Started: row.Started}
	if c.Started.IsZero() {
		c.Started = written
	}
	c.Domain, c.RetentionDays, err = p.cfg.Unreadable(ctx, c.Domain)
	return c, written, err
}

// lastRule is the case of a journal with the longest of the rules that it came under, as far as it opens.
func lastRule(r *journal.Reader) (recorder.Case, error) {
	c, err := firstCase(r)
	if err != nil {
		return c, err
	}
	var rec journal.Record
	for {
		switch err := r.Next(&rec); {
		case errors.Is(err, io.EOF), errors.Is(err, recorder.ErrIntegrity):
			return c, nil
		case err != nil:
			return c, err
		case rec.Kind == journal.KindKept:
			c.RetentionDays = recorder.LongerDays(c.RetentionDays, rec.Kept.Days)
		}
	}
}

// settleAside enters what lies aside and has no end yet: from before journals had one, or with a catalogue that was lost. Where AsideFor is set it also
// removes what has lain there for so long.
func (p *Pipeline) settleAside(ctx context.Context) error {
	a := AsideOf(p.cfg.Dir)
	all, err := a.List()
	p.aside.Store(int64(len(all)))
	for _, j := range all {
		if p.cfg.AsideFor > 0 && p.cfg.Now().Sub(j.Written) > p.cfg.AsideFor {
			p.cfg.Log.Warn("pipeline: removes a journal that could never be rendered", "recording", j.ID, "written", j.Written)
			err = errors.Join(err, a.Remove(j.ID))
			continue
		}
		if p.entered[j.ID] {
			continue
		}
		if bad := p.enterAside(ctx, j.ID, capture.Path(p.dir(failed), j.ID)); bad != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", j.ID, bad))
			continue
		}
		p.entered[j.ID] = true
	}
	return err
}

// Pass gives the journals that could not be rendered to the pipeline of another Dir in the same file system, which keeps them from now on.
func (a Aside) Pass(to string) error {
	all, err := a.List()
	if err != nil || len(all) == 0 {
		return err
	}
	if err := MakeDirs(to); err != nil {
		return err
	}
	for _, j := range all {
		from, err := a.path(failed, j.ID)
		if err != nil {
			return err
		}
		there, err := AsideOf(to).path(failed, j.ID)
		if err == nil {
			err = os.Rename(from, there)
		}
		if err != nil {
			return fmt.Errorf("pipeline: pass %s on: %w", j.ID, err)
		}
	}
	return nil
}
