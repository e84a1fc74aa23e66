package policy

import "naisen/provisioning"

// signInRows are about how people are signed in. Everybody sees and ends their own; who used the break-glass account is seen to by whoever does not work
// with it.
func signInRows() []row {
	return []row{
		grantTo(ofOwners(SessionRead, provisioning.KindUser), admin).inDepartment(),
		grantTo(ofOwners(SessionEnd, provisioning.KindUser), admin).inDepartment(),
		grant(EmergencyRead, provisioning.KindEmergencySignIn, admin, auditor, manager),
		grant(EmergencyReview, provisioning.KindEmergencySignIn, auditor, manager),
	}
}

// ofOwners is for whoever owns the object, whatever role it has, and for nobody else.
func ofOwners(a provisioning.Action, kind string) row {
	r := grant(a, kind)
	for _, role := range provisioning.Roles() {
		r = r.andOwn(role)
	}
	return r.withLimit(closed)
}

// grantTo is the row with those of everybody for a role.
func grantTo(r row, role provisioning.Role) row {
	r.roles[role] = all
	return r
}
