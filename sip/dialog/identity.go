package dialog

import (
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

// maxIdentity bounds what is believed to be an identity, in bytes.
const maxIdentity = 1024

// identity is who the two sides of a session are told to be talking with (RFC 4916, RFC 3325).
type identity struct {
	ours   sip.Address // whom the peer shall see; zero: nobody has said
	hidden bool        // and that it is withheld (RFC 3323)
	due    bool        // the peer has not been told
	theirs string      // whom the peer asserted last, as its headers say
}

// Identify tells the peer whom it talks with. Before the answer it stands in the responses to the peer's INVITE; later it goes out at once by
// UPDATE where the peer takes one, by re-INVITE where it says from-change, and else with the next refresh or offer: nobody's phone is
// bothered with a re-INVITE for a name alone that it may not show.
func (s *Session) Identify(who sip.Address, hidden bool) {
	s.do(func() {
		if !s.alive() || s.who.hidden == hidden && s.who.ours.String() == who.String() {
			return
		}
		s.who.ours, s.who.hidden, s.who.due = who, hidden, true
		s.flushOffer()
	})
}

// identify writes whom the peer talks with into a request or response of ours.
func (s *Session) identify(set func(name, value string)) {
	if s.who.ours.URI.Scheme == "" {
		return
	}
	set("P-Asserted-Identity", s.who.ours.String())
	if s.who.hidden {
		set("Privacy", "id")
	}
	s.who.due = s.who.due && s.in != nil // what a response says that may be lost is said again by the last one
}

// rename gives our side another From for a peer that takes changes of it within the dialog (RFC 4916 section 4.3), under the same tag.
func (s *Session) rename(d *dialogState) {
	if d.fromChange && s.who.ours.URI.Scheme != "" {
		s.local = s.who.ours.WithTag(s.localTag).String()
	}
}

// introduce sends the news that nothing else carries.
func (s *Session) introduce() {
	if !s.who.due || s.phase != phaseUp || s.who.ours.URI.Scheme == "" {
		return
	}
	switch {
	case s.dlg.update && !s.se.noUpdate:
		s.update(nil)
	case s.dlg.fromChange && len(s.sdp) > 0:
		s.reinvite(s.sdp, true)
	}
}

// introduced tells of another identity that the peer asserts. Whether it is believed is the owner's to say.
func (s *Session) introduced(h *stack.Headers) {
	lines := h.Lines("P-Asserted-Identity")
	if len(lines) == 0 {
		return
	}
	privacy := strings.Join(h.Lines("Privacy"), ";")
	said := strings.Join(lines, ",") + "\n" + privacy
	if said == s.who.theirs || len(said) > maxIdentity {
		return
	}
	ids, err := h.Addresses("P-Asserted-Identity")
	if err != nil || len(ids) == 0 {
		return
	}
	s.who.theirs = strings.Clone(said)
	s.on(Identified{Who: ids, Private: private(privacy)})
}

// private says that an identity is not to be shown (RFC 3323 section 4.2, RFC 3325 section 9.3).
func private(privacy string) bool {
	for _, word := range strings.Split(privacy, ";") {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "id", "user", "header":
			return true
		}
	}
	return false
}
