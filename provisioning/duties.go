package provisioning

import (
	"slices"
	"strconv"
)

// Duties are pairs of roles that one person may not hold (職務分掌): who listens does not approve, who is watched does not watch. The zero value keeps nothing
// apart.
type Duties struct {
	Apart []RolePair `json:"apart" doc:"A pair that goes waits for another person to agree"`
}

// RolePair are two roles for two people.
type RolePair struct {
	A   Role   `json:"a" doc:"Name of a role"`
	B   Role   `json:"b" doc:"Name of another role"`
	Why string `json:"why,omitempty"`
}

func (p RolePair) String() string { return string(p.A) + " and " + string(p.B) }

// same pair, whichever role is named first.
func (p RolePair) same(o RolePair) bool { return p.A == o.A && p.B == o.B || p.A == o.B && p.B == o.A }

// held says that a person with such roles holds both.
func (p RolePair) held(roles []Role) bool {
	return slices.Contains(roles, p.A) && slices.Contains(roles, p.B)
}

// Separated says that somebody would come to hold two roles that one person may not: 409.
type Separated struct{ Pair RolePair }

func (e *Separated) Error() string { return "provisioning: one person may not hold " + e.Pair.String() }

// Kind, Key: see Entity.
func (Duties) Kind() string { return KindDuties }

// Key of the one table of a domain.
func (Duties) Key() string { return "rules" }

// Refs: see Entity.
func (Duties) Refs() []Ref { return nil }

func (d Duties) normal() Entity { d.Apart = list(d.Apart); return d }

// Validate: see Entity.
func (d Duties) Validate() error {
	var c check
	c.list("apart", len(d.Apart), 0, maxList)
	for i, p := range d.Apart[:min(len(d.Apart), maxList)] {
		at := "apart[" + strconv.Itoa(i) + "]"
		c.must(slices.Contains(Roles(), p.A), at+".a", "is no role")
		c.must(slices.Contains(Roles(), p.B), at+".b", "is no role")
		c.must(p.A != p.B, at+".b", "must be another role than a")
		c.must(!slices.ContainsFunc(d.Apart[:i], p.same), at, "is there twice")
		c.text(at+".why", p.Why)
	}
	return c.result()
}

// weakened says which pairs one person may hold from now on.
func (d Duties) weakened(next Duties) (out []Weakening) {
	for _, p := range d.Apart {
		if !slices.ContainsFunc(next.Apart, p.same) {
			out = append(out, Weakening{"apart", "apart: without " + p.String(), onePerson, ""})
		}
	}
	return out
}

// keepApart refuses a user who would come to hold two roles that one person may not: *Separated. What they hold already is listed, not refused.
func keepApart(r Reader, domain string, next User) error {
	d, err := optional[Duties](r, domain, Duties{}.Key())
	if err != nil || len(d.Apart) == 0 {
		return err
	}
	old, err := optional[User](r, domain, next.Name)
	if err != nil {
		return err
	}
	before, after := old.AllRoles(), next.AllRoles()
	for _, p := range d.Apart {
		if p.held(after) && !p.held(before) {
			return &Separated{p}
		}
	}
	return nil
}

// DutyViolation is somebody who holds two roles that one person may not.
type DutyViolation struct {
	User string   `json:"user"`
	Pair RolePair `json:"pair"`
}

// DutyViolations of a domain, by user: from before the pair was written.
func DutyViolations(r Reader, domain string) ([]DutyViolation, error) {
	out := []DutyViolation{}
	d, err := optional[Duties](r, domain, Duties{}.Key())
	if err != nil || len(d.Apart) == 0 {
		return out, err
	}
	users, err := List[User](r, domain, "", 0)
	for _, u := range users {
		for _, p := range d.Apart {
			if p.held(u.AllRoles()) {
				out = append(out, DutyViolation{u.Name, p})
			}
		}
	}
	return out, err
}
