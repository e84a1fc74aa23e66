package event

import (
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

const maxEvent = 256 // bytes of an Event header

// eventOf reads the Event header: the package and the id that tells subscriptions of one dialog apart (RFC 6665 section 8.2.1). Other
// parameters narrow what is told, as call-id does for "dialog"; who ignores them tells more than was asked for, never less.
func eventOf(h *stack.Headers) (name, id string, ok bool) {
	lines := h.Lines("Event")
	if len(lines) != 1 || len(lines[0]) > maxEvent {
		return "", "", false
	}
	name, rest, more := strings.Cut(lines[0], ";")
	if name = strings.TrimSpace(name); !sip.IsToken(name) {
		return "", "", false
	}
	if !more {
		return name, "", true
	}
	params, err := sip.ParseParams(";" + rest)
	if err != nil {
		return "", "", false
	}
	id, _ = params.Get("id")
	return name, id, id == "" || sip.IsToken(id)
}

// eventHeader is what the NOTIFYs of a subscription carry.
func eventHeader(name, id string) string {
	if id == "" {
		return name
	}
	return name + ";id=" + id
}

// accepts tells whether an Accept header admits a media type (RFC 3261 section 20.1). Without one, a package's own type is understood
// (RFC 6665 section 3.1.3). Nobody sends q=0 to exclude the very document that it subscribes to, so parameters are not looked at.
func accepts(h *stack.Headers, typ string) bool {
	ranges := h.All("Accept")
	if len(ranges) == 0 {
		return !h.Has("Accept")
	}
	main, _, _ := strings.Cut(typ, "/")
	for _, r := range ranges {
		r, _, _ = strings.Cut(r, ";")
		r = strings.ToLower(strings.TrimSpace(r))
		if r == typ || r == "*/*" || r == main+"/*" {
			return true
		}
	}
	return false
}

// encoded tells whether a body is packed. Nothing is ever unpacked: a few bytes could become a lot of them (threats.md A19).
func encoded(h *stack.Headers) bool {
	for _, e := range h.All("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(e), "identity") {
			return true
		}
	}
	return false
}

// mediaType is the type of a body without its parameters, in lower case.
func mediaType(h *stack.Headers) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// refusal is why a request is not granted: a status and one header that says more.
type refusal struct {
	status      int
	name, value string
}

// wish reads the Expires of a SUBSCRIBE or PUBLISH in seconds, and cuts it. 0 ends or fetches (RFC 6665 section 4.2.1.1, RFC 3903 section 4).
func wish(h *stack.Headers, least, most int) (int, *refusal) {
	v, ok := h.Expires()
	switch {
	case !h.Has("Expires"):
		return most, nil
	case !ok:
		return 0, &refusal{status: 400}
	case v == 0:
		return 0, nil
	case v < least:
		return 0, &refusal{423, "Min-Expires", itoa(least)}
	}
	return min(v, most), nil
}
