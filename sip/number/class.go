package number

import "strings"

// Class is what kind of number was dialled: limits and rights speak of it.
type Class string

// Classes. Internal is what begins like no number of the public network: an extension, an abbreviation or a feature code; whether there is
// one the plan cannot know. Invalid begins like a public number and is none: too short, too long, not assigned.
const (
	Emergency     Class = "emergency"
	Internal      Class = "internal"
	Service       Class = "service"       // 1XY, #7119, 0170, 0910: people of the network or of public welfare
	National      Class = "national"      // 0AB-J: a place
	Mobile        Class = "mobile"        // 060, 070, 080, 090
	IP            Class = "ip"            // 050
	TollFree      Class = "toll-free"     // 0120, 0800
	SharedCost    Class = "shared-cost"   // 0570, 0180: the caller pays, more than for a place
	Premium       Class = "premium"       // 0990, +979, +808
	Pager         Class = "pager"         // 0204
	Personal      Class = "personal"      // 0600
	Machine       Class = "machine"       // 020, 0200: no people
	Satellite     Class = "satellite"     // +870, +881: very expensive
	Network       Class = "network"       // +882, +883, +878: numbers of no country
	International Class = "international" // +, 010: another country
	Invalid       Class = "invalid"
)

// Info is what a plan knows of a number as it was dialled or received.
type Info struct {
	Number   string       // E.164 with + where it has that form; else cleaned, without 184, 186 and carrier selection
	E164     bool         // Number is E.164
	Class    Class        // never empty
	Code     string       // country calling code of what leaves the country: "1", "44"; the network's for Satellite and Network
	Country  string       // what the code stands for, ISO 3166 where one country has it, "NANP" for what the table does not split
	HighRisk bool         // a destination that revenue-share fraud prefers; a hint for limits, no judgement about a country
	Carrier  string       // carrier that was selected: "0033"
	Wish     Presentation // 184 or 186 was dialled
}

// Classify tells what was dialled. It never fails: what nobody knows is Internal or Invalid. Accepted are national and international
// forms with separators, +, %2B, 010, carrier selection before either, and 184 or 186 before anything.
func (p *Plan) Classify(dialled string) Info {
	if n, ok := p.Urgent(dialled); ok {
		return Info{Number: n, Class: Emergency}
	}
	n, wish := p.SplitPresentation(dialled)
	i := Info{Number: n, Wish: wish, Class: Internal}
	switch {
	case !Valid(n):
		i.Class = Invalid
		return i
	case p.IsSpecial(n):
		i.Class = Service
		return i
	case n[0] == '+':
		return p.abroad(i, n)
	}
	if rest, ok := p.afterInternational(n); ok {
		return p.abroad(i, "+"+rest)
	}
	if carrier, rest, ok := p.splitCarrier(n); ok {
		i.Carrier = carrier
		return p.afterCarrier(i, n, rest)
	}
	if p.Trunk != "" && strings.HasPrefix(n, p.Trunk) && Digits(n) {
		return p.inside(i, n)
	}
	return i
}

// afterCarrier: with carrier selection or, on some telephone systems, the 00 of other countries. What is no number of ours behind a
// carrier's prefix is taken for the second: a limit on calls abroad must not be passed by a prefix that nobody assigned.
func (p *Plan) afterCarrier(i Info, n, rest string) Info {
	if abroad, ok := p.afterInternational(rest); ok {
		return p.abroad(i, "+"+abroad)
	}
	if home := p.inside(i, rest); strings.HasPrefix(rest, p.Trunk) && Digits(rest) && home.Class != Invalid {
		return home
	}
	i.Carrier = ""
	return p.abroad(i, "+"+strings.TrimPrefix(n, "00"))
}

func (p *Plan) afterInternational(n string) (string, bool) {
	for _, prefix := range p.International {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			return rest, true
		}
	}
	return "", false
}

func (p *Plan) splitCarrier(n string) (carrier, rest string, ok bool) {
	for _, pattern := range p.Carriers {
		if len(n) > len(pattern) && matches(pattern, n[:len(pattern)]) {
			return n[:len(pattern)], n[len(pattern):], true
		}
	}
	return "", "", false
}

// inside classifies a national number with its trunk prefix.
func (p *Plan) inside(i Info, n string) Info {
	r, ok := p.find(n)
	if !ok || len(n) != r.Digits || r.Class == Invalid || p.international(n) { // +81 10... would leave the country if dialled
		i.Class, i.Number = Invalid, n
		return i
	}
	i.Class = r.Class
	i.Number, i.E164 = p.E164(n)
	return i
}

// abroad classifies a number with +.
func (p *Plan) abroad(i Info, n string) Info {
	e, ok := p.plus(n)
	if rest, home := strings.CutPrefix(n, "+"+p.Country); home {
		if !strings.HasPrefix(rest, p.Trunk) {
			rest = p.Trunk + rest
		}
		return p.inside(i, rest)
	}
	if !ok {
		i.Class, i.Number = Invalid, n
		return i
	}
	i.Number, i.E164, i.Class = e, true, International
	z, known := zoneOf(e[1:])
	if !known {
		i.Class, i.E164 = Invalid, false
		return i
	}
	i.Code, i.Country, i.HighRisk = z.code, z.country, z.risk
	if z.class != "" {
		i.Class = z.class
	}
	return i
}
