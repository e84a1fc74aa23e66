// Package qr owns how a text becomes a QR code (ISO/IEC 18004) on a page or in a file. It never keeps the text: most of them are secrets.
package qr

import (
	"fmt"
	"strings"

	qrcode "github.com/skip2/go-qrcode"
)

// Code is a QR code as squares. The zero value is none.
type Code struct {
	Size  int    // squares in a row, with the quiet zone of four around
	Path  string // of an SVG whose unit is a square
	image *qrcode.QRCode
}

// Draw makes the code of a text, with medium redundancy: 15 % of it may be unreadable. It fails for more than some 2,300 bytes.
func Draw(text string) (Code, error) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return Code{}, err
	}
	dark := code.Bitmap()
	var path strings.Builder
	for y, row := range dark {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return Code{Size: len(dark), Path: path.String(), image: code}, nil
}

// SVG is a document of its own: black on white, in any size.
func (c Code) SVG() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`,
		c.Size, c.Size, c.Size, c.Size, c.Path)
}

// PNG is a picture in which each square has so many pixels a side.
func (c Code) PNG(pixels int) ([]byte, error) { return c.image.PNG(-pixels) }
