package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// claims are those that decide whether a token is accepted.
type claims struct {
	Issuer   string
	Subject  string
	Audience []string
	Expires  numericDate
	Before   numericDate
	Issued   numericDate
	AZP      string
	ClientID string
	ACR      string
	AMR      []string
	AuthTime numericDate
	ID       string
	Typ      string // Keycloak: "ID", "Bearer", "Refresh"
	Scope    string // RFC 9068 section 2.2.3
	SCP      []string
	Person   string
	Session  string // sid
	IssuedMS int64  // of our own tokens

	all members
}

// numericDate is RFC 7519 section 2: seconds since 1970, maybe with a fraction. present tells a missing claim from 0.
type numericDate struct {
	t       time.Time
	present bool
}

// parseClaims reads them by their exact names: encoding/json alone would take "Scope" or "AUD", which a person may be able to choose at the issuer,
// for the issuer's own. A name that stands twice is refused (RFC 7519 section 4), so that nobody else can have read another one than we did.
func parseClaims(payload []byte) (c claims, err error) {
	if c.all, err = parseMembers(payload); err != nil {
		return c, err
	}
	for _, m := range c.all {
		if err := c.take(m); err != nil {
			return c, fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return c, nil
}

func (c *claims) take(m member) (err error) {
	switch string(m.name) {
	case "iss":
		c.Issuer, err = m.text()
	case "sub":
		c.Subject, err = m.text()
	case "aud":
		c.Audience, err = m.texts()
	case "exp":
		c.Expires, err = m.date()
	case "nbf":
		c.Before, err = m.date()
	case "iat":
		c.Issued, err = m.date()
	case "azp":
		c.AZP, err = m.text()
	case "client_id":
		c.ClientID, err = m.text()
	case "acr":
		c.ACR, err = m.text()
	case "amr":
		c.AMR, err = m.texts()
	case "auth_time":
		c.AuthTime, err = m.date()
	case "jti":
		c.ID, err = m.text()
	case "typ":
		c.Typ, err = m.text()
	case "scope":
		c.Scope, err = m.text()
	case "scp":
		c.SCP, err = m.texts()
	case "person":
		c.Person, err = m.text()
	case "sid":
		c.Session, err = m.text()
	case "issued_ms":
		err = json.Unmarshal(m.raw, &c.IssuedMS)
	}
	return err
}

func (c *claims) has(name string) bool { return c.all.get(name) != nil }

// members of a JSON object, in its order, each with a name of its own. They are parts of the document, which was found to be well-formed JSON in UTF-8.
type members []member

type member struct{ name, raw []byte } // the name is as it reads, the value as it stands there

var errNoObject = errors.New("no JSON object")

// memberReader is used again and again: to make a decoder costs more than to read a token's claims.
type memberReader struct {
	jsontext.Decoder
	src bytes.Buffer // a decoder reads where it lies what a buffer holds
}

var (
	readers = sync.Pool{New: func() any { return new(memberReader) }}
	colon   = []byte{':'}
)

// parseMembers reads an object and nothing behind it.
func parseMembers(raw []byte) (members, error) {
	r, _ := readers.Get().(*memberReader)
	defer readers.Put(r)
	r.src = *bytes.NewBuffer(raw)
	r.Reset(&r.src)
	d := &r.Decoder
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, errors.Join(errNoObject, err)
	}
	list := make(members, 0, min(24, 1+bytes.Count(raw, colon)))
	for d.PeekKind() == '"' {
		name, err := valueOf(d, raw)
		if err == nil {
			name, err = unquoted(name)
		}
		if err != nil {
			return nil, err
		}
		value, err := valueOf(d, raw)
		if err != nil {
			return nil, err
		}
		list = append(list, member{name, value})
	}
	if _, err := d.ReadToken(); err != nil { // its end, or what is wrong
		return nil, err
	}
	if len(bytes.TrimLeft(raw[d.InputOffset():], " \t\r\n")) > 0 {
		return nil, errNoObject
	}
	return list, nil
}

// valueOf is the next value as it stands in raw, where it is longer good than in the decoder.
func valueOf(d *jsontext.Decoder, raw []byte) ([]byte, error) {
	value, err := d.ReadValue()
	end := int(d.InputOffset())
	return raw[end-len(value) : end : end], err
}

// unquoted is what a JSON string says; most say it as it stands there.
func unquoted(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

// get is a member's value; nil: there is none.
func (l members) get(name string) []byte {
	for _, m := range l {
		if string(m.name) == name {
			return m.raw
		}
	}
	return nil
}

// at is the value at the end of a path; nil: there is none.
func (l members) at(path []string) []byte {
	for i, name := range path {
		raw := l.get(name)
		if raw == nil || i == len(path)-1 {
			return raw
		}
		var err error
		if l, err = parseMembers(raw); err != nil {
			return nil
		}
	}
	return nil
}

// text at a path; empty where it is no text.
func (l members) text(path []string) string {
	s, err := member{raw: l.at(path)}.text()
	if err != nil {
		return ""
	}
	return s
}

// texts at a path; none where it is neither a text nor a list of them.
func (l members) texts(path []string) []string {
	list, err := member{raw: l.at(path)}.texts()
	if err != nil {
		return nil
	}
	return list
}

// text of a claim that is one; null is none.
func (m member) text() (s string, err error) {
	if len(m.raw) == 0 {
		return "", nil
	}
	if m.raw[0] != '"' {
		err = json.Unmarshal(m.raw, &s)
		return s, err
	}
	b, err := unquoted(m.raw)
	return string(b), err
}

// texts of a claim that is a text or a list of them (RFC 7519 section 4.1.3).
func (m member) texts() (list []string, err error) {
	switch {
	case len(m.raw) == 0:
		return nil, nil
	case m.raw[0] == '"':
		s, err := m.text()
		return []string{s}, err
	case bytes.IndexByte(m.raw, '\\') < 0:
		if list, ok := plainTexts(m.raw); ok {
			return list, nil
		}
	}
	err = json.Unmarshal(m.raw, &list)
	return list, err
}

// plainTexts of an array in which nothing is escaped; false: it has something else than texts.
func plainTexts(array []byte) (list []string, ok bool) {
	rest := array[1:]
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 || rest[0] != '"' {
			return list, len(rest) == 1 && array[0] == '['
		}
		end := 1 + bytes.IndexByte(rest[1:], '"')
		if end == 0 {
			return nil, false
		}
		list, rest = append(list, string(rest[1:end])), rest[end+1:]
	}
}

// date of a claim that is a number; null is none.
func (m member) date() (numericDate, error) {
	if string(m.raw) == "null" {
		return numericDate{}, nil
	}
	f, err := strconv.ParseFloat(string(m.raw), 64) // of JSON: what is no number there is none here, but for its words
	if err != nil || m.raw[0] != '-' && (m.raw[0] < '0' || m.raw[0] > '9') {
		return numericDate{}, errors.New("no date")
	}
	if math.IsNaN(f) || f < 0 || f > 1<<40 {
		return numericDate{}, errors.New("date out of range")
	}
	return numericDate{t: time.Unix(int64(f), 0), present: true}, nil
}

// scalar is a claim as text: a string as it is, a number or a boolean as JSON writes it. Anything else is none.
func scalar(raw []byte) (string, bool) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return "", false
	}
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case bool:
		s = strconv.FormatBool(v)
	}
	if s == "" || len(s) > maxAttribute || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", false
	}
	return s, true
}
