// Package sdp owns offer and answer (RFC 3264): it parses, prints and negotiates session descriptions.
// It is pure: no socket, no clock, no goroutine; and it is the only package that knows what is in an SDP.
package sdp

import (
	"net/netip"

	"naisen/media"
	"naisen/media/secure"
)

// Config is what one leg may say of itself.
type Config struct {
	Addr      netip.Addr     // address written into c= and o=
	Port      int            // RTP port; RTCP is Port+1 unless rtcp-mux is agreed
	Codecs    []media.Codec  // allowed, best first; empty: all
	Security  media.Security // floor of the leg; a Want may only make it stricter
	SecureSIP bool           // the signalling is TLS: SAVP may be offered
	Ptime     int            // milliseconds; 0: 20
	SessionID uint64         // of o=; must be unpredictable enough to be unique
}

// Agreed is the outcome of an exchange: what the packet path needs to know.
type Agreed struct {
	Codec              media.Codec
	SendPT, RecvPT     uint8
	EventSendPT        uint8 // telephone-event towards the peer; 0: none
	EventRecvPT        uint8 // telephone-event from the peer; 0: none
	Ptime              int   // milliseconds that the peer wants to receive
	Remote, RemoteRTCP netip.AddrPort
	RTCPMux            bool
	Direction          media.Direction // ours
	PeerHolds          bool
	Secure             bool
	Local, RemoteKey   secure.Key // sending key of each side
	SameKeys           bool       // both unchanged since the last exchange: keep the contexts and their ROC
	Rejected           bool       // the peer refused the audio stream (port 0)
}

// Session is the negotiation state of one leg. It is not safe for concurrent use.
type Session struct{ cfg Config }

// New starts a leg that has said nothing yet.
func New(c Config) *Session { return &Session{cfg: c} }

// Offer makes our offer; media.ErrState while one is open.
func (s *Session) Offer(w media.Want) (media.SDP, error) { return nil, media.ErrState }

// Answer answers the peer's offer: the same answer again for the same offer.
func (s *Session) Answer(offer media.SDP, w media.Want) (media.SDP, Agreed, error) {
	return nil, Agreed{}, media.ErrState
}

// Accept takes the peer's answer to our open offer. A second Accept of the same answer (18x, then 200) gives the same outcome.
func (s *Session) Accept(answer media.SDP) (Agreed, error) { return Agreed{}, media.ErrState }

// Rollback forgets our open offer.
func (s *Session) Rollback() {}
