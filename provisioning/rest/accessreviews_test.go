package rest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestAccessReview: each quarter every right but staff's is asked for; nobody answers for themself; what is not needed ends at once, what nobody confirmed
// when it is due, but for the last administrator's.
func TestAccessReview(t *testing.T) {
	r := newRig(t)
	system := provisioning.Subject{Domain: here, System: true}
	update := func(do func(provisioning.Writer) error) {
		t.Helper()
		must(t, r.store.Update(t.Context(), system, do))
	}
	put := func(name string, roles ...provisioning.Role) {
		update(func(w provisioning.Writer) error {
			_, err := w.Put(here, provisioning.User{Name: name, Roles: roles}, "")
			return err
		})
	}
	put("root", provisioning.RoleAdmin)
	put(provisioning.SealedAccount, provisioning.RoleAdmin) // in an envelope: nobody's, so nobody is asked about it, and it administers nothing from day to day
	put("sato", provisioning.RoleStaff, provisioning.RoleAuditor, provisioning.RoleSupervisor)
	put("suzuki", provisioning.RoleStaff, provisioning.RoleListener)
	put("tanaka", provisioning.RoleTelephony)
	update(func(w provisioning.Writer) error {
		over := []provisioning.Delegation{{Role: provisioning.RoleAdmin, Department: "tax"}, {Role: provisioning.RoleAdmin, Department: "care"}, {Role: provisioning.RoleTelephony, Department: "tax"}}
		_, err := w.Put(here, provisioning.User{Name: "kakari", Delegated: over}, "")
		return err
	})
	open := func(now time.Time) (v *provisioning.AccessReview) {
		t.Helper()
		update(func(w provisioning.Writer) (err error) {
			v, err = provisioning.OpenAccessReview(w, here, now)
			return err
		})
		return v
	}
	end := func(now time.Time) (v *provisioning.AccessReview) {
		t.Helper()
		update(func(w provisioning.Writer) (err error) {
			v, err = provisioning.CloseAccessReview(w, here, now)
			return err
		})
		return v
	}
	november, january := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC)
	if v := open(november); v == nil || v.ID != "2026-Q4" || v.Closed.IsZero() || len(v.Rights) != 0 {
		t.Fatalf("a new domain: %+v", v)
	}
	if v := open(november.Add(time.Hour)); v != nil {
		t.Errorf("twice in a quarter: %+v", v)
	}
	v := open(january)
	if v == nil || v.ID != "2027-Q1" || len(v.Rights) != 8 || v.Unanswered() != 8 {
		t.Fatalf("the next quarter: %+v", v)
	}
	if v := open(november); v != nil {
		t.Errorf("with the clock set back: %+v", v)
	}

	const path = base + "/access-reviews/2027-Q1/answers"
	for _, c := range []struct {
		what, token, body string
		want              int
	}{
		{"no right", "tanaka+telephony", `{"user":"suzuki","role":"recording-listener","answer":"keep"}`, 403},
		{"an own right", "root+admin", `{"user":"root","role":"admin","answer":"keep"}`, 403},
		{"no such right", "root+admin", `{"user":"suzuki","role":"admin","answer":"keep"}`, 404},
		{"no answer", "root+admin", `{"user":"sato","role":"auditor","answer":"perhaps"}`, 422},
		{"needed", "root+admin", `{"user":"sato","role":"auditor","answer":"keep","reason":"監査担当"}`, 200},
		{"needed no more", "kacho+recording-manager", `{"user":"suzuki","role":"recording-listener","answer":"remove"}`, 200},
		{"over another department", "root+admin", `{"user":"kakari","role":"admin","department":"none","answer":"keep"}`, 404},
		{"over no department", "root+admin", `{"user":"kakari","role":"admin","answer":"keep"}`, 404},
		{"an own one over a department", "kakari+admin", `{"user":"kakari","role":"admin","department":"tax","answer":"keep"}`, 403},
		{"needed over a department", "root+admin", `{"user":"kakari","role":"admin","department":"tax","answer":"keep"}`, 200},
		{"needed no more over a department", "root+admin", `{"user":"kakari","role":"admin","department":"care","answer":"remove"}`, 200},
		{"the last administrator", "kacho+recording-manager", `{"user":"root","role":"admin","answer":"remove"}`, 409},
	} {
		if got := r.do(t, c.token, "POST", path, c.body); got.status != c.want {
			t.Errorf("%s: %d %s, want %d", c.what, got.status, got.body, c.want)
		}
	}
	roles := func(name string) []provisioning.Role {
		t.Helper()
		var u provisioning.User
		must(t, r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
			u, _, err = provisioning.Get[provisioning.User](rd, here, name)
			return err
		}))
		return u.Roles
	}
	over := func() []provisioning.Delegation {
		t.Helper()
		var u provisioning.User
		must(t, r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
			u, _, err = provisioning.Get[provisioning.User](rd, here, "kakari")
			return err
		}))
		return u.Delegated
	}
	if got := over(); len(got) != 2 || got[0].Department != "tax" || got[1].Department != "tax" {
		t.Errorf("what is not needed over a department stays: %v", got)
	}
	if got := roles("suzuki"); !slices.Equal(got, []provisioning.Role{provisioning.RoleStaff}) {
		t.Errorf("what is not needed stays: %v", got)
	}
	if v := end(january.Add(29 * 24 * time.Hour)); v != nil {
		t.Errorf("closed before it is due: %+v", v)
	}
	closed := end(january.Add(30 * 24 * time.Hour))
	if closed == nil || closed.Closed.IsZero() || closed.Unanswered() != 0 {
		t.Fatalf("not closed: %+v", closed)
	}
	for _, right := range closed.Rights {
		ended := right.User == "sato" && right.Role == provisioning.RoleSupervisor || right.User == "tanaka" || right.User == "kakari" && right.Role == provisioning.RoleTelephony
		if right.Ended != ended || (right.Stayed == provisioning.AccessLastAdmin) != (right.User == "root") {
			t.Errorf("%+v", right)
		}
	}
	if got := over(); len(got) != 1 || got[0] != (provisioning.Delegation{Role: provisioning.RoleAdmin, Department: "tax"}) {
		t.Errorf("afterwards kakari has %v", got)
	}
	if a, b, c := roles("sato"), roles("tanaka"), roles("root"); !slices.Equal(a, []provisioning.Role{provisioning.RoleStaff, provisioning.RoleAuditor}) || len(b) != 0 || len(c) != 1 {
		t.Errorf("afterwards sato has %v, tanaka %v, root %v", a, b, c)
	}
	if got := r.do(t, "root+admin", "POST", path, `{"user":"sato","role":"auditor","answer":"remove"}`); got.status != 409 {
		t.Errorf("an answer after the end: %d %s", got.status, got.body)
	}
	if end(january.Add(31*24*time.Hour)) != nil {
		t.Error("closed twice")
	}
	got := r.do(t, "kansa+auditor", "GET", base+"/access-reviews", "")
	var list struct {
		Items []provisioning.AccessReview `json:"items"`
	}
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || got.status != 200 || len(list.Items) != 2 {
		t.Errorf("listed: %d %s %v", got.status, got.body, err)
	}
	if n := len(r.audit(t, here, "access-review.answer")); n < 2 {
		t.Errorf("%d answers in the audit log", n)
	}
}
