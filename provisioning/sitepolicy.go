package provisioning

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// SitePolicy is what a domain adds to the table of roles: Cedar statements over who asks, with what, from where, when and for what. Each entry is one
// statement. Whether the statements mean something is the policy package's to say: see policy.Table.Check.
type SitePolicy struct {
	Name   string   `json:"name"`
	Title  string   `json:"title,omitempty"`
	Forbid []string `json:"forbid" doc:"Cedar statements that forbid. One more counts at once; one that goes or is another now waits for another person"`
	Permit []string `json:"permit" doc:"Cedar statements that permit what no role has. One that comes or is another now waits for another person; one that goes counts at once"`
}

// Bounds of a site policy.
const (
	maxStatements = 50
	maxStatement  = 4096 // bytes
)

// Kind, Key: see Entity.
func (SitePolicy) Kind() string  { return KindSitePolicy }
func (p SitePolicy) Key() string { return p.Name }

// Refs: what a statement names need not be there; then it does not match.
func (SitePolicy) Refs() []Ref { return nil }

func (p SitePolicy) normal() Entity {
	p.Forbid, p.Permit = list(p.Forbid), list(p.Permit)
	return p
}

// Validate: see Entity.
func (p SitePolicy) Validate() error {
	var c check
	c.name("name", p.Name)
	c.text("title", p.Title)
	for field, all := range map[string][]string{"forbid": p.Forbid, "permit": p.Permit} {
		c.list(field, len(all), 0, maxStatements)
		c.each(field, all, func(at, s string) {
			c.must(strings.TrimSpace(s) != "" && len(s) <= maxStatement, at, "must be a Cedar statement of at most "+strconv.Itoa(maxStatement)+" bytes")
			c.must(strings.TrimSpace(s) == s, at, "must have no blanks around it") // else the same statement would count as another one
		})
	}
	return c.result()
}

// weakened says what the next policy forbids no more, or permits besides. A statement that was changed is another one.
func (p SitePolicy) weakened(next SitePolicy) (out []Weakening) {
	compare := func(field, what string, have, need []string) {
		for i, s := range need {
			if !slices.Contains(have, s) {
				out = append(out, Weakening{Field: field, Why: field + ": " + what + " " + statementName(s, i), People: onePerson})
			}
		}
	}
	compare("forbid", "without", next.Forbid, p.Forbid)
	compare("permit", "adds", p.Permit, next.Permit)
	return out
}

// statementName is what a person calls a statement by: its @id, or its place.
func statementName(s string, i int) string {
	if _, rest, ok := strings.Cut(s, `@id("`); ok {
		if id, _, ok := strings.Cut(rest, `"`); ok && len(id) <= maxName {
			return id
		}
	}
	return "statement " + strconv.Itoa(i+1)
}

// Called is an outside number that somebody of ours wants to be called.
type Called struct {
	Extension string     // who
	Number    string     // in E.164 where it has that form
	Class     string     // ClassNational and its like
	Address   netip.Addr // where the telephone calls from; zero: nobody dials now
	Device    string     // its +sip.instance; empty: not known
}
