package trunk

import "strings"

// Plan is a numbering plan as data.
type Plan struct {
	Country       string   // country code without +
	Trunk         string   // prefix of national numbers, dropped in E.164
	International []string // prefixes of international dialling, the first one is written
	Emergency     []string // exact
	Special       []string // patterns of numbers that stand alone, X is any digit: never prefixed, never converted
	NationalOnly  []string // prefixes of numbers that exist only inside the country, trunk prefix included
	Lengths       []Length // lengths of national numbers, trunk prefix included; the longest prefix that fits decides
}

// Length says how long numbers with a prefix are.
type Length struct {
	Prefix string
	Digits int
}

// Japan is the plan of the Telecommunications Numbering Regulations: 0AB-J with 10 digits, 0A0 with 11.
var Japan = Plan{
	Country: "81", Trunk: "0", International: []string{"010"},
	Emergency: []string{"110", "118", "119"},
	Special:   []string{"1XX", "#XXXX"}, // 104, 113 to 117, 171, 177, 188, 189; #7119, #8000, #9110
	// Free phone, shared cost, premium: not reachable by +81 from everywhere, and carriers want them as dialled.
	NationalOnly: []string{"0120", "0800", "0570", "0990", "0180", "00"},
	Lengths: []Length{{"0", 10}, {"020", 11}, {"050", 11}, {"060", 11}, {"070", 11}, {"080", 11}, {"090", 11}, {"0800", 11},
		{"0200", 14}},
}

const (
	minE164 = 7 // digits after the +, the shortest that is assigned
	maxE164 = 15
)

// clean drops what people write between digits (RFC 3966 visual separators and blanks).
func clean(n string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, n)
}

// isNumber: digits, * and #, a + only at the start, and not too long.
func isNumber(n string) bool {
	if n == "" || len(n) > 32 || n == "+" {
		return false
	}
	for i := 0; i < len(n); i++ {
		c := n[i]
		if !(c >= '0' && c <= '9' || c == '*' || c == '#' || c == '+' && i == 0) {
			return false
		}
	}
	return true
}

func allDigits(n string) bool {
	return n != "" && strings.Trim(n, "0123456789") == ""
}

// IsEmergency tells whether n is an emergency number.
func (p *Plan) IsEmergency(n string) bool {
	for _, e := range p.Emergency {
		if n == e {
			return true
		}
	}
	return false
}

// IsSpecial tells whether n stands alone: emergency and service numbers.
func (p *Plan) IsSpecial(n string) bool {
	if p.IsEmergency(n) {
		return true
	}
	for _, pattern := range p.Special {
		if matches(pattern, n) {
			return true
		}
	}
	return false
}

func matches(pattern, n string) bool {
	if len(pattern) != len(n) {
		return false
	}
	for i := 0; i < len(n); i++ {
		if pattern[i] == 'X' && n[i] >= '0' && n[i] <= '9' || pattern[i] == n[i] {
			continue
		}
		return false
	}
	return true
}

// E164 gives +country... for a number as it is dialled or received. False, and the cleaned number, when it has none: special and
// national-only numbers, extensions, anything else.
func (p *Plan) E164(n string) (string, bool) {
	n = clean(n)
	switch {
	case !isNumber(n) || p.IsSpecial(n):
		return n, false
	case n[0] == '+':
		return p.plus(n)
	}
	for _, prefix := range p.International {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			if e, ok := p.plus("+" + rest); ok {
				return e, true
			}
			return n, false
		}
	}
	if p.nationalOnly(n) || !strings.HasPrefix(n, p.Trunk) || !allDigits(n) || len(n) != p.length(n) {
		return n, false
	}
	return "+" + p.Country + n[len(p.Trunk):], true
}

// plus checks a number with +. A trunk prefix that was left in by mistake, as in +81 (0)3, goes.
func (p *Plan) plus(n string) (string, bool) {
	digits := n[1:]
	if rest, ok := strings.CutPrefix(digits, p.Country+p.Trunk); ok && p.Trunk != "" {
		if p.nationalOnly(p.Trunk+rest) || len(p.Trunk+rest) != p.length(p.Trunk+rest) {
			return n, false
		}
		digits = p.Country + rest
	}
	if !allDigits(digits) || digits[0] == '0' || len(digits) < minE164 || len(digits) > maxE164 {
		return n, false
	}
	if rest, ok := strings.CutPrefix(digits, p.Country); ok && p.international(p.Trunk+rest) {
		return n, false // written as a national number it would go abroad: no such number exists
	}
	return "+" + digits, true
}

// international: dialled as it is, n leaves the country.
func (p *Plan) international(n string) bool {
	for _, prefix := range p.International {
		if strings.HasPrefix(n, prefix) {
			return true
		}
	}
	return false
}

func (p *Plan) nationalOnly(n string) bool {
	for _, prefix := range p.NationalOnly {
		if strings.HasPrefix(n, prefix) {
			return true
		}
	}
	return false
}

func (p *Plan) length(n string) int {
	best, digits := -1, 0
	for _, l := range p.Lengths {
		if strings.HasPrefix(n, l.Prefix) && len(l.Prefix) > best {
			best, digits = len(l.Prefix), l.Digits
		}
	}
	return digits
}

// National gives the number as it is dialled inside the country: 0312345678, abroad with the international prefix. What is not E.164
// stays as it is.
func (p *Plan) National(n string) string {
	n = clean(n)
	digits, ok := strings.CutPrefix(n, "+")
	if !ok || !allDigits(digits) {
		return n
	}
	if rest, ok := strings.CutPrefix(digits, p.Country); ok {
		if strings.HasPrefix(rest, p.Trunk) && p.Trunk != "" {
			return rest
		}
		return p.Trunk + rest
	}
	if len(p.International) == 0 {
		return n
	}
	return p.International[0] + digits
}

// Write gives a number in the format that a carrier wants. Numbers without E.164 form are written as dialled.
func (p *Plan) Write(n string, f Format) string {
	e, ok := p.E164(n)
	if !ok {
		return e
	}
	switch f {
	case FormatNational:
		return p.National(e)
	case FormatDigits:
		return e[1:]
	}
	return e
}

// Presentation is the caller's wish about the own number.
type Presentation uint8

const (
	PresentDefault  Presentation = iota
	PresentWithheld              // 184 was dialled
	PresentShown                 // 186 was dialled
)

// SplitPresentation takes 184 or 186 off a dialled number. To an emergency number the caller is always shown.
func (p *Plan) SplitPresentation(dialled string) (number string, wish Presentation) {
	number = clean(dialled)
	if len(number) < 6 {
		return number, PresentDefault
	}
	switch number[:3] {
	case "184":
		number, wish = number[3:], PresentWithheld
	case "186":
		number, wish = number[3:], PresentShown
	}
	if p.IsEmergency(number) {
		wish = PresentDefault
	}
	return number, wish
}
