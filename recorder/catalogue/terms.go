package catalogue

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"

	"naisen/recorder"
)

// Words brings what people and networks write to one form, in the index and in what is searched for. The zero value takes it as it is, but for
// capitals. Whoever opens one file opens it with the same Words each time.
type Words struct {
	Number func(string) string // 0312345678 for +81 3-1234-5678
	Fold   func(string) string // of names and notes: without blanks and marks, katakana as hiragana
}

func (w Words) number(s string) string {
	if w.Number == nil {
		return s
	}
	return w.Number(s)
}

func (w Words) fold(s string) string {
	if w.Fold == nil {
		return strings.ToLower(strings.Join(strings.Fields(s), ""))
	}
	return w.Fold(s)
}

// Kinds of terms.
const (
	termAny    = "any" // each recording has it
	termState  = "state"
	termNumber = "number"
	termParty  = "party"
	termGroup  = "group"
	termCase   = "case"
	termName   = "name"
	termNote   = "note"
)

// maxGrams bounds what of one recording's notes can be found, in pairs of letters.
const maxGrams = 5000

// unit is a smallest part of a domain that somebody may have a right to: a number, a group or everything, of one label. Each term of a recording is in the
// index once for each unit that it belongs to, and a search names only units that the asker may see: others' recordings are not looked at and left
// out, they are not looked at.
type unit struct {
	domain     string
	label      recorder.Label
	kind, name string
}

const (
	unitAll    = "all"
	unitNumber = "number"
	unitGroup  = "group"
)

// termLength is how long each term is, in letters.
const termLength = 16

var termLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

// term is a word of the index: what it says is hashed, so that the index is made of words of one length and names nobody.
func (u unit) term(kind, value string) string {
	b := make([]byte, 0, 256)
	for _, s := range [...]string{u.domain, string(u.label), u.kind, u.name, kind, value} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return termLetters.EncodeToString(sum[:10])
}

// unitsOf a recording.
func unitsOf(r Row) []unit {
	label := r.Label.Or()
	all := []unit{{r.Domain, label, unitAll, ""}, {r.Domain, label, unitNumber, r.Number}}
	for _, g := range r.Groups {
		all = append(all, unit{r.Domain, label, unitGroup, g})
	}
	return all
}

// unitsIn a scope, of given labels.
func unitsIn(domain string, s recorder.Scope, labels []recorder.Label) (all []unit) {
	for _, l := range labels {
		if s.All {
			all = append(all, unit{domain, l, unitAll, ""})
			continue
		}
		for _, n := range s.Numbers {
			all = append(all, unit{domain, l, unitNumber, n})
		}
		for _, g := range s.Groups {
			all = append(all, unit{domain, l, unitGroup, g})
		}
	}
	return all
}

// pair is a term before it belongs to a unit.
type pair struct{ kind, value string }

// pairsOf is everything by which a recording is found.
func (w Words) pairsOf(r Row, notes []string) []pair {
	all := []pair{{termAny, ""}, {termState, string(r.State)}, {termNumber, w.number(r.Number)}}
	for _, p := range r.Parties {
		if n := w.number(p.Number); n != "" {
			all = append(all, pair{termParty, n})
		}
		all = append(all, w.grams(termName, p.Name)...)
	}
	for _, g := range r.Groups {
		all = append(all, pair{termGroup, g})
	}
	for _, c := range r.Cases {
		all = append(all, pair{termCase, w.fold(c.Name)})
	}
	var said []pair
	for _, n := range notes {
		said = append(said, w.grams(termNote, n)...)
	}
	said = distinct(said)
	return append(distinct(all), said[:min(len(said), maxGrams)]...)
}

func distinct(all []pair) []pair {
	slices.SortFunc(all, func(a, b pair) int { return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.value, b.value)) })
	return slices.Compact(all)
}

// grams are the pairs of neighbouring letters of a text, and the first letter of each word. Japanese has no blanks between words and names of one letter.
func (w Words) grams(kind, text string) []pair {
	var out []pair
	for _, word := range strings.Fields(text) {
		for _, r := range w.fold(word) {
			out = append(out, pair{kind, "^" + string(r)})
			break
		}
	}
	letters := []rune(w.fold(text))
	for i := 1; i < len(letters); i++ {
		out = append(out, pair{kind, string(letters[i-1 : i+1])})
	}
	return out
}

// wanted are the terms that a text must have to hold each word of a wish; false: the wish has no letter.
func (w Words) wanted(kind, wish string) (out []pair, ok bool) {
	for _, word := range strings.Fields(wish) {
		letters := []rune(w.fold(word))
		switch len(letters) {
		case 0:
			continue
		case 1:
			out = append(out, pair{kind, "^" + string(letters)})
		}
		for i := 1; i < len(letters); i++ {
			out = append(out, pair{kind, string(letters[i-1 : i+1])})
		}
	}
	return out, len(out) > 0
}

// holds says that a text has each word of a wish: the terms alone do not know in which order letters stand.
func (w Words) holds(wish string, texts ...string) bool {
	for _, word := range strings.Fields(wish) {
		letters := w.fold(word)
		if letters == "" {
			continue
		}
		if !slices.ContainsFunc(texts, func(t string) bool { return w.has(t, letters) }) {
			return false
		}
	}
	return true
}

func (w Words) has(text, letters string) bool {
	if len([]rune(letters)) > 1 {
		return strings.Contains(w.fold(text), letters)
	}
	return slices.ContainsFunc(strings.FieldsFunc(text, unicode.IsSpace), func(word string) bool { return strings.HasPrefix(w.fold(word), letters) })
}
