package catalogue

import (
	"strings"
	"unicode/utf8"

	"naisen/recorder"
)

// storable says that a text can be in the tables at all; for others there is nothing to look up. SQL text ends at a NUL, and the statement
// with it.
func storable(texts ...string) bool {
	for _, s := range texts {
		if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			return false
		}
	}
	return true
}

// clean makes storable what came from the network: a recording is never kept out of the catalogue because a peer sent a strange name.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func (r *Row) clean() {
	for _, s := range []*string{&r.Call, &r.Number, &r.Direction, &r.Policy, &r.Why, &r.Problem} {
		*s = clean(*s)
	}
	parties := make([]recorder.Party, len(r.Parties)) // the caller keeps its own
	for i, p := range r.Parties {
		parties[i] = recorder.Party{Role: clean(p.Role), Number: clean(p.Number), Name: clean(p.Name)}
	}
	r.Parties = parties
	groups := make([]string, len(r.Groups))
	for i, g := range r.Groups {
		groups[i] = clean(g)
	}
	r.Groups = groups
}
