package rest

import "naisen/provisioning"

// extensionObject is an extension as policies see it, once it was read.
func extensionObject(domain string, e provisioning.Extension) provisioning.Object {
	return provisioning.Object{Domain: domain, Kind: provisioning.KindExtension, Key: e.Number, Owner: e.User, Departments: departments(e.Department)}
}

// placed adds what a kind of object has besides an owner.
func placed(o provisioning.Object, e provisioning.Entity) provisioning.Object {
	switch e := e.(type) {
	case provisioning.Extension:
		o.Departments = departments(e.Department)
	case provisioning.User:
		o.Departments = departments(e.Department)
	}
	return o
}

func departments(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}
