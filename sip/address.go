package sip

import "strings"

// ParseAddress parses one name-addr or addr-spec with its header parameters (RFC 3261 section 20.10). Without angle brackets
// everything after ";" belongs to the header, not to the URI. A bare "*" (RFC 3261 section 10.2.2) gives Wildcard.
func ParseAddress(s string) (Address, error) {
	s = trim(s)
	if s == "*" {
		return Address{URI: URI{Scheme: "*"}}, nil
	}
	var a Address
	var err error
	if s != "" && s[0] == '"' {
		if a.Display, s, err = unquote(s); err != nil {
			return Address{}, err
		}
		if s = trimLeft(s); s == "" || s[0] != '<' {
			return Address{}, ErrSyntax
		}
	}
	uri, params := s, ""
	if i := strings.IndexByte(s, '<'); i >= 0 {
		if i > 0 {
			if a.Display = trim(s[:i]); !isDisplay(a.Display) {
				return Address{}, ErrSyntax
			}
		}
		j := strings.IndexByte(s, '>')
		if j < i {
			return Address{}, ErrSyntax
		}
		uri, params = trim(s[i+1:j]), s[j+1:]
	} else if i := strings.IndexByte(s, ';'); i >= 0 {
		uri, params = trim(s[:i]), s[i:]
	} else if strings.IndexByte(s, '?') >= 0 { // RFC 3261 section 20.10: "?" needs the brackets
		return Address{}, ErrSyntax
	}
	if a.URI, err = ParseURI(uri); err != nil {
		return Address{}, err
	}
	if a.Params, err = ParseParams(params); err != nil {
		return Address{}, err
	}
	return a, nil
}

// isDisplay: tokens and spaces by the grammar; phones also send other text unquoted (UTF-8 names), so only structure is refused.
func isDisplay(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '>' || c == ';' || c == ',' || c == ':' || c == '@' || c == '\\' || isControl(c) && c != '\t':
			return false
		}
	}
	return true
}

// ParseAddresses parses a comma-separated list. An empty list gives nil and no error.
func ParseAddresses(s string) ([]Address, error) {
	if trim(s) != "" && strings.IndexByte(s, ',') < 0 { // as nearly always
		a, err := ParseAddress(s)
		if err != nil {
			return nil, err
		}
		return []Address{a}, nil
	}
	parts := SplitList(s)
	if len(parts) > maxAddresses {
		return nil, ErrBounds
	}
	out := make([]Address, 0, len(parts))
	for _, p := range parts {
		a, err := ParseAddress(p)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// String writes the address as name-addr with its parameters, the display name quoted.
func (a Address) String() string {
	if a.Wildcard() {
		return "*"
	}
	b := make([]byte, 0, 96)
	if a.Display != "" {
		b = append(appendQuoted(b, a.Display), ' ')
	}
	b = append(a.URI.append(append(b, '<')), '>')
	return string(appendHeaderParams(b, a.Params))
}

// Wildcard tells whether this is the "*" of a Contact that removes all bindings.
func (a Address) Wildcard() bool { return a.URI.Scheme == "*" }

// Tag is the tag parameter of From and To, or "".
func (a Address) Tag() string { t, _ := a.Params.Get("tag"); return t }

// WithTag returns a copy with the tag; an empty tag removes it.
func (a Address) WithTag(tag string) Address {
	if tag == "" {
		a.Params = a.Params.Without("tag")
		return a
	}
	a.Params = a.Params.With("tag", tag)
	return a
}

// WithParam returns a copy with the header parameter set.
func (a Address) WithParam(name, value string) Address {
	a.Params = a.Params.With(name, value)
	return a
}

// Clone shares nothing with a.
func (a Address) Clone() Address {
	a.Params, a.URI.Params, a.URI.Headers = a.Params.clone(), a.URI.Params.clone(), a.URI.Headers.clone()
	return a
}
