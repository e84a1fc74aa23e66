package book

import "strings"

// consonants of the kana in the order あいうえお of each row (Kunrei, ISO 3602): people type ち as chi or ti, and both become ti.
var consonants = []struct{ kana, letter string }{
	{"あいうえお", ""}, {"かきくけこ", "k"}, {"さしすせそ", "s"}, {"たちつてと", "t"}, {"なにぬねの", "n"}, {"はひふへほ", "h"}, {"まみむめも", "m"},
	{"らりるれろ", "r"}, {"がぎぐげご", "g"}, {"ざじずぜぞ", "z"}, {"だぢづでど", "d"}, {"ばびぶべぼ", "b"}, {"ぱぴぷぺぽ", "p"},
}

var irregular = map[rune]string{'や': "ya", 'ゆ': "yu", 'よ': "yo", 'わ': "wa", 'を': "o", 'ん': "n", 'ゃ': "ya", 'ゅ': "yu", 'ょ': "yo",
	'ぁ': "a", 'ぃ': "i", 'ぅ': "u", 'ぇ': "e", 'ぉ': "o", 'ぢ': "zi", 'づ': "zu", 'ゔ': "bu"}

func syllable(r rune) string {
	if s, ok := irregular[r]; ok {
		return s
	}
	for _, c := range consonants {
		if i := strings.IndexRune(c.kana, r); i >= 0 {
			return c.letter + string("aiueo"[i/3])
		}
	}
	return ""
}

// roman writes a reading in Latin letters, in the form that latin gives what people type. h is hiragana.
func roman(h string) string {
	var b strings.Builder
	double := false
	for _, r := range h {
		s := syllable(r)
		text := b.String()
		switch {
		case r == 'っ':
			double = true
			continue
		case s == "" && r != 'ー':
			if silent(r) {
				continue
			}
			s = string(r)
		case strings.ContainsRune("ゃゅょ", r) && strings.HasSuffix(text, "i"): // きゃ: kya
			text = strings.TrimSuffix(text, "i")
			b.Reset()
			b.WriteString(text)
		case strings.ContainsRune("ぁぃぅぇぉ", r) && len(text) > 1: // ふぁ: ha, as fa is typed
			text = text[:len(text)-1]
			b.Reset()
			b.WriteString(text)
		}
		if double && s != "" {
			b.WriteByte(s[0])
		}
		double = false
		b.WriteString(s)
	}
	return latin(b.String())
}

var spelling = strings.NewReplacer("tch", "tt\x01", "shi", "si", "sh", "s\x01", "chi", "ti", "ch", "t\x01", "tsu", "tu", "dzu", "zu", "du", "zu", "di", "zi",
	"fu", "hu", "f", "h", "jy", "zy", "ji", "zi", "j", "z\x01", "mb", "nb", "mp", "np", "mm", "nm", "n'", "n", "v", "b", "wo", "o", "l", "r")

// latin is what was typed in Latin letters, in one spelling: Hepburn as Kunrei, long vowels as short ones, mb as nb, without blanks and marks.
func latin(s string) string {
	s = strings.Map(func(r rune) rune {
		if silent(r) {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "n'", "n"))
	s = spelling.Replace(s)
	s = strings.NewReplacer("\x01a", "ya", "\x01u", "yu", "\x01o", "yo", "\x01e", "ye", "\x01i", "i", "\x01", "").Replace(s) // the last: not typed to the end
	if len(s) > 1 && strings.HasSuffix(s, "ts") {
		s = s[:len(s)-1]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i > 0 && (s[i] == s[i-1] && strings.IndexByte("aiueo", s[i]) >= 0 || s[i] == 'u' && s[i-1] == 'o' ||
			s[i] == 'h' && s[i-1] == 'o' && (i+1 == len(s) || strings.IndexByte("aiueoy", s[i+1]) < 0)) { // ou, oo, ohno
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
