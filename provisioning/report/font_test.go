package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFontHasEachWord: no word of the report needs a font that is not enclosed, and neither does anything in ASCII.
func TestFontHasEachWord(t *testing.T) {
	words := "…"
	for c := ' '; c <= '~'; c++ {
		words += string(c)
	}
	for _, s := range sections {
		words += s.ja + s.en
	}
	for _, list := range []map[string]Label{columns, monthWords, drillWords} {
		for _, l := range list {
			words += l.JA + l.EN
		}
	}
	f := openFont()
	for _, r := range words {
		if g, ok := f.glyphs[r]; !ok || g.width <= 0 || g.cid <= 0 {
			t.Errorf("the font has no %q: add it by font/subset.py", r)
		}
	}
}

// read gives what one of poppler's programs says of a document.
func read(t *testing.T, document []byte, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing; loadtest/install.sh brings it: %v", program, err)
	}
	path := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(path, document, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	c := exec.CommandContext(t.Context(), program, append(args, path)...)
	if program == "pdftotext" {
		c.Args = append(c.Args, "-")
	}
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("%s: %v %s", program, err, complaints.String())
	}
	return out.String()
}

// TestReadersRead: a real reader (poppler) opens the report without a complaint, reads its words in order, and finds the one font that they are in enclosed; where
// somebody wrote other letters the second font is named, and they are read all the same.
func TestReadersRead(t *testing.T) {
	for _, reason := range []string{"", "髙橋の苦情"} {
		entries := monthEntries(300)
		for i := range entries {
			if entries[i].Reason != "" {
				entries[i].Reason = reason
			}
		}
		m := october(t, entries)
		for _, language := range []string{"ja", "en"} {
			var b bytes.Buffer
			if err := m.PDF(&b, language); err != nil {
				t.Fatal(err)
			}
			text := read(t, b.Bytes(), "pdftotext", "-layout")
			for _, s := range m.Sections {
				if !strings.Contains(text, Label{s.JA, s.EN}.in(language)) {
					t.Errorf("%s: %s is not read in\n%s", language, s.Key, text)
				}
			}
			if !strings.Contains(text, "sip.sign-in") || reason != "" && !strings.Contains(text, reason) {
				t.Errorf("%s: entries or reasons are not read in\n%s", language, text)
			}
			lines := strings.Split(strings.TrimSpace(read(t, b.Bytes(), "pdffonts")), "\n")
			want := 3
			if reason != "" {
				want++
			}
			if len(lines) != want || !strings.Contains(lines[2], "NotoSansCJKjp") {
				t.Fatalf("%s: fonts\n%s", language, strings.Join(lines, "\n"))
			}
			for _, l := range lines[2:] {
				f := strings.Fields(l) // name, type of two or three words, encoding, emb, sub, uni, object of two
				if emb := f[len(f)-5]; (emb == "yes") != strings.Contains(l, "NotoSansCJKjp") {
					t.Errorf("%s: %s", language, l)
				}
			}
		}
	}
}
