package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tables say of each thing which test shows it. What they name must be there, and where a row of docs/features.md says in which package it
// is, it must be in that one: else the tables rot.

// withoutTelephone are the rows of docs/features.md that no telephone takes part in, by their beginning, and why. One that nothing needs fails.
var withoutTelephone = map[string]string{
	"feature codes:":        "the table itself: the codes of the other rows are dialled there",
	"one number, one owner": "what REST refuses",
	"shared directory 共用電話帳 with kana search": "searched over REST; telephones read it by LDAP and XML, and show its names: rows of their own",
}

// foreignClient does what telephones do over HTTP and LDAP.
var foreignClient = regexp.MustCompile(`: (curl|ldapsearch)\b`)

var (
	testName   = regexp.MustCompile(`^(Test|Fuzz|Benchmark)\w*\*?$`)
	ladderName = regexp.MustCompile(`^(?:testdata/)?([\w*-]+\.ladder)$`)
	quoted     = regexp.MustCompile("`([^`]+)`")
	group      = regexp.MustCompile("((?:`[^`]+`(?:,? and |, )?)+) \\(([^()]*)\\)") // names, and where they are
)

// shown is what there is to name: test functions by name, with their packages, and ladders.
type shown struct {
	tests   map[string][]string
	ladders []string
}

func findShown(t *testing.T) shown {
	t.Helper()
	s := shown{tests: map[string][]string{}}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(`)
	for _, f := range tree(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			for _, m := range declared.FindAllStringSubmatch(string(f.text), -1) {
				s.tests[m[1]] = append(s.tests[m[1]], f.dir())
			}
		}
	}
	err := fs.WalkDir(os.DirFS(filepath.Join("..", "..")), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(p) == ".ladder" {
			s.ladders = append(s.ladders, path.Base(p))
		}
		return err
	})
	if err != nil || len(s.tests) < 500 || len(s.ladders) < 100 {
		t.Fatalf("%d tests, %d ladders: wrong root? %v", len(s.tests), len(s.ladders), err)
	}
	return s
}

// packages of the tests that a name means; one that ends with * means all that begin so.
func (s shown) packages(name string) (out []string) {
	begin, open := strings.CutSuffix(name, "*")
	if !open {
		return s.tests[name]
	}
	for n, in := range s.tests {
		if strings.HasPrefix(n, begin) {
			out = append(out, in...)
		}
	}
	return out
}

// missing tells which of the tests and ladders that a text names are not there.
func (s shown) missing(text string) (out []string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		name := m[1]
		ladder := ladderName.FindStringSubmatch(name)
		switch {
		case testName.MatchString(name) && len(s.packages(name)) == 0:
			out = append(out, name)
		case ladder != nil && !slices.ContainsFunc(s.ladders, func(l string) bool { ok, _ := path.Match(ladder[1], l); return ok }):
			out = append(out, name)
		}
	}
	return out
}

// place are the packages that a row's word for it may mean: by the end of their path. A word that is none says something else.
func (s shown) place(word string) (out []string) {
	word, _, _ = strings.Cut(strings.TrimSpace(word), ":") // "phones: three baresip"
	if word == "sipp" {
		word = "scenarios"
	}
	for _, in := range s.tests {
		for _, dir := range in {
			if dir == word || strings.HasSuffix(dir, "/"+word) {
				out = append(out, dir)
			}
		}
	}
	return out
}

// misplaced tells what a row says to be in a package and is not, and whether anything that it names is a telephone's.
func (s shown) misplaced(row string) (out []string, telephone bool) {
	both := func(a, b []string) (shared []string) {
		return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return !slices.Contains(b, x) })
	}
	for _, g := range group.FindAllStringSubmatch(row, -1) {
		var names []string
		for _, m := range quoted.FindAllStringSubmatch(g[1], -1) {
			if testName.MatchString(m[1]) {
				names = append(names, m[1])
			}
		}
		var places [][]string
		for _, word := range strings.Split(g[2], ",") {
			if p := s.place(word); len(p) > 0 {
				places = append(places, p)
			}
		}
		for _, name := range names {
			if len(places) > 0 && len(both(slices.Concat(places...), s.packages(name))) == 0 {
				out = append(out, fmt.Sprintf("%s is not in %s", name, g[2]))
			}
		}
		for _, p := range places {
			var hits []string
			for _, name := range names {
				hits = append(hits, both(p, s.packages(name))...)
			}
			if len(hits) == 0 {
				out = append(out, fmt.Sprintf("none of %s is in %s", strings.Join(names, ", "), p[0]))
			}
			telephone = telephone || len(hits) > 0 && foreignClient.MatchString(g[2]) || slices.ContainsFunc(hits, func(p string) bool { return strings.HasPrefix(p, "loadtest/") })
		}
	}
	return out, telephone
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRulesOfTables(t *testing.T) {
	s := findShown(t)
	for _, name := range []string{"docs/features.md", "docs/media.md", "docs/recording.md", "docs/identity.md", "docs/security.md", "ROADMAP.md", "README.md"} {
		for i, line := range strings.Split(readDoc(t, name), "\n") {
			for _, m := range s.missing(line) {
				t.Errorf("%s:%d: there is no %s", name, i+1, m)
			}
		}
	}
	needed := map[string]bool{}
	for _, complaint := range checkFeatures(s, readDoc(t, "docs/features.md"), needed) {
		t.Error("docs/features.md: " + complaint)
	}
	for _, begin := range sorted(withoutTelephone) {
		if !needed[begin] {
			t.Errorf("exception %q is not needed: remove it", begin)
		}
	}
}

// checkFeatures reads the table: each row has a feature, how it is used, and tests, one of which a real telephone or sipp runs.
func checkFeatures(s shown, text string, needed map[string]bool) (complaints []string) {
	rows := 0
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| feature |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "¦"), "| "), " | ")
		bad, telephone := s.misplaced(cells[len(cells)-1])
		exception := slices.IndexFunc(sorted(withoutTelephone), func(begin string) bool { return strings.HasPrefix(cells[0], begin) })
		switch {
		case len(cells) != 3:
			bad = append(bad, fmt.Sprintf("has %d cells, not three", len(cells)))
		case !strings.Contains(cells[2], "`Test"):
			bad = append(bad, "names no test")
		case exception >= 0:
			needed[sorted(withoutTelephone)[exception]] = !telephone
		case !telephone:
			bad = append(bad, "names no test with a real telephone or sipp")
		}
		for _, b := range bad {
			complaints = append(complaints, cells[0]+": "+b)
		}
	}
	if rows < 40 {
		complaints = append(complaints, fmt.Sprintf("only %d rows: is it another table?", rows))
	}
	return complaints
}

// TestRulesOfTablesFind: what is not there, or elsewhere, is found.
func TestRulesOfTablesFind(t *testing.T) {
	s := shown{tests: map[string][]string{"TestOne": {"cmd/pbx"}, "TestTwo": {"loadtest/phones"}, "TestThree": {"loadtest/scenarios"}}, ladders: []string{"one-way.ladder"}}
	if got := s.missing("`TestOne`, `TestT*`, `one-way.ladder`, `testdata/one-*.ladder`, `GET /v1`"); len(got) > 0 {
		t.Errorf("there, and yet missing: %q", got)
	}
	if got := s.missing("`TestFour` `TestFo*` `two.ladder` `testdata/two-*.ladder`"); len(got) != 4 {
		t.Errorf("missing: %q", got)
	}
	for row, want := range map[string]struct {
		complaints int
		telephone  bool
	}{
		"`TestOne` (cmd/pbx), `TestTwo` (phones: with three)": {0, true},
		"`TestOne`, `TestThree` (cmd/pbx, sipp), the rest":    {0, true},
		"`TestOne` (cmd/pbx, `one-way.ladder`)":               {0, false},
		"`TestOne` (cmd/pbx: curl)":                           {0, true},
		"`TestOne` (phones)":                                  {2, false},
		"`TestTwo` (cmd/pbx, phones)":                         {1, true},
		"`TestTwo`, and nothing else (of 2024 to 2030)":       {0, false},
	} {
		if got, telephone := s.misplaced(row); len(got) != want.complaints || telephone != want.telephone {
			t.Errorf("%s: %q %v", row, got, telephone)
		}
	}
}
