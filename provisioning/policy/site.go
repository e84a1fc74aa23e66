package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	cedar "github.com/cedar-policy/cedar-go"

	"naisen/provisioning"
)

// Sites are the statements of one domain, by action. It is immutable.
type Sites struct {
	forbids, permits map[provisioning.Action]statements
	unreadable       string // name of a policy that cannot be read; empty: all can
}

// Unreadable names a policy of the domain that cannot be read: until it is mended everything that it could forbid is denied. Empty: all can.
func (s *Sites) Unreadable() string {
	if s == nil {
		return ""
	}
	return s.unreadable
}

// Speaks says that some policy of the domain may decide about an action.
func (s *Sites) Speaks(a provisioning.Action) bool {
	return s != nil && (s.unreadable != "" || len(s.forbids[a]) > 0 || len(s.permits[a]) > 0)
}

// Compile reads the policies of a domain. nil: there are none.
func (t *Table) Compile(all []provisioning.SitePolicy) *Sites {
	if len(all) == 0 {
		return nil
	}
	s := &Sites{forbids: map[provisioning.Action]statements{}, permits: map[provisioning.Action]statements{}}
	for _, p := range all {
		forbid, permit, err := t.read(p)
		if err != nil {
			s.unreadable = p.Name
			continue
		}
		t.distribute(s.forbids, forbid, fixed)
		t.distribute(s.permits, permit, closed)
	}
	return s
}

// distribute puts each statement to the actions of which it speaks and that are not bounded so far.
func (t *Table) distribute(into map[provisioning.Action]statements, list statements, bound limit) {
	for _, s := range list {
		for _, r := range t.order {
			if r.limit < bound && s.about(r) {
				into[r.action] = append(into[r.action], s)
			}
		}
	}
}

// about says that a statement's scope has an action and its kind of object.
func (s *statement) about(r row) bool {
	p := s.tree()
	switch o := p.Resource.(type) {
	case ast.ScopeTypeEq:
		if o.Entity.Type != r.object() {
			return false
		}
	case ast.ScopeTypeIs:
		if o.Type != r.object() {
			return false
		}
	case ast.ScopeTypeIsIn:
		if o.Type != r.object() {
			return false
		}
	}
	named, some := actionsOf(p)
	if !some {
		return true
	}
	for _, a := range named {
		if a == r.action {
			return true
		}
	}
	return false
}

// actionsOf are the actions that a statement names; false: it is about all.
func actionsOf(p *ast.Policy) (named []provisioning.Action, some bool) {
	switch a := p.Action.(type) {
	case ast.ScopeTypeEq:
		return []provisioning.Action{provisioning.Action(a.Entity.ID)}, true
	case ast.ScopeTypeIn:
		return []provisioning.Action{provisioning.Action(a.Entity.ID)}, true
	case ast.ScopeTypeInSet:
		for _, e := range a.Entities {
			named = append(named, provisioning.Action(e.ID))
		}
		return named, true
	}
	return nil, false
}

// read compiles a policy. The error is a *provisioning.Invalid that names the statement, line and column.
func (t *Table) read(p provisioning.SitePolicy) (forbid, permit statements, err error) {
	seen := map[string]bool{}
	read := func(field string, texts []string, effect cedar.Effect) (out statements, err error) {
		for i, text := range texts {
			s, err := t.readOne(p.Name, field, i, text, effect)
			if err == nil && seen[s.id] {
				err = &fault{1, 1, "has the @id of another statement"}
			}
			if err != nil {
				return nil, &provisioning.Invalid{Field: field + "[" + strconv.Itoa(i) + "]", Reason: err.Error()}
			}
			seen[s.id] = true
			out = append(out, s)
		}
		return out, nil
	}
	if forbid, err = read("forbid", p.Forbid, cedar.Forbid); err != nil {
		return nil, nil, err
	}
	permit, err = read("permit", p.Permit, cedar.Permit)
	return forbid, permit, err
}

// siteRule begins the rule of a decision by a statement of a domain.
const siteRule = "site: "

// OfSite says that a rule is a statement of a domain.
func OfSite(rule string) bool { return strings.HasPrefix(rule, siteRule) || rule == RuleUnreadable }

func (t *Table) readOne(policy, field string, i int, text string, effect cedar.Effect) (*statement, error) {
	if bad := tooDeep(text); bad != nil {
		return nil, bad
	}
	s, err := compile(siteRule+policy+"/"+field+"-"+strconv.Itoa(i+1), text)
	if err != nil {
		return nil, err
	}
	if s.policy.Effect() != effect {
		return nil, &fault{1, 1, "must be a statement that begins with " + field}
	}
	if id, ok := s.policy.Annotations()["id"]; ok {
		if !plainID(string(id)) {
			return nil, faultAt(text, "@id", "must be 1 to 64 of a-z 0-9 . _ -")
		}
		s.id = siteRule + policy + "/" + string(id)
	}
	named, _ := actionsOf(s.tree())
	for _, a := range named {
		switch r := t.rows[a]; {
		case r == nil: // Check says so with its place
		case r.limit == fixed:
			return nil, faultAt(text, string(a), "is an action that no policy of a domain decides about")
		case r.limit == closed && effect == cedar.Permit:
			return nil, faultAt(text, string(a), "is an action that no policy of a domain opens")
		}
	}
	return s, nil
}

func plainID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// maxDepth bounds how deep a statement nests: the parser and the compiler go down with it.
const maxDepth = 32

// tooDeep looks at the brackets, and at runs of what stands before an operand, without knowing the language: what stands in a string counts too.
func tooDeep(text string) error {
	depth, run := 0, 0
	for i, c := range text {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		switch c {
		case '!', '-':
			run++
		case ' ', '\t', '\r', '\n':
		default:
			run = 0
		}
		if depth > maxDepth || run > maxDepth {
			line, column := at(text, i)
			return &fault{line, column, "nests too deep"}
		}
	}
	if n := strings.Count(text, "if"); n > maxDepth {
		return &fault{1, 1, "has too many if"}
	}
	return nil
}

// Check says what is wrong with a policy: *provisioning.Invalid with the statement, the line and the column. What statements may speak of is Schema.
func (t *Table) Check(p provisioning.SitePolicy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	forbid, permit, err := t.read(p)
	if err != nil {
		return err
	}
	v, err := t.validator(t.Schema())
	if err != nil {
		return err
	}
	for field, list := range map[string]statements{"forbid": forbid, "permit": permit} {
		for i, s := range list {
			if err := v.Policy("", s.tree()); err != nil {
				return &provisioning.Invalid{Field: field + "[" + strconv.Itoa(i) + "]", Reason: schemaFault(s.text, err).Error()}
			}
		}
	}
	return nil
}

func (t *Table) validator(text string) (*validate.Validator, error) {
	var sc schema.Schema
	if err := sc.UnmarshalCedar([]byte(text)); err != nil {
		return nil, fmt.Errorf("policy: schema: %w", err)
	}
	resolved, err := sc.Resolve()
	if err != nil {
		return nil, fmt.Errorf("policy: schema: %w", err)
	}
	return validate.New(resolved), nil
}

// faultAt is a fault where something stands in a text.
func faultAt(text, what, reason string) *fault {
	line, column := at(text, max(strings.Index(text, what), 0))
	return &fault{line, column, reason}
}

// place is how the parser says where; token is what it takes for one.
var (
	place = regexp.MustCompile(`(\d+):(\d+)(?: "(?:[^"\\]|\\.)*")?`)
	token = regexp.MustCompile(`//[^\n]*|"(?:[^"\\]|\\.)*"|\w+|::|==|!=|<=|>=|&&|\|\||\S`)
)

// parseFault takes the place out of what the parser said. It has passed by the token that it complains of: that is the one before.
func parseFault(text string, err error) *fault {
	reason, offset := err.Error(), len(text)
	if m := place.FindStringSubmatchIndex(reason); m != nil {
		line, _ := strconv.Atoi(reason[m[2]:m[3]])
		column, _ := strconv.Atoi(reason[m[4]:m[5]])
		offset = offsetOf(text, line, column)
		reason = strings.TrimLeft(reason[m[1]:], ": ")
	}
	if !strings.HasPrefix(reason, "got ") && !strings.HasPrefix(reason, "exact got  want") {
		before := 0
		for _, m := range token.FindAllStringIndex(text, -1) {
			if m[0] < offset && !strings.HasPrefix(text[m[0]:m[1]], "//") {
				before = m[0]
			}
		}
		offset = before
	}
	line, column := at(text, offset)
	return &fault{line, column, strings.TrimPrefix(reason, "exact ")}
}

// offsetOf is a place in bytes.
func offsetOf(text string, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[offset:], '\n')
		if i < 0 {
			return len(text)
		}
		offset += i + 1
	}
	for i := range text[offset:] {
		if column--; column == 0 {
			return offset + i
		}
	}
	return len(text)
}

// quoted is a name in what the validator said.
var quoted = regexp.MustCompile("`([^`]+)`")

// schemaFault is what the validator said, where the name of which it speaks stands; it tells no places itself. Of several faults it is the first.
func schemaFault(text string, err error) *fault {
	reason := err.Error()
	if list, ok := err.(interface{ Unwrap() []error }); ok && len(list.Unwrap()) > 0 {
		reason = list.Unwrap()[0].Error()
	}
	for _, m := range quoted.FindAllStringSubmatch(reason, -1) {
		for _, name := range namesIn(m[1]) {
			if i := wordAt(text, name); i >= 0 {
				line, column := at(text, i)
				return &fault{line, column, reason}
			}
		}
	}
	for _, word := range []string{"when", "unless"} {
		if i := wordAt(text, word); i >= 0 {
			line, column := at(text, i)
			return &fault{line, column, reason}
		}
	}
	return &fault{1, 1, reason}
}

// namesIn are the ways in which a name may stand in the text.
func namesIn(s string) []string {
	names := []string{s}
	if uid := strings.Split(s, "::"); len(uid) > 1 {
		names = append(names, strings.Join(uid, `::`), strings.Trim(uid[len(uid)-1], `"`))
	}
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		names = append(names, s[i+1:])
	}
	return names
}

// wordAt is where a word stands by itself; -1: nowhere.
func wordAt(text, name string) int {
	inWord := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 || name == "" {
			return -1
		}
		i += from
		end := i + len(name)
		if (i == 0 || !inWord(text[i-1]) || !inWord(name[0])) && (end == len(text) || !inWord(text[end]) || !inWord(name[len(name)-1])) {
			return i
		}
		from = i + 1
	}
}
