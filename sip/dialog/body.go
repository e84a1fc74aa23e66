package dialog

import (
	"strings"

	"naisen/sip/multipart"
	"naisen/sip/stack"
)

const typeSDP = "application/sdp"

// description is the SDP of a message, nil without one; ok is false when there is a body of another kind or encoding. Of several parts the first
// description counts.
func description(h *stack.Headers, body []byte) (sdp []byte, ok bool) {
	sdp, _, ok = content(h, body, nil)
	return sdp, ok
}

// content is the SDP of a message and what goes with it, of the media types in takes. ok is false when the body, or a part that may not be passed
// over (RFC 5621 section 8), is of another kind or encoding.
func content(h *stack.Headers, body []byte, takes []string) (sdp []byte, with []multipart.Part, ok bool) {
	if len(body) == 0 {
		return nil, nil, true
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, nil, false
	}
	kind := h.Get("Content-Type")
	if !multipart.Is(kind) {
		kind, _, _ = strings.Cut(kind, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		switch {
		case kind == typeSDP:
			return body, nil, true
		case has(takes, kind):
			return nil, []multipart.Part{{Type: kind, Disposition: strings.ToLower(h.Get("Content-Disposition")), Body: body}}, true
		}
		return nil, nil, false
	}
	parts, err := multipart.Parse(kind, body)
	if err != nil {
		return nil, nil, false
	}
	for _, p := range parts {
		switch {
		case p.Type == typeSDP && sdp == nil && (p.Disposition == "" || p.Disposition == "session"):
			sdp = p.Body
		case has(takes, p.Type):
			with = append(with, p)
		case !p.Optional:
			return nil, nil, false
		}
	}
	return sdp, with, true
}

// Content is the description in an INVITE that Accept would take, and what goes with it, of the media types in takes.
func Content(req *stack.Request, takes ...string) (sdp []byte, with []multipart.Part) {
	sdp, with, _ = content(&req.Headers, req.Body, takes)
	return sdp, with
}

// setBody writes a description and what goes with it.
func setBody(r *stack.Request, sdp []byte, with []multipart.Part) {
	if len(with) == 0 {
		r.SetBody(typeSDP, sdp)
		return
	}
	kind, body := multipart.Write(append([]multipart.Part{{Type: typeSDP, Disposition: "session", Body: sdp}}, with...)...)
	r.Set("MIME-Version", "1.0")
	r.SetBody(kind, body)
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

// unsupported gives the option tags that a request requires and that neither we nor this session have (RFC 3261 section 8.2.2.3).
func (u *UA) unsupported(req *stack.Request, session []string) (bad []string) {
	for _, tag := range req.Require() {
		if !has(u.cfg.Supported, tag) && !has(session, tag) {
			bad = append(bad, tag)
		}
	}
	return bad
}

// accepts is the Accept header of a session: what its bodies may be.
func (s *Session) accepts() string { return acceptOf(s.takes) }

func acceptOf(takes []string) string {
	if len(takes) == 0 {
		return typeSDP
	}
	return strings.Join(append([]string{typeSDP, "multipart/mixed"}, takes...), ", ")
}

func joinTags(tags []string) string { return strings.Join(tags[:min(len(tags), 20)], ", ") }
