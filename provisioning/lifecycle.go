package provisioning

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// LifecycleRules say what becomes of people whom an identity service adds, moves and takes away. A domain has one table of them. Nobody gets anything by an
// empty one but a user without roles.
type LifecycleRules struct {
	Rules          []LifecycleRule `json:"rules" doc:"All that fit a person count together; of numbers, class, site, pick-up group, policy and telephone the first that says one"`
	QuarantineDays int             `json:"quarantine_days" doc:"How long nobody gets the number of somebody who left; 0: 90"`
	Adopt          bool            `json:"adopt" doc:"Users who are there already may become an identity service's, with the roles that they have. Left out: it is told that the name is taken"`
}

// LifecycleRule gives something to the people whom it fits, and takes it away when it fits them no more.
type LifecycleRule struct {
	Name       string `json:"name"`
	Department string `json:"department,omitempty" doc:"People of this department; left out: of any"`
	Group      string `json:"group,omitempty" doc:"People in the group of this name; left out: in any or none"`

	Roles       []Role      `json:"roles,omitempty" doc:"What an administrator or a recording manager is waits for a second person, for each of them"`
	Numbers     *NumberRule `json:"numbers,omitempty" doc:"They get an extension with a SIP password"`
	Restriction string      `json:"restriction,omitempty" doc:"Class of restriction of the extension"`
	Site        string      `json:"site,omitempty"`
	Pickup      string      `json:"pickup,omitempty"`
	Record      string      `json:"record,omitempty" doc:"Recording policy of calls that the extension makes"`
	HuntGroups  []string    `json:"hunt_groups,omitempty" doc:"Groups in which the extension rings"`
	Device      *DeviceRule `json:"device,omitempty" doc:"They get a telephone of the inventory that registers as the extension"`
	Scope       *ScopeRule  `json:"recording_scope,omitempty" doc:"What part of the recordings they may know of"`
}

// NumberRule says where an extension's number comes from: an attribute if it is given and has one, else the first of a range that is free.
type NumberRule struct {
	Attribute string `json:"attribute,omitempty" doc:"employeeNumber or phoneNumbers: the digits at its end, as many as from has, within the range"`
	From      string `json:"from" doc:"First of the range"`
	To        string `json:"to" doc:"Last of the range, with as many digits"`
	Move      bool   `json:"move" doc:"Who comes from another rule's range gets a number of this one, and the old one rests. Left out: they keep theirs"`
}

// DeviceRule says which telephones of the inventory's pool (ManagedDevice.Pool) somebody gets one of.
type DeviceRule struct {
	Site     string `json:"site,omitempty" doc:"Those that stand there; left out: anywhere, or nowhere yet"`
	Model    string `json:"model,omitempty" doc:"Those of this model; left out: of any"`
	HandBack bool   `json:"hand_back" doc:"Whom the rule fits no more loses it, as who leaves does. Left out: they keep it, with the number that they have then"`
}

// Fits says that a telephone is of the pool, nobody's, and as the rule wants it. Whether it is in service says its DeviceStatus.
func (r DeviceRule) Fits(d ManagedDevice) bool {
	return d.Pool && d.User == "" && len(d.Lines) == 0 && (r.Site == "" || r.Site == d.Site) && (r.Model == "" || r.Model == d.Model)
}

// ScopeRule is a RecordingScope without whose it is.
type ScopeRule struct {
	Numbers []string `json:"numbers"`
	Groups  []string `json:"groups"`
	Labels  []string `json:"labels"`
}

const (
	quarantine = 90 // days
	maxRange   = 10_000
)

// rulesOfLifecycle is the one key.
const rulesOfLifecycle = "rules"

// Kind, Key: see Entity.
func (LifecycleRules) Kind() string { return KindLifecycle }

// Key of the one table of a domain.
func (LifecycleRules) Key() string { return rulesOfLifecycle }

// Quarantine is how long a number rests.
func (r LifecycleRules) Quarantine() time.Duration {
	days := r.QuarantineDays
	if days == 0 {
		days = quarantine
	}
	return time.Duration(days) * 24 * time.Hour
}

// Refs of the rules: what they give.
func (r LifecycleRules) Refs() []Ref {
	var out []Ref
	for i, rule := range r.Rules {
		at := "rules[" + strconv.Itoa(i) + "]."
		for _, ref := range []Ref{{"restriction", KindRestriction, rule.Restriction}, {"site", KindSite, rule.Site}, {"record", KindPolicy, rule.Record}} {
			if ref.Key != "" {
				ref.Field = at + ref.Field
				out = append(out, ref)
			}
		}
		out = append(out, refs(at+"hunt_groups", KindGroup, rule.HuntGroups)...)
		if rule.Device != nil && rule.Device.Site != "" {
			out = append(out, Ref{at + "device.site", KindSite, rule.Device.Site})
		}
	}
	return out
}

func (r LifecycleRules) normal() Entity { r.Rules = list(r.Rules); return r }

// Validate: see Entity.
func (r LifecycleRules) Validate() error {
	var c check
	c.list("rules", len(r.Rules), 0, maxNumbers)
	c.between("quarantine_days", r.QuarantineDays, 0, 3650)
	names := make([]string, len(r.Rules))
	for i, rule := range r.Rules {
		names[i] = rule.Name
	}
	c.each("rules", names, func(at, s string) { c.name(at+".name", s) })
	for i, rule := range r.Rules {
		rule.check(&c, "rules["+strconv.Itoa(i)+"].")
	}
	return c.result()
}

func (r LifecycleRule) check(c *check, at string) {
	c.text(at+"department", r.Department)
	c.text(at+"group", r.Group)
	c.list(at+"roles", len(r.Roles), 0, len(Roles()))
	for i, role := range r.Roles {
		c.must(slices.Contains(Roles(), role), at+"roles["+strconv.Itoa(i)+"]", "is no role")
	}
	if n := r.Numbers; n != nil {
		insideNumber(c, at+"numbers.from", n.From)
		insideNumber(c, at+"numbers.to", n.To)
		c.must(len(n.From) == len(n.To) && n.From <= n.To, at+"numbers.to", "must have as many digits as from, and not come before it")
		if c.err == nil {
			first, _ := strconv.Atoi(n.From) // digits: checked
			last, _ := strconv.Atoi(n.To)
			c.must(last-first < maxRange, at+"numbers.to", "is more than "+strconv.Itoa(maxRange)+" numbers away")
		}
		c.oneOf(at+"numbers.attribute", n.Attribute, "", "employeeNumber", "phoneNumbers")
	}
	if d := r.Device; d != nil {
		if d.Site != "" {
			c.name(at+"device.site", d.Site)
		}
		modelName(c, at+"device.model", d.Model)
	}
	for field, name := range map[string]string{"restriction": r.Restriction, "site": r.Site, "pickup": r.Pickup, "record": r.Record} {
		if name != "" {
			c.name(at+field, name)
		}
	}
	c.list(at+"hunt_groups", len(r.HuntGroups), 0, maxTargets)
	c.each(at+"hunt_groups", r.HuntGroups, func(at, s string) { extensionNumber(c, at, s) })
	if s := r.Scope; s != nil && c.err == nil {
		if err, ok := (RecordingScope{User: "x", Numbers: s.Numbers, Groups: s.Groups, Labels: s.Labels}).Validate().(*Invalid); ok {
			c.fail(at+"recording_scope."+err.Field, err.Reason)
		}
	}
}

// gives is what a table gives that somebody else must have agreed to, in words: roles that hear or decide, and parts of the recordings. What stands there
// with the same words was agreed to before.
func (r LifecycleRules) gives() (out []string) {
	for _, rule := range r.Rules {
		whom := rule.Name + " (" + quoted(rule.Department) + ", " + quoted(rule.Group) + ")"
		for _, role := range rule.Roles {
			if role != RoleStaff && role != RoleTelephony {
				out = append(out, whom+" gives "+string(role))
			}
		}
		if s := rule.Scope; s != nil {
			out = append(out, whom+" shows recordings of "+orAll(slices.Concat(s.Numbers, s.Groups))+", labels "+orAll(s.Labels))
		}
	}
	return out
}

// weakened says what is loosened where a table takes another one's place: since the rules are agreed to, a move by them needs no second person.
func (r LifecycleRules) weakened(next LifecycleRules) (out []Weakening) {
	had := r.gives()
	for _, g := range next.gives() {
		if !slices.Contains(had, g) {
			out = append(out, Weakening{"rules", "rules: " + g, onePerson, ""})
		}
	}
	if next.Adopt && !r.Adopt {
		out = append(out, Loosening("adopt", "false", "true")...)
	}
	return out
}

// protectedRoles are those that no program gives alone: each is a proposal, to which a person agrees.
var protectedRoles = []Role{RoleAdmin, RoleManager, RoleBreakGlass}

// byMachine says that a program wishes it.
func (w Wish) byMachine() bool { return strings.HasPrefix(w.By, machine) }

// bestowed is what is loosened where a program gives a protected role, also to who comes back with one.
func bestowed(old, next User) (out []Weakening) {
	for _, role := range protectedRoles {
		had, has := !old.Disabled && slices.Contains(old.Roles, role), !next.Disabled && slices.Contains(next.Roles, role)
		if !has || had {
			continue
		}
		field := "disabled"
		if !slices.Contains(old.Roles, role) {
			field = "roles"
		}
		out = append(out, Weakening{field, field + ": " + next.Name + " becomes " + string(role), onePerson, ""})
	}
	for _, d := range next.Delegated {
		had := slices.Contains(old.Delegated, d)
		if next.Disabled || had && !old.Disabled || !slices.Contains(protectedRoles, d.Role) {
			continue
		}
		field := "disabled"
		if !had {
			field = "delegated"
		}
		out = append(out, Weakening{field, field + ": " + next.Name + " becomes " + d.String(), onePerson, ""})
	}
	return out
}

// Unprotected is a user without the roles that no program gives alone.
func (u User) Unprotected() User {
	u.Roles = slices.DeleteFunc(slices.Clone(u.Roles), func(r Role) bool { return slices.Contains(protectedRoles, r) })
	u.Delegated = slices.DeleteFunc(slices.Clone(u.Delegated), func(d Delegation) bool { return slices.Contains(protectedRoles, d.Role) })
	return u
}
