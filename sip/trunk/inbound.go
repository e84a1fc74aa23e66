package trunk

import (
	"strings"

	"naisen/sip"
	"naisen/sip/number"
	"naisen/sip/stack"
)

// Withheld is why a caller's number is not to be shown. The reasons are told apart since people and rejection rules do.
type Withheld string

const (
	NotWithheld         Withheld = ""
	WithheldByCaller    Withheld = "anonymous"   // 非通知
	WithheldUnavailable Withheld = "unavailable" // 表示圏外
	WithheldPayphone    Withheld = "payphone"    // 公衆電話
	WithheldService     Withheld = "service"     // サービス競合
)

// Display is what a telephone shows instead of a number, in Japanese ("ja", and by default) or English.
func (w Withheld) Display(language string) string {
	ja, en := "非通知", "Anonymous"
	switch w {
	case WithheldUnavailable:
		ja, en = "表示圏外", "Out of area"
	case WithheldPayphone:
		ja, en = "公衆電話", "Payphone"
	case WithheldService:
		ja, en = "サービス競合", "Service conflict"
	}
	if language == "en" {
		return en
	}
	return ja
}

// Caller is who calls, as the carrier says.
type Caller struct {
	Number   string   // E.164 where it has that form, else as received; may be known and yet Withheld: then it is never shown
	Display  string   // display name as received, empty when Withheld
	Withheld Withheld // why nothing may be shown
	Asserted bool     // the carrier vouches for the number
}

// CallerNumber reads the caller: P-Asserted-Identity of a trusted peer, else From (RFC 3325 section 9.1, RFC 3323).
func CallerNumber(h *stack.Headers, trusted bool, plan *number.Plan) Caller {
	from := h.From()
	c := Caller{Number: numberIn(from.URI), Display: from.Display}
	if trusted {
		ids, err := h.Addresses("P-Asserted-Identity")
		for i := 0; err == nil && i < len(ids) && i < 4; i++ {
			if n := numberIn(ids[i].URI); n != "" {
				c.Number, c.Asserted = n, true
				break
			}
		}
	}
	c.Withheld = withheld(from, h.All("Privacy"), c.Number == "")
	if c.Withheld != NotWithheld {
		c.Display = ""
	}
	c.Number, _ = plan.E164(c.Number)
	return c
}

// Caller reads the caller by what the profile says of the carrier.
func (p *Profile) Caller(h *stack.Headers) Caller { return CallerNumber(h, p.Trusted, p.Plan) }

// maxIdentities bounds what is read of a header that says who calls; RFC 3325 section 9.1 has two at most.
const maxIdentities = 4

// Mobile is whose mobile calls, in E.164, as the carrier says in a header of the given name, which no Privacy hides from us. False: it does not say, says what
// is no telephone number, or names several.
func (p *Profile) Mobile(h *stack.Headers, header string) (e164 string, ok bool) {
	all := []sip.Address{h.From()}
	if !strings.EqualFold(header, "from") {
		var err error
		if all, err = h.Addresses(header); err != nil || len(all) > maxIdentities {
			return "", false
		}
	}
	for _, a := range all {
		n, outside := p.Plan.E164(numberIn(a.URI))
		if !outside || e164 != "" && n != e164 {
			return "", false
		}
		e164 = n
	}
	return e164, e164 != ""
}

// Dialled is what was dialled at a telephone of ours behind the trunk, as it was: short numbers and codes too. False: nothing.
func (p *Profile) Dialled(req *stack.Request) (string, bool) { return CalledNumber(req, p.DIDFrom) }

// withheld reads Privacy (RFC 3323, RFC 3325) and the anonymous forms of From; the reason stands in the display name.
func withheld(from sip.Address, privacy []string, unknown bool) Withheld {
	anonymous := strings.EqualFold(from.URI.User, "anonymous") || strings.EqualFold(from.URI.Host, "anonymous.invalid") ||
		strings.EqualFold(from.URI.User, "unavailable")
	for _, line := range privacy {
		for _, v := range strings.Split(line, ";") {
			switch strings.ToLower(strings.TrimSpace(v)) {
			case "id", "user", "header", "session":
				anonymous = true
			}
		}
	}
	name := strings.ToLower(strings.TrimSpace(from.Display))
	reason := map[string]Withheld{
		"anonymous": WithheldByCaller, "unavailable": WithheldUnavailable, "coin line/payphone": WithheldPayphone,
		"coin line": WithheldPayphone, "payphone": WithheldPayphone, "interaction with other service": WithheldService,
	}[name]
	switch {
	case reason != NotWithheld && (anonymous || unknown):
		return reason
	case strings.EqualFold(from.URI.User, "unavailable"):
		return WithheldUnavailable
	case anonymous:
		return WithheldByCaller
	case unknown:
		return WithheldUnavailable
	}
	return NotWithheld
}

// CalledNumber finds the called number in the given order of places, cleaned but not converted. False when no place holds a number.
func CalledNumber(req *stack.Request, order []Place) (string, bool) {
	for _, place := range order {
		n := ""
		switch place {
		case PlaceCalledParty:
			if as, err := req.Addresses("P-Called-Party-ID"); err == nil && len(as) == 1 {
				n = numberIn(as[0].URI)
			}
		case PlaceRequestURI:
			n = numberIn(req.URI)
		case PlaceTo:
			n = numberIn(req.To().URI)
		}
		if n != "" {
			return n, true
		}
	}
	return "", false
}

// Called is the called number of an inbound INVITE, in E.164 where it has that form.
func (p *Profile) Called(req *stack.Request) (string, bool) {
	n, ok := CalledNumber(req, p.DIDFrom)
	if !ok {
		return "", false
	}
	n, _ = p.Plan.E164(n)
	return n, true
}

// numberIn gives the telephone number in a tel URI or in the user part of a SIP URI, "" when it holds none (RFC 3966, RFC 3261 section
// 19.1.6). A phone-context that is a country code is put in front.
func numberIn(u sip.URI) string {
	user, rest, _ := strings.Cut(u.User, ";")
	context, _ := u.Params.Get("phone-context")
	for _, p := range strings.Split(rest, ";") {
		if name, v, _ := strings.Cut(p, "="); strings.EqualFold(name, "phone-context") {
			context = v
		}
	}
	n := number.Clean(user)
	if !number.Valid(n) {
		return ""
	}
	if n[0] != '+' && number.Digits(n) && len(context) > 1 && context[0] == '+' && number.Valid(context) {
		return context + n
	}
	return n
}
