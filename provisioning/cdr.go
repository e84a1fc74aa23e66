package provisioning

import (
	"strings"
	"unicode"
)

// Validate checks what a call record cannot do without.
func (d CDR) Validate() error {
	var c check
	c.must(d.ID != "" && len(d.ID) <= 128 && !strings.ContainsFunc(d.ID, func(r rune) bool { return r <= ' ' || r > '~' }), "id",
		"must be 1 to 128 printable ASCII characters")
	c.must(hostName(d.Domain), "domain", "must be a lower-case host name")
	c.must(!d.Started.IsZero(), "started", "is missing")
	return c.result()
}

// Clean cuts and cleans the texts that came from the network: a call record is never lost because a peer sent a strange name.
func (d CDR) Clean() CDR {
	for _, s := range []*string{&d.Direction, &d.From, &d.To, &d.AnsweredBy, &d.Trunk, &d.Cause, &d.EndedBy, &d.Recording} {
		*s = cleaned(*s)
	}
	return d
}

// cleaned is a text from the network as a record may hold it.
func cleaned(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > 256 {
		s = string(r[:256])
	}
	return s
}
