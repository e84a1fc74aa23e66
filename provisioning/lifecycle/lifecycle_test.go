package lifecycle_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/lifecycle"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

const here = "a.example"

// office is a domain with rules, an administrator beside them, and what each person's account says.
type office struct {
	t        *testing.T
	store    *store.Store
	engine   lifecycle.Engine
	accounts map[string]*provisioning.Account
	now      time.Time
}

func newOffice(t *testing.T, rules provisioning.LifecycleRules, more ...provisioning.Entity) *office {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	o := &office{t: t, store: st, accounts: map[string]*provisioning.Account{}, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	o.did(func(w provisioning.Writer) error {
		for _, e := range append(append([]provisioning.Entity{provisioning.Domain{Name: here}, provisioning.User{Name: "root", Roles: []provisioning.Role{provisioning.RoleAdmin}}}, more...), rules) {
			if _, err := w.Put(here, e, ""); err != nil {
				return err
			}
		}
		return nil
	})
	return o
}

func (o *office) update(do func(provisioning.Writer) error) error {
	return o.store.Update(o.t.Context(), provisioning.Subject{Domain: here, System: true}, do)
}

func (o *office) did(do func(provisioning.Writer) error) {
	o.t.Helper()
	if err := o.update(do); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) wish() provisioning.Wish {
	return provisioning.Wish{By: provisioning.Provisioner{Name: "entra"}.By(here), Reason: "SCIM", At: o.now}
}

// apply tells of somebody; what their account says is kept only if the transaction is.
func (o *office) apply(p lifecycle.Person) error {
	acc := provisioning.Account{}
	if was := o.accounts[p.Name]; was != nil {
		acc = *was
	}
	err := o.update(func(w provisioning.Writer) error { return o.engine.Apply(w, here, o.wish(), &acc, p) })
	if err == nil {
		o.accounts[p.Name] = &acc
	}
	return err
}

func (o *office) applied(p lifecycle.Person) {
	o.t.Helper()
	if err := o.apply(p); err != nil {
		o.t.Fatalf("%s: %v", p.Name, err)
	}
}

// is fails where an entity is not as it should be; what names no key is not there.
func is[T provisioning.Entity](o *office, key string, check func(T) bool) {
	o.t.Helper()
	if err := o.store.View(o.t.Context(), func(r provisioning.Reader) error {
		e, _, err := provisioning.Get[T](r, here, key)
		if check == nil {
			if !errors.Is(err, provisioning.ErrNotFound) {
				o.t.Errorf("%s is there: %+v %v", key, e, err)
			}
			return nil
		}
		if err != nil || !check(e) {
			o.t.Errorf("%s: %+v %v", key, e, err)
		}
		return nil
	}); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) password(number string) bool {
	o.t.Helper()
	there := false
	if err := o.store.View(o.t.Context(), func(r provisioning.Reader) error {
		found, err := r.Secrets(here, provisioning.SecretSIP, number)
		there = len(found) == 1
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return there
}

func holds(roles ...provisioning.Role) func(provisioning.User) bool {
	return func(u provisioning.User) bool { return slices.Equal(u.Roles, roles) && !u.Disabled }
}

// TestRulesCountTogether: all rules that fit a person give; of what there is one of, the first; of recordings, all labels once one rule says none.
func TestRulesCountTogether(t *testing.T) {
	o := newOffice(t, provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{
		{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}, Pickup: "first"},
		{Name: "tax", Department: "tax", Pickup: "second", Numbers: &provisioning.NumberRule{From: "2000", To: "2001"}, Scope: &provisioning.ScopeRule{Numbers: []string{"+81312340100"}, Labels: []string{"internal"}}},
		{Name: "heads", Group: "heads", Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleTelephony}, Numbers: &provisioning.NumberRule{From: "9000", To: "9009"}, Scope: &provisioning.ScopeRule{Groups: []string{"6001"}}},
		{Name: "both", Department: "tax", Group: "others", Roles: []provisioning.Role{provisioning.RoleAuditor}},
	}})
	o.applied(lifecycle.Person{Name: "taro", Display: "太郎", Reading: "たろう", Department: "tax", Groups: []string{"heads"}, Active: true})
	is(o, "taro", holds(provisioning.RoleStaff, provisioning.RoleTelephony))
	is(o, "2000", func(e provisioning.Extension) bool {
		return e.User == "taro" && e.Pickup == "first" && e.Display == "太郎" && e.Reading == "たろう" && e.Department == "tax"
	})
	if !o.password("2000") {
		t.Error("an extension without a password")
	}
	is(o, "taro", func(s provisioning.RecordingScope) bool {
		return slices.Equal(s.Numbers, []string{"+81312340100"}) && slices.Equal(s.Groups, []string{"6001"}) && len(s.Labels) == 0
	})
	o.applied(lifecycle.Person{Name: "hana", Groups: []string{"others"}, Active: true})
	is(o, "hana", holds(provisioning.RoleStaff))
	is[provisioning.RecordingScope](o, "hana", nil)
	if acc := o.accounts["hana"]; acc.Extension != "" {
		t.Errorf("%+v", acc)
	}
}

// TestMove: another department takes what the rule of before gave, leaves what somebody gave by hand, and a number moves only where the rule says so.
func TestMove(t *testing.T) {
	rules := provisioning.LifecycleRules{QuarantineDays: 30, Rules: []provisioning.LifecycleRule{
		{Name: "tax", Department: "tax", Roles: []provisioning.Role{provisioning.RoleTelephony}, Numbers: &provisioning.NumberRule{From: "2000", To: "2009"}, HuntGroups: []string{"6001"}},
		{Name: "care", Department: "care", Roles: []provisioning.Role{provisioning.RoleAuditor}, Numbers: &provisioning.NumberRule{From: "3000", To: "3009", Move: true}, HuntGroups: []string{"6002"}},
		{Name: "hall", Department: "hall", Numbers: &provisioning.NumberRule{From: "4000", To: "4009"}},
	}}
	o := newOffice(t, rules, provisioning.Extension{Number: "1000"}, provisioning.Group{Number: "6001", Members: []string{"1000"}}, provisioning.Group{Number: "6002", Members: []string{"1000"}})
	person := lifecycle.Person{Name: "taro", Department: "tax", Active: true}
	o.applied(person)
	is(o, "6001", func(g provisioning.Group) bool { return slices.Equal(g.Members, []string{"1000", "2000"}) })
	o.did(func(w provisioning.Writer) error { // by hand, beside the rules
		u, tag, err := provisioning.Get[provisioning.User](w, here, "taro")
		if err == nil {
			u.Roles = append(u.Roles, provisioning.RoleStaff)
			_, err = w.Put(here, u, tag)
		}
		return err
	})
	person.Department = "care"
	o.applied(person)
	is(o, "taro", holds(provisioning.RoleStaff, provisioning.RoleAuditor))
	is(o, "taro", func(u provisioning.User) bool { return u.Department == "care" })
	is(o, "6001", func(g provisioning.Group) bool { return slices.Equal(g.Members, []string{"1000"}) })
	is(o, "6002", func(g provisioning.Group) bool { return slices.Equal(g.Members, []string{"1000", "3000"}) })
	is(o, "3000", func(e provisioning.Extension) bool { return e.User == "taro" && !e.Disabled })
	is(o, "2000", func(e provisioning.Extension) bool {
		return e.User == "" && e.Disabled && e.RestingUntil.Equal(o.now.AddDate(0, 0, 30))
	})
	if o.password("2000") {
		t.Error("the number of before keeps its password")
	}
	person.Department = "hall" // whose rule moves nobody
	o.applied(person)
	is(o, "taro", holds(provisioning.RoleStaff))
	is(o, "6002", func(g provisioning.Group) bool { return slices.Equal(g.Members, []string{"1000"}) })
	is(o, "3000", func(e provisioning.Extension) bool { return e.User == "taro" && e.Department == "hall" })
	o.applied(lifecycle.Person{Name: "next", Department: "tax", Active: true}) // 2000 rests
	is(o, "2001", func(e provisioning.Extension) bool { return e.User == "next" })
	o.now = o.now.AddDate(0, 0, 30)
	o.engine = lifecycle.Engine{} // as after a restart: it looks from the first
	o.applied(lifecycle.Person{Name: "later", Department: "tax", Active: true})
	is(o, "2000", func(e provisioning.Extension) bool {
		return e.User == "later" && !e.Disabled && e.RestingUntil.IsZero()
	})
}

// TestNumbers: that of the attribute if it is in the range and free, else the first that is; a full range refuses the whole person, and a contract's are its own.
func TestNumbers(t *testing.T) {
	o := newOffice(t, provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}, Numbers: &provisioning.NumberRule{Attribute: "phoneNumbers", From: "2000", To: "2002"}}}},
		provisioning.Extension{Number: "1000"}, provisioning.Group{Number: "2000", Members: []string{"1000"}})
	with := func(name, phone string) lifecycle.Person {
		return lifecycle.Person{Name: name, Attributes: map[string]string{"phoneNumbers": phone}, Active: true}
	}
	o.applied(with("taro", "+81-3-1234-2002"))
	is(o, "2002", func(e provisioning.Extension) bool { return e.User == "taro" })
	o.applied(with("hana", "+81-3-1234-2002")) // taken; and 2000 is a group's
	is(o, "2001", func(e provisioning.Extension) bool { return e.User == "hana" })
	if err := o.apply(with("jiro", "9999")); !errors.Is(err, lifecycle.ErrNoNumber) {
		t.Errorf("a full range: %v", err)
	}
	is[provisioning.User](o, "jiro", nil)
	before := *o.accounts["taro"]
	o.applied(with("taro", "+81-3-1234-2001")) // who has one keeps it
	if now := *o.accounts["taro"]; !reflect.DeepEqual(now, before) {
		t.Errorf("%+v, before %+v", now, before)
	}
	is(o, "2002", func(e provisioning.Extension) bool { return e.User == "taro" })
}

// TestTaken: a name that is there already is nobody's to take, unless the rules say so; then they keep the roles that they had.
func TestTaken(t *testing.T) {
	rules := provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}}}}
	o := newOffice(t, rules, provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleTelephony}, Department: "tax"})
	person := lifecycle.Person{Name: "taro", Display: "x", Active: true}
	if err := o.apply(person); !errors.Is(err, lifecycle.ErrTaken) {
		t.Errorf("%v", err)
	}
	is(o, "taro", func(u provisioning.User) bool { return u.Display == "" && holds(provisioning.RoleTelephony)(u) })
	rules.Adopt = true
	o.did(func(w provisioning.Writer) error { _, err := w.Put(here, rules, ""); return err })
	o.applied(person)
	is(o, "taro", holds(provisioning.RoleTelephony, provisioning.RoleStaff))
	is(o, "taro", func(u provisioning.User) bool { return u.Department == "tax" }) // the identity service says none: what somebody wrote here stays
}

// TestProtectedWaits: what an administrator is waits for a recording manager, the rest does not; nobody from outside gets it at all.
func TestProtectedWaits(t *testing.T) {
	o := newOffice(t, provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleAdmin}}}},
		provisioning.User{Name: "mina", Roles: []provisioning.Role{provisioning.RoleManager}})
	o.applied(lifecycle.Person{Name: "taro", Active: true})
	is(o, "taro", holds(provisioning.RoleStaff))
	is(o, provisioning.ProposalID(provisioning.KindUser, "taro"), func(p provisioning.Proposal) bool { return p.By == o.wish().By })
	o.applied(lifecycle.Person{Name: "vendor", Active: true, Contract: &provisioning.Contract{Sponsor: "root", Ends: o.now.AddDate(0, 1, 0)}})
	is(o, "vendor", holds(provisioning.RoleStaff))
	is[provisioning.Proposal](o, provisioning.ProposalID(provisioning.KindUser, "vendor"), nil)
}

// TestLeave: who is not active is out and keeps their number for the time; who is taken away has neither roles, nor departments, nor a number; the last
// administrator can be neither.
func TestLeave(t *testing.T) {
	over := []provisioning.Delegation{{Role: provisioning.RoleTelephony, Department: "tax"}}
	o := newOffice(t, provisioning.LifecycleRules{Adopt: true, Rules: []provisioning.LifecycleRule{{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}, Numbers: &provisioning.NumberRule{From: "2000", To: "2009"}}}},
		provisioning.Department{Name: "tax"}, provisioning.User{Name: "taro", Delegated: over})
	o.applied(lifecycle.Person{Name: "taro", Active: true})
	o.applied(lifecycle.Person{Name: "taro"})
	is(o, "taro", func(u provisioning.User) bool { return u.Disabled })
	is(o, "2000", func(e provisioning.Extension) bool { return e.User == "taro" && !e.RestingUntil.IsZero() })
	o.applied(lifecycle.Person{Name: "taro", Active: true}) // as before: who was disabled here stays so
	is(o, "taro", func(u provisioning.User) bool { return u.Disabled })
	o.applied(lifecycle.Person{Name: "taro", Active: true, Returns: true})
	is(o, "taro", func(u provisioning.User) bool { return !u.Disabled })
	is(o, "2000", func(e provisioning.Extension) bool { return e.User == "taro" && e.RestingUntil.IsZero() })

	o.did(func(w provisioning.Writer) error { return o.engine.Remove(w, here, o.wish(), o.accounts["taro"]) })
	is(o, "taro", func(u provisioning.User) bool { return u.Disabled && len(u.Roles) == 0 && len(u.Delegated) == 0 })
	is(o, "2000", func(e provisioning.Extension) bool { return e.User == "" && e.Disabled && !e.RestingUntil.IsZero() })
	if o.password("2000") {
		t.Error("the number of who left keeps its password")
	}
	o.did(func(w provisioning.Writer) error { return lifecycle.Forget(w, here, "taro") })
	is[provisioning.User](o, "taro", nil)

	o.applied(lifecycle.Person{Name: "root", Active: true})
	if err := o.apply(lifecycle.Person{Name: "root"}); !errors.Is(err, provisioning.ErrLastAdmin) {
		t.Errorf("the last administrator, not active: %v", err)
	}
	acc := *o.accounts["root"]
	if err := o.update(func(w provisioning.Writer) error { return o.engine.Remove(w, here, o.wish(), &acc) }); !errors.Is(err, provisioning.ErrLastAdmin) {
		t.Errorf("the last administrator, taken away: %v", err)
	}
	is(o, "root", func(u provisioning.User) bool { return !u.Disabled && slices.Contains(u.Roles, provisioning.RoleAdmin) })
}

// TestScope: who comes out from under the rules that show recordings knows of none, also under the same name made anew; a scope that no rule gave is nobody's to take.
func TestScope(t *testing.T) {
	shows := func(numbers ...string) *provisioning.ScopeRule { return &provisioning.ScopeRule{Numbers: numbers} }
	o := newOffice(t, provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{
		{Name: "tax", Department: "tax", Scope: shows("100")}, {Name: "care", Department: "care", Scope: shows("200")}, {Name: "heads", Group: "heads", Scope: shows("300")}}})
	scope := func(numbers ...string) func(provisioning.RecordingScope) bool {
		return func(s provisioning.RecordingScope) bool {
			return slices.Equal(s.Numbers, numbers) && s.Nothing == (len(numbers) == 0)
		}
	}
	byHand := func(s provisioning.RecordingScope) {
		o.did(func(w provisioning.Writer) error { _, err := w.Put(here, s, ""); return err })
	}
	for _, step := range []struct {
		department string
		groups     []string
		want       []string
	}{{"tax", nil, []string{"100"}}, {"care", nil, []string{"200"}}, {"hall", nil, nil}, {"hall", nil, nil}, {"hall", []string{"heads"}, []string{"300"}},
		{"tax", []string{"heads"}, []string{"100", "300"}}, {"hall", nil, nil}} {
		o.applied(lifecycle.Person{Name: "taro", Department: step.department, Groups: step.groups, Active: true})
		is(o, "taro", scope(step.want...))
	}
	byHand(provisioning.RecordingScope{User: "taro", Numbers: []string{"900"}}) // agreed to since
	o.applied(lifecycle.Person{Name: "taro", Department: "hall", Active: true})
	is(o, "taro", scope("900"))

	byHand(provisioning.RecordingScope{User: "hana", Numbers: []string{"900"}})
	o.applied(lifecycle.Person{Name: "hana", Department: "hall", Active: true})
	is(o, "hana", scope("900"))
	o.applied(lifecycle.Person{Name: "jiro", Department: "hall", Active: true})
	is[provisioning.RecordingScope](o, "jiro", nil)

	o.applied(lifecycle.Person{Name: "mina", Department: "tax", Active: true})
	o.did(func(w provisioning.Writer) error { return o.engine.Remove(w, here, o.wish(), o.accounts["mina"]) })
	o.did(func(w provisioning.Writer) error { return lifecycle.Forget(w, here, "mina") })
	is(o, "mina", scope())
	delete(o.accounts, "mina")
	o.applied(lifecycle.Person{Name: "mina", Department: "hall", Active: true})
	is(o, "mina", scope())
}
