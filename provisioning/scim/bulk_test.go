package scim

import (
	"fmt"
	"strings"
	"testing"

	"naisen/provisioning"
)

func jobOf(fail int, ops ...string) string {
	return fmt.Sprintf(`{"schemas":["%s"],"failOnErrors":%d,"Operations":[%s]}`, urnBulk, fail, strings.Join(ops, ","))
}

func statuses(a reply) string {
	var out []string
	ops, _ := a.body["Operations"].([]any)
	for _, o := range ops {
		m := o.(map[string]any)
		out = append(out, fmt.Sprint(m["bulkId"], ":", m["status"]))
	}
	return strings.Join(out, " ")
}

// TestBulk is RFC 7644 section 3.7: references to what the job makes, refusals, and when to stop.
func TestBulk(t *testing.T) {
	r := newRig(t)
	user := func(id, name string) string {
		return `{"method":"POST","path":"/Users","bulkId":"` + id + `","data":{"userName":"` + name + `"}}`
	}
	group := func(id, member string) string {
		return `{"method":"POST","path":"/Groups","bulkId":"` + id + `","data":{"displayName":"g-` + id + `","members":[{"value":"bulkId:` + member + `"}]}}`
	}
	a := r.must(200, "POST", "/Bulk", jobOf(0, group("g", "u"), user("u", "taro"),
		`{"method":"patch","path":"/Users`+`/bulkId:u","data":{"Operations":[{"op":"replace","path":"title","value":"x"}]}}`))
	if got := statuses(a); got != "g:201 u:201 <nil>:200" {
		t.Fatalf("%s: %s", got, a.text)
	}
	first := a.body["Operations"].([]any)[0].(map[string]any)
	loc, _ := first["location"].(string)
	g := r.must(200, "GET", strings.TrimPrefix(loc, "/scim/v2/"+here), "")
	u := r.must(200, "GET", "/Users?filter=userName+eq+%22taro%22", "")
	if id := u.body["Resources"].([]any)[0].(map[string]any)["id"].(string); !strings.Contains(g.text, id) || !strings.Contains(u.text, `"title":"x"`) || first["version"] != g.header.Get("ETag") {
		t.Errorf("group %s, user %s", g.text, u.text)
	}
	a = r.must(200, "POST", "/Bulk", jobOf(1, user("1", "a"), user("2", "taro"), user("3", "c")))
	if got := statuses(a); got != "1:201 2:409" {
		t.Errorf("stopped after one refusal: %s", got)
	}
	a = r.must(200, "POST", "/Bulk", jobOf(0, user("2", "taro"), group("g", "2"), user("3", "c"), group("x", "y"), group("y", "x"), group("z", "nowhere"),
		`{"method":"GET","path":"/Users"}`, `{"method":"POST","path":"/Bulk","bulkId":"b","data":{}}`, `{"method":"DELETE","path":"/Users`+`/nobody"}`))
	if got := statuses(a); got != "2:409 g:409 3:201 x:409 y:409 z:409 <nil>:400 b:400 <nil>:404" {
		t.Errorf("%s: %s", got, a.text)
	}
	if _, ok := get[provisioning.User](r, "c"); !ok {
		t.Error("what came after a refusal was left out")
	}
	if a := r.do("POST", "/Bulk", jobOf(0, strings.TrimSuffix(strings.Repeat(`{"method":"DELETE","path":"/Users`+`/x"},`, maxBulk+1), ","))); a.status != 413 {
		t.Errorf("too many: %d", a.status)
	}
	if a := r.do("POST", "/Bulk", jobOf(0, `{"method":"POST","path":"/Users","data":{"userName":"q"}}`)); a.status != 400 || a.kind() != invalidSyntax {
		t.Errorf("without a bulkId: %d", a.status)
	}
}
