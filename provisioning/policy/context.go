package policy

import (
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"naisen/provisioning"
)

// makeContext is what of the moment the statements speak of.
func (q *asked) makeContext() types.Record {
	m := types.RecordMap{}
	q.clock(m)
	text := func(a attribute, name types.String, value string) {
		if q.speaks&a != 0 && value != "" {
			m[name] = types.String(value)
		}
	}
	text(attrDevice, "device", q.s.Device)
	text(attrClient, "client", q.s.Client)
	text(attrACR, "acr", q.s.ACR)
	if q.speaks&attrSite != 0 {
		text(attrSite, "site", q.site())
	}
	if q.speaks&attrAMR != 0 {
		m["amr"] = setOf(q.s.AMR)
	}
	if q.speaks&attrAddress != 0 && q.s.Address.IsValid() {
		if ip, err := types.ParseIPAddr(q.s.Address.Unmap().WithZone("").String()); err == nil {
			m["address"] = ip
		}
	}
	if q.speaks&attrAge != 0 && !q.s.AuthTime.IsZero() {
		m["age"] = types.Long(q.at.Sub(q.s.AuthTime) / time.Second)
	}
	return types.NewRecord(m)
}

// clock is the time in Japan, and what calendars say of it.
func (q *asked) clock(m types.RecordMap) {
	t := q.at.In(provisioning.Japan())
	if q.speaks&attrTime != 0 {
		m["time"] = types.NewDatetime(q.at)
	}
	if q.speaks&attrDate != 0 {
		m["date"] = types.String(t.Format(time.DateOnly))
	}
	if q.speaks&attrMinute != 0 {
		m["minute"] = types.Long(t.Hour()*60 + t.Minute())
	}
	if q.speaks&attrWeekday != 0 {
		m["weekday"] = types.String(strings.ToLower(t.Weekday().String()[:3]))
	}
	if q.speaks&(attrOpen|attrHoliday) != 0 {
		day, holiday := q.world.Modes(q.s.Domain, q.at)
		m["open"], m["holiday"] = setOf(day), setOf(holiday)
	}
}

// site is where the address belongs to, or where the telephone stands.
func (q *asked) site() string {
	if q.world != nil && q.s.Address.IsValid() {
		if site, ok := q.world.SiteFrom(q.s.Domain, q.s.Address); ok {
			return site.Name
		}
	}
	return ""
}

func setOf(list []string) types.Set {
	values := make([]types.Value, len(list))
	for i, s := range list {
		values[i] = types.String(s)
	}
	return types.NewSet(values...)
}

// Facts are what the audit log says of a decision: the rule and what it was judged by.
func Facts(w World, at time.Time, rule string, s provisioning.Subject, o provisioning.Object) map[string]any {
	return map[string]any{"rule": rule, "inputs": inputs(w, at, s, o)}
}

// inputs are what a decision was judged by, for people. Only what is known is there.
func inputs(w World, at time.Time, s provisioning.Subject, o provisioning.Object) map[string]any {
	m := map[string]any{}
	text := func(name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	roles := make([]any, len(s.Roles))
	for i, r := range s.Roles {
		roles[i] = string(r)
	}
	m["roles"] = roles
	if len(s.Delegated) > 0 {
		over := make([]any, len(s.Delegated))
		for i, d := range s.Delegated {
			over[i] = d.String()
		}
		m["delegated"] = over
	}
	text("department", s.Department)
	text("acr", s.ACR)
	text("device", s.Device)
	text("client", s.Client)
	text("owner", o.Owner)
	text("class", o.Class)
	text("label", o.Label)
	if s.Contractor {
		m["contractor"] = true
	}
	if s.Address.IsValid() {
		m["address"] = s.Address.Unmap().String()
		q := asked{world: w, s: &s}
		text("site", q.site())
	}
	if len(o.Departments) > 0 {
		m["object_department"] = o.Departments[0]
	}
	if !at.IsZero() {
		m["time"] = at.UTC().Format(time.RFC3339)
	}
	if !s.AuthTime.IsZero() {
		m["auth_time"] = s.AuthTime.UTC().Format(time.RFC3339)
	}
	for k, v := range s.Attributes {
		text("attribute."+k, v)
	}
	return m
}
