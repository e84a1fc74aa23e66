package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"naisen/sip"
)

// magicCookie starts every branch of RFC 3261 section 8.1.1.7.
const magicCookie = "z9hG4bK"

// Via is one Via element (RFC 3261 section 20.42).
type Via struct {
	Transport string // upper case: "UDP", "TCP", "TLS"
	Host      string // lower case; an IPv6 literal without brackets
	Port      int    // 0: not given
	Params    sip.Params
}

// Branch is the branch parameter.
func (v Via) Branch() string { b, _ := v.Params.Get("branch"); return b }

// transaction identifies the transaction of a request: the branch, or, from an RFC 2543 peer that sends none or one without the cookie, what
// RFC 3261 section 17.2.3 compares instead. The To tag is left out: it is the same in all of one transaction, or our own in an ACK.
func (v Via) transaction(r *Request) string {
	b := v.Branch()
	if len(b) > len(magicCookie) && strings.EqualFold(b[:len(magicCookie)], magicCookie) {
		return strings.ToLower(b)
	}
	n, _ := r.CSeq()
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d\x00%s %s %s", r.URI, r.From().Tag(), r.CallID(), n, v.Transport, v.SentBy(), b)
	return "rfc2543" + hex.EncodeToString(h.Sum(nil)[:16])
}

// SentBy is "host" or "host:port".
func (v Via) SentBy() string { return sip.URI{Host: v.Host, Port: v.Port}.HostPort() }

// transaction and sentBy are those of the top Via v. A request that was received knows them, since each is needed several times.
func (r *Request) transaction(v Via) string {
	if r.transactionID != "" {
		return r.transactionID
	}
	return v.transaction(r)
}

func (r *Request) sentBy(v Via) string {
	if r.sentByID != "" {
		return r.sentByID
	}
	return v.SentBy()
}

// String writes the element.
func (v Via) String() string {
	return "SIP/2.0/" + v.Transport + " " + v.SentBy() + v.Params.String()
}

// ParseVia parses one Via element; LWS around the slashes and the colon is allowed (RFC 4475 section 3.1.1.1).
func ParseVia(s string) (Via, error) {
	var v Via
	name, rest, ok := strings.Cut(s, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || !strings.EqualFold(strings.TrimSpace(name), "SIP") || strings.TrimSpace(version) != "2.0" {
		return v, sip.ErrSyntax
	}
	rest = strings.TrimLeft(rest, " \t")
	i := strings.IndexAny(rest, " \t")
	if i < 1 || !sip.IsToken(rest[:i]) {
		return v, sip.ErrSyntax
	}
	v.Transport, rest = strings.ToUpper(rest[:i]), strings.TrimSpace(rest[i:])
	sentBy, params := rest, ""
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		sentBy, params = rest[:i], rest[i:]
	}
	var err error
	if v.Host, v.Port, err = sip.ParseHostPort(closeColon(strings.TrimSpace(sentBy))); err != nil {
		return v, err
	}
	v.Params, err = sip.ParseParams(params)
	return v, err
}

// closeColon removes LWS around the colon before the port.
func closeColon(s string) string {
	if !strings.ContainsAny(s, " \t") {
		return s
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s
	}
	return strings.TrimRight(s[:i], " \t") + ":" + strings.TrimLeft(s[i+1:], " \t")
}

// Vias are all Via elements, topmost first; a malformed one makes an error.
func (h *Headers) Vias() ([]Via, error) {
	var out []Via
	for i := range h.list {
		if h.list[i].Name != "Via" {
			continue
		}
		elements := []string{h.list[i].Value}
		if value := elements[0]; value == "" || strings.IndexByte(value, ',') >= 0 {
			elements = sip.SplitList(value)
		}
		for _, e := range elements {
			v, err := ParseVia(e)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// topVia parses only the first element.
func (h *Headers) topVia() (Via, error) {
	for i := range h.list {
		if h.list[i].Name == "Via" {
			if h.read != nil && h.read.viaText == h.list[i].Value {
				return h.read.via, nil
			}
			parts := sip.SplitList(h.list[i].Value)
			if len(parts) == 0 {
				break
			}
			return ParseVia(parts[0])
		}
	}
	return Via{}, sip.ErrSyntax
}

// setTopVia replaces the first element. Only the receiving side may, before anybody else has the message.
func (h *Headers) setTopVia(v Via) {
	for i := range h.list {
		if h.list[i].Name == "Via" {
			parts := sip.SplitList(h.list[i].Value)
			parts[0] = v.String()
			h.list[i].Value = strings.Join(parts, ", ")
			if h.read != nil {
				h.read.viaText, h.read.via = h.list[i].Value, v
			}
			return
		}
	}
}
