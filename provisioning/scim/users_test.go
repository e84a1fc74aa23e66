package scim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/secret"
)

// TestUsers: what a client does with a user all its life, and the tags of it.
func TestUsers(t *testing.T) {
	r := newRig(t)
	made := r.must(201, "POST", "/Users", `{`+usersCore+`,"userName":"Taro@Example.jp","externalId":"x1","password":"hunter2hunter2","nonsense":{"a":1},"name":{"familyName":"山田","givenName":"太郎"},"active":true,"groups":[{"value":"g"}]}`)
	id := made.id()
	if loc := made.header.Get("Location"); loc != "/scim/v2/"+here+usersAt+"/"+id || made.header.Get("Content-Type") != contentType {
		t.Errorf("location %q, type %q", loc, made.header.Get("Content-Type"))
	}
	if strings.Contains(made.text, "hunter2") || strings.Contains(made.text, "nonsense") || made.body["userName"] != "Taro@Example.jp" || made.body["active"] != true {
		t.Errorf("made %s", made.text)
	}
	u, ok := get[provisioning.User](r, "taro@example.jp")
	if !ok || u.Display != "山田 太郎" || u.Disabled || len(u.Roles) != 0 {
		t.Errorf("user %+v %v", u, ok)
	}
	if a := r.do("POST", "/Users", `{`+usersCore+`,"userName":"TARO@example.jp"}`); a.status != 409 || a.kind() != uniqueness {
		t.Errorf("the same name: %d %s", a.status, a.text)
	}
	if a := r.do("POST", "/Users", `{`+usersCore+`,"userName":"boss"}`); a.status != 409 || a.kind() != uniqueness {
		t.Errorf("a user of ours: %d %s", a.status, a.text)
	}
	tag := made.header.Get("ETag")
	if a := r.do("GET", usersAt+"/"+id, "", "If-None-Match", tag); a.status != 304 || a.text != "" {
		t.Errorf("unchanged: %d %q", a.status, a.text)
	}
	if a := r.do("PATCH", usersAt+"/"+id, `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`, "If-Match", `W/"old"`); a.status != 412 {
		t.Errorf("another tag: %d", a.status)
	}
	patched := r.must(200, "PATCH", usersAt+"/"+id, `{"Operations":[{"op":"replace","path":"title","value":"主任"}]}`, "If-Match", tag)
	if patched.header.Get("ETag") == tag || patched.body["title"] != "主任" {
		t.Errorf("patched: %s", patched.text)
	}
	if a := r.must(200, "PATCH", usersAt+"/"+id, `{"Operations":[{"op":"replace","path":"title","value":"主任"}]}`); a.header.Get("ETag") != patched.header.Get("ETag") {
		t.Error("a patch that changes nothing has another tag")
	}
	if a := r.do("PATCH", usersAt+"/"+id, `{"Operations":[{"op":"replace","path":"userName","value":"jiro"}]}`); a.status != 400 || a.kind() != mutability {
		t.Errorf("another name: %d %s", a.status, a.text)
	}
	put := r.must(200, "PUT", usersAt+"/"+id, `{`+usersCore+`,"userName":"taro@example.jp","displayName":"太郎"}`)
	if put.body["title"] != nil || put.body["displayName"] != "太郎" || put.id() != id {
		t.Errorf("replaced: %s", put.text)
	}
	r.must(412, "DELETE", usersAt+"/"+id, "", "If-Match", tag)
	r.must(204, "DELETE", usersAt+"/"+id, "")
	for _, m := range []string{"GET", "DELETE"} {
		r.must(404, m, usersAt+"/"+id, "")
	}
	if _, ok := get[provisioning.User](r, "taro@example.jp"); ok {
		t.Error("the user is there still")
	}
	again := r.must(201, "POST", "/Users", `{`+usersCore+`,"userName":"taro@example.jp"}`)
	if v, _ := get[provisioning.User](r, "taro@example.jp"); again.id() == id || v.Person() == u.Person() {
		t.Error("who is made anew is the one before")
	}
}

// TestSearch: pages, filters and what is wanted of each.
func TestSearch(t *testing.T) {
	r := newRig(t)
	for i := range 7 {
		r.must(201, "POST", "/Users", fmt.Sprintf(`{%s,"userName":"u%d","externalId":"X%d","active":%v,"emails":[{"value":"u%d@example.jp","type":"work"}]}`, usersCore, i, i, i%2 == 0, i))
	}
	for q, want := range map[string][2]int{
		"": {7, 7}, "?count=3": {7, 3}, "?startIndex=6": {7, 2}, "?startIndex=0&count=1": {7, 1}, "?count=0": {7, 0}, "?count=-5": {7, 0}, "?startIndex=99": {7, 0},
		"?filter=userName+eq+%22U3%22": {1, 1}, "?filter=externalId+eq+%22X3%22": {1, 1}, "?filter=active+eq+false": {3, 3}, "?filter=userName+eq+%22nobody%22": {0, 0},
		"?filter=emails.value+sw+%22u1%22+or+userName+eq+%22u2%22": {2, 2}, "?filter=emails%5Btype+eq+%22work%22%5D": {7, 7}, "?filter=userName+pr&count=2&startIndex=7": {7, 1},
		"?filter=meta.created+ge+%222026-12-01T00:00:00Z%22": {7, 7},
	} {
		a := r.must(200, "GET", "/Users"+q, "")
		found, _ := a.body["Resources"].([]any)
		if a.body["totalResults"] != float64(want[0]) || len(found) != want[1] || a.body["itemsPerPage"] != float64(want[1]) {
			t.Errorf("%s: %v of %v", q, len(found), a.body["totalResults"])
		}
	}
	seen := map[any]bool{}
	for start := 1; start <= 7; start += 2 {
		found, _ := r.must(200, "GET", fmt.Sprintf("/Users?startIndex=%d&count=2", start), "").body["Resources"].([]any)
		for _, f := range found {
			seen[f.(map[string]any)["id"]] = true
		}
	}
	if len(seen) != 7 {
		t.Errorf("pages show %d of 7", len(seen))
	}
	a := r.must(200, "GET", "/Users?filter=userName+eq+%22u3%22&attributes=userName,emails.value", "")
	one := a.body["Resources"].([]any)[0].(map[string]any)
	equalJSON(t, "only", one["emails"], `[{"value":"u3@example.jp"}]`)
	if len(one) != 4 || one["active"] != nil {
		t.Errorf("more than wanted: %v", one)
	}
	a = r.must(200, "POST", usersAt+"/.search", `{"schemas":["`+urnSearch+`"],"filter":"userName eq \"u3\"","excludedAttributes":["emails"],"startIndex":1,"count":10}`)
	if one := a.body["Resources"].([]any)[0].(map[string]any); one["emails"] != nil || one["userName"] != "u3" {
		t.Errorf("without: %v", one)
	}
	for _, q := range []string{"?filter=nonsense+eq+1", "?filter=%28"} {
		if a := r.do("GET", "/Users"+q, ""); a.status != 400 || a.kind() != invalidFilter {
			t.Errorf("%s: %d %s", q, a.status, a.text)
		}
	}
	r.must(400, "GET", "/Users?count=x", "")
	many := 1_000_000
	if _, n := (search{Count: &many}).page(); n != maxPage {
		t.Errorf("a page has %d", n)
	}
}

// TestWhoMay: each way to have no right is answered alike, and another domain's resources are as if they were not there.
func TestWhoMay(t *testing.T) {
	r := newRig(t)
	id := r.must(201, "POST", "/Users", `{`+usersCore+`,"userName":"taro"}`).id()
	group := r.must(201, "POST", "/Groups", `{"displayName":"g"}`).id()
	wrong := r.as("wrong", "GET", "/scim/v2/"+here+"/Users", "")
	if wrong.status != 401 || wrong.header.Get("WWW-Authenticate") == "" || wrong.body["status"] != "401" {
		t.Errorf("a wrong secret: %d %s", wrong.status, wrong.text)
	}
	alike := func(what string, a reply) {
		t.Helper()
		if a.status != wrong.status || a.text != wrong.text {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	alike("none", r.as("", "GET", "/scim/v2/"+here+"/Users", ""))
	alike("another domain's", r.as(r.tokens[elsewhere], "GET", "/scim/v2/"+here+usersAt+"/"+id, ""))
	alike("a domain that is not there", r.as(r.tokens[here], "GET", "/scim/v2/nowhere.example/Users", ""))
	alike("too long", r.as(strings.Repeat("x", 10_000), "GET", "/scim/v2/"+here+"/Users", ""))
	missing := r.as(r.tokens[elsewhere], "GET", "/scim/v2/"+elsewhere+usersAt+"/nobody", "")
	for _, path := range []string{usersAt + "/" + id, "/Groups/" + group} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
			body := `{"userName":"x","displayName":"x","Operations":[{"op":"replace","path":"displayName","value":"x"}]}`
			a := r.as(r.tokens[elsewhere], method, "/scim/v2/"+elsewhere+path, body)
			if a.status != 404 || a.text != missing.text {
				t.Errorf("%s %s of another domain: %d %s", method, path, a.status, a.text)
			}
		}
	}
	if a := r.as(r.tokens[elsewhere], "PATCH", "/scim/v2/"+elsewhere+"/Groups/"+r.groupThere(), `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+id+`"}]}]}`); a.status != 400 {
		t.Errorf("a member of another domain: %d %s", a.status, a.text)
	}
	for what, change := range map[string]func(){
		"disabled": func() { r.put(provisioning.Provisioner{Name: "entra", Disabled: true}) },
		"expired":  func() { r.put(provisioning.Provisioner{Name: "entra", Expires: r.now}) },
		"rotated": func() {
			r.put(provisioning.Provisioner{Name: "entra"})
			r.update(func(w provisioning.Writer) error {
				return w.PutSecret(here, provisioning.SecretProvisioner, "entra", provisioning.ProvisionerProof(secret.Generate().Reveal()))
			})
		},
	} {
		change()
		alike(what, r.do("GET", "/Users", ""))
		r.put(provisioning.Provisioner{Name: "entra"})
		r.update(func(w provisioning.Writer) error {
			return w.PutSecret(here, provisioning.SecretProvisioner, "entra", provisioning.ProvisionerProof(r.tokens[here]))
		})
		r.must(200, "GET", "/Users", "")
	}
	r.update(func(w provisioning.Writer) error { return w.Delete(here, provisioning.KindProvisioner, "entra", "") })
	alike("deleted", r.do("GET", "/Users", ""))
}

// groupThere is a group of the other domain.
func (r *rig) groupThere() string {
	a := r.as(r.tokens[elsewhere], "POST", "/scim/v2/"+elsewhere+"/Groups", `{"displayName":"there"}`)
	return a.id()
}

// TestBounds: what is too much is refused, with the status of it.
func TestBounds(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("x", maxText+1)
	for _, c := range []struct {
		method, path, body string
		status             int
		kind               string
		header             []string
	}{
		{"POST", "/Users", `{"userName":"` + strings.Repeat("x", maxBody) + `"}`, 413, "", nil},
		{"POST", "/Users", `{"userName":"a","title":"` + long + `"}`, 400, invalidValue, nil},
		{"POST", "/Users", `{"userName":"a","emails":[` + strings.Repeat(`{"value":"a"},`, maxValues) + `{"value":"b"}]}`, 400, invalidValue, nil},
		{"POST", "/Users", `{"userName":"` + strings.Repeat("a", 65) + `"}`, 400, invalidValue, nil},
		{"POST", "/Users", `{"userName":"a/b"}`, 400, invalidValue, nil},
		{"POST", "/Users", `{"userName":" "}`, 400, invalidValue, nil},
		{"POST", "/Users", `{}`, 400, invalidValue, nil},
		{"POST", "/Users", `[]`, 400, invalidSyntax, nil},
		{"POST", "/Users", `{"userName":`, 400, invalidSyntax, nil},
		{"POST", "/Users", `{"userName":"a"}`, 415, "", []string{"Content-Type", "text/plain"}},
		{"POST", "/Groups", `{"displayName":"g","members":[{"value":"nobody"}]}`, 400, invalidValue, nil},
		{"PUT", "/Users", `{}`, 405, "", nil}, {"POST", usersAt + "/x", `{}`, 405, "", nil}, {"DELETE", "/Schemas", "", 405, "", nil},
		{"GET", "/Nonsense", "", 404, "", nil}, {"GET", usersAt + "/a/b", "", 404, "", nil}, {"GET", "/Me", "", 501, "", nil},
	} {
		a := r.do(c.method, c.path, c.body, c.header...)
		if a.status != c.status || a.kind() != c.kind || a.body["status"] != fmt.Sprint(c.status) || strings.Contains(a.text, long) {
			t.Errorf("%s %s %.40s: %d %.200s", c.method, c.path, c.body, a.status, a.text)
		}
	}
	if a := r.must(200, "GET", "/Users", ""); a.body["totalResults"] != 0.0 {
		t.Errorf("something was made: %s", a.text)
	}
	r.server.Rate = 2
	clear(r.server.limits)
	var last reply
	for range 10 {
		last = r.do("GET", "/Users", "")
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("the tenth at once of 2 a second: %d", last.status)
	}
}

// TestDiscovery: a client finds what is served, and every attribute that it names.
func TestDiscovery(t *testing.T) {
	r := newRig(t)
	config := r.must(200, "GET", "/ServiceProviderConfig", "")
	for name, want := range map[string]bool{"patch": true, "bulk": true, "filter": true, "etag": true, "sort": false, "changePassword": false} {
		if got, _ := config.body[name].(map[string]any); got["supported"] != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	types := r.must(200, "GET", "/ResourceTypes", "")
	if types.body["totalResults"] != 2.0 {
		t.Errorf("types: %s", types.text)
	}
	r.must(200, "GET", "/ResourceTypes/User", "")
	r.must(404, "GET", "/ResourceTypes/Car", "")
	schemas := r.must(200, "GET", "/Schemas", "")
	var names []string
	for _, s := range schemas.body["Resources"].([]any) {
		names = append(names, s.(map[string]any)["id"].(string))
	}
	if want := []string{urnUser, urnEnterprise, urnNaisen, urnGroup}; !slices.Equal(names, want) {
		t.Errorf("schemas %q", names)
	}
	one := r.must(200, "GET", "/Schemas/"+urnUser, "")
	var described struct {
		Attributes []struct{ Name, Type, Mutability, Uniqueness string }
	}
	if err := json.Unmarshal([]byte(one.text), &described); err != nil || len(described.Attributes) < 10 || described.Attributes[0].Name != "userName" || described.Attributes[0].Uniqueness != "server" {
		t.Errorf("%v %+v", err, described)
	}
	r.must(403, "GET", "/Schemas?filter=id+pr", "")
}

// TestAudited: each change stands in the log of its transaction, as the client's, without anything secret.
func TestAudited(t *testing.T) {
	r := newRig(t)
	r.tax()
	r.must(201, "POST", "/Users", taxed("taro"))
	seen := map[string]bool{}
	err := r.store.View(t.Context(), func(rd provisioning.Reader) error {
		all, err := rd.Audit(here, provisioning.AuditQuery{Subject: "scim/entra@" + here})
		for _, e := range all {
			seen[e.Action+" "+e.Object] = true
			if text := fmt.Sprint(e); strings.Contains(text, r.tokens[here]) || strings.Contains(text, "ha1") {
				t.Errorf("a secret in %s", text)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user.put taro", "extension.put 3000", "secret.put sip/3000", "group.put 6000", "recording-scope.put taro"} {
		if !seen[want] {
			t.Errorf("%q is not in the log: %v", want, seen)
		}
	}
}
