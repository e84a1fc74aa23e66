package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// fakeRemarks has one recording, of which everybody but "blind" may know.
type fakeRemarks struct {
	mu    sync.Mutex
	notes []provisioning.RecordingNote
	cases []string
}

func (f *fakeRemarks) on(s provisioning.Subject, domain, id string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if domain != here || id != "r1" || s.User == "blind" {
		return provisioning.ErrNotFound
	}
	return do()
}

func (f *fakeRemarks) Remarks(_ context.Context, s provisioning.Subject, domain, id string) (provisioning.RecordingRemarks, error) {
	all := provisioning.RecordingRemarks{Notes: []provisioning.RecordingNote{}, Cases: []string{}}
	return all, f.on(s, domain, id, func() error {
		all.Notes, all.Cases = append(all.Notes, f.notes...), append(all.Cases, f.cases...)
		return nil
	})
}

func (f *fakeRemarks) AddNote(_ context.Context, s provisioning.Subject, domain, id, text string) (n provisioning.RecordingNote, err error) {
	err = f.on(s, domain, id, func() error {
		n = provisioning.RecordingNote{ID: int64(len(f.notes) + 1), Written: "2026-12-01T00:00:00Z", Author: s.User, Text: text}
		f.notes = append(f.notes, n)
		return nil
	})
	return n, err
}

func (f *fakeRemarks) DropNote(_ context.Context, s provisioning.Subject, domain, id string, note int64) error {
	return f.on(s, domain, id, func() error {
		before := len(f.notes)
		f.notes = slices.DeleteFunc(f.notes, func(n provisioning.RecordingNote) bool { return n.ID == note })
		if len(f.notes) == before {
			return provisioning.ErrNotFound
		}
		return nil
	})
}

func (f *fakeRemarks) SetCase(_ context.Context, s provisioning.Subject, domain, id, name string) error {
	return f.on(s, domain, id, func() error {
		if name == "full" {
			return provisioning.ErrInUse
		}
		f.cases = append(f.cases, name)
		return nil
	})
}

func (f *fakeRemarks) DropCase(_ context.Context, s provisioning.Subject, domain, id, name string) error {
	return f.on(s, domain, id, func() error {
		if !slices.Contains(f.cases, name) {
			return provisioning.ErrNotFound
		}
		f.cases = slices.DeleteFunc(f.cases, func(c string) bool { return c == name })
		return nil
	})
}

const listener = "taro+recording-listener"

func asked(t *testing.T, p reply) provisioning.ListeningRequest {
	t.Helper()
	var q provisioning.ListeningRequest
	if err := json.Unmarshal([]byte(p.body), &q); err != nil || p.status/100 != 2 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	return q
}

// Who listens asks, and somebody else approves: no order of steps lets one person do both, and nothing is decided twice.
func TestListeningRequests(t *testing.T) {
	r := newRig(t)
	at := base + "/listening-requests"
	one := asked(t, r.do(t, listener, "POST", at, `{"purpose":"complaint","reason":"苦情の内容を確かめる","recordings":["r1","r2"],"hours":1}`))
	if one.State != "pending" || one.By != "taro" || one.Plays != 2 || one.Until.Sub(one.Asked) != time.Hour {
		t.Errorf("%+v", one)
	}
	for _, c := range []struct {
		token, verb, body string
		status            int
	}{
		{listener, "approve", `{}`, 403}, {"taro+recording-manager", "approve", `{}`, 403}, {"taro+recording-listener+recording-manager", "refuse", `{}`, 403},
		{admin, "approve", `{}`, 403}, {"hanako+recording-listener", "withdraw", `{}`, 404}, {manager, "review", `{"remark":"x"}`, 409},
		{manager, "approve", `{"remark":"確認済み"}`, 200}, {manager, "approve", `{}`, 409}, {manager, "refuse", `{}`, 409},
		{listener, "withdraw", `{}`, 200}, {manager, "withdraw", `{}`, 409}, {manager, "approve", `{}`, 409},
	} {
		if p := r.do(t, c.token, "POST", at+"/"+one.ID+"/"+c.verb, c.body); p.status != c.status {
			t.Errorf("%s by %s: %d %s, want %d", c.verb, c.token, p.status, p.body, c.status)
		}
	}
	end := asked(t, r.do(t, manager, "GET", at+"/"+one.ID, ""))
	if end.State != "withdrawn" || end.DecidedBy != "taro@"+here {
		t.Errorf("%+v", end)
	}
	if e := r.audit(t, here, string(policy.ListeningDecide)); len(e) < 3 || e[1].Outcome != "denied" || e[1].Rule != provisioning.RuleTwoPeople {
		t.Errorf("the own approval: %+v", e)
	}
	if p := r.do(t, "hanako+recording-listener", "GET", at, ""); p.status != 200 || !strings.Contains(p.body, `"items":[]`) {
		t.Errorf("another's requests: %d %s", p.status, p.body)
	}
	if p := r.do(t, "hanako+recording-listener", "GET", at+"/"+one.ID, ""); p.status != 404 {
		t.Errorf("another's request: %d", p.status)
	}
	if p := r.do(t, listener, "GET", at, ""); !strings.Contains(p.body, one.ID) {
		t.Errorf("the own requests: %s", p.body)
	}
}

// Two logins of one person are not two people: nobody approves or reviews what an account asked for of which they set the password, nor reviews with one.
func TestListenerKeptByTheApprover(t *testing.T) {
	r := newRig(t)
	const keeper, who = "kacho+admin+recording-manager", "zoe+recording-listener+recording-break-glass"
	password := func(token, name string) {
		t.Helper()
		if p := r.do(t, token, "POST", base+"/users/"+name+"/password", ""); p.status != 200 {
			t.Fatalf("%d %s", p.status, p.body)
		}
	}
	for _, name := range []string{"zoe", "kansa"} {
		if p := r.do(t, admin, "PUT", base+"/users/"+name, `{"roles":["staff"]}`); p.status != 201 {
			t.Fatalf("%d %s", p.status, p.body)
		}
	}
	password(keeper, "zoe")
	password("zoe+admin", "kansa")
	const wish = `{"purpose":"incident","reason":"x","recordings":["r1"]}`
	at := base + "/listening-requests/"
	one, need := asked(t, r.do(t, who, "POST", base+"/listening-requests", wish)), asked(t, r.do(t, who, "POST", base+"/break-glass", wish))
	for _, c := range []struct {
		token, path string
		status      int
	}{
		{keeper, one.ID + "/approve", 403}, {manager2, one.ID + "/approve", 200},
		{keeper, need.ID + "/review", 403}, {"kansa+auditor", need.ID + "/review", 403}, {"other+auditor", need.ID + "/review", 200},
	} {
		if p := r.do(t, c.token, "POST", at+c.path, `{"remark":"x"}`); p.status != c.status {
			t.Errorf("%s by %s: %d %s, want %d", c.path, c.token, p.status, p.body, c.status)
		}
	}
}

// What is wrong in a request is named.
func TestListeningRequestIsRefused(t *testing.T) {
	r := newRig(t)
	at := base + "/listening-requests"
	for body, where := range map[string]string{
		`{"purpose":"curiosity","reason":"x","recordings":["r1"]}`:                                     "body.purpose",
		`{"purpose":"complaint","reason":"  ","recordings":["r1"]}`:                                    "body.reason",
		`{"purpose":"complaint","reason":"x"}`:                                                         "body.recordings",
		`{"purpose":"complaint","reason":"x","filter":{}}`:                                             "body.recordings",
		`{"purpose":"complaint","reason":"x","recordings":["r1"],"filter":{"number":"2001"}}`:          "body.filter",
		`{"purpose":"complaint","reason":"x","recordings":["r1","r1"]}`:                                "body.recordings[1]",
		`{"purpose":"complaint","reason":"x","recordings":["r1"],"hours":73}`:                          "body.hours",
		`{"purpose":"complaint","reason":"x","recordings":["r1"],"plays":21}`:                          "body.plays",
		`{"purpose":"complaint","reason":"x","filter":{"label":"secret"}}`:                             "body.filter.label",
		`{"purpose":"complaint","reason":"` + strings.Repeat("あ", 501) + `","recordings":["r1"]}`:      "body.reason",
		`{"purpose":"complaint","reason":"x","recordings":["` + strings.Repeat("r", 129) + `"],"x":1}`: "body.x",
	} {
		if p := r.do(t, listener, "POST", at, body); p.status != 422 || p.location(t) != where {
			t.Errorf("%.80s: %d %s, want %s", body, p.status, p.body, where)
		}
	}
}

// Without an approval one listens at once with a reason, and somebody else must look at it; the switch is told both times.
func TestBreakGlass(t *testing.T) {
	var told []string
	r := newRig(t, func(c *Config) {
		c.BrokenGlass = func(domain string, q provisioning.ListeningRequest) {
			told = append(told, fmt.Sprint(domain, " ", q.By, " ", q.Unreviewed()))
		}
	})
	const who = "taro+recording-listener+recording-break-glass"
	const body = `{"purpose":"incident","reason":"人命にかかわる","recordings":["r1"]}`
	if p := r.do(t, listener, "POST", base+"/break-glass", body); p.status != 403 {
		t.Errorf("without the role: %d", p.status)
	}
	if p := r.do(t, who, "POST", base+"/break-glass", strings.Replace(body, "{", `{"download":true,`, 1)); p.status != 422 || p.location(t) != "body.download" {
		t.Errorf("to take away: %d %s", p.status, p.body)
	}
	q := asked(t, r.do(t, who, "POST", base+"/break-glass", body))
	if q.State != "granted" || !q.BreakGlass || !q.Unreviewed() {
		t.Errorf("%+v", q)
	}
	at := base + "/listening-requests/" + q.ID + "/review"
	for _, c := range []struct {
		token, body string
		status      int
	}{{"taro+recording-manager", `{"remark":"自分で確認"}`, 403}, {manager, `{"remark":" "}`, 422}, {admin, `{"remark":"x"}`, 403}, {"kansa+auditor", `{"remark":"やむを得ない"}`, 200}, {manager, `{"remark":"x"}`, 409}} {
		if p := r.do(t, c.token, "POST", at, c.body); p.status != c.status {
			t.Errorf("review by %s: %d %s, want %d", c.token, p.status, p.body, c.status)
		}
	}
	if want := []string{here + " taro true", here + " taro false"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	if e := r.audit(t, here, string(policy.BreakGlass)); len(e) != 2 || e[1].Outcome != "allowed" || e[1].Reason != "人命にかかわる" {
		t.Errorf("%+v", e)
	}
}

// The rules deny until two managers write others; the highest label never goes without an approval.
func TestListeningRules(t *testing.T) {
	r := newRig(t)
	at := base + "/listening-rules"
	first := r.do(t, listener, "GET", at, "")
	if first.status != 200 || !strings.Contains(first.body, `"purpose_only":[]`) || !strings.Contains(first.body, `"download":[]`) || !strings.Contains(first.body, `"complaint"`) {
		t.Errorf("%d %s", first.status, first.body)
	}
	for body, where := range map[string]string{`{"purpose_only":["restricted"]}`: "body.purpose_only[0]", `{"download":["x"]}`: "body.download[0]",
		`{"purposes":[{"name":"a"}]}`: "body.purposes[0].title", `{"purposes":[{"name":"a","title":"あ"},{"name":"a","title":"い"}]}`: "body.purposes[1]", `{"max_hours":745}`: "body.max_hours"} {
		if p := r.do(t, manager, "PUT", at, body); p.status != 422 || p.location(t) != where {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if p := r.do(t, manager, "PUT", at, `{"purpose_only":["public"],"max_plays":3}`, "If-Match: "+first.header.Get("ETag")); p.status != 202 || p.json(t)["max_plays"] != 3.0 || !strings.Contains(p.body, `"purpose_only":[]`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, manager, "PUT", at, `{}`, "If-Match: "+first.header.Get("ETag")); p.status != 412 {
		t.Errorf("of before: %d", p.status)
	}
	if p := r.do(t, listener, "POST", base+"/listening-requests", `{"purpose":"complaint","reason":"x","recordings":["r1"],"plays":4}`); p.status != 422 {
		t.Errorf("more plays than the rules allow: %d", p.status)
	}
	if p := r.do(t, manager, "PUT", base+"/recording-scopes/taro", `{"numbers":["0312345678"],"labels":["public"]}`); p.status != 201 {
		t.Errorf("scope: %d %s", p.status, p.body)
	}
	if p := r.do(t, manager, "PUT", base+"/recording-scopes/taro", `{"labels":["public"],"nothing":true}`); p.status != 422 || p.location(t) != "body.nothing" {
		t.Errorf("nothing, of a label: %d %s", p.status, p.body)
	}
	if p := r.do(t, manager, "PUT", base+"/recording-scopes/taro", `{"labels":["public"]}`); p.status != 422 || p.location(t) != "body.numbers" {
		t.Errorf("scope of nothing: %d %s", p.status, p.body)
	}
}

// What more of the rules allows waits for somebody else's word, each kind of it, also of rules that nobody wrote yet; what less does counts at once.
func TestMoreListeningWaits(t *testing.T) {
	const at, id, one = "/listening-rules", "listening-rules:rules", `"purposes":[{"name":"audit","title":"監査"}]`
	for _, c := range []struct{ before, after, field string }{
		{``, `{"download":["public"]}`, "download"}, {``, `{"purpose_only":["internal"]}`, "purpose_only"}, {``, `{"max_hours":73}`, "max_hours"}, {``, `{"max_plays":21}`, "max_plays"},
		{``, `{` + one + `}`, "purposes"}, {`{"max_hours":1,"max_plays":1}`, `{}`, "max_hours,max_plays"}, {`{"purposes":[{"name":"training","title":"応対品質の向上・研修","en":"Quality and training"}]}`, `{}`, "purposes"},
		{``, `{"max_hours":72,"max_plays":20}`, ""}, {``, `{"max_hours":1,"max_plays":1,"purposes":[{"name":"training","title":"応対品質の向上・研修","en":"Quality and training"}]}`, ""},
	} {
		w := wishes{newRig(t), t}
		if c.before != "" {
			w.put(manager, at, c.before, 200)
		}
		was := w.do(t, manager, "GET", base+at, "").body
		if c.field == "" {
			w.put(manager, at, c.after, 200)
			w.none(id)
			continue
		}
		w.put(manager, at, c.after, 202)
		if is := w.do(t, manager, "GET", base+at, "").body; is != was {
			t.Errorf("%s: it is %s at once, and was %s", c.after, is, was)
		}
		var fields []string
		p, _ := w.waits(id)
		for _, change := range p["changes"].([]any) {
			fields = append(fields, change.(map[string]any)["field"].(string))
		}
		if strings.Join(fields, ",") != c.field {
			t.Errorf("%s: waits %q, want %s", c.after, fields, c.field)
		}
		w.agree(manager, id, 403)
		w.agree(manager2, id, 200)
		if p := w.put(manager, at, c.after, 200); p.body == was {
			t.Errorf("%s: agreed to, and it is %s", c.after, p.body)
		}
	}
}

// What a person may know of gets more with two people's word, whosever scope it is; less of it counts at once. Who has no scope knows of all.
func TestWiderScopeWaits(t *testing.T) {
	const at, id = "/recording-scopes/kacho", "recording-scope:kacho"
	for _, c := range []struct {
		before, after string
		waits         bool
	}{
		{``, `{"numbers":["100"]}`, false}, {`{"numbers":["100","101"]}`, `{"numbers":["101"]}`, false}, {`{"numbers":["100"]}`, `{"numbers":["100"],"labels":["public"]}`, false},
		{`{"numbers":["100"],"groups":["7001"]}`, `{"groups":["7001"]}`, false},
		{`{"numbers":["100"]}`, `{"numbers":["100","101"]}`, true}, {`{"numbers":["100"]}`, `{"numbers":["101"]}`, true}, {`{"numbers":["100"]}`, `{"groups":["7001"]}`, true},
		{`{"groups":["7001"]}`, `{"numbers":["100"],"groups":["7001"]}`, true}, {`{"numbers":["100"],"labels":["public"]}`, `{"numbers":["100"]}`, true},
		{`{"numbers":["100"],"labels":["public"]}`, `{"numbers":["100"],"labels":["public","internal"]}`, true}, {`{"numbers":["100"]}`, ``, true},
		{``, `{"nothing":true}`, false}, {`{"numbers":["100"],"labels":["public"]}`, `{"nothing":true}`, false}, {`{"nothing":true}`, ``, true},
		{`{"nothing":true}`, `{"numbers":["100"],"labels":["public"]}`, true}, {`{"nothing":true}`, `{"groups":["7001"]}`, true},
	} {
		w := wishes{newRig(t), t}
		if c.before != "" {
			w.put(manager, at, c.before, 201)
		}
		was, method := w.do(t, manager, "GET", base+at, "").body, "PUT"
		if c.after == "" {
			method = "DELETE"
		}
		p := w.do(t, manager, method, base+at, c.after)
		if !c.waits {
			if p.status/100 != 2 || p.status == 202 || p.header.Get("Link") != "" {
				t.Errorf("%s to %s: %d %s", c.before, c.after, p.status, p.body)
			}
			continue
		}
		if is := w.do(t, manager, "GET", base+at, "").body; p.status != 202 || is != was {
			t.Errorf("%s to %s: %d, and it is %s", c.before, c.after, p.status, is)
			continue
		}
		w.agree(manager, id, 403)
		w.agree(manager2, id, 200)
		if is := w.do(t, manager, "GET", base+at, ""); is.body == was {
			t.Errorf("%s to %s: agreed to, and it is %s", c.before, c.after, is.body)
		}
	}
}

// Proposals about recordings, scopes and rules, and lists of what falls due, are nothing to who may not know of what they are about.
func TestHiddenFromScopes(t *testing.T) {
	w := wishes{newRig(t), t}
	const blind, reader = "blind+recording-manager", "denwa+telephony"
	for path, body := range map[string]string{"/recordings/r1/label": `{"label":"public","reason":"x"}`, "/listening-rules": `{"download":["public"]}`} {
		if p := w.do(t, manager, "PUT", base+path, body); p.status != 202 {
			t.Fatalf("%s: %d %s", path, p.status, p.body)
		}
	}
	w.put(manager, "/recording-scopes/taro", `{"numbers":["100"]}`, 201)
	w.put(manager, "/recording-scopes/taro", `{"numbers":["101"]}`, 202)
	all := []string{"listening-rules:rules", "policy:gone", "recording-scope:taro", "recording:r1:label"}
	for token, want := range map[string][]string{manager: all, blind: {all[0], all[1], all[2]}, reader: {all[1]}, "kansa+auditor": all} {
		var got struct{ Items []struct{ ID string } }
		must(t, json.Unmarshal([]byte(w.do(t, token, "GET", base+"/proposals", "").body), &got))
		var ids []string
		for _, p := range got.Items {
			ids = append(ids, p.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s sees %q, want %q", token, ids, want)
		}
		for _, id := range all {
			status := 404
			if slices.Contains(want, id) {
				status = 200
			}
			if p := w.do(t, token, "GET", base+"/proposals/"+id, ""); p.status != status {
				t.Errorf("%s reads %s: %d, want %d", token, id, p.status, status)
			}
		}
	}
	_, tag := w.waits(all[3])
	if p := w.do(t, blind, "POST", base+"/proposals/"+all[3]+"/agree", "", "If-Match: "+tag); p.status != 404 {
		t.Errorf("agreed to unseen: %d %s", p.status, p.body)
	}
	if p := w.do(t, blind, "DELETE", base+"/proposals/"+all[3], ""); p.status != 404 {
		t.Errorf("refused unseen: %d %s", p.status, p.body)
	}
	w.agree(manager2, all[3], 200)

	w.put(manager, "/recording-scopes/kacho", `{"numbers":["100"]}`, 201)
	if p := w.do(t, manager, "GET", base+"/disposals", ""); p.status != 200 || !strings.Contains(p.body, `"items":[]`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	for method, path := range map[string]string{"GET": "/disposals/2026-12", "POST": "/disposals/2026-12/approve"} {
		if p := w.do(t, manager, method, base+path, "", `If-Match: "d1"`); p.status != 404 {
			t.Errorf("%s %s by who may know of a part: %d %s", method, path, p.status, p.body)
		}
	}
}

// That a call was recorded is in no record of a call for who may know of a part of the recordings only.
func TestCallsOfScopes(t *testing.T) {
	r := newRig(t)
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddCDR(provisioning.CDR{ID: "cdr9", Domain: here, From: "2001", To: "2002", Started: at, Ended: at.Add(time.Minute), Recording: "r9",
			Notices: []provisioning.NoticeReceipt{{Prompt: "notice/recording"}}})
	}))
	for _, scoped := range []bool{false, true} {
		if scoped {
			wishes{r, t}.put(manager, "/recording-scopes/kansa", `{"numbers":["100"]}`, 201)
		}
		for _, path := range []string{"/calls/history", "/calls/history/cdr9"} {
			p := r.do(t, "kansa+auditor", "GET", base+path, "")
			if p.status != 200 || !strings.Contains(p.body, "cdr9") || strings.Contains(p.body, `"r9"`) == scoped || strings.Contains(p.body, `"notices"`) == scoped {
				t.Errorf("%s, with a scope %t: %d %s", path, scoped, p.status, p.body)
			}
		}
	}
}

// Who would come to hear a recording by its label does not give it that label.
func TestLabelOfOnesOwnRequest(t *testing.T) {
	r := newRig(t)
	const who = "taro+recording-listener+recording-manager"
	at, restricted := base+"/recordings/r1/label", `{"label":"restricted","reason":"x"}`
	q := asked(t, r.do(t, who, "POST", base+"/listening-requests", `{"purpose":"complaint","reason":"x","filter":{"label":"restricted"}}`))
	if p := r.do(t, who, "PUT", at, restricted); p.status != 403 {
		t.Errorf("while it waits: %d %s", p.status, p.body)
	}
	asked(t, r.do(t, manager, "POST", base+"/listening-requests/"+q.ID+"/approve", `{}`))
	if p := r.do(t, who, "PUT", at, restricted); p.status != 403 {
		t.Errorf("under an approval: %d %s", p.status, p.body)
	}
	if e := r.audit(t, here, string(policy.RecordingLabel)); len(e) != 2 || e[0].Outcome != "denied" || e[0].Rule != provisioning.RuleTwoPeople {
		t.Errorf("%+v", e)
	}
	asked(t, r.do(t, who, "POST", base+"/listening-requests/"+q.ID+"/withdraw", `{}`))
	files := asked(t, r.do(t, who, "POST", base+"/listening-requests", `{"purpose":"complaint","reason":"x","recordings":["r1"],"download":true}`))
	if p := r.do(t, who, "PUT", at, restricted); p.status != 403 {
		t.Errorf("of a file: %d %s", p.status, p.body)
	}
	asked(t, r.do(t, who, "POST", base+"/listening-requests/"+files.ID+"/withdraw", `{}`))
	if p := r.do(t, who, "PUT", at, restricted); p.status != 200 {
		t.Errorf("without a request: %d %s", p.status, p.body)
	}
}

// Notes and cases are written by those who may know of the recording; the audit log has who and when, and not what.
func TestRecordingNotes(t *testing.T) {
	r := newRig(t)
	at := base + "/recordings/r1"
	for _, c := range []struct {
		token, method, path, body string
		status                    int
	}{
		{listener, "POST", at + "/notes", `{"text":"苦情の通話"}`, 201}, {listener, "POST", at + "/notes", `{"text":""}`, 422}, {listener, "POST", at + "/notes", `{"text":"` + strings.Repeat("x", 2001) + `"}`, 422},
		{"kansa+auditor", "POST", at + "/notes", `{"text":"x"}`, 403}, {"kansa+auditor", "GET", at + "/notes", ``, 200},
		{"blind+recording-listener", "POST", at + "/notes", `{"text":"x"}`, 404}, {"blind+recording-listener", "GET", at + "/notes", ``, 404}, {"blind+recording-listener", "PUT", at + "/cases/K-1", ``, 404},
		{"blind+recording-manager", "GET", at + "/keeping", ``, 404}, {"blind+recording-manager", "PUT", at + "/hold", `{"reason":"x"}`, 404},
		{"blind+recording-manager", "PUT", at + "/label", `{"label":"public","reason":"x"}`, 404}, {"blind+recording-manager", "PUT", at + "/label", `{"label":"public","reason":" "}`, 404},
		{"blind+recording-manager", "PUT", at + "/retention", `{"until":"2200-01-01T00:00:00Z","reason":"x"}`, 404}, {"blind+recording-manager", "POST", at + "/release", `{"reason":"x"}`, 404},
		{listener, "PUT", at + "/cases/K-1", ``, 204}, {listener, "PUT", at + "/cases/full", ``, 409}, {listener, "DELETE", at + "/cases/K-2", ``, 404}, {listener, "DELETE", at + "/cases/K-1", ``, 204},
		{listener, "DELETE", at + "/notes/9", ``, 404}, {listener, "DELETE", at + "/notes/1", ``, 204}, {listener, "POST", base + "/recordings/none/notes", `{"text":"x"}`, 404},
	} {
		if p := r.do(t, c.token, c.method, c.path, c.body); p.status != c.status {
			t.Errorf("%s %s %.40s by %s: %d %s, want %d", c.method, c.path, c.body, c.token, p.status, p.body, c.status)
		}
	}
	entries := r.audit(t, here, string(policy.RecordingNote))
	text, _ := json.Marshal(entries)
	if strings.Contains(string(text), "苦情") || !strings.Contains(string(text), `"letters":5`) || strings.Contains(string(text), "none") {
		t.Errorf("%s", text)
	}
}
