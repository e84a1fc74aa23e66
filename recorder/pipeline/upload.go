package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// errStore marks a failure that is the store's.
var errStore = errors.New("pipeline: store")

// maxNote bounds a note in bytes.
const maxNote = 2 * catalogue.MaxManifest

// upload puts audio and manifest, reads both back, enters them into the catalogue and only then removes what was local.
func (p *Pipeline) upload(ctx context.Context, id string) error {
	n, err := p.readNote(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another try finished it
	}
	if errors.Is(err, recorder.ErrIntegrity) {
		return p.renderAgain(id, err)
	}
	if err != nil {
		return p.uploadFailed(id, "", err)
	}
	m := n.Manifest
	object := catalogue.ObjectName(m.Case)
	files := p.files(id, object, n)
	// Altered files are noticed before they reach the store: an object cannot be taken back everywhere.
	for _, f := range files {
		if err := unaltered(f.path, f.sha); err != nil {
			return p.notAsRendered(ctx, id, m, err)
		}
	}
	began := p.cfg.Now()
	err = p.storeAll(ctx, id, files)
	p.timed("upload", m, began, err)
	if err != nil {
		return p.uploadFailed(id, m.Domain, err)
	}
	if err := p.cfg.Deposit(ctx, recorder.Deposit{Manifest: m, ManifestSHA256: n.PlainSHA256, SealedManifestSHA256: n.ManifestSHA256}); err != nil {
		return p.uploadFailed(id, m.Domain, fmt.Errorf("pipeline: the audit log: %w", err))
	}
	if err := p.enter(ctx, m, files); err != nil {
		return p.uploadFailed(id, m.Domain, err)
	}
	if p.down.set(m.Domain, false) {
		p.cfg.Log.Info("pipeline: object store takes recordings again", "domain", m.Domain, "waiting", p.uploads.len())
		p.uploads.hurry()
	}
	p.cfg.Stored(m)
	p.count.stored.Add(1)
	p.cfg.Log.Info("pipeline: stored", "recording", m.ID, "domain", m.Domain, "call", m.Call, "object", object, "bytes", m.SealedBytes)
	return p.cleanUp(id)
}

func (p *Pipeline) storeAll(ctx context.Context, id string, files []file) error {
	for _, f := range files {
		if err := p.store(ctx, id, f); err != nil {
			return err
		}
	}
	return nil
}

// file is one sealed file and the object that it becomes.
type file struct {
	path, object, sha string
	size              int64
}

// files are all of a recording; the manifest comes last, so that what it names is there.
func (p *Pipeline) files(id, object string, n note) []file {
	m := n.Manifest
	all := []file{{p.spooled(id, audioExt), object, m.SealedSHA256, m.SealedBytes}}
	for _, t := range m.Tracks {
		all = append(all, file{p.spooled(id, trackExt(t.Number)), catalogue.TrackName(object, t.Number), t.SealedSHA256, t.SealedBytes})
	}
	return append(all, file{p.spooled(id, manifestExt), catalogue.ManifestName(object), n.ManifestSHA256, n.ManifestBytes})
}

func (p *Pipeline) readNote(ctx context.Context, id string) (note, error) {
	var n note
	info, err := os.Stat(p.spooled(id, jobExt))
	if err != nil {
		return n, err
	}
	if info.Size() > maxNote {
		return n, recorder.ErrIntegrity
	}
	sealed, err := os.ReadFile(p.spooled(id, jobExt))
	if err != nil {
		return n, err
	}
	text, err := p.cfg.Sealer.OpenSpool(ctx, sealed, maxNote)
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return n, fmt.Errorf("%w: %v", recorder.ErrIntegrity, err)
	}
	if n.PlainSHA256 == "" { // of a version that did not note it, and sealed the same octets
		if text, err = json.Marshal(n.Manifest); err != nil {
			return n, err
		}
		plain := sha256.Sum256(text)
		n.PlainSHA256 = hex.EncodeToString(plain[:])
	}
	return n, nil
}

// unaltered holds a spool file against its hash; recorder.ErrIntegrity also where it is gone.
func unaltered(path, sha string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pipeline: %s is gone: %w", path, recorder.ErrIntegrity)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != sha {
		return fmt.Errorf("pipeline: %s was altered: %w", path, recorder.ErrIntegrity)
	}
	return nil
}

// notAsRendered goes back to the journal, unless the recording is stored and only the note outlived a power cut.
func (p *Pipeline) notAsRendered(ctx context.Context, id string, m recorder.Manifest, err error) error {
	if !errors.Is(err, recorder.ErrIntegrity) {
		return p.uploadFailed(id, m.Domain, err)
	}
	row, got := p.cfg.Catalogue.Get(ctx, m.Domain, m.ID)
	if got == nil && row.State == recorder.Stored && row.SealedSHA256 == m.SealedSHA256 {
		return p.cleanUp(id)
	}
	return p.renderAgain(id, err)
}

// store brings one file into the store and makes sure that it is there. It is locked only when that is sure: what a lying store keeps instead could
// not be taken away again.
func (p *Pipeline) store(ctx context.Context, id string, file file) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(file.size/(256<<10))*time.Second)
	defer cancel()
	f, err := os.Open(file.path)
	if err != nil {
		return err
	}
	defer f.Close()
	put := p.cfg.Store.Put(ctx, file.object, f, file.size, objstore.Lock{})
	if put != nil && !errors.Is(put, objstore.ErrExists) {
		return fmt.Errorf("%w: %w", errStore, put)
	}
	same, err := p.readBack(ctx, file.object, file.size, file.sha)
	if err != nil {
		return fmt.Errorf("%w: read back: %w", errStore, err)
	}
	if same {
		return nil
	}
	p.count.mismatches.Add(1)
	p.cfg.Log.Error("pipeline: the store holds something else", "recording", id, "object", file.object)
	// Only what this run put is taken away again: something older under the name may be the only copy of another recording.
	if put == nil {
		if err := p.cfg.Store.Delete(ctx, file.object); err != nil {
			return fmt.Errorf("%w: remove bad object: %w", errStore, err)
		}
	}
	return fmt.Errorf("%w: %s differs from what was put", errStore, file.object)
}

// readBack reads the whole object, by a request of its own, and compares.
func (p *Pipeline) readBack(ctx context.Context, name string, size int64, sha string) (bool, error) {
	r, err := p.cfg.Store.Get(ctx, name, 0, -1)
	if err != nil {
		return false, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, size+1))
	if err != nil {
		return false, err
	}
	return n == size && hex.EncodeToString(h.Sum(nil)) == sha, nil
}

// renderAgain throws away spool files that were altered and goes back to the journal, which is still there.
func (p *Pipeline) renderAgain(id string, why error) error {
	p.count.uploadErrors.Add(1)
	p.cfg.Log.Error("pipeline: spool file altered", "recording", id, "err", why)
	if _, err := os.Stat(p.journal(id)); err != nil {
		return err // nothing to render from: kept for a person, and tried again
	}
	if err := os.Remove(p.spooled(id, jobExt)); err != nil {
		return err
	}
	p.renders.add(id)
	return nil
}

func (p *Pipeline) uploadFailed(id, domain string, err error) error {
	p.count.uploadErrors.Add(1)
	switch {
	case !errors.Is(err, errStore):
		p.cfg.Log.Error("pipeline: upload", "recording", id, "err", err)
	case p.down.set(domain, true): // once, not for each recording that waits
		p.cfg.Log.Error("pipeline: object store refuses recordings; they wait encrypted on this machine", "recording", id, "domain", domain, "err", err)
	}
	return err
}

// refusing are the domains whose last upload the store refused: each may have a bucket of its own.
type refusing struct {
	mu      sync.Mutex
	domains map[string]bool
}

// set says whether that is news.
func (r *refusing) set(domain string, down bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.domains[domain] == down {
		return false
	}
	if r.domains == nil {
		r.domains = map[string]bool{}
	}
	if delete(r.domains, domain); down {
		r.domains[domain] = true
	}
	return true
}

func (r *refusing) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.domains) > 0
}

// cleanUp removes what is local, the note last: as long as it is there, everything else can be done again.
func (p *Pipeline) cleanUp(id string) error {
	tracks := 0
	for ; ; tracks++ {
		if _, err := os.Stat(p.spooled(id, trackExt(tracks+1))); err != nil {
			break
		}
	}
	paths := []string{p.journal(id), p.spooled(id, audioExt), p.spooled(id, manifestExt)}
	for ; tracks > 0; tracks-- { // the last one first: what a crash leaves is found by counting again
		paths = append(paths, p.spooled(id, trackExt(tracks)))
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := syncDir(p.dir(journals)); err != nil {
		return err
	}
	if err := os.Remove(p.spooled(id, jobExt)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
