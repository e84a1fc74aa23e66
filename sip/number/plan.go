// Package number owns numbering plans as data: how a number is dialled and written, and what kind of number it is.
// It is pure. It never knows who calls, what a call costs or which trunk takes it.
package number

import "strings"

// Plan is a numbering plan as data.
type Plan struct {
	Country       string   // country code without +
	Trunk         string   // prefix of national numbers, dropped in E.164
	International []string // prefixes of international dialling, the first one is written
	Emergency     []string // exact
	Special       []string // patterns of numbers that stand alone, X is any digit: never prefixed, never converted
	NationalOnly  []string // prefixes of numbers that exist only inside the country, trunk prefix included
	Carriers      []string // patterns of carrier selection before a number, X is any digit
	Outside       []string // what people dial to get an outside line, and so before an emergency number too
	Withhold      string   // dialled before a number: do not show mine
	Show          string   // dialled before a number: show mine
	Ranges        []Range  // of national numbers, trunk prefix included; the longest prefix that fits decides
}

// Range says how long the numbers with a prefix are, and what they are.
type Range struct {
	Prefix string
	Digits int
	Class  Class
}

// Format is how a carrier wants numbers written.
type Format string

// Formats.
const (
	FormatPlus     Format = "+e164"    // +81312345678
	FormatDigits   Format = "e164"     // 81312345678
	FormatNational Format = "national" // 0312345678, abroad 010...
)

const (
	minE164 = 7 // digits after the +, the shortest that is assigned
	maxE164 = 15
)

// Valid: digits, * and #, a + only at the start, and not too long.
func Valid(n string) bool {
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

// Digits: at least one, and nothing else.
func Digits(n string) bool {
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
	n = Clean(n)
	switch {
	case !Valid(n) || p.IsSpecial(n):
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
	if p.nationalOnly(n) || !strings.HasPrefix(n, p.Trunk) || !Digits(n) || len(n) != p.length(n) {
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
	if !Digits(digits) || digits[0] == '0' || len(digits) < minE164 || len(digits) > maxE164 {
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
	r, _ := p.find(n)
	return r.Digits
}

// find gives the range of a national number.
func (p *Plan) find(n string) (best Range, ok bool) {
	for _, r := range p.Ranges {
		if strings.HasPrefix(n, r.Prefix) && (!ok || len(r.Prefix) > len(best.Prefix)) {
			best, ok = r, true
		}
	}
	return best, ok
}

// National gives the number as it is dialled inside the country: 0312345678, abroad with the international prefix. What is not E.164
// stays as it is.
func (p *Plan) National(n string) string {
	n = Clean(n)
	digits, ok := strings.CutPrefix(n, "+")
	if !ok || !Digits(digits) {
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
