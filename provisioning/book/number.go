package book

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

const japan = "81"

func orJapan(country string) string {
	if country == "" {
		return japan
	}
	return country
}

// Normal is the one form in which numbers are compared: inside the own country as it is dialled there (0312345678 for +81 3-1234-5678 and
// for ０３（１２３４）５６７８), abroad with +. Without a digit it is empty. country is the own one ("81", and by default).
func Normal(country, number string) string {
	country = orJapan(country)
	n := Dialled(number)
	for _, wish := range []string{"184", "186"} { // to show the own number, or not
		if rest, ok := strings.CutPrefix(n, wish); ok && country == japan && len(rest) > 3 && (strings.HasPrefix(rest, "0") || strings.HasPrefix(rest, "+")) {
			n = rest
		}
	}
	abroad := "00"
	if country == japan {
		abroad = "010"
	}
	if rest, ok := strings.CutPrefix(n, abroad); ok && len(rest) >= 7 {
		n = "+" + rest
	}
	if rest, ok := strings.CutPrefix(n, "+"+country); ok && rest != "" {
		n = "0" + strings.TrimPrefix(rest, "0") // +81 (0)3
	}
	if strings.Trim(n, "+*#") == "" {
		return ""
	}
	return n[:min(len(n), 64)]
}

// Dialled is a number as a telephone dials it: without what people write between digits.
func Dialled(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' || r == '*' || r == '#' {
			return r
		}
		return -1
	}, norm.NFKC.String(number[:min(len(number), 256)]))
}
