package sip

// The small lexical rules of RFC 3261 section 25.1 that the parsers share.

const (
	clsToken  = 1 << iota // token
	clsValue              // token / host: what may stand unquoted as a parameter value
	clsUser               // unescaped in the user part
	clsUParam             // unescaped in a URI parameter
	clsHdr                // unescaped in a URI header
)

var class = func() (t [256]uint8) {
	set := func(s string, c uint8) {
		for i := 0; i < len(s); i++ {
			t[s[i]] |= c
		}
	}
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const unreserved = alnum + "-_.!~*'()"
	set(alnum+"-.!%*_+`'~", clsToken|clsValue)
	set("[]:", clsValue)
	set(unreserved+"&=+$,;?/", clsUser)
	set(unreserved+"[]/:&+$", clsUParam)
	set(unreserved+"[]/?:+$", clsHdr)
	return t
}()

func isValueByte(c byte) bool { return class[c]&clsValue != 0 }

// IsToken tells whether s is a non-empty token (RFC 3261 section 25.1), as methods and header names are.
func IsToken(s string) bool { return s != "" && tokenLen(s) == len(s) }

func tokenLen(s string) int {
	n := 0
	for n < len(s) && class[s[n]]&clsToken != 0 {
		n++
	}
	return n
}

func isLWS(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func trimLeft(s string) string {
	for s != "" && isLWS(s[0]) {
		s = s[1:]
	}
	return s
}

func trim(s string) string {
	s = trimLeft(s)
	for s != "" && isLWS(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// unquote reads a quoted-string at the start of s.
func unquote(s string) (value, rest string, err error) {
	var b []byte // only when an escape was seen
	start := 1
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if b == nil {
				return s[1:i], s[i+1:], nil
			}
			return string(append(b, s[start:i]...)), s[i+1:], nil
		case c == '\\':
			if i+1 == len(s) || isControl(s[i+1]) {
				return "", "", ErrSyntax
			}
			b = append(append(b, s[start:i]...), s[i+1])
			i++
			start = i + 1
		case isControl(c) && c != '\t':
			return "", "", ErrSyntax
		}
	}
	return "", "", ErrSyntax
}

func isControl(c byte) bool { return c < 0x20 || c == 0x7f }

// Quote writes s as a quoted-string. Control characters but the tab cannot be carried and become spaces.
func Quote(s string) string { return string(appendQuoted(nil, s)) }

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case isControl(c) && c != '\t':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// unescape decodes %XX. A decoded control character is refused, but NUL, which RFC 4475 section 3.1.1.4 wants read: a string holds it like any
// other byte, names are not cut short by it, and it is escaped again where it is written.
func unescape(s string) (string, error) {
	i := 0
	for i < len(s) && s[i] != '%' {
		i++
	}
	if i == len(s) {
		return s, nil
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", ErrSyntax
		}
		hi, lo := hexValue(s[i+1]), hexValue(s[i+2])
		if hi < 0 || lo < 0 || isControl(byte(hi<<4|lo)) && hi|lo != 0 {
			return "", ErrSyntax
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	return string(b), nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func appendEscaped(b []byte, s string, allowed uint8) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if class[c]&allowed != 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// SplitList cuts a header field value at the commas that separate its elements: those outside quoted-strings and angle brackets
// (RFC 3261 section 7.3.1). Elements are trimmed; empty ones are left out.
func SplitList(s string) []string {
	var out []string
	start, angle, quoted := 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			if e := trim(s[start:i]); e != "" {
				out = append(out, e)
			}
			start = i + 1
		}
	}
	if e := trim(s[start:]); e != "" {
		out = append(out, e)
	}
	return out
}
