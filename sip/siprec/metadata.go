// Package siprec owns the words of session recording (RFC 7865, RFC 7866): the metadata document, built, parsed and kept up to date, and the
// names that go with it. It is pure and bounded: no socket, no clock, no dialog, and it never sees media.
package siprec

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"
)

// Names of RFC 7866.
const (
	Option      = "siprec"            // option tag that an SRC requires (section 11.1)
	Client      = "+sip.src"          // feature tag in the Contact of a session recording client (section 11.2)
	Server      = "+sip.srs"          // and of a server
	Aware       = "record-aware"      // option tag of a telephone that takes a=record (section 11.1)
	Disposition = "recording-session" // of the metadata in a body
)

// Media types. RFC 9806 settles on XML; RFC 7866 and much of what was built after it wrote Plain.
const (
	XML     = "application/rs-metadata+xml"
	Plain   = "application/rs-metadata"
	Request = "application/rs-metadata-request" // of an SRS that wants all of it (RFC 7866 section 7.1.3)
)

// Types are the media types of a document, ours first.
var Types = []string{XML, Plain}

// Namespace of the document. Documents of before the RFC have it without ":1".
const Namespace = "urn:ietf:params:xml:ns:recording:1"

// Bounds; a document beyond them is ErrMetadata.
const (
	MaxSize     = 48 << 10 // octets
	maxDepth    = 12
	maxElements = 1000
	maxObjects  = 64  // of each kind, also after updates
	maxText     = 256 // octets of one value that is kept; longer ones are cut
)

// ErrMetadata: a document that is none. Its text says what is wrong with it and quotes nothing.
var ErrMetadata = errors.New("siprec: malformed metadata")

// ID names an object: base64 of a UUID (RFC 7865 section 6.10). Foreign ones are opaque, since not everybody keeps to that.
type ID string

// NewID makes one from a random UUID (RFC 9562 section 5.4).
func NewID() ID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return ID(base64.StdEncoding.EncodeToString(b[:]))
}

// Metadata is what an SRC says of the communication sessions that it records. Times are zero where they are not said.
type Metadata struct {
	Partial      bool // it changes what was said before; else it is everything (section 6.1)
	Groups       []Group
	Sessions     []Session
	Participants []Participant
	Streams      []Stream
	Memberships  []Membership
	Flows        []Flow
}

// Group holds communication sessions together (section 6.2).
type Group struct {
	ID                 ID
	Associated, Parted time.Time
}

// Session is a communication session, a call (section 6.3).
type Session struct {
	ID            ID
	Group         ID       // empty: in none
	SIPSessions   []string // Session-IDs of its dialogs (RFC 7989)
	Reason        string   // why it ended
	Started, Over time.Time
}

// Participant is somebody in a call (section 6.4).
type Participant struct {
	ID   ID
	AOR  string // URI, of the first name
	Name string
}

// Stream is one m= line of the recording session (section 6.6).
type Stream struct {
	ID, Session ID
	Label       string // its a=label
}

// Membership says when a participant was in a session (section 6.8).
type Membership struct {
	Participant, Session ID
	Associated, Parted   time.Time
}

// Flow says which streams hold a participant's voice, and which it hears. Who is on hold sends none (section 6.9).
type Flow struct {
	Participant        ID
	Send, Receive      []ID
	Associated, Parted time.Time
}

// StreamOf finds the stream of an m= line by its label.
func (m *Metadata) StreamOf(label string) (Stream, bool) {
	for _, s := range m.Streams {
		if s.Label == label && label != "" {
			return s, true
		}
	}
	return Stream{}, false
}

// Speaker is whose voice a stream holds now; false: nobody's, or it is not said.
func (m *Metadata) Speaker(stream ID) (Participant, bool) {
	for i := len(m.Flows) - 1; i >= 0; i-- {
		f := &m.Flows[i]
		if !f.Parted.IsZero() || !contains(f.Send, stream) || m.Left(f.Participant) {
			continue
		}
		for _, p := range m.Participants {
			if p.ID == f.Participant {
				return p, true
			}
		}
		return Participant{ID: f.Participant}, true
	}
	return Participant{}, false
}

// Left says that a participant parted from every session that it was in.
func (m *Metadata) Left(participant ID) bool {
	gone := false
	for _, s := range m.Memberships {
		if s.Participant == participant {
			if s.Parted.IsZero() {
				return false
			}
			gone = true
		}
	}
	return gone
}

func contains(list []ID, id ID) bool {
	for _, v := range list {
		if v == id {
			return true
		}
	}
	return false
}
