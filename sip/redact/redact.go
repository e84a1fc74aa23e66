// Package redact owns what of a SIP message may be shown to who looks for a fault: a copy without credentials, tokens, keys of media, digits that
// were pressed and PINs. What it does not know it hides: header fields and SDP attributes are shown by a list, all others by their name alone. It is
// pure; it never keeps a message, and never changes the one it is given.
package redact

import (
	"bytes"
	"fmt"
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
	fields := make([]field, len(lines)-1)
	for i, l := range lines[1:] {
		fields[i] = readField(l)
		r.note(fields[i])
	}
	out := make([]byte, 0, min(len(b)+128, MaxBytes))
	out = append(out, startLine(lines[0])...)
	out = append(out, "\r\n"...)
	shown := r.body(body)
	for _, f := range fields {
		switch {
		case !f.is:
			out = append(out, hidden+"\r\n"...)
			continue
		case f.kind == length:
			f.value = strconv.Itoa(len(shown))
		default:
			f.value = r.value(f)
		}
		out = append(append(append(append(out, clean(f.written)...), ": "...), clean(f.value)...), "\r\n"...)
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
func unfold(head []byte) []string {
	lines := make([]string, 0, 24)
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

// field is a header field. is: there is a colon in it.
type field struct {
	written, value string
	kind           kind
	is             bool
}

func readField(l string) field {
	name, value, is := strings.Cut(l, ":")
	name = strings.TrimSpace(name)
	return field{written: name, value: strings.TrimSpace(value), kind: inLower(kinds, name), is: is}
}

// inLower looks up a name in a table whose names are in lower case; it makes no garbage, since a switch traces each message of its calls.
func inLower[T any](table map[string]T, name string) (zero T) {
	var lower [32]byte
	if len(name) > len(lower) {
		return zero
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return table[string(lower[:len(name)])]
}

// reader is what the fields of a message say of the others.
type reader struct {
	withheld bool   // the caller wants not to be named (RFC 3323)
	media    string // type of the body
}

func (r *reader) note(f field) {
	switch f.kind {
	case privacy:
		for word := range strings.FieldsFuncSeq(strings.ToLower(f.value), func(c rune) bool { return c == ';' || c == ' ' || c == ',' }) {
			r.withheld = r.withheld || word == "id" || word == "user" || word == "header"
		}
	case contentType:
		media, _, _ := strings.Cut(f.value, ";")
		r.media = strings.ToLower(strings.TrimSpace(media))
	}
}

// value is a field's value as it may be shown.
func (r *reader) value(f field) string {
	switch f.kind {
	case plain, privacy, contentType:
		return f.value
	case proof:
		scheme, _, _ := strings.Cut(f.value, " ")
		return clip(scheme, 16) + " " + hidden
	case named:
		return addresses(f.value)
	case identity:
		if !r.withheld {
			return addresses(f.value)
		}
	case way:
		return users(addresses(f.value), true)
	}
	return hidden
}

// body is the body as it may be shown: SDP without keys, of others the kind and the size.
func (r *reader) body(b []byte) []byte {
	switch {
	case len(b) == 0:
		return nil
	case r.media == "application/sdp":
		return description(b)
	}
	return fmt.Appendf(nil, "[%d bytes of %s]", len(b), clean(clip(r.media, 64)))
}

// addresses hides in each URI the password, tokens and the digits that were dialled behind a code: they may be a PIN.
func addresses(value string) string { return codes(users(parameters(value), false)) }

// parameters hides the values of secretParameters, behind ";", "?" and "&".
func parameters(v string) string {
	var out []byte
	done := 0 // of v, in out
	for i := 0; ; {
		n := strings.IndexAny(v[i:], ";?&")
		if n < 0 {
			break
		}
		i += n + 1
		name, _, ok := strings.Cut(v[i:], "=")
		if !ok {
			break
		}
		if !inLower(secretParameters, strings.TrimSpace(name)) {
			continue
		}
		i += len(name) + 1
		out = append(append(out, v[done:i]...), hidden...)
		if strings.HasPrefix(v[i:], `"`) {
			i += quoted(v[i:])
		}
		i += endOf(v[i:])
		done = i
	}
	if out == nil {
		return v
	}
	return string(append(out, v[done:]...))
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
	var out []byte
	done := 0 // of v, in out
	for i := 0; ; {
		n := schemeEnd(v[i:])
		if n < 0 {
			break
		}
		i += n
		end := len(v)
		if n := strings.IndexAny(v[i:], "<>\" ,"); n >= 0 {
			end = i + n
		}
		at := strings.IndexByte(v[i:end], '@')
		if at < 0 {
			continue
		}
		from := i
		if !whole {
			colon := strings.IndexByte(v[i:i+at], ':')
			if colon < 0 {
				continue
			}
			from += colon + 1
		}
		out = append(append(out, v[done:from]...), hidden...)
		i += at
		done = i
	}
	if out == nil {
		return v
	}
	return string(append(out, v[done:]...))
}

// schemeEnd is where the first "sip:" or "sips:" ends; -1: there is none.
func schemeEnd(v string) int {
	for i := 0; ; i++ {
		n := strings.IndexByte(v[i:], ':')
		if n < 0 {
			return -1
		}
		i += n
		if i >= 3 && strings.EqualFold(v[i-3:i], "sip") || i >= 4 && strings.EqualFold(v[i-4:i], "sips") {
			return i + 1
		}
	}
}

// codeShown is how much of a code stays: "*31".
const codeShown = 3

// codes hides the digits behind a code that begins with "*" or "#", also escaped.
func codes(v string) string {
	if !strings.ContainsAny(v, "*#%") {
		return v
	}
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
	if printable(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c <= 0x9f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

// printable knows what is ASCII and moves nothing, as nearly everything is.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func clip(s string, n int) string { return s[:min(len(s), n)] }
