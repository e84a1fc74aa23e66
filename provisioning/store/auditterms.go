package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// Bounds of the words of one entry and of one question.
const (
	maxWords  = 200
	maxAsked  = 16  // words of a text that the index is asked for; the entry says whether it has the others
	maxText   = 200 // letters of a text that is looked for
	termBytes = 8
)

// The fields that have terms.
const (
	termKind    = "kind"
	termSubject = "subject"
	termNoun    = "noun"
	termAction  = "action"
	termObject  = "object"
	termOutcome = "outcome"
	termSource  = "source"
	termWord    = "word"
)

var termLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// appendTerm adds a word of the index: what it says is hashed with its domain, so that the index names nobody, its words have one length, and a question about
// one domain looks at no other's entries. Each part of the log has words of its own: FTS5 looks for the first entry that two words have in common before it
// asks where to begin or to end, so that the words' own extent is what bounds a question to two that never meet.
func appendTerm(b []byte, part int64, domain, field, value string) []byte {
	var room [256]byte
	said := binary.BigEndian.AppendUint64(room[:0], uint64(part))
	for _, s := range [...]string{domain, field, value} {
		said = append(binary.BigEndian.AppendUint32(said, uint32(len(s))), s...)
	}
	sum := sha256.Sum256(said)
	return append(termLetters.AppendEncode(b, sum[:termBytes]), ' ')
}

// appendTerms adds everything by which an entry of a part of the log is found.
func appendTerms(b []byte, part int64, e provisioning.AuditEntry) []byte {
	noun, _, _ := strings.Cut(e.Action, ".")
	for _, f := range [...]struct{ field, value string }{{termKind, kindOf(e)}, {termSubject, e.Subject}, {termNoun, noun}, {termAction, e.Action},
		{termObject, e.Object}, {termOutcome, e.Outcome}, {termSource, e.Source}} {
		if f.value != "" {
			b = appendTerm(b, part, e.Domain, f.field, f.value)
		}
	}
	for _, w := range wordsOf(textsOf(e)) {
		b = appendTerm(b, part, e.Domain, termWord, w)
	}
	return b
}

// kindOf an entry; those of before have none of their own.
func kindOf(e provisioning.AuditEntry) string { return cmp.Or(e.Kind, string(audit.KindOf(e.Action))) }

// textsOf an entry: all in which a text is looked for.
func textsOf(e provisioning.AuditEntry) []string {
	texts := []string{e.Subject, e.Object, e.Rule, e.Source, e.Client, e.Session, e.Reason}
	return slices.DeleteFunc(appendTexts(texts, e.Detail), func(s string) bool { return s == "" })
}

func appendTexts(out []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(out, v)
	case float64:
		return append(out, strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		for _, el := range v {
			out = appendTexts(out, el)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = appendTexts(out, v[name])
		}
	case nil, bool:
	default:
		return append(out, fmt.Sprint(v))
	}
	return out
}

// runs are the words of a text: letters and digits of scripts that part words by blanks, and runs of those that do not.
func runs(text string) []string {
	var out []string
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != 'ー'
	}) {
		start := 0
		for i, r := range word {
			if i > start && unbroken(r) != unbroken(before(word[:i])) {
				out, start = append(out, word[start:i]), i
			}
		}
		out = append(out, word[start:])
	}
	return out
}

func before(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// unbroken scripts have no blanks between words.
func unbroken(r rune) bool {
	return r > unicode.MaxLatin1 && (r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai))
}

// wordsOf texts, each once: words as they are, and of unbroken runs each letter that begins one and each two neighbours. Of a long entry the first ones.
func wordsOf(texts []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, text := range texts {
		for _, run := range runs(text) {
			for _, w := range wordsOfRun(run) {
				if seen[w] {
					continue
				}
				if len(out) == maxWords {
					return out
				}
				seen[w] = true
				out = append(out, w)
			}
		}
	}
	return out
}

func wordsOfRun(run string) []string {
	letters := []rune(run)
	if !unbroken(letters[0]) {
		return []string{string(letters[:min(len(letters), 64)])}
	}
	out := []string{"^" + string(letters[0])}
	for i := 1; i < len(letters); i++ {
		out = append(out, string(letters[i-1:i+1]))
	}
	return out
}

// asked are the words that an entry must have that a text is found in.
func asked(text string) (out []string) {
	for _, run := range runs(text) {
		words := wordsOfRun(run)
		if len(words) > 1 { // where a run stands that is longer is not known by how it begins
			words = words[1:]
		}
		out = append(out, words...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// says tells whether an entry has each word of a text: words whole, unbroken runs anywhere.
func says(e provisioning.AuditEntry, text string) bool {
	texts := textsOf(e)
	have := map[string]bool{}
	for _, t := range texts {
		for _, run := range runs(t) {
			have[run] = true
		}
	}
	for _, run := range runs(text) {
		letters := []rune(run)
		if !unbroken(letters[0]) {
			if !have[run] {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(texts, func(t string) bool {
			if len(letters) == 1 {
				return slices.ContainsFunc(runs(t), func(r string) bool { return strings.HasPrefix(r, run) })
			}
			return strings.Contains(strings.ToLower(t), run)
		}) {
			return false
		}
	}
	return true
}
