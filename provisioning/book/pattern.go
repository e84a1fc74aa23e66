package book

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"naisen/provisioning"
)

// Field is a part of an entry that can be looked at by itself.
type Field int

// The fields.
const (
	FieldName Field = iota // name, reading and rōmaji: whoever knows how a name sounds finds it
	FieldDepartment
	FieldEmail
	FieldNumber
)

// Pattern is a beginning, parts in their order and an end, in each form in which they may stand. It is made once and asked of many entries.
type Pattern struct {
	text, roman, number piece
	email               piece
	near                string
}

type piece struct {
	whole          bool
	initial, final string
	any            []string
	off            bool // has no such form
}

// NewPattern makes a pattern of what stands at the beginning, in between and at the end; empty ones ask for nothing.
func NewPattern(initial string, any []string, final string) Pattern {
	return newPattern(false, initial, any, final)
}

// NewExact makes a pattern that a whole value must meet.
func NewExact(value string) Pattern { return newPattern(true, value, nil, "") }

// NewNear makes a pattern that is met with long vowels and voicing forgotten.
func NewNear(value string) Pattern {
	p := newPattern(false, "", []string{value}, "")
	p.near = loose(hiragana(value))
	return p
}

func newPattern(whole bool, initial string, any []string, final string) Pattern {
	form := func(f func(string) string) piece {
		x := piece{whole: whole, initial: f(initial), final: f(final)}
		for _, s := range any {
			x.any = append(x.any, f(s))
		}
		x.off = x.initial == "" && initial != "" || x.final == "" && final != "" ||
			slices.ContainsFunc(x.any, func(s string) bool { return s == "" }) || x.initial == "" && x.final == "" && len(x.any) == 0
		return x
	}
	return Pattern{
		text: form(func(s string) string { return plain(hiragana(s)) }),
		roman: form(func(s string) string {
			if h := hiragana(s); strings.Trim(h, "abcdefghijklmnopqrstuvwxyz'- ") == "" {
				return latin(h)
			}
			return ""
		}),
		number: form(func(s string) string {
			s = norm.NFKC.String(s)
			if strings.Trim(s, "+*#0123456789-(). ") != "" {
				return ""
			}
			return Normal("", s)
		}),
		email: form(strings.ToLower),
	}
}

func (x *piece) meets(s string) bool {
	if x.whole {
		return s == x.initial
	}
	s, ok := strings.CutPrefix(s, x.initial)
	if !ok {
		return false
	}
	for _, part := range x.any {
		_, rest, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = rest
	}
	return strings.HasSuffix(s, x.final)
}

// anyOf tells whether one of the forms of a value meets x. Many entries are asked for one pattern: nothing is copied.
func (x *piece) anyOf(forms []string) bool {
	if x.off {
		return false
	}
	for _, s := range forms {
		if x.meets(s) {
			return true
		}
	}
	return false
}

// Is tells whether a field of e meets p.
func (e *Entry) Is(f Field, p *Pattern) bool {
	switch f {
	case FieldName:
		return p.text.anyOf(e.called) || p.roman.anyOf(e.called) || p.near != "" && strings.Contains(e.near, p.near)
	case FieldDepartment:
		return p.text.anyOf(e.place)
	case FieldEmail:
		return !p.email.off && p.email.meets(strings.ToLower(e.Email))
	case FieldNumber:
		return e.HasNumber(p, provisioning.NumberKinds()...)
	}
	return false
}

// HasNumber tells whether a number of one of the kinds meets p.
func (e *Entry) HasNumber(p *Pattern, kinds ...string) bool {
	for i, n := range e.Numbers {
		if slices.Contains(kinds, n.Kind) && p.number.anyOf(e.dialled[i]) {
			return true
		}
	}
	return false
}
