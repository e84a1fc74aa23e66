package rest

import (
	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerDesk has what staff and those who care for their telephones decide about calls.
func (a *api) registerDesk() {
	settings := resource[provisioning.Settings]{plural: "settings", one: "setting", read: policy.SettingsRead, put: policy.SettingsPut, del: policy.SettingsDelete,
		setKey: func(s *provisioning.Settings, k string) { s.Extension = k }, ownerIn: func(r provisioning.Reader, domain string, s provisioning.Settings) string {
			e, _, err := provisioning.Get[provisioning.Extension](r, domain, s.Extension)
			if err != nil {
				return ""
			}
			return e.User
		}}
	entities(a, settings)
	putPlain(a, settings)
}
