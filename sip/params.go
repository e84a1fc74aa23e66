package sip

import (
	"errors"
	"strings"
)

// Sentinel errors of the parsers of this package. Their texts never contain the input.
var (
	ErrSyntax = errors.New("sip: malformed")
	ErrScheme = errors.New("sip: URI scheme not supported") // RFC 3261 section 21.4.14: answer 416
	ErrBounds = errors.New("sip: too many or too long elements")
)

// Bounds of what one header field value may hold; a stranger chooses its content.
const (
	maxParams    = 64
	maxAddresses = 128
	maxURI       = 4096 // bytes of one URI as text
)

// Get returns the value of the first parameter with that name (lower case) and whether it is there. A flag has the value "".
func (p Params) Get(name string) (string, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value, true
		}
	}
	return "", false
}

// Has tells whether a parameter with that name (lower case) is there, with a value or not.
func (p Params) Has(name string) bool {
	_, ok := p.Get(name)
	return ok
}

// With returns a copy in which name has the value; it keeps its place if it was there, and occurs once.
func (p Params) With(name, value string) Params {
	return p.put(Param{Name: strings.ToLower(name), Value: value})
}

// WithFlag returns a copy with the valueless parameter name, as in ;lr.
func (p Params) WithFlag(name string) Params {
	return p.put(Param{Name: strings.ToLower(name), Flag: true})
}

// Without returns a copy that lacks the parameter name.
func (p Params) Without(name string) Params {
	name = strings.ToLower(name)
	out := make(Params, 0, len(p))
	for _, e := range p {
		if e.Name != name {
			out = append(out, e)
		}
	}
	return out
}

// Set puts or replaces a parameter in place.
func (p *Params) Set(name, value string) { *p = p.With(name, value) }

func (p Params) put(n Param) Params {
	out := make(Params, 0, len(p)+1)
	done := false
	for _, e := range p {
		if e.Name != n.Name {
			out = append(out, e)
			continue
		}
		if !done {
			out, done = append(out, n), true
		}
	}
	if !done {
		out = append(out, n)
	}
	return out
}

// clone keeps a copied Address from sharing its parameters with the original.
func (p Params) clone() Params {
	if len(p) == 0 {
		return nil
	}
	return append(Params(nil), p...)
}

// ParseParams parses ";a=b;c" as it follows the first part of a header field value: generic-param of RFC 3261 section 25.1.
// Values are unquoted. An empty string gives nil.
func ParseParams(s string) (Params, error) {
	var out Params
	s = trim(s)
	if n := strings.Count(s, ";"); n > 0 {
		out = make(Params, 0, min(n, maxParams))
	}
	for s != "" {
		if s[0] != ';' {
			return nil, ErrSyntax
		}
		s = trimLeft(s[1:])
		n := tokenLen(s)
		if n == 0 {
			return nil, ErrSyntax
		}
		p := Param{Name: strings.ToLower(s[:n]), Flag: true}
		s = trimLeft(s[n:])
		if s != "" && s[0] == '=' {
			var err error
			if p.Value, s, err = paramValue(trimLeft(s[1:])); err != nil {
				return nil, err
			}
			p.Flag = false
		}
		if out.Has(p.Name) { // RFC 3261 section 7.3.1; two tags would be two truths
			return nil, ErrSyntax
		}
		if out = append(out, p); len(out) > maxParams {
			return nil, ErrBounds
		}
		s = trimLeft(s)
	}
	return out, nil
}

// paramValue reads a token, host or quoted-string and returns what follows it.
func paramValue(s string) (value, rest string, err error) {
	if s != "" && s[0] == '"' {
		return unquote(s)
	}
	n := 0
	for n < len(s) && isValueByte(s[n]) {
		n++
	}
	if n == 0 {
		return "", "", ErrSyntax
	}
	return s[:n], s[n:], nil
}

// appendHeaderParams writes parameters in header style: quoted where a token cannot say it.
func appendHeaderParams(b []byte, ps Params) []byte {
	for _, p := range ps {
		b = append(append(b, ';'), p.Name...)
		if p.Flag {
			continue
		}
		b = append(b, '=')
		if needsQuotes(p) {
			b = appendQuoted(b, p.Value)
		} else {
			b = append(b, p.Value...)
		}
	}
	return b
}

// String writes the parameters in header style, each with its leading semicolon.
func (p Params) String() string { return string(appendHeaderParams(nil, p)) }

// needsQuotes: RFC 3840 section 9 wants feature values quoted even where a token would do; peers compare them as text.
func needsQuotes(p Param) bool {
	if p.Value == "" || p.Name[0] == '+' || p.Name == "methods" || p.Name == "schemes" || p.Name == "events" {
		return true
	}
	for i := 0; i < len(p.Value); i++ {
		if !isValueByte(p.Value[i]) {
			return true
		}
	}
	return false
}
