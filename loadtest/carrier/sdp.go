package carrier

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// SDP is a session description as it stood on the wire (RFC 4566).
type SDP struct {
	Origin  []string // user, id, version, IN, IP4, address
	Conn    string   // address of the session's c=
	Attrs   []string
	Streams []Stream
	lines   []string
}

// Stream is one m= section.
type Stream struct {
	Kind    string // "audio"
	Port    int
	Proto   string
	Formats []string
	Conn    string // of its own c=, else the session's
	Attrs   []string
}

// ParseSDP reads a description and holds it to the order of RFC 4566 section 5.
func ParseSDP(body []byte) (*SDP, error) {
	bad := func(line string) error { return fmt.Errorf("%w: SDP line %q", ErrSyntax, line) }
	text, ok := strings.CutSuffix(string(body), "\r\n")
	if !ok {
		return nil, bad("the last one has no CRLF")
	}
	s := &SDP{lines: strings.Split(text, "\r\n")}
	const order = "vosiuepcbtrzka"
	at := 0
	for _, line := range s.lines {
		if len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\r\n\x00") {
			return nil, bad(line)
		}
		if line[0] != 'm' && len(s.Streams) == 0 {
			i := strings.IndexByte(order, line[0])
			if i < at {
				return nil, bad(line)
			}
			at = i
		}
		if !s.line(line[0], line[2:]) {
			return nil, bad(line)
		}
	}
	if !strings.HasPrefix(text, "v=0\r\no=") || len(s.Origin) != 6 || !slices.ContainsFunc(s.lines, func(l string) bool { return strings.HasPrefix(l, "t=") }) ||
		!slices.ContainsFunc(s.lines, func(l string) bool { return strings.HasPrefix(l, "s=") && len(l) > 2 }) {
		return nil, bad("v=, o=, s= or t= is missing or wrong")
	}
	for i := range s.Streams {
		if st := &s.Streams[i]; st.Conn == "" {
			st.Conn = s.Conn
		}
		if s.Streams[i].Conn == "" {
			return nil, bad("no c=")
		}
	}
	return s, nil
}

func (s *SDP) line(kind byte, value string) bool {
	switch kind {
	case 'o':
		s.Origin = strings.Split(value, " ")
	case 'c':
		f := strings.Split(value, " ")
		if len(f) != 3 || f[0] != "IN" {
			return false
		}
		if _, err := netip.ParseAddr(f[2]); err != nil {
			return false
		}
		if n := len(s.Streams); n > 0 {
			s.Streams[n-1].Conn = f[2]
		} else {
			s.Conn = f[2]
		}
	case 'm':
		f := strings.Split(value, " ")
		if len(f) < 4 {
			return false
		}
		port, err := strconv.Atoi(f[1])
		s.Streams = append(s.Streams, Stream{Kind: f[0], Port: port, Proto: f[2], Formats: f[3:]})
		return err == nil && port >= 0 && port < 65536
	case 'a':
		if n := len(s.Streams); n > 0 {
			s.Streams[n-1].Attrs = append(s.Streams[n-1].Attrs, value)
		} else {
			s.Attrs = append(s.Attrs, value)
		}
	}
	return true
}

// Audio is the first stream of audio that was not refused.
func (s *SDP) Audio() (Stream, bool) {
	for _, st := range s.Streams {
		if st.Kind == "audio" && st.Port != 0 {
			return st, true
		}
	}
	return Stream{}, false
}

// Attr are the values of an attribute, "ptime" of "ptime:20".
func (s Stream) Attr(name string) (out []string) {
	for _, a := range s.Attrs {
		n, v, _ := strings.Cut(a, ":")
		if n == name {
			out = append(out, v)
		}
	}
	return out
}

// Codecs are the encodings by name in upper case, in the order of the m= line; static types without rtpmap by RFC 3551.
func (s Stream) Codecs() (out []string) {
	static := map[string]string{"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000", "13": "CN/8000"}
	maps := map[string]string{}
	for _, v := range s.Attr("rtpmap") {
		pt, enc, _ := strings.Cut(v, " ")
		maps[pt] = strings.ToUpper(strings.TrimSuffix(enc, "/1"))
	}
	for _, f := range s.Formats {
		switch {
		case maps[f] != "":
			out = append(out, maps[f])
		default:
			out = append(out, static[f])
		}
	}
	return out
}

// Direction of the stream, "sendrecv" when it says nothing (RFC 3264 section 5.1).
func (s Stream) Direction() string {
	for _, a := range s.Attrs {
		if slices.Contains([]string{"sendrecv", "sendonly", "recvonly", "inactive"}, a) {
			return a
		}
	}
	return "sendrecv"
}

// sdp of a message: nil when it carries none or a malformed one, which the rule "sdp" tells.
func (m *Message) sdp() *SDP {
	if len(m.Body) == 0 || !strings.HasPrefix(strings.ToLower(m.Get("content-type")), "application/sdp") {
		return nil
	}
	s, err := ParseSDP(m.Body)
	if err != nil {
		return nil
	}
	return s
}

// same tells whether two descriptions differ in nothing but the version of o=.
func (s *SDP) same(other *SDP) bool {
	strip := func(d *SDP) string {
		lines := slices.Clone(d.lines)
		o := slices.Clone(d.Origin)
		o[2] = ""
		lines[1] = strings.Join(o, " ")
		return strings.Join(lines, "\n")
	}
	return strip(s) == strip(other)
}
