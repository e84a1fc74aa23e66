package rest

import (
	"strings"
	"testing"
)

// TestPagingGroups: no group without members or without somebody who may speak, none that names who is not there; whom it names is held.
func TestPagingGroups(t *testing.T) {
	at := "/paging-groups/6501"
	r := desk(t, map[string]string{at: `{"title":"全館","members":["2003"],"callers":["2004"],"seconds":30}`})
	r.refuses(t, []refused{
		{"/paging-groups/6502", `{"everyone":true}`, "members", "1 to 49"},
		{"/paging-groups/6502", `{"members":["2001"]}`, "callers", "must name who may speak"},
		{"/paging-groups/6502", `{"members":["2001"],"callers":["2002"],"everyone":true}`, "callers", "must be empty"},
		{"/paging-groups/6502", `{"members":["2999"],"everyone":true}`, "members[0]", "does not exist"},
		{"/paging-groups/6502", `{"members":["2001"],"callers":["2999"]}`, "callers[0]", "does not exist"},
		{"/paging-groups/6502", `{"members":["2001","2001"],"everyone":true}`, "members[1]", "twice"},
		{"/paging-groups/6502", `{"members":["2001"],"everyone":true,"seconds":601}`, "seconds", "0 to 600"},
		{"/paging-groups/6502", `{"members":["2001"],"everyone":true,"policy":"nonsense"}`, "policy", "does not exist"},
		{"/paging-groups/2001", `{"members":["2002"],"everyone":true}`, "number", "is taken by extension 2001"},
		{"/paging-groups/110", `{"members":["2002"],"everyone":true}`, "number", "emergency"},
		{"/extensions/6501", `{}`, "number", "is taken by paging-group 6501"},
	})
	got := r.do(t, admin, "GET", base+at, "")
	tag := got.header.Get("ETag")
	if got.status != 200 || tag == "" || !strings.Contains(got.body, `"seconds":30`) {
		t.Fatalf("%d %q %s", got.status, tag, got.body)
	}
	for i, want := range []int{200, 412} { // the second one has not seen the first
		if p := r.do(t, admin, "PUT", base+at, `{"members":["2003"],"everyone":true}`, "If-Match: "+tag); p.status != want {
			t.Errorf("PUT %d: %d %s, want %d", i, p.status, p.body, want)
		}
	}
	if p := r.do(t, admin, "DELETE", base+"/extensions/2003", ""); p.status != 409 {
		t.Errorf("a member was deleted: %d", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/extensions/2004", ""); p.status != 204 {
		t.Errorf("who may not speak any more is held: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", base+at, ""); p.status != 204 {
		t.Errorf("delete: %d %s", p.status, p.body)
	}
}
