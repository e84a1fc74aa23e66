// Package redact owns what of a SIP message may be shown to who looks for a fault: a copy without credentials, tokens, keys of media, digits that
// were pressed and PINs. What it does not know it hides: header fields and SDP attributes are shown by a list, all others by their name alone. It is
// pure; it never keeps a message, and never changes the one it is given.
package redact

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxBytes bounds a copy; a longer message is cut, and says so in its last line.
const MaxBytes = 8 << 10

// hidden stands for what is not shown.
const hidden = "[hidden]"

// Message is a SIP message as it may be shown, at most MaxBytes long: printable text with lines that end in CR LF. Its Content-Length is that of the
// body as shown, so that the copy is SIP again. What is no message becomes a copy that shows nothing but its size.
func Message(b []byte) []byte {
	head, body, whole := cutHead(b)
	lines := unfold(head)
	if !whole || len(lines) == 0 || !isStart(lines[0]) {
		return fmt.Appendf(nil, "[%d bytes that are no SIP message]", len(b))
	}
	r := reader{}
	for _, l := range lines[1:] {
		r.note(field(l))
	}
	out := make([]byte, 0, min(len(b)+128, MaxBytes))
	out = append(out, startLine(lines[0])...)
	out = append(out, "\r\n"...)
	shown := r.body(body)
	for _, l := range lines[1:] {
		name, value := field(l)
		if !strings.Contains(l, ":") {
			out = append(out, hidden+"\r\n"...)
			continue
		}
		if name == "content-length" {
			value = strconv.Itoa(len(shown))
		} else {
			value = r.value(name, value)
		}
		out = append(append(append(append(out, written(l)...), ": "...), clean(value)...), "\r\n"...)
	}
	out = append(append(out, "\r\n"...), shown...)
	if len(out) > MaxBytes {
		const cut = "\r\n[cut]"
		out = append(out[:MaxBytes-len(cut)], cut...)
	}
	return out
}

// cutHead splits a message at its first empty line, of either kind; false: there is none.
func cutHead(b []byte) (head, body []byte, whole bool) {
	for i := range b {
		if b[i] != '\n' {
			continue
		}
		if rest := bytes.TrimPrefix(b[i+1:], []byte("\r")); len(rest) > 0 && rest[0] == '\n' {
			return b[:i], rest[1:], true
		}
	}
	return nil, nil, false
}

// unfold gives the lines of a head, continuations joined (RFC 3261 section 7.3.1).
func unfold(head []byte) (lines []string) {
	for l := range strings.Lines(string(head)) {
		l = strings.TrimRight(l, "\r\n")
		if len(lines) > 1 && (strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")) {
			lines[len(lines)-1] += " " + strings.TrimSpace(l)
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

// isStart knows a request line and a status line (RFC 3261 sections 7.1 and 7.2).
func isStart(l string) bool {
	return strings.HasPrefix(l, "SIP/2.0 ") || strings.HasSuffix(l, " SIP/2.0")
}

func startLine(l string) string {
	if !strings.HasPrefix(l, "SIP/2.0 ") {
		l = addresses(l)
	}
	return clean(l)
}

// field splits a header field; its name is the long one in lower case.
func field(l string) (name, value string) {
	name, value, _ = strings.Cut(l, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if long, ok := compact[name]; ok {
		name = long
	}
	return name, strings.TrimSpace(value)
}

// written is the name of a field as its sender wrote it.
func written(l string) string {
	name, _, _ := strings.Cut(l, ":")
	return clean(strings.TrimSpace(name))
}

// reader is what the fields of a message say of the others.
type reader struct {
	withheld bool   // the caller wants not to be named (RFC 3323)
	kind     string // of the body
}

func (r *reader) note(name, value string) {
	switch name {
	case "privacy":
		for word := range strings.FieldsFuncSeq(strings.ToLower(value), func(c rune) bool { return c == ';' || c == ' ' || c == ',' }) {
			r.withheld = r.withheld || word == "id" || word == "user" || word == "header"
		}
	case "content-type":
		kind, _, _ := strings.Cut(value, ";")
		r.kind = strings.ToLower(strings.TrimSpace(kind))
	}
}

// value is a field's value as it may be shown.
func (r *reader) value(name, value string) string {
	switch name {
	case "authorization", "proxy-authorization":
		scheme, _, _ := strings.Cut(value, " ")
		return clip(scheme, 16) + " " + hidden
	case "p-asserted-identity", "p-preferred-identity", "remote-party-id":
		if r.withheld {
			return hidden
		}
	}
	switch {
	case slices.Contains(plain, name):
		return value
	case slices.Contains(named, name):
		return addresses(value)
	case slices.Contains(ways, name):
		return users(addresses(value), true)
	}
	return hidden
}

// body is the body as it may be shown: SDP without keys, of others the kind and the size.
func (r *reader) body(b []byte) []byte {
	switch {
	case len(b) == 0:
		return nil
	case r.kind == "application/sdp":
		return description(b)
	}
	return fmt.Appendf(nil, "[%d bytes of %s]", len(b), clean(clip(r.kind, 64)))
}

// addresses hides in each URI the password, tokens and the digits that were dialled behind a code: they may be a PIN.
func addresses(value string) string { return codes(users(parameters(value), false)) }

// secretParameters are those of URIs and contacts that open something: where to wake a telephone (RFC 8599), and what is called so.
var secretParameters = []string{"pn-prid", "pn-purr", "token", "access_token", "key", "secret", "password", "authorization", "proxy-authorization"}

// parameters hides the values of secretParameters, behind ";", "?" and "&".
func parameters(v string) string {
	var b strings.Builder
	for v != "" {
		i := strings.IndexAny(v, ";?&")
		if i < 0 {
			break
		}
		b.WriteString(v[:i+1])
		v = v[i+1:]
		name, _, ok := strings.Cut(v, "=")
		if !ok || !slices.Contains(secretParameters, strings.ToLower(strings.TrimSpace(name))) {
			continue
		}
		b.WriteString(name + "=" + hidden)
		v = v[len(name)+1:]
		if strings.HasPrefix(v, `"`) {
			v = v[quoted(v):]
		}
		v = v[endOf(v):]
	}
	return b.String() + v
}

// endOf is where a parameter's value ends.
func endOf(v string) int {
	if i := strings.IndexAny(v, ";?&>, \""); i >= 0 {
		return i
	}
	return len(v)
}

// quoted is how long the quoted string is with which v begins.
func quoted(v string) int {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(v)
}

// users hides what stands between the user and the host of each URI (RFC 3261 section 19.1.1: "its use is NOT RECOMMENDED"), or the user too.
func users(v string, whole bool) string {
	var b strings.Builder
	for {
		n := schemeEnd(v)
		if n < 0 {
			return b.String() + v
		}
		b.WriteString(v[:n])
		v = v[n:]
		end := strings.IndexAny(v, "<>\" ,")
		if end < 0 {
			end = len(v)
		}
		at := strings.IndexByte(v[:end], '@')
		if at < 0 {
			continue
		}
		if whole {
			b.WriteString(hidden)
			v = v[at:]
		} else if colon := strings.IndexByte(v[:at], ':'); colon >= 0 {
			b.WriteString(v[:colon+1] + hidden)
			v = v[at:]
		}
	}
}

// schemeEnd is where the first "sip:" or "sips:" ends; -1: there is none.
func schemeEnd(v string) int {
	for i := range len(v) {
		for _, scheme := range []string{"sips:", "sip:"} {
			if len(v)-i >= len(scheme) && strings.EqualFold(v[i:i+len(scheme)], scheme) {
				return i + len(scheme)
			}
		}
	}
	return -1
}

// codeShown is how much of a code stays: "*31".
const codeShown = 3

// codes hides the digits behind a code that begins with "*" or "#", also escaped.
func codes(v string) string {
	var b strings.Builder
	run := 0 // characters of the code that goes on
	for i := 0; i < len(v); i++ {
		c, size := v[i], 1
		if c == '%' && i+2 < len(v) {
			if x, err := strconv.ParseUint(v[i+1:i+3], 16, 8); err == nil {
				c, size = byte(x), 3
			}
		}
		star, digit := c == '*' || c == '#', c >= '0' && c <= '9'
		if run == 0 && !star || !star && !digit {
			run = 0
		} else {
			run++
		}
		if run > codeShown && digit {
			b.WriteByte('x')
		} else {
			b.WriteString(v[i : i+size])
		}
		i += size - 1
	}
	return b.String()
}

// clean keeps what a peer wrote from moving a terminal's cursor.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c <= 0x9f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

func clip(s string, n int) string { return s[:min(len(s), n)] }
