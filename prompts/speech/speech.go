// Package speech owns making announcements of text: it runs open_jtalk for Japanese and flite for English, as short-lived children with bounds on time,
// memory and output, and gives back audio that was checked. It never decides what is said or heard, and keeps nothing.
package speech

import (
	"context"
	_ "embed" // the voice
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Sentinel errors; callers use errors.Is. The text behind ErrText gives the reason and repeats nothing of what was to be said.
var (
	ErrText    = errors.New("speech: text cannot be spoken")
	ErrMissing = errors.New("speech: the program for this language is not installed")
	ErrBusy    = errors.New("speech: too many texts wait")
	ErrFailed  = errors.New("speech: the program gave no usable audio")
)

// mei is the voice of Japanese: Nagoya Institute of Technology, CC BY 3.0, see voice/LICENSE.
//
//go:embed voice/mei_normal.htsvoice
var mei []byte

// Names of the voices.
const (
	VoiceJapanese = "mei"
	VoiceEnglish  = "slt"
)

// Config of a Speaker. The zero value is what Debian's packages open-jtalk, open-jtalk-mecab-naist-jdic and flite install.
type Config struct {
	Japanese   string        // open_jtalk: a name in PATH, or a path
	Dictionary string        // of Japanese words; a directory
	English    string        // flite
	Timeout    time.Duration // of one text; 0: 25 s
}

// Speaker makes speech of text. It is safe for concurrent use: two texts are spoken at once, a few more wait.
type Speaker struct {
	cfg     Config
	slots   chan struct{}
	waiting atomic.Int32
}

const (
	atOnce     = 2
	maxWaiting = 6
)

// New makes a Speaker. Whether its programs are there is looked at each time: they may be installed while the switch runs.
func New(c Config) *Speaker {
	c.Japanese = orElse(c.Japanese, "open_jtalk")
	c.Dictionary = orElse(c.Dictionary, "/var/lib/mecab/dic/open-jtalk/naist-jdic")
	c.English = orElse(c.English, "flite")
	if c.Timeout <= 0 {
		c.Timeout = 25 * time.Second
	}
	return &Speaker{cfg: c, slots: make(chan struct{}, atOnce)}
}

func orElse(s, usual string) string {
	if s == "" {
		return usual
	}
	return s
}

// Speech is what was made of a text.
type Speech struct {
	WAV   []byte // canonical, see prompts.Rate
	Voice string
}

// Speak says a text in "ja" or "en". ErrText, ErrMissing, ErrBusy, ErrFailed, ctx.Err().
func (s *Speaker) Speak(ctx context.Context, language, text string) (Speech, error) {
	parts, err := sentences(language, text)
	if err != nil {
		return Speech{}, err
	}
	v, err := s.voice(language)
	if err != nil {
		return Speech{}, err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return Speech{}, err
	}
	defer leave()
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	wav, err := v.speak(limited, parts)
	switch {
	case ctx.Err() != nil:
		return Speech{}, ctx.Err()
	case limited.Err() != nil:
		return Speech{}, fmt.Errorf("%w: not within %v", ErrFailed, s.cfg.Timeout)
	case err != nil:
		return Speech{}, err
	}
	return Speech{WAV: wav, Voice: v.name}, nil
}

// enter waits for a place among those who speak.
func (s *Speaker) enter(ctx context.Context) (leave func(), err error) {
	if s.waiting.Add(1) > atOnce+maxWaiting {
		s.waiting.Add(-1)
		return nil, ErrBusy
	}
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots; s.waiting.Add(-1) }, nil
	case <-ctx.Done():
		s.waiting.Add(-1)
		return nil, ctx.Err()
	}
}

// voice is a program that is there, and how it is told to speak.
type voice struct {
	name    string
	program string
	args    []string // the text is never among them
	model   []byte   // put beside the output, as "voice"
}

func (s *Speaker) voice(language string) (voice, error) {
	v := voice{name: VoiceEnglish, program: s.cfg.English, args: []string{"-voice", "slt", "-f", "/dev/stdin", "-o", outputName}}
	if language == "ja" {
		v = voice{name: VoiceJapanese, program: s.cfg.Japanese, model: mei,
			args: []string{"-x", s.cfg.Dictionary, "-m", modelName, "-r", "0.95", "-ow", outputName}}
		if st, err := os.Stat(s.cfg.Dictionary); err != nil || !st.IsDir() {
			return voice{}, fmt.Errorf("%w: no dictionary in %s", ErrMissing, s.cfg.Dictionary)
		}
	}
	path, err := exec.LookPath(v.program)
	if err != nil {
		return voice{}, fmt.Errorf("%w: %s", ErrMissing, filepath.Base(v.program))
	}
	if v.program, err = filepath.Abs(path); err != nil {
		return voice{}, fmt.Errorf("%w: %s", ErrMissing, filepath.Base(v.program))
	}
	return v, nil
}
