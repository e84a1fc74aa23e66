package directory

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

var _ policy.World = (*Snapshot)(nil)

// indexRules compiles the domain's own policies.
func (d *domain) indexRules(t *policy.Table) {
	list := make([]provisioning.SitePolicy, 0, len(d.rules))
	for _, p := range d.rules {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b provisioning.SitePolicy) int { return strings.Compare(a.Name, b.Name) })
	d.ruled = t.Compile(list)
}

// Sites implements policy.World.
func (s *Snapshot) Sites(domainName string) *policy.Sites {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	return d.ruled
}

// Modes implements policy.World.
func (s *Snapshot) Modes(domainName string, at time.Time) (day, holiday []string) {
	d, ok := s.domains[domainName]
	if !ok {
		return nil, nil
	}
	for name, c := range d.calendars {
		switch c.Mode(at) {
		case provisioning.ModeDay:
			day = append(day, name)
		case provisioning.ModeHoliday:
			holiday = append(holiday, name)
		}
	}
	return day, holiday
}

// MayCall asks the policies for a call out. Calls for help are never refused.
func (s *Snapshot) MayCall(domainName string, c provisioning.Called, at time.Time) provisioning.Decision {
	o := provisioning.Object{Domain: domainName, Kind: policy.KindNumber, Key: c.Number, Class: c.Class}
	return s.telephone(domainName, c.Extension, policy.CallDial, o, c.Address, c.Device, at)
}

// MayRegister asks the policies whether a telephone may be reached as an extension.
func (s *Snapshot) MayRegister(domainName, number string, from netip.Addr, device string, at time.Time) provisioning.Decision {
	o := provisioning.Object{Domain: domainName, Kind: provisioning.KindExtension, Key: number}
	if e, ok := s.Extension(domainName, number); ok {
		o.Owner = e.User
		if e.Department != "" {
			o.Departments = []string{e.Department} // those above are found where it is asked
		}
	}
	return s.telephone(domainName, number, policy.PhoneRegister, o, from, device, at)
}

// telephone asks for who speaks as an extension. Where no policy of the domain speaks of it, nothing is looked up.
func (s *Snapshot) telephone(domainName, number string, a provisioning.Action, o provisioning.Object, from netip.Addr, device string, at time.Time) provisioning.Decision {
	if s.table == nil { // an empty directory has nobody who could ask
		return provisioning.Decision{Rule: policy.RuleNobody}
	}
	who := provisioning.Subject{Domain: domainName}
	if s.Sites(domainName).Speaks(a) {
		who = s.Telephone(domainName, number)
		who.Address, who.Device = from, device
	}
	return s.table.Judge(s, at, who, a, o)
}

// Telephone is who asks where the telephone of an extension does: its owner, as far as it has one.
func (s *Snapshot) Telephone(domainName, number string) provisioning.Subject {
	e, _ := s.Extension(domainName, number)
	u, _ := s.User(domainName, e.User)
	who := provisioning.Subject{Domain: domainName, User: e.User, Roles: u.Roles, Department: u.Department, Contractor: u.Contract != nil}
	if who.Department == "" {
		who.Department = e.Department
	}
	return who
}

// Departments implements policy.World: a department and those above it; none for "".
func (s *Snapshot) Departments(domainName, name string) []string {
	d := s.domains[domainName]
	return provisioning.Above(name, func(name string) string {
		if d == nil {
			return ""
		}
		return d.departments[name].Parent
	})
}

// Unreadable are the policies that cannot be read, by domain and name, and what follows.
func (s *Snapshot) Unreadable() map[[2]string]string {
	out := map[[2]string]string{}
	for name, d := range s.domains {
		if p := d.ruled.Unreadable(); p != "" {
			out[[2]string{name, p}] = "what it may forbid is denied"
		}
	}
	return out
}
