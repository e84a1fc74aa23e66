package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/seal"
)

const (
	ageHeader    = "age-encryption.org/v1\n"
	manifestEnd  = ".manifest.age"
	maxFile      = 256 << 20 // bytes; a larger file is not what a demo makes
	patternBytes = 80        // of a voice: one whole period of each tone at 8 kHz
)

// pattern is what must not lie on the disk in clear.
type pattern struct {
	name string
	text []byte
}

// secrets are what the switch must not keep in clear: the voices as they came by RTP, and the passwords it was given or gave.
func (s *story) secrets() []pattern {
	out := []pattern{
		{"the extension's password", []byte(s.sw.Password.Reveal())}, {"the administrator's one-time password", []byte(s.sw.Admin.Reveal())},
	}
	for _, p := range []*phone{s.carrier, s.desk} {
		frames := framesOf(p.voice.Play())
		out = append(out, pattern{"µ-law of the " + p.name, bytes.Join(frames, nil)[:patternBytes]})
	}
	return out
}

// searched is what a search read and found.
type searched struct {
	files, bytes int
	found        []string
}

// String names what was found, to end a sentence with.
func (s searched) String() string {
	if len(s.found) == 0 {
		return ""
	}
	return ": " + strings.Join(s.found, ", ")
}

// search reads every file below a directory.
func search(dir string, patterns []pattern) (out searched, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the switch works meanwhile
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		out.files, out.bytes = out.files+1, out.bytes+len(text)
		for _, p := range patterns {
			if bytes.Contains(text, p.text) {
				out.found = append(out.found, p.name+" in "+path)
			}
		}
		return err
	})
	return out, err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// sealed looks at the recording where it is stored.
func (s *story) sealed(ctx context.Context) error {
	root := filepath.Join(s.sw.Dir, "objects")
	manifest := ""
	err := until(ctx, 10*time.Second, func() (bool, error) {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, s.callID+manifestEnd) {
				manifest = path
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		return manifest != "", err
	})
	if err != nil {
		return err
	}
	s.object = strings.TrimSuffix(manifest, manifestEnd) + ".age"
	text, err := readFile(s.object)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(s.sw.Dir, s.object)
	if err != nil {
		return err
	}
	s.say("object    %s", rel)
	s.say("size      %d bytes, its manifest beside it", len(text))
	lines := strings.SplitN(string(text[:min(len(text), 200)]), "\n", 3)
	for i, l := range lines[:min(len(lines), 2)] {
		s.say("%-9s %.80s%s", []string{"begins", ""}[i], l, []string{"", " ..."}[i])
	}
	head, _, _ := bytes.Cut(text, []byte("\n---"))
	s.check(bytes.HasPrefix(text, []byte(ageHeader)) && bytes.Count(head, []byte("\n-> ")) == 2,
		"It is an age file for two: the domain's key, which the vault here opens, and the recovery key that belongs offline.")
	return s.nothingInClear()
}

// nothingInClear looks for what must not be in the data, and proves first that it would be found.
func (s *story) nothingInClear() error {
	planted := filepath.Join(s.cfg.Dir, "planted")
	if err := os.Mkdir(planted, 0o700); err != nil {
		return err
	}
	for _, p := range []*phone{s.carrier, s.desk} {
		heard := bytes.Join(framesOf(p.voice.Play()), nil)
		if err := os.WriteFile(filepath.Join(planted, p.name), slices.Concat(heard[13:], heard), 0o600); err != nil {
			return err
		}
	}
	there, err := search(planted, s.secrets())
	if err == nil {
		err = os.RemoveAll(planted)
	}
	if err != nil {
		return err
	}
	all, err := search(s.sw.Dir, s.secrets())
	if err != nil {
		return err
	}
	s.check(len(there.found) == 2 && len(all.found) == 0, "A search of all %d files (%d KiB) for the µ-law of both voices and the passwords finds nothing%s.",
		all.files, all.bytes>>10, all)
	s.say("     (The same search finds both voices in a file where they were planted.)")
	return nil
}

// open opens a sealed file as the vault does.
func (s *story) open(ctx context.Context, sealed []byte) ([]byte, error) {
	files, err := seal.OpenFiles(filepath.Join(s.sw.Dir, "keys", "vault"), time.Now)
	if err != nil {
		return nil, err
	}
	r, err := seal.New(files).Open(ctx, s.sw.Domain, bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Between these, dB, lies the mark of a copy of two tones, which hide little.
const (
	leastBelow = 25
	mostBelow  = 60
)

// markBelow is by how many dB the mark of a copy is softer than the recording.
func markBelow(recorded, copied []byte) (float64, error) {
	a, err := readWAV(recorded)
	if err != nil {
		return 0, err
	}
	b, err := readWAV(copied)
	if err != nil {
		return 0, err
	}
	sound, mark, other := 0.0, 0.0, append(b.left, b.right...)
	for i, v := range append(a.left, a.right...)[:min(2*len(a.left), len(other))] {
		d := float64(v) - float64(other[i])
		sound, mark = sound+float64(v)*float64(v), mark+d*d
	}
	return 10 * math.Log10(sound/mark), nil
}

// flipped alters one byte in a copy of the sealed audio.
func (s *story) flipped(ctx context.Context) error {
	text, err := readFile(s.object)
	if err != nil {
		return err
	}
	whole, err := s.open(ctx, text)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(whole)
	s.check(hex.EncodeToString(sum[:]) == s.recorded, "A copy of the sealed object opens with the vault's key, to the very recording of the manifest.")
	below, err := markBelow(whole, s.played)
	if err != nil {
		return err
	}
	s.check(len(whole) == len(s.played) && below > leastBelow && below < mostBelow,
		"What was played is as long, and the listener's own copy: a mark in it says whose, %.0f dB below the voices.", below)
	at := len(text) / 2
	text[at] ^= 1
	plain, err := s.open(ctx, text)
	s.check(errors.Is(err, recorder.ErrIntegrity) && len(plain) < at,
		"The copy with one bit of byte %d flipped is refused before anything of its chunk is out: %.60v ...", at, err)
	return nil
}
