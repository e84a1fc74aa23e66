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
	"log/slog"
	"os"
	"path/filepath"

	"naisen/recorder"
	"naisen/recorder/capture"
	"naisen/recorder/catalogue"
	"naisen/recorder/journal"
	"naisen/recorder/render"
	"naisen/recorder/seal"
)

// Job is a journal to be rendered, with what that needs and no more: the key of this one journal, and public keys to seal to.
type Job struct {
	Dir  string      `json:"dir"`  // of the pipeline
	ID   string      `json:"id"`   // of the journal
	Name string      `json:"name"` // of the recording: another one where the ID was given twice
	Key  []byte      `json:"key"`
	Keys seal.Public `json:"keys"`
}

// String keeps the key out of a log.
func (Job) String() string { return "[redacted]" }

// GoString keeps the key out of %#v.
func (Job) GoString() string { return "[redacted]" }

// LogValue keeps the key out of slog.
func (Job) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Renderer does jobs. recorder.ErrIntegrity: the journal can never be rendered; any other error: not now.
type Renderer interface {
	Render(ctx context.Context, j Job) (recorder.Manifest, error)
}

// Turner is a Renderer that does several jobs in one turn for less than each alone.
type Turner interface {
	Renderer
	Turn() Turn
}

// Turn does jobs one after the other, all of them for one goroutine, until it is closed.
type Turn interface {
	Renderer
	Close()
}

// alone is a Turn of a Renderer that knows none.
type alone struct{ Renderer }

func (alone) Close() {}

// here renders in this process.
type here struct{}

// Render implements Renderer.
func (here) Render(ctx context.Context, j Job) (recorder.Manifest, error) { return Render(ctx, j) }

// Render does a job: it reads the journal, writes sealed audio, tracks, manifest and note into the spool, each whole or not at all, and returns the
// manifest. Plain audio exists in the memory of this process only.
func Render(ctx context.Context, j Job) (recorder.Manifest, error) {
	if !capture.ValidID(j.ID) || j.Dir == "" || j.Name == "" {
		return recorder.Manifest{}, errors.New("pipeline: no job")
	}
	sealer, err := j.Keys.Sealer()
	if err != nil {
		return recorder.Manifest{}, err
	}
	f, err := os.Open(capture.Path(filepath.Join(j.Dir, journals), j.ID))
	if err != nil {
		return recorder.Manifest{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return recorder.Manifest{}, err
	}
	r, err := journal.Open(ctx, f, info.Size(), keyGiven(j.Key), j.ID)
	if err != nil {
		return recorder.Manifest{}, err
	}
	w := worker{j, sealer}
	return w.files(ctx, r)
}

// keyGiven opens one journal with a key that somebody else opened.
type keyGiven []byte

// SealSpool implements journal.Keeper.
func (keyGiven) SealSpool(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("pipeline: nothing is sealed here")
}

// OpenSpool implements journal.Keeper.
func (k keyGiven) OpenSpool(context.Context, []byte, int64) ([]byte, error) {
	return bytes.Clone(k), nil
}

// worker does one job.
type worker struct {
	job    Job
	sealer *seal.Sealer
}

func (w *worker) spooled(ext string) string { return filepath.Join(w.job.Dir, spool, w.job.ID+ext) }

// files writes audio, manifest and note, in this order, each whole or not at all. Plain audio exists only in memory.
func (w *worker) files(ctx context.Context, r *journal.Reader) (recorder.Manifest, error) {
	var m recorder.Manifest
	work, err := render.Open(ctx, r)
	if err != nil {
		return m, err
	}
	sha, size, err := w.sealFile(ctx, audioExt, func(out io.Writer) (err error) {
		m, err = work.Stereo(ctx, out)
		return err
	})
	if err != nil {
		return m, err
	}
	m.SealedSHA256, m.SealedBytes, m.Epoch = sha, size, w.job.Keys.Epoch
	if m.Peaks, err = w.sealPeaks(ctx, work.Peaks()); err != nil {
		return m, err
	}
	if m.Tracks, err = w.tracks(ctx, work); err != nil {
		return m, err
	}
	m.ID = w.job.Name
	text, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	if len(text) > catalogue.MaxManifest {
		return m, fmt.Errorf("pipeline: manifest of %d bytes", len(text))
	}
	plain := sha256.Sum256(text)
	n := note{Manifest: m, PlainSHA256: hex.EncodeToString(plain[:])}
	n.ManifestSHA256, n.ManifestBytes, err = w.sealFile(ctx, manifestExt, func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
	if err != nil {
		return m, err
	}
	text, err = json.Marshal(n)
	if err != nil {
		return m, err
	}
	sealed, err := w.sealer.SealSpool(ctx, text)
	if err != nil {
		return m, err
	}
	return m, whole(w.spooled(jobExt), true, func(out io.Writer) error {
		_, err := out.Write(sealed)
		return err
	})
}

// sealPeaks seals the waveform as the audio is sealed.
func (w *worker) sealPeaks(ctx context.Context, peaks *recorder.Peaks) ([]byte, error) {
	if peaks == nil {
		return nil, nil
	}
	text, err := json.Marshal(peaks)
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	out, err := w.sealer.Seal(ctx, w.job.Keys.Domain, &sealed)
	if err == nil {
		_, err = out.Write(text)
	}
	if err == nil {
		err = out.Close()
	}
	return sealed.Bytes(), err
}

// tracks writes the voice of each party where more than two spoke, one after the other.
func (w *worker) tracks(ctx context.Context, work *render.Rendering) ([]recorder.Track, error) {
	var all []recorder.Track
	for _, party := range work.Voices() {
		var t recorder.Track
		number := len(all) + 1
		sha, size, err := w.sealFile(ctx, trackExt(number), func(out io.Writer) (err error) {
			t, err = work.Track(ctx, party, out)
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
func (w *worker) sealFile(ctx context.Context, ext string, fill func(io.Writer) error) (sha string, size int64, err error) {
	digest := sha256.New()
	err = whole(w.spooled(ext), false, func(out io.Writer) error {
		counted := &counter{w: out}
		sealer, err := w.sealer.Seal(ctx, w.job.Keys.Domain, io.MultiWriter(counted, digest))
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
