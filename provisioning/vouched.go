package provisioning

import "slices"

// vouchable are the kinds of which a store vouches for rows.
var vouchable = []string{KindPolicy, KindTrunk, KindUser, KindDomain, KindExtension, KindDID, KindGroup, KindQueue, KindConference, KindPagingGroup,
	KindProposal, KindListeningRules, KindRecordingScope, KindChangeRules, KindChangeSet, KindLifecycle, KindProvisioner, KindUserGroup, KindAccount, KindDuties, KindDepartment}

// Vouchable says that a store vouches for some rows of a kind.
func Vouchable(kind string) bool { return slices.Contains(vouchable, kind) }

// Vouched says that a store must vouch for an entity: nobody else than a process that has asked who must agree makes, changes or removes it. It is what
// protects recordings (policies and whatever names one, rules and scopes of listening), who may do something besides their own (roles, also over a department), which department is a part of which, what nobody may together, the ways to
// outside, the domain's own rules, what people have agreed to, and what an identity service says of people, since rules give rights by it.
func Vouched(e Entity) bool {
	switch e := e.(type) {
	case RecordingPolicy, Trunk, Proposal, ListeningRules, RecordingScope, ChangeRules, ChangeSet, LifecycleRules, Provisioner, UserGroup, Account, Duties:
		return true
	case Department: // who administers the one above has rights over it
		return e.Parent != ""
	case User:
		return len(e.Delegated) > 0 || slices.ContainsFunc(e.Roles, func(r Role) bool { return r != RoleStaff })
	}
	return slices.ContainsFunc(assignments(e), func(a assignment) bool { return a.policy != "" })
}

// VouchedRow is Vouched of a row as a store has it. What cannot be read is vouched for: whoever wrote it must not get past by that.
func VouchedRow(kind string, body []byte) bool {
	e, err := stored(kind, Row{Body: body})
	return err != nil || Vouched(e)
}
