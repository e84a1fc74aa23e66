package trunk

import "naisen/sip"

// ConnectedTo is whom the carrier's side is told that it talks with (RFC 4916). number is what the outside knows that party by, empty when it is
// an extension without a number of its own: then the line's own is named. False: the carrier is told nothing.
func (p *Profile) ConnectedTo(number, display string, withheld bool) (who sip.Address, ok bool) {
	switch {
	case !p.Connected:
		return sip.Address{}, false
	case withheld:
		return anonymous, true
	case p.Internal && number != "":
	case !p.may(number):
		number, display = p.CallerID, ""
	}
	if number == "" {
		return sip.Address{}, false
	}
	if !p.CallerName {
		display = ""
	}
	return sip.Address{Display: display, URI: p.uri(number, p.FromHost, 0)}, true
}

// Asserted is whom the carrier says that its side is now. False: it is not believed, or names no number (RFC 3325 section 9.1).
func (p *Profile) Asserted(ids []sip.Address, private bool) (c Caller, ok bool) {
	if !p.Trusted {
		return Caller{}, false
	}
	if private {
		return Caller{Withheld: WithheldByCaller}, true
	}
	for _, id := range ids {
		if n := numberIn(id.URI); n != "" {
			n, _ = p.Plan.E164(n)
			return Caller{Number: n, Display: id.Display, Asserted: true}, true
		}
	}
	return Caller{}, false
}
