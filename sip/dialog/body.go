package dialog

import (
	"strings"

	"naisen/sip/stack"
)

const typeSDP = "application/sdp"

// description is the SDP of a message, nil without one; ok is false when there is a body of another kind or encoding.
func description(h *stack.Headers, body []byte) (sdp []byte, ok bool) {
	if len(body) == 0 {
		return nil, true
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, false
	}
	if !mediaType(h, typeSDP) {
		return nil, false
	}
	return body, true
}

// mediaType compares the Content-Type without its parameters.
func mediaType(h *stack.Headers, want string) bool {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(t), want)
}

func unsupportedBody(accept string) func(*stack.Response) {
	return func(r *stack.Response) {
		r.Set("Accept", accept)
		r.Set("Accept-Encoding", "identity")
	}
}

// unsupported gives the option tags that a request requires and we do not have (RFC 3261 section 8.2.2.3).
func (u *UA) unsupported(req *stack.Request) (bad []string) {
	for _, tag := range req.Require() {
		if !has(u.cfg.Supported, tag) {
			bad = append(bad, tag)
		}
	}
	return bad
}

func joinTags(tags []string) string { return strings.Join(tags[:min(len(tags), 20)], ", ") }
