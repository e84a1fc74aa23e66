package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
)

func TestExtensionLife(t *testing.T) {
	r := newRig(t)
	const at = base + "/extensions/3001"
	p := r.do(t, admin, "PUT", at, `{"display":"Ward 3","user":"bob"}`, "If-None-Match: *")
	if p.status != 201 || p.header.Get("ETag") == "" {
		t.Fatalf("create: %d %s", p.status, p.body)
	}
	first, _ := p.json(t)["secret"].(string)
	if len(first) < 26 {
		t.Fatalf("no generated SIP password of 128 bits: %q", first)
	}
	tag := p.header.Get("ETag")
	rows := len(r.audit(t, here, "extension.put"))
	again := r.do(t, admin, "PUT", at, `{"number":"3001","user":"bob","display":"Ward 3"}`)
	if again.status != 200 || again.header.Get("ETag") != tag || again.json(t)["secret"] != nil {
		t.Errorf("same body again: %d %q %s; want 200, the same ETag, no secret", again.status, again.header.Get("ETag"), again.body)
	}
	if n := len(r.audit(t, here, "extension.put")); n != rows {
		t.Errorf("%d audit rows after the same PUT, want %d", n, rows)
	}
	get := r.do(t, admin, "GET", at, "")
	if get.status != 200 || get.header.Get("ETag") != tag || strings.Contains(get.body, first) || get.json(t)["secret"] != nil {
		t.Errorf("get: %d %s", get.status, get.body)
	}
	if p := r.do(t, admin, "GET", at, "", "If-None-Match: "+tag); p.status != 304 || p.body != "" {
		t.Errorf("conditional get: %d %q", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", at, `{}`, "If-None-Match: *"); p.status != 412 {
		t.Errorf("create-only on what exists: %d, want 412", p.status)
	}
	if strings.Contains(r.log.String(), first) {
		t.Error("the SIP password is in the log")
	}
	second := r.do(t, admin, "POST", at+"/secret", "")
	if s, _ := second.json(t)["secret"].(string); second.status != 200 || s == first || len(s) < 26 || second.json(t)["realm"] != here {
		t.Errorf("new secret: %d %s", second.status, second.body)
	}
}

func TestConditions(t *testing.T) {
	r := newRig(t)
	const at = base + "/extensions/2002"
	tag := r.do(t, admin, "GET", at, "").header.Get("ETag")
	changed := r.do(t, admin, "PUT", at, `{"display":"Ward 4"}`, "If-Match: "+tag)
	if changed.status != 200 || changed.header.Get("ETag") == tag {
		t.Fatalf("change: %d %s", changed.status, changed.body)
	}
	for name, header := range map[string]string{"stale put": "If-Match: " + tag, "weak tag": "If-Match: W/" + tag, "two tags": `If-Match: "a", "b"`, "no quotes": "If-Match: abc"} {
		want := 412
		if name != "stale put" {
			want = 400
		}
		if p := r.do(t, admin, "PUT", at, `{"display":"Lost"}`, header); p.status != want {
			t.Errorf("%s: %d, want %d", name, p.status, want)
		}
	}
	if p := r.do(t, admin, "DELETE", at, "", "If-Match: "+tag); p.status != 412 {
		t.Errorf("stale delete: %d, want 412", p.status)
	}
	if p := r.do(t, admin, "DELETE", at, "", "If-Match: "+changed.header.Get("ETag")); p.status != 204 {
		t.Errorf("delete: %d, want 204", p.status)
	}
	if p := r.do(t, admin, "GET", at, ""); p.status != 404 {
		t.Errorf("after delete: %d, want 404", p.status)
	}
	if p := r.do(t, admin, "DELETE", base+"/extensions/2001", ""); p.status != 409 {
		t.Errorf("delete of a DID's target: %d, want 409", p.status)
	}
}

// TestG13Race: of many writers with one ETag exactly one wins.
func TestG13Race(t *testing.T) {
	r := newRig(t)
	const at = base + "/extensions/2001"
	tag := r.do(t, admin, "GET", at, "").header.Get("ETag")
	results := make([]reply, 12)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = r.do(t, admin, "PUT", at, fmt.Sprintf(`{"display":"writer %d"}`, i), "If-Match: "+tag)
		})
	}
	wg.Wait()
	won := -1
	for i, p := range results {
		switch {
		case p.status == 200 && won < 0:
			won = i
		case p.status != 412:
			t.Errorf("writer %d: %d", i, p.status)
		}
	}
	if got := r.do(t, admin, "GET", at, ""); won < 0 || !strings.Contains(got.body, fmt.Sprintf("writer %d\"", won)) {
		t.Errorf("winner %d, stored %s", won, got.body)
	}
}

// TestG12Parallel: fifty creates of one thing make one thing, one secret and one audit row.
func TestG12Parallel(t *testing.T) {
	r := newRig(t)
	results := make([]reply, 50)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = r.do(t, admin, "PUT", base+"/extensions/4001", `{"display":"x"}`) })
	}
	wg.Wait()
	created, tags := 0, map[string]bool{}
	for _, p := range results {
		tags[p.header.Get("ETag")] = true
		if p.status == 201 {
			created++
		} else if p.status != 200 {
			t.Errorf("%d %s", p.status, p.body)
		}
	}
	if created != 1 || len(tags) != 1 {
		t.Errorf("%d creates, %d entity tags; want 1, 1", created, len(tags))
	}
	n := 0
	for _, e := range r.audit(t, here, "extension.put") {
		if strings.Contains(e.Object, "4001") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d audit rows, want 1", n)
	}
}

// malformed is a request with its exact status and, where there is one, the field.
type malformed struct {
	name, method, path, body string
	status                   int
	at                       string
	headers                  []string
}

const ext = base + "/extensions/2001"

func malformedCases() []malformed {
	return []malformed{
		{"unknown member", "PUT", ext, `{"dispaly":"x"}`, 422, "body.dispaly", nil},
		{"member twice, in two cases", "PUT", ext, `{"display":"x","Display":"y"}`, 400, "body.Display", nil},
		{"member twice", "PUT", ext, `{"display":"x","display":"y"}`, 400, "body.display", nil},
		{"member twice, deep", "PUT", base + "/dids/+81312345678", `{"to":[{"a":1,"a":2}]}`, 400, "body.to[0].a", nil},
		{"wrong type", "PUT", ext, `{"display":7}`, 422, "body.display", nil},
		{"wrong type in a list", "PUT", base + "/dids/+81312345678", `{"to":["2001",7]}`, 422, "body.to[1]", nil},
		{"1e400", "PUT", ext, `{"max_contacts":1e400}`, 400, "body.max_contacts", nil},
		{"fraction", "PUT", ext, `{"max_contacts":1.5}`, 422, "body.max_contacts", nil},
		{"beyond int64", "PUT", ext, `{"max_contacts":99999999999999999999}`, 422, "body.max_contacts", nil},
		{"rule of the entity", "PUT", ext, `{"max_contacts":99}`, 422, "body.max_contacts", nil},
		{"reference to nothing", "PUT", ext, `{"user":"nobody"}`, 422, "body.user", nil},
		{"reference in a list", "PUT", base + "/dids/+81312345678", `{"to":["2001","9999"]}`, 422, "body.to[1]", nil},
		{"other key", "PUT", ext, `{"number":"2002"}`, 422, "body", nil},
		{"bad key", "PUT", base + "/extensions/abc", `{}`, 422, "body.number", nil},
		{"not JSON", "PUT", ext, `{"display":`, 400, "body.display", nil},
		{"after the end", "PUT", ext, `{} {}`, 400, "body", nil},
		{"two megabytes", "PUT", ext, `{"display":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "", nil},
		{"a megabyte of [", "PUT", ext, strings.Repeat("[", 1<<20-1), 400, "body[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]", nil},
		{"deep objects", "PUT", ext, strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), 400, "body" + strings.Repeat(".a", 16), nil},
		{"a list", "PUT", ext, `[]`, 422, "body", nil},
		{"null", "PUT", ext, `null`, 422, "body", nil},
		{"no body", "PUT", ext, ``, 400, "", nil},
		{"invalid UTF-8", "PUT", ext, "{\"display\":\"\xff\"}", 200, "", nil}, // Go's decoder writes U+FFFD
		{"XML", "PUT", ext, `<x/>`, 415, "body", []string{"Content-Type: application/xml"}},
		{"form", "PUT", ext, `display=x`, 415, "body", []string{"Content-Type: application/x-www-form-urlencoded"}},
		{"limit 10^9", "GET", base + "/extensions?limit=1000000000", "", 400, "query.limit", nil},
		{"limit 0", "GET", base + "/extensions?limit=0", "", 400, "query.limit", nil},
		{"limit text", "GET", base + "/audit?limit=all", "", 400, "query.limit", nil},
		{"unknown query", "GET", base + "/extensions?tenant=other", "", 422, "query.tenant", nil},
		{"token in the query", "GET", base + "/extensions?access_token=x", "", 422, "query.access_token", nil},
		{"date text", "GET", base + "/audit?since=yesterday", "", 422, "query.since", nil},
		{"role made up", "PUT", base + "/users/bob", `{"roles":["root"]}`, 422, "body.roles[0]", nil},
		{"mass assignment", "PUT", base + "/users/bob", `{"tenant_id":"x"}`, 422, "body.tenant_id", nil},
		{"CRLF in a name", "PUT", ext, `{"display":"a\r\nb"}`, 422, "body.display", nil},
		{"no such route", "GET", "/v1/nothing", "", 404, "", nil},
		{"no such method", "POST", ext, `{}`, 405, "", nil},
		{"trunk secret empty", "PUT", base + "/trunks/carrier/secret", `{"secret":""}`, 422, "body.secret", nil},
		{"trunk secret missing", "PUT", base + "/trunks/carrier/secret", `{}`, 422, "body", nil},
		{"secret of no trunk", "PUT", base + "/trunks/none/secret", `{"secret":"x"}`, 404, "", nil},
		{"path with NUL", "GET", base + "/extensions/%00", "", 404, "", nil},
		{"path up", "GET", base + "/extensions/..%2f..%2fetc", "", 404, "", nil},
	}
}

func TestMalformed(t *testing.T) {
	r := newRig(t)
	for _, c := range malformedCases() {
		t.Run(c.name, func(t *testing.T) {
			p := r.do(t, admin, c.method, c.path, c.body, c.headers...)
			if p.status != c.status {
				t.Fatalf("%d, want %d: %.300s", p.status, c.status, p.body)
			}
			if p.status >= 400 && p.location(t) != c.at {
				t.Errorf("location %q, want %q: %.300s", p.location(t), c.at, p.body)
			}
			if strings.Contains(p.body, `"value"`) {
				t.Errorf("the problem echoes what was sent: %s", p.body)
			}
		})
	}
	if p := r.do(t, admin, "POST", ext, "{}"); p.header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
}

func TestTrunkSecretIsWriteOnly(t *testing.T) {
	r := newRig(t)
	const at, planted = base + "/trunks/carrier", "correct-horse-9f31"
	if p := r.do(t, admin, "PUT", at+"/secret", `{"secret":"`+planted+`"}`); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	p := r.do(t, admin, "GET", at, "")
	if p.json(t)["has_secret"] != true || strings.Contains(p.body, planted) {
		t.Errorf("trunk: %s", p.body)
	}
	// What was read can be put back: has_secret is not taken from the client.
	if p := r.do(t, admin, "PUT", at, p.body, "If-Match: "+p.header.Get("ETag")); p.status != 200 || p.json(t)["has_secret"] != true {
		t.Errorf("round trip: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", at+"/secret", `{"secret":"`+planted+`","x":1}`); p.status != 422 || strings.Contains(p.body, planted) {
		t.Errorf("problem: %d %s", p.status, p.body)
	}
	if all := r.do(t, admin, "GET", base+"/audit?limit=1000", ""); strings.Contains(all.body, planted) || strings.Contains(r.log.String(), planted) {
		t.Error("the secret is in the audit log or the log")
	}
	if p := r.do(t, admin, "DELETE", at+"/secret", ""); p.status != 204 {
		t.Errorf("forget: %d", p.status)
	}
	if p := r.do(t, admin, "GET", at, ""); p.json(t)["has_secret"] != false {
		t.Errorf("after forgetting: %s", p.body)
	}
}

func TestPages(t *testing.T) {
	r := newRig(t)
	for i := range 5 {
		must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			_, err := w.Put(here, provisioning.Extension{Number: fmt.Sprintf("50%02d", i)}, "")
			return err
		}))
	}
	for path, want := range map[string]int{"/extensions": 7, "/calls/history": 3} {
		seen, after, pages := map[string]bool{}, "", 0
		for {
			p := r.do(t, admin, "GET", base+path+"?limit=2&after="+after, "")
			m := p.json(t)
			for _, i := range m["items"].([]any) {
				seen[fmt.Sprint(i)] = true
			}
			pages++
			if m["next"] == nil || pages > 10 {
				break
			}
			after = m["next"].(string)
		}
		if len(seen) != want || pages != (want+1)/2 {
			t.Errorf("%s: %d items on %d pages", path, len(seen), pages)
		}
	}
	p := r.do(t, admin, "GET", base+"/audit?limit=3", "")
	next, _ := p.json(t)["next"].(string)
	q := r.do(t, admin, "GET", base+"/audit?limit=3&after="+next, "")
	if next == "" || q.status != 200 || q.body == p.body {
		t.Errorf("audit pages: next %q, %d", next, q.status)
	}
	if p := r.do(t, admin, "GET", base+"/audit?action=extension.&newest=true&limit=1", ""); !strings.Contains(p.body, "5004") {
		t.Errorf("newest extension change: %s", p.body)
	}
}

func TestDomains(t *testing.T) {
	r := newRig(t)
	p := r.do(t, admin, "GET", "/v1/domains", "")
	if !strings.Contains(p.body, here) || strings.Contains(p.body, there) {
		t.Errorf("list: %s", p.body)
	}
	p = r.do(t, admin, "GET", base, "")
	if p := r.do(t, admin, "PUT", base, `{"title":"病棟","language":"ja"}`, "If-Match: "+p.header.Get("ETag")); p.status != http.StatusOK {
		t.Errorf("put: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", "/v1/domains/new.example", `{}`); p.status != 404 {
		t.Errorf("a domain's administrator made another domain: %d", p.status)
	}
}

// A page is full of what somebody may see, and goes on only where there is more of that: what others have leaves no trace in it.
func TestPagesOfOnesOwn(t *testing.T) {
	r := newRig(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for i := range 300 {
			user := "bob"
			if i == 7 || i == 250 {
				user = "alice"
			}
			if _, err := w.Put(here, provisioning.Extension{Number: strconv.Itoa(3000 + i), User: user}, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	var pages []string
	for after := ""; len(pages) < 9; {
		var got struct {
			Items []struct{ Number string }
			Next  string
		}
		must(t, json.Unmarshal([]byte(r.do(t, "alice+staff", "GET", base+"/extensions?limit=1&after="+after, "").body), &got))
		page := got.Next + ":"
		for _, e := range got.Items {
			page += " " + e.Number
		}
		if pages = append(pages, page); got.Next == "" {
			break
		}
		after = got.Next
	}
	if want := []string{"2001: 2001", "3007: 3007", ": 3250"}; !slices.Equal(pages, want) {
		t.Errorf("%q, want %q", pages, want)
	}
}

// The own listening requests are found among those of others, and of those whose names begin alike none.
func TestPagesOfRequests(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for i, by := range []string{"suzuki", "suzuki.akira", "suzuki-b", "suzuki", "sato", "suzuki0"} {
			at := now.Add(-time.Duration(i) * time.Minute)
			if _, err := w.Put(here, provisioning.ListeningRequest{ID: provisioning.ListeningID(by, at, "x"), By: by, Purpose: "complaint", Reason: "x", Recordings: []string{"r1"}, Plays: 1,
				State: provisioning.ListeningPending, Asked: at, Until: at.Add(time.Hour)}, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	for token, want := range map[string]int{"suzuki+recording-listener": 2, "suzuki.akira+recording-listener": 1, "suz+recording-listener": 0, manager: 7} {
		var got struct{ Items []any }
		must(t, json.Unmarshal([]byte(r.do(t, token, "GET", base+"/listening-requests", "").body), &got))
		if len(got.Items) != want {
			t.Errorf("%s sees %d, want %d", token, len(got.Items), want)
		}
	}
}
