package event

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// errDocument: a published document is not a presence document that we are ready to read.
var errDocument = errors.New("event: not a presence document, or one beyond our bounds")

// Bounds of a published document; a stranger with a password writes it (threats.md A19).
const (
	maxPIDF       = 8 << 10 // bytes
	maxPIDFDepth  = 16
	maxPIDFTokens = 1024
	maxNote       = 200 // bytes of the note that is kept
	pidfSpace     = "urn:ietf:params:xml:ns:pidf"
)

// parsePIDF reads basic status and note of a PIDF document (RFC 3863 section 4). One open tuple makes the presentity open. What is of
// other namespaces is passed over. A document type, hence every entity but XML's own five, is refused: nothing is ever expanded.
func parsePIDF(body []byte) (published, error) {
	if len(body) > maxPIDF || !utf8.Valid(body) {
		return published{}, errDocument
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	r := reader{}
	for tokens := 0; ; tokens++ {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || tokens > maxPIDFTokens || !r.token(t) {
			return published{}, errDocument
		}
	}
	if !r.root {
		return published{}, errDocument
	}
	return r.said, nil
}

// published is what a document says. basic is "open", "closed", or "" where no tuple says either.
type published struct{ basic, note string }

// reader walks through a document. path has the local names of PIDF's own elements, "" for foreign ones.
type reader struct {
	path  []string
	root  bool // the presence element was there
	noted bool
	text  strings.Builder
	said  published
}

// token takes the next one; false: the document is refused.
func (r *reader) token(t xml.Token) bool {
	switch t := t.(type) {
	case xml.Directive: // <!DOCTYPE, <!ENTITY
		return false
	case xml.ProcInst:
		return t.Target == "xml"
	case xml.StartElement:
		name := ""
		if t.Name.Space == pidfSpace {
			name = t.Name.Local
		}
		if len(r.path) == 0 && (name != "presence" || r.root) || len(r.path) >= maxPIDFDepth {
			return false
		}
		r.root = true
		r.path = append(r.path, name)
		r.text.Reset()
	case xml.CharData:
		if len(r.path) == 0 {
			return len(bytes.TrimSpace(t)) == 0
		}
		r.text.Write(t)
	case xml.EndElement:
		ok := r.element(strings.Join(r.path, "/"), strings.TrimSpace(r.text.String()))
		r.path = r.path[:len(r.path)-1]
		r.text.Reset()
		return ok
	}
	return true
}

func (r *reader) element(path, text string) bool {
	switch path {
	case "presence/tuple/status/basic": // RFC 3863 section 4.1.4: open or closed, nothing else
		if text != "open" && text != "closed" {
			return false
		}
		if r.said.basic != "open" {
			r.said.basic = text
		}
	case "presence/note", "presence/tuple/note":
		if !r.noted {
			r.noted, r.said.note = true, clip(text)
		}
	}
	return true
}

// clip bounds a note, at the start of a character.
func clip(s string) string {
	if len(s) <= maxNote {
		return s
	}
	n := maxNote
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
