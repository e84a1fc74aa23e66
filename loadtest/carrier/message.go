package carrier

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ErrSyntax: bytes that a strict parser does not take; the text says why.
var ErrSyntax = errors.New("carrier: malformed message")

// Field is one header line.
type Field struct {
	Name  string // long form in lower case
	Value string
	Short bool // it was sent in compact form
}

// Message is a message as it stood on the wire.
type Message struct {
	Raw    []byte
	Method string // of a response: that of its CSeq
	URI    string // of a request
	Status int    // 0: a request
	Reason string
	Fields []Field
	Body   []byte

	Source    netip.AddrPort
	Transport string // "UDP", "TCP", "TLS"
	TOS       int    // of the IP packet; -1: not known
	link      link   // where it came from
	broken    bool   // a rule refused it
}

// compact forms of RFC 3261 section 20 and its extensions.
var compact = map[string]string{
	"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from", "s": "subject",
	"k": "supported", "t": "to", "v": "via", "o": "event", "u": "allow-events", "x": "session-expires", "b": "referred-by", "r": "refer-to",
	"d": "request-disposition", "j": "reject-contact", "a": "accept-contact", "y": "identity",
}

// lists are headers whose elements stand in one line or in several (RFC 3261 section 7.3.1).
var lists = []string{"via", "contact", "route", "record-route", "supported", "require", "allow", "proxy-require", "unsupported", "accept",
	"p-asserted-identity", "diversion", "history-info", "path", "service-route", "p-associated-uri"}

// ParseMessage reads one whole message and forgives nothing that a strict peer would not: no bare LF, no folded line, no blank before a
// colon, no control character.
func ParseMessage(raw []byte) (*Message, error) {
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		return nil, fmt.Errorf("%w: no empty line after the header", ErrSyntax)
	}
	lines := strings.Split(string(head), "\r\n")
	m := &Message{Raw: raw, Body: body, TOS: -1}
	if err := m.start(lines[0]); err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		f, err := parseField(line)
		if err != nil {
			return nil, err
		}
		m.Fields = append(m.Fields, f)
	}
	if m.Status != 0 {
		_, m.Method, _ = strings.Cut(m.Get("cseq"), " ")
	}
	return m, nil
}

func (m *Message) start(line string) error {
	bad := fmt.Errorf("%w: start line %q", ErrSyntax, line)
	parts := strings.SplitN(line, " ", 3)
	if len(parts) != 3 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 127 }) {
		return bad
	}
	if parts[0] == "SIP/2.0" {
		n, err := strconv.Atoi(parts[1])
		if err != nil || n < 100 || n > 699 {
			return bad
		}
		m.Status, m.Reason = n, parts[2]
		return nil
	}
	if !isToken(parts[0]) || parts[1] == "" || parts[2] != "SIP/2.0" {
		return bad
	}
	m.Method, m.URI = parts[0], parts[1]
	return nil
}

func parseField(line string) (Field, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 127 }) {
		return Field{}, fmt.Errorf("%w: header line %q", ErrSyntax, line)
	}
	name = strings.ToLower(name)
	long, short := compact[name]
	if short {
		name = long
	}
	return Field{Name: name, Value: strings.TrimSpace(value), Short: short}, nil
}

func isToken(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") == ""
}

// Get is the first line with that (lower-case, long) name, or "".
func (m *Message) Get(name string) string {
	for _, f := range m.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Count is how many lines have that name.
func (m *Message) Count(name string) (n int) {
	for _, f := range m.Fields {
		if f.Name == name {
			n++
		}
	}
	return n
}

// Has tells whether there is such a line.
func (m *Message) Has(name string) bool { return m.Count(name) > 0 }

// All are the elements of a header over all its lines, cut at commas for those that are lists.
func (m *Message) All(name string) (out []string) {
	for _, f := range m.Fields {
		switch {
		case f.Name != name:
		case slices.Contains(lists, name):
			out = append(out, splitOutside(f.Value, ',')...)
		default:
			out = append(out, f.Value)
		}
	}
	return out
}

// Tags are the option tags or methods of a list header, in lower case.
func (m *Message) Tags(name string) (out []string) {
	for _, v := range m.All(name) {
		out = append(out, strings.ToLower(v))
	}
	return out
}

// Tagged tells whether an option tag or method stands in a header.
func (m *Message) Tagged(name, tag string) bool {
	return slices.Contains(m.Tags(name), strings.ToLower(tag))
}

// CSeq is the number of that header; -1 when there is none.
func (m *Message) CSeq() int {
	n, _, _ := strings.Cut(m.Get("cseq"), " ")
	v, err := strconv.Atoi(n)
	if err != nil || v < 0 {
		return -1
	}
	return v
}

// Number reads a header that begins with a number, and the rest of it after ";"; -1 when it does not.
func (m *Message) Number(name string) (int, string) {
	value, rest, _ := strings.Cut(m.Get(name), ";")
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 {
		return -1, rest
	}
	return n, rest
}

// Name is what a person calls the message: "INVITE", "200 INVITE".
func (m *Message) Name() string {
	if m.Status != 0 {
		return strconv.Itoa(m.Status) + " " + m.Method
	}
	return m.Method
}

// splitOutside cuts at c where it stands outside quotes and angle brackets.
func splitOutside(s string, c byte) (out []string) {
	quoted, deep, from := false, 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case quoted:
		case s[i] == '<':
			deep++
		case s[i] == '>':
			deep--
		case s[i] == c && deep == 0:
			out, from = append(out, strings.TrimSpace(s[from:i])), i+1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}
