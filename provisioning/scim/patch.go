package scim

import (
	"maps"
	"slices"
	"strings"
)

// document is a resource's attributes that a client may write: by their names in the schemas, those of an extension under its schema.
type document map[string]any

// clone goes as deep as changes do.
func (d document) clone() document {
	out := maps.Clone(d)
	for k, v := range out {
		switch v := v.(type) {
		case map[string]any:
			out[k] = maps.Clone(v)
		case []any:
			out[k] = slices.Clone(v)
		}
	}
	return out
}

// holder is the map in which a place's attribute stands.
func (d document) holder(p place, fresh bool) map[string]any {
	if p.urn == "" {
		return d
	}
	m, ok := d[p.urn].(map[string]any)
	if !ok && fresh {
		m = map[string]any{}
		d[p.urn] = m
	}
	return m
}

// at implements record.
func (d document) at(p place) any {
	v := d.holder(p, false)[p.attr.name]
	if p.sub == nil || v == nil {
		return v
	}
	var out []any
	for _, e := range each(v) {
		if m, ok := e.(map[string]any); ok && m[p.sub.name] != nil {
			out = append(out, m[p.sub.name])
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (d document) set(p place, v any) {
	m := d.holder(p, v != nil)
	if l, ok := v.([]any); v == nil || v == "" || ok && len(l) == 0 {
		if delete(m, p.attr.name); len(m) == 0 && p.urn != "" {
			delete(d, p.urn)
		}
		return
	}
	m[p.attr.name] = v
}

// accept makes a document of a whole resource that a client sent (RFC 7644 sections 3.3 and 3.5.1): what is not known or read only is left out.
func (t *resourceType) accept(in map[string]any) (document, *fault) {
	out := document{}
	if f := out.merge(t, in, func(p place, v any) *fault { out.set(p, v); return nil }); f != nil {
		return nil, f
	}
	return out, out.complete(t)
}

// complete says what is missing.
func (d document) complete(t *resourceType) *fault {
	for _, a := range t.core.attributes {
		if s, _ := d[a.name].(string); a.required && strings.TrimSpace(s) == "" {
			return bad(invalidValue, a.name+" is missing")
		}
	}
	return nil
}

// merge goes through the attributes of an object that has no path: names may have their schema before them and sub-attributes behind.
func (d document) merge(t *resourceType, in map[string]any, do func(place, any) *fault) *fault {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if ext, ok := t.extension(name); ok {
			m, ok := in[name].(map[string]any)
			if !ok {
				return bad(invalidValue, "an extension must be an object")
			}
			inner := map[string]any{}
			for k, v := range m {
				inner[ext.urn+":"+k] = v
			}
			if f := d.merge(t, inner, do); f != nil {
				return f
			}
			continue
		}
		p, ok := t.find(name)
		if !ok || p.attr.readOnly || p.sub != nil && p.sub.readOnly {
			continue
		}
		v, f := p.leaf().accept(in[name])
		if f != nil {
			return f
		}
		if f := do(p, v); f != nil {
			return f
		}
	}
	return nil
}

// path is where an operation is done (RFC 7644 section 3.5.2): an attribute, those of its values that a filter takes, and perhaps a sub-attribute of these.
type path struct {
	place
	filter filter
	terms  map[string]any // what the filter wants equal: what a new value has
}

func (t *resourceType) parsePath(s string) (path, *fault) {
	wrong := bad(invalidPath, "the path cannot be read, or names an attribute that is not known")
	if len(s) > maxFilter {
		return path{}, wrong
	}
	name, rest, filtered := strings.Cut(s, "[")
	p, ok := t.find(strings.TrimSpace(name))
	if !ok {
		return path{}, wrong
	}
	out := path{place: p}
	if !filtered {
		return out, nil
	}
	r := &parser{rest: rest}
	of, f := r.values(p, 0)
	if f != nil {
		return path{}, f
	}
	out.filter, out.terms = of, map[string]any{}
	equal(of, out.terms)
	if r.rest == "" {
		return out, nil
	}
	sub, ok := in(p.attr.sub, strings.TrimPrefix(r.rest, "."))
	if !ok || r.rest[0] != '.' || sub.sub != nil {
		return path{}, wrong
	}
	out.sub = &sub.attr
	return out, nil
}

// equal collects what a filter of conditions that hold together wants equal.
func equal(f filter, into map[string]any) {
	switch f := f.(type) {
	case both:
		equal(f.a, into)
		equal(f.b, into)
	case compare:
		if f.op == "eq" && f.at.sub == nil && f.value != nil {
			into[f.at.attr.name] = f.value
		}
	}
}

// operation is one of a PATCH.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// maxOperations of one PATCH. Entra ID sends members in parts of some dozens.
const maxOperations = 1000

// patched is the document after all operations, or none.
func (t *resourceType) patched(d document, ops []operation) (document, *fault) {
	if len(ops) == 0 || len(ops) > maxOperations {
		return nil, bad(invalidSyntax, "Operations must have 1 to 1000 entries")
	}
	out := d.clone()
	for _, o := range ops {
		if f := t.apply(out, o); f != nil {
			return nil, f
		}
	}
	return out, out.complete(t)
}

func (t *resourceType) apply(d document, o operation) *fault {
	op := strings.ToLower(o.Op)
	if op != "add" && op != "replace" && op != "remove" {
		return bad(invalidSyntax, "op must be add, replace or remove")
	}
	if o.Path == "" {
		return t.whole(d, op, o.Value)
	}
	if ext, ok := t.extension(o.Path); ok { // the extension as a whole
		if op == "remove" {
			delete(d, ext.urn)
			return nil
		}
		return t.whole(d, op, map[string]any{ext.urn: o.Value})
	}
	p, f := t.parsePath(o.Path)
	if f != nil {
		return f
	}
	if p.attr.readOnly || p.sub != nil && p.sub.readOnly {
		return bad(mutability, p.attr.name+" is read only")
	}
	if op == "remove" {
		return d.remove(p, o.Value)
	}
	if o.Value == nil && op == "replace" { // null is no value (RFC 7643 section 2.5)
		return d.remove(p, nil)
	}
	v, f := p.leaf().acceptPart(o.Value, p)
	if f != nil {
		return f
	}
	if v == nil && op == "replace" { // a manager of ""
		return d.remove(p, nil)
	}
	if p.filter != nil {
		return d.putSelected(p, v, op == "replace")
	}
	return d.put(p.place, v, op == "replace")
}

// acceptPart accepts a value for a path: of an attribute with many, behind a filter, one.
func (a attribute) acceptPart(v any, p path) (any, *fault) {
	if p.filter != nil && p.sub == nil {
		a.many = false
	}
	return a.accept(v)
}

// whole is an operation without a path: its value is a resource, or a part of one.
func (t *resourceType) whole(d document, op string, v any) *fault {
	m, ok := v.(map[string]any)
	if !ok || op == "remove" {
		return bad(noTarget, "without a path the value must be an object, and nothing can be removed")
	}
	// A name may be a whole path here too, such as emails[type eq "work"].value: Entra ID sends it so.
	plain := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !strings.Contains(name, "[") {
			plain[name] = m[name]
		} else if f := t.apply(d, operation{op, name, m[name]}); f != nil {
			return f
		}
	}
	return d.merge(t, plain, func(p place, v any) *fault { return d.put(p, v, op == "replace") })
}

// put adds to what is there, or replaces it. A complex attribute keeps the sub-attributes that are not named.
func (d document) put(p place, v any, replace bool) *fault {
	old := d.holder(p, false)[p.attr.name]
	if p.sub != nil {
		if p.attr.many {
			return d.putSelected(path{place: p, filter: everything{}}, v, replace)
		}
		m, _ := old.(map[string]any)
		m = maps.Clone(m)
		if m == nil {
			m = map[string]any{}
		}
		if m[p.sub.name] = v; v == nil || v == "" {
			delete(m, p.sub.name)
		}
		if p.sub = nil; len(m) == 0 {
			d.set(p, nil)
			return nil
		}
		d.set(p, m)
		return nil
	}
	switch {
	case p.attr.many && !replace:
		return d.append(p, each(old), each(v))
	case p.attr.many:
		d.set(p, nil)
		return d.append(p, nil, each(v))
	case p.attr.kind == composite:
		m, _ := old.(map[string]any)
		merged := maps.Clone(m)
		if merged == nil {
			merged = map[string]any{}
		}
		if n, ok := v.(map[string]any); ok {
			maps.Copy(merged, n)
		}
		d.set(p, merged)
	default:
		d.set(p, v)
	}
	return nil
}

// everything takes every value.
type everything struct{}

func (everything) matches(record) bool { return true }

// append adds values that are not there yet; a new primary one takes the place of the old (RFC 7644 section 3.5.2).
func (d document) append(p place, old, more []any) *fault {
	out := slices.Clone(old)
	at := map[any]int{} // complex values of a list by their value
	for i, e := range out {
		at[identityOf(e)] = i
	}
	for _, e := range more {
		if m, ok := e.(map[string]any); ok && m["primary"] == true {
			for i, o := range out {
				if om, ok := o.(map[string]any); ok && om["primary"] == true {
					om = maps.Clone(om)
					delete(om, "primary")
					out[i] = om
				}
			}
		}
		id := identityOf(e)
		if i, ok := at[id]; ok && id != nil {
			out[i] = e
			continue
		}
		at[id] = len(out)
		out = append(out, e)
	}
	if len(out) > maxValues && p.attr.name != "members" {
		return bad(invalidValue, p.attr.name+" has too many values")
	}
	d.set(p, out)
	return nil
}

// identityOf a value among others: a text is itself, a complex one its value and type; nil: none.
func identityOf(v any) any {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		val, ok := v["value"].(string)
		kind, _ := v["type"].(string)
		if ok {
			return [2]string{val, strings.ToLower(kind)}
		}
	}
	return nil
}

// putSelected changes the values that a filter takes. Where it takes none there is nothing to replace; but a value that is just what the filter wants is
// made, since Entra ID sends so what was not there before.
func (d document) putSelected(p path, v any, replace bool) *fault {
	list := slices.Clone(each(d.holder(p.place, false)[p.attr.name]))
	found := false
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok || !p.filter.matches(value(m)) {
			continue
		}
		found, m = true, maps.Clone(m)
		if p.sub != nil {
			m[p.sub.name] = v
		} else if n, ok := v.(map[string]any); ok {
			maps.Copy(m, n)
		}
		list[i] = m
	}
	if !found {
		if p.sub == nil && replace || len(p.terms) == 0 {
			return bad(noTarget, "the path selects no value")
		}
		m := maps.Clone(p.terms)
		if p.sub != nil {
			m[p.sub.name] = v
		} else if n, ok := v.(map[string]any); ok {
			maps.Copy(m, n)
		}
		if list = append(list, m); len(list) > maxValues && p.attr.name != "members" {
			return bad(invalidValue, p.attr.name+" has too many values")
		}
	}
	p.sub = nil
	d.set(p.place, list)
	return nil
}

// remove takes values away (RFC 7644 section 3.5.2.2). With a value, as Entra ID and others send it, only those that are named.
func (d document) remove(p path, v any) *fault {
	if p.attr.required && p.sub == nil {
		return bad(mutability, p.attr.name+" is required")
	}
	if p.filter == nil && p.sub == nil && v != nil && p.attr.many {
		named, f := p.attr.accept(v)
		if f != nil {
			return f
		}
		gone := map[string]bool{}
		for _, e := range each(named) {
			gone[valueOf(e)] = true
		}
		d.set(p.place, slices.DeleteFunc(slices.Clone(each(d.holder(p.place, false)[p.attr.name])), func(e any) bool { return gone[valueOf(e)] }))
		return nil
	}
	of := p.filter
	if of == nil {
		of = everything{}
		if p.sub == nil {
			d.set(p.place, nil)
			return nil
		}
		if !p.attr.many {
			return d.put(p.place, nil, true)
		}
	}
	var out []any
	for _, e := range each(d.holder(p.place, false)[p.attr.name]) {
		m, ok := e.(map[string]any)
		if !ok || !of.matches(value(m)) {
			out = append(out, e)
			continue
		}
		if p.sub != nil {
			m = maps.Clone(m)
			if delete(m, p.sub.name); len(m) > 0 {
				out = append(out, m)
			}
		}
	}
	p.sub = nil
	d.set(p.place, out)
	return nil
}

func valueOf(e any) string {
	if m, ok := e.(map[string]any); ok {
		s, _ := m["value"].(string)
		return s
	}
	s, _ := e.(string)
	return s
}
