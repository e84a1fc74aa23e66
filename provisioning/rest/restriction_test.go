package rest

import (
	"fmt"
	"strings"
	"testing"
)

func TestRestrictions(t *testing.T) {
	r := desk(t, map[string]string{"/restrictions/office": `{"rights":{"classes":["national"]},"calendar":"hall","night":{},"open":["0570012345"]}`})
	r.refuses(t, []refused{
		{"/restrictions/x", `{"rights":{"classes":["everything"]}}`, "rights.classes[0]", "must be one of"},
		{"/restrictions/x", `{"calendar":"none","night":{}}`, "calendar", "does not exist"},
		{"/restrictions/x", `{"night":{}}`, "calendar", "when it is night"},
		{"/restrictions/x", `{"open":["057*"]}`, "open[0]", "at least 4 digits"},
		{"/restrictions/x", `{"closed":["119"]}`, "closed[0]", "emergency"},
		{"/departments/x", `{"restriction":"none"}`, "restriction", "does not exist"},
		{"/extensions/2001", `{"restriction":"none"}`, "restriction", "does not exist"},
		{"/departments/%20x", `{}`, "name", "without blanks"},
		{"/extensions/2001", `{"restriction":"office","rights":{"classes":["mobile"]}}`, "rights", "beside restriction"},
	})
	if p := r.do(t, admin, "PUT", base+"/extensions/2003", `{"restriction":"office","department":"tax"}`); p.status != 200 {
		t.Errorf("%d %s", p.status, p.body)
	}
	for _, path := range []string{"/restrictions/office", "/calendars/hall"} {
		if p := r.do(t, admin, "DELETE", base+path, ""); p.status != 409 {
			t.Errorf("%s is in use and was deleted: %d", path, p.status)
		}
	}
}

// TestPersonalPIN: written by its owner, never read back, in no answer, no audit entry and no log.
func TestPersonalPIN(t *testing.T) {
	r := newRig(t)
	for who, want := range map[string]int{"alice+staff": 204, "bob+staff": 404, "aud+auditor": 403, "tel+telephony": 204} {
		if p := r.do(t, who, "PUT", base+"/extensions/2001/pin", `{"pin":"47110815"}`); p.status != want {
			t.Errorf("%s: %d %s, want %d", who, p.status, p.body, want)
		}
	}
	for _, bad := range []string{"123", "1234", "2222", "47x1", ""} {
		p := r.do(t, "alice+staff", "PUT", base+"/extensions/2001/pin", `{"pin":"`+bad+`"}`)
		if p.status != 422 || !strings.Contains(p.body, `"body.pin"`) || len(bad) > 3 && strings.Contains(p.body, bad) {
			t.Errorf("%q: %d %s", bad, p.status, p.body)
		}
	}
	if p := r.do(t, "bob+staff", "PUT", base+"/extensions/2001/pin", `{"pin":"1"}`); p.status != 404 {
		t.Errorf("who may not set it is told what is wrong with it: %d %s", p.status, p.body)
	}
	seen := 0
	for _, e := range r.audit(t, here, "secret.put") {
		if e.Object == "extension/pin/2001" {
			seen++
		}
		if strings.Contains(e.Object, "4711") || strings.Contains(fmt.Sprint(e.Detail), "4711") {
			t.Errorf("audit %+v", e)
		}
	}
	if seen != 2 || strings.Contains(r.log.String(), "47110815") {
		t.Errorf("%d audit entries, or the PIN is in the log", seen)
	}
	if p := r.do(t, "alice+staff", "DELETE", base+"/extensions/2001/pin", ""); p.status != 204 {
		t.Errorf("delete: %d %s", p.status, p.body)
	}
	if p := r.do(t, "alice+staff", "DELETE", base+"/extensions/2001/pin", ""); p.status != 404 {
		t.Errorf("delete again: %d", p.status)
	}
}
