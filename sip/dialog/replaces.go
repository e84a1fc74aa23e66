package dialog

import (
	"strings"

	"naisen/sip"
)

const maxReplaces = 512 // bytes

// replaces is the content of a Replaces header (RFC 3891 section 3). to is the local tag of whom it is sent to.
type replaces struct {
	callID, to, from string
	early            bool
}

// parseReplaces reads callid;to-tag=..;from-tag=..[;early-only], in any order of the parameters.
func parseReplaces(v string) (replaces, bool) {
	if len(v) > maxReplaces {
		return replaces{}, false
	}
	id, rest, _ := strings.Cut(v, ";")
	r := replaces{callID: strings.TrimSpace(id)}
	params, err := sip.ParseParams(";" + rest)
	if err != nil {
		return replaces{}, false
	}
	r.to, _ = params.Get("to-tag")
	r.from, _ = params.Get("from-tag")
	r.early = params.Has("early-only")
	return r, r.callID != "" && r.to != "" && r.from != "" && !strings.ContainsAny(r.callID, " \t\r\n,\"<>")
}

// replacing is the Replaces value by which the peer of other takes over its dialog with us: the tags are named from its side.
func (s *Session) replacing() string {
	return s.callID + ";to-tag=" + s.RemoteTag() + ";from-tag=" + s.localTag
}
