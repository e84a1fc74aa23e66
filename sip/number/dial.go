package number

import "strings"

// Presentation is the caller's wish about the own number.
type Presentation uint8

// Presentations.
const (
	PresentDefault  Presentation = iota
	PresentWithheld              // 184 was dialled
	PresentShown                 // 186 was dialled
)

// Clean drops what people write between digits (RFC 3966 visual separators and blanks), undoes %2B and full-width forms, and cuts at 64
// bytes: no number is that long.
func Clean(n string) string {
	n = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == '＋':
			return '+'
		case r == '＊':
			return '*'
		case r == '＃':
			return '#'
		case strings.ContainsRune("-.() \u00a0\u2010\u2011\u2012\u2013\u2014\u2212\u3000（）－ー", r):
			return -1
		}
		return r
	}, n[:min(len(n), 256)])
	if strings.Contains(n, "%2") {
		n = strings.NewReplacer("%2B", "+", "%2b", "+").Replace(n)
	}
	return n[:min(len(n), 64)]
}

// SplitPresentation takes 184 or 186 off a dialled number. To an emergency number the caller is always shown.
func (p *Plan) SplitPresentation(dialled string) (number string, wish Presentation) {
	number = Clean(dialled)
	if rest, ok := cut(number, p.Withhold); ok {
		number, wish = rest, PresentWithheld
	} else if rest, ok := cut(number, p.Show); ok {
		number, wish = rest, PresentShown
	}
	if _, ok := p.Urgent(number); ok {
		wish = PresentDefault
	}
	return number, wish
}

// cut takes a prefix off that something of three digits or more follows: 184 alone is a number by itself.
func cut(n, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(n, prefix)
	return rest, ok && prefix != "" && len(rest) >= 3
}

// Urgent finds the emergency number in what was dialled, whatever people put before it in their fear: 184 or 186, the outside line, the
// country code of a phone that rewrites numbers. Only the exact number behind such prefixes counts.
func (p *Plan) Urgent(dialled string) (number string, ok bool) {
	for n := Clean(dialled); ; { // each round is shorter
		if p.IsEmergency(n) {
			return n, true
		}
		shorter := n
		for _, prefix := range append([]string{p.Withhold, p.Show, "+" + p.Country}, p.Outside...) {
			if rest, ok := cut(n, prefix); ok {
				shorter = rest
				break
			}
		}
		if shorter == n {
			return "", false
		}
		n = shorter
	}
}
