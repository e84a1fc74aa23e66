package scim

import (
	"context"
	"net/http"
	"slices"

	"naisen/provisioning"
	"naisen/provisioning/lifecycle"
)

// createGroup, replaceGroup, patchGroup and deleteGroup change a group and who is in it.
func (s *server) createGroup(ctx context.Context, c client, q request) (answer, error) {
	doc, f := q.resource(&groupType)
	if f != nil {
		return answer{}, f
	}
	id := newID()
	err := s.update(ctx, c, func(w provisioning.Writer, v *view) error {
		now := s.Clock().UTC()
		return s.setGroup(w, c, v, provisioning.UserGroup{ID: id, Provisioner: c.name, Made: now, Changed: now}, doc)
	})
	if err != nil {
		return answer{}, err
	}
	return s.groupAnswer(ctx, c, id, http.StatusCreated)
}

func (s *server) groupAnswer(ctx context.Context, c client, id string, status int) (answer, error) {
	v, err := s.view(ctx, c.domain)
	if err != nil {
		return answer{}, err
	}
	g, ok := v.groups[id]
	if !ok {
		return answer{}, noResource()
	}
	return shownGroup{g, v, c.base()}.answer(status, projection{}), nil
}

func (s shownGroup) answer(status int, want projection) answer {
	return answer{status: status, body: s.body(want), location: s.base + "/Groups/" + s.of.ID, etag: etag(s.v.groupTag(s.of.ID))}
}

func (s *server) changeGroup(ctx context.Context, c client, q request, next func(document) (document, *fault)) (answer, error) {
	err := s.update(ctx, c, func(w provisioning.Writer, v *view) error {
		g, ok := v.groups[q.id]
		if !ok {
			return noResource()
		}
		if !q.holds(etag(v.groupTag(q.id))) {
			return provisioning.ErrStale
		}
		old := document{"displayName": g.of.Display, "members": shownGroup{g, v, ""}.members()}
		if g.of.ExternalID != "" {
			old["externalId"] = g.of.ExternalID
		}
		doc, f := next(old)
		if f != nil {
			return f
		}
		return s.setGroup(w, c, v, g.of, doc)
	})
	if err != nil {
		return answer{}, err
	}
	return s.groupAnswer(ctx, c, q.id, http.StatusOK)
}

func (s *server) replaceGroup(ctx context.Context, c client, q request) (answer, error) {
	doc, f := q.resource(&groupType)
	if f != nil {
		return answer{}, f
	}
	return s.changeGroup(ctx, c, q, func(document) (document, *fault) { return doc, nil })
}

func (s *server) patchGroup(ctx context.Context, c client, q request) (answer, error) {
	ops, f := q.operations()
	if f != nil {
		return answer{}, f
	}
	return s.changeGroup(ctx, c, q, func(old document) (document, *fault) { return groupType.patched(old, ops) })
}

// setGroup writes a group and makes its members those of the document; whoever comes, goes, or is in one that has another name now, moves by the rules.
func (s *server) setGroup(w provisioning.Writer, c client, v *view, g provisioning.UserGroup, doc document) error {
	before, existed := g, v.groups[g.ID] != nil
	g.Display, _ = doc["displayName"].(string)
	g.ExternalID, _ = doc["externalId"].(string)
	if !existed || g != before {
		g.Changed = s.Clock().UTC()
		if _, err := w.Put(c.domain, g, ""); err != nil {
			return err
		}
	}
	wanted := map[string]bool{}
	for _, e := range each(doc["members"]) {
		id := valueOf(e)
		if v.people[id] == nil {
			return bad(invalidValue, "members names somebody who is not there")
		}
		wanted[id] = true
	}
	now := v.with(g)
	named, err := rulesName(w, c.domain, before.Display, g.Display)
	if err != nil {
		return err
	}
	for _, p := range v.of(g.ID) {
		if !wanted[p.acc.ID] {
			if err := s.regroup(w, c, now, p, g.ID, false, named); err != nil {
				return err
			}
		} else if named && before.Display != g.Display {
			if err := s.regroup(w, c, now, p, g.ID, true, named); err != nil {
				return err
			}
		}
	}
	for _, id := range v.order { // in one order, so that numbers come in one
		if p := v.people[id]; wanted[id] && !slices.Contains(p.acc.Groups, g.ID) {
			if err := s.regroup(w, c, now, p, g.ID, true, named); err != nil {
				return err
			}
		}
	}
	return nil
}

// with is the view with a group as it will be.
func (v *view) with(g provisioning.UserGroup) *view {
	out := &view{version: v.version, people: v.people, byUser: v.byUser, order: v.order, groups: map[string]*group{}}
	for id, o := range v.groups {
		out.groups[id] = o
	}
	out.groups[g.ID] = &group{of: g}
	return out
}

// rulesName says whether a rule is about a group of one of these names. Who is in another one gets nothing by it, so that a group of the whole office is
// written quickly: until it is, nobody else writes.
func rulesName(r provisioning.Reader, domain string, names ...string) (bool, error) {
	rules, err := lifecycle.Rules(r, domain)
	return slices.ContainsFunc(rules.Rules, func(l provisioning.LifecycleRule) bool { return l.Group != "" && slices.Contains(names, l.Group) }), err
}

// regroup puts somebody into a group, or takes them out; where rules name it they move by them.
func (s *server) regroup(w provisioning.Writer, c client, v *view, p *person, group string, in, named bool) error {
	acc := p.acc
	acc.Groups = slices.DeleteFunc(slices.Clone(acc.Groups), func(id string) bool { return id == group })
	if in {
		acc.Groups = append(acc.Groups, group)
	}
	if named {
		return s.settle(w, c, v, &acc, p.doc, false, nil)
	}
	acc.Changed = s.Clock().UTC()
	_, err := w.Put(c.domain, acc, "")
	return err
}

func (s *server) deleteGroup(ctx context.Context, c client, q request) (answer, error) {
	err := s.update(ctx, c, func(w provisioning.Writer, v *view) error {
		if v.groups[q.id] == nil {
			return noResource()
		}
		if !q.holds(etag(v.groupTag(q.id))) {
			return provisioning.ErrStale
		}
		named, err := rulesName(w, c.domain, v.groups[q.id].of.Display)
		if err != nil {
			return err
		}
		for _, p := range v.of(q.id) {
			if err := s.regroup(w, c, v, p, q.id, false, named); err != nil {
				return err
			}
		}
		return provisioning.Delete[provisioning.UserGroup](w, c.domain, q.id, "")
	})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}
