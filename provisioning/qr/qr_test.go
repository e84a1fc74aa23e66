package qr_test

import (
	"bytes"
	"image"
	_ "image/png"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	zxing "github.com/makiuchi-d/gozxing/qrcode"

	"naisen/provisioning/qr"
)

// A reader of another make reads what was drawn, and the SVG has the same squares as the picture.
func TestDraw(t *testing.T) {
	const text = "https://pbx.ward.example.jp/enrol/ward.example#ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	c, err := qr.Draw(text)
	if err != nil {
		t.Fatal(err)
	}
	const pixels = 6
	png, err := c.PNG(pixels)
	if err != nil {
		t.Fatal(err)
	}
	picture, _, err := image.Decode(bytes.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	if got := picture.Bounds().Dx(); got != pixels*c.Size {
		t.Errorf("%d pixels wide for %d squares", got, c.Size)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	read, err := zxing.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil || read.GetText() != text {
		t.Errorf("read %q, %v", read, err)
	}
	dark := 0
	for y := range c.Size {
		for x := range c.Size {
			if r, _, _, _ := picture.At(x*pixels+1, y*pixels+1).RGBA(); r == 0 {
				dark++
			}
		}
	}
	if n := squares(c.Path); n != dark {
		t.Errorf("%d dark squares in the SVG, %d in the picture", n, dark)
	}
	if svg := c.SVG(); strings.Count(svg, "<") != 4 || !strings.Contains(svg, c.Path) || strings.Contains(svg, text) {
		t.Errorf("%.200s", svg)
	}
	if _, err := qr.Draw(strings.Repeat("x", 4000)); err == nil {
		t.Error("4,000 bytes were drawn")
	}
}

// squares counts what a path covers: "M4 4h7v1h-7z" is seven.
func squares(path string) (n int) {
	for _, run := range strings.Split(path, "z") {
		_, width, ok := strings.Cut(run, "h")
		if !ok {
			continue
		}
		width, _, _ = strings.Cut(width, "v")
		length := 0
		for _, d := range width {
			length = 10*length + int(d-'0')
		}
		n += length
	}
	return n
}
