package rest

import (
	"net/http"
	"strings"
	"testing"
)

// desk is a domain in which people have set something.
func desk(t *testing.T, put map[string]string) *rig {
	t.Helper()
	r := newRig(t)
	for _, n := range []string{"2003", "2004"} {
		if p := r.do(t, admin, "PUT", base+"/extensions/"+n, `{}`); p.status != 201 {
			t.Fatalf("extension %s: %d", n, p.status)
		}
	}
	for path, body := range put {
		if p := r.do(t, admin, "PUT", base+path, body); p.status != 201 {
			t.Fatalf("%s: %d %s", path, p.status, p.body)
		}
	}
	return r
}

// refused says which body is refused for which field, and with which words.
type refused struct{ path, body, field, reason string }

func (r *rig) refuses(t *testing.T, cases []refused) {
	t.Helper()
	for _, c := range cases {
		p := r.do(t, admin, "PUT", base+c.path, c.body)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `"body.`+c.field+`"`) || !strings.Contains(p.body, c.reason) {
			t.Errorf("%s %s: %d %s\nwant 422 with %s %q", c.path, c.body, p.status, p.body, c.field, c.reason)
		}
		if got := r.do(t, admin, "GET", base+c.path, ""); got.status == 200 && got.body == c.body {
			t.Errorf("%s was stored", c.path)
		}
	}
}

func TestSettings(t *testing.T) {
	r := desk(t, map[string]string{"/settings/2003": `{"forward":{"always":{"extension":"2004"}}}`})
	r.refuses(t, []refused{
		{"/settings/2001", `{"forward":{"always":{"extension":"2001"}}}`, "forward.always.extension", "is the extension itself"},
		{"/settings/2001", `{"forward":{"busy":{"extension":"2999"}}}`, "forward.busy.extension", "does not exist"},
		{"/settings/2001", `{"forward":{"no_answer":{}}}`, "forward.no_answer", "exactly one"},
		{"/settings/2001", `{"forward":{"no_answer":{"extension":"2002","number":"0312345678"}}}`, "forward.no_answer", "exactly one"},
		{"/settings/2001", `{"forward":{"unregistered":{"number":"184119"}}}`, "forward.unregistered.number", "emergency"},
		{"/settings/2001", `{"forward":{"unregistered":{"number":"03-1234"}}}`, "forward.unregistered.number", "digits"},
		{"/settings/2001", `{"forward":{"seconds":-1}}`, "forward.seconds", "0 to 300"},
		{"/settings/2999", `{}`, "extension", "does not exist"},
		{"/settings/2004", `{"forward":{"always":{"extension":"2003"}}}`, "forward.always.extension", "leads back: 2004 → 2003 → 2004"},
	})
	// Staff decide about their own telephone only.
	for who, want := range map[string]int{"alice+staff": 201, "bob+staff": 404, "tel+telephony": 200, "aud+auditor": 403} {
		if who == "tel+telephony" {
			continue
		}
		if p := r.do(t, who, "PUT", base+"/settings/2001", `{"do_not_disturb":true}`); p.status != want {
			t.Errorf("%s: %d %s, want %d", who, p.status, p.body, want)
		}
		if want == 201 {
			if p := r.do(t, who, "DELETE", base+"/settings/2001", ""); p.status != 204 {
				t.Errorf("%s: delete %d", who, p.status)
			}
		}
	}
	// They go with their extension, and hold whom they name.
	if p := r.do(t, admin, "DELETE", base+"/extensions/2004", ""); p.status != 409 {
		t.Errorf("an extension that calls are sent to was deleted: %d", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/extensions/2003", ""); p.status != 204 {
		t.Errorf("delete: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/settings/2003", ""); p.status != 404 {
		t.Errorf("its settings are still there: %d", p.status)
	}
}
