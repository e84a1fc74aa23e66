package prompts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on names. They become file names: lower-case letters, digits, hyphens; nothing else.
const (
	maxName     = 80
	maxSegments = 4
	maxDomain   = 253
	maxText     = 4096
	maxMeta     = 16 << 10
)

// meta is what is kept beside the audio of an upload.
type meta struct {
	Domain   string `json:"domain"`
	Name     string `json:"name"`
	Language string `json:"language"`
	SHA256   string `json:"sha256"`
	Millis   int64  `json:"millis"`
	Text     string `json:"text,omitempty"`
}

// Put stores a WAV as an announcement of a domain and replaces an earlier one of the same name and language; calls that play the old one
// finish it. It is on disk when Put returns. ErrBadName, ErrBadAudio, ErrTooLarge, ErrFull, ctx.Err(); nothing is stored then.
func (l *Library) Put(ctx context.Context, domain, name, lang, text string, r io.Reader) (Info, error) {
	if err := checkNames(domain, name, lang, text); err != nil {
		return Info{}, err
	}
	if err := l.room(domain, name, lang); err != nil { // before the work; again below
		return Info{}, err
	}
	pcm, err := decodeWAV(ctx, r)
	if err != nil {
		return Info{}, err
	}
	file := encodeWAV(pcm)
	info := describe(name, lang, text, file[headerSize:])
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.room(domain, name, lang); err != nil {
		return Info{}, err
	}
	if err := l.store(domain, info, file); err != nil {
		return Info{}, fmt.Errorf("prompts: put %s: %w", name, err)
	}
	old := (*l.index.Load())[key{domain, name, lang}]
	l.publish(func(ix index) { ix[key{domain, name, lang}] = entry{info, l.opener(info.SHA256)} })
	l.discard(old.SHA256)
	return info, nil
}

// room says whether one more announcement fits; a replacement always does.
func (l *Library) room(domain, name, lang string) error {
	ix := *l.index.Load()
	if _, ok := ix[key{domain, name, lang}]; ok {
		return nil
	}
	n := 0
	for k := range ix {
		if k.domain == domain {
			n++
		}
	}
	if n >= l.cfg.MaxPerDomain {
		return fmt.Errorf("%w: %d", ErrFull, n)
	}
	return nil
}

// store writes the audio first and then what refers to it: a crash in between leaves a file that the next start removes.
func (l *Library) store(domain string, info Info, file []byte) error {
	if err := replace(l.audioFile(info.SHA256), file); err != nil {
		return err
	}
	raw, err := json.Marshal(meta{domain, info.Name, info.Language, info.SHA256, info.Millis, info.Text})
	if err != nil {
		return err
	}
	return replace(l.metaFile(domain, info.Name, info.Language), raw)
}

// Delete removes an upload; the built-in one of that name, if there is one, is heard again. ErrNotFound, ErrBuiltin.
func (l *Library) Delete(ctx context.Context, domain, name, lang string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.write.Lock()
	defer l.write.Unlock()
	ix := *l.index.Load()
	e, ok := ix[key{domain, name, lang}]
	if !ok || domain == "" {
		if _, ok := ix[key{"", name, lang}]; ok {
			return fmt.Errorf("%w: %q", ErrBuiltin, name)
		}
		return fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	file := l.metaFile(domain, name, lang)
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("prompts: delete %s: %w", name, err)
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return fmt.Errorf("prompts: delete %s: %w", name, err)
	}
	l.publish(func(ix index) { delete(ix, key{domain, name, lang}) })
	l.discard(e.SHA256)
	return nil
}

// discard removes audio that nobody refers to any more. What cannot be removed now goes at the next start.
func (l *Library) discard(sha string) {
	if sha == "" {
		return
	}
	for k, e := range *l.index.Load() {
		if k.domain != "" && e.SHA256 == sha {
			return
		}
	}
	if err := os.Remove(l.audioFile(sha)); err != nil {
		l.cfg.Log.Warn("prompts: audio not removed", "sha256", sha, "error", err)
	}
}

func (l *Library) metaFile(domain, name, lang string) string {
	return filepath.Join(l.cfg.Dir, "meta", domain, lang, filepath.FromSlash(name)+".json")
}

// load reads what was uploaded before. A damaged entry is logged and left alone, not played; files that nothing refers to are removed.
func (l *Library) load(ix index) error {
	root := filepath.Join(l.cfg.Dir, "meta")
	for _, dir := range []string{root, filepath.Join(l.cfg.Dir, "audio")} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	used := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if filepath.Ext(file) == tempSuffix {
			return os.Remove(file)
		}
		m, err := l.readMeta(file)
		if err != nil {
			l.cfg.Log.Warn("prompts: damaged entry", "file", file, "error", err)
			return nil
		}
		used[m.SHA256+".wav"] = true
		info := Info{Name: m.Name, Language: m.Language, SHA256: m.SHA256, Millis: m.Millis, Text: m.Text}
		ix[key{m.Domain, m.Name, m.Language}] = entry{info, l.opener(m.SHA256)}
		return nil
	})
	if err != nil {
		return err
	}
	return l.sweep(used)
}

func (l *Library) readMeta(file string) (meta, error) {
	var m meta
	st, err := os.Stat(file)
	if err != nil {
		return m, err
	}
	if st.Size() > maxMeta {
		return m, fmt.Errorf("%w: %d bytes", ErrTooLarge, st.Size())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, err
	}
	if err := checkNames(m.Domain, m.Name, m.Language, m.Text); err != nil {
		return m, err
	}
	if l.metaFile(m.Domain, m.Name, m.Language) != file || len(m.SHA256) != 64 || strings.Trim(m.SHA256, "0123456789abcdef") != "" {
		return m, fmt.Errorf("%w: entry does not fit its file", ErrBadName)
	}
	_, err = os.Stat(l.audioFile(m.SHA256))
	return m, err
}

// sweep removes audio without an entry: an upload or a deletion that a crash cut short.
func (l *Library) sweep(used map[string]bool) error {
	files, err := os.ReadDir(filepath.Join(l.cfg.Dir, "audio"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if !used[f.Name()] && f.Type().IsRegular() {
			if err := os.Remove(filepath.Join(l.cfg.Dir, "audio", f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

const tempSuffix = ".tmp"

// replace puts a file in place whole or not at all: written beside, synced, renamed, the directory synced.
func replace(file string, data []byte) (err error) {
	dir := filepath.Dir(file)
	if err := makeDir(dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "*"+tempSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), file); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a directory and its parents, each synced into the one above.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// checkNames lets through only what is safe as a file name, on every system, and worth keeping as text.
func checkNames(domain, name, lang, text string) error {
	if !plain(domain, maxDomain, ".-") || strings.Contains(domain, "..") {
		return fmt.Errorf("%w: domain", ErrBadName)
	}
	if len(name) > maxName || strings.Count(name, "/") >= maxSegments {
		return fmt.Errorf("%w: name is too long", ErrBadName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if !plain(part, maxName, "-") {
			return fmt.Errorf("%w: name may hold a-z, 0-9, - and /", ErrBadName)
		}
	}
	if len(lang) < 2 || len(lang) > 3 || strings.Trim(lang, "abcdefghijklmnopqrstuvwxyz") != "" {
		return fmt.Errorf("%w: language is two or three letters", ErrBadName)
	}
	if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		return fmt.Errorf("%w: text", ErrBadName)
	}
	return nil
}

// plain: lower-case letters and digits, and the given signs but at the ends.
func plain(s string, max int, inside string) bool {
	if s == "" || len(s) > max || strings.Trim(s, inside) != s {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(inside, c) < 0 {
			return false
		}
	}
	return true
}
