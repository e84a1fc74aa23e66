package rest

import (
	"strings"
	"testing"
)

func TestShortNumbers(t *testing.T) {
	r := desk(t, map[string]string{"/short-numbers/user:alice": `{"entries":[{"code":"91","number":"09012345678","title":"自宅"}]}`})
	if p := r.do(t, admin, "PUT", base+"/extensions/2001", `{"user":"alice","department":"税務課"}`); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	for path, body := range map[string]string{"/short-numbers/department:%E7%A8%8E%E5%8B%99%E8%AA%B2": `{"entries":[{"code":"5","number":"2002"}]}`, "/short-numbers/system": `{"entries":[{"code":"1","number":"0312345678"}]}`} {
		if p := r.do(t, admin, "PUT", base+path, body); p.status/100 != 2 {
			t.Fatalf("%s: %d %s", path, p.status, p.body)
		}
	}
	r.refuses(t, []refused{
		{"/short-numbers/user:alice", `{"entries":[{"code":"55","number":"2002"}]}`, "entries[0].code", "overlaps with 5 of department:税務課"},
		{"/short-numbers/user:alice", `{"entries":[{"code":"12","number":"2002"}]}`, "entries[0].code", "overlaps with 1 of system"},
		{"/short-numbers/system", `{"entries":[{"code":"9","number":"2002"}]}`, "entries[0].code", "overlaps with 91 of user:alice"},
		{"/short-numbers/user:alice", `{"entries":[{"code":"9","number":"119"}]}`, "entries[0].number", "emergency"},
		{"/short-numbers/user:nobody", `{}`, "list", "does not exist"},
	})
	// Somebody of another department may have what this one has.
	if p := r.do(t, admin, "PUT", base+"/short-numbers/user:bob", `{"entries":[{"code":"5","number":"2001"}]}`); p.status != 201 {
		t.Errorf("%d %s", p.status, p.body)
	}
	// One's own list is one's own.
	for path, want := range map[string]int{"/short-numbers/user:alice": 200, "/short-numbers/user:bob": 404, "/short-numbers/system": 404} {
		if p := r.do(t, "alice+staff", "PUT", base+path, `{"entries":[{"code":"92","number":"2002"}]}`); p.status != want {
			t.Errorf("%s: %d %s, want %d", path, p.status, p.body, want)
		}
	}
	p := r.do(t, "alice+staff", "GET", base+"/extensions/2001/short-numbers", "")
	if p.status != 200 || strings.Count(p.body, `"code"`) != 3 || strings.Index(p.body, `"92"`) > strings.Index(p.body, `"5"`) || strings.Index(p.body, `"5"`) > strings.Index(p.body, `"1"`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, "alice+staff", "GET", base+"/extensions/2002/short-numbers", ""); p.status != 404 {
		t.Errorf("another's: %d", p.status)
	}
	// It goes with its owner.
	if p := r.do(t, admin, "PUT", base+"/extensions/2002", `{}`); p.status != 200 {
		t.Fatalf("%d", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/users/bob", ""); p.status != 204 {
		t.Errorf("delete: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/short-numbers/user:bob", ""); p.status != 404 {
		t.Errorf("the list of who is gone: %d", p.status)
	}
}
