package stack

import (
	"strconv"

	"naisen/sip"
)

// Append writes the request to dst as it goes on the wire, with Content-Length computed. ErrInjection when any part holds CR, LF or
// NUL: nothing of it may be sent then.
func (r *Request) Append(dst []byte) ([]byte, error) {
	if !sip.IsToken(r.Method) || r.URI.IsZero() {
		return dst, ErrInjection
	}
	uri := r.URI.String()
	for i := 0; i < len(uri); i++ {
		if uri[i] <= ' ' || uri[i] == 0x7f {
			return dst, ErrInjection
		}
	}
	b := append(append(dst, r.Method...), ' ')
	b = append(append(b, uri...), " SIP/2.0\r\n"...)
	return appendRest(b, dst, &r.Headers, r.Body)
}

// Append writes the response to dst likewise.
func (r *Response) Append(dst []byte) ([]byte, error) {
	if r.Status < 100 || r.Status > 699 || !clean(r.Reason) {
		return dst, ErrInjection
	}
	b := append(dst, "SIP/2.0 "...)
	b = append(strconv.AppendInt(b, int64(r.Status), 10), ' ')
	b = append(append(b, r.Reason...), "\r\n"...)
	return appendRest(b, dst, &r.Headers, r.Body)
}

// shortForms are the names that every RFC 3261 element knows in short.
var shortForms = map[string]string{
	"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Type": "c", "Content-Encoding": "e", "Subject": "s",
	"Supported": "k", "Session-Expires": "x", "Refer-To": "r", "Referred-By": "b", "Event": "o", "Allow-Events": "u",
}

// compact is the request with short header names where they have one (RFC 3261 section 7.3.3); Content-Length is left to Append.
func (r *Request) compact() *Request {
	c := *r
	c.Headers = Headers{list: make([]Header, len(r.list))}
	for i, h := range r.list {
		if short, ok := shortForms[h.Name]; ok {
			h.Name = short
		}
		c.list[i] = h
	}
	return &c
}

func appendRest(b, dst []byte, h *Headers, body []byte) ([]byte, error) {
	for _, e := range h.list {
		if e.Name == "Content-Length" {
			continue
		}
		if !sip.IsToken(e.Name) || !clean(e.Value) {
			return dst, ErrInjection
		}
		b = append(append(b, e.Name...), ": "...)
		b = append(append(b, e.Value...), "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n\r\n"...)
	return append(b, body...), nil
}

// clean: no byte that could end or hide part of a line.
func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 {
			return false
		}
	}
	return true
}
