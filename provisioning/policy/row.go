package policy

import "naisen/provisioning"

// scope says of which objects in the domain a grant speaks.
type scope int

const (
	none       scope = iota
	own              // those that belong to the subject's user
	department       // those of a department over which the role was given
	all
)

// limit says what a domain's own policies may do about an action.
type limit int

const (
	open   limit = iota // they may forbid it and permit it
	closed              // they may forbid it only
	fixed               // nothing: whoever could forbid it could lock everybody out
)

// row is what one action needs. roles that are absent are denied.
type row struct {
	action  provisioning.Action
	kind    string
	roles   map[provisioning.Role]scope
	anybody bool // whoever proved to be of the domain, user or telephone
	limit   limit

	delegated bool // who has one of its roles over a department has it for that one's objects. Each operation asks anew once the object was read
}

func grant(a provisioning.Action, kind string, roles ...provisioning.Role) row {
	r := row{action: a, kind: kind, roles: make(map[provisioning.Role]scope, len(roles))}
	for _, role := range roles {
		r.roles[role] = all
	}
	return r
}

func (r row) andOwn(role provisioning.Role) row {
	r.roles[role] = own
	return r
}

// inDepartment lets roles be given for a department.
func (r row) inDepartment() row {
	r.delegated = true
	return r
}

// withLimit bounds what a domain's own policies may do about it.
func (r row) withLimit(l limit) row {
	r.limit = l
	return r
}

// forAnybody is for who has no role too.
func forAnybody(a provisioning.Action, kind string) row {
	r := grant(a, kind)
	r.anybody = true
	return r
}

const (
	admin     = provisioning.RoleAdmin
	telephony = provisioning.RoleTelephony
	listener  = provisioning.RoleListener
	auditor   = provisioning.RoleAuditor
	staff     = provisioning.RoleStaff

	supervisor = provisioning.RoleSupervisor
	manager    = provisioning.RoleManager
	breakGlass = provisioning.RoleBreakGlass
)
