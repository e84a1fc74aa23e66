package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDigestRefuses(t *testing.T) {
	for _, s := range []string{
		"", "Basic YTpi", "Bearer token", "Digest a", "Digest =b", `Digest a="b`, `Digest a="b\`, `Digest a="b"c="d"`, `Digest a=b c`,
		"Digest a=", "Digest a=b\x00", "Digest a=\"\x07\"", `Digest nonce="1", NONCE="2"`, "Digest a b=c",
		"Digest " + strings.Repeat("x", maxHeaderBytes), `Digest nonce="` + strings.Repeat("n", maxValueBytes+1) + `"`,
		"Digest " + manyParams(maxParams+1),
	} {
		if d, err := parseDigest(s); !errors.Is(err, ErrSyntax) {
			t.Errorf("%.60q: %v %+v", s, err, d)
		}
	}
}

func manyParams(n int) string {
	var p []string
	for i := range n {
		p = append(p, string(rune('a'+i))+"=1")
	}
	return strings.Join(p, ",")
}

func TestParseDigestTakes(t *testing.T) {
	for in, want := range map[string]digest{
		`digest USERNAME="a" , realm = b,qop=auth`:       {username: "a", realm: "b", qop: "auth"},
		`Digest nonce="a,b", x=y, stale=TRUE,, nc=1`:     {nonce: "a,b", nc: "1", stale: true},
		`Digest username="\"q\\", uri="sip:a@b;c=d?e=f"`: {username: `"q\`, uri: "sip:a@b;c=d?e=f"},
		"Digest " + manyParams(maxParams):                {},
		"Digest":                                         {},
	} {
		if d, err := parseDigest(in); err != nil || d != want {
			t.Errorf("%q: %+v, %v", in, d, err)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	for _, s := range []string{
		`Digest username="1001", realm="example.test", nonce="nonce00", uri="sip:127.0.0.1:20100;transport=udp", response="2073", opaque="op", cnonce="34", qop=auth, nc=00000001`,
		`Digest username="1001",realm="example.test",cnonce="6b8b4567",nc=00000001,qop=auth,uri="sip:127.0.0.1:20200",nonce="n",response="4",algorithm=MD5,opaque="op"`,
		`Digest realm="a\"b", stale=true, qop="auth,auth-int", algorithm=SHA-256`, `Digest a="`, `Digest ,,,=`, "Digest a=\"\\",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseDigest(s)
		if err != nil {
			return
		}
		_, _ = d.count()
		// What we write of it reads back as the same.
		if strings.ContainsAny(d.algorithm+d.qop+d.nc+d.response, " \t\",\\") || d.algorithm == "" || d.qop == "" || d.nc == "" {
			return
		}
		d.stale = false
		if again, err := parseDigest(d.credentials()); err != nil || again != d {
			t.Errorf("%q\nwritten %q\nread back %+v, %v", s, d.credentials(), again, err)
		}
	})
}
