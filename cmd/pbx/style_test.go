package main_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rules of the house that a machine can hold. An exception is named here, with its reason, or it is none.

const (
	maxFileLines = 500
	maxFuncLines = 60 // not in tests: a table is as long as its cases
	maxMethods   = 12
)

// exceptions are what a rule would refuse, by "dir.Name" or "dir.Type.field", and why it may stand. One that nothing needs any more fails.
var exceptions = map[string]string{
	"media/codec/g711.linearU":            "table, computed from the law",
	"media/codec/g711.linearA":            "table, computed from the law",
	"media/codec/g711.codeU":              "table, computed from the law",
	"media/codec/g711.codeA":              "table, computed from the law",
	"media/codec/g711.ULawToALaw":         "table, computed from the law",
	"media/codec/g711.ALawToULaw":         "table, computed from the law",
	"sip/stack.fieldParser":               "sipgo's parser: configuration that never changes",
	"sip/stack.scratch":                   "pool of buffers: what is in one means nothing to the next user",
	"provisioning/identity.readers":       "pool of decoders: what is in one means nothing to the next user",
	"provisioning/store.reader.ctx":       "one transaction's view; Reader's methods take no context",
	"recorder/objstore/dir.cancelled.ctx": "io.Reader takes no context; lives for one Put",
	"recorder/unseal.objectAt.ctx":        "io.ReaderAt takes no context; lives for one response",
	"recorder/apart.stream.ctx":           "io.ReaderAt takes no context; lives for one response",
	"recorder/playback.meter.ctx":         "io.Writer takes no context; lives for one response",
	"prompts.bounded.ctx":                 "io.Reader takes no context; lives for one upload",
	"provisioning/secret.memoryKey":       "key of this process, made once and never shown: a Secret has nobody who could hand it over",
	"cmd/pbx/internal/call.Switch.ctx":    "the calls' own: Drain ends it",
}

// tableCalls make package-level values that never change.
var tableCalls = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "template.Must", "template.New", "netip.MustParseAddr", "netip.MustParsePrefix",
	"netip.MustParseAddrPort", "strings.NewReplacer", "big.NewInt", "language.NewMatcher", "language.MustParse", "time.FixedZone", "crc32.MakeTable",
	"crc64.MakeTable", "base32.NewEncoding",
}

// Written in two halves so that this file does not find itself.
var (
	lintOff      = regexp.MustCompile("//\\s*no" + "lint")
	machinePaths = regexp.MustCompile("(/wo" + "rk/|/ho" + "me/[a-z]|/ro" + "ot/|/Us" + "ers/|[A-Z]:\\\\\\\\?Us" + "ers)")
	unfinished   = regexp.MustCompile("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b")
)

func TestStyle(t *testing.T) {
	used := make(map[string]bool)
	for _, complaint := range checkStyle(tree(t), used) {
		t.Error(complaint)
	}
	for _, key := range sorted(exceptions) {
		if !used[key] {
			t.Errorf("exception %s is not needed: remove it", key)
		}
	}
}

func checkStyle(files []source, used map[string]bool) (complaints []string) {
	for _, s := range files {
		c := &styleCheck{s: s, used: used}
		c.text()
		c.declarations()
		complaints = append(complaints, c.found...)
	}
	return append(complaints, checkPackageComments(files)...)
}

type styleCheck struct {
	s     source
	found []string
	used  map[string]bool // exceptions
}

func (c *styleCheck) excepted(key string) bool {
	if exceptions[key] == "" {
		return false
	}
	c.used[key] = true
	return true
}

func (c *styleCheck) complain(at token.Pos, format string, args ...any) {
	c.found = append(c.found, c.s.at(at)+": "+fmt.Sprintf(format, args...))
}

func (c *styleCheck) text() {
	if n := bytes.Count(c.s.text, []byte("\n")); n > maxFileLines && !ast.IsGenerated(c.s.file) {
		c.complain(c.s.file.Pos(), "%d lines, at most %d", n, maxFileLines)
	}
	for what, re := range map[string]*regexp.Regexp{"switches the linter off": lintOff, "path of one machine": machinePaths, "unfinished": unfinished} {
		for _, at := range re.FindAllIndex(c.s.text, -1) {
			line := 1 + bytes.Count(c.s.text[:at[0]], []byte("\n"))
			c.found = append(c.found, fmt.Sprintf("%s:%d: %s", c.s.path, line, what))
		}
	}
}

func (c *styleCheck) declarations() {
	bubble := c.s.isTest() && imports(c.s, "testing/synctest")
	for _, d := range c.s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			c.function(d)
		case *ast.GenDecl:
			if d.Tok == token.VAR && !c.s.isTest() {
				c.packageVars(d)
			}
		}
	}
	ast.Inspect(c.s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if name(n.Fun) == "time.Sleep" && !bubble { // in a bubble it is virtual time that passes
				c.complain(n.Pos(), "time.Sleep")
			}
		case *ast.TypeSpec:
			c.typeSpec(n)
		}
		return true
	})
}

func imports(s source, pkg string) bool {
	return slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+pkg+`"` })
}

// name writes an identifier or selector, "" for anything else.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := name(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	case *ast.IndexExpr:
		return name(e.X)
	}
	return ""
}

func (c *styleCheck) function(d *ast.FuncDecl) {
	if d.Recv == nil && d.Name.Name == "init" {
		c.complain(d.Pos(), "init()")
	}
	if c.s.isTest() {
		return
	}
	from, to := c.s.fset.Position(d.Pos()).Line, c.s.fset.Position(d.End()).Line
	if n := to - from + 1; n > maxFuncLines && !ast.IsGenerated(c.s.file) {
		c.complain(d.Pos(), "%s has %d lines, at most %d", d.Name.Name, n, maxFuncLines)
	}
}

func (c *styleCheck) typeSpec(n *ast.TypeSpec) {
	key := c.s.dir() + "." + n.Name.Name
	switch typ := n.Type.(type) {
	case *ast.InterfaceType:
		if m := methods(typ); m > maxMethods && !c.excepted(key) {
			c.complain(n.Pos(), "interface %s has %d methods, at most %d", key, m, maxMethods)
		}
	case *ast.StructType:
		for _, f := range typ.Fields.List {
			if name(f.Type) != "context.Context" {
				continue
			}
			field := "Context"
			if len(f.Names) > 0 {
				field = f.Names[0].Name
			}
			if !c.excepted(key + "." + field) {
				c.complain(f.Pos(), "%s.%s keeps a context", key, field)
			}
		}
	}
}

func methods(t *ast.InterfaceType) (n int) {
	for _, f := range t.Methods.List {
		if _, ok := f.Type.(*ast.FuncType); ok {
			n += len(f.Names)
		}
	}
	return n
}

// packageVars: allowed are error sentinels, embedded files, interface assertions (var _ I = T{}) and tables. A table is a composite literal of a
// map, slice, array or struct, a function literal called on the spot, or a call of tableCalls. Everything else, above all a value
// without an initialiser, a plain literal, make, a pointer, or another call, is state or a test knob.
func (c *styleCheck) packageVars(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		if embedded(d, v) {
			continue
		}
		for i, id := range v.Names {
			if id.Name != "_" && (i >= len(v.Values) || !isTable(v.Values[i])) && !c.excepted(c.s.dir()+"."+id.Name) {
				c.complain(id.Pos(), "package variable %s is neither an error nor a table", id.Name)
			}
		}
	}
}

func embedded(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

func isTable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit:
		return !strings.HasPrefix(name(e.Type), "sync.")
	case *ast.CallExpr:
		switch f := e.Fun.(type) {
		case *ast.FuncLit:
			return true
		case *ast.ArrayType: // []byte("...")
			return true
		case *ast.SelectorExpr:
			if inner, ok := f.X.(*ast.CallExpr); ok { // template.Must(...).Funcs(...)
				return isTable(inner)
			}
			return slices.Contains(tableCalls, name(f))
		}
	case *ast.ParenExpr:
		return isTable(e.X)
	}
	return false
}

// boundary are words with which a package comment says what the package leaves to others.
var boundary = regexp.MustCompile(`(?i)\b(never|no|not|nothing|none|only|neither|without|from outside)\b`)

func checkPackageComments(files []source) (complaints []string) {
	docs := make(map[string]string)
	for _, s := range files {
		if s.isTest() && !isTestPackage(s.dir()) || strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		docs[s.dir()] += s.file.Doc.Text()
	}
	for _, dir := range sorted(docs) {
		doc := strings.TrimSpace(docs[dir])
		switch {
		case !strings.HasPrefix(doc, "Package "+path.Base(dir)+" ") && !strings.HasPrefix(doc, "Command ") && !strings.HasPrefix(doc, path.Base(dir)+" "):
			complaints = append(complaints, dir+": no package comment")
		case len(doc) < 60 || !boundary.MatchString(doc):
			complaints = append(complaints, dir+": the package comment does not say what the package owns and what it never does: "+doc)
		}
	}
	return complaints
}

func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

const goodComment = "// Package p owns what the table below needs to be tested with, and never anything else than that.\n"

// Each rule is broken once here, so that it is known to bite.
func TestStyleRulesBite(t *testing.T) {
	long := strings.Repeat("\n", 61)
	for _, c := range []struct{ what, file, text, want string }{
		{"clean", "sip/p/a.go", goodComment + "package p\nvar ErrA = errors.New(``)\nvar t = map[int]int{}\nvar _ I = T{}\nfunc f() {}\n", ""},
		{"long file", "sip/p/a.go", goodComment + "package p\n" + strings.Repeat("//\n", 500), "502 lines, at most 500"},
		{"long function", "sip/p/a.go", goodComment + "package p\nfunc f() {" + long + "}\n", "f has 62 lines"},
		{"long test", "sip/p/a_test.go", "package p\nfunc f() {" + long + "}\n", ""},
		{"wide interface", "sip/p/a.go", goodComment + "package p\ntype I interface{ A(); B(); C(); D(); E(); F(); G(); H(); I(); J(); K(); L(); M() }\n", "interface sip/p.I has 13 methods"},
		{"init", "sip/p/a.go", goodComment + "package p\nfunc init() {}\n", "init()"},
		{"method called init", "sip/p/a.go", goodComment + "package p\nfunc (t T) init() {}\n", ""},
		{"sleep", "sip/p/a.go", goodComment + "package p\nfunc f() { time.Sleep(1) }\n", "time.Sleep"},
		{"sleep in a test", "sip/p/a_test.go", "package p\nfunc f() { time.Sleep(1) }\n", "time.Sleep"},
		{"sleep in a bubble", "sip/p/a_test.go", "package p\nimport `testing/synctest`\nfunc f() { time.Sleep(1) }\n", "time.Sleep"},
		{"sleep in a real bubble", "sip/p/a_test.go", "package p\nimport \"testing/synctest\"\nfunc f() { time.Sleep(1) }\n", ""},
		{"context in a struct", "sip/p/a.go", goodComment + "package p\ntype T struct{ ctx context.Context }\n", "sip/p.T.ctx keeps a context"},
		{"context embedded", "sip/p/a.go", goodComment + "package p\ntype T struct{ context.Context }\n", "sip/p.T.Context keeps a context"},
		{"knob", "sip/p/a.go", goodComment + "package p\nvar timeout = 5\n", "package variable timeout"},
		{"state", "sip/p/a.go", goodComment + "package p\nvar cache map[string]int\n", "package variable cache"},
		{"made state", "sip/p/a.go", goodComment + "package p\nvar cache = make(map[string]int)\n", "package variable cache"},
		{"lock", "sip/p/a.go", goodComment + "package p\nvar mu = sync.Mutex{}\n", "package variable mu"},
		{"pointer", "sip/p/a.go", goodComment + "package p\nvar one = &T{}\n", "package variable one"},
		{"clock", "sip/p/a.go", goodComment + "package p\nvar now = time.Now\n", "package variable now"},
		{"table by function", "sip/p/a.go", goodComment + "package p\nvar t = func() int { return 1 }()\n", ""},
		{"embedded", "sip/p/a.go", goodComment + "package p\n//go:embed x\nvar x []byte\n", ""},
		{"no comment", "sip/p/a.go", "package p\n", "no package comment"},
		{"comment without a boundary", "sip/p/a.go", "// Package p is a package which does a great many things that one could want of it.\npackage p\n", "does not say"},
		{"linter off", "sip/p/a.go", goodComment + "package p\nvar a = T{} //no" + "lint:all\n", "switches the linter off"},
		{"machine path", "sip/p/a.go", goodComment + "package p\n// see /wo" + "rk/main\n", "path of one machine"},
		{"unfinished", "sip/p/a.go", goodComment + "package p\n// TO" + "DO: later\n", "unfinished"},
	} {
		got := strings.Join(checkStyle([]source{parse(t, c.file, []byte(c.text))}, nil), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
