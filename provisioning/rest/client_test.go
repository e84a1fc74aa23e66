package rest

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
)

var write = flag.Bool("write", false, "write provisioning/client anew from the document")

// TestClientIsCurrent: the Go client and the command line's table of operations are what the document of today gives.
func TestClientIsCurrent(t *testing.T) {
	r := newRig(t)
	g := generator{doc: r.api.huma.OpenAPI(), types: map[string]bool{}}
	for name, text := range map[string]func() string{"operations.go": g.operations, "table.go": g.table, "types.go": g.schemas} {
		if name == "types.go" {
			continue // after all others, which name the types
		}
		g.file(t, name, text())
	}
	g.file(t, "types.go", g.schemas())
}

// generator writes the client.
type generator struct {
	doc   *huma.OpenAPI
	types map[string]bool // named so far
}

func (g *generator) file(t *testing.T, name, text string) {
	t.Helper()
	head := "// Code generated from the OpenAPI document by TestClientIsCurrent of provisioning/rest; DO NOT EDIT.\n\npackage client\n\n"
	var imports []string
	for _, pkg := range []string{"context", "encoding/json", "io", "net/url", "time"} {
		if regexp.MustCompile(`[( \]]` + pkg[strings.LastIndex(pkg, "/")+1:] + `\.[A-Z]`).MatchString(code(text)) {
			imports = append(imports, fmt.Sprintf("%q", pkg))
		}
	}
	if len(imports) > 0 {
		head += "import (\n" + strings.Join(imports, "\n") + "\n)\n\n"
	}
	want, err := format.Source([]byte(head + text))
	if err != nil {
		t.Fatalf("%s: %v\n%.2000s", name, err, text)
	}
	at := filepath.Join("..", "client", name)
	if *write {
		must(t, os.WriteFile(at, want, 0o644))
	}
	if have, err := os.ReadFile(at); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is not what the document gives: go generate ./provisioning/client (%v)", name, err)
	}
}

// code is Go without its comments and strings, by the line.
func code(text string) string {
	return regexp.MustCompile("(?m)//.*$|\"[^\"\n]*\"").ReplaceAllString(text, "")
}

// op is an operation of the document.
type op struct {
	*huma.Operation
	method, path string
}

// sorted are all operations by their ids.
func (g *generator) sorted() (out []op) {
	for path, item := range g.doc.Paths {
		for method, o := range map[string]*huma.Operation{"Get": item.Get, "Put": item.Put, "Post": item.Post, "Delete": item.Delete, "Patch": item.Patch} {
			if o != nil {
				out = append(out, op{o, method, path})
			}
		}
	}
	slices.SortFunc(out, func(a, b op) int { return strings.Compare(a.OperationID, b.OperationID) })
	return out
}

func (o op) in(where string) (out []*huma.Param) {
	for _, p := range o.Parameters {
		if p.In == where {
			out = append(out, p)
		}
	}
	return out
}

// body is the schema of what is sent, or its content type where that is not JSON.
func (o op) body() (s *huma.Schema, kind string) {
	if o.RequestBody == nil {
		return nil, ""
	}
	if m := o.RequestBody.Content["application/json"]; m != nil && m.Schema != nil {
		return m.Schema, ""
	}
	return nil, slices.Sorted(maps.Keys(o.RequestBody.Content))[0]
}

// answer is the schema of what comes back, "stream" where that is not JSON, "" for nothing.
func (o op) answer() (s *huma.Schema, form string) {
	for _, code := range slices.Sorted(maps.Keys(o.Responses)) {
		if code[0] != '2' || code == "202" && len(o.Responses) > 1 && o.Responses["200"] != nil {
			continue
		}
		for kind, m := range o.Responses[code].Content {
			if kind == "application/json" && m.Schema != nil && m.Schema.Format != "binary" && m.Schema.ContentEncoding == "" {
				return m.Schema, "json"
			}
			form = "stream"
		}
		return nil, form
	}
	return nil, ""
}

func camel(s string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch word {
		case "id", "did", "url", "sip", "pin", "csv", "pdf", "cdr", "uri", "sha256", "ip", "json", "mac", "sms":
			b.WriteString(strings.ToUpper(word))
		case "dids", "ids", "pins", "cdrs":
			b.WriteString(strings.ToUpper(word[:len(word)-1]) + "s")
		default:
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

func (g *generator) operations() string {
	var b strings.Builder
	for _, o := range g.sorted() {
		g.operation(&b, o)
	}
	return b.String()
}

func (g *generator) operation(b *strings.Builder, o op) {
	name := camel(o.OperationID)
	args, parts := "ctx context.Context", ""
	for _, p := range o.in("path") {
		args += ", " + lower(camel(p.Name)) + " string"
		parts += ", " + lower(camel(p.Name))
	}
	what := fmt.Sprintf("method: http%s, path: path(%q%s)", o.method, o.path, parts)
	if q := o.in("query"); len(q) > 0 {
		g.query(b, name, q)
		args += ", q " + name + "Query"
		what += ", query: q.values()"
	}
	switch s, kind := o.body(); {
	case kind == mergeType:
		args += ", fields any"
		what += fmt.Sprintf(", body: fields, kind: %q", kind)
	case kind != "":
		args += ", body io.Reader, kind string"
		what += ", body: body, kind: kind"
	case s != nil:
		args += ", body " + g.typeOf(s, name+"Body")
		what += ", body: body"
	}
	fmt.Fprintf(b, "// %s: %s. %s %s.\n", name, lower(strings.TrimSuffix(o.Summary, ".")), strings.ToUpper(o.method), o.path)
	args += ", options ...Option"
	switch s, form := o.answer(); form {
	case "json":
		out := g.typeOf(s, name+"Answer")
		fmt.Fprintf(b, "func (c *Client) %s(%s) (%s, Answer, error) {\nvar out %s\nat, err := c.do(ctx, call{%s}, &out, options)\nreturn out, at, err\n}\n\n", name, args, out, out, what)
	case "stream":
		fmt.Fprintf(b, "//\n// The caller closes what comes back.\nfunc (c *Client) %s(%s) (io.ReadCloser, Answer, error) {\nreturn c.open(ctx, call{%s}, options)\n}\n\n", name, args, what)
	default:
		fmt.Fprintf(b, "func (c *Client) %s(%s) (Answer, error) {\nreturn c.do(ctx, call{%s}, nil, options)\n}\n\n", name, args, what)
	}
}

// query writes the struct of an operation's query.
func (g *generator) query(b *strings.Builder, name string, params []*huma.Param) {
	fmt.Fprintf(b, "// %sQuery is what %s may ask for; zero values are left out.\ntype %sQuery struct {\n", name, name, name)
	values := ""
	for _, p := range params {
		typ, put := "string", "text"
		switch s := p.Schema; {
		case s.Type == huma.TypeInteger:
			typ, put = "int64", "number"
		case s.Type == huma.TypeBoolean:
			typ, put = "bool", "yes"
		case s.Type == huma.TypeArray:
			typ, put = "[]string", "texts"
		case s.Format == "date-time":
			typ, put = "time.Time", "time"
		}
		note := ""
		if d := strings.TrimSpace(p.Description + " " + p.Schema.Description); d != "" {
			note = " // " + strings.Join(strings.Fields(d), " ")
		}
		fmt.Fprintf(b, "%s %s%s\n", camel(p.Name), typ, note)
		values += fmt.Sprintf(".%s(%q, q.%s)", put, p.Name, camel(p.Name))
	}
	fmt.Fprintf(b, "}\n\nfunc (q %sQuery) values() url.Values {\nreturn url.Values(query{}%s)\n}\n\n", name, values)
}

func lower(s string) string {
	if s == "" {
		return s
	}
	if s == strings.ToUpper(s) {
		return strings.ToLower(s)
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// typeOf is a schema as a Go type; one without a name gets the one given.
func (g *generator) typeOf(s *huma.Schema, name string) string {
	switch {
	case s.Ref != "":
		ref := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		g.types[ref] = true
		return typeName(ref)
	case s.Type == huma.TypeArray:
		return "[]" + g.typeOf(s.Items, name+"Item")
	case s.Type == huma.TypeString && s.Format == "date-time":
		return "time.Time"
	case s.Type == huma.TypeString && (s.ContentEncoding == "base64" || s.Format == "binary"):
		return "[]byte"
	case s.Type == huma.TypeString:
		return "string"
	case s.Type == huma.TypeInteger:
		return "int64"
	case s.Type == huma.TypeNumber:
		return "float64"
	case s.Type == huma.TypeBoolean:
		return "bool"
	case s.Type == huma.TypeObject && len(s.Properties) == 0:
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			return "map[string]" + g.typeOf(of, name+"Value")
		}
		return "map[string]any"
	case s.Type == huma.TypeObject:
		var b strings.Builder
		b.WriteString("struct {\n")
		g.fields(&b, s, name)
		return b.String() + "}"
	}
	return "json.RawMessage"
}

// typeName keeps a schema's name from being one of the client's own.
func typeName(ref string) string {
	name := strings.ToUpper(ref[:1]) + ref[1:]
	switch name {
	case "Answer", "Client", "Problem", "Option", "Detail", "Operation", "Parameter":
		return name + "Object"
	}
	return name
}

func (g *generator) fields(b *strings.Builder, s *huma.Schema, name string) {
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		if field == "$schema" {
			continue
		}
		of := s.Properties[field]
		typ := g.typeOf(of, name+camel(field))
		omit := "omitempty"
		if typ == "time.Time" || of.Ref != "" || strings.HasPrefix(typ, "struct") {
			omit = "omitzero"
		}
		note := ""
		if of.Description != "" {
			note = " // " + strings.Join(strings.Fields(of.Description), " ")
		}
		fmt.Fprintf(b, "%s %s `json:\"%s,%s\"`%s\n", camel(field), typ, field, omit, note)
	}
}

// schemas writes the types that were named, and those that they name.
func (g *generator) schemas() string {
	written := map[string]string{}
	for len(written) < len(g.types) {
		for _, ref := range slices.Sorted(maps.Keys(g.types)) {
			if _, ok := written[ref]; ok {
				continue
			}
			s := g.doc.Components.Schemas.Map()[ref]
			written[ref] = fmt.Sprintf("// %s is the schema of that name.\ntype %s %s\n\n", typeName(ref), typeName(ref), g.typeOf(s, typeName(ref)))
		}
	}
	var b strings.Builder
	for _, ref := range slices.Sorted(maps.Keys(written)) {
		b.WriteString(written[ref])
	}
	return b.String()
}

// table writes what the command line knows of each operation.
func (g *generator) table() string {
	var b strings.Builder
	b.WriteString("// Operations is every operation of the API, by its id.\nfunc Operations() []Operation {\nreturn []Operation{\n")
	for _, o := range g.sorted() {
		names := func(where string) string {
			var out []string
			for _, p := range o.in(where) {
				out = append(out, fmt.Sprintf("%q", p.Name))
			}
			if len(out) == 0 {
				return "nil"
			}
			return "[]string{" + strings.Join(out, ", ") + "}"
		}
		s, kind := o.body()
		if s != nil {
			kind = "application/json"
		}
		fmt.Fprintf(&b, "{%q, %q, %q, %q, %s, %s, %q},\n", o.OperationID, strings.ToUpper(o.method), o.path, o.Summary, names("path"), names("query"), kind)
	}
	b.WriteString("}\n}\n")
	return b.String()
}
