package app

import (
	"context"
	"strconv"
	"time"

	"naisen/media"
)

// Mailboxes are where messages are left and fetched. Methods with a context may block: scripts call them beside the call.
type Mailboxes interface {
	// Box is what a mailbox is set to at a time.
	Box(domain, number string, now time.Time) (Mailbox, bool)
	// Record begins a message, or a greeting for an occasion. It does not block.
	Record(Voice) (Recording, error)
	// Greeting opens the one that was spoken for an occasion; false: there is none.
	Greeting(ctx context.Context, domain, number, occasion string, c media.Codec) (media.Source, bool, error)
	// Guess looks at a PIN, slowly.
	Guess(ctx context.Context, g Guess) (Verdict, error)
	SetPIN(ctx context.Context, who Caller, number, pin string) error
	// Messages are those that can be heard, the newest first.
	Messages(ctx context.Context, who Caller, number string) ([]Message, error)
	// Listen opens a message, or waits for a greeting that has just been spoken. It is in the audit log before the first sound.
	Listen(ctx context.Context, who Caller, number, id string, c media.Codec) (media.Source, error)
	Mark(ctx context.Context, who Caller, number, id string) error
	Remove(ctx context.Context, who Caller, number, id string) error
	// KeepGreeting puts a greeting to use.
	KeepGreeting(ctx context.Context, who Caller, number, id string) error
}

// Caller is who acts on a mailbox by telephone.
type Caller struct {
	Domain    string
	Call      string
	Extension string // whose device it is; empty: from outside
	From      string // the number from outside; empty: withheld
}

// Mailbox is what a mailbox is set to.
type Mailbox struct {
	Number   string
	Off      bool
	Full     bool
	Language string
	Longest  time.Duration     // of a message
	Mode     string            // "night" or "holiday" by its calendar; empty: neither
	Prompts  map[string]string // by occasion, those that are set
	Own      string            // the extension with its number; empty: there is none
	OwnPhone bool              // whose telephone needs no PIN
}

// Voice is what is recorded.
type Voice struct {
	Domain, Mailbox, Call string
	From, Name            string
	Occasion              string // of a greeting; empty: it is a message
}

// Recording is one voice being recorded.
type Recording interface {
	ID() string
	Tap() media.Tap
	Stop(why string)
}

// Message is one that can be heard.
type Message struct {
	ID   string
	From string // empty: withheld
	Left time.Time
	New  bool
}

// Guess is a PIN that somebody tries. It prints as "[redacted]".
type Guess struct {
	Caller
	Mailbox string
	PIN     string
}

// String implements fmt.Stringer.
func (Guess) String() string { return "[redacted]" }

// GoString implements fmt.GoStringer.
func (Guess) GoString() string { return "[redacted]" }

// Verdict is what a guess came to.
type Verdict int

// Verdicts.
const (
	PINWrong  Verdict = iota
	PINRight          //
	PINUnset          // nobody has set one yet
	PINClosed         // too many were wrong lately: it was not looked at
)

// Occasions of greetings, in the order in which the telephone offers them.
var occasions = []string{"usual", "busy", "no-answer", "night", "holiday"}

// builtin are the announcements where nobody chose one.
var builtin = map[string]string{"usual": "voicemail/greeting", "busy": "voicemail/greeting-busy", "no-answer": "voicemail/greeting", "night": "voicemail/greeting-night",
	"holiday": "voicemail/greeting-holiday"}

// storeLimit bounds the opening of what is sealed.
const storeLimit = 10 * time.Second

// beepPhrase is the tone after which one speaks.
func (p Programs) beepPhrase() Phrase {
	return Phrase{Source: func(c media.Codec) (media.Source, error) {
		if p.Beep == nil {
			return nil, errNoPrompts
		}
		return p.Beep(true, c)
	}}
}

// stored is a message as a phrase.
func (p Programs) stored(who Caller, number, id string) Phrase {
	return Phrase{Source: func(c media.Codec) (media.Source, error) {
		ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
		defer cancel()
		return p.Mailboxes.Listen(ctx, who, number, id, c)
	}}
}

// envelope says who left a message, and when.
func envelope(m Message, now time.Time, language string) []Phrase {
	what := []Phrase{Say("voicemail/from")}
	if m.From == "" {
		what = append(what, Say("feature/withheld"))
	} else {
		what = append(what, Spell(national(m.From)))
	}
	what = append(what, Say("voicemail/at"))
	left, today := m.Left.In(japan), now.In(japan)
	if left.YearDay() != today.YearDay() || left.Year() != today.Year() {
		what = append(what, Say("month/"+strconv.Itoa(int(left.Month()))), Say("day/"+strconv.Itoa(left.Day())))
	}
	return append(what, Clock(m.Left, language)...)
}

// amount says how many there are.
func amount(prompt string, n int, language string) []Phrase {
	what := append([]Phrase{Say(prompt)}, Count(n, language)...)
	if language != "en" {
		what = append(what, Say("time/desu"))
	}
	return what
}
