package sip

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseURI parses a SIP, SIPS, tel or URN URI (RFC 3261 section 19.1, RFC 3966, RFC 5031). A URN such as urn:service:sos has
// Scheme "urn" and the rest in User. Errors: ErrScheme for any other scheme, ErrSyntax, ErrBounds. A password ("user:secret@host")
// is dropped: RFC 3261 section 19.1.1 calls it not recommended, and it would end up in logs.
func ParseURI(s string) (URI, error) {
	if len(s) > maxURI {
		return URI{}, ErrBounds
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '<' || s[i] == '>' || s[i] == '"' {
			return URI{}, ErrSyntax
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return URI{}, ErrSyntax
	}
	u := URI{Scheme: strings.ToLower(scheme)}
	switch u.Scheme {
	case "sip", "sips":
		if err := parseSIP(&u, rest); err != nil {
			return URI{}, err
		}
		return u, nil
	case "tel":
		if err := parseTel(&u, rest); err != nil {
			return URI{}, err
		}
		return u, nil
	case "urn":
		if rest == "" {
			return URI{}, ErrSyntax
		}
		u.User = strings.ToLower(rest)
		return u, nil
	}
	return URI{}, ErrScheme
}

func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		alpha := c >= 'a' && c <= 'z'
		if !alpha && (i == 0 || !(s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}

func parseSIP(u *URI, s string) (err error) {
	// The user part ends at the first "@": none may stand unescaped inside it, nor in what follows.
	if user, host, ok := strings.Cut(s, "@"); ok {
		user, password, _ := strings.Cut(user, ":")
		if _, err := unescape(password); user == "" || err != nil || !uriPart(password, clsUser) {
			return ErrSyntax
		}
		for i := 0; i < len(user); i++ {
			if user[i] != '%' && user[i] != '#' && class[user[i]]&clsUser == 0 { // "#" unescaped: feature codes of real phones
				return ErrSyntax
			}
		}
		if u.User, err = unescape(user); err != nil {
			return err
		}
		s = host
	}
	end := strings.IndexAny(s, ";?")
	if end < 0 {
		end = len(s)
	}
	if u.Host, u.Port, err = ParseHostPort(s[:end]); err != nil {
		return err
	}
	params, headers, hasHeaders := strings.Cut(s[end:], "?")
	if u.Params, err = parseURIParams(params, ';', clsUParam); err != nil {
		return err
	}
	if hasHeaders {
		if headers == "" {
			return ErrSyntax
		}
		u.Headers, err = parseURIParams("&"+headers, '&', clsHdr)
	}
	return err
}

func parseTel(u *URI, s string) (err error) {
	number, params, _ := strings.Cut(s, ";")
	if number == "" {
		return ErrSyntax
	}
	for i := 0; i < len(number); i++ {
		c := number[i]
		digit := c >= '0' && c <= '9' || c == '*' || c == '#' || c|0x20 >= 'a' && c|0x20 <= 'f'
		if !digit && !strings.ContainsRune("-.()", rune(c)) && !(c == '+' && i == 0) {
			return ErrSyntax
		}
	}
	u.User = number
	if params != "" {
		u.Params, err = parseURIParams(";"+params, ';', clsUParam)
	}
	return err
}

func parseURIParams(s string, sep byte, allowed uint8) (Params, error) {
	var out Params
	if s != "" {
		out = make(Params, 0, min(strings.Count(s, string(rune(sep))), maxParams))
	}
	for s != "" {
		s = s[1:] // sep: the caller or the search below found it
		part := s
		if i := strings.IndexByte(s, sep); i >= 0 {
			part, s = s[:i], s[i:]
		} else {
			s = ""
		}
		name, value, hasValue := strings.Cut(part, "=")
		if name == "" || !uriPart(name, allowed) || !uriPart(value, allowed) {
			return nil, ErrSyntax
		}
		var p Param
		var err error
		if p.Name, err = unescape(name); err != nil {
			return nil, err
		}
		if p.Value, err = unescape(value); err != nil {
			return nil, err
		}
		p.Name, p.Flag = strings.ToLower(p.Name), !hasValue
		if sep == ';' && out.Has(p.Name) { // RFC 3261 section 19.1.1; the headers of a URI may repeat
			return nil, ErrSyntax
		}
		if out = append(out, p); len(out) > maxParams {
			return nil, ErrBounds
		}
	}
	return out, nil
}

func uriPart(s string, allowed uint8) bool {
	for i := 0; i < len(s); i++ {
		// "@" unescaped in a parameter: not in the grammar, but sent (baresip's Contact, Teams' x-m).
		if s[i] != '%' && s[i] != '@' && class[s[i]]&allowed == 0 {
			return false
		}
	}
	return true
}

// ParseHostPort parses "host", "host:port", "1.2.3.4", "[::1]:5060". The host comes back in lower case, an IPv6 literal without
// brackets; port 0 means not given.
func ParseHostPort(s string) (host string, port int, err error) {
	rest := ""
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 {
			return "", 0, ErrSyntax
		}
		a, err := netip.ParseAddr(s[1:i])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", 0, ErrSyntax
		}
		host, rest = strings.ToLower(s[1:i]), s[i+1:]
	} else {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			i = len(s)
		}
		if !isHostname(s[:i]) {
			return "", 0, ErrSyntax
		}
		host, rest = strings.ToLower(s[:i]), s[i:]
	}
	if rest == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	if rest[0] != ':' || err != nil || n == 0 {
		return "", 0, ErrSyntax
	}
	return host, int(n), nil
}

func isHostname(s string) bool {
	if s == "" || len(s) > 255 || s[0] == '-' || s[0] == '.' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		ok := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_' || c == '.' && s[i-1] != '.'
		if !ok {
			return false
		}
	}
	return true
}

// String writes the URI; what ParseURI gave comes back equal.
func (u URI) String() string { return string(u.append(nil)) }

func (u URI) append(b []byte) []byte {
	b = append(append(b, u.Scheme...), ':')
	switch u.Scheme {
	case "tel", "urn":
		b = append(b, u.User...)
	default:
		if u.User != "" {
			b = append(appendEscaped(b, u.User, clsUser), '@')
		}
		b = append(b, u.HostPort()...)
	}
	b = appendURIParams(b, u.Params, ';', ';', clsUParam)
	return appendURIParams(b, u.Headers, '?', '&', clsHdr)
}

func appendURIParams(b []byte, ps Params, first, next byte, allowed uint8) []byte {
	for i, p := range ps {
		if i == 0 {
			b = append(b, first)
		} else {
			b = append(b, next)
		}
		b = appendEscaped(b, p.Name, allowed)
		if !p.Flag {
			b = appendEscaped(append(b, '='), p.Value, allowed)
		}
	}
	return b
}

// HostPort is "host", "host:port" or the same with a bracketed IPv6 literal.
func (u URI) HostPort() string {
	h := u.Host
	if strings.IndexByte(h, ':') >= 0 {
		h = "[" + h + "]"
	}
	if u.Port != 0 {
		h += ":" + strconv.Itoa(u.Port)
	}
	return h
}

// AOR is the address-of-record form: scheme, user and host only (RFC 3261 section 10.3 step 5). The port goes too: the AOR names a
// domain, not a listener. sips becomes sip, since both name the same user.
func (u URI) AOR() URI {
	s := u.Scheme
	if s == "sips" {
		s = "sip"
	}
	return URI{Scheme: s, User: u.User, Host: u.Host}
}

// IsZero tells whether nothing was set.
func (u URI) IsZero() bool { return u.Scheme == "" }

// Equal compares by RFC 3261 section 19.1.4: user case-sensitive; user, ttl, method, maddr and transport parameters must match when
// in either; any other parameter only when in both; headers all.
func (u URI) Equal(v URI) bool {
	if u.Scheme != v.Scheme || u.User != v.User || u.Host != v.Host || u.Port != v.Port || len(u.Headers) != len(v.Headers) {
		return false
	}
	for _, p := range u.Headers {
		if u.Headers.times(p) != v.Headers.times(p) {
			return false
		}
	}
	return paramsMatch(u.Params, v.Params) && paramsMatch(v.Params, u.Params)
}

// times counts a name and value.
func (p Params) times(e Param) (n int) {
	for _, q := range p {
		if q.Name == e.Name && q.Value == e.Value {
			n++
		}
	}
	return n
}

func paramsMatch(a, b Params) bool {
	for _, p := range a {
		w, ok := b.Get(p.Name)
		switch p.Name {
		case "user", "ttl", "method", "maddr", "transport":
			if !ok {
				return false
			}
		}
		if ok && !strings.EqualFold(w, p.Value) {
			return false
		}
	}
	return true
}

// WithParam returns a copy with the URI parameter set.
func (u URI) WithParam(name, value string) URI { u.Params = u.Params.With(name, value); return u }

// WithFlag returns a copy with the valueless URI parameter, as in ;lr.
func (u URI) WithFlag(name string) URI { u.Params = u.Params.WithFlag(name); return u }

// WithoutParam returns a copy without the URI parameter.
func (u URI) WithoutParam(name string) URI { u.Params = u.Params.Without(name); return u }

// WithUser returns a copy with another user part (unescaped).
func (u URI) WithUser(user string) URI { u.User = user; return u }

// WithoutHeaders returns a copy without the part after "?".
func (u URI) WithoutHeaders() URI { u.Headers = nil; return u }

// Transport is the value of the transport parameter in lower case, or "".
func (u URI) Transport() string {
	t, _ := u.Params.Get("transport")
	return strings.ToLower(t)
}
