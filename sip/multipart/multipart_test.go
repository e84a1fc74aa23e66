package multipart_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"naisen/sip/multipart"
)

func TestWriteAndParse(t *testing.T) {
	parts := []multipart.Part{
		{Type: "application/sdp", Body: []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n")},
		{Type: "application/rs-metadata+xml", Disposition: "recording-session", Body: []byte("<recording/>")},
		{Type: "application/octet-stream", Body: []byte{0, 1, '\r', '\n', 2, '\r', '\n'}},
	}
	kind, body := multipart.Write(parts...)
	if again, _ := multipart.Write(parts...); again != kind {
		t.Errorf("not the same twice: %q, %q", kind, again)
	}
	got, err := multipart.Parse(kind, body)
	if err != nil || !reflect.DeepEqual(got, parts) {
		t.Errorf("%v\n%+v\n%q", err, got, body)
	}
}

// A part that holds the boundary that it would get does not end itself.
func TestBoundaryIsForeign(t *testing.T) {
	kind, body := multipart.Write(multipart.Part{Type: "a/b", Body: []byte("--x")})
	if !multipart.Is(kind) || multipart.Is("application/sdp") {
		t.Errorf("%q", kind)
	}
	boundary := kind[strings.LastIndex(kind, "=")+1:]
	if bytes.Count(body, []byte(boundary)) != 2 {
		t.Errorf("%q", body)
	}
}

func TestParse(t *testing.T) {
	const mixed = "multipart/mixed;boundary=b"
	for _, c := range []struct{ what, kind, body, want string }{
		{"as sipp and SBCs write it", "Multipart/Mixed; boundary=\"b\"", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n", "application/sdp||v=0\r\n"},
		{"preamble and epilogue", mixed, "hello\n--b\nContent-Type: a/b;x=y\nContent-Disposition: Session;handling=required\n\nz\n--b--\nbye", "a/b|session|z"},
		{"no last boundary", mixed, "--b\r\nContent-Type: a/b\r\n\r\nz", "a/b||z"},
		{"no headers", mixed, "--b\r\n\r\nz\r\n--b--", "text/plain||z"},
		{"empty", mixed, "--b\r\nContent-Type: a/b\r\n\r\n\r\n--b--", "a/b||"},
		{"folded", mixed, "--b\r\nContent-Type: a/b;\r\n\tx=y\r\n\r\nz\r\n--b--", "a/b||z"},
		{"optional", mixed, "--b\r\nContent-Disposition: render; Handling = optional\r\n\r\nz\r\n--b--", "text/plain|render?|z"},
		{"longer boundary is text", mixed, "--b\r\n\r\n--bc\r\n--b--", "text/plain||--bc"},
		{"no boundary in the type", "multipart/mixed", "--b\r\n\r\nz\r\n--b--", "malformed"},
		{"not multipart", "application/sdp", "v=0", "malformed"},
		{"nothing", mixed, "", "malformed"},
		{"no delimiter", mixed, "z\r\n", "malformed"},
		{"only an end", mixed, "--b--", "malformed"},
		{"line that is no header", mixed, "--b\r\nnonsense\r\n\r\nz\r\n--b--", "malformed"},
		{"base64", mixed, "--b\r\nContent-Transfer-Encoding: base64\r\n\r\neg==\r\n--b--", "encoding"},
		{"long boundary", "multipart/mixed;boundary=" + strings.Repeat("b", 71), "--b--", "malformed"},
		{"too many parts", mixed, strings.Repeat("--b\r\n\r\nz\r\n", 9) + "--b--", "malformed"},
		{"too many headers", mixed, "--b\r\n" + strings.Repeat("X: y\r\n", 17) + "\r\n--b--", "malformed"},
		{"long header", mixed, "--b\r\nX: " + strings.Repeat("y", 1000) + "\r\n\r\n--b--", "malformed"},
		{"large", mixed, "--b\r\n\r\n" + strings.Repeat("y", multipart.MaxSize), "malformed"},
	} {
		parts, err := multipart.Parse(c.kind, []byte(c.body))
		got := ""
		for _, p := range parts {
			d := p.Disposition
			if p.Optional {
				d += "?"
			}
			got += p.Type + "|" + d + "|" + string(p.Body)
		}
		if errors.Is(err, multipart.ErrMalformed) {
			got = "malformed"
		} else if errors.Is(err, multipart.ErrEncoding) {
			got = "encoding"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.what, got, c.want, err)
		}
	}
}

// FuzzParse: nothing panics, the bounds hold, and what was read is written and read again alike.
func FuzzParse(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"))
	f.Add("multipart/mixed;boundary=\"-- \"", []byte("---- \n\n\r\n---- --"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		parts, err := multipart.Parse(kind, body)
		if err != nil {
			return
		}
		if len(parts) == 0 || len(parts) > multipart.MaxParts {
			t.Fatalf("%d parts", len(parts))
		}
		for i := range parts {
			parts[i].Type, parts[i].Disposition, parts[i].Optional = "a/b", "", false // a stranger's words are not written
		}
		kind, body = multipart.Write(parts...)
		if len(body) > multipart.MaxSize {
			return
		}
		again, err := multipart.Parse(kind, body)
		if err != nil || len(again) != len(parts) {
			t.Fatalf("%v: %q", err, body)
		}
		for i := range parts {
			if !bytes.Equal(parts[i].Body, again[i].Body) {
				t.Fatalf("%q became %q", parts[i].Body, again[i].Body)
			}
		}
	})
}
