package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"naisen/recorder"
	"naisen/recorder/journal"
	"naisen/recorder/render"
)

// note is what the upload must know. It is sealed for this machine, because the manifest itself is sealed away from it.
type note struct {
	Manifest       recorder.Manifest `json:"manifest"`
	PlainSHA256    string            `json:"plain_sha256"`    // of the manifest as it was sealed
	ManifestSHA256 string            `json:"manifest_sha256"` // of the sealed manifest
	ManifestBytes  int64             `json:"manifest_bytes"`
}

// maxTurn bounds how many journals are rendered in one turn: what renders them may still have in memory what was said in those before.
const maxTurn = 16

// renderer renders in turns: as long as journals wait, one after the other.
func (p *Pipeline) renderer(ctx context.Context) {
	for {
		id, ok := p.renders.take(ctx)
		if !ok {
			return
		}
		p.turn(ctx, id)
	}
}

// turn renders a journal and those that wait behind it, up to maxTurn. After one that failed somebody else goes on.
func (p *Pipeline) turn(ctx context.Context, id string) {
	var with Turn = alone{p.cfg.Renderer}
	if t, ok := p.cfg.Renderer.(Turner); ok {
		with = t.Turn()
	}
	defer with.Close()
	for n := 1; ; n++ {
		err := p.render(ctx, id, with)
		if ctx.Err() != nil {
			return
		}
		p.renders.done(id, err)
		p.cfg.Entered()
		var ok bool
		if n == maxTurn || err != nil {
			return
		}
		if id, ok = p.renders.waiting(); !ok {
			return
		}
	}
}

// render turns a journal into the two sealed files and the note.
func (p *Pipeline) render(ctx context.Context, id string, with Renderer) error {
	if p.capture.Live(id) {
		return nil
	}
	if _, err := os.Stat(p.spooled(id, jobExt)); err == nil {
		p.uploads.add(id)
		return nil
	}
	f, err := os.Open(p.journal(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // stored meanwhile
	}
	if err != nil {
		return p.renderFailed(id, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return p.renderFailed(id, err)
	}
	if info.Size() <= journal.SlotSize { // the machine stopped before the first record was on disk
		return p.discard(ctx, id)
	}
	key := &keyOnce{Keeper: p.cfg.Sealer}
	defer func() { clear(key.key) }()
	c, err := caseOf(ctx, f, info.Size(), key, id)
	if errors.Is(err, recorder.ErrIntegrity) {
		return p.quarantine(ctx, id, err)
	}
	if err != nil {
		return p.renderFailed(id, err)
	}
	stored, err := p.resolve(ctx, &c)
	if err != nil {
		return p.renderFailed(id, err)
	}
	if stored { // a power cut brought back a journal that was removed
		return p.cleanUp(id)
	}
	keys, err := p.cfg.Sealer.Public(ctx, c.Domain) // before anything is sealed: if somebody rotates meanwhile, no file has an older one
	if err != nil {
		return p.renderFailed(id, err)
	}
	m, err := p.watched(ctx, with, Job{Dir: p.cfg.Dir, ID: id, Name: c.ID, Key: key.key, Keys: keys}, c)
	switch {
	case errors.Is(err, recorder.ErrIntegrity):
		return p.quarantine(ctx, id, err)
	case err != nil:
		return p.renderFailed(id, err)
	}
	if !p.cfg.Keep(m) {
		return p.drop(ctx, id, m)
	}
	p.rendered(ctx, m)
	p.uploads.add(id)
	return nil
}

// watched does a job, and tells how long that took.
func (p *Pipeline) watched(ctx context.Context, with Renderer, j Job, c recorder.Case) (recorder.Manifest, error) {
	began := p.cfg.Now()
	m, err := with.Render(ctx, j)
	if err != nil {
		m.Case = c
	}
	p.timed("render", m, began, err)
	return m, err
}

// rendered counts a recording that is sealed on this machine, and enters it.
func (p *Pipeline) rendered(ctx context.Context, m recorder.Manifest) {
	p.count.rendered.Add(1)
	if m.Interrupted {
		p.count.interrupted.Add(1)
	}
	p.cfg.Log.Info("pipeline: rendered", "recording", m.ID, "domain", m.Domain, "call", m.Call, "ms", m.DurationMS, "interrupted", m.Interrupted,
		"dropped", m.Dropped, "lost", m.Lost, "damaged", m.Damaged)
	if err := p.cfg.Catalogue.Captured(ctx, m); err != nil {
		p.cfg.Log.Error("pipeline: catalogue", "recording", m.ID, "err", err) // the upload enters it
	}
}

// keyOnce remembers the key of the one journal that is opened with it.
type keyOnce struct {
	journal.Keeper
	key []byte
}

func (k *keyOnce) OpenSpool(ctx context.Context, sealed []byte, limit int64) ([]byte, error) {
	plain, err := k.Keeper.OpenSpool(ctx, sealed, limit)
	k.key = bytes.Clone(plain)
	return plain, err
}

// caseOf reads what a journal is of. The slots that it opened for that, with whatever else is in them, are not left in memory.
func caseOf(ctx context.Context, f io.ReaderAt, size int64, keeper journal.Keeper, id string) (recorder.Case, error) {
	r, err := journal.Open(ctx, f, size, keeper, id)
	if err != nil {
		return recorder.Case{}, err
	}
	defer r.Clear()
	return firstCase(r)
}

// firstCase reads the journal's case, wherever the first slots went.
func firstCase(r *journal.Reader) (recorder.Case, error) {
	var rec journal.Record
	for {
		err := r.Next(&rec)
		switch {
		case err == io.EOF:
			return recorder.Case{}, fmt.Errorf("%w: %w", render.ErrNoCase, recorder.ErrIntegrity)
		case err != nil:
			return recorder.Case{}, err
		case rec.Kind == journal.KindCase:
			return rec.Case, nil
		}
	}
}

// resolve says whether this very recording is stored already. Where its id was given to another recording before, it gets one of its own:
// losing a recording is worse than a name nobody chose.
func (p *Pipeline) resolve(ctx context.Context, c *recorder.Case) (stored bool, err error) {
	row, err := p.cfg.Catalogue.Find(ctx, c.ID)
	if err == nil && row.State == recorder.Failed && row.Call == "" { // its journal lay aside, and opens now
		if err = p.cfg.Catalogue.Identify(ctx, *c); err == nil {
			row, err = p.cfg.Catalogue.Find(ctx, c.ID)
		}
	}
	if errors.Is(err, recorder.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if row.Domain != c.Domain || row.Started.UnixMilli() != c.Started.UnixMilli() {
		c.ID += "-" + strconv.FormatInt(c.Started.UnixMilli(), 36)
		return p.resolve(ctx, c)
	}
	return row.State == recorder.Stored, nil
}

func (p *Pipeline) renderFailed(id string, err error) error {
	p.count.renderErrors.Add(1)
	p.cfg.Log.Error("pipeline: render", "recording", id, "err", err)
	return err
}

// discard removes a journal in which there is nothing yet.
func (p *Pipeline) discard(ctx context.Context, id string) error {
	p.count.empty.Add(1)
	p.cfg.Log.Warn("pipeline: journal is empty", "recording", id)
	if err := p.cfg.Catalogue.Fail(ctx, recorder.Case{ID: id}, "stopped before anything was captured"); err != nil {
		return p.renderFailed(id, err)
	}
	return p.cleanUp(id)
}

// drop leaves nothing of a recording that is not worth keeping. The journal goes last: as long as it is there, all of this can be done again.
func (p *Pipeline) drop(ctx context.Context, id string, m recorder.Manifest) error {
	p.count.dropped.Add(1)
	p.cfg.Log.Info("pipeline: not worth keeping", "recording", m.ID, "domain", m.Domain, "call", m.Call, "ms", m.DurationMS)
	if err := p.cfg.Catalogue.Forget(ctx, m.Domain, m.ID); err != nil {
		return p.renderFailed(id, err)
	}
	for _, path := range []string{p.spooled(id, jobExt), p.spooled(id, audioExt), p.spooled(id, manifestExt), p.journal(id)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p.renderFailed(id, err)
		}
	}
	return nil
}
