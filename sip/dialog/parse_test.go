package dialog

import (
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

func TestParseDigit(t *testing.T) {
	for body, want := range map[string]Digit{
		"Signal=5\r\nDuration=160": {'5', 160 * time.Millisecond}, "signal = *\nduration=99999": {'*', digitLength}, // does not fit
		"5": {'5', digitLength}, "#\r\n": {'#', digitLength}, "Signal=10": {'*', digitLength}, "Signal=16": {'!', digitLength},
		"Signal=a": {'A', digitLength}, "Signal=5\nSignal=6": {'5', digitLength}, "Duration=50\r\nSignal=D": {'D', 50 * time.Millisecond},
		"Signal=7\r\nDuration=60000": {'7', maxDigitTime}, "Signal=7\r\nDuration=-5": {'7', digitLength},
	} {
		if got, ok := parseDigit(body); !ok || got != want {
			t.Errorf("%q: %+v %v, want %+v", body, got, ok, want)
		}
	}
	for _, body := range []string{"", "Signal=", "Signal=17", "Signal=55", "hello", "Signal=\x00", "=5", "Signal=é"} {
		if got, ok := parseDigit(body); ok {
			t.Errorf("%q: %+v", body, got)
		}
	}
}

func TestParseReplaces(t *testing.T) {
	for v, want := range map[string]Replaces{
		"a@b;to-tag=1;from-tag=2":                 {"a@b", "1", "2", false},
		"a@b;from-tag=2;to-tag=1":                 {"a@b", "1", "2", false},
		" a@b ; to-tag = 1;from-tag=2;early-only": {"a@b", "1", "2", true},
	} {
		if got, ok := parseReplaces(v); !ok || got != want {
			t.Errorf("%q: %+v %v", v, got, ok)
		}
	}
	for _, v := range []string{"", "a", "a;to-tag=1", ";to-tag=1;from-tag=2", "a b;to-tag=1;from-tag=2", "a\r\nX: y;to-tag=1;from-tag=2",
		strings.Repeat("a", 600) + ";to-tag=1;from-tag=2"} {
		if got, ok := parseReplaces(v); ok {
			t.Errorf("%q: %+v", v, got)
		}
	}
}

func TestParseFrag(t *testing.T) {
	for body, want := range map[string]int{
		"SIP/2.0 200 OK": 200, "SIP/2.0 180 Ringing\r\nContact: x": 180, "sip/2.0 603": 603, "SIP/2.0 99 x": 0, "SIP/2.0 700 x": 0, "HTTP/1.1 200 OK": 0, "": 0,
	} {
		if got, ok := parseFrag(body); got != want || ok != (want != 0) {
			t.Errorf("%q: %d %v", body, got, ok)
		}
	}
}

func TestReadSessionExpires(t *testing.T) {
	for v, want := range map[string]sessionExpires{
		"": {}, "90": {interval: 90 * time.Second}, "1800;refresher=uac": {interval: 1800 * time.Second, refresher: "uac"},
		"300 ; x=y; Refresher = UAS": {interval: 300 * time.Second, refresher: "uas"}, "300;refresher=me": {interval: 300 * time.Second},
		"0": {}, "-5": {}, "x": {}, "99999999999": {}, "4294967295": {interval: maxInterval},
	} {
		r := stack.NewRequest("INVITE", sip.URI{})
		r.Set("Session-Expires", v)
		if got := readSessionExpires(&r.Headers); got != want {
			t.Errorf("%q: %+v, want %+v", v, got, want)
		}
	}
}

func TestReadCause(t *testing.T) {
	for name, tc := range map[string]struct {
		status  int
		request bool
		reasons []string
		want    sip.Cause
	}{
		"nothing said in a BYE":    {200, true, nil, sip.Cause{Status: 200, Q850: 16}},
		"Q.850 in a BYE":           {200, true, []string{"Q.850;cause=31"}, sip.Cause{Status: 480, Q850: 31}},
		"completed elsewhere":      {487, true, []string{`SIP;cause=200;text="Call completed elsewhere"`}, sip.Cause{Status: 200, Q850: 16, Text: "Call completed elsewhere"}},
		"a response has a status":  {486, false, []string{"SIP;cause=200, Q.850;cause=17"}, sip.Cause{Status: 486, Q850: 17}},
		"Q.850 refines a response": {503, false, []string{"Q.850;cause=34"}, sip.Cause{Status: 503, Q850: 34}},
		"garbage":                  {486, false, []string{";;;", "X;cause=1"}, sip.Cause{Status: 486, Q850: 17}},
		"too long":                 {486, false, []string{"Q.850;cause=1;text=\"" + strings.Repeat("x", 2000) + `"`}, sip.Cause{Status: 486, Q850: 17}},
	} {
		if got := readCause(tc.status, tc.request, tc.reasons); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestBackOffBounds(t *testing.T) {
	for range 2000 {
		if d := between(2100*time.Millisecond, 4*time.Second); d < 2100*time.Millisecond || d > 4*time.Second || d%(10*time.Millisecond) != 0 {
			t.Fatal(d)
		}
	}
}

func TestDialogEnding(t *testing.T) { // RFC 5057
	for _, tc := range []struct {
		method string
		status int
		want   bool
	}{{"INVITE", 481, true}, {"INVITE", 408, true}, {"UPDATE", 404, true}, {"INVITE", 488, false}, {"INVITE", 491, false}, {"INVITE", 500, false},
		{"INFO", 481, true}, {"INFO", 408, false}, {"INFO", 415, false}, {"REFER", 404, false}, {"REFER", 481, true}, {"NOTIFY", 481, false}, {"PRACK", 481, false}} {
		if got := fails(tc.method, tc.status); got != tc.want {
			t.Errorf("%s %d: %v", tc.method, tc.status, got)
		}
	}
}

func FuzzBodies(f *testing.F) {
	for _, s := range []string{"Signal=5\r\nDuration=160", "5", "a@b;to-tag=1;from-tag=2", "SIP/2.0 200 OK", "300;refresher=uac", `Q.850;cause=16;text="x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := parseDigit(s); ok && (!isDigit(d.Rune) || d.Duration < 0 || d.Duration > maxDigitTime) {
			t.Fatalf("digit %+v", d)
		}
		if r, ok := parseReplaces(s); ok && (r.CallID == "" || strings.ContainsAny(r.CallID, "\r\n")) {
			t.Fatalf("replaces %+v", r)
		}
		if n, ok := parseFrag(s); ok && (n < 100 || n > 699) {
			t.Fatalf("status %d", n)
		}
		r := stack.NewRequest("INVITE", sip.URI{})
		r.Set("Session-Expires", s)
		if e := readSessionExpires(&r.Headers); e.interval < 0 || e.interval > maxInterval {
			t.Fatalf("%+v", e)
		}
		if c := readCause(200, true, []string{s}); c.Status < 100 || c.Status > 699 || c.Q850 < 0 || c.Q850 > 127 {
			t.Fatalf("%+v", c)
		}
	})
}
