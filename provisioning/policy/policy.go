package policy

import (
	"fmt"
	"strings"

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
)

// RuleSystem is the rule that lets the switch itself do everything.
const RuleSystem = "system"

// Table decides by roles. It implements provisioning.Policy, is immutable and safe for concurrent use.
type Table struct {
	order []row
	rows  map[provisioning.Action]row
}

var _ provisioning.Policy = (*Table)(nil)

// New returns the policy of this package's table.
func New() *Table {
	t := &Table{order: rows()}
	t.rows = make(map[provisioning.Action]row, len(t.order))
	for _, r := range t.order {
		t.rows[r.action] = r
	}
	return t
}

// Can says nil or *provisioning.Denied with the rule that refused.
func (t *Table) Can(s provisioning.Subject, a provisioning.Action, o provisioning.Object) error {
	rule, ok := t.Decide(s, a, o)
	if !ok {
		return &provisioning.Denied{Rule: rule}
	}
	return nil
}

// Decide names the rule that decided, either way: "admin: extension.put", "staff (own): cdr.read", or one of the Rule constants.
func (t *Table) Decide(s provisioning.Subject, a provisioning.Action, o provisioning.Object) (rule string, allowed bool) {
	if s.System {
		return RuleSystem, true
	}
	if s.User == "" || s.Domain == "" {
		return RuleNobody, false
	}
	if o.Domain != s.Domain {
		return RuleOtherDomain, false
	}
	r, ok := t.rows[a]
	if !ok {
		return RuleUnknownAction, false
	}
	if o.Kind != r.kind {
		return RuleWrongKind, false
	}
	rule = RuleNotGranted
	for _, role := range s.Roles {
		switch r.roles[role] {
		case all:
			return string(role) + ": " + string(a), true
		case own:
			if o.Owner == s.User {
				return string(role) + " (own): " + string(a), true
			}
			rule = RuleNotOwn
		}
	}
	return rule, false
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
func (t *Table) ObjectKind(a provisioning.Action) string { return t.rows[a].kind }

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
			fmt.Fprintf(&b, " %-18s", words[r.roles[role]])
		}
		b.WriteString("\n")
	}
	b.WriteString("anything else, another domain, or a subject without a user: denied\n")
	return b.String()
}
