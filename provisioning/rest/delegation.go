package rest

import (
	"errors"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// confined holds who has a right over a department, and not over the domain, within it: of what they see there, with what they have themselves. rule is what
// let them; for another rule nothing more is asked. old is the zero value where it is made, next nil where it is deleted or taken over.
func (a *api) confined(s provisioning.Subject, r provisioning.Reader, domain, rule string, old, next provisioning.Entity) error {
	if !policy.OverDepartment(rule) {
		return nil
	}
	within := a.within(s, domain)
	if was, ok := old.(provisioning.User); ok {
		var will *provisioning.User
		if u, ok := next.(provisioning.User); ok {
			will = &u
		}
		if err := provisioning.MayManage(s, was, will, within); err != nil {
			return err
		}
	}
	if was, ok := old.(provisioning.Extension); ok {
		if will, ok := next.(provisioning.Extension); !ok && was.Number != "" || ok && will.User != was.User { // who deletes one can make it anew
			if err := a.mayTakeOver(s, r, domain, rule, was); err != nil {
				return err
			}
		}
	}
	if set, ok := next.(provisioning.Settings); ok { // whatever the owner may decide, which is where calls go too
		e, _, err := provisioning.Get[provisioning.Extension](r, domain, set.Extension)
		if err == nil {
			err = a.mayTakeOver(s, r, domain, rule, e)
		}
		return err
	}
	if err := provisioning.Confined(old, next); err != nil || next == nil {
		return err
	}
	for _, ref := range provisioning.NewNames(old, next) {
		if in := provisioning.DepartmentAt(r, domain, ref.Kind, ref.Key); !within(provisioning.RoleAdmin, in) && !within(provisioning.RoleTelephony, in) {
			return ref.Missing()
		}
	}
	return nil
}

// mayTakeOver refuses who has a right over a department the telephone of somebody there who has more than they: who has its password or its PIN, or gives it
// to another one, has that person's calls.
func (a *api) mayTakeOver(s provisioning.Subject, r provisioning.Reader, domain, rule string, e provisioning.Extension) error {
	if !policy.OverDepartment(rule) || e.User == "" || e.User == s.User {
		return nil
	}
	u, _, err := provisioning.Get[provisioning.User](r, domain, e.User)
	if err != nil {
		return err
	}
	return provisioning.MayManage(s, u, nil, a.within(s, domain))
}

// within says that somebody has a role over all of a department.
func (a *api) within(s provisioning.Subject, domain string) func(provisioning.Role, string) bool {
	proof := map[provisioning.Role]struct {
		action provisioning.Action
		kind   string
	}{provisioning.RoleAdmin: {policy.UserPut, provisioning.KindUser}, provisioning.RoleTelephony: {policy.ExtensionPut, provisioning.KindExtension}}
	return func(role provisioning.Role, department string) bool {
		p, ok := proof[role]
		return ok && department != "" && a.Policy.Decide(s, p.action, provisioning.Object{Domain: domain, Kind: p.kind, Departments: []string{department}}).Allowed
	}
}

// movedOut is the refusal of a change where it is no secret what is there: what the asker knows would go where they have no right, or they name it in a set.
func movedOut(err error) error {
	var d *provisioning.Denied
	if errors.As(err, &d) && d.Rule == policy.RuleNotInDepartment {
		return &provisioning.Denied{Rule: provisioning.RuleBeyondOwn, Inputs: d.Inputs}
	}
	return err
}

// placing refuses who puts a department below another one without the right to say who administers users.
func (a *api) placing(s provisioning.Subject, domain string, old, next provisioning.Entity) error {
	will, ok := next.(provisioning.Department)
	if was, _ := old.(provisioning.Department); !ok || will.Parent == "" || will.Parent == was.Parent {
		return nil
	}
	if err := a.can(s, policy.UserPut, provisioning.Object{Domain: domain, Kind: provisioning.KindUser}); err != nil {
		return movedOut(err)
	}
	return a.signedInFor(s, policy.UserPut)
}

// mayPut refuses who may not write an entity where it is, or where it would be; old is nil where there is none.
func (res resource[T]) mayPut(a *api, s provisioning.Subject, r provisioning.Reader, domain string, old *T, next T) error {
	var was T
	if old != nil {
		was = *old
	}
	if err := res.mayWrite(a, s, r, domain, old, next); err != nil {
		return err
	}
	return a.placing(s, domain, was, next)
}

func (res resource[T]) mayWrite(a *api, s provisioning.Subject, r provisioning.Reader, domain string, old *T, next T) error {
	then := res.object(r, domain, next)
	if old == nil {
		if then.Kind == provisioning.KindDID {
			then.Departments = nil // what numbers there are is the domain's to say
		}
		rule, err := a.rules(s, res.put, then)
		if err == nil {
			var none T
			err = a.confined(s, r, domain, rule, none, next)
		}
		return err
	}
	rule, err := a.rules(s, res.put, res.object(r, domain, *old))
	if err != nil {
		return err
	}
	to, err := a.rules(s, res.put, then)
	if err != nil {
		return movedOut(err)
	}
	if policy.OverDepartment(to) { // also who has it as theirs, and gives it away
		rule = to
	}
	s.Grounds.Told(res.put, rule, then)
	return a.confined(s, r, domain, rule, *old, next)
}

// mayManage holds who takes an account over, or signs it out, to what they have themselves.
func (a *api) mayManage(s provisioning.Subject, r provisioning.Reader, domain string, action provisioning.Action, u provisioning.User) error {
	o := provisioning.Object{Domain: domain, Kind: provisioning.KindUser, Key: u.Name, Owner: u.Name, Departments: departments(u.Department)}
	rule, err := a.rules(s, action, o)
	if err == nil {
		err = a.confined(s, r, domain, rule, u, nil)
	}
	return err
}
