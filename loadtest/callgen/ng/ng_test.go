package ng

import (
	"bytes"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
)

func TestEncode(t *testing.T) {
	var b bytes.Buffer
	encode(&b, map[string]any{"sdp": "v=0", "command": "offer", "flags": []string{"a", "bc"}, "n": -3})
	if got, want := b.String(), "d7:command5:offer5:flagsl1:a2:bce1:ni-3e3:sdp3:v=0e"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDecode(t *testing.T) {
	v, err := decode([]byte("d4:listli1e2:aae6:result2:ok3:subd1:xi-7eee"))
	want := map[string]any{"list": []any{1, "aa"}, "result": "ok", "sub": map[string]any{"x": -7}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("%v %v", v, err)
	}
	for _, bad := range []string{"", "i1", "ie", "3:ab", "-1:a", "l", "li1e", "d", "d1:a", "di1ei2ee", "i1ei2e", "x", strings.Repeat("l", 40) + strings.Repeat("e", 40)} {
		if v, err := decode([]byte(bad)); !errors.Is(err, ErrBencode) {
			t.Errorf("%q: %v %v", bad, v, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("d4:listli1e2:aae6:result2:oke"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = decode(b) })
}

// TestClient speaks to a server that answers a stranger's cookie first.
func TestClient(t *testing.T) {
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	answers := []string{"d6:result4:ponge", "d3:sdp5:v=0\r\n6:result2:oke", "d12:error-reason3:bad6:result5:errore"}
	go func() {
		var b [4096]byte
		for _, a := range answers {
			n, from, err := s.ReadFrom(b[:])
			if err != nil {
				return
			}
			cookie, _, _ := strings.Cut(string(b[:n]), " ")
			_, _ = s.WriteTo([]byte("0 d6:result2:noe"), from)
			_, _ = s.WriteTo([]byte(cookie+" "+a), from)
		}
	}()
	c, err := Dial(s.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(); err != nil {
		t.Error(err)
	}
	if sdp, err := c.Offer("call", "v=0", "RTP/AVP"); err != nil || sdp != "v=0\r\n" {
		t.Errorf("%q %v", sdp, err)
	}
	if _, err := c.Answer("call", "v=0", "RTP/AVP"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}
