package identity

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
)

// TestClaimsOnce: two members of one name are refused, wherever they stand: whoever else judged the token may have read the other one.
func TestClaimsOnce(t *testing.T) {
	clock := newClock()
	key := rsaJWK("k1")
	o := newOutside(t, key)
	v := newTestVerifier(t, clock, nil, o.issuer())
	plain, err := json.Marshal(o.claims(clock.now()))
	if err != nil {
		t.Fatal(err)
	}
	verify := func(payload []byte) error {
		_, err := v.Verify(t.Context(), sign(t, key, "RS256", atJWT, json.RawMessage(payload)))
		return err
	}
	if err := verify(plain); err != nil {
		t.Fatal(err)
	}
	for name, member := range map[string]string{"subject": `"sub":"root"`, "escaped": `"s\u0075b":"root"`, "nothing of ours": `"x":1,"x":1`, "deeper": `"y":{"a":1,"a":2}`} {
		err := verify(append([]byte("{"+member+","), plain[1:]...))
		wantStatus(t, err, http.StatusUnauthorized, "malformed claims")
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestMembers: values are found as encoding/json finds them, at any path.
func TestMembers(t *testing.T) {
	l, err := parseMembers([]byte(" {\"a\": \"x\\u0041\" , \"list\":[\"p\",\"q\"],\"in\":{\"deep\":{\"er\":\"漢\"}},\"n\":1.5e3,\"null\":null,\"\":\"empty\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []string
		want string
	}{{[]string{"a"}, "xA"}, {[]string{"in", "deep", "er"}, "漢"}, {[]string{"in", "deep"}, ""}, {[]string{"n"}, ""}, {[]string{"null"}, ""}, {[]string{""}, "empty"},
		{[]string{"A"}, ""}, {[]string{"a", "b"}, ""}, {nil, ""}} {
		if got := l.text(c.path); got != c.want {
			t.Errorf("%q: %q, want %q", c.path, got, c.want)
		}
	}
	if got := l.texts([]string{"list"}); !slices.Equal(got, []string{"p", "q"}) {
		t.Errorf("%q", got)
	}
	if got := l.texts([]string{"a"}); !slices.Equal(got, []string{"xA"}) {
		t.Errorf("%q", got)
	}
	if d, err := (member{raw: l.get("n")}).date(); err != nil || d.t.Unix() != 1500 || !d.present {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range []string{"", "null", "[]", `"x"`, `{"a":1`, `{"a":1}}`, `{"a":1}{}`, `{"a":1,}`, `{"a":tru}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{a:1}`, `{"a":01}`, "{\"a\":\"\n\"}"} {
		if l, err := parseMembers([]byte(bad)); err == nil {
			t.Errorf("%q: %q", bad, l)
		}
	}
	for _, bad := range []string{"true", `"5"`, "[]", "{}", "-1", "1e300"} {
		if d, err := (member{raw: []byte(bad)}).date(); err == nil {
			t.Errorf("%s is a date: %+v", bad, d)
		}
	}
}

// FuzzMembers: what is taken, encoding/json takes as well, and finds the same in it.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{"sub":"a","aud":["x","y"],"exp":1.5e9,"realm":{"roles":["a"]}}`, ` { "a\u0062" : "\n" } `, `{"a":{"a":[{}]}}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		l, err := parseMembers(raw)
		if !bytes.Equal(raw, before) {
			t.Fatal("what was signed was altered")
		}
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil || len(want) != len(l) {
			t.Fatalf("%q: %d members, want %d, %v", raw, len(l), len(want), err)
		}
		for name, value := range want {
			if !bytes.Equal(bytes.TrimSpace(value), l.get(name)) {
				t.Fatalf("%q: %q is %q, want %q", raw, name, l.get(name), value)
			}
			var s string
			err := json.Unmarshal(value, &s)
			if got, err2 := (member{raw: l.get(name)}).text(); got != s || (err == nil) != (err2 == nil) {
				t.Fatalf("%q: %q is %q, %v, want %q, %v", raw, name, got, err2, s, err)
			}
			var list []string
			one := len(value) > 0 && value[0] == '"'
			err = json.Unmarshal(value, &list)
			if got, err2 := (member{raw: l.get(name)}).texts(); !one && (err == nil) != (err2 == nil) || !one && err == nil && !slices.Equal(got, list) {
				t.Fatalf("%q: %q is %q, %v, want %q, %v", raw, name, got, err2, list, err)
			}
		}
	})
}
