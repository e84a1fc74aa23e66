package trunk

import (
	"naisen/sip"
	"naisen/sip/number"
	"naisen/sip/stack"
)

// Call is an outbound call in the switch's own terms.
type Call struct {
	Called    string              // number after the trunk's Strip; 184 and 186 may stand before it
	Caller    string              // number that the caller may present; empty: the trunk's CallerID
	Display   string              // display name; empty: none
	Wish      number.Presentation // of the caller; one that was dialled before the number wins
	Diverter  string              // number of ours that forwarded the call; empty: nobody did
	Reason    string              // why it forwarded, as RFC 5806 names it: "unconditional", "no-answer", "user-busy"; empty: "unknown"
	Emergency bool                // Caller is the site's number: it is shown and asserted, whatever was dialled and contracted
}

// Wire is the same call in the carrier's terms.
type Wire struct {
	URI      sip.URI
	To, From sip.Address // without tags
	Headers  []stack.Header
	Withheld bool // the called side is not shown the caller
}

// anonymous is RFC 3323 section 4.1.1.3, as Japanese carriers want it.
var anonymous = sip.Address{Display: "Anonymous", URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}

// Write makes the addresses and identity headers of an outbound INVITE at the profile's first point (RFC 3325, RFC 3323). What goes out is
// this list and nothing that a caller sent. A withheld number goes out only as identity, with Privacy: id, and only to a carrier that was
// configured for it. To an emergency number nothing is withheld.
func (p *Profile) Write(c Call) Wire { return p.WriteTo(p.Point, c) }

// WriteTo is Write for another of its points.
func (p *Profile) WriteTo(at Point, c Call) Wire {
	if n, ok := p.Plan.Urgent(c.Called); ok {
		c.Called, c.Wish = n, number.PresentDefault
	} else if n, wish := p.Plan.SplitPresentation(c.Called); wish != number.PresentDefault {
		c.Called, c.Wish = n, wish
	}
	port := at.Port
	if port == defaultPort(p.Transport) {
		port = 0
	}
	w := Wire{URI: p.uri(c.Called, at.Host, port), To: sip.Address{URI: p.uri(c.Called, at.Host, 0)}}
	own, shown := p.callers(c)
	w.From = anonymous
	if shown != "" && c.Wish != number.PresentWithheld {
		if !p.CallerName {
			c.Display = ""
		}
		w.From = sip.Address{Display: c.Display, URI: p.caller(shown)}
	}
	switch {
	case c.Wish == number.PresentWithheld, shown == "": // RFC 3325 section 9.3: an anonymous From alone asks nobody for privacy
		w.Withheld = true
		w.add("Privacy", "id")
	case c.Wish == number.PresentShown:
		w.add("Privacy", "none")
	}
	if own != "" {
		me := sip.Address{URI: p.caller(own)}.String()
		switch p.Identity {
		case IdentityAsserted:
			w.add("P-Asserted-Identity", me)
		case IdentityPreferred:
			w.add("P-Preferred-Identity", me)
		}
	}
	p.divert(&w, c)
	return w
}

// callers are the number of ours that the carrier knows, and the one that is shown.
func (p *Profile) callers(c Call) (own, shown string) {
	own, shown = c.Caller, c.Caller
	if c.Emergency {
		return own, shown
	}
	if c.Diverter != "" { // the caller is somebody else
		own = c.Diverter
	}
	if !p.may(own) {
		own = p.CallerID
	}
	if _, outside := p.Plan.E164(c.Caller); c.Diverter == "" || !p.ForwardedCaller || !outside { // an extension is no number of the outside
		shown = own
	}
	return own, shown
}

// may: the carrier would refuse or replace a number outside the contracted ranges (caller-ID screening).
func (p *Profile) may(n string) bool {
	if n == "" {
		return false
	}
	e, ok := p.Plan.E164(n)
	return len(p.CallerRanges) == 0 || ok && within(p.CallerRanges, e)
}

// within tells whether a number fits one of the patterns; X is any digit.
func within(patterns []string, n string) bool {
	for _, pattern := range patterns {
		if len(pattern) != len(n) {
			continue
		}
		fits := true
		for i := range len(n) {
			digit := n[i] >= '0' && n[i] <= '9'
			fits = fits && (pattern[i] == n[i] || pattern[i] == 'X' && digit)
		}
		if fits {
			return true
		}
	}
	return false
}

func (w *Wire) add(name, value string) {
	w.Headers = append(w.Headers, stack.Header{Name: name, Value: value})
}

// divert says that a number of ours forwarded the call (RFC 5806 section 3, RFC 7044 section 7). A diverting number that is not contracted is
// nobody's business.
func (p *Profile) divert(w *Wire, c Call) {
	if c.Diverter == "" || !p.may(c.Diverter) || p.Divert == DivertNone {
		return
	}
	by := p.uri(c.Diverter, p.FromHost, 0)
	reason := c.Reason
	if !sip.IsToken(reason) {
		reason = "unknown"
	}
	if p.Divert == DivertDiversion || p.Divert == DivertBoth {
		w.add("Diversion", sip.Address{URI: by}.WithParam("reason", reason).WithParam("counter", "1").String())
	}
	if p.Divert == DivertHistory || p.Divert == DivertBoth {
		why := by
		why.Headers = sip.Params{{Name: "reason", Value: "SIP;cause=302"}}
		w.add("History-Info", sip.Address{URI: why}.WithParam("index", "1").String())
		w.add("History-Info", sip.Address{URI: w.URI}.WithParam("index", "1.1").WithParam("mp", "1").String())
	}
}

// caller is the address of who calls. An extension is no telephone number without a context (RFC 3966 section 5.1.4), so nothing says that it is one.
func (p *Profile) caller(n string) sip.URI {
	u := p.uri(n, p.FromHost, 0)
	if _, outside := p.Plan.E164(n); !outside {
		u.Params = nil
	}
	return u
}

func (p *Profile) uri(n, host string, port int) sip.URI {
	u := sip.URI{Scheme: "sip", User: p.Plan.Write(n, p.Format), Host: host, Port: port}
	if p.UserPhone && n != "" {
		u.Params = sip.Params{{Name: "user", Value: "phone"}}
	}
	return u
}
