package provisioning

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
)

// Delegation is a role over one department and those below it, instead of over the domain: over its users, extensions and what belongs to them, groups and
// numbers.
type Delegation struct {
	Role       Role   `json:"role" enum:"admin,telephony"`
	Department string `json:"department" doc:"This one and those below it"`
}

func (d Delegation) String() string { return string(d.Role) + " of " + d.Department }

// DelegatedRoles are those that may be given for a department.
func DelegatedRoles() []Role { return []Role{RoleAdmin, RoleTelephony} }

// maxDelegated bounds the departments of one person, maxLevels how deep departments stand below each other.
const (
	maxDelegated = 50
	maxLevels    = 10
)

// Over are the departments over which the subject has a role.
func (s Subject) Over(role Role) (out []string) {
	for _, d := range s.Delegated {
		if d.Role == role {
			out = append(out, d.Department)
		}
	}
	return out
}

// checkDelegated is a part of User.Validate.
func (c *check) delegated(list []Delegation) {
	c.list("delegated", len(list), 0, maxDelegated)
	for i, d := range list {
		at := "delegated[" + strconv.Itoa(i) + "]"
		c.must(slices.Contains(DelegatedRoles(), d.Role), at+".role", "is no role that is given for a department")
		c.department(at+".department", d.Department)
		c.must(!slices.Contains(list[:min(i, maxDelegated)], d), at, "is there twice")
	}
}

// department is the name of one.
func (c *check) department(field, s string) {
	c.must(s != "", field, "is missing")
	c.text(field, s)
}

// AllRoles are the user's, for the domain or for a department.
func (u User) AllRoles() []Role {
	roles := slices.Clone(u.Roles)
	for _, d := range u.Delegated {
		if !slices.Contains(roles, d.Role) {
			roles = append(roles, d.Role)
		}
	}
	return roles
}

// Above are a department and those above it, the nearest first; none for "". One that nobody wrote down stands alone. A ring, which no Put makes, ends.
func Above(name string, parent func(string) string) (out []string) {
	for name != "" && len(out) < maxLevels && !slices.Contains(out, name) {
		out = append(out, name)
		name = parent(name)
	}
	return out
}

// Check: no department stands below itself, and none too deep, those below this one neither.
func (d Department) Check(r Reader, domain string) error {
	if d.Parent == "" {
		return nil
	}
	all, err := List[Department](r, domain, "", 0)
	if err != nil {
		return err
	}
	parents := map[string]string{}
	for _, o := range all {
		parents[o.Name] = o.Parent
	}
	parents[d.Name] = d.Parent
	if slices.Contains(Above(d.Parent, func(name string) string { return parents[name] }), d.Name) { // there was no ring without it
		return &Invalid{Field: "parent", Reason: "stands below it"}
	}
	for name := range parents {
		at, levels := name, 1
		for ; parents[at] != "" && levels <= maxLevels; levels++ {
			at = parents[at]
		}
		if levels > maxLevels {
			return &Invalid{Field: "parent", Reason: "is too deep: departments stand " + itoa(maxLevels) + " deep at most"}
		}
	}
	return nil
}

// Rules that refuse who administers a department.
const (
	RuleOwnGrant  = "own-grant"  // nobody changes what they may themselves
	RuleBeyondOwn = "beyond-own" // nobody gives, takes or takes over what they have not
)

// delegable are the fields that who administers a department may write. What is not here reaches beyond it: what a telephone may call and as whom, whom it
// is picked up by, which way calls leave the department.
var delegable = map[string][]string{
	KindUser: {"name", "display", "roles", "delegated", "disabled", "department", "incarnation"},
	KindExtension: {"number", "display", "user", "max_contacts", "media", "srtp_suites", "site", "disabled", "reading", "department", "unlisted", "hot_desk",
		"unsolicited_mwi"},
	KindGroup: {"number", "title", "strategy", "members", "ring_seconds", "ring_busy", "department"},
	KindDID:   {"title", "to", "group", "ring_seconds", "language", "department"},
}

// Confined refuses what who administers a department would change in an entity and may not: *Denied. old is the zero value where it is made, next nil where
// it is deleted.
func Confined(old, next Entity) error {
	if next == nil {
		return nil
	}
	may, ok := delegable[next.Kind()]
	if !ok {
		return &Denied{Rule: RuleBeyondOwn}
	}
	was, err := fieldsOf(old)
	if err != nil {
		return err
	}
	will, err := fieldsOf(next)
	if err != nil {
		return err
	}
	for _, fields := range []document{was, will} {
		for f := range fields {
			if !slices.Contains(may, f) && !bytes.Equal(was.get(f), will.get(f)) {
				return &Denied{Rule: RuleBeyondOwn}
			}
		}
	}
	return nil
}

// NewNames are what next names that old does not, as far as departments have it.
func NewNames(old, next Entity) (out []Ref) {
	before := old.Refs()
	for _, ref := range next.Refs() {
		same := func(o Ref) bool { return o.Kind == ref.Kind && o.Key == ref.Key }
		if _, ok := delegable[ref.Kind]; ok && !slices.ContainsFunc(before, same) {
			out = append(out, ref)
		}
	}
	return out
}

// Missing is what is answered to a name of something that is not there, or of which the asker may not know.
func (r Ref) Missing() error {
	return &Invalid{Field: r.Field, Reason: "names " + r.Kind + " " + strconv.Quote(r.Key) + ", which does not exist"}
}

// MayManage refuses what who administers departments would do to an account: *Denied. within says that somebody has a role over all of a department. old is
// the zero value where there is none yet, next nil where it is deleted or taken over.
func MayManage(by Subject, old User, next *User, within func(Role, string) bool) error {
	has := func(u User) bool {
		for _, r := range u.Roles { // staff's reach their own things only
			if r != RoleStaff && !slices.Contains(by.Roles, r) {
				return false
			}
		}
		return !slices.ContainsFunc(u.Delegated, func(d Delegation) bool { return !within(d.Role, d.Department) })
	}
	if old.Name == by.User {
		if next == nil || !slices.Equal(old.Roles, next.Roles) || !slices.Equal(old.Delegated, next.Delegated) || old.Disabled != next.Disabled || old.Department != next.Department {
			return &Denied{Rule: RuleOwnGrant}
		}
		return nil
	}
	if !has(old) || next != nil && !has(*next) {
		return &Denied{Rule: RuleBeyondOwn}
	}
	return nil
}

// takeDelegation of a user away, if it is still there.
func takeDelegation(w Writer, domain, user string, gone Delegation) (ended bool, err error) {
	u, tag, err := Get[User](w, domain, user)
	if errors.Is(err, ErrNotFound) || err == nil && !slices.Contains(u.Delegated, gone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	u.Delegated = slices.DeleteFunc(slices.Clone(u.Delegated), func(d Delegation) bool { return d == gone })
	_, err = w.Put(domain, u, tag)
	return err == nil, err
}

// DepartmentOf is the department to which an entity belongs; empty: none.
func DepartmentOf(r Reader, domain string, e Entity) string {
	switch e := e.(type) {
	case User:
		return e.Department
	case Extension:
		return e.Department
	case Group:
		return e.Department
	case DID:
		return e.Department
	case Settings:
		x, _, err := Get[Extension](r, domain, e.Extension)
		if err != nil {
			return ""
		}
		return x.Department
	}
	return ""
}

// DepartmentAt is DepartmentOf by kind and key; empty: there is no such entity either.
func DepartmentAt(r Reader, domain, kind, key string) string {
	e, err := entityAt(r, domain, kind, key)
	if err != nil {
		return ""
	}
	return DepartmentOf(r, domain, e)
}
