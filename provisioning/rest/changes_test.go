package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
)

const admin2 = "hana+admin"

// office is a domain with sets of changes, and a clock that stands.
type office struct {
	wishes
	now *atomic.Pointer[time.Time]
}

// workday is a Monday morning.
func workday() time.Time { return time.Date(2026, 11, 30, 10, 0, 0, 0, time.FixedZone("JST", 9*3600)) }

func newOffice(t *testing.T) office {
	now := &atomic.Pointer[time.Time]{}
	at := workday()
	now.Store(&at)
	return office{wishes{newRig(t, func(c *Config) { c.Clock = func() time.Time { return *now.Load() } }), t}, now}
}

func (o office) at(t time.Time) { o.now.Store(&t) }

// draft makes a set, and returns its ID.
func (o office) draft(token, more, changes string, status int) (string, reply) {
	o.t.Helper()
	p := o.do(o.t, token, "POST", base+"/changes", `{"reason":"移転","ticket":"T-1",`+more+`"changes":[`+changes+`]}`)
	if p.status != status {
		o.t.Fatalf("draft %s: %d %s, want %d", changes, p.status, p.body, status)
	}
	id, _ := p.json(o.t)["id"].(string)
	return id, p
}

func (o office) step(token, id, verb string, status int) reply {
	o.t.Helper()
	path := base + "/changes/" + id
	tag := o.do(o.t, admin, "GET", path, "").header.Get("ETag")
	p := o.do(o.t, token, "POST", path+"/"+verb, "", "If-Match: "+tag)
	if p.status != status {
		o.t.Fatalf("%s of %s as %s: %d %s, want %d", verb, id, token, p.status, p.body, status)
	}
	return p
}

func (o office) state(id string, want provisioning.ChangeState) map[string]any {
	o.t.Helper()
	got := o.do(o.t, admin, "GET", base+"/changes/"+id, "").json(o.t)
	if got["state"] != string(want) {
		o.t.Errorf("%s is %v, want %s", id, got["state"], want)
	}
	return got
}

func (o office) rules(body string, status int) {
	o.t.Helper()
	if p := o.do(o.t, admin, "PUT", base+"/change-rules", body); p.status != status {
		o.t.Fatalf("%s: %d %s, want %d", body, p.status, p.body, status)
	}
}

func merge(kind, key, body string) string {
	return fmt.Sprintf(`{"kind":%q,"key":%q,"do":"merge","body":%s}`, kind, key, body)
}

// A set is looked at as a whole, changes nothing before it is proposed, and then all of it.
func TestChangeSet(t *testing.T) {
	o := newOffice(t)
	for changes, location := range map[string]string{
		merge("extension", "2001", `{"display":"a"}`) + "," + merge("extension", "2002", `{"user":"nobody"}`): "body.changes[1].body.user",
		merge("extension", "9999", `{"display":"a"}`):                                                         "body.changes[0].key",
		merge("extension", "2001", `{"colour":"red"}`):                                                        "body.changes[0].body",
		merge("extension", "2001", `{"number":"2005"}`):                                                       "body.changes[0].body",
		`{"kind":"listening-request","key":"x","do":"delete"}`:                                                "body.changes[0].kind",
		`{"kind":"extension","key":"2001","do":"merge"}`:                                                      "body.changes[0].body",
		`{"kind":"extension","key":"2300","do":"put","body":{"number":"2300"}},` + merge("did", "+81312345678", `{"to":["2300"],"policy":"none"}`):                "body.changes[1].body.policy",
		`{"kind":"user","key":"carol","do":"put","body":{"name":"carol","roles":["recording-manager"]}}`:                                                          "body.changes[0].body.roles",
		`{"kind":"extension","key":"2300","do":"put","body":{"number":"2300"}},{"kind":"extension","key":"2300","do":"put","body":{"number":"2300","media":"x"}}`: "body.changes[1].body.media",
	} {
		if _, p := o.draft(admin, "", changes, http.StatusUnprocessableEntity); p.location(t) != location {
			t.Errorf("%s: %s, want %s", changes, p.body, location)
		}
	}
	id, p := o.draft(admin, "", `{"kind":"extension","key":"2300","do":"put","body":{"number":"2300","display":"新"}},`+merge("did", "+81312345678", `{"to":["2300"]}`)+`,{"kind":"extension","key":"2001","do":"delete"}`, http.StatusConflict)
	if id != "" || !strings.Contains(p.body, "refers") { // an agent is at it
		t.Errorf("%s", p.body)
	}
	id, _ = o.draft(admin, "", `{"kind":"extension","key":"2300","do":"put","body":{"number":"2300","display":"新"}},`+merge("did", "+81312345678", `{"to":["2300"]}`), http.StatusCreated)
	if p := o.do(t, admin, "GET", base+"/extensions/2300", ""); p.status != http.StatusNotFound {
		t.Fatalf("a draft made it: %s", p.body)
	}
	diff := o.do(t, admin, "GET", base+"/changes/"+id+"/diff", "").body
	for _, want := range []string{`{"kind":"did","key":"+81312345678","does":"change","field":"to","before":["2001"],"after":["2300"]}`, `"does":"create","field":"display","after":"新"`} {
		if !strings.Contains(diff, want) {
			t.Errorf("no %s in %s", want, diff)
		}
	}
	o.step(admin, id, "propose", http.StatusOK)
	if got := o.state(id, provisioning.ChangeApplied); len(got["history"].([]any)) != 3 {
		t.Errorf("%v", got["history"])
	}
	if to := fmt.Sprint(o.field("/dids/+81312345678", "to")); to != "[2300]" {
		t.Errorf("it rings %s", to)
	}
	found := false
	for _, e := range o.audit(t, here, "change.propose") {
		found = found || e.Detail["ticket"] == "T-1" && e.Detail["state"] == "applied" && e.Detail["asked_reason"] == "移転"
	}
	if !found {
		t.Error("who, why and which ticket is not in the audit log")
	}
	o.step(admin, id, "propose", http.StatusConflict)
	for _, token := range []string{"al+staff", "eve+auditor"} {
		if p := o.do(t, token, "POST", base+"/changes", `{"reason":"x","changes":[`+merge("extension", "2001", `{}`)+`]}`); p.status != http.StatusForbidden {
			t.Errorf("%s: %d", token, p.status)
		}
	}
	if p := o.do(t, "tel+telephony", "POST", base+"/changes", `{"reason":"x","changes":[`+merge("user", "bob", `{"roles":["admin"]}`)+`]}`); p.status != http.StatusForbidden {
		t.Errorf("a set gives more than its maker may: %d %s", p.status, p.body)
	}
}

// A class asks for somebody else: for a change by itself too, which waits, and for what is made anew, which needs a set. Less of it waits as well.
func TestChangeClasses(t *testing.T) {
	o := newOffice(t)
	o.rules(`{"classes":[{"name":"routing","kinds":["did"],"fields":["to","queue","closing"]},{"name":"ways","kinds":["trunk"]},{"name":"places","kinds":["site"]},{"name":"people","kinds":["user"],"fields":["roles"]}]}`, http.StatusOK)
	o.put(admin, "/dids/+81312345678", `{"title":"代表","to":["2001"]}`, http.StatusOK) // another field
	o.put(admin, "/dids/+81312345678", `{"title":"代表","to":["2002"]}`, http.StatusAccepted)
	if p := o.do(t, admin2, "PUT", base+"/trunks/second", `{"host":"sip2.example.net"}`); p.status != http.StatusConflict || !strings.Contains(p.body, "ways") {
		t.Errorf("a trunk by one person: %d %s", p.status, p.body)
	}
	if to := fmt.Sprint(o.field("/dids/+81312345678", "to")); to != "[2001]" {
		t.Errorf("it rings %s already", to)
	}
	approve := func(token, id string, status int) {
		t.Helper()
		_, tag := o.waits(id)
		if p := o.do(t, token, "POST", base+"/proposals/"+id+"/approve", "", "If-Match: "+tag); p.status != status {
			t.Errorf("%s as %s: %d %s, want %d", id, token, p.status, p.body, status)
		}
	}
	approve(admin, "did:+81312345678", http.StatusForbidden)
	approve(admin2, "did:+81312345678", http.StatusOK)
	if to := fmt.Sprint(o.field("/dids/+81312345678", "to")); to != "[2002]" {
		t.Errorf("it rings %s", to)
	}
	o.put(admin, "/sites/hall", `{"emergency_number":"+81312340001"}`, http.StatusAccepted) // of a kind that protects nothing
	approve(admin2, "site:hall", http.StatusOK)
	o.put(admin, "/recording-policies/year", `{"record":"always","retention_days":365}`, http.StatusCreated)
	o.put(admin, "/recording-policies/year", `{"record":"always","retention_days":30}`, http.StatusAccepted)
	approve(admin2, "policy:year", http.StatusNotFound) // it protects recordings: no class takes that away
	o.agree(manager, "policy:year", http.StatusOK)
	o.rules(`{"classes":[]}`, http.StatusAccepted)
	approve(admin, "change-rules:rules", http.StatusForbidden)
	o.put(admin, "/users/bob", `{"roles":["staff"]}`, http.StatusAccepted)
	approve(admin2, "change-rules:rules", http.StatusOK)
	if p := o.do(t, admin2, "PUT", base+"/trunks/second", `{"host":"sip2.example.net"}`); p.status != http.StatusCreated {
		t.Errorf("without the class: %d %s", p.status, p.body)
	}
}

// Who proposed a set does not agree to it; what was changed meanwhile is told, and nothing is half done.
func TestChangeOvertaken(t *testing.T) {
	o := newOffice(t)
	o.rules(`{"classes":[{"name":"ways","kinds":["trunk"]}]}`, http.StatusOK)
	set := merge("extension", "2001", `{"display":"新"}`) + "," + merge("trunk", "carrier", `{"host":"new.example.net"}`)
	id, _ := o.draft(admin, "", set, http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	if got := o.state(id, provisioning.ChangeProposed); got["class"] != "ways" || got["people"] != 1.0 {
		t.Errorf("%v", got)
	}
	o.step(admin, id, "agree", http.StatusForbidden)
	if p := o.do(t, admin2, "POST", base+"/changes/"+id+"/agree", ""); p.status != http.StatusPreconditionRequired {
		t.Errorf("without a tag: %d", p.status)
	}
	if p := o.do(t, admin2, "PUT", base+"/changes/"+id, `{"reason":"x","changes":[`+merge("extension", "2001", `{}`)+`]}`); p.status != http.StatusConflict {
		t.Errorf("changed after it was proposed: %d %s", p.status, p.body)
	}
	o.put(admin, "/extensions/2001", `{"user":"alice","caller_id":"+81312345678"}`, http.StatusOK) // another field of it
	o.step(admin2, id, "agree", http.StatusOK)
	o.state(id, provisioning.ChangeApplied)
	if o.field("/trunks/carrier", "host") != "new.example.net" || o.field("/extensions/2001", "display") != "新" || o.field("/extensions/2001", "caller_id") != "+81312345678" {
		t.Error("the set is not what is there")
	}
	id, _ = o.draft(admin, "", merge("extension", "2001", `{"display":"旧"}`)+","+merge("trunk", "carrier", `{"host":"third.example.net"}`), http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	o.put(admin, "/extensions/2001", `{"user":"alice","display":"別"}`, http.StatusOK)
	if p := o.step(admin2, id, "agree", http.StatusConflict); !strings.Contains(p.body, "extension 2001: display") {
		t.Errorf("what changed meanwhile is not told: %s", p.body)
	}
	if got := o.state(id, provisioning.ChangeRefused); !strings.Contains(fmt.Sprint(got["history"]), "extension 2001: display") {
		t.Errorf("%v", got["history"])
	}
	if o.field("/trunks/carrier", "host") != "new.example.net" || o.field("/extensions/2001", "display") != "別" {
		t.Error("half of it was done")
	}
}

// One step takes a set back: what was deleted is there again, without its secret; what somebody changed since is named.
func TestChangeUndo(t *testing.T) {
	o := newOffice(t)
	if p := o.do(t, admin, "PUT", base+"/extensions/2400", `{"display":"古","user":"bob"}`); p.status != http.StatusCreated {
		t.Fatalf("%d %s", p.status, p.body)
	}
	id, _ := o.draft(admin, "", `{"kind":"extension","key":"2400","do":"delete"},{"kind":"extension","key":"2401","do":"put","body":{"number":"2401"}},`+merge("extension", "2001", `{"display":"新"}`), http.StatusCreated)
	diff := o.do(t, admin, "GET", base+"/changes/"+id+"/diff", "").body
	if !strings.Contains(diff, `"field":"secret","secret":"changed"`) {
		t.Errorf("the secret that goes is not told: %s", diff)
	}
	o.step(admin, id, "propose", http.StatusOK)
	if p := o.do(t, admin, "GET", base+"/extensions/2400", ""); p.status != http.StatusNotFound {
		t.Fatal("it is not deleted")
	}
	back := o.step(admin, id, "undo", http.StatusOK).json(t)
	if back["undoes"] != id || back["state"] != "applied" {
		t.Errorf("%v", back)
	}
	if got := o.state(id, provisioning.ChangeUndone); got["undone_by"] != back["id"] {
		t.Errorf("%v", got)
	}
	if o.field("/extensions/2400", "display") != "古" || o.field("/extensions/2001", "display") != "" || o.do(t, admin, "GET", base+"/extensions/2401", "").status != http.StatusNotFound {
		t.Error("it is not as before")
	}
	must(t, o.store.View(t.Context(), func(r provisioning.Reader) error {
		m, err := r.Secrets(here, provisioning.SecretSIP, "2400")
		if len(m) > 0 {
			t.Error("a secret came back")
		}
		return err
	}))
	o.step(admin, id, "undo", http.StatusConflict)
	id, _ = o.draft(admin, "", merge("extension", "2001", `{"display":"新"}`)+","+merge("extension", "2400", `{"display":"次"}`), http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	o.put(admin, "/extensions/2001", `{"user":"alice","display":"人手"}`, http.StatusOK)
	if p := o.step(admin, id, "undo", http.StatusConflict); !strings.Contains(p.body, "extension 2001: display") {
		t.Errorf("%s", p.body)
	}
	if o.state(id, provisioning.ChangeApplied); o.field("/extensions/2400", "display") != "次" {
		t.Error("half of it was taken back")
	}
	var list struct{ Items []map[string]any }
	must(t, json.Unmarshal([]byte(o.do(t, admin, "GET", base+"/changes?limit=100", "").body), &list))
	if len(list.Items) != 4 { // set1 of the rig, two, and one undo
		t.Errorf("%d sets", len(list.Items))
	}
}

// What loosens how recordings are protected needs a recording manager, two for what never was recorded, in a set as by itself.
func TestChangeSetProtectsRecordings(t *testing.T) {
	o := newOffice(t)
	o.put(admin, "/recording-policies/year", `{"record":"always","retention_days":365}`, http.StatusCreated)
	o.put(admin, "/recording-policies/advice", `{"record":"never"}`, http.StatusCreated)
	o.put(admin, "/dids/+81312345678", `{"to":["2001"],"policy":"year"}`, http.StatusOK)
	shorter := `{"kind":"policy","key":"short","do":"put","body":{"name":"short","record":"always","retention_days":7}},` + merge("did", "+81312345678", `{"policy":"short"}`)
	id, _ := o.draft(admin, "", shorter, http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	if got := o.state(id, provisioning.ChangeProposed); got["people"] != 1.0 || got["class"] != nil || !strings.Contains(fmt.Sprint(got["loosens"]), "365 to 7") {
		t.Errorf("%v", got)
	}
	o.step(admin2, id, "agree", http.StatusForbidden)
	o.step(manager, id, "agree", http.StatusOK)
	if o.field("/dids/+81312345678", "policy") != "short" {
		t.Error("not done")
	}
	o.put(admin, "/recording-policies/week", `{"record":"always","retention_days":5}`, http.StatusCreated)
	id, _ = o.draft(admin, "", merge("did", "+81312345678", `{"policy":"week"}`), http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	o.put(admin, "/recording-policies/week", `{"record":"always","retention_days":6}`, http.StatusOK)
	if p := o.step(manager, id, "agree", http.StatusConflict); !strings.Contains(p.body, "7 to 6") { // it takes away another thing than who agrees was told
		t.Errorf("%s", p.body)
	}
	o.state(id, provisioning.ChangeRefused)
	id, _ = o.draft(admin, "", merge("policy", "advice", `{"record":"always"}`), http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	o.step(manager, id, "agree", http.StatusOK)
	o.state(id, provisioning.ChangeProposed)
	o.step(manager, id, "agree", http.StatusForbidden)
	o.step(manager2, id, "agree", http.StatusOK)
	o.state(id, provisioning.ChangeApplied)
	id, _ = o.draft(admin, "", `{"kind":"did","key":"+81312345678","do":"delete"},{"kind":"did","key":"+81312345678","do":"put","body":{"number":"+81312345678","to":["2001"]}}`, http.StatusCreated)
	o.step(admin, id, "propose", http.StatusOK)
	o.state(id, provisioning.ChangeProposed) // made anew it would be without its policy
}

// In opening hours nothing that disrupts is changed, but as an emergency that somebody else agrees to, with a reason, and that is reviewed.
func TestMaintenanceWindows(t *testing.T) {
	o := newOffice(t)
	o.put(admin, "/calendars/hall", `{"hours":[{"days":["mon","tue","wed","thu","fri"],"from":"08:30","to":"17:15"}],"holidays":true,"manual":"night"}`, http.StatusOK)
	o.rules(`{"calendar":"hall","weekly":[{"days":["mon"],"from":"12:00","to":"12:30"}]}`, http.StatusOK)
	refused := func(p reply) {
		t.Helper()
		if p.status != http.StatusConflict || !strings.Contains(p.body, "next window from 2026-11-30T12:00:00+09:00") {
			t.Errorf("%d %s", p.status, p.body)
		}
	}
	refused(o.do(t, admin, "PUT", base+"/trunks/carrier", `{"host":"b.example.net"}`))
	refused(o.do(t, admin, "DELETE", base+"/dids/+81312345678", ""))
	o.put(admin, "/dids/+81312345678", `{"to":["2002"]}`, http.StatusOK)
	o.put(admin, "/trunks/fresh", `{"host":"c.example.net"}`, http.StatusCreated) // nobody uses it yet
	id, _ := o.draft(admin, "", merge("trunk", "carrier", `{"host":"b.example.net"}`), http.StatusCreated)
	refused(o.step(admin, id, "propose", http.StatusConflict))
	late, _ := o.draft(admin, `"effective":"2026-12-01T00:00:00+09:00",`, merge("trunk", "fresh", `{"host":"d.example.net"}`), http.StatusCreated)
	o.step(admin, late, "propose", http.StatusOK)
	o.state(late, provisioning.ChangeScheduled)
	day, _ := o.draft(admin, `"effective":"2026-12-01T09:00:00+09:00",`, merge("trunk", "fresh", `{"host":"e.example.net"}`), http.StatusCreated)
	o.step(admin, day, "propose", http.StatusConflict)

	sos, _ := o.draft(admin, `"emergency":true,`, merge("trunk", "carrier", `{"host":"b.example.net"}`), http.StatusCreated)
	o.step(admin, sos, "propose", http.StatusOK)
	o.state(sos, provisioning.ChangeProposed)
	if p := o.step(admin2, sos, "agree", http.StatusUnprocessableEntity); p.location(t) != "body.reason" {
		t.Errorf("%s", p.body)
	}
	o.step(admin2, sos, "agree?reason=outage", http.StatusOK)
	if got := o.state(sos, provisioning.ChangeApplied); got["unreviewed"] != true || o.field("/trunks/carrier", "host") != "b.example.net" {
		t.Errorf("%v", got)
	}
	for token, status := range map[string]int{admin: 403, admin2: 403} {
		if p := o.do(t, token, "POST", base+"/changes/"+sos+"/review", `{"remark":"ok"}`); p.status != status {
			t.Errorf("review as %s: %d", token, p.status)
		}
	}
	if p := o.do(t, "kansa+auditor", "POST", base+"/changes/"+sos+"/review", `{"remark":"妥当"}`); p.status != http.StatusOK {
		t.Errorf("review: %d %s", p.status, p.body)
	}
	o.at(workday().Add(2*time.Hour + 15*time.Minute)) // Monday, a quarter past twelve
	o.step(admin, id, "propose", http.StatusConflict) // its host is another one by now
	o.put(admin, "/trunks/carrier", `{"host":"f.example.net"}`, http.StatusOK)
	o.at(workday().Add(8 * time.Hour))
	if p := o.do(t, admin, "DELETE", base+"/dids/+81312345678", ""); p.status != http.StatusNoContent {
		t.Errorf("in the evening: %d %s", p.status, p.body)
	}
	if p := o.do(t, admin, "PUT", base+"/change-rules", `{"calendar":"hall"}`); p.status != http.StatusOK {
		t.Errorf("fewer windows: %d %s", p.status, p.body)
	}
	o.rules(`{"calendar":"hall","windows":[{"from":"2026-12-01T09:00:00Z","to":"2026-12-01T10:00:00Z"}]}`, http.StatusAccepted)
	o.rules(`{}`, http.StatusAccepted)
}

// Three hundred people move at midnight, all or none; what was missed is made up for, or expires.
func TestMoveAtMidnight(t *testing.T) {
	o := newOffice(t)
	const people = 300
	system := provisioning.Subject{System: true}
	must(t, o.store.Update(t.Context(), system, func(w provisioning.Writer) error {
		for i := range people {
			if _, err := w.Put(here, provisioning.Extension{Number: fmt.Sprint(5000 + i), Department: "tax"}, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	var move []string
	for i := range people {
		move = append(move, merge("extension", fmt.Sprint(5000+i), `{"department":"welfare","display":"移"}`))
	}
	midnight := workday().Add(14 * time.Hour)
	planned := func(more string) string {
		id, _ := o.draft(admin, `"effective":"`+midnight.Format(time.RFC3339)+`",`+more, strings.Join(move, ","), http.StatusCreated)
		o.step(admin, id, "propose", http.StatusOK)
		o.state(id, provisioning.ChangeScheduled)
		return id
	}
	expires, moves := planned(`"late":"expire",`), planned("")
	may := func(provisioning.ChangeSet) error { return nil }
	if s, err := provisioning.CarryDue(t.Context(), o.store, here, moves, midnight.Add(-time.Minute), may); err != nil || s.State != provisioning.ChangeScheduled {
		t.Errorf("before its time: %s %v", s.State, err)
	}
	up := midnight.Add(time.Hour)
	if s, err := provisioning.CarryDue(t.Context(), o.store, here, expires, up, may); err != nil || s.State != provisioning.ChangeExpired {
		t.Errorf("an hour late: %s %v", s.State, err)
	}
	if o.field("/extensions/5000", "department") != "tax" {
		t.Error("moved all the same")
	}
	if s, err := provisioning.CarryDue(t.Context(), o.store, here, moves, up, may); err != nil || s.State != provisioning.ChangeApplied {
		t.Errorf("an hour late: %s %v", s.State, err)
	}
	for _, n := range []string{"5000", "5299"} {
		if o.field("/extensions/"+n, "department") != "welfare" {
			t.Errorf("%s stayed", n)
		}
	}
	fails, _ := o.draft(admin, `"effective":"`+midnight.Format(time.RFC3339)+`",`, merge("extension", "5000", `{"display":"a"}`)+","+merge("extension", "5001", `{"display":"b"}`), http.StatusCreated)
	o.step(admin, fails, "propose", http.StatusOK)
	o.put(admin, "/extensions/5001", `{"display":"人手"}`, http.StatusOK)
	if s, err := provisioning.CarryDue(t.Context(), o.store, here, fails, up, may); err == nil || s.State != provisioning.ChangeRefused || o.field("/extensions/5000", "display") == "a" {
		t.Errorf("overtaken at its time: %s %v", s.State, err)
	}
	gone, _ := o.draft("carol+admin", `"effective":"`+midnight.Format(time.RFC3339)+`",`, merge("extension", "5000", `{"display":"c"}`), http.StatusCreated)
	o.step("carol+admin", gone, "propose", http.StatusOK)
	o.put(admin, "/users/carol", `{"roles":["admin"]}`, http.StatusCreated) // another person of that name
	if s, err := provisioning.CarryDue(t.Context(), o.store, here, gone, up, may); err == nil || s.State != provisioning.ChangeRefused {
		t.Errorf("proposed by another person of the name: %s %v", s.State, err)
	}
}

// What a change by itself wants another sign-in for, a set with it wants too: to be proposed, and to be taken back.
func TestChangeSetStepsUp(t *testing.T) {
	lately := false
	o := office{wishes{newRig(t, func(c *Config) {
		c.StepUp = func(_ provisioning.Subject, a provisioning.Action) error {
			if lately || policy.ClassOf(a) == "" {
				return nil
			}
			return identity.Requirement{ACR: []string{"phr"}}.Check(provisioning.Subject{}, time.Now())
		}
	}), t}, nil}
	id, _ := o.draft(admin, "", merge("user", "bob", `{"display":"b"}`), http.StatusCreated)
	o.step(admin, id, "propose", http.StatusUnauthorized)
	plain, _ := o.draft(admin, "", merge("extension", "2001", `{"display":"b"}`), http.StatusCreated)
	o.step(admin, plain, "propose", http.StatusOK)
	lately = true
	o.step(admin, id, "propose", http.StatusOK)
	lately = false
	o.step(admin, id, "undo", http.StatusUnauthorized)
	o.state(id, provisioning.ChangeApplied)
}
