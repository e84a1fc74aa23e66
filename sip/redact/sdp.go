package redact

import "strings"

// description is an SDP body without keys (RFC 4568 section 9.1: inline; RFC 8839: ice-pwd; RFC 4567: key-mgmt; RFC 8866 section 5.12: k=) and without
// what says who somebody is (e=, p=, i=, u=).
func description(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for l := range strings.Lines(string(b)) {
		l = strings.TrimRight(l, "\r\n")
		if l == "" {
			continue
		}
		out = append(append(out, clean(sdpLine(l))...), "\r\n"...)
	}
	return out
}

func sdpLine(l string) string {
	kind, value, ok := strings.Cut(l, "=")
	if !ok || len(kind) != 1 {
		return hidden
	}
	switch kind {
	case "v", "o", "s", "c", "b", "t", "r", "z", "m":
		return l
	case "a":
		return "a=" + attribute(value)
	}
	return kind + "=" + hidden
}

func attribute(v string) string {
	name, value, has := strings.Cut(v, ":")
	switch {
	case strings.EqualFold(name, "crypto"): // tag and suite stay: they say what was negotiated
		words := strings.Fields(value)
		return name + ":" + strings.Join(words[:min(len(words), 2)], " ") + " " + hidden
	case inLower(attributes, name):
		return v
	case has:
		return name + ":" + hidden
	}
	return name
}
