package scim

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// search is what a client looks for (RFC 7644 section 3.4.3).
type search struct {
	Filter     string   `json:"filter"`
	Start      *int     `json:"startIndex"`
	Count      *int     `json:"count"`
	Attributes []string `json:"attributes"`
	Excluded   []string `json:"excludedAttributes"`
}

// Pages.
const (
	maxPage     = 200
	defaultPage = 100
)

func searchOf(q url.Values) (search, *fault) {
	out := search{Filter: q.Get("filter"), Attributes: names(q.Get("attributes")), Excluded: names(q.Get("excludedAttributes"))}
	for name, into := range map[string]**int{"startIndex": &out.Start, "count": &out.Count} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return out, bad(invalidValue, name+" is no number")
			}
			*into = &n
		}
	}
	return out, nil
}

func names(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// page is the first index, from 1, and how many; what is out of bounds is the nearest that is not.
func (s search) page() (start, count int) {
	start, count = 1, defaultPage
	if s.Start != nil {
		start = max(1, *s.Start)
	}
	if s.Count != nil {
		count = min(max(0, *s.Count), maxPage)
	}
	return start, count
}

func typeOf(endpoint string) *resourceType {
	if endpoint == "Groups" {
		return &groupType
	}
	return &userType
}

// sendable is a resource in a view.
type sendable interface {
	record
	body(want projection) map[string]any
}

// list answers with a page of what a filter takes.
func (s *server) list(ctx context.Context, c client, endpoint string, q search) (answer, error) {
	t := typeOf(endpoint)
	var f filter = everything{}
	if q.Filter != "" {
		var fault *fault
		if f, fault = parseFilter(q.Filter, t.find); fault != nil {
			return answer{}, fault
		}
	}
	v, err := s.view(ctx, c.domain)
	if err != nil {
		return answer{}, err
	}
	start, count := q.page()
	want, total, found := t.projection(q.Attributes, q.Excluded), 0, []any{}
	for x := range v.each(endpoint, c.base(), f) {
		if total%256 == 0 && ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		if !f.matches(x) {
			continue
		}
		if total++; total >= start && len(found) < count {
			found = append(found, x.body(want))
		}
	}
	return answer{status: http.StatusOK, body: map[string]any{"schemas": []string{urnList}, "totalResults": total, "startIndex": start,
		"itemsPerPage": len(found), "Resources": found}}, nil
}

// each goes through users or groups by id. A filter that wants a userName needs no search.
func (v *view) each(endpoint, base string, f filter) func(func(sendable) bool) {
	return func(yield func(sendable) bool) {
		if endpoint == "Groups" {
			for _, id := range v.groupOrder {
				if !yield(shownGroup{v.groups[id], v, base}) {
					return
				}
			}
			return
		}
		ids := v.order
		if c, ok := f.(compare); ok && c.op == "eq" && c.at.urn == "" && c.at.attr.name == "userName" {
			ids = nil
			if id, ok := v.byUser[userKey(c.value)]; ok {
				ids = []string{id}
			}
		}
		for _, id := range ids {
			if !yield(shown{v.people[id], v, base}) {
				return
			}
		}
	}
}

// get is one resource.
func (s *server) get(ctx context.Context, c client, q request) (answer, error) {
	v, err := s.view(ctx, c.domain)
	if err != nil {
		return answer{}, err
	}
	want := typeOf(q.endpoint).projection(names(q.query.Get("attributes")), names(q.query.Get("excludedAttributes")))
	var a answer
	if q.endpoint == "Groups" {
		g, ok := v.groups[q.id]
		if !ok {
			return answer{}, noResource()
		}
		a = shownGroup{g, v, c.base()}.answer(http.StatusOK, want)
	} else {
		p, ok := v.people[q.id]
		if !ok {
			return answer{}, noResource()
		}
		a = shown{p, v, c.base()}.answer(http.StatusOK, want)
	}
	if q.none != "" && listed(q.none, a.etag) {
		return answer{status: http.StatusNotModified, etag: a.etag}, nil
	}
	return a, nil
}
