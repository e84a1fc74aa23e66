package app

import (
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/media/play"
)

// Pause is silence that is sent: whoever hears it has not been cut off.
func (p Programs) Pause(d time.Duration) call.Program { return pause(d) }

type pause time.Duration

func (p pause) Open(c media.Codec) (media.Source, call.Spoken, error) {
	clip, err := play.Silence(c, time.Duration(p))
	if err != nil {
		return nil, call.Spoken{}, err
	}
	return clip.Play(), call.Spoken{}, nil
}
