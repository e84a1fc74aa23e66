package siptest

import (
	"bytes"
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/sip/ladder"
)

// update is the -update flag of the tests that draw ladders; a flag has to exist before they are parsed.
var update = flag.Bool("update", false, "rewrite testdata/*.ladder")

// Seen is one message that was sent.
type Seen struct {
	At       time.Duration // since the network was made
	From, To int           // lanes
	Method   string        // of a request, or from the CSeq of a response
	Status   int           // 0 for a request
	Label    string        // "INVITE", "180 Ringing"
	Lost     bool
}

// summarise reads just enough of a message to draw it; false for anything else, as keep-alives and RTP are.
func summarise(b []byte) (Seen, bool) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok {
		return Seen{}, false
	}
	words := strings.SplitN(string(line), " ", 3)
	if len(words) < 3 {
		return Seen{}, false
	}
	if words[0] == "SIP/2.0" {
		status, err := strconv.Atoi(words[1])
		m := Seen{Status: status, Label: words[1] + " " + words[2]}
		for _, l := range strings.Split(string(rest), "\r\n") {
			if v, ok := strings.CutPrefix(l, "CSeq: "); ok {
				_, m.Method, _ = strings.Cut(v, " ")
			}
		}
		return m, err == nil
	}
	return Seen{Method: words[0], Label: words[0]}, strings.HasPrefix(words[2], "SIP/")
}

// Trace is every message sent so far, in order of time.
func (n *Network) Trace() []Seen {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	out := slices.Clone(n.trace)
	// Messages of one instant come from goroutines that run in any order; a ladder must not.
	slices.SortStableFunc(out, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return out
}

// Ladder draws the trace. A message that was lost ends in "x".
func (n *Network) Ladder() string {
	n.mu.Lock()
	names := slices.Clone(n.names)
	n.mu.Unlock()
	var rungs []ladder.Rung
	for _, m := range n.Trace() {
		rungs = append(rungs, ladder.Rung{At: m.At, From: m.From, To: m.To, Label: m.Label, Lost: m.Lost})
	}
	return ladder.Draw(names, rungs)
}

// Golden compares text with testdata/name, and rewrites that file when the tests run with -update.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update to write it. Got:\n%s", err, got)
	}
	if string(want) != got {
		t.Errorf("%s differs. Want:\n%s\nGot:\n%s", path, want, got)
	}
}

// Forget empties the trace: a run of a million calls has no ladder.
func (n *Network) Forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.trace = nil
	clear(n.known)
}
