package scim

import (
	"encoding/json"
	"strings"
)

// Bounds of a filter.
const (
	maxFilter = 2048 // bytes
	maxDepth  = 12   // brackets in brackets
	maxTerms  = 100
)

// record is what a filter looks at: a resource, or one value of an attribute.
type record interface {
	// at is what stands at a place; nil: nothing.
	at(p place) any
}

// filter is a condition (RFC 7644 section 3.4.2.2), resolved against a schema.
type filter interface{ matches(r record) bool }

type (
	both   struct{ a, b filter }
	either struct{ a, b filter }
	none   struct{ of filter }
	// compare holds an attribute against a value; of an attribute with many values one is enough.
	compare struct {
		at    place
		op    string
		value any
	}
	// within is a condition on one value of an attribute with many: emails[type eq "work"].
	within struct {
		at place
		of filter
	}
)

func (f both) matches(r record) bool   { return f.a.matches(r) && f.b.matches(r) }
func (f either) matches(r record) bool { return f.a.matches(r) || f.b.matches(r) }
func (f none) matches(r record) bool   { return !f.of.matches(r) }

func (f within) matches(r record) bool {
	for _, v := range each(r.at(f.at)) {
		if m, ok := v.(map[string]any); ok && f.of.matches(value(m)) {
			return true
		}
	}
	return false
}

// value is one value of a complex attribute as a record.
type value map[string]any

func (v value) at(p place) any {
	if p.sub != nil {
		return nil
	}
	return v[p.attr.name]
}

func each(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func (f compare) matches(r record) bool {
	values := each(r.at(f.at))
	if f.op == "pr" {
		for _, v := range values {
			if v != "" {
				return true
			}
		}
		return false
	}
	leaf := f.at.attr
	if f.at.sub != nil {
		leaf = *f.at.sub
	} else if leaf.kind == composite { // emails eq "x" is emails.value eq "x"
		p, ok := in(leaf.sub, "value")
		if !ok {
			return false
		}
		leaf = p.attr
	}
	if f.op == "ne" {
		for _, v := range values {
			if holds("eq", leaf, inner(v, f.at), f.value) {
				return false
			}
		}
		return f.value != nil || len(values) > 0
	}
	if f.value == nil {
		return f.op == "eq" && len(values) == 0
	}
	for _, v := range values {
		if holds(f.op, leaf, inner(v, f.at), f.value) {
			return true
		}
	}
	return false
}

// inner is the value of a complex value, where a place names none of its sub-attributes.
func inner(v any, p place) any {
	if m, ok := v.(map[string]any); ok && p.sub == nil {
		return m["value"]
	}
	return v
}

func holds(op string, a attribute, v, want any) bool {
	if b, ok := v.(bool); ok {
		return op == "eq" && b == want
	}
	s, ok := v.(string)
	w, also := want.(string)
	if !ok || !also {
		return false
	}
	if a.kind == date {
		x, ok := dateOf(s)
		y, also := dateOf(w)
		return ok && also && ordered(op, x.Compare(y))
	}
	if !a.exact {
		s, w = strings.ToLower(s), strings.ToLower(w)
	}
	switch op {
	case "co":
		return strings.Contains(s, w)
	case "sw":
		return strings.HasPrefix(s, w)
	case "ew":
		return strings.HasSuffix(s, w)
	}
	return ordered(op, strings.Compare(s, w))
}

func ordered(op string, c int) bool {
	switch op {
	case "eq":
		return c == 0
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	}
	return false
}

// find resolves names of a filter or a path.
type find func(name string) (place, bool)

// parser reads a filter by going down, and no deeper than maxDepth.
type parser struct {
	rest  string
	find  find
	terms int
}

func unreadable() *fault { return bad(invalidFilter, "the filter cannot be read") }

// parseFilter reads a whole filter over a type's attributes.
func parseFilter(s string, f find) (filter, *fault) {
	if len(s) > maxFilter {
		return nil, bad(invalidFilter, "the filter is too long")
	}
	p := &parser{rest: s, find: f}
	out, fault := p.or(0)
	if fault != nil {
		return nil, fault
	}
	if p.blank(); p.rest != "" {
		return nil, unreadable()
	}
	return out, nil
}

func (p *parser) blank() { p.rest = strings.TrimLeft(p.rest, " \t") }

// word takes a keyword, whatever its letters, that nothing of a name follows.
func (p *parser) word(w string) bool {
	p.blank()
	if len(p.rest) < len(w) || !strings.EqualFold(p.rest[:len(w)], w) {
		return false
	}
	if after := p.rest[len(w):]; after != "" && !strings.ContainsRune(" \t(\"[", rune(after[0])) {
		return false
	}
	p.rest = p.rest[len(w):]
	return true
}

func (p *parser) sign(c byte) bool {
	p.blank()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) or(depth int) (filter, *fault) {
	a, f := p.and(depth)
	for f == nil && p.word("or") {
		var b filter
		if b, f = p.and(depth); f == nil {
			a = either{a, b}
		}
	}
	return a, f
}

func (p *parser) and(depth int) (filter, *fault) {
	a, f := p.term(depth)
	for f == nil && p.word("and") {
		var b filter
		if b, f = p.term(depth); f == nil {
			a = both{a, b}
		}
	}
	return a, f
}

func (p *parser) term(depth int) (filter, *fault) {
	if p.terms++; depth > maxDepth || p.terms > maxTerms {
		return nil, bad(invalidFilter, "the filter is too deep or too long")
	}
	if p.word("not") {
		if !p.sign('(') {
			return nil, unreadable()
		}
		of, f := p.bracket(depth)
		return none{of}, f
	}
	if p.sign('(') {
		return p.bracket(depth)
	}
	at, f := p.name()
	if f != nil {
		return nil, f
	}
	if p.rest != "" && p.rest[0] == '[' {
		p.rest = p.rest[1:]
		of, f := p.values(at, depth)
		return within{at, of}, f
	}
	return p.comparison(at)
}

func (p *parser) bracket(depth int) (filter, *fault) {
	of, f := p.or(depth + 1)
	if f == nil && !p.sign(')') {
		f = unreadable()
	}
	return of, f
}

// values reads what stands in [ ] behind an attribute.
func (p *parser) values(at place, depth int) (filter, *fault) {
	if at.sub != nil || at.attr.kind != composite {
		return nil, bad(invalidFilter, "the attribute before [ has no sub-attributes")
	}
	outer := p.find
	p.find = func(name string) (place, bool) { return in(at.attr.sub, name) }
	of, f := p.or(depth + 1)
	p.find = outer
	if f == nil && !p.sign(']') {
		f = unreadable()
	}
	return of, f
}

// name reads an attribute's.
func (p *parser) name() (place, *fault) {
	p.blank()
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("$-_:.", r))
	})
	if n < 0 {
		n = len(p.rest)
	}
	if n == 0 {
		return place{}, unreadable()
	}
	at, ok := p.find(p.rest[:n])
	if !ok {
		return place{}, bad(invalidFilter, "the filter names an attribute that is not known")
	}
	p.rest = p.rest[n:]
	return at, nil
}

var comparisons = []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}

func (p *parser) comparison(at place) (filter, *fault) {
	p.blank()
	if len(p.rest) >= 2 && strings.EqualFold(p.rest[:2], "pr") && (len(p.rest) == 2 || strings.ContainsRune(" \t)]", rune(p.rest[2]))) {
		p.rest = p.rest[2:]
		return compare{at: at, op: "pr"}, nil
	}
	for _, op := range comparisons {
		if p.word(op) {
			v, f := p.literal()
			if b, ok := v.(string); ok && at.leaf().kind == boolean { // Entra ID: primary eq "True"
				v = strings.EqualFold(b, "true")
			}
			return compare{at, op, v}, f
		}
	}
	return nil, unreadable()
}

// leaf is the attribute that a place names.
func (p place) leaf() attribute {
	if p.sub != nil {
		return *p.sub
	}
	return p.attr
}

// literal reads a JSON string, true, false, null or a number; a number is kept as its text, since no attribute is one.
func (p *parser) literal() (any, *fault) {
	p.blank()
	d := json.NewDecoder(strings.NewReader(p.rest))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, unreadable()
	}
	p.rest = p.rest[d.InputOffset():]
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return nil, unreadable()
}
