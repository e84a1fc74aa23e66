package policy

import (
	"slices"
	"strings"
	"testing"
)

// TestClasses: each action of the table of classes is one of the policy's, each class has one, and what is an approval, a key's or break-glass by its
// name is in its class: a new one cannot be forgotten.
func TestClasses(t *testing.T) {
	actions := New().Actions()
	used := map[Class]bool{}
	for a, c := range classes {
		if !slices.Contains(actions, a) || !slices.Contains(Classes(), c) {
			t.Errorf("%s is in class %q: one of them is unknown", a, c)
		}
		used[c] = true
	}
	if len(used) != len(Classes()) {
		t.Errorf("classes with actions: %v", used)
	}
	for _, a := range actions {
		kind, verb, _ := strings.Cut(string(a), ".")
		switch {
		case slices.Contains([]string{"approve", "agree", "decide", "review"}, verb) && ClassOf(a) != ClassApprovals,
			slices.Contains([]string{"listen", "download", "export"}, verb) && kind == "recording" && ClassOf(a) != ClassListening,
			(kind == "policy" || kind == "user") && verb != "read" && ClassOf(a) != ClassPolicy,
			strings.Contains(string(a), "rotate") && ClassOf(a) != ClassKeys,
			strings.Contains(string(a), "break-glass") && ClassOf(a) != ClassBreakGlass:
			t.Errorf("%s is in class %q", a, ClassOf(a))
		case verb == "read" && ClassOf(a) != "":
			t.Errorf("%s asks for a sign-in although it reads", a)
		}
	}
}
