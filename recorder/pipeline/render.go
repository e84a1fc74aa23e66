package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"naisen/recorder"
	"naisen/recorder/catalogue"
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

// render turns a journal into the two sealed files and the note.
func (p *Pipeline) render(ctx context.Context, id string) error {
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
	r, err := journal.Open(ctx, f, info.Size(), p.cfg.Sealer, id)
	var c recorder.Case
	if err == nil {
		c, err = firstCase(r)
	}
	if errors.Is(err, recorder.ErrIntegrity) {
		return p.quarantine(ctx, id, c, err)
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
	m, err := p.renderFiles(ctx, id, c, r)
	switch {
	case errors.Is(err, recorder.ErrIntegrity):
		return p.quarantine(ctx, id, c, err)
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
			r.Rewind()
			return rec.Case, nil
		}
	}
}

// resolve says whether this very recording is stored already. Where its id was given to another recording before, it gets one of its own:
// losing a recording is worse than a name nobody chose.
func (p *Pipeline) resolve(ctx context.Context, c *recorder.Case) (stored bool, err error) {
	row, err := p.cfg.Catalogue.Get(ctx, c.Domain, c.ID)
	if errors.Is(err, recorder.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if row.Started.UnixMilli() != c.Started.UnixMilli() {
		c.ID += "-" + strconv.FormatInt(c.Started.UnixMilli(), 36)
		return p.resolve(ctx, c)
	}
	return row.State == recorder.Stored, nil
}

// renderFiles writes audio, manifest and note, in this order, each whole or not at all. Plain audio exists only in memory.
func (p *Pipeline) renderFiles(ctx context.Context, id string, c recorder.Case, r *journal.Reader) (recorder.Manifest, error) {
	var m recorder.Manifest
	work, err := render.Open(ctx, r)
	if err != nil {
		return m, err
	}
	epoch, err := p.cfg.Sealer.Epoch(ctx, c.Domain) // before anything is sealed: if somebody rotates meanwhile, no file has an older one
	if err != nil {
		return m, err
	}
	sha, size, err := p.sealFile(ctx, p.spooled(id, audioExt), c.Domain, func(w io.Writer) (err error) {
		m, err = work.Stereo(ctx, w)
		return err
	})
	if err != nil {
		return m, err
	}
	m.SealedSHA256, m.SealedBytes, m.Epoch = sha, size, epoch
	if m.Peaks, err = p.sealPeaks(ctx, c.Domain, work.Peaks()); err != nil {
		return m, err
	}
	if m.Tracks, err = p.renderTracks(ctx, id, c.Domain, work); err != nil {
		return m, err
	}
	m.ID = c.ID
	text, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	if len(text) > catalogue.MaxManifest {
		return m, fmt.Errorf("pipeline: manifest of %d bytes", len(text))
	}
	plain := sha256.Sum256(text)
	n := note{Manifest: m, PlainSHA256: hex.EncodeToString(plain[:])}
	n.ManifestSHA256, n.ManifestBytes, err = p.sealFile(ctx, p.spooled(id, manifestExt), m.Domain, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return m, err
	}
	text, err = json.Marshal(n)
	if err != nil {
		return m, err
	}
	sealed, err := p.cfg.Sealer.SealSpool(ctx, text)
	if err != nil {
		return m, err
	}
	return m, whole(p.spooled(id, jobExt), true, func(w io.Writer) error {
		_, err := w.Write(sealed)
		return err
	})
}

// sealPeaks seals the waveform as the audio is sealed.
func (p *Pipeline) sealPeaks(ctx context.Context, domain string, peaks *recorder.Peaks) ([]byte, error) {
	if peaks == nil {
		return nil, nil
	}
	text, err := json.Marshal(peaks)
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	w, err := p.cfg.Sealer.Seal(ctx, domain, &sealed)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	return sealed.Bytes(), err
}

// renderTracks writes the voice of each party where more than two spoke, one after the other.
func (p *Pipeline) renderTracks(ctx context.Context, id, domain string, work *render.Rendering) ([]recorder.Track, error) {
	var all []recorder.Track
	for _, party := range work.Voices() {
		var t recorder.Track
		number := len(all) + 1
		sha, size, err := p.sealFile(ctx, p.spooled(id, trackExt(number)), domain, func(w io.Writer) (err error) {
			t, err = work.Track(ctx, party, w)
			return err
		})
		if err != nil {
			return nil, err
		}
		t.Number, t.SealedSHA256, t.SealedBytes = number, sha, size
		all = append(all, t)
	}
	return all, nil
}

// sealFile writes a sealed file and returns the hash and size of its ciphertext.
func (p *Pipeline) sealFile(ctx context.Context, path, domain string, fill func(io.Writer) error) (sha string, size int64, err error) {
	digest := sha256.New()
	err = whole(path, false, func(w io.Writer) error {
		counted := &counter{w: w}
		sealer, err := p.cfg.Sealer.Seal(ctx, domain, io.MultiWriter(counted, digest))
		if err != nil {
			return err
		}
		if err := fill(sealer); err != nil {
			return err
		}
		err = sealer.Close()
		size = counted.n
		return err
	})
	return hex.EncodeToString(digest.Sum(nil)), size, err
}

// whole writes a file under a temporary name and gives it its own. Only the note, which is sync, waits for the disk: what a power cut leaves of audio and
// manifest beside it is held against its hashes before it is used, and the journal is still there then, or the store has all. So a recording costs the
// disk one wait here and not six.
func whole(path string, sync bool, fill func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path+tmpExt, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 256<<10)
	if err = fill(b); err == nil {
		err = b.Flush()
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+tmpExt, path)
	}
	if err != nil {
		os.Remove(path + tmpExt)
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func (p *Pipeline) renderFailed(id string, err error) error {
	p.count.renderErrors.Add(1)
	p.cfg.Log.Error("pipeline: render", "recording", id, "err", err)
	return err
}

// quarantine puts aside a journal that will never render. It is kept for a person; nothing of it is played.
func (p *Pipeline) quarantine(ctx context.Context, id string, c recorder.Case, why error) error {
	p.count.failed.Add(1)
	p.cfg.Log.Error("pipeline: journal cannot be rendered", "recording", id, "domain", c.Domain, "call", c.Call, "err", why)
	c.ID = id
	if err := p.cfg.Catalogue.Fail(ctx, c, "journal damaged"); err != nil {
		return p.renderFailed(id, err)
	}
	if err := os.Rename(p.journal(id), filepath.Join(p.dir(failed), filepath.Base(p.journal(id)))); err != nil {
		return p.renderFailed(id, err)
	}
	return nil
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
