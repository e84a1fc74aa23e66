package prompts

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"naisen/media"
	"naisen/media/play"
)

//go:embed builtin
var builtin embed.FS

const (
	defaultLanguage = "ja"
	defaultCache    = 64 << 20
	defaultPerDom   = 500
)

// Config of a Library.
type Config struct {
	Dir          string                     // holds the uploads; made if missing
	Language     func(domain string) string // default language of a domain; nil or "": "ja"
	CacheBytes   int                        // of encoded audio in memory; 0: 64 MiB
	MaxPerDomain int                        // announcements that one domain may upload; 0: 500
	Log          *slog.Logger               // nil: silent
}

// Library holds the built-in announcements and the uploads. It is safe for concurrent use, and answers Open without a lock that
// an upload could hold.
type Library struct {
	cfg   Config
	cache *cache
	index atomic.Pointer[index] // immutable once published
	write sync.Mutex            // one upload or deletion at a time touches the directory
}

var _ Opener = (*Library)(nil)

// entry is one announcement: what it is and where its canonical WAV lies.
type entry struct {
	Info
	open func() (io.ReadCloser, error)
}

// key names an announcement; the domain of built-in ones is empty.
type key struct{ domain, name, lang string }

type index map[key]entry

// New reads the built-in announcements and what was uploaded before.
func New(c Config) (*Library, error) {
	if c.Dir == "" {
		return nil, fmt.Errorf("%w: no directory for uploads", ErrBadName)
	}
	if c.CacheBytes <= 0 {
		c.CacheBytes = defaultCache
	}
	if c.MaxPerDomain <= 0 {
		c.MaxPerDomain = defaultPerDom
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &Library{cfg: c, cache: newCache(c.CacheBytes)}
	ix := index{}
	if err := ix.addBuiltin(); err != nil {
		return nil, fmt.Errorf("prompts: built-in: %w", err)
	}
	if err := l.load(ix); err != nil {
		return nil, fmt.Errorf("prompts: %s: %w", c.Dir, err)
	}
	l.index.Store(&ix)
	return l, nil
}

// addBuiltin lists the embedded files: <lang>/<name>.wav with the texts of the manifest, and music without words.
func (ix index) addBuiltin() error {
	texts, err := manifest()
	if err != nil {
		return err
	}
	return fs.WalkDir(builtin, "builtin", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".wav" {
			return err
		}
		lang, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(file, "builtin/"), ".wav"), "/")
		if lang == "music" {
			lang, name = "", "music/"+name
		}
		raw, err := builtin.ReadFile(file)
		if err != nil {
			return err
		}
		data, err := canonical(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		info := describe(name, lang, texts[key{name: name, lang: lang}], data)
		info.Builtin = true
		ix[key{"", name, lang}] = entry{info, func() (io.ReadCloser, error) { return builtin.Open(file) }}
		return nil
	})
}

// manifest reads the texts: id, then one column per language, named in the first line.
func manifest() (map[key]string, error) {
	raw, err := builtin.ReadFile("builtin/manifest.tsv")
	if err != nil {
		return nil, err
	}
	texts := map[key]string{}
	var langs []string
	for n, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(line, "\t")
		if n == 0 {
			langs = f[1:]
			continue
		}
		if len(f) != len(langs)+1 {
			return nil, fmt.Errorf("manifest line %d: %d columns", n+1, len(f))
		}
		for i, lang := range langs {
			texts[key{name: f[0], lang: lang}] = f[i+1]
		}
	}
	return texts, nil
}

// describe makes the Info of canonical audio.
func describe(name, lang, text string, data []byte) Info {
	sum := sha256.Sum256(data)
	return Info{
		Name: name, Language: lang, SHA256: hex.EncodeToString(sum[:]), Millis: int64(len(data)) * 1000 / (2 * Rate), Text: text,
	}
}

// find looks for a name: in the wanted language, the domain's, Japanese, what has no words, then any other. In each of them an upload of
// the domain comes before the built-in one.
func (l *Library) find(domain, name, lang string) (entry, bool) {
	ix := *l.index.Load()
	order := []string{lang, l.language(domain), defaultLanguage, ""}
	for _, lang := range order {
		if e, ok := ix.in(domain, name, lang); ok {
			return e, true
		}
	}
	for _, lang := range l.languages(domain, name) {
		if e, ok := ix.in(domain, name, lang); ok {
			return e, true
		}
	}
	return entry{}, false
}

func (ix index) in(domain, name, lang string) (entry, bool) {
	e, ok := ix[key{domain, name, lang}]
	if !ok {
		e, ok = ix[key{"", name, lang}]
	}
	return e, ok
}

func (l *Library) language(domain string) string {
	if l.cfg.Language != nil {
		if lang := l.cfg.Language(domain); lang != "" {
			return lang
		}
	}
	return defaultLanguage
}

// languages lists the languages of a name, sorted.
func (l *Library) languages(domain, name string) []string {
	var out []string
	for k := range *l.index.Load() {
		if k.name == name && (k.domain == domain || k.domain == "") && !slices.Contains(out, k.lang) {
			out = append(out, k.lang)
		}
	}
	slices.Sort(out)
	return out
}

// Open implements Opener. The first time for a codec reads and encodes: about 2 ms per second of audio; after that it is a look-up.
// ErrNotFound; ErrBadAudio if a stored file was damaged; codec.ErrUnknown.
func (l *Library) Open(domain, name, lang string, c media.Codec) (media.Source, Info, error) {
	clip, info, err := l.clip(domain, name, lang, c)
	if err != nil {
		return nil, Info{}, err
	}
	return clip.Play(), info, nil
}

// Loop is Open for what has no end, such as hold music: the source starts again until it is stopped.
func (l *Library) Loop(domain, name, lang string, c media.Codec) (media.Source, Info, error) {
	clip, info, err := l.clip(domain, name, lang, c)
	if err != nil {
		return nil, Info{}, err
	}
	return clip.Loop(), info, nil
}

func (l *Library) clip(domain, name, lang string, c media.Codec) (*play.Clip, Info, error) {
	for try := 1; ; try++ {
		e, ok := l.find(domain, name, lang)
		if !ok {
			return nil, Info{}, fmt.Errorf("%w: %q", ErrNotFound, name)
		}
		clip, err := l.cache.get(cacheKey{e.SHA256, c}, func() (*play.Clip, error) {
			pcm, err := e.samples()
			if err != nil {
				return nil, err
			}
			return play.FromPCM(c, pcm, Rate)
		})
		if errors.Is(err, fs.ErrNotExist) && try < 3 {
			continue // replaced between the look-up and the reading
		}
		if err != nil {
			return nil, Info{}, fmt.Errorf("prompts: open %s: %w", e.Name, err)
		}
		return clip, e.Info, nil
	}
}

// samples reads an announcement and checks that it still is what was stored.
func (e entry) samples() ([]int16, error) {
	r, err := e.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxCanonical+1))
	if err != nil {
		return nil, err
	}
	data, err := canonical(raw)
	if err != nil {
		return nil, err
	}
	if describe("", "", "", data).SHA256 != e.SHA256 {
		return nil, badAudio("stored file was changed")
	}
	pcm := make([]int16, len(data)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return pcm, nil
}

// List gives every announcement that a domain can play: its uploads, and the built-in ones that they do not cover. Sorted by name, language.
func (l *Library) List(domain string) []Info {
	ix := *l.index.Load()
	var out []Info
	for k, e := range ix {
		_, covered := ix[key{domain, k.name, k.lang}]
		if k.domain == domain || k.domain == "" && !covered {
			out = append(out, e.Info)
		}
	}
	slices.SortFunc(out, func(a, b Info) int {
		return strings.Compare(a.Name+"\x00"+a.Language, b.Name+"\x00"+b.Language)
	})
	return out
}

// Get describes the announcement in exactly this language, and gives its canonical WAV to read; the caller closes it. ErrNotFound.
func (l *Library) Get(domain, name, lang string) (Info, io.ReadCloser, error) {
	e, ok := l.index.Load().in(domain, name, lang)
	if !ok {
		return Info{}, nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	r, err := e.open()
	if err != nil {
		return Info{}, nil, fmt.Errorf("prompts: get %s: %w", name, err)
	}
	return e.Info, r, nil
}

// publish swaps in a changed index.
func (l *Library) publish(change func(index)) {
	next := maps.Clone(*l.index.Load())
	change(next)
	l.index.Store(&next)
}

func (l *Library) audioFile(sha string) string { return filepath.Join(l.cfg.Dir, "audio", sha+".wav") }

func (l *Library) opener(sha string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return os.Open(l.audioFile(sha)) }
}
