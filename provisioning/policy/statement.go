package policy

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"naisen/provisioning"
)

// statement is one Cedar policy, compiled.
type statement struct {
	id       string // as it stands in a decision
	text     string
	policy   *cedar.Policy
	speaks   attribute // of what
	ofObject bool      // of more of the object than its kind and key
}

// statements are what one question is put to.
type statements []*statement

// All implements cedar.PolicyIterator.
func (list statements) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, s := range list {
			if !yield(cedar.PolicyID(s.id), s.policy) {
				return
			}
		}
	}
}

func (list statements) speaks() (a attribute) {
	for _, s := range list {
		a |= s.speaks
	}
	return a
}

func uidOf(t types.EntityType, id string) types.EntityUID {
	return types.NewEntityUID(t, types.String(id))
}

// quote is a string literal of Cedar.
func quote(s string) string { return string(types.String(s).MarshalCedar()) }

// overDepartment stands in the rules of roles over a department.
const overDepartment = " (department): "

// OverDepartment says that a rule let somebody do something since they have a role over the object's department, and not over the domain.
func OverDepartment(rule string) bool { return !OfSite(rule) && strings.Contains(rule, overDepartment) }

// overWord is the attribute of who asks that has the departments over which they have a role.
func overWord(role provisioning.Role) string { return string(role) + "_of" }

// grantText is a grant of the table as Cedar.
func (r row) grantText(role provisioning.Role, s scope) (id, text string) {
	head, when := fmt.Sprintf("principal in %s::%s", typeRole, quote(string(role))), ""
	switch {
	case role == "":
		id, head = "anybody: "+string(r.action), "principal"
	case s == own:
		id, when = string(role)+" (own): "+string(r.action), "\nwhen { resource has owner && resource.owner == principal }"
	case s == department:
		id, head = string(role)+overDepartment+string(r.action), "principal"
		when = "\nwhen { resource in principal." + overWord(role) + " }"
	default:
		id = string(role) + ": " + string(r.action)
	}
	return id, fmt.Sprintf("@id(%s)\npermit (%s, action == %s::%s, resource is %s)%s;", quote(id), head, typeAction, quote(string(r.action)), r.object(), when)
}

// compile reads one statement. Its fault is a *fault.
func compile(id, text string) (*statement, error) {
	list, err := cedar.NewPolicyListFromBytes("", []byte(text))
	if err != nil {
		return nil, parseFault(text, err)
	}
	if len(list) != 1 {
		return nil, &fault{1, 1, "must be one statement, and there are " + strconv.Itoa(len(list))}
	}
	s := &statement{id: id, text: text, policy: list[0]}
	plain := string(list[0].MarshalCedar()) // with every name as it is, however it was written
	s.speaks = wordsIn(plain)
	s.ofObject = ofObject(*s.tree())
	return s, nil
}

func (s *statement) tree() *ast.Policy { return (*ast.Policy)(s.policy.AST()) }

// ofObject says that a statement may judge by what is known of an object only when it was read.
func ofObject(p ast.Policy) bool {
	switch p.Resource.(type) {
	case ast.ScopeTypeIn, ast.ScopeTypeIsIn:
		return true
	}
	p.Annotations, p.Principal, p.Action, p.Resource = nil, ast.ScopeTypeAll{}, ast.ScopeTypeAll{}, ast.ScopeTypeAll{}
	_, conditions, _ := strings.Cut(string(cedar.NewPolicyFromAST((*publicast.Policy)(&p)).MarshalCedar()), ")") // behind the scope
	for _, known := range []string{"resource.key", "resource has key"} {
		conditions = strings.ReplaceAll(conditions, known, "")
	}
	return strings.Contains(conditions, "resource")
}

// fault is what is wrong with a statement, and where in its text: line and column begin at 1, columns count characters.
type fault struct {
	line, column int
	reason       string
}

func (f *fault) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", f.line, f.column, f.reason)
}

// at is the place of a byte in a text.
func at(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return strings.Count(before, "\n") + 1, len([]rune(last)) + 1
}
