package policy

import (
	"errors"
	"net/netip"
	"time"

	"naisen/provisioning"
)

// Fixed is a World made of data: what-if questions and tables of cases are put to it.
type Fixed struct {
	Table     *Table
	Policies  []provisioning.SitePolicy
	Calendars []provisioning.Calendar
	Networks  []provisioning.Site
	Tree      []provisioning.Department // which department is a part of which

	compiled *Sites
}

var _ World = (*Fixed)(nil)

// NewFixed checks the policies: *provisioning.Invalid.
func NewFixed(t *Table, policies []provisioning.SitePolicy, calendars []provisioning.Calendar, networks []provisioning.Site) (*Fixed, error) {
	for _, p := range policies {
		if err := t.Check(p); err != nil {
			return nil, err
		}
	}
	return &Fixed{Table: t, Policies: policies, Calendars: calendars, Networks: networks, compiled: t.Compile(policies)}, nil
}

// Sites implements World: the policies are every domain's.
func (f *Fixed) Sites(string) *Sites { return f.compiled }

// Modes implements World.
func (f *Fixed) Modes(_ string, at time.Time) (day, holiday []string) {
	for _, c := range f.Calendars {
		switch c.Mode(at) {
		case provisioning.ModeDay:
			day = append(day, c.Name)
		case provisioning.ModeHoliday:
			holiday = append(holiday, c.Name)
		}
	}
	return day, holiday
}

// Departments implements World.
func (f *Fixed) Departments(_, name string) []string {
	return provisioning.Above(name, func(name string) string {
		for _, d := range f.Tree {
			if d.Name == name {
				return d.Parent
			}
		}
		return ""
	})
}

// SiteFrom implements World.
func (f *Fixed) SiteFrom(_ string, addr netip.Addr) (found provisioning.Site, ok bool) {
	longest := -1
	for _, s := range f.Networks {
		for _, n := range s.Networks {
			if p, err := netip.ParsePrefix(n); err == nil && p.Contains(addr.Unmap()) && p.Bits() > longest {
				found, ok, longest = s, true, p.Bits()
			}
		}
	}
	return found, ok
}

// Deciding is the Cedar text of everything that decides about an action: what the table grants, what the domain forbids, and what it permits besides.
func (t *Table) Deciding(w World, domain string, a provisioning.Action) (texts []string) {
	r := t.row(a)
	if r == nil {
		return nil
	}
	all := append(statements{}, r.anybody...)
	for _, role := range provisioning.Roles() {
		all = append(append(all, r.grants[role]...), r.over[role]...)
	}
	if w != nil {
		if s := w.Sites(domain); s != nil {
			all = append(append(all, s.forbids[a]...), s.permits[a]...)
		}
	}
	for _, s := range all {
		texts = append(texts, "// "+s.id+"\n"+s.text)
	}
	return texts
}

// CheckTable holds the table's own statements against the schema.
func (t *Table) CheckTable() error {
	v, err := t.validator(t.schema(ownWords))
	if err != nil {
		return err
	}
	var all []error
	for _, a := range t.order {
		r := t.row(a.action)
		check := func(list statements) {
			for _, s := range list {
				all = append(all, v.Policy(s.id, s.tree()))
			}
		}
		check(r.anybody)
		for _, g := range r.grants {
			check(g)
		}
		for _, g := range r.over {
			check(g)
		}
	}
	return errors.Join(all...)
}
