package rest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/provisioning/directory"
	"naisen/provisioning/store"
)

// books is the directory as it is after every change so far.
type books struct {
	t     testing.TB
	store *store.Store
	dir   *directory.Directory
}

func booksOf(t testing.TB, s *store.Store) books {
	d, err := directory.New(t.Context(), s, nil)
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return books{t, s, d}
}

func (b books) now() *directory.Snapshot {
	var v provisioning.Version
	err := b.store.View(b.t.Context(), func(r provisioning.Reader) error { v = r.Version(); return nil })
	if err == nil {
		err = b.dir.WaitVersion(b.t.Context(), v)
	}
	if err != nil {
		b.t.Error(err)
	}
	return b.dir.Snapshot()
}

func (b books) Book(domain string) *book.Book { return b.now().Book(domain) }
func (b books) Reader(domain, user string, roles []provisioning.Role) book.Viewer {
	return b.now().Reader(domain, user, roles)
}
func (b books) Named(domain, number string, v book.Viewer) (*book.Entry, bool) {
	return b.now().Named(domain, number, v)
}

func TestContacts(t *testing.T) {
	r := newRig(t)
	at := base + "/contacts/ward"
	if p := r.do(t, "tess+telephony", "PUT", at, `{"name":"区役所","reading":"クヤクショ","numbers":[{"kind":"work","number":"03-1111-2222"}],"visible":{"departments":["福祉課"]}}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	for body, field := range map[string]string{
		`{"name":"x","reading":"漢字"}`: "body.reading", `{}`: "body.name", `{"name":"x","numbers":[{"kind":"pager","number":"12"}]}`: "body.numbers[0].kind",
		`{"name":"x","numbers":[{"kind":"work","number":"call me"}]}`: "body.numbers[0].number", `{"name":"x","email":"a b"}`: "body.email",
		`{"name":"x","visible":{"roles":["king"]}}`: "body.visible.roles[0]", `{"name":"a\nb"}`: "body.name",
	} {
		if p := r.do(t, admin, "PUT", base+"/contacts/bad", body); p.status != 422 || p.location(t) != field {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	for _, body := range []string{`{"display":"福祉の花子","reading":"ふくし はなこ","department":"福祉課","user":"alice"}`} {
		if p := r.do(t, admin, "PUT", base+"/extensions/2001", body); p.status != 200 {
			t.Fatalf("%d %s", p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/extensions/2001", `{"reading":"漢字"}`); p.status != 422 || p.location(t) != "body.reading" {
		t.Errorf("an extension's reading: %d %s", p.status, p.body)
	}
	find := func(who, query string) string {
		var got struct{ Items []book.Entry }
		p := r.do(t, who, "GET", base+"/directory"+query, "")
		if p.status != 200 {
			t.Fatalf("%s %s: %d %s", who, query, p.status, p.body)
		}
		must(t, json.Unmarshal([]byte(p.body), &got))
		var ids []string
		for _, e := range got.Items {
			ids = append(ids, e.ID)
		}
		return strings.Join(ids, " ")
	}
	for _, c := range []struct{ who, query, want string }{
		{"alice+staff", "?q=%E3%81%8F%E3%82%84%E3%81%8F", "contact/ward"}, // くやく
		{"bob+staff", "?q=%E3%81%8F%E3%82%84%E3%81%8F", ""}, {"tess+telephony", "?q=kuyaku", "contact/ward"}, {"alice+recording-listener", "?q=0311112222", "contact/ward"},
		{"bob+staff", "?q=2001", "extension/2001"}, {"bob+staff", "?q=hanako", "extension/2001"}, {"bob+staff", "?q=%E7%A6%8F%E7%A5%89%E8%AA%B2", "extension/2001"},
		{"bob+staff", "?row=%E3%81%AF", "extension/2001"}, {"bob+staff", "?department=%E7%A6%8F%E7%A5%89%E8%AA%B2", "extension/2001"}, {"bob+staff", "?limit=1", "extension/2002"},
	} {
		if got := find(c.who, c.query); got != c.want {
			t.Errorf("%s finds %q by %s, want %q", c.who, got, c.query, c.want)
		}
	}
	if p := r.do(t, admin, "GET", base+"/directory?row=x", ""); p.status != 422 || p.location(t) != "query.row" {
		t.Errorf("no such row: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/directory?after=contact/gone", ""); p.status != 404 {
		t.Errorf("after what is gone: %d %s", p.status, p.body)
	}
	for who, want := range map[string]string{"alice+staff": `{"row":"か","count":1}`, "bob+staff": `{"row":"か","count":0}`} {
		if p := r.do(t, who, "GET", base+"/directory/rows", ""); !strings.Contains(p.body, want) {
			t.Errorf("rows of %s: %s", who, p.body)
		}
	}
}

// TestImport: all or nothing, each fault with its line; the same file again changes nothing; what was read is found.
func TestImport(t *testing.T) {
	r := newRig(t)
	post := func(who, query, body string) reply {
		return r.do(t, who, "POST", base+"/contacts"+query, body, "Content-Type: text/csv; charset=utf-8")
	}
	if p := post(admin, "", "id,氏名,よみがな,電話\nok,山田,やまだ,03-1234-5678\nbad,佐藤,佐藤,\nb2,x,,abc\n"); p.status != 422 ||
		!strings.Contains(p.body, `"body.line[3].よみがな"`) || !strings.Contains(p.body, `"body.line[4].電話"`) {
		t.Errorf("faults: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/contacts/ok", ""); p.status != 404 {
		t.Errorf("half a file was applied: %d", p.status)
	}
	if p := r.do(t, admin, "POST", base+"/contacts", "{}"); p.status != 415 {
		t.Errorf("JSON: %d", p.status)
	}
	var text strings.Builder
	text.WriteString("id,name,reading,department,work\n")
	for i := range 500 {
		fmt.Fprintf(&text, "n%d,山田 %d,やまだ,課%d,03-%04d-0000\n", i, i, i%60, i)
	}
	const first = `{"created":500,"changed":0,"unchanged":0,"deleted":0}`
	if p := post(admin, "?dry_run=true", text.String()); p.status != 200 || strings.TrimSpace(p.body) != first {
		t.Errorf("rehearsal: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/contacts/n1", ""); p.status != 404 {
		t.Errorf("a rehearsal has written: %d", p.status)
	}
	if p := post("tess+telephony", "", text.String()); p.status != 200 || strings.TrimSpace(p.body) != first {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := post(admin, "?replace=true", text.String()); p.status != 200 || strings.TrimSpace(p.body) != `{"created":0,"changed":0,"unchanged":500,"deleted":1}` {
		t.Errorf("again: %d %s", p.status, p.body)
	}
	begin := time.Now()
	p := r.do(t, "bob+staff", "GET", base+"/directory?q=yamada+499", "")
	if p.status != 200 || strings.Count(p.body, `"id"`) != 1 || !strings.Contains(p.body, `"contact/n499"`) {
		t.Errorf("one in 5,000: %d %s", p.status, p.body)
	}
	t.Logf("a search with its HTTP request: %v", time.Since(begin))
	if p := post(admin, "", "name\n"+strings.Repeat("x", maxImport)); p.status != 413 {
		t.Errorf("too large: %d", p.status)
	}
}

// TestDirectoryAccounts: an account's secret is shown once, opens the directory, and ends with the next one.
func TestDirectoryAccounts(t *testing.T) {
	r := newRig(t)
	at := base + "/directory-accounts/desk-1"
	if p := r.do(t, "tess+telephony", "PUT", at, `{"extension":"2001"}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", at, `{"extension":"2999"}`); p.status != 422 || p.location(t) != "body.extension" {
		t.Errorf("no such extension: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", base+"/directory-accounts/none/secret", ""); p.status != 404 {
		t.Errorf("a secret of nobody: %d", p.status)
	}
	var last string
	for range 2 {
		p := r.do(t, "tess+telephony", "POST", at+"/secret", "")
		plain, _ := p.json(t)["secret"].(string)
		snap := booksOf(t, r.store).now()
		if _, ok := snap.BookLogin(here, "desk-1", []byte(plain)); p.status != 200 || len(plain) != 26 || !ok {
			t.Errorf("%d %s opens: %v", p.status, p.body, ok)
		}
		if _, ok := snap.BookLogin(here, "desk-1", []byte(last)); ok {
			t.Error("the secret before opens still")
		}
		last = plain
	}
	if p := r.do(t, admin, "GET", at, ""); strings.Contains(p.body, last) || strings.Contains(r.log.String(), last) {
		t.Error("the secret is shown again")
	}
}
