package app

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/media"
)

// Announce plays one prompt to its end, once.
func (p Programs) Announce(domain, prompt, language string) call.Program {
	return announcement{p, domain, prompt, language}
}

type announcement struct {
	from                     Programs
	domain, prompt, language string
}

func (a announcement) Open(c media.Codec) (media.Source, call.Spoken, error) {
	if a.from.Prompts == nil {
		return nil, call.Spoken{}, errNoPrompts
	}
	src, info, err := a.from.Prompts.Open(a.domain, a.prompt, a.language, c)
	return src, call.Spoken{Prompt: info.Name, Language: info.Language, SHA256: info.SHA256}, err
}
