package app

import (
	"errors"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/prompts"
	"naisen/provisioning"
)

// Announce plays one prompt to its end, once. A recording notice is heard in the wording that is in effect when it begins.
func (p Programs) Announce(domain, prompt, language string) call.Program {
	return announcement{p, domain, prompt, language}
}

type announcement struct {
	from                     Programs
	domain, prompt, language string
}

var errOtherAudio = errors.New("app: the audio of a wording is not the one that was approved")

func (a announcement) Open(c media.Codec) (media.Source, call.Spoken, error) {
	if a.from.Prompts == nil {
		return nil, call.Spoken{}, errNoPrompts
	}
	v, exact, ok := a.wording()
	if exact {
		return a.approved(v, c)
	}
	src, info, err := a.from.Prompts.Open(a.domain, a.prompt, a.language, c)
	if ok && (errors.Is(err, prompts.ErrNotFound) || info.Language != a.language) { // better in another language than what nobody approved for this number
		return a.approved(v, c)
	}
	return src, call.Spoken{Prompt: info.Name, Language: info.Language, SHA256: info.SHA256}, err
}

// wording is the one that is in effect now, if the prompt is a notice that has any.
func (a announcement) wording() (v provisioning.NoticeVersion, exact, ok bool) {
	if a.from.Wording == nil {
		return v, false, false
	}
	return a.from.Wording(a.domain, a.prompt, a.language)
}

// approved opens the audio that was approved, and no other: a file that somebody put in its place is not heard, and then nobody is recorded.
func (a announcement) approved(v provisioning.NoticeVersion, c media.Codec) (media.Source, call.Spoken, error) {
	src, info, err := a.from.Prompts.Open(a.domain, v.Audio, v.Language, c)
	if err == nil && info.SHA256 != v.SHA256 {
		err = errOtherAudio
	}
	if err != nil {
		return nil, call.Spoken{}, err
	}
	return src, call.Spoken{Prompt: a.prompt, Version: v.Number, Language: info.Language, SHA256: info.SHA256}, nil
}
