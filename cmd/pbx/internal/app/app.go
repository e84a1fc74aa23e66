// Package app is what a call does when nobody is talking: one file per verb. A program is one thing that a leg hears; a script is told cues
// and answers with orders. It never sees a SIP message and moves no packet: it gives the call sources to play.
package app

import (
	"context"
	"errors"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/prompts"
	"naisen/provisioning"
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
	// Wording is what a prompt is said in now, if it is a notice with wordings in effect; exact: in that language. nil: there are none.
	Wording func(domain, prompt, language string) (v provisioning.NoticeVersion, exact, ok bool)
	Queues  Queues // nil: there are none
	Desk    Desk   // nil: nothing can be changed from a phone
	// Shorten puts a number into the own list of the person of an extension, or with none takes the code out; nil: nobody may. An error: it was not done.
	Shorten func(ctx context.Context, domain, extension, code, number string) error
	// Mailboxes take messages; nil: there are none. Leave is the plan that takes a call to one.
	Mailboxes Mailboxes
	Leave     func(domain, number string) route.Plan
	// Rooms are the conferences, Conference what a room's number is set to, Beep who comes and who goes.
	Rooms      *Rooms
	Conference func(domain, number string) (Conference, bool)
	Beep       func(comes bool, c media.Codec) (media.Source, error)
	// Pages are the announcements that are spoken, Paging what a paging group's number is set to; nil: there are none.
	Pages    *Pages
	Paging   func(domain, number string) (Paging, bool)
	Agents   Agents                                              // nil: nobody serves queues by code
	Monitors Monitors                                            // nil: nobody listens to calls
	Parks    Parks                                               // nil: there are none
	Missed   func(MissedCall)                                    // has an own mobile called back; it must not block. Nil: nobody is
	Menu     func(domain, name string) (provisioning.Menu, bool) // the one that callers hear; nil: there are none
	Calendar func(domain, name string) (provisioning.Calendar, bool)
}

// Desk is what people change and ask from their phones. Scripts call it beside the call: it may block.
type Desk interface {
	// Set does what a feature of provisioning says for an extension: it is audited, and holds for the next call. An error: it was not done.
	Set(ctx context.Context, domain, extension, feature, argument string) error
	// Prove tells whether a PIN is that of an extension, which signs in at another one, or at its own, or calls from Outside. Wrong ones are slowed and audited.
	// Errors: ErrNoTries; any other: it is not.
	Prove(ctx context.Context, domain, extension, at, pin string) error
	// SignIn lets the person of an extension sign in at a telephone. Errors: as of Prove, and whatever else stands against it.
	SignIn(ctx context.Context, domain, desk, person, pin string) error
	// LastCaller is who called an extension last; known is false when nobody did, and number empty when it was withheld.
	LastCaller(ctx context.Context, domain, extension string) (number string, known bool, err error)
}

var errNoPrompts = errors.New("app: no prompt library")
