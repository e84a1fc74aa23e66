package directory

import "naisen/provisioning"

// readNumbers reads what says who may call what, who is turned away, and where messages are left.
func (d *domain) readNumbers(r provisioning.Reader) (err error) {
	if d.mailboxes, err = readAll[provisioning.Mailbox](r, d.self.Name); err != nil {
		return err
	}
	if d.rejections, err = readAll[provisioning.Rejection](r, d.self.Name); err != nil {
		return err
	}
	if d.restrictions, err = readAll[provisioning.Restriction](r, d.self.Name); err != nil {
		return err
	}
	if d.short, err = readAll[provisioning.ShortNumbers](r, d.self.Name); err != nil {
		return err
	}
	if d.desks, err = readAll[provisioning.HotDesk](r, d.self.Name); err != nil {
		return err
	}
	if d.rules, err = readAll[provisioning.SitePolicy](r, d.self.Name); err != nil {
		return err
	}
	d.departments, err = readAll[provisioning.Department](r, d.self.Name)
	return err
}

// takeNumbers takes a change of what readNumbers reads.
func (e *edit) takeNumbers(r provisioning.Reader, c provisioning.Change) error {
	switch c.Kind {
	case provisioning.KindRestriction:
		return set(e, r, c, &e.restrictions)
	case provisioning.KindHotDesk:
		return set(e, r, c, &e.desks)
	case provisioning.KindShortNumbers:
		return set(e, r, c, &e.short)
	case provisioning.KindSitePolicy:
		return set(e, r, c, &e.rules)
	case provisioning.KindDepartment:
		return set(e, r, c, &e.departments)
	}
	return e.takeDesk(r, c)
}

// Restriction is a class of restriction by its name.
func (s *Snapshot) Restriction(domainName, name string) (provisioning.Restriction, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Restriction { return d.restrictions })
}

// Department by its name.
func (s *Snapshot) Department(domainName, name string) (provisioning.Department, bool) {
	return find(s, domainName, name, func(d *domain) map[string]provisioning.Department { return d.departments })
}

// ShortNumber is what a short number means for an extension: by its owner's list, its department's, or everybody's.
func (s *Snapshot) ShortNumber(domainName string, e provisioning.Extension, code string) (string, bool) {
	for _, l := range s.ShortNumbers(domainName, e) {
		if n, ok := l.Find(code); ok {
			return n, true
		}
	}
	return "", false
}

// ShortNumbers are the lists of an extension, the one that counts first at the beginning.
func (s *Snapshot) ShortNumbers(domainName string, e provisioning.Extension) (out []provisioning.ShortNumbers) {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	keys := []string{provisioning.SystemList}
	if e.Department != "" {
		keys = append([]string{provisioning.DepartmentList(e.Department)}, keys...)
	}
	if e.User != "" {
		keys = append([]string{provisioning.UserList(e.User)}, keys...)
	}
	for _, k := range keys {
		if l, ok := d.short[k]; ok {
			out = append(out, l)
		}
	}
	return out
}
