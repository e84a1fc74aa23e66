package sip

import (
	"errors"
	"reflect"
	"strconv"
	"testing"
)

func TestParseURI(t *testing.T) {
	cases := []struct {
		in   string
		want URI
		out  string // "" when equal to in
	}{
		{"sip:bob@example.com", URI{Scheme: "sip", User: "bob", Host: "example.com"}, ""},
		{"SIP:Bob@EXAMPLE.com:5080", URI{Scheme: "sip", User: "Bob", Host: "example.com", Port: 5080}, "sip:Bob@example.com:5080"},
		{"sips:[2001:DB8::1]:5061", URI{Scheme: "sips", Host: "2001:db8::1", Port: 5061}, "sips:[2001:db8::1]:5061"},
		{"sip:a%40b%20c@h", URI{Scheme: "sip", User: "a@b c", Host: "h"}, ""},
		{"sip:user;par=u%40example.net@example.com", URI{Scheme: "sip", User: "user;par=u@example.net", Host: "example.com"}, ""},
		{"sip:h;lr;transport=TCP", URI{Scheme: "sip", Host: "h", Params: Params{{Name: "lr", Flag: true}, {Name: "transport", Value: "TCP"}}}, ""},
		{"sip:h?Replaces=a%3Bto-tag%3D1&x=", URI{Scheme: "sip", Host: "h",
			Headers: Params{{Name: "replaces", Value: "a;to-tag=1"}, {Name: "x"}}}, "sip:h?replaces=a%3Bto-tag%3D1&x="},
		{"tel:+81-3-1234-5678;ext=12", URI{Scheme: "tel", User: "+81-3-1234-5678", Params: Params{{Name: "ext", Value: "12"}}}, ""},
		{"sip:#31#@h", URI{Scheme: "sip", User: "#31#", Host: "h"}, "sip:%2331%23@h"},
		{"sip:a%00b@h", URI{Scheme: "sip", User: "a\x00b", Host: "h"}, ""},
		{"sip:user:secret@h", URI{Scheme: "sip", User: "user", Host: "h"}, "sip:user@h"},
		{"urn:service:sos", URI{Scheme: "urn", User: "service:sos"}, ""},
		{"sip:+81312345678@h;user=phone", URI{Scheme: "sip", User: "+81312345678", Host: "h", Params: Params{{Name: "user", Value: "phone"}}}, ""},
	}
	for _, c := range cases {
		got, err := ParseURI(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.in, got, err)
		}
		if c.out == "" {
			c.out = c.in
		}
		if got.String() != c.out {
			t.Errorf("%s written as %s", c.in, got)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"": ErrSyntax, "bob": ErrSyntax, ":x": ErrSyntax, "sip:": ErrSyntax, "sip:@h": ErrSyntax, "sip:a@": ErrSyntax, "sip:a b@h": ErrSyntax,
		"sip:a@b@c": ErrSyntax, "sip:a@h:0": ErrSyntax, "sip:a@h:65536": ErrSyntax, "sip:a@h:-5": ErrSyntax, "sip:a@h:": ErrSyntax,
		"sip:[::1": ErrSyntax, "sip:[fe80::1%25eth0]": ErrSyntax, "sip:[1.2.3.4]": ErrSyntax, "sip:a..b": ErrSyntax, "sip:a%": ErrSyntax,
		"sip:a%4@h": ErrSyntax, "sip:a%zz@h": ErrSyntax, "sip:a%07b@h": ErrSyntax, "sip:a%0d%0aX@h": ErrSyntax, "sip:h;=v": ErrSyntax,
		"sip:h;;x": ErrSyntax, "sip:h;lr;LR": ErrSyntax, "sip:h?": ErrSyntax, "sip::secret@h": ErrSyntax, "sip:user:a%0ab@h": ErrSyntax, "sip:user:a:b@h": ErrSyntax, "tel:": ErrSyntax, "tel:12x9": ErrSyntax,
		"http://example.com": ErrScheme, "isbn:2983792873": ErrScheme, "nobodyKnows:x": ErrScheme, "1ab:x": ErrSyntax, "sip:h\r\n": ErrSyntax,
		"sip:a@h\x00": ErrSyntax, "<sip:a@h>": ErrSyntax, "sip:日本@h": ErrSyntax,
	} {
		if got, err := ParseURI(in); !errors.Is(err, want) || !got.IsZero() {
			t.Errorf("%q: %+v, %v, want %v", in, got, err, want)
		}
	}
}

// RFC 3261 section 19.1.4's own pairs, by their described property.
func TestURIEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:h?a=1&b=2", "sip:h?b=2&a=1", true},
		{"SIP:ALICE@h", "sip:alice@h", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next", false},
		{"sip:carol@h;security=on", "sip:carol@h;security=off", false},
	} {
		a, _ := ParseURI(c.a)
		b, _ := ParseURI(c.b)
		if a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%s = %s: want %v", c.a, c.b, c.want)
		}
	}
}

func TestURICopies(t *testing.T) {
	u, _ := ParseURI("sips:bob@example.com:5071;transport=tls;lr?x=1")
	if got := u.AOR().String(); got != "sip:bob@example.com" {
		t.Error(got)
	}
	v := u.WithParam("transport", "tcp").WithoutParam("lr").WithFlag("ob").WithUser("a b").WithoutHeaders()
	if got := v.String(); got != "sips:a%20b@example.com:5071;transport=tcp;ob" {
		t.Error(got)
	}
	if got := u.String(); got != "sips:bob@example.com:5071;transport=tls;lr?x=1" {
		t.Errorf("the original changed: %s", got)
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		`"Mr. \"Q\" Watson" <sip:w@bell.com>;q=0.7; expires=3600`: `"Mr. \"Q\" Watson" <sip:w@bell.com>;q=0.7;expires=3600`,
		`sip:+1212@server.example.net;tag=887s`:                   `<sip:+1212@server.example.net>;tag=887s`,
		`Anonymous <sip:c8@anonymizer.invalid>;tag=h`:             `"Anonymous" <sip:c8@anonymizer.invalid>;tag=h`,
		`<sip:a@h;lr>`:                  `<sip:a@h;lr>`,
		`*`:                             `*`,
		`内線 <sip:2001@h>`:               `"内線" <sip:2001@h>`,
		`<sip:a@h>;+sip.instance="<x>"`: `<sip:a@h>;+sip.instance="<x>"`,
		`<sip:a@h>;received=::1`:        `<sip:a@h>;received=::1`,
		`<tel:110>`:                     `<tel:110>`,
	} {
		a, err := ParseAddress(in)
		if err != nil || a.String() != want {
			t.Errorf("%s: %s, %v", in, a, err)
		}
	}
	for _, in := range []string{"", "<sip:a@h", `"x <sip:a@h>`, `"x" sip:a@h`, `<sip:a@h>x`, `<sip:a@h>;`, `a"b <sip:a@h>`, `sip:a@h?x=1`,
		"x <>", `<sip:a@h>;tag=1;Tag=2`, `<sip:a@h>;tag="x`, `Bell, Alexander <sip:a@h>`, `<sip:a@h>;tag=`} {
		if a, err := ParseAddress(in); err == nil {
			t.Errorf("%s was accepted: %s", in, a)
		}
	}
	as, err := ParseAddresses(`"a,b" <sip:a@h;x=1,2>, <sip:b@h>;q=1,sip:c@h`)
	if err == nil && len(as) != 3 || err != nil && !errors.Is(err, ErrSyntax) {
		t.Errorf("%v, %v", as, err)
	}
	a, _ := ParseAddress("<sip:a@h>;tag=1;x")
	if b := a.WithTag("2"); b.Tag() != "2" || a.Tag() != "1" || b.WithTag("").Tag() != "" || len(b.Params) != 2 {
		t.Errorf("tags of %s and %s", a, b)
	}
}

func TestCause(t *testing.T) {
	for status, q := range map[int]int{404: 1, 486: 17, 480: 18, 503: 41, 603: 21, 499: 41, 599: 41, 699: 17, 200: 16, 302: 0} {
		if got := StatusCause(status); got.Q850 != q || got.Status != status {
			t.Errorf("%d: %v", status, got)
		}
	}
	for q, status := range map[int]int{1: 404, 16: 200, 17: 486, 19: 480, 34: 503, 99: 500} {
		if got := Q850Cause(q); got.Status != status || got.Q850 != q {
			t.Errorf("Q.850 %d: %v", q, got)
		}
	}
	if got, want := CauseBusy.ReasonHeader(), `SIP;cause=486;text="User busy", Q.850;cause=17`; got != want {
		t.Errorf("%s", got)
	}
	if got := (Cause{Status: 200, Text: "a\"\r\nX: y"}).ReasonHeader(); got != `SIP;cause=200;text="a\"  X: y"` {
		t.Errorf("%s", got)
	}
	for in, want := range map[string]Cause{
		`SIP;cause=200;text="Call completed elsewhere"`:      {200, 16, "Call completed elsewhere"},
		`Q.850 ;cause=17;text="busy"`:                        {486, 17, "busy"},
		`preemption;cause=1, q.850;cause=19 , SIP;cause=480`: {480, 19, ""},
	} {
		if got, err := ParseReason(in); err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "SIP", "SIP;cause=x", "SIP;cause=99999", "Q.850;cause=0", `SIP;cause=1;text="`} {
		if got, err := ParseReason(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
	back, err := ParseReason(CauseCompletedElsewhere.ReasonHeader())
	if err != nil || back != CauseCompletedElsewhere {
		t.Errorf("%v, %v", back, err)
	}
}

func TestBounds(t *testing.T) {
	many := "<sip:a@h>"
	for i := range maxParams + 1 {
		many += ";a" + strconv.Itoa(i)
	}
	if _, err := ParseAddress(many); !errors.Is(err, ErrBounds) {
		t.Errorf("parameters: %v", err)
	}
	list := ""
	for range maxAddresses + 1 {
		list += "<sip:a@h>,"
	}
	if _, err := ParseAddresses(list); !errors.Is(err, ErrBounds) {
		t.Errorf("addresses: %v", err)
	}
	if _, err := ParseURI("sip:" + string(make([]byte, maxURI))); !errors.Is(err, ErrBounds) {
		t.Errorf("URI: %v", err)
	}
}

// What was parsed and written parses to the same again.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:a@h", "sips:[::1]:5061;lr?a=b", "tel:+81-3;ext=1", "urn:service:sos.fire", `"x" <sip:a%40b@h>;tag=1;+y="<z>"`,
		"sip:h;a=%5b@", "*", "sip:a@h;x;y=", `SIP;cause=200;text="x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := ParseURI(s); err == nil {
			v, err := ParseURI(u.String())
			if err != nil || !reflect.DeepEqual(u, v) || !u.Equal(v) {
				t.Errorf("%q: %+v written %q read %+v, %v", s, u, u.String(), v, err)
			}
		}
		if a, err := ParseAddress(s); err == nil {
			b, err := ParseAddress(a.String())
			if err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%q: %+v written %q read %+v, %v", s, a, a.String(), b, err)
			}
		}
		_, _ = ParseAddresses(s)
		if c, err := ParseReason(s); err == nil {
			if d, err := ParseReason(c.ReasonHeader()); err != nil || d.Status != c.Status || d.Q850 != c.Q850 {
				t.Errorf("%q: %v, %v, %v", s, c, d, err)
			}
		}
	})
}
