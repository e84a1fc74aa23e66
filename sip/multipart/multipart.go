// Package multipart owns message bodies of several parts (RFC 2046 section 5.1, RFC 5621). It is pure and bounded, and never looks into a part.
package multipart

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"strings"
)

// Bounds of a body; what exceeds them is ErrMalformed.
const (
	MaxSize    = 64 << 10 // octets
	MaxParts   = 8
	maxHeaders = 16 // lines of one part
	maxLine    = 998
)

// Errors of Parse; callers use errors.Is.
var (
	ErrMalformed = errors.New("multipart: malformed body")
	ErrEncoding  = errors.New("multipart: a part is encoded in a way that SIP does not have") // answer it with 415
)

// Part is one body of several.
type Part struct {
	Type        string // media type in lower case, without parameters
	Disposition string // in lower case, without parameters; empty: not said, which depends on the type (RFC 3261 section 20.11)
	Optional    bool   // handling=optional: who does not know it may pass it over
	Body        []byte
}

// Is says whether a Content-Type is one of several parts.
func Is(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), "multipart/")
}

// Parse takes a body apart. Preamble, epilogue and a last boundary that is missing are tolerated. The parts share the body's memory.
func Parse(contentType string, body []byte) ([]Part, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	switch {
	case err != nil || !strings.HasPrefix(kind, "multipart/"):
		return nil, bad("type")
	case boundary == "" || len(boundary) > 70: // RFC 2046 section 5.1.1
		return nil, bad("boundary")
	case len(body) > MaxSize:
		return nil, bad("size")
	}
	var out []Part
	begin := -1 // of the part under way; before the first boundary there is none
	for at := 0; at < len(body); {
		next := len(body)
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		delimits, last := delimiter(body[at:next], boundary)
		if delimits {
			if begin >= 0 {
				if out, err = add(out, body[begin:withoutBreak(body, begin, at)]); err != nil {
					return nil, err
				}
			}
			if begin = next; last {
				return whole(out)
			}
		}
		at = next
	}
	if begin >= 0 && begin < len(body) {
		if out, err = add(out, body[begin:]); err != nil {
			return nil, err
		}
	}
	return whole(out)
}

func whole(parts []Part) ([]Part, error) {
	if len(parts) == 0 {
		return nil, bad("no part")
	}
	return parts, nil
}

func bad(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// delimiter says whether a line ends a part, and whether it ends the body.
func delimiter(line []byte, boundary string) (is, last bool) {
	rest, ok := bytes.CutPrefix(line, []byte("--"+boundary))
	if !ok {
		return false, false
	}
	rest, last = bytes.CutPrefix(rest, []byte("--"))
	return len(bytes.Trim(rest, " \t\r\n")) == 0, last
}

// withoutBreak: the line break in front of a boundary belongs to the boundary (RFC 2046 section 5.1.1).
func withoutBreak(body []byte, begin, at int) int {
	if at > begin && body[at-1] == '\n' {
		at--
	}
	if at > begin && body[at-1] == '\r' {
		at--
	}
	return at
}

// add reads one part: its headers, an empty line, its body.
func add(parts []Part, text []byte) ([]Part, error) {
	if len(parts) == MaxParts {
		return nil, bad("too many parts")
	}
	p := Part{Type: "text/plain"} // RFC 2046 section 5.2
	for n := 0; len(text) > 0; n++ {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			break
		}
		if n == maxHeaders || len(line) > maxLine {
			return nil, bad("headers of a part")
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue // the rest of a folded header: parameters, of which we need none
		}
		if err := p.header(string(line)); err != nil {
			return nil, err
		}
	}
	p.Body = text
	return append(parts, p), nil
}

func (p *Part) header(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return bad("header of a part")
	}
	value, params, _ := strings.Cut(value, ";")
	value = strings.ToLower(strings.TrimSpace(value))
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "content-type", "c":
		p.Type = value
	case "content-disposition":
		p.Disposition = value
		p.Optional = strings.Contains(strings.ToLower(strings.ReplaceAll(params, " ", "")), "handling=optional")
	case "content-transfer-encoding":
		if value != "binary" && value != "8bit" && value != "7bit" && value != "" {
			return ErrEncoding
		}
	}
	return nil
}

// Write puts parts together and gives the Content-Type and the body. The same parts give the same octets. Types and dispositions are the caller's own
// words, never a stranger's.
func Write(parts ...Part) (contentType string, body []byte) {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p.Body)
	}
	boundary := hex.EncodeToString(h.Sum(nil)[:16]) // no part holds the hash of them all
	var b bytes.Buffer
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\nContent-Type: " + p.Type + "\r\n")
		if p.Disposition != "" {
			b.WriteString("Content-Disposition: " + p.Disposition + "\r\n")
		}
		b.WriteString("\r\n")
		b.Write(p.Body)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return "multipart/mixed;boundary=" + boundary, b.Bytes()
}
