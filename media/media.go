// Package media holds the words of the media plane: Endpoint, Bridge, Tap, Source, Frame.
// Its sub-packages move RTP. It never sees a SIP message or a call's state, and no SDP text leaves it except as an opaque SDP value.
package media

import (
	"errors"
	"net/netip"
	"time"
)

// SDP is an opaque session description. Only media/sdp looks inside.
type SDP []byte

// Sentinel errors of Endpoint and Bridge; callers use errors.Is.
var (
	ErrState   = errors.New("media: out of order in offer/answer")  // nothing changed
	ErrNoMatch = errors.New("media: no codec or profile in common") // answer it with 488
	ErrSDP     = errors.New("media: malformed session description") // answer it with 400 or 488
	ErrPolicy  = errors.New("media: security policy refuses this")  // answer it with 488
	ErrNoPorts = errors.New("media: no RTP port left")              // answer it with 503
	ErrClosed  = errors.New("media: endpoint closed")
)

// Codec names an audio encoding as SDP does (RFC 3551): upper-case name without rate.
type Codec string

// Codecs that are negotiated. A leg relays what both sides share; PCMU and PCMA translate by table, and those that package codec knows are
// transcoded where two sides share nothing. G.729 and L16 pass untouched or not at all.
const (
	PCMU Codec = "PCMU" // G.711 µ-law, static payload type 0
	PCMA Codec = "PCMA" // G.711 A-law, static payload type 8
	G722 Codec = "G722" // RTP clock 8000 though sampled at 16000 (RFC 3551 section 4.5.2), static payload type 9
	Opus Codec = "OPUS" // RTP clock 48000, written with two channels, whatever is spoken (RFC 7587 section 7)
	G729 Codec = "G729" // static payload type 18
	L16  Codec = "L16"  // 16 bit, 8 kHz mono, dynamic payload type
)

// Transcodes says that the switch can decode and encode the codec: what is in it can be heard by any other such, and we can play to it.
func (c Codec) Transcodes() bool { return c == PCMU || c == PCMA || c == G722 || c == Opus }

// Clock is the rate of a codec's RTP timestamps, Hz. Its telephone-event has the same (RFC 4733 section 2.1).
func (c Codec) Clock() int {
	if c == Opus {
		return 48000
	}
	return 8000
}

// Security says whether a leg's media is encrypted.
type Security int

// Security of a leg, from its device or trunk profile.
const (
	SecurityPreferred Security = iota // offer SAVP when the signalling is TLS, accept both
	SecurityRequired                  // SRTP or 488, also in a re-INVITE
	SecurityForbidden                 // plain RTP only
	SecurityDTLS                      // SRTP with keys that a handshake makes (RFC 5763), or 488: whoever reads the signalling has none
)

// Direction is what this side does with audio (RFC 3264 section 5.1).
type Direction int

// Directions. The zero value is the ordinary call.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// Want is what the call wants of a leg. It is the only thing that crosses a bridge; SDP text never does.
type Want struct {
	Prefer    []Codec // best first; empty: the endpoint's own order
	Security  Security
	Direction Direction // our side; SendOnly or Inactive puts the peer on hold
	Fax       Fax       // what the other leg's fax machine said, where T38 is preferred
	Record    Recorded  // what the peer is told of our recording; empty: nothing
}

// Recorded is what a peer that is aware of recordings is told of the one that is made of it: a=record (RFC 7866 section 11.5.1).
type Recorded string

// Recorded values.
const (
	RecordedOn     Recorded = "on"
	RecordedOff    Recorded = "off"
	RecordedPaused Recorded = "paused"
)

// Preference is what such a peer wishes: a=recordpref (RFC 7866 section 11.5.2). A wish, and no more.
type Preference string

// Preferences.
const (
	PreferOn      Preference = "on"
	PreferOff     Preference = "off"
	PreferPause   Preference = "pause"
	PreferNothing Preference = "nopreference"
)

// Wisher is an endpoint that knows what its peer's last description wished of a recording; empty: it said nothing of that.
type Wisher interface{ Wishes() Preference }

// Endpoint is one leg's media: sockets, negotiation, keys. The four negotiation methods follow RFC 3264;
// out of order they return ErrState and change nothing. All methods are safe for one caller at a time and none blocks on the network.
type Endpoint interface {
	ID() string
	Offer(Want) (SDP, error)       // our offer; a second one replaces the first only after Accept or Rollback
	Answer(SDP, Want) (SDP, error) // our answer to the peer's offer; the same again for the same offer
	Accept(SDP) error              // the peer's answer to our offer; again for the same offer when another fork answers, the later one holds
	Allows(SDP) ([]Codec, error)   // audio codecs of the peer's description that this leg could use, in the peer's order; changes nothing
	Rollback()                     // our offer died: 491, CANCEL, timeout
	Play(Source) (stop func())     // replaces what the peer hears from the bridge until the source ends or stop is called; posts PlayEnded once
	SendDigit(rune)                // RFC 4733 event towards the peer, regenerated
	Codec() Codec                  // the negotiated audio codec; empty before negotiation
	PeerHolds() bool               // the peer's last description was sendonly, inactive or c=0.0.0.0
	Stats() Stats
	Close() error // releases sockets and keys; returns when no packet is in flight
}

// Gate says what a bridge member takes part in.
type Gate int

// Gates of a bridge member.
const (
	GateBoth    Gate = iota // talks and listens
	GateListen              // hears, is not heard
	GateTalk                // is heard, hears nothing
	GateNone                // neither; a held leg
	GateWhisper             // hears, is heard by one member only: set by Whisper
)

// Bridge is who hears whom. Every method swaps in a new immutable plan; packets in flight finish on the old one.
type Bridge interface {
	Join(Endpoint) error
	Leave(Endpoint)
	Gate(Endpoint, Gate)
	Whisper(ep, to Endpoint)    // GateWhisper: ep hears everybody and only to hears ep
	Attach(Tap) (detach func()) // the tap sees what each member sends, decrypted, and what is played to a member
	String() string             // the plan in one line, for the log
	Close() error
}

// Tap runs on the packet path: it returns at once, takes no lock, keeps nothing of the Frame.
type Tap interface{ Tap(*Frame) }

// Frame is one RTP packet after authentication and decryption. It is valid only during the call of Tap.
type Frame struct {
	From      string // Endpoint.ID of the member who sent it; for played audio the member who hears it
	Played    bool   // our own prompt towards From, not the member's voice
	Event     bool   // a telephone-event payload (RFC 4733), not audio
	Codec     Codec
	Payload   []byte
	Sequence  uint16
	Timestamp uint32 // RTP clock units
	SSRC      uint32
	Marker    bool
	Arrived   int64 // monotonic nanoseconds since the process started
}

// Source is audio to play, already in the codec of the endpoint that plays it.
type Source interface {
	Codec() Codec
	// Next returns the next 20 ms of payload; ok is false at the end. The slice is valid until the next call.
	// It is called on the pacer: it never blocks.
	Next() (payload []byte, ok bool)
}

// Event is what an endpoint tells its call: rare, coalesced, posted by a function that never blocks.
type Event interface{ mediaEvent() }

// FirstPacket: the first authenticated packet of the negotiated session arrived.
type FirstPacket struct{}

// Digit: one RFC 4733 event was pressed and recognised, exactly once per press.
type Digit struct {
	Rune     rune
	Duration time.Duration
}

// Timeout: nothing authenticated arrived for the configured time. It comes again each time that passes: what did not matter while a
// phone held may matter later.
type Timeout struct{ Silent time.Duration }

// Lull: nothing authenticated arrived any more for Profile.Lull, though the peer may send, and has. It comes again each time that passes. Heard: something came again after one.
type Lull struct{ Silent time.Duration }

// Heard: see Lull.
type Heard struct{}

// PlayEnded: the source given to Play came to its end or was stopped.
type PlayEnded struct {
	Source        Source // the one that was given to Play
	Complete      bool   // played to its end
	FirstRTP      uint32 // RTP timestamp of the first packet sent
	LastRTP       uint32 // RTP timestamp of the last packet sent
	FirstSequence uint16 // RTP sequence number of the first packet sent
	LastSequence  uint16
	SSRC          uint32
	Packets       int   // sent
	StartedAt     int64 // monotonic nanoseconds, as Frame.Arrived
	EndedAt       int64
}

// KeysFailed: the handshake that was to make the leg's keys failed, or the peer was not whom its description named. Nothing was heard or sent.
type KeysFailed struct{ Err error }

func (FirstPacket) mediaEvent() {}
func (KeysFailed) mediaEvent()  {}
func (Lull) mediaEvent()        {}
func (Heard) mediaEvent()       {}
func (Digit) mediaEvent()       {}
func (Timeout) mediaEvent()     {}
func (PlayEnded) mediaEvent()   {}

// Profile is what an endpoint is made with: facts of its device or trunk, resolved before.
type Profile struct {
	Local     netip.Addr    // bind and, unless Advertise is set, advertise this address
	Advertise netip.Addr    // address written into SDP when it differs from Local (1:1 NAT)
	Browser   bool          // the peer is a browser: nothing but DTLS-SRTP over ICE, on the port of all browsers
	SecureSIP bool          // the leg's signalling is TLS: SAVP may be offered
	Codecs    []Codec       // allowed, best first; empty: all
	Suites    []string      // SRTP suites with keys in SDP, as a=crypto names them (RFC 4568), allowed, best first; empty: all, in our order
	EvenPorts bool          // carrier insists on even RTP ports
	Quiet     time.Duration // Timeout event after this long without packets; 0: 30 s
	ICE       bool          // the peer may have ICE, if it offers it: it is answered by the lite side
	Lull      time.Duration // Lull event after this long without packets; 0: none
	DSCP      int           // of the trunk, which may drop what has another; 0: that of Class
	Class     int           // DSCP of the class of numbers; 0: 46 (EF)
	Peer      netip.Addr    // where the leg's signalling comes from: plain RTP from elsewhere than SDP says is believed only from this host; invalid: from any, after a probation
}

// Roamer is an endpoint whose signalling may come from another host by now: Profile.Peer, from the next negotiation on.
type Roamer interface{ Roamed(netip.Addr) }

// Marker is an endpoint whose packets can be given the DSCP of another class of numbers: a call may come to one by a transfer.
type Marker interface{ Mark(class int) }

// Copier is an endpoint whose peer's voice can be sent to somebody else as well: what comes from the peer, decrypted and made anew for to, whatever
// bridge the endpoint is in. to hears nothing else and is in no bridge. The endpoint has one copy; a later one takes the place of an earlier.
// stop ends this copy, and no later one.
type Copier interface {
	Copy(to Endpoint) (stop func())
}

// Guarded is an endpoint that knows whether its answer to an offer could be encrypted. It changes nothing.
type Guarded interface{ Secures(offer SDP) bool }

// Engine makes endpoints and bridges. media/relay implements it; tests use a fake.
type Engine interface {
	Endpoint(Profile, func(Event)) (Endpoint, error) // the function never blocks
	Bridge() Bridge
}

// Hearing is how one direction of a leg sounds: mean opinion scores (ITU-T G.107, 1 to 4.5) of intervals of about five seconds. The zero value
// says that nothing is known.
type Hearing struct {
	MOS, Loss   float64 // of the last interval; loss is a share, 0 to 1
	Jitter      time.Duration
	Mean, Worst float64 // MOS of all intervals
	Intervals   int
}

// Quality of a leg.
type Quality struct {
	FromPeer  Hearing // what we receive, by our own figures
	ToPeer    Hearing // what the peer receives, by its RTCP
	RoundTrip time.Duration
}

// Stats of one endpoint. Counters only grow.
type Stats struct {
	Received, Sent           uint64 // RTP packets
	ReceivedBytes, SentBytes uint64 // payload bytes
	Lost                     uint64 // gaps in the peer's sequence numbers
	Unauthentic              uint64 // SRTP authentication failures
	Replayed                 uint64
	Stranger                 uint64 // packets from a source that was not learned
	Malformed                uint64
	Jitter                   time.Duration // RFC 3550 section 6.4.1, of what we receive
	RoundTrip                time.Duration // from RTCP, 0: unknown
	RemoteLost               uint64        // what the peer's receiver reports say
	Remote                   netip.AddrPort
	Secure                   bool   // encrypted, though a handshake may still be making the keys
	SRTP                     string // profile name; empty for plain RTP, and without keys
	Quality                  Quality
}
