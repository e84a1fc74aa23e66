// Package app is what a call does when nobody is talking: one file per verb. A program is one thing that a leg hears; a script is told cues
// and answers with orders. It never sees a SIP message and moves no packet: it gives the call sources to play.
package app

import (
	"errors"

	"naisen/media"
	"naisen/prompts"
)

// Library is the part of prompts.Library that programs use.
type Library interface {
	prompts.Opener
	Loop(domain, name, lang string, c media.Codec) (media.Source, prompts.Info, error) // without end
}

// Programs makes the programs that calls run.
type Programs struct {
	Prompts  Library
	Ringtone func(media.Codec) (media.Source, error) // the country's ringback tone, without end
}

var errNoPrompts = errors.New("app: no prompt library")
