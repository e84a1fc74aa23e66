package nodes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"naisen/loadtest/peer"
)

var (
	aBlock    = regexp.MustCompile("(?ms)^```sh (\\w+)\n(.*?)^```$")
	aPassword = regexp.MustCompile(`(?m)^secret\s+(\S+)$`)
)

// TestOperationsDocument does what docs/operations.md says, in its order; then telephones of two nodes ring each other, also where the backup was restored.
func TestOperationsDocument(t *testing.T) {
	root, err := peer.Root()
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	must(t, err)
	inBothLanguages(t, string(text))
	blocks := aBlock.FindAllStringSubmatch(string(text), -1)
	if fences := strings.Count(string(text), "\n```"); fences != 2*len(blocks) || len(blocks) < 15 {
		t.Fatalf("%d blocks of commands with a machine, and %d fences", len(blocks), fences)
	}
	s := newSite(t, "build", "keeper", "pbx1", "pbx2", "db", "spare")
	for _, b := range blocks {
		s.do(b[1], b[2])
	}
	s.wait(s.hosts["spare"])
	s.ring()
}

// inBothLanguages: each part says what it is about in Japanese and in English.
func inBothLanguages(t *testing.T, text string) {
	for _, part := range strings.Split(text, "\n## ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		prose := aBlock.ReplaceAllString(body, "")
		for where, words := range map[string]string{"heading": head, "text": prose} {
			japanese := strings.ContainsFunc(words, func(r rune) bool { return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) })
			if english := regexp.MustCompile(`[a-z]{3}`).MatchString(words); !japanese || !english {
				t.Errorf("%s: %s in one language", head, where)
			}
		}
	}
}

// do runs a block. A drill goes on beside the next blocks of other machines: it has a call of some length.
func (s *site) do(name, block string) {
	s.t.Helper()
	h := s.hosts[name]
	if h == nil {
		s.t.Fatalf("there is no machine %s", name)
	}
	s.wait(h)
	block = s.here(h, block)
	if !strings.Contains(block, "pbx drill ") {
		must(s.t, s.run(h, block))
		return
	}
	running := make(chan error, 1)
	h.running = running
	go func() { running <- s.run(h, block) }()
	s.t.Cleanup(func() { s.wait(h) })
}

func (s *site) wait(h *host) {
	if h.running != nil {
		err := <-h.running
		h.running = nil
		must(s.t, err)
	}
}

// ring: a telephone at each node is called by that at the other; and both numbers ring where the backup was restored.
func (s *site) ring() {
	one, two, spare := s.hosts["pbx1"], s.hosts["pbx2"], s.hosts["spare"]
	word := aPassword.FindStringSubmatch(two.said.String())
	if word == nil {
		s.t.Fatalf("no password of 3001 in\n%s", &two.said)
	}
	passwords := map[string]string{"2001": one.sw.Passwords["2001"], "3001": word[1]}
	for at, h := range map[string]*host{"192.0.2.11:5060": one, "192.0.2.12:5060": two, "192.0.2.13:5060": spare} {
		h.sw.Passwords, h.sw.UDP = passwords, fmt.Sprint("127.0.0.1:", s.ports[at])
	}
	r := &rig{t: s.t, a: one.sw, b: two.sw}
	r.alice, r.bob = r.phone(r.a, "2001"), r.phone(r.b, "3001")
	r.reachable(r.alice, r.bob)
	r.reachable(r.bob, r.alice)
	r = &rig{t: s.t, a: spare.sw, b: spare.sw}
	r.alice, r.bob = r.phone(r.a, "2001"), r.phone(r.b, "3001")
	r.reachable(r.alice, r.bob)
}
