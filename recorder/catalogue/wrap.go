package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"naisen/recorder"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// Wrap is a small object beside a recording: new headers for its sealed objects, which stay as they are. A header in the place of an object's own gives
// the same file key to the domain's key of that epoch. It is written once, never changed, and locked and destroyed with the recording.
type Wrap struct {
	Version int               `json:"version"`
	Object  string            `json:"object"` // the sealed audio that it belongs to
	Epoch   int               `json:"epoch"`
	Headers map[string][]byte `json:"headers"` // by name of the sealed object, or PeaksName
}

const (
	wrapMark = ".keys-"
	wrapExt  = ".json"
	// MaxWrap bounds a wrap in bytes: audio, manifest and a hundred tracks.
	MaxWrap = 1 << 20
)

// WrapName is where a recording's headers for a key lie.
func WrapName(object string, epoch int) string {
	return fmt.Sprintf("%s%s%04d%s", strings.TrimSuffix(object, audioExt), wrapMark, epoch, wrapExt)
}

// peaksMark ends PeaksName. No object has it: it is not one of the letters of their names.
const peaksMark = "#peaks"

// PeaksName stands in a wrap for the waveform, which is sealed once more inside the manifest and has a header of its own there.
func PeaksName(object string) string { return ManifestName(object) + peaksMark }

// wrapOf reads WrapName; empty: it is none.
func wrapOf(name string) (object string, epoch int) { return numbered(name, wrapMark, wrapExt) }

// numbered reads the name of a small object beside a recording: the audio's, a mark, four digits, an ending. Empty: it is none.
func numbered(name, mark, ext string) (object string, number int) {
	base, ok := strings.CutSuffix(name, ext)
	i := strings.LastIndex(base, mark)
	if !ok || i < 0 || len(base) != i+len(mark)+4 {
		return "", 0
	}
	n, err := strconv.ParseUint(base[i+len(mark):], 10, 16)
	if err != nil || n == 0 {
		return "", 0
	}
	return base[:i] + audioExt, int(n)
}

// WrapEpoch is the epoch of a wrap by its name; 0: it is none.
func WrapEpoch(name string) int {
	_, epoch := wrapOf(name)
	return epoch
}

// ReadWrap reads one; recorder.ErrIntegrity where it is not what its name says, objstore.ErrNotFound.
func ReadWrap(ctx context.Context, store objstore.Store, name string) (Wrap, error) {
	var w Wrap
	body, err := store.Get(ctx, name, 0, -1)
	if err != nil {
		return w, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, MaxWrap+1))
	if err != nil {
		return w, err
	}
	object, epoch := wrapOf(name)
	if len(text) > MaxWrap || json.Unmarshal(text, &w) != nil || w.Version != 1 || w.Object != object || w.Epoch != epoch {
		return Wrap{}, fmt.Errorf("catalogue: %s is no wrap of its name: %w", name, recorder.ErrIntegrity)
	}
	return w, nil
}

// Header is a header to put in the place of a sealed object's own, and whose it is.
type Header struct {
	Epoch int
	Text  []byte
}

// Headers are those that a sealed object, or a waveform, has got after its own, the newest first. A wrap that cannot be read as one is left out: it explains nothing,
// and the reconciler tells of it.
func Headers(ctx context.Context, store objstore.Store, name string) ([]Header, error) {
	object := ObjectOf(strings.TrimSuffix(name, peaksMark))
	if object == "" {
		return nil, nil
	}
	var names []string
	err := store.List(ctx, strings.TrimSuffix(object, audioExt)+wrapMark, func(i objstore.Info) error {
		if of, _ := wrapOf(i.Name); of == object {
			names = append(names, i.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(names)
	var all []Header
	for _, n := range names {
		w, err := ReadWrap(ctx, store, n)
		switch {
		case errors.Is(err, recorder.ErrIntegrity), errors.Is(err, objstore.ErrNotFound):
			continue
		case err != nil:
			return nil, err
		}
		if text := w.Headers[name]; len(text) > 0 {
			all = append(all, Header{w.Epoch, text})
		}
	}
	return all, nil
}

// OpenAny opens a sealed object by its own header, or by one that it has got since, and says whose that is; -1: its own. Whatever header it is, what
// it opens is what was sealed: a header that gives another key opens nothing.
func OpenAny(ctx context.Context, store objstore.Store, keys Opener, domain, name string) (plain io.Reader, body io.Closer, epoch int, err error) {
	sealed, err := store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, nil, 0, err
	}
	plain, err = keys.Open(ctx, domain, sealed)
	if err == nil {
		return plain, sealed, -1, nil
	}
	sealed.Close()
	if !errors.Is(err, seal.ErrNoKey) {
		return nil, nil, 0, err
	}
	headers, listed := Headers(ctx, store, name)
	if listed != nil {
		return nil, nil, 0, listed
	}
	for _, h := range headers {
		plain, body, again := openBehind(ctx, store, keys, domain, name, h.Text)
		if again == nil {
			return plain, body, h.Epoch, nil
		}
		if !errors.Is(again, seal.ErrNoKey) && !errors.Is(again, recorder.ErrIntegrity) {
			return nil, nil, 0, again
		}
	}
	return nil, nil, 0, err
}

func openBehind(ctx context.Context, store objstore.Store, keys Opener, domain, name string, header []byte) (io.Reader, io.Closer, error) {
	sealed, err := store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, nil, err
	}
	spliced, err := seal.Splice(sealed, header)
	var plain io.Reader
	if err == nil {
		plain, err = keys.Open(ctx, domain, spliced)
	}
	if err != nil {
		sealed.Close()
		return nil, nil, err
	}
	return plain, sealed, nil
}
