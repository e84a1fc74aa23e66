package stack

import (
	"crypto/sha256"
	"encoding/hex"

	"naisen/sip"
)

// Header is one header field line: canonical long name, and its value without CR or LF.
type Header struct{ Name, Value string }

// Headers keeps fields in message order. Names are canonical ("Via", "Call-ID", "CSeq", "WWW-Authenticate"), compact forms expanded on entry.
type Headers struct {
	list []Header
	read *reading // nil on a message that we made
}

// reading is what the parser of an inbound message has found, so that nobody reads it again. Each is good as long as the field's line is the
// text from which it was read. It is not written once the message has left the receiving side.
type reading struct {
	fromText, toText, viaText string
	from, to                  sip.Address
	via                       Via // the first
}

// Request is a SIP request. On an inbound one the fields From..CSeq are parsed and validated before any handler sees it.
type Request struct {
	Method string
	URI    sip.URI
	Headers
	Body []byte
	Flow *Flow // where it came from; nil on one that we made

	size     int    // inbound: octets
	localTag string // inbound: the To tag that our responses to it carry

	transactionID, sentByID string // inbound: of its top Via; see transaction
}

// Response is a SIP response.
type Response struct {
	Status int
	Reason string
	Headers
	Body []byte
	Flow *Flow
}

// NewRequest makes an empty request. Via, Max-Forwards and Content-Length are added when it is sent.
func NewRequest(method string, uri sip.URI) *Request {
	return &Request{Method: method, URI: uri, Headers: Headers{list: make([]Header, 0, 16)}}
}

// NewResponse makes a response to req (RFC 3261 section 8.2.6): Via, From, To, Call-ID and CSeq are copied, Timestamp for a 100, and a
// To tag is added when there is none and status is above 100. That tag is the same for all responses of one transaction, and also
// for the CANCEL of an INVITE. An empty reason takes the usual phrase.
func NewResponse(req *Request, status int, reason string) *Response {
	if reason == "" {
		reason = sip.StatusText(status)
	}
	r := &Response{Status: status, Reason: reason, Headers: Headers{list: make([]Header, 0, 12)}, Flow: req.Flow}
	for _, h := range req.list {
		switch h.Name {
		case "Via", "From", "Call-ID", "CSeq":
			r.list = append(r.list, h)
		case "Timestamp":
			if status == 100 {
				r.list = append(r.list, h)
			}
		case "To":
			if status > 100 {
				h.Value = withTag(h.Value, req.To(), req.tagForUs())
			}
			r.list = append(r.list, h)
		}
	}
	return r
}

// withTag adds a tag to a To value that has none, as which a was read; a malformed one is echoed as it came.
func withTag(value string, a sip.Address, tag string) string {
	if a.URI.Scheme == "" || a.Tag() != "" {
		return value
	}
	return value + ";tag=" + tag
}

// LocalTag is the To tag with which our responses to this request are sent: the one it carries, else the one NewResponse adds.
func (r *Request) LocalTag() string {
	if t := r.To().Tag(); t != "" {
		return t
	}
	return r.tagForUs()
}

func (r *Request) tagForUs() string {
	if r.localTag == "" { // not received by a Stack, which sets a keyed one
		v, _ := r.topVia()
		sum := sha256.Sum256([]byte(v.Branch() + "\x00" + r.CallID() + "\x00" + r.From().Tag()))
		r.localTag = hex.EncodeToString(sum[:8])
	}
	return r.localTag
}

// Clone shares nothing mutable with r but the Flow.
func (r *Request) Clone() *Request {
	c := *r
	c.Headers, c.Body = r.clone(), append([]byte(nil), r.Body...)
	return &c
}

// Clone shares nothing mutable with r but the Flow.
func (r *Response) Clone() *Response {
	c := *r
	c.Headers, c.Body = r.clone(), append([]byte(nil), r.Body...)
	return &c
}

// SetBody sets the body and its Content-Type; an empty type and body remove both.
func (r *Request) SetBody(contentType string, body []byte) {
	r.Body = body
	setContentType(&r.Headers, contentType)
}

// SetBody sets the body and its Content-Type; an empty type and body remove both.
func (r *Response) SetBody(contentType string, body []byte) {
	r.Body = body
	setContentType(&r.Headers, contentType)
}

func setContentType(h *Headers, contentType string) {
	if contentType == "" {
		h.Del("Content-Type")
		return
	}
	h.Set("Content-Type", contentType)
}
