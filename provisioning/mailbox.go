package provisioning

import (
	"context"
	"io"
	"strings"
	"time"
)

// Mailbox takes voice messages. With the number of an extension or a group it is theirs; any other number is a mailbox of its own, which people
// inside dial to leave a message. Its messages and spoken greetings are no entities: they are sealed like recordings.
type Mailbox struct {
	Number        string    `json:"number"`
	Title         string    `json:"title"`
	Off           bool      `json:"off,omitempty" doc:"Takes no messages; those that are there can be heard"`
	Members       []string  `json:"members" doc:"Extensions whose owners hear it, and whose lamps show it, besides the one with its number"`
	Language      string    `json:"language,omitempty" doc:"Of what is said in it; empty: the call's"`
	Greetings     Greetings `json:"greetings"`
	Calendar      string    `json:"calendar,omitempty" doc:"Says when the greetings for night and holidays are heard"`
	MaxSeconds    int       `json:"max_seconds,omitempty" doc:"Longest message; 0: 180"`
	MaxMessages   int       `json:"max_messages,omitempty" doc:"That are kept; then it is full. 0: 100"`
	RetentionDays int       `json:"retention_days,omitempty" doc:"After which a message is deleted, heard or not; 0: 90"`
	OwnPhone      bool      `json:"no_pin_at_own_phone,omitempty" doc:"Whoever has the extension's telephone in hand needs no PIN for it"`

	Incarnation string `json:"incarnation,omitempty" readOnly:"true" doc:"Tells it from one of the same number that was deleted before; given by the store, whatever is written here"`
}

// Greetings are the announcements before a message, by occasion. One that was spoken by telephone comes first; where there is none for the
// occasion, the usual one; and else a built-in one.
type Greetings struct {
	Usual    string `json:"usual,omitempty"`
	Busy     string `json:"busy,omitempty"`
	NoAnswer string `json:"no_answer,omitempty" doc:"Also when no telephone is there"`
	Night    string `json:"night,omitempty"`
	Holiday  string `json:"holiday,omitempty"`
}

// Bounds and defaults of a mailbox.
const (
	defaultMessage   = 180 * time.Second
	defaultMessages  = 100
	defaultRetention = 90 // days
	maxMessages      = 1000
)

// SecretMailbox is the kind of a mailbox's PIN; key: Mailbox.Number. It is kept as secret.NewPIN makes it.
const SecretMailbox = "mailbox"

// Kind, Key: see Entity.
func (Mailbox) Kind() string  { return KindMailbox }
func (m Mailbox) Key() string { return m.Number }

// Contents names what is in the mailbox: its messages and spoken greetings, and nobody's who had the number before.
func (m Mailbox) Contents() string {
	if m.Incarnation == "" { // made before there were any
		return m.Number
	}
	return m.Number + "~" + m.Incarnation
}

// ContentsOf is the number of the mailbox that contents are, or were, of.
func ContentsOf(contents string) (number string) {
	number, _, _ = strings.Cut(contents, "~")
	return number
}

// incarnated implements incarnate.
func (m Mailbox) incarnated(as string) Entity {
	m.Incarnation = as
	return m
}

// Refs of a mailbox: its members and its calendar.
func (m Mailbox) Refs() []Ref {
	out := refs("members", KindExtension, m.Members)
	if m.Calendar != "" {
		out = append(out, Ref{"calendar", KindCalendar, m.Calendar})
	}
	return out
}

func (m Mailbox) normal() Entity { m.Members = list(m.Members); return m }

// Validate: see Entity.
func (m Mailbox) Validate() error {
	var c check
	insideNumber(&c, "number", m.Number)
	c.text("title", m.Title)
	c.list("members", len(m.Members), 0, maxTargets)
	c.each("members", m.Members, func(at, s string) { extensionNumber(&c, at, s) })
	c.oneOf("language", m.Language, "", "ja", "en")
	for field, name := range map[string]string{"usual": m.Greetings.Usual, "busy": m.Greetings.Busy, "no_answer": m.Greetings.NoAnswer,
		"night": m.Greetings.Night, "holiday": m.Greetings.Holiday} {
		checkPrompt(&c, "greetings."+field, name)
	}
	if m.Calendar != "" {
		c.name("calendar", m.Calendar)
	}
	c.must(m.MaxSeconds == 0 || m.MaxSeconds >= 10 && m.MaxSeconds <= 600, "max_seconds", "must be 10 to 600, or 0")
	c.between("max_messages", m.MaxMessages, 0, maxMessages)
	c.between("retention_days", m.RetentionDays, 0, 3650)
	return c.result()
}

// Longest message.
func (m Mailbox) Longest() time.Duration {
	if m.MaxSeconds == 0 {
		return defaultMessage
	}
	return time.Duration(m.MaxSeconds) * time.Second
}

// Most messages that are kept.
func (m Mailbox) Most() int {
	if m.MaxMessages == 0 {
		return defaultMessages
	}
	return m.MaxMessages
}

// Retention is how long a message is kept.
func (m Mailbox) Retention() time.Duration {
	days := m.RetentionDays
	if days == 0 {
		days = defaultRetention
	}
	return time.Duration(days) * 24 * time.Hour
}

// Owners are the extensions whose owners hear it.
func (m Mailbox) Owners() []string {
	out := []string{m.Number}
	for _, n := range m.Members {
		if n != m.Number {
			out = append(out, n)
		}
	}
	return out
}

// Message is a voice message, or a greeting, as it is shown.
type Message struct {
	ID      string     `json:"id"`
	From    string     `json:"from,omitempty" doc:"Empty: withheld"`
	Name    string     `json:"name,omitempty"`
	Left    time.Time  `json:"left"`
	Seconds float64    `json:"seconds"`
	Heard   *time.Time `json:"heard,omitempty" doc:"Missing: it is new"`
	Mode    string     `json:"mode,omitempty" doc:"Of a greeting: usual, busy, no-answer, night or holiday"`
}

// MessageAudio is a message as a WAV file. Whoever opened it closes it.
type MessageAudio interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Messages is what mailboxes hold. All answer ErrNotFound for what a mailbox does not hold.
type Messages interface {
	Messages(ctx context.Context, domain, mailbox string) ([]Message, error) // the newest first
	Message(ctx context.Context, domain, mailbox, id string) (Message, error)
	Audio(ctx context.Context, domain, mailbox, id string) (MessageAudio, error) // it lives as long as ctx
	MarkMessage(ctx context.Context, domain, mailbox, id string, heard bool) error
	RemoveMessage(ctx context.Context, domain, mailbox, id string) error
	Greetings(ctx context.Context, domain, mailbox string) ([]Message, error) // those that were spoken and are in use
}
