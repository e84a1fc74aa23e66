package registrar

import (
	"math"
	"strconv"
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

// Bounds of what one REGISTER may make us keep.
const (
	maxContactBytes  = 1024
	maxInstanceBytes = 256
	maxPathBytes     = 1024
	maxPaths         = 8
	maxCallIDBytes   = 256
	maxAgentBytes    = 128
	maxProofBytes    = 192
)

// wish is what a REGISTER asks for one contact.
type wish struct {
	uri      sip.URI
	text     string
	key      string // instance and reg-id, or the URI; see keys
	instance string
	regID    int
	q        float64
	expires  int // seconds, 0 removes
	sleeps   sleep
	features []string // what a push service can do for it
}

// refusal is a final response other than 200.
type refusal struct {
	status       int
	reason       string
	name, header string // one extra header field
}

// wishes reads the Contact fields. all is true for "Contact: *" (RFC 3261 section 10.2.2).
func (r *Registrar) wishes(req *stack.Request) (list []wish, all bool, no *refusal) {
	elements := req.All("Contact")
	for _, e := range elements {
		if e != "*" {
			continue
		}
		if n, ok := req.Expires(); len(elements) != 1 || !ok || n != 0 {
			return nil, false, &refusal{status: 400, reason: "Contact * Needs Expires 0 And No Other Contact"}
		}
		return nil, true, nil
	}
	for _, e := range elements {
		w, no := r.wish(req, e)
		if no != nil {
			return nil, false, no
		}
		list = append(list, w)
	}
	return list, false, nil
}

func (r *Registrar) wish(req *stack.Request, element string) (wish, *refusal) {
	bad := func(reason string) (wish, *refusal) { return wish{}, &refusal{status: 400, reason: reason} }
	if len(element) > maxContactBytes {
		return bad("Contact Too Long")
	}
	element = strings.Clone(element) // the rest of the message must not live as long as the binding
	a, err := sip.ParseAddress(element)
	if err != nil || a.URI.Scheme != "sip" && a.URI.Scheme != "sips" || a.URI.Host == "" || len(a.URI.Headers) > 0 {
		return bad("Malformed Contact")
	}
	if IsGRUU(a.URI) { // RFC 5627 section 5.1: a request to it would come back to us
		return wish{}, &refusal{status: 403, reason: "Contact Is A GRUU"}
	}
	w := wish{uri: a.URI, text: contactText(element, a), q: 1, expires: r.cfg.Default}
	if w.instance, _ = a.Params.Get("+sip.instance"); len(w.instance) > maxInstanceBytes {
		return bad("Instance Too Long")
	}
	if v, ok := a.Params.Get("reg-id"); ok && w.instance != "" { // RFC 5626 section 6: without an instance reg-id means nothing
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > math.MaxInt32 {
			return bad("Malformed reg-id")
		}
		w.regID = n
	}
	if v, ok := a.Params.Get("q"); ok {
		if w.q, err = strconv.ParseFloat(v, 64); err != nil || !(w.q >= 0 && w.q <= 1) || len(v) > 5 {
			return bad("Malformed q")
		}
	}
	if n, ok := req.Expires(); ok {
		w.expires = n
	}
	if v, ok := a.Params.Get("expires"); ok {
		w.expires = seconds(v, r.cfg.Default)
	}
	if w.expires > 0 && w.expires < r.cfg.MinExpires {
		return wish{}, &refusal{423, "", "Min-Expires", strconv.Itoa(r.cfg.MinExpires)}
	}
	if no := r.pushWish(&w, a); no != nil {
		return wish{}, no
	}
	w.expires = min(w.expires, r.mostExpires(w))
	return w, nil
}

// seconds reads delta-seconds; a malformed value means the default (RFC 3261 section 20.10 and 20.19).
func seconds(v string, otherwise int) int {
	if v == "" || strings.Trim(v, "0123456789") != "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		return math.MaxInt32
	}
	return int(min(n, math.MaxInt32))
}

// contactText is the contact as it was sent, for the 200: phones look for their own URI as text. Parameters that we answer ourselves
// are left out, those of RFC 5627 too, which a phone may echo. element has passed sip.ParseAddress.
func contactText(element string, a sip.Address) string {
	uri := element[displayLen(element):]
	if i := strings.IndexByte(uri, '<'); i >= 0 {
		uri, _, _ = strings.Cut(uri[i+1:], ">")
	} else {
		uri, _, _ = strings.Cut(uri, ";")
	}
	return "<" + strings.TrimSpace(uri) + ">" + a.Params.Without("expires").Without("q").Without("pub-gruu").Without("temp-gruu").String()
}

// displayLen is the length of a quoted display name at the start of s: it may hold any of the characters looked for behind it.
func displayLen(s string) int {
	if !strings.HasPrefix(s, `"`) {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// keys names each wish inside its AOR. One instance twice with the same reg-id is an error (RFC 5626 section 6); without reg-id it is
// a device with several contacts, told apart by URI.
func keys(list []wish) *refusal {
	seen := make(map[string]int)
	for i := range list {
		w := &list[i]
		if w.key = uriKey(w.uri); w.instance != "" {
			w.key = "instance:" + w.instance + ";" + strconv.Itoa(w.regID)
		}
		seen[w.key]++
	}
	for i := range list {
		w := &list[i]
		if seen[w.key] < 2 {
			continue
		}
		if w.instance == "" || w.regID > 0 {
			return &refusal{status: 400, reason: "Contact Twice"}
		}
		w.key, w.instance = uriKey(w.uri), ""
		if seen[w.key]++; seen[w.key] > 1 {
			return &refusal{status: 400, reason: "Contact Twice"}
		}
	}
	return nil
}

// uriKey: parameters that the comparison of RFC 3261 section 19.1.4 demands on both sides, so that equal keys mean equal URIs for all
// but parameters that a phone adds or drops between two REGISTERs.
func uriKey(u sip.URI) string {
	key := sip.URI{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
	for _, name := range []string{"user", "ttl", "method", "maddr", "transport"} {
		if v, ok := u.Params.Get(name); ok {
			key.Params = key.Params.With(name, strings.ToLower(v))
		}
	}
	return key.String()
}

// paths reads the Path fields, topmost first (RFC 3327 section 5.3).
func paths(req *stack.Request) ([]sip.Address, *refusal) {
	list, err := req.Addresses("Path")
	if err != nil {
		return nil, &refusal{status: 400, reason: "Malformed Path"}
	}
	if len(list) > maxPaths {
		return nil, &refusal{status: 400, reason: "Too Many Path Values"}
	}
	size := 0
	for _, p := range req.Lines("Path") {
		size += len(p)
	}
	if size > maxPathBytes {
		return nil, &refusal{status: 400, reason: "Path Too Long"}
	}
	return list, nil
}
