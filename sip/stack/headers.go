package stack

import (
	"strconv"
	"strings"

	"naisen/sip"
)

// compactForms of RFC 3261 section 7.3.3 and of the registry (RFC 3515, 3841, 3892, 4028, 4474, 6665).
var compactForms = map[string]string{
	"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding", "f": "From",
	"i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event",
	"r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}

// irregular names: those whose canonical spelling is not capital letters after hyphens.
var irregular = map[string]string{
	"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "mime-version": "MIME-Version", "rseq": "RSeq",
	"rack": "RAck", "sip-etag": "SIP-ETag", "sip-if-match": "SIP-If-Match", "min-se": "Min-SE",
	"p-called-party-id": "P-Called-Party-ID", "p-access-network-info": "P-Access-Network-Info", "history-info": "History-Info",
}

// wholeLine are headers whose commas do not separate elements (RFC 3261 section 7.3.1 and free text).
var wholeLine = map[string]bool{
	"WWW-Authenticate": true, "Authorization": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Authentication-Info": true,
	"Proxy-Authentication-Info": true, "Date": true, "Subject": true, "Organization": true, "Server": true, "User-Agent": true,
	"Retry-After": true, "From": true, "To": true, "Call-ID": true, "CSeq": true, "Identity": true,
}

// canonical are the names met in nearly every message, so that expanding them allocates nothing.
var canonical = func() map[string]string {
	m := make(map[string]string)
	for _, n := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length", "Content-Type", "Route",
		"Record-Route", "User-Agent", "Server", "Allow", "Supported", "Require", "Proxy-Require", "Expires", "Min-Expires", "Authorization",
		"Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Accept", "Session-Expires", "Min-SE", "Event", "Subject",
		"P-Asserted-Identity", "P-Preferred-Identity", "Privacy", "Reason", "Path", "Date", "Refer-To", "Referred-By", "Replaces",
		"Unsupported", "RSeq", "RAck", "Allow-Events", "Subscription-State", "Diversion", "History-Info", "Retry-After", "Warning"} {
		m[n], m[strings.ToLower(n)], m[strings.ToUpper(n)] = n, n, n
	}
	return m
}()

// CanonicalName expands a compact form and gives the usual spelling of a header name, whatever its case.
func CanonicalName(name string) string {
	if n, ok := canonical[name]; ok {
		return n
	}
	lower := strings.ToLower(name)
	if n, ok := compactForms[lower]; ok {
		return n
	}
	if n, ok := irregular[lower]; ok {
		return n
	}
	if n, ok := canonical[lower]; ok {
		return n
	}
	b := []byte(lower)
	for i := range b {
		if (i == 0 || b[i-1] == '-') && b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// Get returns the first field line with that name, or "".
func (h *Headers) Get(name string) string {
	for i := range h.list { // nearly always asked for by its canonical name, which to look up costs more than this
		if h.list[i].Name == name {
			return h.list[i].Value
		}
	}
	canonical := CanonicalName(name)
	if canonical == name {
		return ""
	}
	for i := range h.list {
		if h.list[i].Name == canonical {
			return h.list[i].Value
		}
	}
	return ""
}

// Has tells whether a field with that name is there, even if empty.
func (h *Headers) Has(name string) bool { return h.count(CanonicalName(name)) > 0 }

func (h *Headers) count(name string) (n int) {
	for i := range h.list {
		if h.list[i].Name == name {
			n++
		}
	}
	return n
}

// Lines returns the field lines with that name as they are, in order.
func (h *Headers) Lines(name string) []string {
	name = CanonicalName(name)
	var out []string
	for i := range h.list {
		if h.list[i].Name == name {
			out = append(out, h.list[i].Value)
		}
	}
	return out
}

// All returns the elements of a list header in order over all its lines, cut at commas outside quotes and angle brackets.
// Headers whose commas mean something else (credentials, challenges, dates, free text) come back one element per line.
func (h *Headers) All(name string) []string {
	name = CanonicalName(name)
	if wholeLine[name] {
		return h.Lines(name)
	}
	var out []string
	for i := range h.list {
		if h.list[i].Name == name {
			out = append(out, sip.SplitList(h.list[i].Value)...)
		}
	}
	return out
}

// Add appends a field line.
func (h *Headers) Add(name, value string) {
	h.list = append(h.list, Header{CanonicalName(name), value})
}

// Prepend puts a field line before all others with that name, as a Via or Record-Route is put on top.
func (h *Headers) Prepend(name, value string) {
	h.list = append(h.list, Header{})
	copy(h.list[1:], h.list)
	h.list[0] = Header{CanonicalName(name), value}
}

// Set replaces all lines with that name by one, in the place of the first.
func (h *Headers) Set(name, value string) {
	name = CanonicalName(name)
	kept, done := h.list[:0], false
	for _, e := range h.list {
		if e.Name == name {
			if done {
				continue
			}
			e.Value, done = value, true
		}
		kept = append(kept, e)
	}
	if h.list = kept; !done {
		h.list = append(h.list, Header{name, value})
	}
}

// Del removes all lines with that name.
func (h *Headers) Del(name string) {
	name = CanonicalName(name)
	kept := h.list[:0]
	for _, e := range h.list {
		if e.Name != name {
			kept = append(kept, e)
		}
	}
	h.list = kept
}

// Each calls f for every field line in message order until f returns false.
func (h *Headers) Each(f func(Header) bool) {
	for _, e := range h.list {
		if !f(e) {
			return
		}
	}
}

// Len is the number of field lines.
func (h *Headers) Len() int { return len(h.list) }

func (h *Headers) clone() Headers {
	return Headers{list: append([]Header(nil), h.list...), read: h.read}
}

// From is the parsed From; zero when missing or malformed, which no inbound message in a handler is.
func (h *Headers) From() sip.Address { return h.address("From") }

// To is the parsed To, likewise.
func (h *Headers) To() sip.Address { return h.address("To") }

func (h *Headers) address(name string) sip.Address {
	text := h.Get(name)
	if r := h.read; r != nil {
		switch {
		case name == "From" && text == r.fromText:
			return r.from
		case name == "To" && text == r.toText:
			return r.to
		}
	}
	a, err := sip.ParseAddress(text)
	if err != nil {
		return sip.Address{}
	}
	return a
}

// SetFrom, SetTo and SetContact write an address.
func (h *Headers) SetFrom(a sip.Address)    { h.Set("From", a.String()) }
func (h *Headers) SetTo(a sip.Address)      { h.Set("To", a.String()) }
func (h *Headers) SetContact(a sip.Address) { h.Set("Contact", a.String()) }

// CallID is the Call-ID.
func (h *Headers) CallID() string { return h.Get("Call-ID") }

// CSeq is the sequence number and its method; (0, "") when missing or malformed.
func (h *Headers) CSeq() (uint32, string) {
	n, m, ok := parseCSeq(h.Get("CSeq"))
	if !ok {
		return 0, ""
	}
	return n, m
}

// parseCSeq: 1*DIGIT LWS Method, below 2^31 (RFC 3261 section 8.1.1.5).
func parseCSeq(v string) (uint32, string, bool) {
	i := strings.IndexAny(v, " \t")
	if i < 1 {
		return 0, "", false
	}
	n, ok := digits(v[:i], 1<<31-1)
	m := strings.Trim(v[i:], " \t")
	return uint32(n), m, ok && sip.IsToken(m)
}

// digits parses 1*DIGIT up to limit: no sign, no blanks.
func digits(s string, limit uint64) (uint64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= limit
}

// Contacts are all Contact elements. A "*" gives an Address that is Wildcard. Any malformed element makes an error.
func (h *Headers) Contacts() ([]sip.Address, error) { return h.addresses("Contact") }

// Routes and RecordRoutes are those headers' elements in order; a malformed one makes an error.
func (h *Headers) Routes() ([]sip.Address, error)       { return h.addresses("Route") }
func (h *Headers) RecordRoutes() ([]sip.Address, error) { return h.addresses("Record-Route") }

// Addresses parses any other header that lists addresses, as P-Asserted-Identity, Path and Diversion do.
func (h *Headers) Addresses(name string) ([]sip.Address, error) { return h.addresses(name) }

func (h *Headers) addresses(name string) ([]sip.Address, error) {
	name = CanonicalName(name)
	var out []sip.Address
	for i := range h.list {
		if h.list[i].Name != name {
			continue
		}
		as, err := sip.ParseAddresses(h.list[i].Value)
		if err != nil {
			return nil, err
		}
		out = append(out, as...)
	}
	return out, nil
}

// MaxForwards is that header; 70 when missing.
func (h *Headers) MaxForwards() int {
	if n, ok := digits(h.Get("Max-Forwards"), 255); ok {
		return int(n)
	}
	return 70
}

// Expires is that header in seconds and whether it is there and sane. Values above 2^32-1 are cut to it.
func (h *Headers) Expires() (int, bool) {
	v := h.Get("Expires")
	if n, ok := digits(v, 1<<32-1); ok {
		return int(n), true
	}
	if len(v) > 9 && len(v) < 64 && strings.Trim(v, "0123456789") == "" {
		return 1<<32 - 1, true
	}
	return 0, false
}

// Supported, Require and ProxyRequire are option tags in lower case (RFC 3261 section 19.2).
func (h *Headers) Supported() []string    { return h.options("Supported") }
func (h *Headers) Require() []string      { return h.options("Require") }
func (h *Headers) ProxyRequire() []string { return h.options("Proxy-Require") }

func (h *Headers) options(name string) []string {
	out := h.All(name)
	for i := range out {
		out[i] = strings.ToLower(out[i])
	}
	return out
}
