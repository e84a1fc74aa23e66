package app

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/media"
)

// musicOnHold is the prompt that a domain may replace by an upload of its own.
const musicOnHold = "music/hold"

// Music plays the domain's music on hold until it is stopped.
func (p Programs) Music(domain string) call.Program { return music{p, domain, musicOnHold} }

// Loop plays an announcement or a tune again and again until it is stopped.
func (p Programs) Loop(domain, name string) call.Program { return music{p, domain, name} }

type music struct {
	from         Programs
	domain, name string
}

func (m music) Open(c media.Codec) (media.Source, call.Spoken, error) {
	if m.from.Prompts == nil {
		return nil, call.Spoken{}, errNoPrompts
	}
	src, _, err := m.from.Prompts.Loop(m.domain, m.name, "", c)
	return src, call.Spoken{}, err
}
