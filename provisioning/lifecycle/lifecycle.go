// Package lifecycle owns what becomes of people who come, move and go: by the rules of the domain it writes their user, extension, telephone, hunt groups and
// recording scope, all in the transaction of whoever tells it. It speaks no protocol and decides nothing that no rule says; what needs a second person it proposes.
package lifecycle

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/secret"
)

// Person is somebody as an identity service describes them.
type Person struct {
	Name       string // User.Name
	Display    string
	Reading    string // よみがな
	Department string
	Active     bool
	Returns    bool              // they were not active before. Else who was disabled here stays so
	Groups     []string          // names
	Attributes map[string]string // what a NumberRule may ask for: "employeeNumber", "phoneNumbers"
	Contract   *provisioning.Contract
}

// ErrTaken says that there is a user of that name already, and that no rule lets it be adopted.
var ErrTaken = errors.New("lifecycle: the name is taken")

// ErrNoNumber says that no number of the rule's range is free.
var ErrNoNumber = errors.New("lifecycle: no number of the range is free")

// Engine applies rules. The zero value works; it is safe for concurrent use.
type Engine struct {
	mu   sync.Mutex
	hint map[string]string // by domain and range, or pool: what was given last, behind which the next free one is likely
}

// move is one person's change, under way in one transaction.
type move struct {
	w      provisioning.Writer
	domain string
	by     provisioning.Wish
	rules  provisioning.LifecycleRules
	person Person
	acc    *provisioning.Account
	want   want
	engine *Engine
}

// want is what the rules that fit a person give.
type want struct {
	roles   []provisioning.Role
	numbers *provisioning.NumberRule
	from    string // name of the rule that says numbers
	shape   provisioning.LifecycleRule
	hunts   []string
	scope   *provisioning.ScopeRule

	device     *provisioning.DeviceRule
	deviceFrom string // name of the rule that says it
}

// Rules of a domain as they are; the zero value where nobody wrote any.
func Rules(r provisioning.Reader, domain string) (provisioning.LifecycleRules, error) {
	rules, _, err := provisioning.Get[provisioning.LifecycleRules](r, domain, provisioning.LifecycleRules{}.Key())
	if errors.Is(err, provisioning.ErrNotFound) {
		err = nil
	}
	return rules, err
}

func wanted(rules provisioning.LifecycleRules, p Person) (w want) {
	first := func(into *string, s string) {
		if *into == "" {
			*into = s
		}
	}
	for _, r := range rules.Rules {
		if r.Department != "" && r.Department != p.Department || r.Group != "" && !slices.Contains(p.Groups, r.Group) {
			continue
		}
		for _, role := range r.Roles {
			if !slices.Contains(w.roles, role) {
				w.roles = append(w.roles, role)
			}
		}
		if w.numbers == nil && r.Numbers != nil {
			w.numbers, w.from = r.Numbers, r.Name
		}
		if w.device == nil && r.Device != nil {
			w.device, w.deviceFrom = r.Device, r.Name
		}
		first(&w.shape.Restriction, r.Restriction)
		first(&w.shape.Site, r.Site)
		first(&w.shape.Pickup, r.Pickup)
		first(&w.shape.Record, r.Record)
		for _, h := range r.HuntGroups {
			if !slices.Contains(w.hunts, h) {
				w.hunts = append(w.hunts, h)
			}
		}
		w.add(r.Scope)
	}
	if p.Contract != nil { // nobody from outside decides about others
		w.roles = provisioning.User{Roles: w.roles}.Unprotected().Roles
	}
	return w
}

// add joins what several rules show of the recordings. No labels are all.
func (w *want) add(s *provisioning.ScopeRule) {
	if s == nil {
		return
	}
	if w.scope == nil {
		w.scope = &provisioning.ScopeRule{Labels: s.Labels}
	} else if len(w.scope.Labels) == 0 || len(s.Labels) == 0 {
		w.scope.Labels = nil
	} else {
		w.scope.Labels = union(w.scope.Labels, s.Labels)
	}
	w.scope.Numbers, w.scope.Groups = union(w.scope.Numbers, s.Numbers), union(w.scope.Groups, s.Groups)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Apply makes a person what the rules say: who is new comes, who was somewhere else moves, who is not active is out. acc is theirs; what the rules gave is
// noted in it, and writing it is the caller's. ErrTaken, ErrNoNumber, *provisioning.Invalid, provisioning.ErrLastAdmin, ErrLastManager.
func (e *Engine) Apply(w provisioning.Writer, domain string, by provisioning.Wish, acc *provisioning.Account, p Person) error {
	rules, err := Rules(w, domain)
	if err != nil {
		return err
	}
	m := &move{w: w, domain: domain, by: by, rules: rules, person: p, acc: acc, engine: e}
	if err := m.user(); err != nil {
		return err
	}
	if err := m.extension(); err != nil {
		return err
	}
	if err := m.telephone(); err != nil {
		return err
	}
	if err := m.huntGroups(); err != nil {
		return err
	}
	return m.scope()
}

// user writes the user: at once without what needs a second person, which is proposed then.
func (m *move) user() error {
	old, _, err := provisioning.Get[provisioning.User](m.w, m.domain, m.person.Name)
	fresh := errors.Is(err, provisioning.ErrNotFound)
	if err != nil && !fresh {
		return err
	}
	if !fresh && m.acc.User == "" && !m.rules.Adopt {
		return ErrTaken
	}
	if m.person.Contract == nil && !m.acc.Contracted { // somebody here wrote it
		m.person.Contract = old.Contract
	} else {
		m.acc.Contracted = m.person.Contract != nil
	}
	m.want = wanted(m.rules, m.person)
	next := old
	next.Name, next.Display, next.Disabled, next.Contract = m.person.Name, m.person.Display, !m.person.Active || old.Disabled && !m.person.Returns, m.person.Contract
	m.person.Active = !next.Disabled
	if m.person.Department != "" || m.acc.Department != "" { // else somebody here wrote it
		next.Department, m.acc.Department = m.person.Department, m.person.Department
	}
	byHand := slices.DeleteFunc(slices.Clone(old.Roles), func(r provisioning.Role) bool { return slices.Contains(m.acc.Granted, r) })
	next.Roles = byHand
	for _, r := range m.want.roles {
		if !slices.Contains(next.Roles, r) {
			next.Roles = append(next.Roles, r)
		}
	}
	m.acc.User, m.acc.Granted = next.Name, m.want.roles
	now := next
	now.Roles = slices.DeleteFunc(slices.Clone(next.Roles), func(r provisioning.Role) bool {
		had := !old.Disabled && slices.Contains(old.Roles, r)
		return !had && !slices.Contains(next.Unprotected().Roles, r)
	})
	if old.Disabled && !next.Disabled { // who comes back waits for what they administered
		now.Delegated = next.Unprotected().Delegated
	}
	before := &old
	if fresh {
		before = nil
	}
	if _, _, err := provisioning.PutGuarded(m.w, m.domain, before, now, "", m.by); err != nil {
		return err
	}
	if len(now.Roles)+len(now.Delegated) < len(next.Roles)+len(next.Delegated) && !next.Disabled {
		if _, _, err := provisioning.PutGuarded(m.w, m.domain, &now, next, "", m.by); err != nil {
			return err
		}
	}
	return keep(m.w, m.domain, old)
}

// keep refuses who cannot go before there is another: the last administrator, the last recording manager.
func keep(w provisioning.Writer, domain string, was provisioning.User) error {
	if err := provisioning.KeepAdministrator(w, domain, was); err != nil {
		return err
	}
	return provisioning.KeepManager(w, domain, was)
}

// extension gives, shapes or rests the extension.
func (m *move) extension() error {
	if m.acc.Extension != "" {
		own, _, err := provisioning.Get[provisioning.Extension](m.w, m.domain, m.acc.Extension)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		if err != nil || own.User != m.person.Name { // somebody took it by hand, or it rested long enough
			m.acc.Extension, m.acc.Range = "", ""
		}
	}
	if !m.person.Active {
		return m.rest(m.acc.Extension, m.person.Name)
	}
	rule := m.want.numbers
	if rule != nil && m.acc.Extension != "" && rule.Move && m.acc.Range != m.want.from {
		if err := m.leave(); err != nil {
			return err
		}
	}
	if m.acc.Extension == "" {
		if rule == nil {
			return nil
		}
		number, err := m.free(*rule)
		if err != nil {
			return err
		}
		return m.give(number)
	}
	own, _, err := provisioning.Get[provisioning.Extension](m.w, m.domain, m.acc.Extension)
	if err != nil {
		return err
	}
	before := own
	m.shape(&own)
	_, _, err = provisioning.PutGuarded(m.w, m.domain, &before, own, "", m.by)
	return err
}

// shape writes what the identity service and the rules say of an extension, and leaves what they say nothing of.
func (m *move) shape(e *provisioning.Extension) {
	e.User, e.Display, e.Reading, e.Department, e.RestingUntil = m.person.Name, m.person.Display, m.person.Reading, m.person.Department, time.Time{}
	set := func(into *string, s string) {
		if s != "" {
			*into = s
		}
	}
	set(&e.Site, m.want.shape.Site)
	set(&e.Pickup, m.want.shape.Pickup)
	set(&e.Record, m.want.shape.Record)
	if m.want.shape.Restriction != "" {
		e.Restriction, e.Rights = m.want.shape.Restriction, nil
	}
}

// give makes an extension, with a password that nobody knows until it is made anew or a telephone is set up.
func (m *move) give(number string) error {
	e := provisioning.Extension{Number: number, Media: "srtp-preferred"}
	m.shape(&e)
	if _, _, err := provisioning.PutGuarded(m.w, m.domain, nil, e, "", m.by); err != nil {
		return err
	}
	_, cred := secret.NewSIPSecret(number, m.domain)
	if err := m.w.PutSecret(m.domain, provisioning.SecretSIP, number, cred.Encode()); err != nil {
		return err
	}
	m.acc.Extension, m.acc.Range = number, m.want.from
	return nil
}

// rest says until when nobody gets a number; whose is empty when they have lost it for good. What was said before stays.
func (m *move) rest(number, whose string) error {
	if number == "" {
		return nil
	}
	e, _, err := provisioning.Get[provisioning.Extension](m.w, m.domain, number)
	if errors.Is(err, provisioning.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if e.RestingUntil.IsZero() {
		e.RestingUntil = m.by.At.Add(m.rules.Quarantine()).UTC().Truncate(time.Second)
	}
	if e.User = whose; whose == "" {
		e.Disabled, e.FMCNumber, e.FMCTrunk = true, "", "" // the mobile is theirs, and calls as nobody
	}
	if _, err := provisioning.Put(m.w, m.domain, e, ""); err != nil || whose != "" {
		return err
	}
	for _, end := range []func() error{
		func() error { return m.w.PutSecret(m.domain, provisioning.SecretSIP, number, nil) },
		func() error { return provisioning.Delete[provisioning.HotDesk](m.w, m.domain, number, "") },
		func() error { return provisioning.Delete[provisioning.Softphones](m.w, m.domain, number, "") },
		func() error { return provisioning.Delete[provisioning.Settings](m.w, m.domain, number, "") }, // nothing is forwarded to whom they chose
	} {
		if err := end(); err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
	}
	return nil
}

// leave takes the person's number away.
func (m *move) leave() error {
	if err := m.hunts(nil); err != nil {
		return err
	}
	number := m.acc.Extension
	m.acc.Extension, m.acc.Range = "", ""
	return m.rest(number, "")
}

// Remove takes somebody away: the extension rests without an owner and without a password, the telephone is wiped, the user is gone, or, where something of the office hangs on it,
// disabled and without roles.
func (e *Engine) Remove(w provisioning.Writer, domain string, by provisioning.Wish, acc *provisioning.Account) error {
	rules, err := Rules(w, domain)
	if err != nil {
		return err
	}
	m := &move{w: w, domain: domain, by: by, rules: rules, acc: acc, person: Person{Name: acc.User}, engine: e}
	if err := m.telephone(); err != nil {
		return err
	}
	if err := m.leave(); err != nil {
		return err
	}
	owned, err := provisioning.List[provisioning.Extension](w, domain, "", 0)
	if err != nil {
		return err
	}
	for _, x := range owned {
		if x.User == acc.User {
			if err := m.rest(x.Number, ""); err != nil {
				return err
			}
		}
	}
	old, _, err := provisioning.Get[provisioning.User](w, domain, acc.User)
	if err != nil {
		return err
	}
	gone := old
	gone.Disabled, gone.Roles, gone.Delegated = true, nil, nil
	if _, err := provisioning.Put(w, domain, gone, ""); err != nil {
		return err
	}
	if err := m.scope(); err != nil { // it outlives them: who is made anew by that name knows of no more
		return err
	}
	return keep(w, domain, old)
}

// Forget deletes the user of an account that is gone itself, if nothing holds it.
func Forget(w provisioning.Writer, domain, user string) error {
	err := provisioning.Delete[provisioning.User](w, domain, user, "")
	if errors.Is(err, provisioning.ErrInUse) {
		return nil // disabled, and without roles
	}
	return err
}

// huntGroups lets the extension ring where the rules say.
func (m *move) huntGroups() error {
	if !m.person.Active || m.acc.Extension == "" {
		return m.hunts(nil)
	}
	return m.hunts(m.want.hunts)
}

// hunts moves the person's extension between the groups that it was in by rule, and those that it is to be in.
func (m *move) hunts(want []string) error {
	had := m.acc.Hunts
	m.acc.Hunts = nil
	for _, n := range had {
		if !slices.Contains(want, n) {
			if err := m.member(n, false); err != nil {
				return err
			}
		}
	}
	for _, n := range want {
		if err := m.member(n, true); err != nil {
			return err
		}
		m.acc.Hunts = append(m.acc.Hunts, n)
	}
	return nil
}

func (m *move) member(group string, in bool) error {
	g, _, err := provisioning.Get[provisioning.Group](m.w, m.domain, group)
	if errors.Is(err, provisioning.ErrNotFound) && !in {
		return nil
	}
	if err != nil {
		return err
	}
	if slices.Contains(g.Members, m.acc.Extension) == in {
		return nil
	}
	if in {
		g.Members = append(slices.Clone(g.Members), m.acc.Extension)
	} else if g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(n string) bool { return n == m.acc.Extension }); len(g.Members) == 0 {
		return nil // a group has somebody: who is out does not ring
	}
	_, err = provisioning.Put(m.w, m.domain, g, "")
	return err
}

// scope writes what part of the recordings the person may know of. The rules were agreed to by a second person, so what they say is written at once. Who comes
// out from under them knows of nothing: without a scope they would know of all, to which nobody agreed. One that somebody gave by hand, before or after, stays.
func (m *move) scope() error {
	s := provisioning.RecordingScope{User: m.person.Name}
	switch want := m.want.scope; {
	case want != nil:
		s.Numbers, s.Groups, s.Labels = want.Numbers, want.Groups, want.Labels
	case m.acc.Scoped:
		s.Nothing = true
	default:
		return nil
	}
	m.acc.Scoped = !s.Nothing
	_, err := provisioning.Put(m.w, m.domain, s, "")
	return err
}

// digitsOf is what stands at the end of a text, without what is no digit.
func digitsOf(text string, n int) string {
	d := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	if len(d) < n {
		return ""
	}
	return d[len(d)-n:]
}
