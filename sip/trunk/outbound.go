package trunk

import (
	"naisen/sip"
	"naisen/sip/number"
	"naisen/sip/stack"
)

// Call is an outbound call in the switch's own terms.
type Call struct {
	Called  string              // number after Strip and SplitPresentation
	Caller  string              // number that the caller may present; empty: the trunk's CallerID
	Display string              // display name; empty: none
	Wish    number.Presentation // of the caller
}

// Wire is the same call in the carrier's terms.
type Wire struct {
	URI      sip.URI
	To, From sip.Address // without tags
	Headers  []stack.Header
}

// anonymous is RFC 3323 section 4.1.1.3, as Japanese carriers want it.
var anonymous = sip.Address{Display: "Anonymous", URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}

// Write makes the addresses and identity headers of an outbound INVITE (RFC 3325, RFC 3323). A withheld number goes out only as
// identity, with Privacy: id, and only to a carrier that was configured for it. To an emergency number nothing is withheld.
func (p *Profile) Write(c Call) Wire {
	if p.Plan.IsEmergency(c.Called) {
		c.Wish = number.PresentDefault
	}
	caller := c.Caller
	if caller == "" {
		caller = p.CallerID
	}
	port := p.Port
	if port == defaultPort(p.Transport) {
		port = 0
	}
	w := Wire{URI: p.uri(c.Called, p.Host, port), To: sip.Address{URI: p.uri(c.Called, p.Host, 0)}}
	me := sip.Address{Display: c.Display, URI: p.uri(caller, p.FromHost, 0)}
	w.From = me
	if caller == "" {
		w.From, me = anonymous, sip.Address{}
	}
	if c.Wish == number.PresentWithheld {
		w.From = anonymous
		w.Headers = append(w.Headers, stack.Header{Name: "Privacy", Value: "id"})
	} else if c.Wish == number.PresentShown && caller != "" {
		w.Headers = append(w.Headers, stack.Header{Name: "Privacy", Value: "none"})
	}
	if me.URI.IsZero() {
		return w
	}
	me.Display = ""
	switch p.Identity {
	case IdentityAsserted:
		w.Headers = append(w.Headers, stack.Header{Name: "P-Asserted-Identity", Value: me.String()})
	case IdentityPreferred:
		w.Headers = append(w.Headers, stack.Header{Name: "P-Preferred-Identity", Value: me.String()})
	}
	return w
}

func (p *Profile) uri(n, host string, port int) sip.URI {
	u := sip.URI{Scheme: "sip", User: p.Plan.Write(n, p.Format), Host: host, Port: port}
	if p.UserPhone && n != "" {
		u.Params = sip.Params{{Name: "user", Value: "phone"}}
	}
	return u
}
