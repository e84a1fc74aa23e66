package stack_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"naisen/sip"
	"naisen/sip/stack"
)

const invite = "INVITE sip:bob@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKnashds8;rport, SIP / 2.0 / TCP  [2001:db8::9] : 5060 ;branch=z9hG4bKlower\r\n" +
	"Max-Forwards: 70\r\n" +
	"t: Bob <sip:bob@example.com>\r\n" +
	"f: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n" +
	"i: a84b4c76e66710@192.0.2.10\r\n" +
	"CSEQ: 314159 INVITE\r\n" +
	"m: <sip:alice@192.0.2.10>,\r\n <sip:alice@192.0.2.11>;q=0.1\r\n" +
	"k: 100rel, Timer\r\n" +
	"x: 1800\r\n" +
	"Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\", uri=\"sip:example.com\", response=\"7587245234b3434cc3412213e5f113a5432\"\r\n" +
	"p-asserted-identity \t: <sip:alice@example.com>\r\n" +
	"c: application/sdp\r\n" +
	"l: 4\r\n\r\nv=0\n"

func TestParseRequest(t *testing.T) {
	r, resp, err := stack.Parse([]byte(invite + "trailing bytes of no message"))
	if err != nil || resp != nil {
		t.Fatal(err)
	}
	if n, m := r.CSeq(); n != 314159 || m != "INVITE" || r.Method != "INVITE" || r.URI.String() != "sip:bob@example.com" {
		t.Errorf("CSeq %d %s, %s", n, m, r.URI)
	}
	if r.From().Display != "Alice" || r.From().Tag() != "1928301774" || r.To().Tag() != "" || r.CallID() != "a84b4c76e66710@192.0.2.10" {
		t.Errorf("From %v, To %v, Call-ID %s", r.From(), r.To(), r.CallID())
	}
	vias, err := r.Vias()
	if err != nil || len(vias) != 2 || vias[1].Host != "2001:db8::9" || vias[1].Port != 5060 || vias[1].Branch() != "z9hG4bKlower" {
		t.Errorf("Vias %v, %v", vias, err)
	}
	if cs, err := r.Contacts(); err != nil || len(cs) != 2 || cs[1].URI.Host != "192.0.2.11" {
		t.Errorf("Contacts %v, %v", cs, err)
	}
	if got := r.Supported(); !reflect.DeepEqual(got, []string{"100rel", "timer"}) {
		t.Errorf("Supported %v", got)
	}
	for name, want := range map[string]string{"Session-Expires": "1800", "X": "1800", "P-ASSERTED-IDENTITY": "<sip:alice@example.com>", "Content-Type": "application/sdp"} {
		if got := r.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if len(r.All("Authorization")) != 1 || len(r.All("Contact")) != 2 || r.MaxForwards() != 70 || string(r.Body) != "v=0\n" {
		t.Errorf("lists, Max-Forwards %d, body %q", r.MaxForwards(), r.Body)
	}
	r.Del("p-asserted-identity")
	if r.Has("P-Asserted-Identity") {
		t.Error("a header survived its removal") // dependencies.md section 3: sipgo's does
	}
}

func TestHeaders(t *testing.T) {
	r := stack.NewRequest("OPTIONS", sip.URI{Scheme: "sip", Host: "h"})
	r.Add("v", "two")
	r.Prepend("Via", "one")
	r.Add("subject", "a, b")
	r.Add("www-authenticate", "Digest a=1, b=2")
	r.Add("x-my-header", "1")
	r.Set("Via", "three")
	var names []string
	r.Each(func(h stack.Header) bool { names = append(names, h.Name); return h.Name != "WWW-Authenticate" })
	if !reflect.DeepEqual(names, []string{"Via", "Subject", "WWW-Authenticate"}) || r.Len() != 4 {
		t.Errorf("names %v", names)
	}
	if got := r.Lines("Via"); !reflect.DeepEqual(got, []string{"three"}) || r.Get("X-My-Header") != "1" {
		t.Errorf("Via %v", got)
	}
	c := r.Clone()
	c.Set("Via", "four")
	if r.Get("Via") != "three" {
		t.Error("a clone shares headers")
	}
	for v, want := range map[string]int{"0": 0, "3600": 3600, "4294967295": 4294967295, "99999999999999999999": 4294967295} {
		r.Set("Expires", v)
		if n, ok := r.Expires(); !ok || n != want {
			t.Errorf("Expires %s: %d, %v", v, n, ok)
		}
	}
	for _, v := range []string{"", "-1", "x", "1.5"} {
		r.Set("Expires", v)
		if n, ok := r.Expires(); ok {
			t.Errorf("Expires %q: %d", v, n)
		}
	}
}

func TestNewResponse(t *testing.T) {
	r, _, err := stack.Parse([]byte(invite))
	if err != nil {
		t.Fatal(err)
	}
	a, b, trying := stack.NewResponse(r, 180, ""), stack.NewResponse(r, 200, "Fine"), stack.NewResponse(r, 100, "")
	if a.To().Tag() == "" || a.To().Tag() != b.To().Tag() || trying.To().Tag() != "" || r.LocalTag() != a.To().Tag() {
		t.Error("To tags")
	}
	if a.Reason != "Ringing" || b.Reason != "Fine" || len(a.All("Via")) != 2 || a.CallID() != r.CallID() || a.Get("CSeq") != r.Get("CSeq") {
		t.Errorf("%+v", a)
	}
	r.Set("To", "<sip:bob@example.com>;tag=mine")
	if got := stack.NewResponse(r, 200, "").To().Tag(); got != "mine" {
		t.Errorf("an existing To tag became %q", got)
	}
}

func TestAppendRefusesInjection(t *testing.T) {
	good := func() *stack.Request {
		r, _, _ := stack.Parse([]byte(invite))
		return r
	}
	for name, change := range map[string]func(*stack.Request){
		"value":   func(r *stack.Request) { r.Add("Subject", "a\r\nb: c") },
		"LF":      func(r *stack.Request) { r.Add("Subject", "a\nb") },
		"NUL":     func(r *stack.Request) { r.Add("Subject", "a\x00b") },
		"name":    func(r *stack.Request) { r.Add("Sub ject", "a") },
		"method":  func(r *stack.Request) { r.Method = "INVITE sip:x" },
		"URI":     func(r *stack.Request) { r.URI.Host = "h SIP/2.0\r\nX: y" },
		"tel":     func(r *stack.Request) { r.URI = sip.URI{Scheme: "tel", User: "1 2"} },
		"no URI":  func(r *stack.Request) { r.URI = sip.URI{} },
		"display": func(r *stack.Request) { r.Set("From", "x\r\ny") },
	} {
		r := good()
		change(r)
		if b, err := r.Append([]byte("before")); !errors.Is(err, stack.ErrInjection) || string(b) != "before" {
			t.Errorf("%s: %v, %q", name, err, b)
		}
	}
	// What is built from values cannot inject at all: control characters are quoted away or escaped.
	r := good()
	r.SetFrom(sip.Address{Display: "a\r\nX: y", URI: sip.URI{Scheme: "sip", User: "b\r\nZ: z", Host: "h"}}.WithTag("1"))
	b, err := r.Append(nil)
	if err != nil || strings.Contains(string(b), "\nX: y") || strings.Contains(string(b), "\nZ: z") {
		t.Errorf("%v\n%s", err, b)
	}
}

// Parse, write, parse: the same message.
func FuzzParse(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>;tag=2\r\ni: x\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n"))
	f.Add(message{extra: "Contact: *\r\nExpires: 0\r\n"}.bytes("h", 1))
	f.Add(message{line: "ACK tel:+81 SIP/2.0"}.bytes("[::1]:5060", 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, resp, err := stack.Parse(b)
		if err != nil {
			var pe *stack.ParseError
			if !errors.As(err, &pe) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if r != nil {
			out, err := r.Append(nil)
			if err != nil {
				t.Fatalf("cannot be written: %v", err)
			}
			again, _, err := stack.Parse(out)
			if err != nil {
				t.Fatalf("cannot be read back: %v\n%s", err, out)
			}
			same(t, &r.Headers, &again.Headers)
			if again.Method != r.Method || !reflect.DeepEqual(again.URI, r.URI) || string(again.Body) != string(r.Body) {
				t.Fatalf("%+v became %+v", r, again)
			}
			if _, err := stack.NewResponse(r, 400, "").Append(nil); err != nil {
				t.Fatalf("cannot be answered: %v", err)
			}
			return
		}
		out, err := resp.Append(nil)
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		_, again, err := stack.Parse(out)
		if err != nil {
			t.Fatalf("cannot be read back: %v\n%s", err, out)
		}
		same(t, &resp.Headers, &again.Headers)
		if again.Status != resp.Status || again.Reason != resp.Reason || string(again.Body) != string(resp.Body) {
			t.Fatalf("%+v became %+v", resp, again)
		}
	})
}

// same compares headers but for Content-Length, which is always computed.
func same(t *testing.T, a, b *stack.Headers) {
	t.Helper()
	lines := func(h *stack.Headers) (out []stack.Header) {
		h.Each(func(e stack.Header) bool {
			if e.Name != "Content-Length" {
				out = append(out, e)
			}
			return true
		})
		return out
	}
	if x, y := lines(a), lines(b); !reflect.DeepEqual(x, y) {
		t.Fatalf("%q became %q", x, y)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := stack.Parse([]byte(invite)); err != nil {
			b.Fatal(err)
		}
	}
}
