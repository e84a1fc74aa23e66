// Package app is what a call does when nobody is talking: one file per verb. It never sees a SIP message and moves no packet:
// it gives the call sources to play.
package app

import (
	"errors"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/prompts"
)

// Programs makes the programs that calls run.
type Programs struct {
	Prompts  prompts.Opener
	Ringtone func(media.Codec) (media.Source, error) // the country's ringback tone, one period
}

var errNoPrompts = errors.New("app: no prompt library")

// open finds a prompt in the library.
func (p Programs) open(domain, name, language string, c media.Codec) (media.Source, call.Spoken, error) {
	if p.Prompts == nil {
		return nil, call.Spoken{}, errNoPrompts
	}
	src, info, err := p.Prompts.Open(domain, name, language, c)
	return src, call.Spoken{Prompt: info.Name, Language: info.Language, SHA256: info.SHA256}, err
}
