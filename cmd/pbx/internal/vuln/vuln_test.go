package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const known = `{"id":"GO-2026-0001","modified":"2026-01-02T00:00:00Z","aliases":["CVE-2026-1"],"affected":[
{"package":{"name":"example.com/a"},"ranges":[{"events":[{"introduced":"0"},{"fixed":"1.2.3"}]}]},{"package":{"name":"stdlib"},"ranges":[{"events":[{"introduced":"0"}]}]}]}`

// TestIndex: the database has each entry by its name and each module with what is known of it, as the scanner reads them.
func TestIndex(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := index(from, to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(from, "GO-2026-0001.json"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := index(from, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ID/GO-2026-0001.json": known,
		"index/db.json":        `{"modified":"0001-01-01T00:00:00Z"}`,
		"index/modules.json": `[{"path":"example.com/a","vulns":[{"id":"GO-2026-0001","modified":"2026-01-02T00:00:00Z","fixed":"1.2.3"}]},` +
			`{"path":"stdlib","vulns":[{"id":"GO-2026-0001","modified":"2026-01-02T00:00:00Z"}]}]`,
		"index/vulns.json": `[{"id":"GO-2026-0001","modified":"2026-01-02T00:00:00Z","aliases":["CVE-2026-1"]}]`,
	} {
		text, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || string(text) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, text, want)
		}
	}
}

// TestJudge: what is linked of a module fails, what is only there does not, and what is Go's own is told.
func TestJudge(t *testing.T) {
	finding := func(module, function string) string {
		text, err := json.Marshal(map[string]any{"finding": map[string]any{"osv": "GO-1", "fixed_version": "v1.2.4", "trace": []map[string]string{{"module": module, "version": "v1.2.3", "function": function}}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const head = `{"SBOM":{"go_version":"go1.26.0","modules":[{"path":"a"}]}}`
	for _, c := range []struct {
		name, said, want string
		bad              error
	}{
		{"nothing", head, "looked at 1 modules, go1.26.0", nil},
		{"not linked", head + finding("example.com/a", ""), "looked at", nil},
		{"linked", head + finding("example.com/a", "F") + finding("example.com/a", "G"), "GO-1 in example.com/a v1.2.3, fixed in 1.2.4\nlooked at", errVulnerable},
		{"of Go", head + finding("stdlib", "F"), "(Go itself)", nil},
	} {
		var out strings.Builder
		if err := judge(strings.NewReader(c.said), &out); !errors.Is(err, c.bad) || c.bad == nil && err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, &out)
		}
	}
	for _, broken := range []string{"", "{", finding("a", "F")} {
		if judge(strings.NewReader(broken), new(strings.Builder)) == nil {
			t.Errorf("%q counts as a scan", broken)
		}
	}
}
