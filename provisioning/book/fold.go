package book

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// hiragana is a text in one form: half-width and full-width as their usual forms (NFKC), katakana as hiragana, small letters, no marks over Latin ones.
func hiragana(s string) string {
	s = strings.ToLower(norm.NFKC.String(s))
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'ァ' && r <= 'ヶ':
			return r - ('ァ' - 'ぁ')
		case r == 'ヽ' || r == 'ヾ':
			return r - ('ヽ' - 'ゝ')
		case r == '‐' || r == '–' || r == '—' || r == '−' || r == '〜':
			return 'ー'
		}
		return r
	}, s)
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII && r < 0x250 }) { // ō as o
		s = strings.Map(func(r rune) rune {
			if r >= 0x300 && r < 0x370 {
				return -1
			}
			return r
		}, norm.NFD.String(s))
		s = norm.NFC.String(s)
	}
	return iterations(s)
}

// iterations writes ゝ as what it repeats, ゞ voiced.
func iterations(s string) string {
	if !strings.ContainsAny(s, "ゝゞ") {
		return s
	}
	out := []rune(s)
	for i, r := range out {
		if i > 0 && r == 'ゝ' {
			out[i] = []rune(norm.NFD.String(string(out[i-1])))[0]
		} else if i > 0 && r == 'ゞ' {
			out[i] = []rune(norm.NFC.String(string(out[i-1]) + "\u3099"))[0]
		}
	}
	return string(out)
}

// Fold is a text as it is compared when it is searched: in one form, without what is not said.
func Fold(s string) string { return plain(hiragana(s)) }

// silent is what people put between the parts of a name, or leave out.
func silent(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("・.,'’-_()/\u0000", r) || unicode.IsControl(r)
}

// words are a text as a whole and from each of its further words on.
func words(s string) []string {
	parts := strings.Fields(norm.NFKC.String(s))
	var out []string
	for i := range parts {
		out = append(out, strings.Join(parts[i:], " "))
	}
	return out
}

const (
	small = "ぁぃぅぇぉっゃゅょゎゕゖ"
	large = "あいうえおつやゆよわかけ"
)

// plain forgets what is written in several ways but said in one: small kana as large ones, ー as the vowel that it makes long, ぢ as じ, を as お, ヴ as ぶ,
// blanks and marks not at all. h is hiragana.
func plain(h string) string {
	h = voiced.Replace(h)
	out := make([]rune, 0, len(h))
	for _, r := range h {
		switch i := strings.IndexRune(small, r); {
		case silent(r):
			continue
		case i >= 0:
			r = []rune(large)[i/3]
		case r == 'ー':
			if len(out) == 0 {
				continue
			}
			if r = vowelOf(out[len(out)-1]); r == 0 {
				continue
			}
		}
		out = append(out, r)
	}
	return string(out)
}

var voiced = strings.NewReplacer("ゔぁ", "ば", "ゔぃ", "び", "ゔぇ", "べ", "ゔぉ", "ぼ", "ゔ", "ぶ", "ぢ", "じ", "づ", "ず", "を", "お", "ゐ", "い", "ゑ", "え")

// loose also forgets whether a vowel is long (さとう, サトー, さとお and さと) and whether a sound is voiced (やまざき, やまさき).
func loose(h string) string {
	var out []rune
	for _, r := range plain(h) {
		r = []rune(norm.NFD.String(string(r)))[0]
		if n := len(out); n > 0 {
			before := vowelOf(out[n-1])
			if r == before || r == 'う' && before == 'お' || r == 'い' && before == 'え' {
				continue
			}
		}
		out = append(out, r)
	}
	return string(out)
}

// vowels has the kana of each vowel, unvoiced and voiced; a vowel stands for its row's end.
var vowels = map[rune]string{
	'あ': "あかさたなはまやらわがざだばぱ", 'い': "いきしちにひみりぎじぢびぴ", 'う': "うくすつぬふむゆるぐずづぶぷ",
	'え': "えけせてねへめれげぜでべぺ", 'お': "おこそとのほもよろごぞどぼぽ",
}

// vowelOf a kana; 0: it has none.
func vowelOf(r rune) rune {
	for v, list := range vowels {
		if strings.ContainsRune(list, r) {
			return v
		}
	}
	return 0
}

// Rows are the rows of the gojūon, in order, then Latin letters and everything else.
var Rows = []string{"あ", "か", "さ", "た", "な", "は", "ま", "や", "ら", "わ", "A", "他"}

var rowKana = map[string]string{
	"あ": "あいうえお", "か": "かきくけこがぎぐげご", "さ": "さしすせそざじずぜぞ", "た": "たちつてとだぢづでど", "な": "なにぬねの",
	"は": "はひふへほばびぶべぼぱぴぷぺぽ", "ま": "まみむめも", "や": "やゆよ", "ら": "らりるれろ", "わ": "わをん",
}

// rowOf is the row under which an entry stands: that of the first letter of its order.
func rowOf(order string) string {
	first, _ := utf8.DecodeRuneInString(order)
	for row, kana := range rowKana {
		if strings.ContainsRune(kana, first) {
			return row
		}
	}
	if first >= 'a' && first <= 'z' {
		return "A"
	}
	return "他"
}
