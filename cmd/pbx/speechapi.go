package main

import (
	"context"
	"errors"

	"naisen/prompts/speech"
	"naisen/provisioning"
	"naisen/provisioning/rest"
)

// speechAPI offers speech to REST, in REST's words.
type speechAPI struct{ speaker *speech.Speaker }

var _ rest.Speech = speechAPI{}

// Speak implements rest.Speech.
func (a speechAPI) Speak(ctx context.Context, language, text string) ([]byte, string, error) {
	s, err := a.speaker.Speak(ctx, language, text)
	switch {
	case errors.Is(err, speech.ErrText):
		return nil, "", &provisioning.Invalid{Field: "text", Reason: err.Error()}
	case errors.Is(err, speech.ErrMissing):
		return nil, "", rest.ErrNoVoice
	case errors.Is(err, speech.ErrBusy):
		return nil, "", rest.ErrSpeechBusy
	}
	return s.WAV, s.Voice, err
}
