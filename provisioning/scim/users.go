package scim

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"naisen/provisioning"
	"naisen/provisioning/lifecycle"
)

func newID() string { return strings.ToLower(rand.Text()) }

// lifeOf is a person as the rules of the lifecycle know them.
func lifeOf(d document, groups []string) lifecycle.Person {
	word := func(name string) string {
		p, ok := userType.find(name)
		if !ok {
			return ""
		}
		if v := each(d.at(p)); len(v) > 0 {
			s, _ := v[0].(string)
			return s
		}
		return ""
	}
	p := lifecycle.Person{Name: userKey(d["userName"]), Department: word(urnEnterprise + ":department"), Reading: word(urnNaisen + ":reading"), Groups: groups,
		Attributes: map[string]string{"employeeNumber": word(urnEnterprise + ":employeeNumber"), "phoneNumbers": workPhone(d)}}
	p.Active = d["active"] != false
	for _, name := range []string{"displayName", "name.formatted"} {
		if p.Display == "" {
			p.Display = word(name)
		}
	}
	if p.Display == "" {
		p.Display = strings.TrimSpace(word("name.familyName") + " " + word("name.givenName"))
	}
	if p.Display == "" {
		p.Display = p.Name
	}
	p.Contract = contractOf(d)
	return p
}

// workPhone is the number at work, or the first one.
func workPhone(d document) string {
	first := ""
	for _, e := range each(d["phoneNumbers"]) {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		v, _ := m["value"].(string)
		if kind, _ := m["type"].(string); strings.EqualFold(kind, "work") {
			return v
		}
		if first == "" {
			first = v
		}
	}
	return first
}

// contractOf is what the identity service says of somebody from outside; nil: nothing.
func contractOf(d document) *provisioning.Contract {
	m, _ := d[urnNaisen].(map[string]any)
	sponsor, _ := m["sponsor"].(string)
	ends, _ := m["endDate"].(string)
	if sponsor == "" && ends == "" {
		return nil
	}
	c := &provisioning.Contract{Sponsor: strings.ToLower(sponsor)}
	c.Ends, _ = dateOf(ends)
	c.Restriction, _ = m["restriction"].(string)
	for _, e := range each(m["calls"]) {
		c.Calls = append(c.Calls, valueOf(e))
	}
	for _, e := range each(m["numbers"]) {
		c.Numbers = append(c.Numbers, valueOf(e))
	}
	return c
}

// createUser lets somebody join.
func (s *server) createUser(ctx context.Context, c client, q request) (answer, error) {
	doc, f := q.resource(&userType)
	if f != nil {
		return answer{}, f
	}
	var made shown
	err := s.update(ctx, c, func(w provisioning.Writer, v *view) error {
		if _, taken := v.byUser[userKey(doc["userName"])]; taken {
			return lifecycle.ErrTaken
		}
		now := s.Clock().UTC()
		acc := provisioning.Account{ID: newID(), Provisioner: c.name, Made: now, Changed: now}
		return s.settle(w, c, v, &acc, doc, true, &made)
	})
	if err != nil {
		return answer{}, err
	}
	return made.answer(http.StatusCreated, projection{}), nil
}

func (s shown) answer(status int, want projection) answer {
	return answer{status: status, body: s.body(want), location: s.base + usersAt + "/" + s.acc.ID, etag: etag(s.tag)}
}

// settle writes an account and what the rules make of it.
func (s *server) settle(w provisioning.Writer, c client, v *view, acc *provisioning.Account, doc document, returns bool, out *shown) error {
	was, existed := *acc, acc.User != ""
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	life := lifeOf(doc, v.named(acc.Groups))
	life.Returns = returns
	if err := s.engine.Apply(w, c.domain, s.wish(c), acc, life); err != nil {
		return err
	}
	acc.Document = body
	if changed := *acc; existed {
		changed.Changed = was.Changed
		if changed.Document = was.Document; !bytes.Equal(body, was.Document) || !reflect.DeepEqual(changed, was) {
			acc.Changed = s.Clock().UTC()
		}
	}
	if _, err := w.Put(c.domain, *acc, ""); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	p, err := readPerson(w, c.domain, acc.ID)
	*out = shown{p, v, c.base()}
	return err
}

// changeUser replaces the document of a user by what next makes of it (PUT and PATCH).
func (s *server) changeUser(ctx context.Context, c client, q request, next func(document) (document, *fault)) (answer, error) {
	var now shown
	err := s.update(ctx, c, func(w provisioning.Writer, v *view) error {
		p, ok := v.people[q.id]
		if !ok {
			return noResource()
		}
		if !q.holds(etag(p.tag)) {
			return provisioning.ErrStale
		}
		doc, f := next(p.doc)
		if f != nil {
			return f
		}
		if userKey(doc["userName"]) != p.acc.User {
			return bad(mutability, "userName cannot become another one: numbers, approvals and the audit log know people by it")
		}
		acc := p.acc
		acc.Groups = slices.Clone(acc.Groups)
		return s.settle(w, c, v, &acc, doc, doc["active"] != false && p.doc["active"] == false, &now)
	})
	if err != nil {
		return answer{}, err
	}
	return now.answer(http.StatusOK, projection{}), nil
}

func (s *server) replaceUser(ctx context.Context, c client, q request) (answer, error) {
	doc, f := q.resource(&userType)
	if f != nil {
		return answer{}, f
	}
	return s.changeUser(ctx, c, q, func(old document) (document, *fault) {
		if _, said := doc["active"]; !said && old["active"] != nil { // who is out comes back only if somebody says so
			doc["active"] = old["active"]
		}
		return doc, nil
	})
}

func (s *server) patchUser(ctx context.Context, c client, q request) (answer, error) {
	ops, f := q.operations()
	if f != nil {
		return answer{}, f
	}
	return s.changeUser(ctx, c, q, func(old document) (document, *fault) { return userType.patched(old, ops) })
}

// deleteUser lets somebody leave: see lifecycle.Engine.Remove.
func (s *server) deleteUser(ctx context.Context, c client, q request) (answer, error) {
	err := s.update(ctx, c, func(w provisioning.Writer, v *view) error {
		p, ok := v.people[q.id]
		if !ok {
			return noResource()
		}
		if !q.holds(etag(p.tag)) {
			return provisioning.ErrStale
		}
		acc := p.acc
		if err := s.engine.Remove(w, c.domain, s.wish(c), &acc); err != nil {
			return err
		}
		if err := provisioning.Delete[provisioning.Account](w, c.domain, acc.ID, ""); err != nil {
			return err
		}
		return lifecycle.Forget(w, c.domain, acc.User)
	})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

// update is one transaction with the view of the state before it.
func (s *server) update(ctx context.Context, c client, do func(provisioning.Writer, *view) error) error {
	return s.Store.Update(ctx, c.subject(), func(w provisioning.Writer) error {
		v, err := s.views.at(w, c.domain)
		if err != nil {
			return err
		}
		return do(w, v)
	})
}

func (s *server) view(ctx context.Context, domain string) (v *view, err error) {
	err = s.Store.View(ctx, func(r provisioning.Reader) error {
		v, err = s.views.at(r, domain)
		return err
	})
	return v, err
}

func (s *server) wish(c client) provisioning.Wish {
	return provisioning.Wish{By: provisioning.Provisioner{Name: c.name}.By(c.domain), At: s.Clock(), Reason: "SCIM"}
}
