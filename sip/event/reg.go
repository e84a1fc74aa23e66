package event

import (
	"cmp"
	"encoding/xml"
	"slices"
	"time"
)

// Contact is one binding of an address-of-record. It is comparable.
type Contact struct {
	ID        string // unique among the AOR's contacts, and the same as long as the binding lives
	URI       string
	Display   string
	CallID    string
	CSeq      uint32
	Q         float64
	Expires   int64  // Unix seconds
	Event     string // what made it as it is: registered, created, refreshed (RFC 3680 section 5.2); empty: registered
	Instance  string // +sip.instance without its angle brackets, "" if none
	PubGRUU   string // RFC 5628; "" if none
	TempGRUU  string
	FirstCSeq uint32 // of the REGISTER that the temporary GRUU came with
}

// Contacts tells the live bindings of an AOR, and with which event of RFC 3680 section 5.2 one ended that is not there any more; "" when that
// is forgotten. Any goroutine may ask; it must not block.
type Contacts interface {
	Contacts(AOR) []Contact
	Ended(id string) string
}

// Registrations is the package "reg" (RFC 3680), with the GRUU elements of RFC 5628. Each document is full. clock is wall time; nil:
// time.Now.
func Registrations(src Contacts, clock func() time.Time) Package {
	if clock == nil {
		clock = time.Now
	}
	return registrations{src, clock}
}

type registrations struct {
	src   Contacts
	clock func() time.Time
}

// Name implements Package.
func (registrations) Name() string { return "reg" }

// Type implements Package.
func (registrations) Type() string { return "application/reginfo+xml" }

// View implements Package.
func (p registrations) View(resource AOR) View {
	return &regView{src: p.src, clock: p.clock, aor: resource}
}

type regView struct {
	src     Contacts
	clock   func() time.Time
	aor     AOR
	version uint32
	shown   []Contact
	ended   bool
}

// Document implements View.
func (v *regView) Document(all bool) Document {
	now := slices.Clone(v.src.Contacts(v.aor))
	slices.SortFunc(now, func(a, b Contact) int { return cmp.Compare(a.ID, b.ID) })
	var gone []Contact
	for _, c := range v.shown {
		if !slices.ContainsFunc(now, func(o Contact) bool { return o.ID == c.ID }) {
			gone = append(gone, c)
		}
	}
	if !all && !v.ended && slices.Equal(now, v.shown) {
		return Document{Same: true}
	}
	body := render(v.info(now, gone))
	v.version++
	v.shown, v.ended = now, len(gone) > 0
	return Document{Body: body, Again: v.ended}
}

type reginfoXML struct {
	XMLName      xml.Name        `xml:"reginfo"`
	Space        string          `xml:"xmlns,attr"`
	GRUU         string          `xml:"xmlns:gr,attr"`
	Version      uint32          `xml:"version,attr"`
	State        string          `xml:"state,attr"`
	Registration registrationXML `xml:"registration"`
}

type registrationXML struct {
	AOR      string       `xml:"aor,attr"`
	ID       string       `xml:"id,attr"`
	State    string       `xml:"state,attr"`
	Contacts []contactXML `xml:"contact"`
}

type contactXML struct {
	ID       string       `xml:"id,attr"`
	State    string       `xml:"state,attr"`
	Event    string       `xml:"event,attr"`
	Expires  *int64       `xml:"expires,attr"`
	Q        float64      `xml:"q,attr"`
	CallID   string       `xml:"callid,attr,omitempty"`
	CSeq     uint32       `xml:"cseq,attr"`
	URI      string       `xml:"uri"`
	Display  string       `xml:"display-name,omitempty"`
	Unknown  *unknownXML  `xml:"unknown-param"`
	PubGRUU  *gruuXML     `xml:"gr:pub-gruu"`
	TempGRUU *tempGRUUXML `xml:"gr:temp-gruu"`
}

type unknownXML struct {
	Name  string `xml:"name,attr"`
	Value string `xml:",chardata"`
}

type gruuXML struct {
	URI string `xml:"uri,attr"`
}

type tempGRUUXML struct {
	URI       string `xml:"uri,attr"`
	FirstCSeq uint32 `xml:"first-cseq,attr"`
}

func (v *regView) info(now, gone []Contact) reginfoXML {
	wall := v.clock().Unix()
	r := registrationXML{AOR: v.aor.URI(), ID: v.aor.User, State: "init"}
	for _, c := range now {
		r.State = "active"
		x := contact(c)
		left := max(c.Expires-wall, 0)
		x.State, x.Event, x.Expires = "active", cmp.Or(c.Event, "registered"), &left
		r.Contacts = append(r.Contacts, x)
	}
	for _, c := range gone {
		if len(now) == 0 {
			r.State = "terminated"
		}
		x := contact(c)
		x.State, x.Event = "terminated", v.src.Ended(c.ID)
		switch {
		case x.Event != "":
		case c.Expires <= wall:
			x.Event = "expired"
		default:
			x.Event = "unregistered"
		}
		r.Contacts = append(r.Contacts, x)
	}
	return reginfoXML{Space: "urn:ietf:params:xml:ns:reginfo", GRUU: "urn:ietf:params:xml:ns:gruuinfo", Version: v.version, State: "full", Registration: r}
}

func contact(c Contact) contactXML {
	x := contactXML{ID: c.ID, Q: c.Q, CallID: c.CallID, CSeq: c.CSeq, URI: c.URI, Display: c.Display}
	if c.Instance != "" {
		x.Unknown = &unknownXML{"+sip.instance", `"<` + c.Instance + `>"`}
	}
	if c.PubGRUU != "" {
		x.PubGRUU = &gruuXML{c.PubGRUU}
	}
	if c.TempGRUU != "" {
		x.TempGRUU = &tempGRUUXML{c.TempGRUU, c.FirstCSeq}
	}
	return x
}
