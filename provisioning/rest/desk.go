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
	calendars := resource[provisioning.Calendar]{plural: "calendars", one: "calendar", read: policy.CalendarRead, put: policy.CalendarPut, del: policy.CalendarDelete,
		setKey: func(c *provisioning.Calendar, k string) { c.Name = k }}
	entities(a, calendars)
	putPlain(a, calendars)
	rejections := resource[provisioning.Rejection]{plural: "rejections", one: "rejection", read: policy.RejectionRead, put: policy.RejectionPut, del: policy.RejectionDelete,
		setKey: func(r *provisioning.Rejection, k string) { r.Name = k }}
	entities(a, rejections)
	putPlain(a, rejections)
	restrictions := resource[provisioning.Restriction]{plural: "restrictions", one: "restriction", read: policy.RestrictionRead, put: policy.RestrictionPut,
		del: policy.RestrictionDelete, setKey: func(r *provisioning.Restriction, k string) { r.Name = k }}
	entities(a, restrictions)
	putPlain(a, restrictions)
	departments := resource[provisioning.Department]{plural: "departments", one: "department", read: policy.DepartmentRead, put: policy.DepartmentPut,
		del: policy.DepartmentDelete, setKey: func(d *provisioning.Department, k string) { d.Name = k }}
	entities(a, departments)
	putPlain(a, departments)
	a.registerPINs()
	a.registerShortNumbers()
	a.registerCallerNumbers()
	entities(a, resource[provisioning.HotDesk]{plural: "hot-desks", one: "hot-desk", read: policy.HotDeskRead, del: policy.HotDeskDelete,
		ownerIn: func(r provisioning.Reader, domain string, h provisioning.HotDesk) string {
			e, _, err := provisioning.Get[provisioning.Extension](r, domain, h.Person)
			if err != nil {
				return ""
			}
			return e.User
		}})
	groups := resource[provisioning.Group]{plural: "groups", one: "group", read: policy.GroupRead, put: policy.GroupPut, del: policy.GroupDelete,
		setKey: func(g *provisioning.Group, k string) { g.Number = k }}
	entities(a, groups)
	putPlain(a, groups)
	lots := resource[provisioning.ParkingLot]{plural: "parking-lots", one: "parking-lot", read: policy.ParkingLotRead, put: policy.ParkingLotPut, del: policy.ParkingLotDelete,
		setKey: func(l *provisioning.ParkingLot, k string) { l.Number = k }}
	entities(a, lots)
	putPlain(a, lots)
	pages := resource[provisioning.PagingGroup]{plural: "paging-groups", one: "paging-group", read: policy.PagingGroupRead, put: policy.PagingGroupPut,
		del: policy.PagingGroupDelete, setKey: func(g *provisioning.PagingGroup, k string) { g.Number = k }}
	entities(a, pages)
	putPlain(a, pages)
}
