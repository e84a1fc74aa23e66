package sdp

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"naisen/media"
)

// A session negotiates one stream. A recording session has one for each voice (RFC 7866 section 6.1.2), each negotiated by a session of its own: their
// descriptions are joined into one to be sent, and what the peer sends is split.

// Part is one stream of a description, as a description of its own.
type Part struct {
	Label string // a=label (RFC 4574); empty: none
	SDP   media.SDP
}

// Joiner makes the descriptions of one side of such a session. The zero value is one that has said nothing yet.
type Joiner struct {
	origin  []string // fields of o=, but for the version
	version uint64
	said    string // what was sent last, without o=
}

// Join puts descriptions that we made, each of one stream, together in order. Parts may be added behind, and none may be taken away (RFC 3264 section 8);
// the version in o= counts up whenever the text is another one. media.ErrSDP if there are none or too many, or for text that is not ours.
func (j *Joiner) Join(parts ...Part) (media.SDP, error) {
	if len(parts) == 0 || len(parts) > maxStreams {
		return nil, bad("number of streams")
	}
	var b strings.Builder
	origin := j.origin
	for _, p := range parts {
		session, streams := sections(p.SDP)
		if len(streams) != 1 {
			return nil, bad("part with another number of streams")
		}
		conn := ""
		for _, l := range session {
			switch {
			case strings.HasPrefix(l, "o="):
				f := strings.Fields(l[2:])
				if len(f) != 6 {
					return nil, bad("o= fields")
				}
				if origin == nil {
					origin = f
				}
			case strings.HasPrefix(l, "c="):
				conn = l
			}
		}
		line(&b, streams[0][0])
		if conn != "" {
			line(&b, conn)
		}
		for _, l := range streams[0][1:] {
			line(&b, l)
		}
		if p.Label != "" {
			line(&b, "a=label:"+p.Label)
		}
	}
	if origin == nil {
		return nil, bad("no o=")
	}
	if j.origin = origin; b.String() != j.said {
		j.said = b.String()
		j.version++
	}
	return media.SDP("v=0\r\no=" + origin[0] + " " + origin[1] + " " + strconv.FormatUint(j.version, 10) + " " + strings.Join(origin[3:], " ") +
		"\r\ns=-\r\nt=0 0\r\n" + j.said), nil
}

// Split takes a peer's description apart. Each part keeps what was said of the whole session. Errors as Session.Answer for text that is no description.
func Split(d media.SDP) ([]Part, error) {
	if _, err := parse(d); err != nil {
		return nil, err
	}
	session, streams := sections(d)
	head := strings.Join(session, "\r\n") + "\r\n"
	out := make([]Part, 0, len(streams))
	for _, lines := range streams {
		out = append(out, Part{Label: label(lines), SDP: media.SDP(head + strings.Join(lines, "\r\n") + "\r\n")})
	}
	return out, nil
}

// Refuse is the answer to a description of one stream that nobody takes: port 0, everything else as it was (RFC 3264 section 6).
func Refuse(offer media.SDP) (media.SDP, error) {
	d, err := parse(offer)
	if err != nil {
		return nil, err
	}
	if len(d.streams) != 1 {
		return nil, bad("another number of streams")
	}
	d.streams[0] = refused(&d.streams[0])
	nowhere := netip.IPv4Unspecified()
	out := description{conn: nowhere, streams: d.streams}
	return out.text(nowhere, 0, 0), nil
}

// Inactive says that the sender of a description sends nothing in any of its streams: it paused.
func Inactive(d media.SDP) bool {
	p, err := parse(d)
	if err != nil {
		return false
	}
	for i := range p.streams {
		if s := &p.streams[i]; s.port != 0 && s.dir&sends != 0 {
			return false
		}
	}
	return true
}

// sections gives the lines of the session and of each m= section.
func sections(d media.SDP) (session []string, streams [][]string) {
	for l := range bytes.Lines(d) {
		text := strings.TrimRight(string(l), "\r\n")
		switch {
		case text == "":
		case strings.HasPrefix(text, "m="):
			streams = append(streams, []string{text})
		case len(streams) == 0:
			session = append(session, text)
		default:
			streams[len(streams)-1] = append(streams[len(streams)-1], text)
		}
	}
	return session, streams
}

// label of an m= section. One that could not stand in a header or a document is none.
func label(lines []string) string {
	for _, l := range lines {
		if v, ok := strings.CutPrefix(l, "a=label:"); ok && ascii(v) && len(v) <= 64 {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
