// Package prompts owns announcements in the codec wanted: library, upload, transcode, cache. It never decides when one is played.
package prompts

import (
	"errors"

	"naisen/media"
)

// Sentinel errors; callers use errors.Is. The text behind them gives the reason and may be shown to the person who uploads.
var (
	ErrNotFound = errors.New("prompts: no such announcement")
	ErrBadName  = errors.New("prompts: domain, name, language or text not allowed")
	ErrBadAudio = errors.New("prompts: audio cannot be used")
	ErrTooLarge = errors.New("prompts: audio too large or too long")
	ErrBuiltin  = errors.New("prompts: a built-in announcement cannot be changed")
	ErrFull     = errors.New("prompts: the domain has too many announcements")
)

// Info describes one stored prompt in one language.
type Info struct {
	Name     string // "notice/recording"
	Language string // "ja" or "en"; empty for what has no words
	SHA256   string // of the canonical PCM (16 kHz, 16 bit, mono, little endian)
	Millis   int64
	Text     string // empty if unknown
	Builtin  bool
}

// Opener gives prompts to calls.
type Opener interface {
	// Open returns the prompt in codec c; ErrNotFound if there is none in lang nor in the fallback language.
	// An upload of the domain wins over the built-in one. It is answered from memory after the first time.
	Open(domain, name, lang string, c media.Codec) (media.Source, Info, error)
}
