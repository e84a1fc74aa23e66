package siprec

import (
	"strings"
	"time"
)

// Document prints the metadata as XML; the same value gives the same octets. Values from strangers are escaped, and what XML cannot say is left out.
func (m Metadata) Document() []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n")
	open(&b, 0, "recording", "xmlns", Namespace)
	mode := "complete"
	if m.Partial {
		mode = "partial"
	}
	leaf(&b, 1, "datamode", mode)
	for _, g := range m.Groups {
		open(&b, 1, "group", "group_id", string(g.ID))
		times(&b, g.Associated, g.Parted)
		shut(&b, 1, "group")
	}
	for _, s := range m.Sessions {
		open(&b, 1, "session", "session_id", string(s.ID))
		for _, id := range s.SIPSessions {
			leaf(&b, 2, "sipSessionID", id)
		}
		leaf(&b, 2, "reason", s.Reason)
		leaf(&b, 2, "group-ref", string(s.Group))
		leaf(&b, 2, "start-time", stamp(s.Started))
		leaf(&b, 2, "stop-time", stamp(s.Over))
		shut(&b, 1, "session")
	}
	for _, p := range m.Participants {
		open(&b, 1, "participant", "participant_id", string(p.ID))
		if p.AOR != "" {
			open(&b, 2, "nameID", "aor", p.AOR)
			leaf(&b, 3, "name", p.Name)
			shut(&b, 2, "nameID")
		}
		shut(&b, 1, "participant")
	}
	for _, s := range m.Streams {
		open(&b, 1, "stream", "stream_id", string(s.ID), "session_id", string(s.Session))
		leaf(&b, 2, "label", s.Label)
		shut(&b, 1, "stream")
	}
	m.associations(&b)
	shut(&b, 0, "recording")
	return []byte(b.String())
}

func (m Metadata) associations(b *strings.Builder) {
	for _, s := range m.Sessions {
		open(b, 1, "sessionrecordingassoc", "session_id", string(s.ID))
		times(b, s.Started, s.Over)
		shut(b, 1, "sessionrecordingassoc")
	}
	for _, s := range m.Memberships {
		open(b, 1, "participantsessionassoc", "participant_id", string(s.Participant), "session_id", string(s.Session))
		times(b, s.Associated, s.Parted)
		shut(b, 1, "participantsessionassoc")
	}
	for _, f := range m.Flows {
		open(b, 1, "participantstreamassoc", "participant_id", string(f.Participant))
		for _, id := range f.Send {
			leaf(b, 2, "send", string(id))
		}
		for _, id := range f.Receive {
			leaf(b, 2, "recv", string(id))
		}
		times(b, f.Associated, f.Parted)
		shut(b, 1, "participantstreamassoc")
	}
}

func times(b *strings.Builder, associated, parted time.Time) {
	leaf(b, 2, "associate-time", stamp(associated))
	leaf(b, 2, "disassociate-time", stamp(parted))
}

// stamp is RFC 3339 in UTC (RFC 7865 section 6.8.1); empty: not said.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

func open(b *strings.Builder, depth int, name string, attributes ...string) {
	b.WriteString(strings.Repeat("  ", depth) + "<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		b.WriteString(" " + attributes[i] + "=\"")
		escape(b, attributes[i+1])
		b.WriteString("\"")
	}
	b.WriteString(">\r\n")
}

func shut(b *strings.Builder, depth int, name string) {
	b.WriteString(strings.Repeat("  ", depth) + "</" + name + ">\r\n")
}

// leaf writes an element with text; none without one.
func leaf(b *strings.Builder, depth int, name, text string) {
	if text == "" {
		return
	}
	b.WriteString(strings.Repeat("  ", depth) + "<" + name + ">")
	escape(b, text)
	b.WriteString("</" + name + ">\r\n")
}

// escape writes character data or an attribute's value.
func escape(b *strings.Builder, s string) {
	for _, r := range strings.ToValidUTF8(s, "") {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r < ' ' || r == 0xFFFE || r == 0xFFFF: // no character of XML (XML 1.0 section 2.2), or one that a reader turns into a space
		default:
			b.WriteRune(r)
		}
	}
}
