package app

import (
	"errors"
	"testing"

	"naisen/media"
	"naisen/prompts"
)

type library map[string]prompts.Info

var errMissing = errors.New("missing")

func (l library) Open(domain, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	info, ok := l[domain+"|"+name+"|"+lang]
	if !ok {
		return nil, prompts.Info{}, errMissing
	}
	return source(c), info, nil
}

func (l library) Loop(domain, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	src, info, err := l.Open(domain, name, lang, c)
	return endless{src}, info, err
}

type endless struct{ media.Source }

type source media.Codec

func (s source) Codec() media.Codec   { return media.Codec(s) }
func (s source) Next() ([]byte, bool) { return nil, false }

func TestAnnounceNamesWhatItPlayed(t *testing.T) {
	p := Programs{Prompts: library{"d|notice/recording|ja": {Name: "notice/recording", Language: "ja", SHA256: "ab"}}}
	prog := p.Announce("d", "notice/recording", "ja")
	src, spoken, err := prog.Open(media.PCMA)
	if err != nil || src.Codec() != media.PCMA || spoken.SHA256 != "ab" || spoken.Language != "ja" {
		t.Fatalf("got %v %+v %v", src, spoken, err)
	}
	if _, again := src.(endless); again {
		t.Error("a notice is played once")
	}
	if _, _, err := p.Announce("d", "none", "ja").Open(media.PCMU); !errors.Is(err, errMissing) {
		t.Errorf("missing prompt: %v", err)
	}
	if _, _, err := (Programs{}).Announce("d", "n", "ja").Open(media.PCMU); err == nil {
		t.Error("no library must be an error, not silence")
	}
}

func TestMusicAndRingback(t *testing.T) {
	p := Programs{
		Prompts:  library{"d|music/hold|": {Name: "music/hold"}},
		Ringtone: func(c media.Codec) (media.Source, error) { return source(c), nil },
	}
	src, _, err := p.Music("d").Open(media.PCMU)
	if _, again := src.(endless); err != nil || !again {
		t.Errorf("music: %v %v", src, err)
	}
	if _, _, err := (Programs{}).Music("d").Open(media.PCMU); err == nil {
		t.Error("no library must be an error, not silence")
	}
	if src, _, err := p.Ringback().Open(media.G722); err != nil || src.Codec() != media.G722 {
		t.Errorf("ringback: %v %v", src, err)
	}
}
