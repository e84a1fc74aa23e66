package rest

import (
	"strings"
	"testing"
)

func TestCallerNumbers(t *testing.T) {
	r := desk(t, map[string]string{"/dids/+81312340100": `{"to":["2001"],"title":"税務課"}`})
	for path, body := range map[string]string{"/departments/tax": `{"numbers":["+81312340100"]}`, "/extensions/2001": `{"user":"alice","department":"tax","caller_id":"+81312340001"}`,
		"/trunks/carrier": `{"host":"sip.example.net","caller_ranges":["+81312340100"]}`} {
		if p := r.do(t, admin, "PUT", base+path, body); p.status != 200 {
			t.Fatalf("%s: %d %s", path, p.status, p.body)
		}
	}
	r.refuses(t, []refused{
		{"/departments/x", `{"numbers":["+81399999999"]}`, "numbers[0]", "does not exist"},
		{"/departments/x", `{"numbers":["0312340100"]}`, "numbers[0]", "E.164"},
		{"/settings/2001", `{"caller_id":"+81312345678"}`, "caller_id", "no number that this extension may show"},
		{"/settings/2002", `{"caller_id":"+81312340100"}`, "caller_id", "no number that this extension may show"},
		{"/settings/2001", `{"caller_id":"0312340100"}`, "caller_id", "E.164"},
	})
	if p := r.do(t, "alice+staff", "PUT", base+"/settings/2001", `{"caller_id":"+81312340100"}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	p := r.do(t, "alice+staff", "GET", base+"/extensions/2001/caller-numbers", "")
	for _, want := range []string{`{"place":1,"number":"+81312340001","title":"","default":false,"trunks":[]}`, `{"place":2,"number":"+81312340100","title":"税務課","default":true,"trunks":["carrier"]}`} {
		if p.status != 200 || !strings.Contains(p.body, want) {
			t.Errorf("%d %s, want %s", p.status, p.body, want)
		}
	}
	if p := r.do(t, "alice+staff", "GET", base+"/extensions/2002/caller-numbers", ""); p.status != 404 {
		t.Errorf("another's: %d", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/dids/+81312340100", ""); p.status != 409 {
		t.Errorf("a number in use was deleted: %d", p.status)
	}
}
