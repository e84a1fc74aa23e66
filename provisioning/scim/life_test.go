package scim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

func patchOf(ops ...string) string {
	return `{"schemas":["` + urnPatch + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

const moved = `{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"福祉課"}`

func (r *rig) members(group string) []string {
	g, _ := get[provisioning.Group](r, group)
	return g.Members
}

func (r *rig) hasSecret(number string) bool {
	found := false
	_ = r.store.View(r.t.Context(), func(rd provisioning.Reader) error {
		_, err := provisioning.SIPCredentialOf(rd, here, number)
		found = err == nil
		return nil
	})
	return found
}

// TestJoinMoveLeave: by rules that are data, each step in one transaction.
func TestJoinMoveLeave(t *testing.T) {
	r := newRig(t)
	r.tax()
	made := r.must(201, "POST", "/Users", taxed("taro"))
	if ext, _ := made.body[urnNaisen].(map[string]any); ext["extension"] != "3000" {
		t.Errorf("shown: %s", made.text)
	}
	e, _ := get[provisioning.Extension](r, "3000")
	if e.User != "taro" || e.Display != "山田 taro" || e.Department != "税務課" || e.Disabled || !r.hasSecret("3000") {
		t.Errorf("joined: %+v", e)
	}
	u, _ := get[provisioning.User](r, "taro")
	if u.Department != "税務課" {
		t.Errorf("department %q", u.Department)
	}
	if !slices.Equal(u.Roles, []provisioning.Role{provisioning.RoleStaff, provisioning.RoleListener}) {
		t.Errorf("roles %q", u.Roles)
	}
	if !slices.Equal(r.members("6000"), []string{"2001", "3000"}) {
		t.Errorf("rings in 6000: %q", r.members("6000"))
	}
	if s, _ := get[provisioning.RecordingScope](r, "taro"); !slices.Equal(s.Numbers, []string{"0312340001"}) {
		t.Errorf("scope %+v", s)
	}
	if second := r.must(201, "POST", "/Users", taxed("jiro")); !strings.Contains(second.text, `"extension":"3001"`) {
		t.Errorf("the second: %s", second.text)
	}

	u.Roles = append(u.Roles, provisioning.RoleTelephony) // by hand: no rule takes it away
	r.put(u)
	before := r.version()
	r.must(200, "PATCH", usersAt+"/"+made.id(), patchOf(moved, `{"op":"Add","path":"phoneNumbers[type eq \"work\"].value","value":"03-1234-4007"}`))
	if !r.oneTransaction(before) {
		t.Error("the move was not one transaction")
	}
	if u, _ = get[provisioning.User](r, "taro"); !slices.Equal(u.Roles, []provisioning.Role{provisioning.RoleTelephony, provisioning.RoleStaff}) {
		t.Errorf("roles after the move %q", u.Roles)
	}
	if u.Department != "福祉課" {
		t.Errorf("department after the move %q", u.Department)
	}
	if e, _ = get[provisioning.Extension](r, "4007"); e.User != "taro" || e.Department != "福祉課" || !r.hasSecret("4007") {
		t.Errorf("the number of the attribute: %+v", e)
	}
	if s, _ := get[provisioning.RecordingScope](r, "taro"); !slices.Equal(s.Numbers, []string{"0312340002"}) {
		t.Errorf("scope after the move %+v", s)
	}
	if !slices.Equal(r.members("6000"), []string{"2001", "3001"}) || !slices.Equal(r.members("6001"), []string{"2001", "4007"}) {
		t.Errorf("rings in %q and %q", r.members("6000"), r.members("6001"))
	}
	rests := r.now.Add(90 * 24 * time.Hour)
	if old, _ := get[provisioning.Extension](r, "3000"); old.User != "" || !old.Disabled || r.hasSecret("3000") || !old.RestingUntil.Equal(rests) {
		t.Errorf("the old number: %+v", old)
	}

	r.must(200, "PATCH", usersAt+"/"+made.id(), patchOf(`{"op":"Replace","path":"active","value":"False"}`))
	if u, _ = get[provisioning.User](r, "taro"); !u.Disabled {
		t.Error("who left is no less a user")
	}
	if e, _ = get[provisioning.Extension](r, "4007"); e.User != "taro" || !e.RestingUntil.Equal(rests) || slices.Contains(r.members("6001"), "4007") {
		t.Errorf("of who left: %+v", e)
	}
	r.must(200, "PATCH", usersAt+"/"+made.id(), patchOf(`{"op":"Replace","path":"active","value":"True"}`))
	if e, _ = get[provisioning.Extension](r, "4007"); e.User != "taro" || !e.RestingUntil.IsZero() || !slices.Contains(r.members("6001"), "4007") {
		t.Errorf("of who came back: %+v", e)
	}
	before = r.version()
	r.must(200, "PATCH", usersAt+"/"+made.id(), patchOf(strings.Replace(moved, "福祉課", "総務課", 1)))
	ends, _ := r.changed(before)
	if s, _ := get[provisioning.RecordingScope](r, "taro"); !s.Nothing || len(s.Numbers) > 0 || ends != 1 {
		t.Errorf("scope where no rule gives one: %+v, in %d transactions", s, ends)
	}
	r.must(204, "DELETE", usersAt+"/"+made.id(), "")
	if e, _ = get[provisioning.Extension](r, "4007"); e.User != "" || !e.Disabled || r.hasSecret("4007") || e.RestingUntil.IsZero() {
		t.Errorf("of who was deleted: %+v", e)
	}
}

func (r *rig) version() (v provisioning.Version) {
	_ = r.store.View(r.t.Context(), func(rd provisioning.Reader) error { v = rd.Version(); return nil })
	return v
}

// oneTransaction says that all changes since then, of a move or more, were made together.
func (r *rig) oneTransaction(since provisioning.Version) bool {
	ends, all := r.changed(since)
	return ends == 1 && all > 5
}

// changed tells how many transactions there were since then, and how many changes in them.
func (r *rig) changed(since provisioning.Version) (ends, all int) {
	_ = r.store.View(r.t.Context(), func(rd provisioning.Reader) error {
		changes, err := rd.Since(since, 1000)
		for _, c := range changes {
			if all++; !c.More {
				ends++
			}
		}
		return err
	})
	return ends, all
}

// TestQuarantine: nobody gets the number of somebody who left until it rested, and then nothing of theirs.
func TestQuarantine(t *testing.T) {
	r := newRig(t)
	r.tax()
	first := r.must(201, "POST", "/Users", taxed("u0")).id()
	for i := 1; i < 10; i++ {
		r.must(201, "POST", "/Users", taxed(fmt.Sprint("u", i)))
	}
	if a := r.do("POST", "/Users", taxed("late")); a.status != 409 || !strings.Contains(a.text, "no number") {
		t.Errorf("the range is used up: %d %s", a.status, a.text)
	}
	if _, ok := get[provisioning.User](r, "late"); ok {
		t.Error("half of somebody was made")
	}
	r.put(provisioning.Settings{Extension: "3000", DoNotDisturb: true})
	r.must(204, "DELETE", usersAt+"/"+first, "")
	r.must(409, "POST", "/Users", taxed("late"))
	r.now = r.now.Add(90*24*time.Hour + time.Second)
	if a := r.must(201, "POST", "/Users", taxed("late")); !strings.Contains(a.text, `"extension":"3000"`) {
		t.Errorf("after the quarantine: %s", a.text)
	}
	if s, ok := get[provisioning.Settings](r, "3000"); ok {
		t.Errorf("who has the number now has what the one before set: %+v", s)
	}
}

// TestProtectedRoles: what an administrator or a recording manager is, no program gives alone; nor does it give it back.
func TestProtectedRoles(t *testing.T) {
	r := newRig(t)
	r.tax()
	id := r.must(201, "POST", "/Users", taxed("taro")).id()
	group := r.must(201, "POST", "/Groups", `{"displayName":"責任者","members":[{"value":"`+id+`"}]}`).id()
	u, _ := get[provisioning.User](r, "taro")
	if slices.Contains(u.Roles, provisioning.RoleManager) || !slices.Contains(u.Roles, provisioning.RoleTelephony) {
		t.Fatalf("roles by group: %q", u.Roles)
	}
	p, ok := get[provisioning.Proposal](r, "user:taro")
	if !ok || p.By != "scim/entra@"+here || p.People != 1 || len(p.Loosens) != 1 || !strings.Contains(p.Loosens[0], "taro becomes recording-manager") {
		t.Fatalf("proposal %+v %v", p, ok)
	}
	r.update(func(w provisioning.Writer) error { return provisioning.Carry(w, here, p, r.now) })
	if u, _ = get[provisioning.User](r, "taro"); !slices.Contains(u.Roles, provisioning.RoleManager) {
		t.Fatalf("agreed: %q", u.Roles)
	}
	r.must(200, "PATCH", usersAt+"/"+id, patchOf(`{"op":"replace","path":"title","value":"x"}`))
	if u, _ = get[provisioning.User](r, "taro"); !slices.Contains(u.Roles, provisioning.RoleManager) {
		t.Errorf("a change of something else takes it away: %q", u.Roles)
	}
	for _, a := range []reply{r.do("PATCH", usersAt+"/"+id, patchOf(`{"op":"replace","path":"active","value":false}`)), r.do("DELETE", usersAt+"/"+id, "")} {
		if a.status != 409 || a.kind() != mutability {
			t.Errorf("the last manager goes: %d %s", a.status, a.text)
		}
	}
	r.put(provisioning.User{Name: "kacho", Roles: []provisioning.Role{provisioning.RoleManager}})
	for _, active := range []string{"false", "true"} {
		r.must(200, "PATCH", usersAt+"/"+id, patchOf(`{"op":"replace","path":"active","value":`+active+`}`))
	}
	if u, _ = get[provisioning.User](r, "taro"); u.Disabled || slices.Contains(u.Roles, provisioning.RoleManager) {
		t.Errorf("back, and a manager without a second person: %+v", u)
	}
	if _, ok := get[provisioning.Proposal](r, "user:taro"); !ok {
		t.Error("coming back as a manager is not proposed")
	}
	r.must(200, "PATCH", "/Groups/"+group, patchOf(`{"op":"remove","path":"members[value eq \"`+id+`\"]"}`))
	if u, _ = get[provisioning.User](r, "taro"); slices.Contains(u.Roles, provisioning.RoleTelephony) || !slices.Contains(u.Roles, provisioning.RoleStaff) {
		t.Errorf("out of the group: %q", u.Roles)
	}
	r.update(func(w provisioning.Writer) error { // who is new, whatever asks for it
		_, waits, err := provisioning.PutGuarded(w, here, nil, provisioning.User{Name: "new", Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleAdmin}}, "",
			provisioning.Wish{By: provisioning.Provisioner{Name: "entra"}.By(here), At: r.now})
		if waits == nil {
			t.Error("a program makes an administrator")
		}
		return err
	})
}

// TestDelegatedBySCIM: over which departments somebody has a role is nothing that a program says: it stays where they move, ends with them, and waits for a
// second person where they come back. What department somebody here wrote stays as long as the identity service says none.
func TestDelegatedBySCIM(t *testing.T) {
	r := newRig(t)
	r.tax()
	id := r.must(201, "POST", "/Users", taxed("taro")).id()
	over := []provisioning.Delegation{{Role: provisioning.RoleTelephony, Department: "福祉課"}, {Role: provisioning.RoleAdmin, Department: "税務課"}}
	u, _ := get[provisioning.User](r, "taro")
	u.Delegated = over
	r.put(u)
	r.must(200, "PATCH", usersAt+"/"+id, patchOf(moved))
	if u, _ = get[provisioning.User](r, "taro"); !slices.Equal(u.Delegated, over) {
		t.Errorf("after the move: %v", u.Delegated)
	}
	for _, active := range []string{"false", "true"} {
		r.must(200, "PATCH", usersAt+"/"+id, patchOf(`{"op":"replace","path":"active","value":`+active+`}`))
	}
	if u, _ = get[provisioning.User](r, "taro"); u.Disabled || !slices.Equal(u.Delegated, over[:1]) {
		t.Errorf("back, and an administrator without a second person: %+v", u)
	}
	p, ok := get[provisioning.Proposal](r, "user:taro")
	if !ok || !strings.Contains(strings.Join(p.Loosens, " "), "taro becomes admin of 税務課") {
		t.Fatalf("what waits: %+v %v", p, ok)
	}
	r.update(func(w provisioning.Writer) error { return provisioning.Carry(w, here, p, r.now) })
	if u, _ = get[provisioning.User](r, "taro"); !slices.Equal(u.Delegated, over) {
		t.Errorf("agreed: %v", u.Delegated)
	}

	quiet := r.must(201, "POST", "/Users", `{"userName":"jiro","active":true}`).id()
	u, _ = get[provisioning.User](r, "jiro")
	u.Department = "窓口"
	r.put(u)
	r.must(200, "PATCH", usersAt+"/"+quiet, patchOf(`{"op":"replace","path":"title","value":"x"}`))
	if u, _ = get[provisioning.User](r, "jiro"); u.Department != "窓口" {
		t.Errorf("the identity service says no department: %q", u.Department)
	}
	r.must(200, "PATCH", usersAt+"/"+quiet, patchOf(moved))
	r.must(200, "PATCH", usersAt+"/"+quiet, patchOf(strings.Replace(strings.Replace(moved, "Replace", "Remove", 1), `,"value":"福祉課"`, "", 1)))
	if u, _ = get[provisioning.User](r, "jiro"); u.Department != "" {
		t.Errorf("the identity service took it away: %q", u.Department)
	}
}

// TestDutiesBySCIM: a rule gives nobody two roles that one person may not hold.
func TestDutiesBySCIM(t *testing.T) {
	r := newRig(t)
	r.tax()
	r.put(provisioning.Duties{Apart: []provisioning.RolePair{{A: provisioning.RoleStaff, B: provisioning.RoleListener}}})
	if a := r.do("POST", "/Users", taxed("taro")); a.status != 409 || a.kind() != mutability || !strings.Contains(a.text, "one person may not hold staff and recording-listener") {
		t.Errorf("%d %s", a.status, a.text)
	}
	if _, ok := get[provisioning.User](r, "taro"); ok {
		t.Error("made all the same")
	}
}

// TestAdopt: users of ours become an identity service's only where the rules say so, which somebody else agrees to; they keep the roles that they have.
func TestAdopt(t *testing.T) {
	r := newRig(t)
	r.put(provisioning.User{Name: "clerk", Display: "x", Roles: []provisioning.Role{provisioning.RoleTelephony}})
	if a := r.do("POST", "/Users", `{"userName":"clerk","active":false}`); a.status != 409 {
		t.Errorf("taken over: %d", a.status)
	}
	rules := provisioning.LifecycleRules{Adopt: true, Rules: []provisioning.LifecycleRule{{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}}}}
	r.update(func(w provisioning.Writer) error {
		_, waits, err := provisioning.PutGuarded(w, here, nil, rules, "", provisioning.Wish{By: "boss@" + here, At: r.now})
		if waits == nil {
			t.Error("adoption needs nobody")
		}
		return err
	})
	r.put(rules)
	r.must(201, "POST", "/Users", `{"userName":"clerk","displayName":"事務"}`)
	if u, _ := get[provisioning.User](r, "clerk"); u.Display != "事務" || !slices.Equal(u.Roles, []provisioning.Role{provisioning.RoleTelephony, provisioning.RoleStaff}) {
		t.Errorf("adopted: %+v", u)
	}
}

// TestRulesNeedAgreement: rules that let people hear or decide wait; so a move by them needs nobody.
func TestRulesNeedAgreement(t *testing.T) {
	r := newRig(t)
	hears := provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{{Name: "a", Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleListener}, Scope: &provisioning.ScopeRule{Numbers: []string{"03"}}}}}
	wish := provisioning.Wish{By: "boss@" + here, At: r.now}
	var waits *provisioning.Proposal
	r.update(func(w provisioning.Writer) (err error) {
		_, waits, err = provisioning.PutGuarded(w, here, nil, hears, "", wish)
		return err
	})
	if waits == nil || len(waits.Loosens) != 2 {
		t.Fatalf("proposal %+v", waits)
	}
	if got, _ := get[provisioning.LifecycleRules](r, "rules"); len(got.Rules) != 0 {
		t.Errorf("in force: %+v", got)
	}
	r.update(func(w provisioning.Writer) error { return provisioning.Carry(w, here, *waits, r.now) })
	more := hears
	more.Rules = append(slices.Clone(hears.Rules), provisioning.LifecycleRule{Name: "b", Roles: []provisioning.Role{provisioning.RoleStaff}})
	r.update(func(w provisioning.Writer) (err error) {
		_, waits, err = provisioning.PutGuarded(w, here, &hears, more, "", wish)
		return err
	})
	if waits != nil {
		t.Errorf("a rule that shows nothing waits: %+v", waits)
	}
}

// TestDisabledHere: who was disabled by hand is not let in again by a client that says nothing of it.
func TestDisabledHere(t *testing.T) {
	r := newRig(t)
	id := r.must(201, "POST", "/Users", `{"userName":"taro","active":true}`).id()
	u, _ := get[provisioning.User](r, "taro")
	u.Disabled = true
	r.put(u)
	if a := r.must(200, "GET", usersAt+"/"+id, ""); a.body["active"] != false {
		t.Errorf("shown as %v", a.body["active"])
	}
	r.must(200, "PATCH", usersAt+"/"+id, patchOf(`{"op":"replace","path":"title","value":"x"}`))
	r.must(200, "PUT", usersAt+"/"+id, `{"userName":"taro","active":true}`)
	if u, _ = get[provisioning.User](r, "taro"); !u.Disabled {
		t.Error("let in again")
	}
	for _, active := range []string{"false", "true"} {
		r.must(200, "PUT", usersAt+"/"+id, `{"userName":"taro","active":`+active+`}`)
	}
	if u, _ = get[provisioning.User](r, "taro"); u.Disabled {
		t.Error("left and came back, and is disabled still")
	}
}

// TestContractBySCIM: sponsor, end and numbers, and who wrote them here.
func TestContractBySCIM(t *testing.T) {
	r := newRig(t)
	r.tax()
	guest := func(more string) string {
		return `{"userName":"guest","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"税務課"},"` + urnNaisen + `":{"sponsor":"boss","endDate":"2027-03-31","numbers":["3005"]` + more + `}}`
	}
	a := r.must(201, "POST", "/Users", guest(`,"calls":["2*"]`))
	u, _ := get[provisioning.User](r, "guest")
	ends := time.Date(2027, 3, 31, 15, 0, 0, 0, time.UTC) // the end of that day in Japan
	if c := u.Contract; c == nil || c.Sponsor != "boss" || !c.Ends.Equal(ends) || !slices.Equal(c.Calls, []string{"2*"}) {
		t.Fatalf("contract %+v", u.Contract)
	}
	if ext, _ := a.body[urnNaisen].(map[string]any); ext["extension"] != "3005" || ext["endDate"] != "2027-03-31T15:00:00.000Z" || ext["sponsor"] != "boss" {
		t.Errorf("shown %v", ext)
	}
	u.Contract.Ends = ends.AddDate(0, 1, 0)
	r.put(u)
	if got := r.must(200, "GET", "/Users?filter="+strings.ReplaceAll(urnNaisen+`:endDate+gt+%222027-04-15%22`, " ", "+"), ""); got.body["totalResults"] != 1.0 {
		t.Errorf("what was written here is not shown: %s", got.text)
	}
	for _, bad := range []string{`{"userName":"g2","` + urnNaisen + `":{"sponsor":"nobody","endDate":"2027-03-31"}}`, `{"userName":"g2","` + urnNaisen + `":{"sponsor":"boss"}}`,
		`{"userName":"g2","` + urnNaisen + `":{"endDate":"2027-03-31"}}`} {
		if a := r.do("POST", "/Users", bad); a.status != 400 || a.kind() != invalidValue {
			t.Errorf("%s: %d %s", bad, a.status, a.text)
		}
	}
}

// TestGroups: as Entra ID and Okta change who is in them.
func TestGroups(t *testing.T) {
	r := newRig(t)
	a, b := r.must(201, "POST", "/Users", `{"userName":"a"}`).id(), r.must(201, "POST", "/Users", `{"userName":"b"}`).id()
	made := r.must(201, "POST", "/Groups", `{"schemas":["`+urnGroup+`"],"displayName":"職員","externalId":"e1","members":[]}`)
	id, tag := made.id(), made.header.Get("ETag")
	both := func() string { return r.must(200, "GET", "/Groups/"+id, "").text }
	r.must(200, "PATCH", "/Groups/"+id, patchOf(`{"op":"Add","path":"members","value":[{"value":"`+a+`"},{"value":"`+b+`"}]}`))
	if text := both(); !strings.Contains(text, a) || !strings.Contains(text, b) {
		t.Errorf("added: %s", text)
	}
	r.must(412, "PATCH", "/Groups/"+id, patchOf(`{"op":"Replace","path":"displayName","value":"x"}`), "If-Match", tag)
	if u := r.must(200, "GET", usersAt+"/"+a, ""); !strings.Contains(u.text, `"display":"職員"`) {
		t.Errorf("the member's groups: %s", u.text)
	}
	for q, want := range map[string]float64{"displayName+eq+%22%E8%81%B7%E5%93%A1%22": 1, "members+eq+%22" + a + "%22": 1, "members%5Bvalue+eq+%22" + b + "%22%5D": 1, "members.value+eq+%22x%22": 0, "externalId+eq+%22e1%22": 1} {
		if got := r.must(200, "GET", "/Groups?excludedAttributes=members&filter="+q, ""); got.body["totalResults"] != want || strings.Contains(got.text, a) {
			t.Errorf("%s: %s", q, got.text)
		}
	}
	r.must(200, "PATCH", "/Groups/"+id, patchOf(`{"op":"Remove","path":"members","value":[{"value":"`+a+`"}]}`)) // Entra ID
	if text := both(); strings.Contains(text, a) || !strings.Contains(text, b) {
		t.Errorf("removed by value: %s", text)
	}
	r.must(200, "PATCH", "/Groups/"+id, patchOf(`{"op":"remove","path":"members[value eq \"`+b+`\"]"}`)) // Okta
	r.must(200, "PATCH", "/Groups/"+id, patchOf(`{"op":"replace","value":{"id":"`+id+`","displayName":"全職員"}}`))
	if text := both(); strings.Contains(text, b) || !strings.Contains(text, "全職員") {
		t.Errorf("removed by filter, named anew: %s", text)
	}
	r.must(200, "PUT", "/Groups/"+id, `{"displayName":"職員","members":[{"value":"`+b+`"}]}`)
	r.must(204, "DELETE", usersAt+"/"+b, "")
	if text := both(); strings.Contains(text, b) {
		t.Errorf("who is gone is in it still: %s", text)
	}
	r.must(200, "PATCH", "/Groups/"+id, patchOf(`{"op":"add","path":"members","value":[{"value":"`+a+`"}]}`))
	r.must(204, "DELETE", "/Groups/"+id, "")
	r.must(404, "GET", "/Groups/"+id, "")
	if u := r.must(200, "GET", usersAt+"/"+a, ""); strings.Contains(u.text, id) {
		t.Errorf("in a group that is gone: %s", u.text)
	}
}
