package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"naisen/provisioning"
)

// Rules that refuse, as they stand in *provisioning.Denied and in the audit log.
const (
	RuleOtherDomain   = "other-domain"   // subject and object are not of the same domain
	RuleUnknownAction = "unknown-action" // no row in the table
	RuleWrongKind     = "wrong-kind"     // the action is not one of that kind of object
	RuleNobody        = "no-subject"     // neither a user nor the system
	RuleNotGranted    = "not-granted"    // no role of the subject has the action
	RuleNotOwn        = "not-own"        // a role has it, but for the subject's own objects only

	RuleNotInDepartment = "not-in-department" // a role over departments has it, but this object is in none of them

	RuleUnreadable = "site-policy-unreadable" // a policy of the domain cannot be read: what it forbade is not known
)

// Rules that let.
const (
	RuleSystem    = "system"    // the switch itself does everything
	RuleEmergency = "emergency" // help is called, whatever any policy says
)

// Table is the roles and what each may do, as Cedar policies. It implements provisioning.Policy without any policies of domains, is immutable and safe
// for concurrent use.
type Table struct {
	order []row
	rows  map[provisioning.Action]*ready
}

// ready is a row whose grants are compiled, when the action is first asked about.
type ready struct {
	row
	once    sync.Once
	anybody statements
	grants  map[provisioning.Role]statements // one each
	over    map[provisioning.Role]statements // likewise, of roles over a department
	uid     types.EntityUID
	words   []word // that its objects have
}

var _ provisioning.Policy = (*Table)(nil)

// New returns the policy of this package's table.
func New() *Table {
	t := &Table{order: rows(), rows: map[provisioning.Action]*ready{}}
	for _, r := range t.order {
		t.rows[r.action] = &ready{row: r}
	}
	return t
}

// row is what an action needs; nil: there is no such action. It panics where the table itself is no Cedar: a test asks for every row.
func (t *Table) row(a provisioning.Action) *ready {
	r := t.rows[a]
	if r != nil {
		r.once.Do(r.compile)
	}
	return r
}

func (r *ready) compile() {
	r.uid, r.words = uidOf(typeAction, string(r.action)), objectWords(r.object())
	r.grants = make(map[provisioning.Role]statements, len(r.roles))
	add := func(role provisioning.Role, s scope) statements {
		one, err := compile(r.grantText(role, s))
		if err != nil {
			panic("policy: " + string(r.action) + ": " + err.Error())
		}
		return statements{one}
	}
	if r.row.anybody {
		r.anybody = add("", all)
	}
	for role, s := range r.roles {
		r.grants[role] = add(role, s)
	}
	r.over = map[provisioning.Role]statements{}
	for _, role := range provisioning.DelegatedRoles() {
		if r.delegated && r.roles[role] == all {
			r.over[role] = add(role, department)
		}
	}
}

// World is what the policies of domains are, and speak of, beyond who asks and what for.
type World interface {
	// Sites are the compiled policies of a domain; nil: there are none.
	Sites(domain string) *Sites
	// Modes are the calendars of a domain that are in day and in holiday mode at a moment.
	Modes(domain string, at time.Time) (day, holiday []string)
	// Departments are a department and those above it, the nearest first.
	Departments(domain, name string) []string
	// SiteFrom is the site whose network an address belongs to.
	SiteFrom(domain string, a netip.Addr) (provisioning.Site, bool)
}

// Engine decides by the table and by the policies of domains as they are at the moment. It implements provisioning.Policy and is safe for concurrent use.
type Engine struct {
	*Table
	world func() World
	clock func() time.Time
}

var _ provisioning.Policy = (*Engine)(nil)

// NewEngine: world gives the present state, which it is asked for at each decision.
func NewEngine(t *Table, world func() World, clock func() time.Time) *Engine {
	return &Engine{t, world, clock}
}

// Decide implements provisioning.Policy.
func (e *Engine) Decide(s provisioning.Subject, a provisioning.Action, o provisioning.Object) provisioning.Decision {
	return e.Judge(e.world(), e.clock(), s, a, o)
}

// Can implements provisioning.Policy.
func (e *Engine) Can(s provisioning.Subject, a provisioning.Action, o provisioning.Object) error {
	w, at := e.world(), e.clock()
	return denied(e.Judge(w, at, s, a, o), func() map[string]any { return inputs(w, at, s, o) })
}

// Inputs implements provisioning.Policy.
func (e *Engine) Inputs(s provisioning.Subject, o provisioning.Object) map[string]any {
	return inputs(e.world(), e.clock(), s, o)
}

// Can says nil or *provisioning.Denied with the rule that refused.
func (t *Table) Can(s provisioning.Subject, a provisioning.Action, o provisioning.Object) error {
	return denied(t.Decide(s, a, o), func() map[string]any { return inputs(nil, time.Time{}, s, o) })
}

func denied(d provisioning.Decision, inputs func() map[string]any) error {
	if d.Allowed {
		return nil
	}
	return &provisioning.Denied{Rule: d.Rule, Inputs: inputs()}
}

// Decide names the rule that decided, either way: "admin: extension.put", "staff (own): cdr.read", or one of the Rule constants.
func (t *Table) Decide(s provisioning.Subject, a provisioning.Action, o provisioning.Object) provisioning.Decision {
	return t.Judge(nil, time.Time{}, s, a, o)
}

// Inputs implements provisioning.Policy.
func (t *Table) Inputs(s provisioning.Subject, o provisioning.Object) map[string]any {
	return inputs(nil, time.Time{}, s, o)
}

// Actions is every action of the table, in its order.
func (t *Table) Actions() []provisioning.Action {
	out := make([]provisioning.Action, len(t.order))
	for i, r := range t.order {
		out[i] = r.action
	}
	return out
}

// ObjectKind is the kind of object that an action is done to; "" for an unknown action.
func (t *Table) ObjectKind(a provisioning.Action) string {
	if r := t.rows[a]; r != nil {
		return r.kind
	}
	return ""
}

// OverDepartment says that a role has an action also where it is given for a department.
func (t *Table) OverDepartment(role provisioning.Role, a provisioning.Action) bool {
	r := t.row(a)
	return r != nil && len(r.over[role]) > 0
}

// Cedar is the whole table as Cedar policies.
func (t *Table) Cedar() string {
	var b strings.Builder
	for _, r := range t.order {
		for _, s := range t.row(r.action).anybody {
			b.WriteString(s.text + "\n\n")
		}
		for _, role := range provisioning.Roles() {
			for _, s := range slices.Concat(t.row(r.action).grants[role], t.row(r.action).over[role]) {
				b.WriteString(s.text + "\n\n")
			}
		}
	}
	return b.String()
}

// Explain prints the table: one line per action, one column per role.
func (t *Table) Explain() string {
	var b strings.Builder
	roles := provisioning.Roles()
	fmt.Fprintf(&b, "%-18s", "action")
	for _, role := range roles {
		fmt.Fprintf(&b, " %-18s", role)
	}
	b.WriteString("\n")
	words := map[scope]string{none: "-", own: "own", all: "yes"}
	for _, r := range t.order {
		fmt.Fprintf(&b, "%-18s", r.action)
		for _, role := range roles {
			w := words[r.roles[role]]
			if r.anybody {
				w = words[all]
			}
			if len(t.row(r.action).over[role]) > 0 {
				w += " (department)"
			}
			fmt.Fprintf(&b, " %-18s", w)
		}
		b.WriteString("\n")
	}
	b.WriteString("anything else, another domain, or a subject without a user: denied\n")
	return b.String()
}
