package siprec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// node is one element, reduced to what a document is read by.
type node struct {
	name       string
	attributes []xml.Attr
	text       string
	children   []*node
}

func bad(what string) error { return fmt.Errorf("%w: %s", ErrMetadata, what) }

// Parse reads a document within the bounds. It takes what is seen in the field beside the RFC's own: the namespace of the drafts, "id" and "session"
// as attribute names, streams inside of a participant, missing associations. Elements that it does not know are passed over; a document type, an
// entity or another encoding than UTF-8 is refused.
func Parse(text []byte) (Metadata, error) {
	if len(text) > MaxSize {
		return Metadata{}, bad("too long")
	}
	if !utf8.Valid(text) {
		return Metadata{}, bad("not UTF-8")
	}
	root, err := tree(text)
	if err != nil {
		return Metadata{}, err
	}
	m := Metadata{}
	switch mode := strings.ToLower(root.child("datamode")); mode {
	case "partial":
		m.Partial = true
	case "complete", "":
	default:
		return Metadata{}, bad("datamode")
	}
	for _, n := range root.children {
		if err := m.take(n); err != nil {
			return Metadata{}, err
		}
	}
	if most := m.largest(); most > maxObjects {
		return Metadata{}, bad("too many objects")
	}
	return m, nil
}

// tree reads the elements. Comments and processing instructions mean nothing.
func tree(text []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimSpace(text)))
	var stack []*node
	var root *node
	for elements := 0; ; {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && root != nil && len(stack) == 0:
			return root, nil
		case err != nil:
			return nil, bad("not well-formed XML")
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, bad("document type")
		case xml.StartElement:
			if elements++; elements > maxElements || len(stack) == maxDepth {
				return nil, bad("too many elements")
			}
			n := &node{name: strings.ToLower(t.Name.Local), attributes: t.Attr}
			switch {
			case len(stack) > 0:
				top := stack[len(stack)-1]
				top.children = append(top.children, n)
			case root != nil || n.name != "recording" || !ours(t.Name.Space):
				return nil, bad("root element")
			default:
				root = n
			}
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				if top := stack[len(stack)-1]; len(top.text) < maxText {
					top.text += string(t)
				}
			}
		}
	}
}

func ours(namespace string) bool {
	return namespace == "" || namespace == Namespace || namespace == strings.TrimSuffix(Namespace, ":1")
}

// take reads one element of the document.
func (m *Metadata) take(n *node) error {
	switch n.name {
	case "group":
		g := Group{ID: n.id("group_id", "id")}
		g.Associated, g.Parted = n.times()
		m.Groups = append(m.Groups, g)
		return need(g.ID)
	case "session":
		s := Session{ID: n.id("session_id", "id"), Group: ID(n.child("group-ref")), Reason: n.child("reason"),
			Started: n.moment("start-time"), Over: n.moment("stop-time")}
		for _, c := range n.children {
			if c.name == "sipsessionid" && len(s.SIPSessions) < maxObjects {
				s.SIPSessions = append(s.SIPSessions, c.value())
			}
		}
		m.Sessions = append(m.Sessions, s)
		return need(s.ID)
	case "participant":
		return m.participant(n)
	case "stream":
		s := Stream{ID: n.id("stream_id", "id"), Session: n.id("session_id", "session"), Label: n.child("label")}
		m.Streams = append(m.Streams, s)
		return need(s.ID)
	case "participantsessionassoc":
		s := Membership{Participant: n.id("participant_id", "id"), Session: n.id("session_id", "session")}
		s.Associated, s.Parted = n.times()
		m.Memberships = append(m.Memberships, s)
		return need(s.Participant)
	case "participantstreamassoc":
		f := n.flow(n.id("participant_id", "id"))
		m.Flows = append(m.Flows, f)
		return need(f.Participant)
	}
	return nil
}

func need(id ID) error {
	if id == "" {
		return bad("object without an id")
	}
	return nil
}

// participant reads a participant; before the RFC its streams and its name stood inside.
func (m *Metadata) participant(n *node) error {
	p := Participant{ID: n.id("participant_id", "id"), AOR: n.child("aor")}
	p.Name = n.child("name")
	for _, c := range n.children {
		if c.name == "nameid" && p.AOR == "" {
			p.AOR, p.Name = c.attribute("aor"), c.child("name")
		}
	}
	m.Participants = append(m.Participants, p)
	if f := n.flow(p.ID); len(f.Send)+len(f.Receive) > 0 {
		m.Flows = append(m.Flows, f)
	}
	if session := n.id("session", "session_id"); session != "" {
		s := Membership{Participant: p.ID, Session: session}
		s.Associated, s.Parted = n.times()
		m.Memberships = append(m.Memberships, s)
	}
	return need(p.ID)
}

func (n *node) flow(participant ID) Flow {
	f := Flow{Participant: participant}
	f.Associated, f.Parted = n.times()
	for _, c := range n.children {
		switch id := ID(c.value()); {
		case id == "" || len(f.Send)+len(f.Receive) == maxObjects:
		case c.name == "send":
			f.Send = append(f.Send, id)
		case c.name == "recv":
			f.Receive = append(f.Receive, id)
		}
	}
	return f
}

func (n *node) value() string {
	s := strings.TrimSpace(n.text)
	for len(s) > maxText {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// child is the text of the first such child.
func (n *node) child(name string) string {
	for _, c := range n.children {
		if c.name == name {
			return c.value()
		}
	}
	return ""
}

func (n *node) attribute(names ...string) string {
	for _, name := range names {
		for _, a := range n.attributes {
			if strings.EqualFold(a.Name.Local, name) {
				return (&node{text: a.Value}).value()
			}
		}
	}
	return ""
}

func (n *node) id(names ...string) ID { return ID(n.attribute(names...)) }

// times are when an association began and ended. "dissociate-time" is a common slip.
func (n *node) times() (associated, parted time.Time) {
	parted = n.moment("disassociate-time")
	if parted.IsZero() {
		parted = n.moment("dissociate-time")
	}
	return n.moment("associate-time"), parted
}

// moment reads a time; some leave the zone out. What cannot be read is not said.
func (n *node) moment(name string) time.Time {
	text := n.child(name)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 10000 {
			return t.UTC()
		}
	}
	return time.Time{}
}
