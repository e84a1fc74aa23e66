package stack

import (
	"errors"
	"strings"

	"naisen/sip"
)

// single are the headers that a message has exactly once (RFC 3261 section 20 table 2; section 8.1.1).
var single = [...]string{"From", "To", "Call-ID", "CSeq"}

// atMostOnce would be ambiguous if repeated; a second one is how requests are smuggled past a check.
var atMostOnce = [...]string{"Max-Forwards", "Expires", "Content-Type", "Refer-To", "Replaces", "Session-Expires", "Min-SE", "RAck", "Event"}

// validate is the one gate before any handler (RFC 3261 section 8.2, RFC 4475).
func validate(r *Request) error {
	for _, name := range single {
		if r.count(name) != 1 {
			return malformed(400, name+" missing or repeated")
		}
	}
	for _, name := range atMostOnce {
		if r.count(name) > 1 {
			return malformed(400, name+" repeated")
		}
	}
	if err := validateIdentity(&r.Headers, r.Method); err != nil {
		return err
	}
	if r.From().Tag() == "" {
		return malformed(400, "From without tag")
	}
	if err := validateVia(&r.Headers); err != nil {
		return err
	}
	if v := r.Get("Max-Forwards"); r.Has("Max-Forwards") {
		if _, ok := digits(v, 255); !ok {
			return malformed(400, "Max-Forwards")
		}
	}
	for _, name := range [...]string{"Contact", "Route", "Record-Route"} {
		// An unknown scheme in a Contact is the registrar's to judge; broken syntax is nobody's.
		if _, err := r.addresses(name); err != nil && !errors.Is(err, sip.ErrScheme) {
			return malformed(400, name)
		}
	}
	if e := r.Get("Content-Encoding"); len(r.Body) > 0 && e != "" && !strings.EqualFold(e, "identity") {
		return malformed(415, "Content-Encoding")
	}
	return nil
}

func validateIdentity(h *Headers, method string) error {
	if id := h.Get("Call-ID"); len(id) > maxIdentifier || strings.ContainsAny(id, " \t,;") || id == "" {
		return malformed(400, "Call-ID")
	}
	if _, m, ok := parseCSeq(h.Get("CSeq")); !ok || method != "" && m != method {
		return malformed(400, "CSeq")
	}
	h.read = &reading{}
	for _, field := range [...]struct {
		name string
		text *string
		to   *sip.Address
	}{{"From", &h.read.fromText, &h.read.from}, {"To", &h.read.toText, &h.read.to}} {
		text := h.Get(field.name)
		a, err := sip.ParseAddress(text)
		if err != nil || a.Wildcard() || len(a.Tag()) > maxIdentifier {
			return malformed(400, field.name)
		}
		*field.text, *field.to = text, a
	}
	return nil
}

func validateVia(h *Headers) error {
	vias, err := h.Vias()
	if err != nil || len(vias) == 0 {
		return malformed(400, "Via")
	}
	text := h.Get("Via")
	if len(sip.SplitList(text)) == 0 { // the first of them is in another line, and topVia looks in this one
		return malformed(400, "Via")
	}
	h.read.viaText, h.read.via = text, vias[0]
	if len(vias) > maxVias {
		return malformed(513, "too many Vias")
	}
	if b := vias[0].Branch(); len(b) > maxIdentifier || strings.EqualFold(b, magicCookie) { // the cookie alone: RFC 4475 section 3.2
		return malformed(400, "Via branch")
	}
	return nil
}

// validateResponse: a response that fails is dropped, never answered.
func validateResponse(r *Response) error {
	for _, name := range single {
		if r.count(name) != 1 {
			return malformed(0, name+" missing or repeated")
		}
	}
	return validateIdentity(&r.Headers, "")
}
