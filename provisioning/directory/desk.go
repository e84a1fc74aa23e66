package directory

import "naisen/provisioning"

// Settings are what the owner of an extension decided; the zero value when nothing was.
func (s *Snapshot) Settings(domainName, extension string) provisioning.Settings {
	v, _ := find(s, domainName, extension, func(d *domain) map[string]provisioning.Settings { return d.settings })
	return v
}

// Undisturbed are the extensions with do-not-disturb on, each with its domain. It looks at all settings.
func (s *Snapshot) Undisturbed() map[[2]string]bool {
	out := map[[2]string]bool{}
	for name, d := range s.domains {
		for number, v := range d.settings {
			if v.DoNotDisturb {
				out[[2]string{name, number}] = true
			}
		}
	}
	return out
}
