package auth

import (
	"errors"
	"strconv"
	"strings"

	"naisen/sip"
)

// ErrSyntax: an Authorization or WWW-Authenticate value that is no digest, is malformed, or passes a bound below.
var ErrSyntax = errors.New("auth: malformed digest header")

// Bounds on what a stranger may send in one header field value (threats B17). A field of a real client is about 300 bytes.
const (
	maxHeaderBytes = 4096
	maxParams      = 24
	maxValueBytes  = 1024
	maxHeaders     = 8 // credentials looked at in one request
)

// digest is one parsed "Digest name=value, ..." value; of credentials or of a challenge.
type digest struct {
	username, realm, nonce, uri, response string
	algorithm, cnonce, opaque, qop, nc    string
	stale                                 bool
}

// field is where each parameter goes. Unknown ones are allowed and dropped (RFC 7616 section 3.3: auth-param).
func (d *digest) field(name string) *string {
	switch name {
	case "username":
		return &d.username
	case "realm":
		return &d.realm
	case "nonce":
		return &d.nonce
	case "uri":
		return &d.uri
	case "response":
		return &d.response
	case "algorithm":
		return &d.algorithm
	case "cnonce":
		return &d.cnonce
	case "opaque":
		return &d.opaque
	case "qop":
		return &d.qop
	case "nc":
		return &d.nc
	}
	return nil
}

// parseDigest parses one header field value. A parameter that occurs twice is an error: two readers could each see another one.
func parseDigest(value string) (digest, error) {
	var d digest
	if len(value) > maxHeaderBytes {
		return d, ErrSyntax
	}
	scheme, rest, _ := strings.Cut(strings.TrimLeft(value, " \t"), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return d, ErrSyntax
	}
	var seen [maxParams]string
	for n := 0; ; n++ {
		rest = strings.TrimLeft(rest, " \t\r\n,")
		if rest == "" {
			return d, nil
		}
		if n == maxParams {
			return d, ErrSyntax
		}
		name, val, tail, err := nextParam(rest)
		if err != nil {
			return d, err
		}
		for _, s := range seen[:n] {
			if s == name {
				return d, ErrSyntax
			}
		}
		seen[n], rest = name, tail
		if name == "stale" {
			d.stale = strings.EqualFold(val, "true")
		} else if f := d.field(name); f != nil {
			*f = val
		}
	}
}

// nextParam reads name=token or name="quoted" up to the comma.
func nextParam(s string) (name, value, rest string, err error) {
	i := strings.IndexByte(s, '=')
	if i < 0 {
		return "", "", "", ErrSyntax
	}
	name = strings.ToLower(strings.TrimRight(s[:i], " \t"))
	if !sip.IsToken(name) {
		return "", "", "", ErrSyntax
	}
	s = strings.TrimLeft(s[i+1:], " \t")
	if strings.HasPrefix(s, `"`) {
		value, rest, err = unquote(s)
	} else {
		end := strings.IndexByte(s, ',')
		if end < 0 {
			end = len(s)
		}
		value, rest = strings.TrimRight(s[:end], " \t\r\n"), s[end:]
		if value == "" || strings.ContainsAny(value, " \t\"") {
			err = ErrSyntax
		}
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	if err != nil || len(value) > maxValueBytes || rest != "" && rest[0] != ',' {
		return "", "", "", ErrSyntax
	}
	for j := 0; j < len(value); j++ {
		if value[j] < ' ' || value[j] == 0x7f {
			return "", "", "", ErrSyntax
		}
	}
	return name, value, rest, nil
}

func unquote(s string) (value, rest string, err error) {
	if end := strings.IndexByte(s[1:], '"') + 1; end > 0 && strings.IndexByte(s[1:end], '\\') < 0 { // nothing escaped: nothing to copy
		return s[1:end], s[end+1:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", ErrSyntax
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", ErrSyntax
}

// count is nc as a number: exactly eight hex digits, not zero (RFC 7616 section 3.4).
func (d *digest) count() (uint32, bool) {
	if len(d.nc) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(d.nc, 16, 32)
	return uint32(n), err == nil && n != 0
}
