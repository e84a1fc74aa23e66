package main_test

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/policy"
)

// actionsIn a source: texts that an audit entry's Action is set to, and constants that are actions by their type or name.
func actionsIn(s source) (out []string) {
	text := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if v, err := strconv.Unquote(l.Value); err == nil {
				out = append(out, v)
			}
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			for _, el := range n.Elts {
				if kv, ok := el.(*ast.KeyValueExpr); ok && name(kv.Key) == "Action" && strings.HasSuffix(name(n.Type), "AuditEntry") {
					text(kv.Value)
				}
			}
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "Action" && len(n.Rhs) == len(n.Lhs) {
					text(n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if i < len(n.Values) && (n.Type != nil && strings.HasSuffix(name(n.Type), "Action") || strings.HasSuffix(id.Name, "Action")) {
					text(n.Values[i])
				}
			}
		}
		return true
	})
	return out
}

// TestRulesOfEvents: no event of the audit log is outside the table of events, and the table has none that nothing makes.
func TestRulesOfEvents(t *testing.T) {
	made := map[string]bool{}
	for _, a := range policy.New().Actions() {
		made[string(a)] = true
	}
	for _, e := range provisioning.Entities() {
		made[e.Kind()+".put"], made[e.Kind()+".delete"] = true, true
	}
	var text strings.Builder
	for _, s := range tree(t) {
		if s.isTest() || strings.HasPrefix(s.path, "loadtest/") || s.path == "provisioning/audit/events.go" {
			continue
		}
		text.Write(s.text)
		if strings.HasPrefix(s.path, "recorder/") && s.path != "recorder/evidence/evidence.go" { // recorder.Action is a word of another table
			continue
		}
		for _, a := range actionsIn(s) {
			if strings.Contains(a, ".") && !strings.ContainsAny(a, "/ ") {
				made[a] = true
			}
		}
	}
	for _, a := range slices.Sorted(maps.Keys(made)) {
		if !audit.Known(a) {
			t.Errorf("%s is no event: give it a kind in provisioning/audit/events.go", a)
		}
	}
	all := text.String()
	for a := range audit.Events() {
		whole, _ := strings.CutSuffix(strings.TrimSuffix(a, ".served"), ".ended")
		if !made[a] && !made[whole] && !strings.Contains(all, strconv.Quote(a)) {
			t.Errorf("%s is in the table of events, and nothing makes it", a)
		}
	}
}
