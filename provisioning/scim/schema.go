package scim

import (
	"strings"
	"time"
	"unicode/utf8"
)

// The schemas of resources. The last one is ours.
const (
	urnUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	urnGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	urnEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	urnNaisen     = "urn:ietf:params:scim:schemas:extension:naisen:2.0:User"
)

type kind string

const (
	text      kind = "string"
	boolean   kind = "boolean"
	date      kind = "dateTime"
	composite kind = "complex"
	reference kind = "reference"
)

// attribute is one as RFC 7643 section 7 describes it.
type attribute struct {
	name     string
	kind     kind
	many     bool
	exact    bool // letters count in comparisons
	required bool
	readOnly bool
	sub      []attribute
}

// schema is a table of attributes under its name.
type schema struct {
	urn, name, doc string
	attributes     []attribute
}

// Bounds of what is kept of one resource.
const (
	maxText   = 1024 // bytes of a value
	maxValues = 64   // of an attribute with many
)

func words(names ...string) []attribute {
	out := make([]attribute, len(names))
	for i, n := range names {
		out[i] = attribute{name: n, kind: text}
	}
	return out
}

// plural is a multi-valued attribute with the sub-attributes of RFC 7643 section 2.4.
func plural(name string, sub ...attribute) attribute {
	return attribute{name: name, kind: composite, many: true, sub: append(append(sub, words("value", "display", "type")...), attribute{name: "primary", kind: boolean})}
}

var userSchema = schema{urnUser, "User", "User Account", []attribute{
	{name: "userName", kind: text, required: true},
	{name: "name", kind: composite, sub: words("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")},
	{name: "displayName", kind: text}, {name: "nickName", kind: text}, {name: "profileUrl", kind: reference}, {name: "title", kind: text}, {name: "userType", kind: text},
	{name: "preferredLanguage", kind: text}, {name: "locale", kind: text}, {name: "timezone", kind: text},
	{name: "active", kind: boolean},
	plural("emails"), plural("phoneNumbers"),
	{name: "addresses", kind: composite, many: true, sub: append(words("formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"), attribute{name: "primary", kind: boolean})},
	{name: "groups", kind: composite, many: true, readOnly: true, sub: []attribute{{name: "value", kind: text, exact: true}, {name: "$ref", kind: reference}, {name: "display", kind: text}, {name: "type", kind: text}}},
}}

var enterpriseSchema = schema{urnEnterprise, "EnterpriseUser", "Enterprise User", []attribute{
	{name: "employeeNumber", kind: text}, {name: "costCenter", kind: text}, {name: "organization", kind: text}, {name: "division", kind: text}, {name: "department", kind: text},
	{name: "manager", kind: composite, sub: []attribute{{name: "value", kind: text, exact: true}, {name: "$ref", kind: reference}, {name: "displayName", kind: text, readOnly: true}}},
}}

var naisenSchema = schema{urnNaisen, "NaisenUser", "Telephone and contract", []attribute{
	{name: "extension", kind: text, readOnly: true}, {name: "reading", kind: text},
	{name: "sponsor", kind: text}, {name: "endDate", kind: date}, {name: "restriction", kind: text},
	{name: "calls", kind: text, many: true}, {name: "numbers", kind: text, many: true},
}}

var groupSchema = schema{urnGroup, "Group", "Group", []attribute{
	{name: "displayName", kind: text, required: true},
	{name: "members", kind: composite, many: true, sub: []attribute{{name: "value", kind: text, exact: true}, {name: "$ref", kind: reference}, {name: "type", kind: text}, {name: "display", kind: text, readOnly: true}}},
}}

// common are the attributes of every resource (RFC 7643 section 3.1).
var common = []attribute{
	{name: "schemas", kind: reference, many: true, readOnly: true}, {name: "id", kind: text, exact: true, readOnly: true}, {name: "externalId", kind: text, exact: true},
	{name: "meta", kind: composite, readOnly: true, sub: []attribute{{name: "resourceType", kind: text, exact: true}, {name: "created", kind: date}, {name: "lastModified", kind: date},
		{name: "location", kind: reference}, {name: "version", kind: text, exact: true}}},
}

// usersAt is where users stand behind the server's address.
const usersAt = "/Users"

// resourceType is what an endpoint serves.
type resourceType struct {
	name, endpoint string
	core           schema
	extensions     []schema
}

var (
	userType  = resourceType{"User", usersAt, userSchema, []schema{enterpriseSchema, naisenSchema}}
	groupType = resourceType{"Group", "/Groups", groupSchema, nil}
)

// place is where an attribute stands in a document: path are the keys to it, at most a schema's, an attribute's and a sub-attribute's.
type place struct {
	urn  string // of an extension; empty: core
	attr attribute
	sub  *attribute
}

// find resolves an attribute's name, perhaps with its schema before it and a sub-attribute behind it (RFC 7644 section 3.10). Letters do not count.
func (t *resourceType) find(name string) (place, bool) {
	for _, s := range append([]schema{t.core}, t.extensions...) {
		if len(name) > len(s.urn) && strings.EqualFold(name[:len(s.urn)], s.urn) && name[len(s.urn)] == ':' {
			p, ok := in(s.attributes, name[len(s.urn)+1:])
			if s.urn != t.core.urn {
				p.urn = s.urn
			}
			return p, ok
		}
	}
	if p, ok := in(t.core.attributes, name); ok {
		return p, true
	}
	return in(common, name)
}

func in(list []attribute, name string) (place, bool) {
	head, rest, dotted := strings.Cut(name, ".")
	for _, a := range list {
		if !strings.EqualFold(a.name, head) {
			continue
		}
		if !dotted {
			return place{attr: a}, true
		}
		for _, s := range a.sub {
			if strings.EqualFold(s.name, rest) {
				return place{attr: a, sub: &s}, true
			}
		}
		return place{}, false
	}
	return place{}, false
}

// extension is the schema of a name, whatever its letters.
func (t *resourceType) extension(name string) (schema, bool) {
	for _, s := range t.extensions {
		if strings.EqualFold(s.urn, name) {
			return s, true
		}
	}
	return schema{}, false
}

// accept makes a value one of the attribute: of its kind, with the names of the schema, without what is read only or not known. Booleans may come as text, as
// Entra ID sends them, and one value in place of many; a manager as an id alone.
func (a attribute) accept(v any) (any, *fault) {
	if !a.many {
		if l, ok := v.([]any); ok && len(l) == 1 {
			v = l[0]
		}
		return a.one(v)
	}
	l, ok := v.([]any)
	if !ok {
		l = []any{v}
	}
	if len(l) > maxValues && a.name != "members" {
		return nil, bad(invalidValue, a.name+" has too many values")
	}
	out := make([]any, 0, len(l))
	for _, e := range l {
		one, f := a.one(e)
		if f != nil {
			return nil, f
		}
		if one != nil {
			out = append(out, one)
		}
	}
	return out, nil
}

// one accepts a single value; nil is none.
func (a attribute) one(v any) (any, *fault) {
	wrong := bad(invalidValue, a.name+" must be a "+string(a.kind))
	if v == nil {
		return nil, nil
	}
	switch a.kind {
	case boolean:
		switch b := v.(type) {
		case bool:
			return b, nil
		case string:
			if strings.EqualFold(b, "true") || strings.EqualFold(b, "false") {
				return strings.EqualFold(b, "true"), nil
			}
		}
		return nil, wrong
	case composite:
		return a.members(v, wrong)
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return nil, wrong
	case len(s) > maxText || !utf8.ValidString(s):
		return nil, bad(invalidValue, a.name+" is too long")
	case a.kind == date && s != "":
		if _, ok := dateOf(s); !ok {
			return nil, wrong
		}
	}
	return s, nil
}

// members accepts the sub-attributes of a complex value.
func (a attribute) members(v any, wrong *fault) (any, *fault) {
	if s, ok := v.(string); ok {
		v = map[string]any{"value": s}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrong
	}
	out := map[string]any{}
	for name, v := range m {
		p, known := in(a.sub, name)
		if !known || p.sub != nil || p.attr.readOnly {
			continue
		}
		one, f := p.attr.accept(v)
		if f != nil {
			f.detail = a.name + "." + f.detail
			return nil, f
		}
		if one != nil && one != "" {
			out[p.attr.name] = one
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// dateOf reads a dateTime (RFC 7643 section 2.3.5), or a day, which ends at its midnight in Japan.
func dateOf(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), true
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, japan); err == nil {
		return t.AddDate(0, 0, 1).UTC(), true
	}
	return time.Time{}, false
}

var japan = time.FixedZone("JST", 9*60*60)
