package ldap

import (
	"slices"
	"strings"

	"naisen/provisioning/book"
)

// Kinds of filters: the context tags of RFC 4511 section 4.5.1.7.
const (
	filterAnd        = 0xa0
	filterOr         = 0xa1
	filterNot        = 0xa2
	filterEqual      = 0xa3
	filterSubstrings = 0xa4
	filterGreater    = 0xa5
	filterLess       = 0xa6
	filterPresent    = 0x87
	filterApprox     = 0xa8
	filterExtensible = 0xa9
)

// filter is a search filter as data.
type filter struct {
	kind  byte
	parts []filter // of and, or, not
	name  string   // attribute, lower case, without options
	value string   // of equality and approximation

	initial, final string // of substrings
	any            []string
	pattern        book.Pattern // what value or they are, as people search
}

// parseFilter reads a filter of bounded depth and size.
func parseFilter(e element, depth int, items *int) (filter, error) {
	if *items++; depth > maxDepth || *items > maxFilter {
		return filter{}, errBER
	}
	f := filter{kind: e.tag}
	r := &reader{rest: e.body}
	switch e.tag {
	case filterAnd, filterOr, filterNot:
		for r.more() {
			part, err := parseFilter(r.any(), depth+1, items)
			if err != nil {
				return filter{}, err
			}
			f.parts = append(f.parts, part)
		}
		if e.tag == filterNot && len(f.parts) != 1 {
			return filter{}, errBER
		}
	case filterEqual, filterApprox, filterGreater, filterLess:
		f.name, f.value = attributeName(r.text(tagOctets)), r.text(tagOctets)
	case filterSubstrings:
		f.name = attributeName(r.text(tagOctets))
		if err := f.substrings(r.expect(tagSequence)); err != nil {
			return filter{}, err
		}
	case filterPresent:
		f.name = attributeName(string(e.body))
		return f, nil
	case filterExtensible: // known, and never true
		return f, nil
	default:
		return filter{}, errBER
	}
	if r.err != nil || len(r.rest) > 0 || len(f.value)+len(f.initial)+len(f.final)+len(strings.Join(f.any, "")) > book.MaxText {
		return filter{}, errBER
	}
	switch e.tag {
	case filterEqual:
		f.pattern = book.NewExact(f.value)
	case filterApprox:
		f.pattern = book.NewNear(f.value)
	case filterSubstrings:
		f.pattern = book.NewPattern(f.initial, f.any, f.final)
	}
	return f, nil
}

func (f *filter) substrings(b []byte) error {
	r := &reader{rest: b}
	for n := 0; r.more(); n++ {
		e := r.any()
		last := f.final != ""
		switch {
		case r.err != nil || last || n > maxFilter || len(e.body) == 0:
			return errBER
		case e.tag == 0x80 && n == 0:
			f.initial = string(e.body)
		case e.tag == 0x81:
			f.any = append(f.any, string(e.body))
		case e.tag == 0x82:
			f.final = string(e.body)
		default:
			return errBER
		}
	}
	if f.initial == "" && f.final == "" && len(f.any) == 0 {
		return errBER
	}
	return r.err
}

// attributeName without options such as ;lang-ja: each has one value list here.
func attributeName(s string) string {
	s, _, _ = strings.Cut(strings.ToLower(s), ";")
	return s
}

// truth is what a filter says: an attribute that nobody knows is neither true nor false (RFC 4511 section 4.5.1.7).
type truth int

const (
	no truth = iota
	undefined
	yes
)

// match asks an entry.
func (f *filter) match(e *book.Entry) truth {
	switch f.kind {
	case filterAnd:
		out := yes
		for i := range f.parts {
			out = min(out, f.parts[i].match(e))
		}
		return out
	case filterOr:
		out := no
		for i := range f.parts {
			out = max(out, f.parts[i].match(e))
		}
		return out
	case filterNot:
		return yes - f.parts[0].match(e)
	}
	a, known := attributes[f.name]
	switch {
	case !known, f.kind == filterExtensible, f.kind == filterGreater, f.kind == filterLess: // nothing here is ordered
		return undefined
	case f.kind == filterPresent:
		return truthOf(len(a.values(e)) > 0)
	case f.name == "objectclass":
		return truthOf(f.kind != filterSubstrings && slices.ContainsFunc(classes, func(c string) bool { return strings.EqualFold(c, f.value) }))
	case f.name == "uid":
		return truthOf(f.kind != filterSubstrings && e.ID == f.value)
	case a.kinds != nil:
		return truthOf(e.HasNumber(&f.pattern, a.kinds...))
	}
	return truthOf(e.Is(a.field, &f.pattern))
}

func truthOf(ok bool) truth {
	if ok {
		return yes
	}
	return no
}
