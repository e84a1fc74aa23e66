package stack

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"unicode/utf8"

	sipgo "github.com/emiago/sipgo/sip"

	"naisen/sip"
)

// Bounds on one message beside Limits.MessageBytes.
const (
	defaultMessageBytes = 16384
	maxHeaderLines      = 256
	maxVias             = 70
	maxIdentifier       = 256 // Call-ID, branch, tag: what a transaction keeps of a stranger's request
)

// ParseError says why bytes are not an acceptable message. Its text never contains the input.
type ParseError struct {
	Status int // the response they deserve; 0: not enough was readable to answer
	Text   string
}

func (e *ParseError) Error() string { return "stack: " + e.Text }

func malformed(status int, text string) error { return &ParseError{status, text} }

// neutralLine stands in for the start line when sipgo reads the header section: it upper-cases methods (they are case-sensitive,
// RFC 3261 section 7.1) and gives up on URI schemes that it does not know before the headers needed for a 416 are read.
const neutralLine = "OPTIONS sip:x SIP/2.0\r\n"

// fieldParser is sipgo's parser with no typed header: field lines are cut and unfolded, and the strictness is ours (validate.go).
var fieldParser = sipgo.NewParser(sipgo.WithHeadersParsers(map[string]sipgo.HeaderParser{}))

var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// Parse parses and validates one whole datagram: exactly one of Request and Response is set, unless the error is a *ParseError. With a
// Status in it the Request is set too, as far as it could be read. Bytes after Content-Length are discarded (RFC 3261 section 18.3).
func Parse(b []byte) (*Request, *Response, error) { return parse(b, false, defaultMessageBytes) }

func parse(b []byte, stream bool, limit int) (*Request, *Response, error) {
	head, body, ok := cutHead(b)
	if !ok || len(head) > limit {
		return nil, nil, malformed(0, "no end of headers")
	}
	line, _, _ := bytes.Cut(head, crlf)
	if bytes.HasPrefix(line, []byte("SIP/")) {
		resp, err := parseResponse(string(line), head[len(line)+2:], body)
		return nil, resp, err
	}
	req, err := parseRequestLine(string(line))
	if req == nil {
		return nil, nil, err
	}
	if e := parseFields(&req.Headers, head[len(line)+2:]); e != nil {
		return req, nil, e
	}
	if err == nil && len(b) > limit {
		err = malformed(513, "message too large")
	}
	if err == nil {
		req.Body, err = cutBody(&req.Headers, body, stream, limit)
	}
	if err == nil {
		err = validate(req)
	}
	if err == nil {
		return req, nil, nil
	}
	var pe *ParseError
	if errors.As(err, &pe) && pe.Status != 0 && !answerable(req) {
		err = malformed(0, pe.Text)
	}
	return req, nil, err
}

var crlf = []byte("\r\n")

// cutHead returns the message up to and including the empty line.
func cutHead(b []byte) (head, body []byte, ok bool) {
	for len(b) >= 2 && b[0] == '\r' && b[1] == '\n' { // RFC 3261 section 7.5
		b = b[2:]
	}
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i <= 0 {
		return nil, nil, false
	}
	return b[:i+4], b[i+4:], true
}

// parseRequestLine is strict: one space on either side of the Request-URI (RFC 3261 section 7.1). A nil Request means that this is
// not SIP at all.
func parseRequestLine(line string) (*Request, error) {
	method, rest, ok := strings.Cut(line, " ")
	last := strings.LastIndexByte(strings.TrimRight(rest, " \t"), ' ')
	if !ok || last < 0 || len(rest) < last+5 || !strings.EqualFold(rest[last+1:last+5], "SIP/") {
		return nil, malformed(0, "not a SIP message")
	}
	uri, version := rest[:last], rest[last+1:]
	req := &Request{Method: method, Headers: Headers{list: make([]Header, 0, 24)}}
	switch {
	case !sip.IsToken(method) || len(method) > 64:
		return nil, malformed(0, "method is not a token")
	case !strings.EqualFold(version, "SIP/2.0"):
		if isVersion(version[4:]) {
			return req, malformed(505, "SIP version")
		}
		return req, malformed(400, "request line")
	case uri == "" || len(uri) > 2048:
		return req, malformed(400, "Request-URI length")
	}
	var err error
	if req.URI, err = sip.ParseURI(uri); errors.Is(err, sip.ErrScheme) {
		return req, malformed(416, "Request-URI scheme")
	} else if err != nil {
		return req, malformed(400, "Request-URI")
	}
	return req, nil
}

func isVersion(s string) bool {
	major, minor, ok := strings.Cut(s, ".")
	_, a := digits(major, 1<<62)
	_, b := digits(minor, 1<<62)
	return ok && a && b
}

func parseResponse(line string, fields, body []byte) (*Response, error) {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, ok := digits(code, 699)
	if !strings.EqualFold(version, "SIP/2.0") || !ok || len(code) != 3 || status < 100 || !isText(reason) {
		return nil, malformed(0, "status line")
	}
	r := &Response{Status: int(status), Reason: reason, Headers: Headers{list: make([]Header, 0, 24)}}
	if err := parseFields(&r.Headers, fields); err != nil {
		return nil, err
	}
	var err error
	if r.Body, err = cutBody(&r.Headers, body, false, maxDatagram); err != nil {
		return nil, malformed(0, "body length")
	}
	if err := validateResponse(r); err != nil {
		return nil, err
	}
	return r, nil
}

// parseFields lets sipgo cut and unfold the header section, then takes the lines over under canonical names.
func parseFields(h *Headers, fields []byte) error {
	if bytes.Count(fields, crlf) > 2*maxHeaderLines {
		return malformed(0, "too many header lines")
	}
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	*buf = append(append((*buf)[:0], neutralLine...), fields...)
	msg, n, err := fieldParser.ParseHeaders(*buf, false)
	if err != nil || n != len(*buf) {
		return malformed(0, "header lines")
	}
	req, ok := msg.(*sipgo.Request)
	if !ok {
		return malformed(0, "header lines")
	}
	lines := req.Headers()
	if len(lines) > maxHeaderLines {
		return malformed(0, "too many header lines")
	}
	for _, l := range lines {
		name, value := l.Name(), l.Value()
		if !isText(value) {
			value = neutral(value)
		}
		if !sip.IsToken(name) || !isText(value) {
			return malformed(0, "character not allowed in a header")
		}
		h.list = append(h.list, Header{CanonicalName(name), value})
	}
	return nil
}

// isText: TEXT-UTF8 of RFC 3261 section 25.1, on one line.
func isText(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		} else if c >= 0x80 {
			ascii = false
		}
	}
	return ascii || utf8.ValidString(s)
}

// neutral puts a space for each control character that stands escaped in a quoted-string, where the grammar allows it (quoted-pair, RFC 3261
// section 25.1; RFC 4475 section 3.1.1.2). Nobody needs it, and it must not reach a log, a display or a file.
func neutral(s string) string {
	b, quoted := []byte(s), false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			quoted = !quoted
		case quoted && b[i] == '\\' && i+1 < len(b):
			if c := b[i+1]; c < 0x20 && c != '\r' && c != '\n' || c == 0x7f {
				b[i], b[i+1] = ' ', ' '
			}
			i++
		}
	}
	return string(b)
}

// cutBody applies Content-Length (RFC 3261 section 18.3). On a stream the framing has already cut the message to it.
func cutBody(h *Headers, rest []byte, stream bool, limit int) ([]byte, error) {
	n, have, err := contentLength(h)
	switch {
	case err != nil:
		return nil, err
	case !have && stream:
		return nil, malformed(400, "Content-Length missing")
	case !have:
		n = len(rest)
	case n > limit:
		return nil, malformed(513, "Content-Length too large")
	case n > len(rest):
		return nil, malformed(400, "body shorter than Content-Length")
	}
	if n == 0 {
		return nil, nil
	}
	return append([]byte(nil), rest[:n]...), nil
}

func contentLength(h *Headers) (n int, have bool, err error) {
	for i := range h.list {
		if h.list[i].Name != "Content-Length" {
			continue
		}
		v, ok := digits(h.list[i].Value, 1<<31-1)
		if !ok || have && int(v) != n {
			return 0, false, malformed(400, "Content-Length")
		}
		n, have = int(v), true
	}
	return n, have, nil
}

// answerable tells whether a refused request says enough to be answered (RFC 3261 section 8.2.6), and may be.
func answerable(r *Request) bool {
	if r.Method == "ACK" {
		return false
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		if r.Get(name) == "" {
			return false
		}
	}
	vias, err := r.Vias()
	return err == nil && len(vias) > 0 && len(vias) <= maxVias
}
