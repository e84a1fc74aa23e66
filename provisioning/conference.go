package provisioning

import (
	"log/slog"
	"strings"
)

// Conference is a room with a number: whoever dials it, from inside or by a DID, meets the others there. Its PINs are secrets of their own.
type Conference struct {
	Number    string `json:"number"`
	Title     string `json:"title"`
	MaxGuests int    `json:"max_guests,omitempty" doc:"0: 50"`
	Wait      bool   `json:"wait,omitempty" doc:"Guests hear music until a moderator is there; needs a moderator's PIN"`
	Tones     bool   `json:"tones,omitempty" doc:"A tone tells that somebody comes or goes"`
	Policy    string `json:"policy,omitempty" doc:"Recording policy: each caller's call is recorded with all guests"`
}

// SecretConference is the kind of a conference's PINs; key: Conference.Number.
const SecretConference = "conference"

// ConferencePINs are what callers press. They print as "[redacted]".
type ConferencePINs struct{ guest, moderator string }

// NewConferencePINs of guests and moderators. Without the first none is asked of guests, without the second nobody is moderator.
func NewConferencePINs(guest, moderator string) ConferencePINs {
	return ConferencePINs{guest, moderator}
}

// ParseConferencePINs reads what Seal wrote.
func ParseConferencePINs(sealed []byte) ConferencePINs {
	guest, moderator, _ := strings.Cut(string(sealed), "/")
	return ConferencePINs{guest, moderator}
}

// Seal is the form that the store seals; nil: there are none.
func (p ConferencePINs) Seal() []byte {
	if p.guest == "" && p.moderator == "" {
		return nil
	}
	return []byte(p.guest + "/" + p.moderator)
}

// Reveal gives them to whoever compares them.
func (p ConferencePINs) Reveal() (guest, moderator string) { return p.guest, p.moderator }

// String implements fmt.Stringer.
func (ConferencePINs) String() string { return "[redacted]" }

// GoString implements fmt.GoStringer.
func (ConferencePINs) GoString() string { return "[redacted]" }

// LogValue implements slog.LogValuer.
func (ConferencePINs) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Validate says what is wrong with them; it does not show them.
func (p ConferencePINs) Validate() error {
	var k check
	for field, pin := range map[string]string{"pin": p.guest, "moderator_pin": p.moderator} {
		digits := strings.Trim(pin, "0123456789") == ""
		k.must(pin == "" || digits && len(pin) >= 4 && len(pin) <= 12, field, "must be 4 to 12 digits")
	}
	k.must(p.guest == "" || p.guest != p.moderator, "moderator_pin", "must differ from pin")
	return k.result()
}

// Kind, Key: see Entity.
func (Conference) Kind() string  { return KindConference }
func (c Conference) Key() string { return c.Number }

// Refs of a conference: its recording policy.
func (c Conference) Refs() []Ref {
	if c.Policy == "" {
		return nil
	}
	return []Ref{{"policy", KindPolicy, c.Policy}}
}

// Validate: see Entity.
func (c Conference) Validate() error {
	var k check
	extensionNumber(&k, "number", c.Number)
	k.must(c.Number != "110" && c.Number != "118" && c.Number != "119", "number", "is an emergency number")
	k.text("title", c.Title)
	k.between("max_guests", c.MaxGuests, 0, 50)
	return k.result()
}
