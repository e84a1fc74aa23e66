package provisioning

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ChangeRules are a domain's own: which changes need a second person, and which may not be made while people work. What loosens how recordings are protected
// needs others whatever stands here (Weakening). The zero value asks for nothing.
type ChangeRules struct {
	Classes    []ChangeClass `json:"classes" doc:"Changes to which somebody else must agree"`
	Calendar   string        `json:"calendar,omitempty" doc:"Opening hours: while it is day by its hours, whatever was set by hand, what is disruptive is refused; none: nothing is"`
	Disruptive []ChangeClass `json:"disruptive" doc:"Empty: trunks, sites, and numbers that are deleted or emptied"`
	Windows    []Window      `json:"windows" doc:"In which it is allowed all the same"`
	Weekly     []Hours       `json:"weekly" doc:"The same, each week"`
}

// ChangeClass is a sort of change.
type ChangeClass struct {
	Name   string   `json:"name"`
	Kinds  []string `json:"kinds" doc:"Of what is changed: trunk, did, user, extension and so on"`
	Fields []string `json:"fields" doc:"Of those that exist, by the names of the JSON; empty: any"`
	Does   []string `json:"does" doc:"create, change, delete; empty: all three"`
}

// Window is a stretch of time for maintenance.
type Window struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to" doc:"Not a part of it"`
	Title string    `json:"title,omitempty"`
}

// What a change does to an entity.
const (
	doesCreate = "create"
	doesChange = "change"
	doesDelete = "delete"
)

const rulesOfChanges = "rules"

// Kind, Key: see Entity.
func (ChangeRules) Kind() string { return KindChangeRules }

// Key of the one table of a domain.
func (ChangeRules) Key() string { return rulesOfChanges }

// Refs of the rules: the calendar.
func (r ChangeRules) Refs() []Ref {
	if r.Calendar == "" {
		return nil
	}
	return []Ref{{"calendar", KindCalendar, r.Calendar}}
}

func (r ChangeRules) normal() Entity {
	r.Classes, r.Disruptive, r.Windows, r.Weekly = list(slices.Clone(r.Classes)), list(slices.Clone(r.Disruptive)), list(r.Windows), list(slices.Clone(r.Weekly))
	for _, classes := range [][]ChangeClass{r.Classes, r.Disruptive} {
		for i, c := range classes {
			classes[i].Kinds, classes[i].Fields, classes[i].Does = list(c.Kinds), list(c.Fields), list(c.Does)
		}
	}
	for i, h := range r.Weekly {
		r.Weekly[i].Days = list(h.Days)
	}
	return r
}

// Validate: see Entity.
func (r ChangeRules) Validate() error {
	var c check
	for field, classes := range map[string][]ChangeClass{"classes": r.Classes, "disruptive": r.Disruptive} {
		c.list(field, len(classes), 0, maxList)
		names := make([]string, len(classes))
		for i, class := range classes {
			names[i] = class.Name
			class.check(&c, field+"["+strconv.Itoa(i)+"]")
		}
		c.each(field, names, func(at, s string) { c.name(at+".name", s) })
	}
	if r.Calendar != "" {
		c.name("calendar", r.Calendar)
	}
	c.list("windows", len(r.Windows), 0, maxList)
	for i, w := range r.Windows {
		at := "windows[" + strconv.Itoa(i) + "]"
		c.must(w.From.Before(w.To) && w.To.Sub(w.From) <= 31*24*time.Hour, at+".to", "must be after from, by a month at most")
		c.text(at+".title", w.Title)
	}
	c.list("weekly", len(r.Weekly), 0, maxList)
	for i, h := range r.Weekly {
		h.check(&c, "weekly["+strconv.Itoa(i)+"]")
	}
	return c.result()
}

func (k ChangeClass) check(c *check, at string) {
	c.list(at+".kinds", len(k.Kinds), 1, maxList)
	c.each(at+".kinds", k.Kinds, func(at, s string) { c.must(Settable(s), at, "is no kind that can be in a set of changes") })
	c.list(at+".fields", len(k.Fields), 0, maxList)
	c.each(at+".fields", k.Fields, func(at, s string) {
		c.must(s != "" && len(s) <= maxName && only(s, "abcdefghijklmnopqrstuvwxyz0123456789_"), at, "must be the name of a field")
	})
	c.each(at+".does", k.Does, func(at, s string) { c.oneOf(at, s, doesCreate, doesChange, doesDelete) })
}

// covers says which of the fields that differ a class is about; nil: it is not about this change. What is made or deleted has no fields.
func (k ChangeClass) covers(kind, does string, differ []string) []string {
	switch {
	case !slices.Contains(k.Kinds, kind), len(k.Does) > 0 && !slices.Contains(k.Does, does):
		return nil
	case does != doesChange:
		return []string{""}
	case len(k.Fields) == 0:
		return differ
	}
	return slices.DeleteFunc(slices.Clone(differ), func(f string) bool { return !slices.Contains(k.Fields, f) })
}

// usuallyDisruptive is what a domain has that names none.
func usuallyDisruptive() []ChangeClass {
	return []ChangeClass{
		{Name: "trunk", Kinds: []string{KindTrunk}},
		{Name: "site", Kinds: []string{KindSite}},
		{Name: "number", Kinds: []string{KindDID, KindExtension, KindGroup, KindQueue}, Does: []string{doesDelete}},
		{Name: "number-disabled", Kinds: []string{KindExtension}, Fields: []string{"disabled"}, Does: []string{doesChange}},
	}
}

func (r ChangeRules) disruptive() []ChangeClass {
	if len(r.Disruptive) > 0 {
		return r.Disruptive
	}
	return usuallyDisruptive()
}

// weakened says what less the next rules ask for. More counts at once.
func (r ChangeRules) weakened(next ChangeRules) (out []Weakening) {
	add := func(field, why string) { out = append(out, Weakening{field, field + ": " + why, onePerson, field}) }
	kept := func(field string, before, after []ChangeClass) {
		for _, c := range before {
			if !slices.ContainsFunc(after, func(n ChangeClass) bool { return alike(c, n) }) {
				add(field, c.Name+" is changed or removed")
			}
		}
	}
	kept("classes", r.Classes, next.Classes)
	if r.Calendar == "" {
		return out
	}
	kept("disruptive", r.disruptive(), next.disruptive())
	if r.Calendar != next.Calendar {
		add("calendar", quoted(r.Calendar)+" to "+quoted(next.Calendar))
	}
	for _, w := range next.Windows {
		if !slices.ContainsFunc(r.Windows, func(o Window) bool { return o.From.Equal(w.From) && o.To.Equal(w.To) }) {
			add("windows", w.From.In(japan()).Format(time.DateTime)+" to "+w.To.In(japan()).Format(time.DateTime))
		}
	}
	for _, h := range next.Weekly {
		if !slices.ContainsFunc(r.Weekly, func(o Hours) bool { return alike(o, h) }) {
			add("weekly", strings.Join(h.Days, " ")+" "+h.From+" to "+h.To)
		}
	}
	return out
}

func alike(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// NeedsSet refuses a change that somebody else must agree to, and that cannot wait beside what it would change, since there is nothing yet: it is made by
// a set of changes.
type NeedsSet struct{ Class string }

func (e *NeedsSet) Error() string {
	return "provisioning: class " + e.Class + ": somebody else must agree: make a set of changes"
}

// ChangeRulesOf a domain; the zero value where nobody wrote any.
func ChangeRulesOf(r Reader, domain string) (ChangeRules, error) {
	return optional[ChangeRules](r, domain, rulesOfChanges)
}

// difference is what a change does to an entity, and which of its fields differ. A nil one is not there.
func difference(old, next Entity) (does string, fields []string, err error) {
	switch {
	case old == nil:
		return doesCreate, nil, nil
	case next == nil:
		return doesDelete, nil, nil
	}
	was, err := fieldsOf(old)
	if err != nil {
		return "", nil, err
	}
	is, err := fieldsOf(next)
	return doesChange, differing(was, is), err
}

// differing are the names of the fields in which two documents differ, ordered. What the store gives does not count.
func differing(was, is document) (out []string) {
	for name := range is {
		if string(was.get(name)) != string(is.get(name)) {
			out = append(out, name)
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok && string(was.get(name)) != null {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(name string) bool { return name == "incarnation" || name == "has_secret" })
}

// classed is what of a change the domain's classes ask somebody else for. A nil entity is not there. All of a change waits that is in a class, since its
// fields may make sense only together.
func classed(r Reader, domain string, old, next Entity) ([]Weakening, error) {
	rules, err := ChangeRulesOf(r, domain)
	if err != nil {
		return nil, err
	}
	return rules.classed(old, next)
}

func (r ChangeRules) classed(old, next Entity) ([]Weakening, error) {
	does, fields, err := difference(old, next)
	if err != nil {
		return nil, err
	}
	kind := either(old, next).Kind()
	for _, c := range r.Classes {
		if len(c.covers(kind, does, fields)) == 0 {
			continue
		}
		if does != doesChange {
			return []Weakening{{"", "class " + c.Name + ": " + does, onePerson, c.Name}}, nil
		}
		var out []Weakening
		for _, f := range fields {
			out = append(out, Weakening{f, "class " + c.Name + ": " + f, onePerson, c.Name})
		}
		return out, nil
	}
	return nil, nil
}

// InHours refuses what is disruptive while people work.
type InHours struct {
	Class string
	Next  time.Time // when it is allowed next; zero: not within a month
}

func (e *InHours) Error() string {
	next := "no window within a month"
	if !e.Next.IsZero() {
		next = "next window from " + e.Next.In(japan()).Format(time.RFC3339)
	}
	return fmt.Sprintf("provisioning: class %s is not changed in opening hours: %s", e.Class, next)
}

// DisruptiveClass is the class of what a change disrupts; empty: nothing. A nil entity is not there.
func (r ChangeRules) DisruptiveClass(old, next Entity) (string, error) {
	if r.Calendar == "" || old == nil { // what was not there is used by nobody
		return "", nil
	}
	does, fields, err := difference(old, next)
	if err != nil {
		return "", err
	}
	for _, c := range r.disruptive() {
		if len(c.covers(old.Kind(), does, fields)) > 0 {
			return c.Name, nil
		}
	}
	return "", nil
}

// Quiet refuses a class of disruptive changes at a moment at which people work: *InHours.
func (r ChangeRules) Quiet(rd Reader, domain, class string, at time.Time) error {
	if class == "" || r.Calendar == "" {
		return nil
	}
	c, err := optional[Calendar](rd, domain, r.Calendar)
	if err != nil || r.allows(c, at) {
		return err
	}
	refused := &InHours{Class: class}
	const horizon = 31 * 24 * 60 // minutes
	for i, t := 1, at.Truncate(time.Minute); i <= horizon && refused.Next.IsZero(); i++ {
		if next := t.Add(time.Duration(i) * time.Minute); r.allows(c, next) {
			refused.Next = next
		}
	}
	return refused
}

// allows says that at a moment nobody works, by the hours of the calendar, or a window is open.
func (r ChangeRules) allows(c Calendar, t time.Time) bool {
	for _, w := range r.Windows {
		if !t.Before(w.From) && t.Before(w.To) {
			return true
		}
	}
	if len(r.Weekly) > 0 && (Calendar{Hours: r.Weekly}).Mode(t) == ModeDay {
		return true
	}
	c.Manual = "" // whoever may switch the office to night could else change anything
	return c.Mode(t) != ModeDay
}

// Undisturbed refuses a single change that disrupts while people work. A nil entity is not there.
func Undisturbed(r Reader, domain string, old, next Entity, now time.Time) error {
	rules, err := ChangeRulesOf(r, domain)
	if err != nil || rules.Calendar == "" {
		return err
	}
	class, err := rules.DisruptiveClass(old, next)
	if err != nil {
		return err
	}
	return rules.Quiet(r, domain, class, now)
}
