package event

import (
	"cmp"
	"encoding/xml"
	"slices"
)

// DialogState is where a dialog stands (RFC 4235 section 3.7.1).
type DialogState string

// The states of that section. Terminated is what a view makes of a dialog that is not there any more.
const (
	Trying     DialogState = "trying"
	Early      DialogState = "early"
	Confirmed  DialogState = "confirmed"
	Terminated DialogState = "terminated"
)

// Dialog is one call dialog of an entity, seen from its phone. It is comparable.
type Dialog struct {
	ID                          string // unique among the entity's dialogs, and never used again
	CallID, LocalTag, RemoteTag string // the phone's own tag is the local one: a Replaces towards us names it as from-tag (RFC 3891)
	Initiator                   bool   // the entity called
	State                       DialogState
	Held                        bool  // the entity's phone does not render the call's media
	Remote                      Party // whom it is with
}

// Party is the other side of a dialog. Withheld: it does not want to be shown.
type Party struct {
	URI, Display string
	Withheld     bool
}

// Dialogs tells which dialogs an entity has now, those that are over excluded. It is derived from live calls and never counted up and
// down. Any goroutine may ask; it must not block.
type Dialogs interface{ Dialogs(entity AOR) []Dialog }

// maxDialogs of one entity in a document: a phone shows one lamp for all of them.
const maxDialogs = 32

// DialogInfo is the package "dialog" (RFC 4235): busy lamps. Each document is full, and its version grows by one, from 0, within a
// subscription. A dialog that has ended is told once as terminated; a document without it follows.
func DialogInfo(src Dialogs) Package { return dialogInfo{src} }

type dialogInfo struct{ src Dialogs }

// Name implements Package.
func (dialogInfo) Name() string { return "dialog" }

// Type implements Package.
func (dialogInfo) Type() string { return "application/dialog-info+xml" }

// View implements Package.
func (p dialogInfo) View(resource AOR) View { return &dialogView{src: p.src, entity: resource} }

type dialogView struct {
	src     Dialogs
	entity  AOR
	version uint32
	shown   []Dialog // alive in the last document
	ended   bool     // the last document had terminated ones
}

// Document implements View.
func (v *dialogView) Document(all bool) Document {
	now := slices.Clone(v.src.Dialogs(v.entity))
	slices.SortFunc(now, func(a, b Dialog) int { return cmp.Compare(a.ID, b.ID) })
	now = now[:min(len(now), maxDialogs)]
	var gone []Dialog
	for _, d := range v.shown {
		if !slices.ContainsFunc(now, func(o Dialog) bool { return o.ID == d.ID }) {
			d.State, d.Held = Terminated, false
			gone = append(gone, d)
		}
	}
	if !all && !v.ended && slices.Equal(now, v.shown) {
		return Document{Same: true}
	}
	body := render(v.info(append(slices.Clone(now), gone...)))
	v.version++
	v.shown, v.ended = now, len(gone) > 0
	return Document{Body: body, Again: v.ended}
}

type infoXML struct {
	XMLName xml.Name    `xml:"dialog-info"`
	Space   string      `xml:"xmlns,attr"`
	Version uint32      `xml:"version,attr"`
	State   string      `xml:"state,attr"`
	Entity  string      `xml:"entity,attr"`
	Dialogs []dialogXML `xml:"dialog"`
}

type dialogXML struct {
	ID        string      `xml:"id,attr"`
	CallID    string      `xml:"call-id,attr,omitempty"`
	LocalTag  string      `xml:"local-tag,attr,omitempty"`
	RemoteTag string      `xml:"remote-tag,attr,omitempty"`
	Direction string      `xml:"direction,attr"`
	State     DialogState `xml:"state"`
	Local     sideXML     `xml:"local"`
	Remote    sideXML     `xml:"remote"`
}

type sideXML struct {
	Identity *identityXML `xml:"identity"`
	Target   *targetXML   `xml:"target"`
}

type identityXML struct {
	Display string `xml:"display,attr,omitempty"`
	URI     string `xml:",chardata"`
}

type targetXML struct {
	URI    string     `xml:"uri,attr"`
	Params []paramXML `xml:"param"`
}

type paramXML struct {
	Name  string `xml:"pname,attr"`
	Value string `xml:"pvalue,attr"`
}

// anonymous stands for who does not want to be shown (RFC 3323 section 4.1.1.3).
const anonymous = "sip:anonymous@anonymous.invalid"

func (v *dialogView) info(list []Dialog) infoXML {
	out := infoXML{Space: "urn:ietf:params:xml:ns:dialog-info", Version: v.version, State: "full", Entity: v.entity.URI()}
	for _, d := range list {
		x := dialogXML{ID: d.ID, CallID: d.CallID, LocalTag: d.LocalTag, RemoteTag: d.RemoteTag, Direction: "recipient", State: d.State}
		if d.Initiator {
			x.Direction = "initiator"
		}
		x.Local = sideXML{Identity: &identityXML{URI: v.entity.URI()}, Target: &targetXML{URI: v.entity.URI()}}
		if d.Held { // RFC 4235 section 4.1.6.2
			x.Local.Target.Params = []paramXML{{"+sip.rendering", "no"}}
		}
		switch {
		case d.Remote.Withheld:
			x.Remote.Identity = &identityXML{URI: anonymous}
		case d.Remote.URI != "":
			x.Remote = sideXML{Identity: &identityXML{Display: d.Remote.Display, URI: d.Remote.URI}, Target: &targetXML{URI: d.Remote.URI}}
		}
		out.Dialogs = append(out.Dialogs, x)
	}
	return out
}

// render writes a document. The encoder escapes what callers wrote into their names.
func render(v any) []byte {
	b, err := xml.Marshal(v) // without indentation: it has to fit into a datagram
	if err != nil {          // a type that cannot be written: a mistake of this package, which its golden documents would show
		return nil
	}
	return append(append([]byte(xml.Header), b...), '\n')
}
