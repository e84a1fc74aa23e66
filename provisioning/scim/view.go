package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"

	"naisen/provisioning"
)

// view is everybody of a domain as SCIM shows them, at one version of the store. It never changes.
type view struct {
	version provisioning.Version
	people  map[string]*person // by Account.ID
	byUser  map[string]string  // ID by User.Name
	groups  map[string]*group

	order, groupOrder []string // ids, as lists page them

	count   sync.Once
	members map[string][]*person // by group
}

// person is an account with its user.
type person struct {
	acc  provisioning.Account
	user provisioning.User
	doc  document
	tag  string
}

type group struct {
	of  provisioning.UserGroup
	tag string
}

// views keeps the last one of each domain, and brings it up to date by the change feed: a search reads no row twice.
type views struct {
	mu   sync.Mutex
	last map[string]*view
}

// maxViews bounds the domains that are kept in memory.
const maxViews = 64

// at is the view of what a reader sees, or of something newer. Within an Update it is the state before.
func (s *views) at(r provisioning.Reader, domain string) (*view, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.last[domain]
	if old != nil && old.version >= r.Version() {
		return old, nil
	}
	next, err := renewed(r, domain, old)
	if err != nil {
		return nil, err
	}
	if s.last == nil || len(s.last) >= maxViews && old == nil {
		s.last = map[string]*view{}
	}
	s.last[domain] = next
	return next, nil
}

// maxRenewed is how many changes are followed; more are read as a whole.
const maxRenewed = 2000

func renewed(r provisioning.Reader, domain string, old *view) (*view, error) {
	if old == nil {
		return whole(r, domain)
	}
	changes, err := r.Since(old.version, maxRenewed+1)
	if errors.Is(err, provisioning.ErrCompacted) || len(changes) > maxRenewed {
		return whole(r, domain)
	}
	if err != nil {
		return nil, err
	}
	v := &view{version: r.Version(), people: old.people, byUser: old.byUser, groups: old.groups, order: old.order, groupOrder: old.groupOrder}
	people, groups := map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		if c.Domain != domain {
			continue
		}
		switch c.Kind {
		case provisioning.KindAccount:
			people[c.Key] = true
		case provisioning.KindUserGroup:
			groups[c.Key] = true
		case provisioning.KindUser:
			if id, ok := v.byUser[c.Key]; ok {
				people[id] = true
			}
		}
	}
	if len(people) > 0 {
		v.people, v.byUser = maps.Clone(v.people), maps.Clone(v.byUser)
	}
	for id := range people {
		if err := v.take(r, domain, id); err != nil {
			return nil, err
		}
	}
	if len(groups) > 0 {
		v.groups = maps.Clone(v.groups)
	}
	for id := range groups {
		if err := v.takeGroup(r, domain, id); err != nil {
			return nil, err
		}
	}
	v.sort(old)
	return v, nil
}

func whole(r provisioning.Reader, domain string) (*view, error) {
	v := &view{version: r.Version(), people: map[string]*person{}, byUser: map[string]string{}, groups: map[string]*group{}}
	accounts, err := r.Rows(domain, provisioning.KindAccount, "", 0)
	if err != nil {
		return nil, err
	}
	for _, row := range accounts {
		if err := v.take(r, domain, row.Key); err != nil {
			return nil, err
		}
	}
	groups, err := r.Rows(domain, provisioning.KindUserGroup, "", 0)
	if err != nil {
		return nil, err
	}
	for _, row := range groups {
		if err := v.takeGroup(r, domain, row.Key); err != nil {
			return nil, err
		}
	}
	v.sort(nil)
	return v, nil
}

// take reads a person as they are now.
func (v *view) take(r provisioning.Reader, domain, id string) error {
	if old := v.people[id]; old != nil {
		delete(v.byUser, old.acc.User)
		delete(v.people, id)
	}
	p, err := readPerson(r, domain, id)
	if errors.Is(err, provisioning.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.people[id], v.byUser[p.acc.User] = p, id
	return nil
}

func readPerson(r provisioning.Reader, domain, id string) (*person, error) {
	acc, tag, err := provisioning.Get[provisioning.Account](r, domain, id)
	if err != nil {
		return nil, err
	}
	u, userTag, err := provisioning.Get[provisioning.User](r, domain, acc.User)
	if err != nil {
		return nil, err
	}
	p := &person{acc: acc, user: u, tag: tag + "-" + userTag}
	if err := json.Unmarshal(acc.Document, &p.doc); err != nil {
		return nil, fmt.Errorf("scim: stored document of %s: %w", id, err)
	}
	return p, nil
}

func (v *view) takeGroup(r provisioning.Reader, domain, id string) error {
	g, tag, err := provisioning.Get[provisioning.UserGroup](r, domain, id)
	if errors.Is(err, provisioning.ErrNotFound) {
		delete(v.groups, id)
		return nil
	}
	if err == nil {
		v.groups[id] = &group{g, tag}
	}
	return err
}

// sort orders the ids where there came or went some.
func (v *view) sort(old *view) {
	if old == nil || !sameKeys(v.people, v.order) {
		v.order = slices.Sorted(maps.Keys(v.people))
	}
	if old == nil || !sameKeys(v.groups, v.groupOrder) {
		v.groupOrder = slices.Sorted(maps.Keys(v.groups))
	}
}

func sameKeys[T any](m map[string]T, keys []string) bool {
	return len(m) == len(keys) && !slices.ContainsFunc(keys, func(k string) bool { _, ok := m[k]; return !ok })
}

// of are the members of a group, by id.
func (v *view) of(group string) []*person {
	v.count.Do(func() {
		v.members = map[string][]*person{}
		for _, id := range v.order {
			for _, g := range v.people[id].acc.Groups {
				v.members[g] = append(v.members[g], v.people[id])
			}
		}
	})
	return v.members[group]
}

func etag(tag string) string { return `W/"` + tag + `"` }

// groupTag changes with the group and with who is in it.
func (v *view) groupTag(id string) string {
	h := fnv.New64a()
	for _, p := range v.of(id) {
		_, _ = h.Write([]byte(p.acc.ID + "\n")) // never fails
	}
	return fmt.Sprintf("%s-%x", v.groups[id].tag, h.Sum64())
}

// named are the names of groups that are there.
func (v *view) named(ids []string) (out []string) {
	for _, id := range ids {
		if g, ok := v.groups[id]; ok {
			out = append(out, g.of.Display)
		}
	}
	return out
}

func userKey(userName any) string {
	s, _ := userName.(string)
	return strings.ToLower(strings.TrimSpace(s))
}
