package app

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/media"
)

// Ringback plays the country's ringing tone: a phone that already hears our early media makes none itself.
func (p Programs) Ringback() call.Program { return ringback{p} }

type ringback struct{ from Programs }

func (r ringback) Open(c media.Codec) (media.Source, call.Spoken, error) {
	src, err := r.from.Ringtone(c)
	return src, call.Spoken{}, err
}
