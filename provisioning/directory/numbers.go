package directory

import "naisen/provisioning"

// readNumbers reads what says who may call what, and who is turned away.
func (d *domain) readNumbers(r provisioning.Reader) (err error) {
	if d.rejections, err = readAll[provisioning.Rejection](r, d.self.Name); err != nil {
		return err
	}
	if d.restrictions, err = readAll[provisioning.Restriction](r, d.self.Name); err != nil {
		return err
	}
	d.departments, err = readAll[provisioning.Department](r, d.self.Name)
	return err
}

// Restriction is a class of restriction by its name.
func (s *Snapshot) Restriction(domainName, name string) (provisioning.Restriction, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Restriction { return d.restrictions })
}

// Department by its name.
func (s *Snapshot) Department(domainName, name string) (provisioning.Department, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Department { return d.departments })
}
