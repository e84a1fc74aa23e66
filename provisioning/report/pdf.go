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

// pdf writes pages of text (ISO 32000-1). The font is named, not enclosed: each reader of PDF has one of its own for Adobe-Japan1, and a switch need not carry
// megabytes of glyphs. What is enclosed is the text itself, so that it can be searched and copied.
type pdf struct {
	pages []*bytes.Buffer
	y     int // of the next line's foot
	foot  string
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
	fmt.Fprintf(b, "BT /F1 %d Tf 1 0 0 1 %d %d Tm <", size, x, p.y)
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(b, "%04X", u)
	}
	b.WriteString("> Tj ET\n")
}

func (p *pdf) heading(s string, size int) {
	p.text(p.line(size+10), margin, size, s)
}

// row puts cells at their columns; a cell that is too long is cut, since the CSV has all of it.
func (p *pdf) row(cells []string, widths []int) {
	b := p.line(lineHeight)
	x := margin
	for i, c := range cells {
		p.text(b, x, fontSize, fit(c, widths[i]-6))
		x += widths[i]
	}
}

// rule draws a line below what was written last.
func (p *pdf) rule() {
	b := p.pages[len(p.pages)-1]
	fmt.Fprintf(b, "0.5 w %d %d m %d %d l S\n", margin, p.y-4, pageWidth-margin, p.y-4)
}

// width of a text in points: letters of ASCII are half as wide as they are high, others as wide.
func width(s string) (w int) {
	for _, r := range s {
		if r < 128 {
			w += (fontSize + 1) / 2
			continue
		}
		w += fontSize
	}
	return w
}

// fit cuts a text to a width.
func fit(s string, most int) string {
	if width(s) <= most {
		return s
	}
	letters := []rune(s)
	for len(letters) > 0 && width(string(letters))+fontSize > most {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
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
	const pagesAt, first = 2, 7
	var kids strings.Builder
	for i := range p.pages {
		fmt.Fprintf(&kids, "%d 0 R ", first+2*i)
	}
	object("<< /Type /Catalog /Pages %d 0 R /Lang (ja) >>", pagesAt)
	object("<< /Type /Pages /Count %d /Kids [ %s] >>", len(p.pages), kids.String())
	object("<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiKakuGo-W5-UniJIS-UTF16-H /Encoding /UniJIS-UTF16-H /DescendantFonts [ 4 0 R ] >>")
	object("<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiKakuGo-W5 /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /FontDescriptor 5 0 R /DW 1000 /W [ 1 95 500 ] >>")
	object("<< /Type /FontDescriptor /FontName /HeiseiKakuGo-W5 /Flags 4 /FontBBox [ -92 -250 1010 922 ] /ItalicAngle 0 /Ascent 752 /Descent -221 /CapHeight 737 /StemV 114 >>")
	var name strings.Builder
	for _, u := range utf16.Encode([]rune(title)) {
		fmt.Fprintf(&name, "%04X", u)
	}
	object("<< /Title <FEFF%s> /Producer (Naisen) >>", name.String())
	for i, page := range p.pages {
		p.y = margin / 2
		p.text(page, margin, 8, fmt.Sprintf("%s  %d/%d", p.foot, i+1, len(p.pages)))
		object("<< /Type /Page /Parent %d 0 R /MediaBox [ 0 0 %d %d ] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", pagesAt, pageWidth, pageHeight, first+2*i+1)
		object("<< /Length %d >>\nstream\n%sendstream", page.Len(), page.String())
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	_, err := w.Write(b.Bytes())
	return err
}
