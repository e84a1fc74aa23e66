package main

import (
	"strings"
	"sync"
	"time"

	"naisen/media"
	"naisen/media/play"
	"naisen/prompts"
)

// simPrompt is how long each announcement of the library takes.
const simPrompt = time.Second

// simLibrary has every announcement, and remembers what was asked for, in order.
type simLibrary struct {
	mu   sync.Mutex
	said []string

	announced []string // what calls said by themselves, in order
}

func (l *simLibrary) announces(prompt string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.announced = append(l.announced, prompt)
}

// Open implements app.Library.
func (l *simLibrary) Open(_, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	l.mu.Lock()
	l.said = append(l.said, name)
	l.mu.Unlock()
	clip, err := play.Silence(c, simPrompt)
	if err != nil {
		return nil, prompts.Info{}, err
	}
	return clip.Play(), prompts.Info{Name: name, Language: lang, SHA256: "00"}, nil
}

// Loop implements app.Library.
func (l *simLibrary) Loop(domain, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	src, info, err := l.Open(domain, name, lang, c)
	return simEndless{src}, info, err
}

// heard is what was said since it was last asked.
func (l *simLibrary) heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := strings.Join(l.said, " ")
	l.said = nil
	return out
}
