package rest

import (
	"net/http"
	"strings"
	"testing"
)

const asMerge = "Content-Type: " + mergeType

// TestPatch: RFC 7396, each refusal with its place.
func TestPatch(t *testing.T) {
	r := newRig(t)
	before := r.do(t, admin, "GET", ext, "")
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		at, says   string
	}{
		{"one field", `{"display":"窓口"}`, []string{asMerge}, 200, "", `"display":"窓口"`},
		{"taken away", `{"display":null}`, []string{asMerge}, 200, "", ""},
		{"nothing", `{}`, []string{asMerge}, 200, "", ""},
		{"other type", `{"display":"x"}`, nil, 415, "", ""},
		{"not JSON", `{`, []string{asMerge}, 422, "body", "ends too early"},
		{"no object", `[1]`, []string{asMerge}, 422, "body", "is no JSON object"},
		{"twice", `{"display":"a","display":"b"}`, []string{asMerge}, 422, "body.display", "is given twice"},
		{"unknown field", `{"tenant":"x"}`, []string{asMerge}, 422, "body", "unknown field"},
		{"wrong type", `{"display":7}`, []string{asMerge}, 422, "body", "does not fit"},
		{"not valid", `{"display":"a\r\nb"}`, []string{asMerge}, 422, "body.display", "control character"},
		{"another key", `{"number":"2999"}`, []string{asMerge}, 422, "body", "another key"},
		{"nobody's reference", `{"user":"nobody"}`, []string{asMerge}, 422, "body.user", ""},
		{"stale", `{"display":"x"}`, []string{asMerge, `If-Match: "0"`}, 412, "", ""},
	} {
		p := r.do(t, admin, "PATCH", ext, c.body, c.headers...)
		if p.status != c.status || !strings.Contains(p.body, c.says) || p.status >= 400 && p.location(t) != c.at {
			t.Errorf("%s: %d %s, want %d at %q", c.name, p.status, p.body, c.status, c.at)
		}
		if c.status == 415 && p.header.Get("Accept-Patch") != mergeType {
			t.Errorf("%s: Accept-Patch %q (RFC 5789 section 2.2)", c.name, p.header.Get("Accept-Patch"))
		}
	}
	after := r.do(t, admin, "GET", ext, "")
	if !strings.Contains(after.body, `"display":""`) {
		t.Errorf("the field that was taken away is there: %s", after.body)
	}
	if r.do(t, admin, "PATCH", ext, `{"display":"x"}`, asMerge, "If-Match: "+after.header.Get("ETag")).status != http.StatusOK {
		t.Error("the current tag is stale")
	}
	if r.do(t, admin, "PATCH", base+"/extensions/2998", `{"display":"x"}`, asMerge).status != http.StatusNotFound {
		t.Errorf("a PATCH made something; before there was %s", before.body)
	}
}

// TestPatchTellsNothing: who may change only their own does not learn what is there.
func TestPatchTellsNothing(t *testing.T) {
	r := newRig(t)
	for _, body := range []string{`{}`, `{"tenant":"x"}`, `[]`} {
		mine, none := r.do(t, "zoe+staff", "PATCH", base+"/settings/2001", body, asMerge), r.do(t, "zoe+staff", "PATCH", base+"/settings/2998", body, asMerge)
		if mine.status != http.StatusNotFound || mine.body != none.body {
			t.Errorf("%s: %d %s, of what is not there %d %s", body, mine.status, mine.body, none.status, none.body)
		}
	}
}

// TestPatchDomain: a domain's settings one by one; it stays the same domain, and who may not replace it may not change it.
func TestPatchDomain(t *testing.T) {
	r := newRig(t)
	at := base
	before := r.do(t, admin, "GET", at, "")
	for _, c := range []struct {
		who, body string
		headers   []string
		status    int
		says      string
	}{
		{admin, `{"language":"en"}`, []string{asMerge}, 200, `"language":"en"`},
		{admin, `{"language":"xx"}`, []string{asMerge}, 422, "body.language"},
		{admin, `{"name":"other.example"}`, []string{asMerge}, 422, "another key"},
		{admin, `{"language":"ja"}`, []string{asMerge, "If-Match: " + before.header.Get("ETag")}, 412, ""},
		{admin, `{"language":"ja"}`, nil, 415, ""},
		{"zoe+staff", `{"language":"ja"}`, []string{asMerge}, 403, "not-granted"},
	} {
		if p := r.do(t, c.who, "PATCH", at, c.body, c.headers...); p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s %s: %d %s, want %d %q", c.who, c.body, p.status, p.body, c.status, c.says)
		}
	}
	after := r.do(t, admin, "GET", at, "")
	if want := strings.Replace(before.body, `"language":"ja"`, `"language":"en"`, 1); after.body != want || want == before.body {
		t.Errorf("%s\nwant %s", after.body, want)
	}
}
