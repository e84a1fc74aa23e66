package registrar

import (
	"slices"

	"naisen/sip/stack"
)

// bulk checks what RFC 6140 section 5.2 asks of a telephone system that registers all its numbers at once: it says Require: gin, each Contact
// has bnc and no user part, and the account is one that may.
func bulk(req *stack.Request, right Right, list []wish) *refusal {
	gin := slices.Contains(req.Require(), "gin")
	if gin && !right.Bulk {
		return &refusal{status: 403, reason: "No Bulk Registration For This Account"}
	}
	for _, w := range list {
		switch bnc := w.uri.Params.Has("bnc"); {
		case bnc && !gin:
			return &refusal{status: 400, reason: "bnc Needs Require: gin"}
		case gin && (!bnc || w.uri.User != ""):
			return &refusal{status: 400, reason: "Bulk Contact Needs bnc And No User"}
		}
	}
	return nil
}
