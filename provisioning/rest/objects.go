package rest

import "naisen/provisioning"

// extensionObject is an extension as policies see it, once it was read.
func extensionObject(domain string, e provisioning.Extension) provisioning.Object {
	return provisioning.Object{Domain: domain, Kind: provisioning.KindExtension, Key: e.Number, Owner: e.User, Departments: departments(e.Department)}
}

func departments(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}
