package rest

import (
	"strings"
	"testing"
)

// TestOneNumberOneOwner: whatever kind has a number, no other kind gets it, and the refusal says who has it.
func TestOneNumberOneOwner(t *testing.T) {
	r := newRig(t)
	kinds := []struct{ kind, path, own, body string }{ // path with its own number; body for the number at the place of N
		{"extension", "/extensions/", "3001", `{}`},
		{"group", "/groups/", "3002", `{"members":["2001"]}`},
		{"conference", "/conferences/", "3003", `{}`},
		{"paging-group", "/paging-groups/", "3007", `{"members":["2001"],"everyone":true}`},
		{"queue", "/queues/", "3004", `{"members":[{"agent":"2001"}]}`},
		{"calendar", "/calendars/", "3005", `{"number":"N"}`},
		{"did", "/dids/", "0398765432", `{"to":["2001"]}`},
	}
	at := func(kind, path, number string) string { // where a kind has the number
		switch kind {
		case "did":
			return base + path + "+81" + strings.TrimPrefix(number, "0")
		case "calendar":
			return base + path + "key-" + number
		}
		return base + path + number
	}
	for _, k := range kinds {
		if p := r.do(t, admin, "PUT", at(k.kind, k.path, k.own), strings.ReplaceAll(k.body, "N", k.own)); p.status != 201 {
			t.Fatalf("%s %s: %d %s", k.kind, k.own, p.status, p.body)
		}
	}
	for _, a := range kinds {
		for _, b := range kinds {
			if a.kind == b.kind || a.kind == "did" && b.own[0] != '0' {
				continue
			}
			p := r.do(t, admin, "PUT", at(a.kind, a.path, b.own), strings.ReplaceAll(a.body, "N", b.own))
			if p.status != 422 || !strings.Contains(p.body, `"body.number"`) || !strings.Contains(p.body, "is taken by "+b.kind) {
				t.Errorf("%s with the number of the %s: %d %s", a.kind, b.kind, p.status, p.body)
			}
		}
	}
	// Two of one kind whose number is no key; and what is given up is free.
	if p := r.do(t, admin, "PUT", base+"/calendars/other", `{"number":"3005"}`); p.status != 422 || !strings.Contains(p.body, "is taken by calendar key-3005") {
		t.Errorf("two calendars: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/calendars/key-3005", `{"number":"3006"}`); p.status != 200 {
		t.Errorf("another number: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/extensions/3005", `{}`); p.status != 201 {
		t.Errorf("what was given up: %d %s", p.status, p.body)
	}
}
