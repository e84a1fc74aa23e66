package event

import (
	"encoding/xml"
	"slices"
)

// Presence is the package "presence" (RFC 3856) with PIDF documents (RFC 3863) of one tuple. The composition rule:
//   - nobody is open who has no phone registered;
//   - else the newest publication says open or closed, and its note is shown; without one, a registered phone means open;
//   - who has a call beyond trying is on the phone (RFC 4480), whatever was published;
//   - who does not want to be disturbed is busy, and the note says so, whatever was published.
//
// published, calls and quiet may be nil.
func Presence(reachable func(AOR) bool, calls Dialogs, published *Publications, quiet func(AOR) (note string, on bool)) Package {
	return presence{reachable, calls, published, quiet}
}

type presence struct {
	reachable func(AOR) bool
	calls     Dialogs
	published *Publications
	quiet     func(AOR) (string, bool)
}

// Name implements Package.
func (presence) Name() string { return "presence" }

// Type implements Package.
func (presence) Type() string { return pidfType }

const pidfType = "application/pidf+xml"

// View implements Package.
func (p presence) View(resource AOR) View { return &presenceView{of: p, who: resource} }

// status is what a presence document says. It is comparable.
type status struct {
	Open, Busy bool
	Quiet      bool // not to be disturbed
	Note       string
}

type presenceView struct {
	of    presence
	who   AOR
	shown status
}

// Document implements View.
func (v *presenceView) Document(all bool) Document {
	now := v.of.compose(v.who)
	if !all && now == v.shown {
		return Document{Same: true}
	}
	v.shown = now
	return Document{Body: render(pidf(v.who, now))}
}

func (p presence) compose(who AOR) status {
	s := status{Open: p.reachable(who)}
	if p.published != nil {
		if latest, ok := p.published.latest(who); ok {
			s.Open, s.Note = s.Open && latest.basic != "closed", latest.note
		}
	}
	if p.calls != nil {
		s.Busy = slices.ContainsFunc(p.calls.Dialogs(who), func(d Dialog) bool { return d.State == Early || d.State == Confirmed })
	}
	if p.quiet != nil {
		if note, on := p.quiet(who); on {
			s.Quiet, s.Note = true, note
		}
	}
	return s
}

type presenceXML struct {
	XMLName xml.Name   `xml:"presence"`
	Space   string     `xml:"xmlns,attr"`
	Data    string     `xml:"xmlns:dm,attr"`
	Rich    string     `xml:"xmlns:rpid,attr"`
	Entity  string     `xml:"entity,attr"`
	Tuple   tupleXML   `xml:"tuple"`
	Note    string     `xml:"note,omitempty"`
	Person  *personXML `xml:"dm:person"`
}

type tupleXML struct {
	ID      string `xml:"id,attr"`
	Basic   string `xml:"status>basic"`
	Contact string `xml:"contact,omitempty"`
}

type personXML struct {
	ID    string    `xml:"id,attr"`
	Quiet *struct{} `xml:"rpid:activities>rpid:busy"`
	Phone *struct{} `xml:"rpid:activities>rpid:on-the-phone"`
}

func pidf(who AOR, s status) presenceXML {
	x := presenceXML{Space: "urn:ietf:params:xml:ns:pidf", Data: "urn:ietf:params:xml:ns:pidf:data-model", Rich: "urn:ietf:params:xml:ns:pidf:rpid",
		Entity: who.URI(), Tuple: tupleXML{ID: "t1", Basic: "closed"}, Note: s.Note}
	if s.Open {
		x.Tuple.Basic, x.Tuple.Contact = "open", who.URI()
	}
	if s.Busy || s.Quiet {
		x.Person = &personXML{ID: "p1"}
	}
	if s.Busy {
		x.Person.Phone = &struct{}{}
	}
	if s.Quiet {
		x.Person.Quiet = &struct{}{}
	}
	return x
}
