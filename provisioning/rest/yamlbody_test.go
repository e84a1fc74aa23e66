package rest

import (
	"strings"
	"testing"
)

// A menu is kept as YAML, and what is wrong with it is told like in JSON.
func TestYAML(t *testing.T) {
	r := newRig(t)
	const path = base + "/menus/office"
	menu := `# the menu of the front desk
title: 代表
owner: "2001"
start: a
nodes:
  - name: a
    prompt: greeting/open
    keys:
      - {key: "1", to: {dial: "2002"}}
    then: {hangup: true}
`
	if p := r.do(t, admin, "PUT", path, menu, "Content-Type: application/yaml"); p.status != 201 || !strings.Contains(p.body, `"dial":"2002"`) {
		t.Fatalf("%d %s", p.status, p.body)
	}
	got := r.do(t, admin, "GET", path, "", "Accept: application/yaml")
	if got.status != 200 || got.header.Get("Content-Type") != "application/yaml" || !strings.Contains(got.body, "title: 代表\n") || !strings.Contains(got.body, `dial: "2002"`) {
		t.Errorf("%d %s\n%s", got.status, got.header.Get("Content-Type"), got.body)
	}
	if p := r.do(t, admin, "PUT", path, `{"title":"x"}`, "Content-Type: application/yaml"); p.status != 422 {
		t.Errorf("JSON is YAML: %d %s", p.status, p.body)
	}
	for _, c := range []struct{ name, body, place string }{
		{"where", strings.Replace(menu, "dial:", "node:", 1), "body.nodes[0].keys[0].to.node"},
		{"unknown member", menu + "colour: red\n", "body.colour"},
		{"number for text", strings.Replace(menu, `dial: "2002"`, "dial: 2002", 1), "dial"},
		{"twice", menu + "start: b\n", "body"},
		{"alias", "a: &x [1]\nb: *x\n", "body"},
		{"anchor", "title: &x y\n", "body"},
		{"tag", "title: !!binary aGk=\n", "body"},
		{"merge key", "<<: {title: x}\n", "body"},
		{"two documents", menu + "---\n" + menu, "body"},
		{"nothing", "# nothing\n", "body"},
		{"no YAML", "a: [1\n", "body"},
		{"deep brackets", "a: " + strings.Repeat("[", 100_000), "body"},
		{"deep blocks", strings.Repeat("- ", 100_000), "body"},
		{"long", "a: " + strings.Repeat("x", yamlBytes), "body"},
	} {
		p := r.do(t, admin, "PUT", path, c.body, "Content-Type: application/yaml")
		if p.status < 400 || p.status > 422 || p.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(p.body, c.place) {
			t.Errorf("%s: %d %s %.300s", c.name, p.status, p.header.Get("Content-Type"), p.body)
		}
	}
}

// What the parser is given neither ends it nor becomes something that JSON is not.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{"a: 1\n", "- [x, {y: z}]\n", "a: &b c\nd: *b\n", "? a\n: b\n", "a: |\n  text\n", "<<: {a: b}\n", "\"a\": 'b'\n", "---\na: .inf\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := jsonOf(data)
		if err == nil && scan(text) == nil {
			var v any
			if err := strictUnmarshal(text, &v); err != nil {
				t.Errorf("%q becomes %q: %v", data, text, err)
			}
		}
	})
}
