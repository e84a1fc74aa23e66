package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestAuditQuestions: each field of the question filters, pages follow each other, and what is no kind is refused.
func TestAuditQuestions(t *testing.T) {
	r := newRig(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for i := range 30 {
			e := provisioning.AuditEntry{Domain: here, Subject: "kansa@" + here, Action: []string{"recording.listen", "extension.put", "sip.sign-in"}[i%3], Object: fmt.Sprint("asked/", i), Outcome: "ok",
				Source: "192.0.2.77", Reason: "苦情の調査", Time: time.Date(2020, 1, 1, 0, i, 0, 0, time.UTC)}
			if i == 7 {
				e.Outcome = "denied"
			}
			if err := w.AddAudit(e); err != nil {
				return err
			}
		}
		return nil
	}))
	const from = "source=192.0.2.77&limit=1000"
	for query, want := range map[string]int{from: 30, from + "&kind=listening": 10, from + "&kind=admin": 10, from + "&kind=sign-in": 10, from + "&outcome=denied": 1, from + "&kind=call": 0,
		"text=" + url.QueryEscape("苦情") + "&limit=1000": 30, "text=" + url.QueryEscape("調査 asked 7"): 1, from + "&since=2020-01-01T00:05:00Z&until=2020-01-01T00:08:00Z": 3,
		from + "&subject=kansa@" + here + "&action=recording.": 10, "object=asked/3": 1} {
		p := r.do(t, "u+auditor", "GET", base+"/audit?"+query, "")
		if items, _ := p.json(t)["items"].([]any); p.status != 200 || len(items) != want {
			t.Errorf("%s: %d with %d entries, want %d", query, p.status, len(items), want)
		}
	}
	seen := map[string]bool{}
	for after, n := "", 0; n < 10; n++ {
		p := r.do(t, "u+auditor", "GET", base+"/audit?source=192.0.2.77&newest=true&limit=7&after="+after, "")
		page := p.json(t)
		for _, item := range page["items"].([]any) {
			seen[item.(map[string]any)["object"].(string)] = true
		}
		if after, _ = page["next"].(string); after == "" {
			break
		}
	}
	if len(seen) != 30 {
		t.Errorf("the pages have %d of 30 entries", len(seen))
	}
	for query, status := range map[string]int{"kind=everything": 422, "text=%2C%2C": 422, "text=" + strings.Repeat("x", 201): 422, "limit=1001": 400} {
		if p := r.do(t, "u+auditor", "GET", base+"/audit?"+query, ""); p.status != status {
			t.Errorf("%s: %d, want %d", query, p.status, status)
		}
	}
}

// shortLog is a log whose beginning is archived.
type shortLog struct {
	provisioning.AuditLog
	from time.Time
}

func (s shortLog) SearchAudit(context.Context, string, provisioning.AuditSearch) (provisioning.AuditPage, error) {
	return provisioning.AuditPage{From: s.from}, nil
}

// TestSearchSaysFromWhen: where older entries are archived the answer says up to when, also to who sees only their own; else it says nothing.
func TestSearchSaysFromWhen(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, from := range []time.Time{{}, at} {
		r := newRig(t, func(c *Config) { c.Audit = shortLog{from: from} })
		for _, who := range []string{"u+auditor", "carol+staff"} {
			p := r.do(t, who, "GET", base+"/audit", "")
			if got, there := p.json(t)["from"]; p.status != 200 || there == from.IsZero() || there && got != "2026-03-04T05:06:07Z" {
				t.Errorf("%s: %d %s", who, p.status, p.body)
			}
		}
	}
}

// TestOwnAuditEntries: staff read what they did themselves and nothing else, whatever they ask; who has no right to any reads none.
func TestOwnAuditEntries(t *testing.T) {
	r := newRig(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, who := range []string{"carol", "alice"} {
			if err := w.AddAudit(provisioning.AuditEntry{Domain: here, Subject: who + "@" + here, Action: "sign-in.ok", Object: "user/" + who, Outcome: "ok"}); err != nil {
				return err
			}
		}
		return nil
	}))
	for query, want := range map[string]int{"": 1, "?subject=carol@" + here: 1, "?subject=alice@" + here: 0, "?text=alice": 0, "?object=user/alice": 0, "?kind=admin": 0} {
		p := r.do(t, "carol+staff", "GET", base+"/audit"+query, "")
		if items, _ := p.json(t)["items"].([]any); p.status != 200 || len(items) != want || strings.Contains(p.body, "alice") {
			t.Errorf("%q: %d %s", query, p.status, p.body)
		}
	}
	if p := r.do(t, "carol+recording-listener", "GET", base+"/audit", ""); p.status != 403 {
		t.Errorf("a listener: %d", p.status)
	}
	if p := r.do(t, "carol+staff", "GET", "/v1/domains/"+there+"/audit", ""); p.status == 200 {
		t.Errorf("another domain: %d", p.status)
	}
}

// TestEntriesSayHow: an entry of what came by REST says from where, by which client and by which rule; a token that is not taken is told of.
func TestEntriesSayHow(t *testing.T) {
	var refused []string
	r := newRig(t, func(c *Config) {
		c.Refused = func(source, reason string) { refused = append(refused, source+" "+reason) }
	})
	if p := r.do(t, admin, "PUT", base+"/extensions/2001", `{"display":"new"}`); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	list := r.audit(t, here, "extension.put")
	if e := list[len(list)-1]; e.Kind != "admin" || e.Source != "127.0.0.1" || e.Client != "test" || e.Rule != "admin: extension.put" {
		t.Errorf("%+v", e)
	}
	r.do(t, "x+staff", "DELETE", base+"/extensions/2001", "")
	if list := r.audit(t, here, "extension.delete"); len(list) != 1 || list[0].Outcome != "denied" || list[0].Rule == "" || list[0].Source != "127.0.0.1" || len(list[0].Detail) != 1 || list[0].Detail["inputs"] == nil {
		t.Errorf("%+v", list)
	}
	r.do(t, "bad", "GET", base+"/extensions", "")
	r.do(t, "down", "GET", base+"/extensions", "")
	if len(refused) != 1 || refused[0] != "127.0.0.1 identity: expired" {
		t.Errorf("%q", refused)
	}
}

// TestGroundsOfChanges: the entry of a change names the rule that let it once it was known whose the object is, and what it was judged by.
func TestGroundsOfChanges(t *testing.T) {
	r := offices(t)
	const forward, head = `{"forward":{"always":{"extension":"3001"}}}`, "super+staff+admin"
	for _, c := range []struct{ what, who, method, path, body, rule, inputs string }{
		{"another one's, with two roles", head, "PUT", "/settings/3001", `{}`, "admin: settings.put", `{"object_department":"tax","owner":"sato","roles":["staff","admin"]}`},
		{"their own, with the same roles", head, "PUT", "/settings/3005", forward, "staff (own): settings.put", `{"object_department":"tax","owner":"super","roles":["staff","admin"]}`},
		{"over a department", "chief+staff+admin:tax", "PUT", "/extensions/3002", `{"display":"x","department":"desk"}`, "admin (department): extension.put",
			`{"delegated":["admin of tax"],"object_department":"desk","roles":["staff"]}`},
		{"below another one", head, "PUT", "/departments/care", `{"parent":"bureau"}`, "admin: department.put", `{"roles":["staff","admin"]}`}, // for which user.put is asked too
		{"a password", head, "POST", "/extensions/3001/secret", "", "admin: extension.secret", `{"object_department":"tax","owner":"sato","roles":["staff","admin"]}`},
		{"what goes", "chief+staff+admin:tax", "DELETE", "/groups/6001", "", "admin (department): group.delete", `{"delegated":["admin of tax"],"object_department":"tax","roles":["staff"]}`},
		{"one of the domain", head, "PUT", "/duties", `{"apart":[]}`, "admin: duties.put", `{"roles":["staff","admin"]}`},
	} {
		if p := r.do(t, c.who, c.method, base+c.path, c.body); p.status/100 != 2 {
			t.Errorf("%s: %d %s", c.what, p.status, p.body)
			continue
		}
		list := r.audit(t, here, "")
		e := list[len(list)-1]
		in, _ := e.Detail["inputs"].(map[string]any)
		for _, every := range []string{"client", "address", "time"} {
			if in[every] == nil {
				t.Errorf("%s: no %s in %v", c.what, every, in)
			}
			delete(in, every)
		}
		if got, _ := json.Marshal(in); e.Rule != c.rule || string(got) != c.inputs {
			t.Errorf("%s: %q %s", c.what, e.Rule, got)
		}
	}
}
