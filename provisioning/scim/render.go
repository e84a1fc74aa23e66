package scim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// shown is a person in a view, as a record and as what is sent.
type shown struct {
	*person
	v    *view
	base string // of locations: /scim/v2/DOMAIN
}

// shownGroup is likewise a group.
type shownGroup struct {
	*group
	v    *view
	base string
}

// at implements record.
func (s shown) at(p place) any {
	switch {
	case p.urn == urnNaisen:
		return document{urnNaisen: s.contract()}.at(p)
	case p.urn != "":
		return s.doc.at(p)
	}
	switch p.attr.name {
	case "id":
		return s.acc.ID
	case "active":
		return !s.user.Disabled
	case "schemas":
		return userSchemas
	case "meta":
		return document{"meta": s.meta()}.at(p)
	case "groups":
		return document{"groups": s.groups()}.at(p)
	}
	return s.doc.at(p)
}

var userSchemas = []any{urnUser, urnEnterprise, urnNaisen}

func (s shown) meta() map[string]any {
	return map[string]any{"resourceType": "User", "created": stamp(s.acc.Made), "lastModified": stamp(s.acc.Changed),
		"location": s.base + usersAt + "/" + s.acc.ID, "version": etag(s.tag)}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s shown) groups() []any {
	out := []any{}
	for _, id := range s.acc.Groups {
		if g, ok := s.v.groups[id]; ok {
			out = append(out, map[string]any{"value": id, "display": g.of.Display, "type": "direct", "$ref": s.base + "/Groups/" + id})
		}
	}
	return out
}

// contract is the extension of ours, as things are: whoever wrote them.
func (s shown) contract() map[string]any {
	out := map[string]any{}
	if own, ok := s.doc[urnNaisen].(map[string]any); ok && own["reading"] != nil {
		out["reading"] = own["reading"]
	}
	if s.acc.Extension != "" {
		out["extension"] = s.acc.Extension
	}
	if c := s.user.Contract; c != nil {
		out["sponsor"], out["endDate"] = c.Sponsor, stamp(c.Ends)
		if c.Restriction != "" {
			out["restriction"] = c.Restriction
		}
		if len(c.Calls) > 0 {
			out["calls"] = list(c.Calls)
		}
		if len(c.Numbers) > 0 {
			out["numbers"] = list(c.Numbers)
		}
	}
	return out
}

func list(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

// body is the resource, as far as it is wanted.
func (s shown) body(want projection) map[string]any {
	out := map[string]any(maps.Clone(s.doc))
	out["schemas"], out["id"], out["active"], out["meta"] = userSchemas, s.acc.ID, !s.user.Disabled, s.meta()
	if g := s.groups(); len(g) > 0 {
		out["groups"] = g
	}
	delete(out, urnNaisen)
	if c := s.contract(); len(c) > 0 {
		out[urnNaisen] = c
	}
	return want.of(out)
}

// at implements record.
func (s shownGroup) at(p place) any {
	switch p.attr.name {
	case "id":
		return s.of.ID
	case "displayName":
		return s.of.Display
	case "externalId":
		if s.of.ExternalID == "" {
			return nil
		}
		return s.of.ExternalID
	case "schemas":
		return []any{urnGroup}
	case "meta":
		return document{"meta": s.meta()}.at(p)
	case "members":
		return document{"members": s.members()}.at(p)
	}
	return nil
}

func (s shownGroup) meta() map[string]any {
	return map[string]any{"resourceType": "Group", "created": stamp(s.of.Made), "lastModified": stamp(s.of.Changed),
		"location": s.base + "/Groups/" + s.of.ID, "version": etag(s.v.groupTag(s.of.ID))}
}

func (s shownGroup) members() []any {
	people := s.v.of(s.of.ID)
	out := make([]any, len(people))
	for i, p := range people {
		display, _ := p.doc["displayName"].(string)
		out[i] = map[string]any{"value": p.acc.ID, "type": "User", "display": display, "$ref": s.base + usersAt + "/" + p.acc.ID}
	}
	return out
}

func (s shownGroup) body(want projection) map[string]any {
	out := map[string]any{"schemas": []any{urnGroup}, "id": s.of.ID, "displayName": s.of.Display, "meta": s.meta()}
	if s.of.ExternalID != "" {
		out["externalId"] = s.of.ExternalID
	}
	if want.omits("members") { // a list of large groups is mostly these
		return want.of(out)
	}
	if m := s.members(); len(m) > 0 {
		out["members"] = m
	}
	return want.of(out)
}

// projection is what a client wants of a resource (RFC 7644 section 3.9).
type projection struct{ only, without []place }

func (t *resourceType) projection(attributes, excluded []string) projection {
	var out projection
	for _, n := range attributes {
		if p, ok := t.find(strings.TrimSpace(n)); ok {
			out.only = append(out.only, p)
		} else if ext, ok := t.extension(strings.TrimSpace(n)); ok {
			for _, a := range ext.attributes {
				out.only = append(out.only, place{urn: ext.urn, attr: a})
			}
		}
	}
	if len(attributes) > 0 && len(out.only) == 0 { // names of nothing: what is always returned
		out.only = []place{{attr: attribute{name: "id"}}}
	}
	for _, n := range excluded {
		if p, ok := t.find(strings.TrimSpace(n)); ok {
			out.without = append(out.without, p)
		}
	}
	return out
}

// omits says that nothing of a top-level attribute is wanted, so that it need not be made.
func (p projection) omits(name string) bool {
	wanted := func(l []place) bool {
		return slices.ContainsFunc(l, func(x place) bool { return x.urn == "" && x.attr.name == name })
	}
	return len(p.only) > 0 && !wanted(p.only) || slices.ContainsFunc(p.without, func(x place) bool { return x.urn == "" && x.attr.name == name && x.sub == nil })
}

func (p projection) of(body map[string]any) map[string]any {
	if len(p.only) > 0 {
		out := map[string]any{"schemas": body["schemas"], "id": body["id"]}
		for _, x := range p.only {
			from, into := body, out
			if x.urn != "" {
				from, _ = body[x.urn].(map[string]any)
				if into, _ = out[x.urn].(map[string]any); into == nil {
					into = map[string]any{}
				}
			}
			if v, ok := from[x.attr.name]; ok {
				into[x.attr.name] = part(v, x.sub)
				if x.urn != "" {
					out[x.urn] = into
				}
			}
		}
		return out
	}
	for _, x := range p.without {
		if x.sub != nil || x.attr.name == "id" || x.attr.name == "schemas" {
			continue
		}
		if x.urn == "" {
			delete(body, x.attr.name)
		} else if m, ok := body[x.urn].(map[string]any); ok {
			m = maps.Clone(m)
			delete(m, x.attr.name)
			body[x.urn] = m
		}
	}
	return body
}

// part is a value, or its one sub-attribute that is wanted.
func part(v any, sub *attribute) any {
	if sub == nil {
		return v
	}
	if l, ok := v.([]any); ok {
		out := make([]any, len(l))
		for i, e := range l {
			out[i] = part(e, sub)
		}
		return out
	}
	m, _ := v.(map[string]any)
	if s, ok := m[sub.name]; ok {
		return map[string]any{sub.name: s}
	}
	return map[string]any{}
}
