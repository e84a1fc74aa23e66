package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// A page of A4, in points, and how text stands on it.
const (
	pageWidth  = 595
	pageHeight = 842
	margin     = 48
	fontSize   = 9
	titleSize  = 13
	lineHeight = 14
)

// pdf writes pages of text (ISO 32000-1). The font is enclosed as far as the reports' own words need it. Letters that only people wrote, in a reason or a name,
// are of a font that is named: each reader of PDF should have one for Adobe-Japan1, and a switch need not carry megabytes of glyphs.
type pdf struct {
	pages []*bytes.Buffer
	y     int // of the next line's foot
	foot  string
	font  face
	named bool // there are letters of the font that is not enclosed
}

// line begins a line, on a new page where the old one is full.
func (p *pdf) line(height int) *bytes.Buffer {
	if len(p.pages) == 0 || p.y-height < margin {
		p.pages = append(p.pages, &bytes.Buffer{})
		p.y = pageHeight - margin
	}
	p.y -= height
	return p.pages[len(p.pages)-1]
}

// text puts one text at a place of the line.
func (p *pdf) text(b *bytes.Buffer, x, size int, s string) {
	fmt.Fprintf(b, "BT 1 0 0 1 %d %d Tm", x, p.y)
	for i, part := range p.font.parts(s) {
		switch {
		case part == "":
		case i%2 == 0:
			fmt.Fprintf(b, " /F1 %d Tf <", size)
			for _, r := range part {
				fmt.Fprintf(b, "%04X", p.font.glyphs[r].cid)
			}
			b.WriteString("> Tj")
		default:
			fmt.Fprintf(b, " /F2 %d Tf <%s> Tj", size, hexOf(part))
			p.named = true
		}
	}
	b.WriteString(" ET\n")
}

// hexOf a text, as UTF-16.
func hexOf(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String()
}

func (p *pdf) heading(s string, size int) {
	p.text(p.line(size+10), margin, size, s)
}

// row puts cells at their columns; a cell that is too long is cut, since the CSV has all of it.
func (p *pdf) row(cells []string, widths []int) {
	b := p.line(lineHeight)
	x := margin
	for i, c := range cells {
		p.text(b, x, fontSize, p.font.fit(c, fontSize, widths[i]-6))
		x += widths[i]
	}
}

// rule draws a line below what was written last.
func (p *pdf) rule() {
	b := p.pages[len(p.pages)-1]
	fmt.Fprintf(b, "0.5 w %d %d m %d %d l S\n", margin, p.y-4, pageWidth-margin, p.y-4)
}

// write ends the document.
func (p *pdf) write(w io.Writer, title string) error {
	var b bytes.Buffer
	var at []int
	object := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(at))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.5\n%\xE2\xE3\xCF\xD3\n")
	const pagesAt, first = 2, 11
	for i, page := range p.pages {
		p.y = margin / 2
		p.text(page, margin, 8, fmt.Sprintf("%s  %d/%d", p.foot, i+1, len(p.pages)))
	}
	fonts := "/F1 3 0 R"
	if p.named {
		fonts += " /F2 8 0 R"
	}
	var kids strings.Builder
	for i := range p.pages {
		fmt.Fprintf(&kids, "%d 0 R ", first+2*i)
	}
	object("<< /Type /Catalog /Pages %d 0 R /Lang (ja) >>", pagesAt)
	object("<< /Type /Pages /Count %d /Kids [ %s] >>", len(p.pages), kids.String())
	for _, o := range fontObjects(p.font) {
		object("%s", o)
	}
	object("<< /Title <FEFF%s> /Producer (Naisen) >>", hexOf(title))
	for i, page := range p.pages {
		object("<< /Type /Page /Parent %d 0 R /MediaBox [ 0 0 %d %d ] /Resources << /Font << %s >> >> /Contents %d 0 R >>", pagesAt, pageWidth, pageHeight, fonts, first+2*i+1)
		object("<< /Length %d >>\nstream\n%sendstream", page.Len(), page.String())
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info 10 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	_, err := w.Write(b.Bytes())
	return err
}

// fontObjects are those with the numbers 3 to 9: first the font that is enclosed, then the one that is not. The six letters are the name of this subset (section 9.6.4).
func fontObjects(f face) []string {
	const name, other = "NAISEN+NotoSansCJKjp-Regular", "HeiseiKakuGo-W5"
	text, file := f.toUnicode(), packedFont()+"\n"
	return []string{
		"<< /Type /Font /Subtype /Type0 /BaseFont /" + name + "-Identity-H /Encoding /Identity-H /DescendantFonts [ 4 0 R ] /ToUnicode 7 0 R >>",
		"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /" + name + " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 5 0 R /DW 1000 /W [ " + f.widths() + "] >>",
		"<< /Type /FontDescriptor /FontName /" + name + " /Flags 4 /FontBBox [ -1002 -1048 2928 1808 ] /ItalicAngle 0 /Ascent 1160 /Descent -288 /CapHeight 733 /StemV 79 /FontFile3 6 0 R >>",
		fmt.Sprintf("<< /Subtype /CIDFontType0C /Filter /FlateDecode /Length %d >>\nstream\n%sendstream", len(file), file),
		fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", len(text), text),
		"<< /Type /Font /Subtype /Type0 /BaseFont /" + other + "-UniJIS-UTF16-H /Encoding /UniJIS-UTF16-H /DescendantFonts [ 9 0 R ] >>",
		"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /" + other + " /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /DW 1000 /W [ 1 95 500 ] " +
			"/FontDescriptor << /Type /FontDescriptor /FontName /" + other + " /Flags 4 /FontBBox [ -92 -250 1010 922 ] /ItalicAngle 0 /Ascent 752 /Descent -221 /CapHeight 737 /StemV 114 >> >>",
	}
}
