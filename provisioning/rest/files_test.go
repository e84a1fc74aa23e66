package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"naisen/provisioning"
)

const csvType = "Content-Type: text/csv"

func fileAnswer(t *testing.T, p reply) (f filed) {
	t.Helper()
	if p.status != http.StatusOK {
		t.Fatalf("%d %s", p.status, p.body)
	}
	must(t, json.Unmarshal([]byte(p.body), &f))
	return f
}

// TestFileComesBack: what each kind is exported as changes nothing when it is imported, in each form.
func TestFileComesBack(t *testing.T) {
	r := newRig(t)
	token := "zoe"
	for _, role := range provisioning.Roles() {
		token += "+" + string(role)
	}
	full := 0
	for name, op := range operations(r.api) {
		kind, ok := strings.CutPrefix(op.Path, "/v1/domains/{domain}/exports/")
		if !ok {
			continue
		}
		for form, media := range map[string]string{"format=csv": "text/csv", "format=csv&charset=shift_jis": "text/csv; charset=shift_jis", "format=json": "application/json"} {
			file := r.do(t, token, "GET", base+"/exports/"+kind+"?"+form, "")
			if file.status != http.StatusOK || !strings.HasPrefix(file.header.Get("Content-Type"), media) {
				t.Errorf("%s?%s: %d %s", name, form, file.status, file.header.Get("Content-Type"))
				continue
			}
			var all []json.RawMessage
			must(t, json.Unmarshal([]byte(r.do(t, token, "GET", base+"/exports/"+kind+"?format=json", "").body), &all))
			got := fileAnswer(t, r.do(t, token, "POST", base+"/imports/"+kind+"?replace=true&dry_run=true", file.body, "Content-Type: "+media))
			if want := (imported{Unchanged: len(all)}); got.imported != want || got.Waiting != 0 {
				t.Errorf("%s as %s came back with changes: %+v\n%s", kind, form, got, file.body)
			}
			full += min(len(all), 1)
		}
	}
	if full < 60 {
		t.Errorf("only %d files had something in them", full)
	}
}

// TestFileIsRehearsed: a file makes, changes and, where it is asked to, deletes; a rehearsal tells the same and does nothing.
func TestFileIsRehearsed(t *testing.T) {
	r := newRig(t)
	const users, file = base + "/imports/users", "name,display,roles\nalice,\"佐藤, 愛\",staff\nnew1,'=cmd,staff;telephony\nnew2,,\n"
	sjis := strings.NewReplacer("佐藤", "\x8d\xb2\x93\xa1", "愛", "\x88\xa4").Replace(file) // in Shift_JIS
	rehearsed := fileAnswer(t, r.do(t, admin, "POST", users+"?dry_run=true", file, csvType))
	if rehearsed.Created != 2 || rehearsed.Changed != 1 || len(rehearsed.Changes) < 5 {
		t.Errorf("rehearsed %+v", rehearsed)
	}
	var differs bool
	for _, c := range rehearsed.Changes {
		differs = differs || c.Key == "alice" && c.Does == "change" && c.Field == "display" && string(c.After) == `"佐藤, 愛"`
	}
	if !differs {
		t.Errorf("the rehearsal does not say what changes: %+v", rehearsed.Changes)
	}
	if r.do(t, admin, "GET", base+"/users/new1", "").status != http.StatusNotFound {
		t.Fatal("the rehearsal made a user")
	}
	done := fileAnswer(t, r.do(t, admin, "POST", users, sjis, csvType))
	if done.imported != rehearsed.imported || len(done.Changes) != 0 {
		t.Errorf("done %+v, rehearsed %+v", done, rehearsed)
	}
	if p := r.do(t, admin, "GET", base+"/users/new1", ""); !strings.Contains(p.body, `"display":"=cmd"`) {
		t.Errorf("new1 is %s", p.body)
	}
	if again := fileAnswer(t, r.do(t, admin, "POST", users, file, csvType)); again.Unchanged != 3 || again.Changed != 0 {
		t.Errorf("the second time %+v", again)
	}
	r.do(t, admin, "GET", base+"/exports/users?format=json&filter=name~new", "")
	if e := r.audit(t, here, "file.imported"); len(e) != 2 {
		t.Errorf("%d entries of imports, want 2", len(e))
	}
	if e := r.audit(t, here, "file.exported"); len(e) != 1 || fmt.Sprint(e[0].Detail["objects"]) != "2" {
		t.Errorf("entries of exports: %+v", e)
	}
}

// TestFileReplaces: what a file does not have goes, where it is asked to, and not what something refers to.
func TestFileReplaces(t *testing.T) {
	r := newRig(t)
	contacts := base + "/imports/contacts"
	if f := fileAnswer(t, r.do(t, admin, "POST", contacts, "id,name\nn1,a\nn2,b\n", csvType)); f.Created != 2 || f.Deleted != 0 {
		t.Fatalf("%+v", f)
	}
	if f := fileAnswer(t, r.do(t, admin, "POST", contacts+"?replace=true", "id,name\nn1,a\n", csvType)); f.Deleted < 2 || f.Unchanged != 1 {
		t.Errorf("%+v", f)
	}
	if r.do(t, admin, "GET", base+"/contacts/n2", "").status != http.StatusNotFound {
		t.Error("n2 is still there")
	}
	p := r.do(t, admin, "POST", base+"/imports/users?replace=true", "name\nn1\n", csvType)
	if p.status != http.StatusConflict || !strings.HasPrefix(p.location(t), "body.name[") || r.do(t, admin, "GET", base+"/users/n1", "").status != http.StatusNotFound {
		t.Errorf("users that telephones belong to: %d %s", p.status, p.body)
	}
}

// TestImportIsAllOrNothing: each fault says where it is, and nothing was done.
func TestImportIsAllOrNothing(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name, kind, file, form string
		status                 int
		at                     string
	}{
		{"form", "users", "name\n", "Content-Type: application/xml", 415, ""},
		{"no column", "users", "name,tenant\nn1,x\n", csvType, 422, "body.line[1].tenant"},
		{"not valid", "users", "name,display\nn1,x\nn2,\"a\tb\"\n", csvType, 422, "body.line[3].display"},
		{"no such role", "users", "name,roles\nn1,staff\nn2,root\n", csvType, 422, "body.line[3].roles[0]"},
		{"reference", "extensions", "number,user\n2801,\n2802,nobody\n", csvType, 422, "body.line[3].user"},
		{"JSON", "users", `[{"name":"n1"},{"name":"n2","roles":["root"]}]`, "", 422, "body[1].roles[0]"},
		{"JSON twice", "users", `[{"name":"n1"},{"name":"n1"}]`, "", 422, "body[1].name"},
		{"JSON unknown", "users", `[{"name":"n1"},{"name":"n2","tenant":1}]`, "", 422, "body[1]"},
		{"JSON no array", "users", `{"name":"n1"}`, "", 422, "body"},
		{"JSON members twice", "users", `[{"name":"n1","name":"n2"}]`, "", 422, "body[0].name"},
	} {
		var headers []string
		if c.form != "" {
			headers = []string{c.form}
		}
		p := r.do(t, admin, "POST", base+"/imports/"+c.kind, c.file, headers...)
		if p.status != c.status || p.location(t) != c.at {
			t.Errorf("%s: %d %s, want %d at %s", c.name, p.status, p.body, c.status, c.at)
		}
		for _, key := range []string{"users/n1", "users/n2", "extensions/2801"} {
			if r.do(t, admin, "GET", base+"/"+key, "").status != http.StatusNotFound {
				t.Errorf("%s: %s was made", c.name, key)
			}
		}
	}
}

// TestImportedTelephones: the passwords of new telephones are in the answer, once.
func TestImportedTelephones(t *testing.T) {
	r := newRig(t)
	const at, file = base + "/imports/extensions", "number,display\n2801,a\n2802,b\n2001,c\n"
	if f := fileAnswer(t, r.do(t, admin, "POST", at+"?dry_run=true", file, csvType)); len(f.Made) != 0 {
		t.Errorf("a rehearsal shows %d passwords", len(f.Made))
	}
	f := fileAnswer(t, r.do(t, admin, "POST", at, file, csvType))
	if len(f.Made) != 2 || f.Made[0].Username != "2801" || f.Made[0].Realm != here || len(f.Made[0].Secret) < 20 || f.Made[0].Secret == f.Made[1].Secret {
		t.Errorf("made %d, changed %d: %d passwords", f.Created, f.Changed, len(f.Made))
	}
	if strings.Contains(r.do(t, admin, "GET", base+"/exports/extensions?format=json", "").body, f.Made[0].Secret) {
		t.Error("an export has a password")
	}
}

// TestImportOfOthers: who has no right to one line has done nothing, and learns nothing of it.
func TestImportOfOthers(t *testing.T) {
	r := newRig(t)
	p := r.do(t, "alice+staff", "POST", base+"/imports/settings", "extension,do_not_disturb\n2001,true\n2002,true\n", csvType)
	if p.status != http.StatusNotFound {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/settings/2001", ""); strings.Contains(p.body, `"do_not_disturb":true`) {
		t.Error("a part of the file was done")
	}
	if f := fileAnswer(t, r.do(t, "alice+staff", "POST", base+"/imports/settings", "extension,do_not_disturb\n2001,true\n", csvType)); f.Created+f.Changed != 1 {
		t.Errorf("one's own: %+v", f)
	}
	own := r.do(t, "alice+staff", "GET", base+"/exports/settings?format=json", "")
	var list []provisioning.Settings
	if must(t, json.Unmarshal([]byte(own.body), &list)); len(list) != 1 || list[0].Extension != "2001" {
		t.Errorf("alice takes away %s", own.body)
	}
}

// TestOneImportAtATime: the second one is told when to come back.
func TestOneImportAtATime(t *testing.T) {
	r := newRig(t)
	r.api.importing <- struct{}{}
	if p := r.do(t, admin, "POST", base+"/imports/users", "name\nn1\n", csvType); p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", p.status, p.body)
	}
	<-r.api.importing
}

// TestExportInShiftJIS: a sign that the charset has not is told, not lost.
func TestExportInShiftJIS(t *testing.T) {
	r := newRig(t)
	r.do(t, admin, "PATCH", ext, `{"display":"𠮷野"}`, asMerge)
	if p := r.do(t, admin, "GET", base+"/exports/extensions?charset=shift_jis", ""); p.status != 422 || p.location(t) != "query.charset" || !strings.Contains(p.body, "display of 2001") {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// TestFilteredList: pages of a filter are whole, and a field that is not there is told.
func TestFilteredList(t *testing.T) {
	r := newRig(t)
	fileAnswer(t, r.do(t, admin, "POST", base+"/imports/departments", "name\nzaimu\n", csvType))
	file := "number,display,department\n"
	for i := range 30 {
		file += fmt.Sprintf("28%02d,n%d,%s\n", i, i%2, map[bool]string{true: "zaimu"}[i%3 == 0])
	}
	fileAnswer(t, r.do(t, admin, "POST", base+"/imports/extensions", file, csvType))
	var keys []string
	for after := ""; ; {
		p := r.do(t, admin, "GET", base+"/extensions?limit=2&filter=department=zaimu&filter=display=n1&after="+after, "")
		var got page[provisioning.Extension]
		must(t, json.Unmarshal([]byte(p.body), &got))
		for _, e := range got.Items {
			keys = append(keys, e.Number)
		}
		if after = got.Next; after == "" {
			break
		}
	}
	if fmt.Sprint(keys) != "[2803 2809 2815 2821 2827]" {
		t.Errorf("found %v", keys)
	}
	for _, filter := range []string{"tenant=x", "number", "=x"} {
		if p := r.do(t, admin, "GET", base+"/extensions?filter="+filter, ""); p.status != 422 || p.location(t) != "query.filter" {
			t.Errorf("%s: %d %s", filter, p.status, p.body)
		}
	}
}
