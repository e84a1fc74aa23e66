package speech

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what is spoken.
const (
	MaxText      = 1000 // characters
	maxSentence  = 1000 // octets: open_jtalk reads one line of 1,023
	maxSentences = 60
)

func badText(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrText, fmt.Sprintf(format, args...))
}

// sentences checks a text and cuts it into what a program takes at once. What cannot be seen cannot be approved either: control characters, and
// signs that turn the direction of writing or have no width, are refused.
func sentences(language, text string) ([]string, error) {
	if language != "ja" && language != "en" {
		return nil, badText("language must be ja or en")
	}
	if len(text) > utf8.UTFMax*MaxText || utf8.RuneCountInString(text) > MaxText {
		return nil, badText("longer than %d characters", MaxText)
	}
	if !utf8.ValidString(text) {
		return nil, badText("not UTF-8")
	}
	spoken := false
	for _, r := range text {
		switch {
		case r == '\n':
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			return nil, badText("holds the character U+%04X, which cannot be seen", r)
		case unicode.IsLetter(r), unicode.IsDigit(r):
			spoken = true
		}
	}
	if !spoken {
		return nil, badText("nothing in it can be spoken")
	}
	parts := cut(text)
	if len(parts) > maxSentences {
		return nil, badText("more than %d sentences", maxSentences)
	}
	for _, p := range parts {
		if len(p) > maxSentence {
			return nil, badText("a sentence is longer than %d octets: end it with a full stop", maxSentence)
		}
	}
	return parts, nil
}

// cut ends a sentence behind its full stop, or at the end of a line. Signs alone are no sentence: a program would say nothing and fail.
func cut(text string) []string {
	var out []string
	take := func(s string) {
		if s = strings.TrimSpace(s); strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			out = append(out, s)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		from := 0
		for i, r := range line {
			if end := i + utf8.RuneLen(r); strings.ContainsRune("。！？!?", r) || r == '.' && strings.HasPrefix(line[end:], " ") {
				take(line[from:end])
				from = end
			}
		}
		take(line[from:])
	}
	return out
}
