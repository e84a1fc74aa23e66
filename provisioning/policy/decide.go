package policy

import (
	"time"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"naisen/provisioning"
)

// Judge decides in a world at a moment; nil: there are no policies of domains. What is not of one domain, what has no row and what calls for help is decided
// before any policy is asked.
func (t *Table) Judge(w World, at time.Time, s provisioning.Subject, a provisioning.Action, o provisioning.Object) provisioning.Decision {
	deny := func(rule string) provisioning.Decision { return provisioning.Decision{Rule: rule} }
	r := t.row(a)
	switch {
	case s.System:
		return provisioning.Decision{Rule: RuleSystem, Allowed: true}
	case a == CallDial && o.Class == provisioning.ClassEmergency:
		return provisioning.Decision{Rule: RuleEmergency, Allowed: true}
	case s.Domain == "" || s.User == "" && (r == nil || r.anybody == nil):
		return deny(RuleNobody)
	case o.Domain != s.Domain:
		return deny(RuleOtherDomain)
	case r == nil:
		return deny(RuleUnknownAction)
	case o.Kind != r.kind:
		return deny(RuleWrongKind)
	}
	var sites *Sites
	if w != nil && r.limit != fixed {
		sites = w.Sites(s.Domain)
	}
	if len(r.anybody) > 0 && !sites.Speaks(a) { // without a condition: what it says was looked at above. Each call asks, so nothing is made for it
		return provisioning.Decision{Rule: r.anybody[0].id, Allowed: true}
	}
	return t.judge(w, at, s, o, r, sites)
}

// judge asks Cedar.
func (t *Table) judge(w World, at time.Time, s provisioning.Subject, o provisioning.Object, r *ready, sites *Sites) provisioning.Decision {
	a := r.action
	if w != nil && len(o.Departments) == 1 {
		o.Departments = w.Departments(o.Domain, o.Departments[0])
	}
	q := asked{unread: o.Unread && (len(r.words) > 1 || departmental(r.object())), world: w, at: at, s: &s, o: &o, action: r.uid, principal: uidOf(typeUser, s.User), resource: uidOf(r.object(), o.Key)}
	d := q.permitted(r, sites)
	if !d.Allowed || sites == nil {
		return d
	}
	if sites.unreadable != "" && a != PhoneRegister && a != CallDial { // calls go on
		return provisioning.Decision{Rule: RuleUnreadable, Site: true}
	}
	if rule := q.forbidden(sites.forbids[a]); rule != "" {
		return provisioning.Decision{Rule: rule, Site: true}
	}
	return d
}

// permitted asks the table for each role of the subject, and then the permits of the domain.
func (q *asked) permitted(r *ready, sites *Sites) provisioning.Decision {
	rule := RuleNotGranted
	if id := q.first(r.anybody); id != "" {
		return provisioning.Decision{Rule: id, Allowed: true}
	}
	for _, role := range q.s.Roles {
		if len(r.grants[role]) == 0 {
			continue
		}
		if id := q.first(r.grants[role]); id != "" {
			return provisioning.Decision{Rule: id, Allowed: true}
		}
		rule = RuleNotOwn
	}
	for _, role := range provisioning.DelegatedRoles() {
		if len(r.over[role]) == 0 || len(q.s.Over(role)) == 0 {
			continue
		}
		if q.unread { // perhaps: it is asked again
			return provisioning.Decision{Rule: r.over[role][0].id, Allowed: true}
		}
		if id := q.first(r.over[role]); id != "" {
			return provisioning.Decision{Rule: id, Allowed: true}
		}
		rule = RuleNotInDepartment
	}
	if sites == nil {
		return provisioning.Decision{Rule: rule}
	}
	for _, s := range sites.permits[r.action] {
		if q.unread && s.ofObject { // perhaps: it is asked again
			return provisioning.Decision{Rule: s.id, Allowed: true, Site: true}
		}
	}
	if id := q.first(sites.permits[r.action]); id != "" {
		return provisioning.Decision{Rule: id, Allowed: true, Site: true}
	}
	return provisioning.Decision{Rule: rule}
}

// first is the first statement that matches; empty: none does.
func (q *asked) first(list statements) string {
	if len(list) == 0 {
		return ""
	}
	_, why := q.ask(list)
	if len(why.Reasons) == 0 {
		return ""
	}
	return string(why.Reasons[0].PolicyID)
}

// forbidden is the first statement that forbids, or that fails: what cannot be judged is not let pass.
func (q *asked) forbidden(list statements) string {
	if q.unread {
		var known statements
		for _, s := range list {
			if !s.ofObject {
				known = append(known, s)
			}
		}
		list = known
	}
	if len(list) == 0 {
		return ""
	}
	_, why := q.ask(list)
	switch {
	case len(why.Reasons) > 0:
		return string(why.Reasons[0].PolicyID)
	case len(why.Errors) > 0:
		return string(why.Errors[0].PolicyID)
	}
	return ""
}

func (q *asked) ask(list statements) (cedar.Decision, cedar.Diagnostic) {
	q.speaks |= list.speaks()
	return cedar.Authorize(list, q, cedar.Request{Principal: q.principal, Action: q.action, Resource: q.resource, Context: q.context()})
}

// asked is one question. It gives Cedar the entities of that question, made of what the statements speak of alone.
type asked struct {
	world                       World
	at                          time.Time
	s                           *provisioning.Subject
	o                           *provisioning.Object
	principal, action, resource types.EntityUID
	speaks                      attribute
	unread                      bool // there is more to know of the object

	person, thing types.Entity
	made          attribute // of what speaks, when person and thing were made
	moment        types.Record
	momentOf      attribute
}

var _ types.EntityGetter = (*asked)(nil)

// Get implements types.EntityGetter.
func (q *asked) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case q.principal, q.resource:
	default:
		return types.Entity{}, false
	}
	if q.made != q.speaks || q.person.UID.Type == "" {
		q.person, q.thing, q.made = q.makePerson(), q.makeThing(), q.speaks
	}
	if uid == q.principal {
		return q.person, true
	}
	return q.thing, true
}

func (q *asked) makePerson() types.Entity {
	e := types.Entity{UID: q.principal}
	parents := make([]types.EntityUID, 0, 8)
	for _, r := range q.s.Roles {
		parents = append(parents, uidOf(typeRole, string(r)))
	}
	if q.s.Department != "" {
		parents = append(parents, uidOf(typeDepartment, q.s.Department))
	}
	e.Parents = types.NewEntityUIDSet(parents...)
	if m := q.personRecord(); len(m) > 0 {
		e.Attributes = types.NewRecord(m)
	}
	if q.speaks&attrTags != 0 && len(q.s.Attributes) > 0 {
		tags := make(types.RecordMap, len(q.s.Attributes))
		for k, v := range q.s.Attributes {
			tags[types.String(k)] = types.String(v)
		}
		e.Tags = types.NewRecord(tags)
	}
	return e
}

func (q *asked) personRecord() types.RecordMap {
	if q.speaks&(attrName|attrRoles|attrDepartment|attrContractor|attrAdminOf|attrTelephonyOf) == 0 {
		return nil
	}
	m := types.RecordMap{}
	if q.speaks&attrName != 0 {
		m["name"] = types.String(q.s.User)
	}
	if q.speaks&attrRoles != 0 {
		roles := make([]types.Value, len(q.s.Roles))
		for i, r := range q.s.Roles {
			roles[i] = types.String(r)
		}
		m["roles"] = types.NewSet(roles...)
	}
	if q.speaks&attrDepartment != 0 && q.s.Department != "" {
		m["department"] = types.String(q.s.Department)
	}
	if q.speaks&attrContractor != 0 {
		m["contractor"] = types.Boolean(q.s.Contractor)
	}
	q.putOver(m, attrAdminOf, admin)
	q.putOver(m, attrTelephonyOf, telephony)
	return m
}

// putOver sets the departments over which the person has a role.
func (q *asked) putOver(m types.RecordMap, a attribute, role provisioning.Role) {
	if q.speaks&a == 0 {
		return
	}
	over := q.s.Over(role)
	in := make([]types.Value, len(over))
	for i, d := range over {
		in[i] = uidOf(typeDepartment, d)
	}
	m[types.String(overWord(role))] = types.NewSet(in...)
}

func (q *asked) makeThing() types.Entity {
	e := types.Entity{UID: q.resource}
	if len(q.o.Departments) > 0 {
		in := make([]types.EntityUID, len(q.o.Departments))
		for i, d := range q.o.Departments {
			in[i] = uidOf(typeDepartment, d)
		}
		e.Parents = types.NewEntityUIDSet(in...)
	}
	m := types.RecordMap{}
	q.put(m, attrKey, "key", q.o.Key)
	q.put(m, attrLabel, "label", q.o.Label)
	q.put(m, attrNumber, "number", q.o.Number)
	q.put(m, attrClass, "class", q.o.Class)
	if q.speaks&attrOwner != 0 && q.o.Owner != "" {
		m["owner"] = uidOf(typeUser, q.o.Owner)
	}
	if len(q.o.Departments) > 0 {
		q.put(m, attrDepartment, "department", q.o.Departments[0])
	}
	if len(m) > 0 {
		e.Attributes = types.NewRecord(m)
	}
	return e
}

// put sets an attribute of which somebody speaks; one that is empty is not there, but the key and the class, which always are.
func (q *asked) put(m types.RecordMap, a attribute, name types.String, value string) {
	if q.speaks&a != 0 && (value != "" || a == attrKey || a == attrClass && q.o.Kind == KindNumber) {
		m[name] = types.String(value)
	}
}

// attrContext are the attributes of the moment.
const attrContext = attrTime | attrDate | attrMinute | attrWeekday | attrOpen | attrHoliday | attrAddress | attrSite | attrDevice | attrClient | attrACR | attrAMR | attrAge

// context is the moment, made once for what is spoken of.
func (q *asked) context() types.Record {
	if of := q.speaks & attrContext; of != q.momentOf {
		q.moment, q.momentOf = q.makeContext(), of
	}
	return q.moment
}
