package carrier

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// URI is a SIP URI taken apart strictly (RFC 3261 section 19.1).
type URI struct {
	Text    string
	Scheme  string
	User    string // as written, with its own parameters
	HasUser bool   // there was an "@"
	Host    string
	Port    int // 0: none
	Params  []string
	Headers string // after "?"
}

// Address is a name-addr or addr-spec with its header parameters.
type Address struct {
	Display string
	URI     URI
	Params  []string
}

const userMarks = "-_.!~*'()&=+$,;?/%"

// ParseURI reads a sip, sips or tel URI.
func ParseURI(s string) (URI, error) {
	bad := fmt.Errorf("%w: URI %q", ErrSyntax, s)
	u := URI{Text: s}
	scheme, rest, ok := strings.Cut(s, ":")
	u.Scheme = strings.ToLower(scheme)
	switch {
	case !ok || strings.ContainsAny(s, " \t<>\""):
		return u, bad
	case u.Scheme == "tel":
		parts := strings.Split(rest, ";")
		u.User, u.Params = parts[0], parts[1:]
		return u, nil
	case u.Scheme != "sip" && u.Scheme != "sips":
		return u, bad
	}
	rest, u.Headers, _ = strings.Cut(rest, "?")
	if user, after, ok := strings.Cut(rest, "@"); ok {
		u.User, u.HasUser, rest = user, true, after
		if strings.ContainsFunc(user, func(r rune) bool { return !isAlnum(r) && !strings.ContainsRune(userMarks, r) }) {
			return u, bad
		}
	}
	parts := strings.Split(rest, ";")
	u.Params = parts[1:]
	var err error
	if u.Host, u.Port, err = hostPort(parts[0]); err != nil {
		return u, bad
	}
	for _, p := range u.Params {
		if p == "" {
			return u, bad
		}
	}
	return u, nil
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func hostPort(s string) (host string, port int, err error) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host = s[:i]
		if port, err = strconv.Atoi(s[i+1:]); err != nil || port < 1 || port > 65535 {
			return "", 0, ErrSyntax
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() {
			return "", 0, ErrSyntax
		}
		return host, port, nil
	}
	if host == "" || strings.ContainsFunc(host, func(r rune) bool { return !isAlnum(r) && r != '-' && r != '.' }) {
		return "", 0, ErrSyntax
	}
	return host, port, nil
}

// Param is a parameter of the URI and whether it is there.
func (u URI) Param(name string) (string, bool) { return param(u.Params, name) }

// IP tells whether the host is an address.
func (u URI) IP() bool { return net.ParseIP(strings.Trim(u.Host, "[]")) != nil }

// Param is a header parameter and whether it is there.
func (a Address) Param(name string) (string, bool) { return param(a.Params, name) }

func param(params []string, name string) (string, bool) {
	for _, p := range params {
		n, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// ParseAddress reads From, To, Contact and their like.
func ParseAddress(s string) (Address, error) {
	bad := fmt.Errorf("%w: address %q", ErrSyntax, s)
	var a Address
	left := strings.IndexByte(s, '<')
	if strings.HasPrefix(s, `"`) {
		end := closingQuote(s)
		if end < 0 {
			return a, bad
		}
		a.Display = s[1:end]
		if left = strings.IndexByte(s[end:], '<'); left < 0 || strings.TrimSpace(s[end+1:end+left]) != "" {
			return a, bad
		}
		left += end
	} else if left > 0 {
		a.Display = strings.TrimSpace(s[:left])
	}
	var err error
	if left < 0 { // addr-spec: parameters belong to the header
		parts := strings.Split(s, ";")
		a.Params = parts[1:]
		a.URI, err = ParseURI(parts[0])
		return a, err
	}
	uri, after, ok := strings.Cut(s[left+1:], ">")
	if !ok || after != "" && after[0] != ';' {
		return a, bad
	}
	if after != "" {
		a.Params = strings.Split(after[1:], ";")
	}
	a.URI, err = ParseURI(uri)
	return a, err
}

func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// address of a header that stands once, zero when it is not there or malformed: the rule "addresses" tells.
func (m *Message) address(name string) Address {
	a, _ := ParseAddress(m.Get(name))
	return a
}

// contact is the first Contact.
func (m *Message) contact() Address {
	all := m.All("contact")
	if len(all) == 0 {
		return Address{}
	}
	a, _ := ParseAddress(all[0])
	return a
}

// tag of From or To.
func (m *Message) tag(name string) string {
	v, _ := m.address(name).Param("tag")
	return v
}

// uri is the Request-URI taken apart.
func (m *Message) uri() URI {
	u, _ := ParseURI(m.URI)
	return u
}
