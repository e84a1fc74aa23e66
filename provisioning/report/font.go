package report

import (
	"bytes"
	"compress/zlib"
	_ "embed" // the font
	"fmt"
	"slices"
	"strings"
)

// The font that is enclosed: of Noto Sans CJK JP the letters that the reports' own words need (font/subset.py), under the SIL Open Font License 1.1 (font/OFL.txt).
var (
	//go:embed font/report.cff
	fontFile []byte
	//go:embed font/glyphs.txt
	fontGlyphs string
)

// glyph of the enclosed font.
type glyph struct {
	cid   int // of the font's own collection, Adobe-Identity-0
	width int // in thousandths of the size
}

// face is the enclosed font.
type face struct {
	letters []rune // in the file's order
	glyphs  map[rune]glyph
}

func openFont() face {
	f := face{glyphs: map[rune]glyph{}}
	for line := range strings.Lines(fontGlyphs) {
		var r rune
		var g glyph
		if n, _ := fmt.Sscanf(line, "%X %d %d", &r, &g.cid, &g.width); n == 3 {
			f.letters, f.glyphs[r] = append(f.letters, r), g
		}
	}
	return f
}

// parts of a text that the font has and that it has not, by turns; the first may be empty.
func (f face) parts(s string) (out []string) {
	have, from := true, 0
	for i, r := range s {
		if _, ok := f.glyphs[r]; ok != have {
			out, have, from = append(out, s[from:i]), ok, i
		}
	}
	return append(out, s[from:])
}

// width of a text of a size in points, rounded up. Letters that the font has not are as wide as they are high.
func (f face) width(s string, size int) (w int) {
	for _, r := range s {
		if g, ok := f.glyphs[r]; ok {
			w += g.width * size
			continue
		}
		w += 1000 * size
	}
	return (w + 999) / 1000
}

// fit cuts a text to a width.
func (f face) fit(s string, size, most int) string {
	if f.width(s, size) <= most {
		return s
	}
	letters := []rune(s)
	for len(letters) > 0 && f.width(string(letters), size)+size > most {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}

// widths is the font's W (ISO 32000-1 section 9.7.4.3).
func (f face) widths() string {
	var b strings.Builder
	for _, r := range f.letters {
		fmt.Fprintf(&b, "%d [ %d ] ", f.glyphs[r].cid, f.glyphs[r].width)
	}
	return b.String()
}

// toUnicode is the map back to letters (ISO 32000-1 section 9.10.3), so that what is read can be searched and copied. One block has a hundred of them at most.
func (f face) toUnicode() string {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	said := map[int]bool{}
	var lines []string
	for _, r := range f.letters {
		if cid := f.glyphs[r].cid; !said[cid] {
			said[cid] = true
			lines = append(lines, fmt.Sprintf("<%04X> <%s>\n", cid, hexOf(string(r))))
		}
	}
	for block := range slices.Chunk(lines, 100) {
		fmt.Fprintf(&b, "%d beginbfchar\n%sendbfchar\n", len(block), strings.Join(block, ""))
	}
	b.WriteString("endcmap CMapName currentdict /CMap defineresource pop end end\n")
	return b.String()
}

// packedFont is the font's file as it stands in a document.
func packedFont() string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(fontFile) // into memory
	_ = z.Close()
	return b.String()
}
