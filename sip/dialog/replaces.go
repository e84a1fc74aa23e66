package dialog

import (
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

const maxReplaces = 512 // bytes

// Replaces is the content of a Replaces header (RFC 3891 section 3). To is the local tag of whom it is sent to.
type Replaces struct {
	CallID, To, From string
	Early            bool // early-only
}

// ReadReplaces reads the Replaces of an INVITE; false: there is more than one, or it is malformed (400).
func ReadReplaces(req *stack.Request) (Replaces, bool) {
	lines := req.Lines("Replaces")
	if len(lines) != 1 {
		return Replaces{}, false
	}
	return parseReplaces(lines[0])
}

// Match gives the session whose dialog is named: our tag and the peer's. Any goroutine may ask.
func (u *UA) Match(callID, ours, theirs string) (*Session, bool) {
	s := u.find(callID, ours)
	if s == nil || theirs == "" || s.RemoteTag() != theirs {
		return nil, false
	}
	return s, true
}

// parseReplaces reads callid;to-tag=..;from-tag=..[;early-only], in any order of the parameters.
func parseReplaces(v string) (Replaces, bool) {
	if len(v) > maxReplaces {
		return Replaces{}, false
	}
	id, rest, _ := strings.Cut(v, ";")
	r := Replaces{CallID: strings.TrimSpace(id)}
	params, err := sip.ParseParams(";" + rest)
	if err != nil {
		return Replaces{}, false
	}
	r.To, _ = params.Get("to-tag")
	r.From, _ = params.Get("from-tag")
	r.Early = params.Has("early-only")
	return r, r.CallID != "" && r.To != "" && r.From != "" && !strings.ContainsAny(r.CallID, " \t\r\n,\"<>")
}

// replacing is the Replaces value by which the peer of other takes over its dialog with us: the tags are named from its side.
func (s *Session) replacing() string {
	return s.callID + ";to-tag=" + s.RemoteTag() + ";from-tag=" + s.localTag
}
