package app

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/media/play"
)

// Phrase is one thing that is said. Exactly one field is set.
type Phrase struct {
	Prompt string                                  // an announcement of the library
	Digits string                                  // one by one: a telephone number, a code; what is no digit is a pause
	Source func(media.Codec) (media.Source, error) // audio from elsewhere: a message, a tone
}

// Say says one announcement.
func Say(prompt string) Phrase { return Phrase{Prompt: prompt} }

// Spell says a number digit by digit.
func Spell(digits string) Phrase { return Phrase{Digits: digits} }

// Speak says phrases one after the other.
func (p Programs) Speak(domain, language string, what ...Phrase) call.Program {
	return speech{p, domain, language, what}
}

type speech struct {
	from             Programs
	domain, language string
	what             []Phrase
}

// Open implements call.Program. What cannot be found makes the whole of it fail: half a sentence would mislead.
func (s speech) Open(c media.Codec) (media.Source, call.Spoken, error) {
	if s.from.Prompts == nil {
		return nil, call.Spoken{}, errNoPrompts
	}
	var all []media.Source
	var spoken call.Spoken
	for _, ph := range s.what {
		if ph.Source != nil {
			src, err := ph.Source(c)
			if err != nil {
				return nil, call.Spoken{}, err
			}
			all = append(all, src)
			continue
		}
		for _, name := range ph.prompts() {
			src, info, err := s.from.Prompts.Open(s.domain, name, s.language, c)
			if err != nil {
				return nil, call.Spoken{}, err
			}
			spoken = call.Spoken{Prompt: info.Name, Language: info.Language, SHA256: info.SHA256}
			all = append(all, src)
		}
	}
	src, err := play.Sequence(all...)
	return src, spoken, err
}

// prompts are the announcements that make up a phrase.
func (p Phrase) prompts() []string {
	if p.Prompt != "" {
		return []string{p.Prompt}
	}
	var out []string
	for _, r := range p.Digits {
		if r >= '0' && r <= '9' {
			out = append(out, "number/"+string(r))
		}
	}
	return out
}
