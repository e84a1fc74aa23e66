package dialog

import (
	"net/netip"
	"time"

	"naisen/sip"
	"naisen/sip/multipart"
)

// Event is what a session tells its owner. Events arrive in order on the session's shard, through a function that must not block.
// Exactly one Ended arrives, and nothing after it. Byte slices in an event are the receiver's to read, never to change.
type Event interface{ event() }

// Progress is a provisional response other than 100. The same news is told once: repetitions of status and SDP are swallowed.
type Progress struct {
	Status int
	SDP    []byte // the peer's early answer, nil without one
	Fork   string // the To tag of the early dialog that speaks: a callee may fork into several; empty without a tag
}

// Answered says that the peer accepted our INVITE; its 2xx is acknowledged already.
type Answered struct {
	SDP  []byte // the answer, never empty; that of a reliable provisional response if it came there
	Fork string // the To tag that won: early media of other forks is void
}

// Offered is the peer's own offer, in a re-INVITE, an UPDATE or a PRACK. Reply or Refuse answers it.
type Offered struct {
	SDP  []byte           // nil: the re-INVITE carries none and Reply has to carry our offer
	With []multipart.Part // what goes with it, of the types that the session takes
}

// Probed is what came of Probe: an answer of any kind but "no such dialog", or none in time. An answer that comes late is told too.
type Probed struct{ Reached bool }

// Roamed says that the peer's requests come from another host by now, and ours go there: a telephone that has changed its network.
type Roamed struct{ From netip.Addr }

// Told is what a request brought that neither makes an offer nor waits for an answer: an UPDATE without SDP. It was answered with 200.
type Told struct{ With []multipart.Part }

// Agreed is the answer to an offer of ours: to Offer, to Answer or Ring on an INVITE without SDP, to Reply on an offerless re-INVITE.
type Agreed struct {
	SDP     []byte
	Refresh bool // the peer changed its answer when we merely refreshed the session: no Offer was outstanding
}

// Disagreed says that an offer of either side came to nothing; what was agreed before still holds (RFC 3261 section 14.1).
type Disagreed struct{ Cause sip.Cause }

// Digit is a key pressed, sent by INFO.
type Digit struct {
	Rune     rune // 0-9 * # A-D, or ! for hook flash
	Duration time.Duration
}

// Referred is the peer's wish that we call To. Refuse refuses it; ReferProgress accepts it and reports.
type Referred struct {
	To                       sip.URI // without the headers part
	ReplacesCallID           string  // empty: a blind transfer
	ReplacesTo, ReplacesFrom string  // to-tag and from-tag of Replaces, as the peer wrote them (RFC 3891 section 3)
	ReplacesEarly            bool
	ReferredBy               string // header value, unverified; at most 512 bytes
}

// Identified says whom the peer asserts to be, when that is another than before: in a response to our INVITE, a re-INVITE or an UPDATE. Only
// a peer in the trust domain is to be believed (RFC 3325 section 4).
type Identified struct {
	Who     []sip.Address // not empty; RFC 3325 section 9.1 allows two
	Private bool          // it is not to be shown
}

// ReferStatus reports on a REFER of ours: a status below 200 is progress, anything else is the last word.
type ReferStatus struct{ Cause sip.Cause }

// Ended is the last event.
type Ended struct {
	Cause      sip.Cause
	ByPeer     bool          // BYE, CANCEL, a final response; false: End was called, or a timer, a protocol error or the network ended it
	Refused    bool          // inbound: no 2xx was ever sent, whatever Answer wished: a CANCEL was first, or a reliable 1xx was still unanswered
	RetryAfter time.Duration // a final response named it (RFC 3261 section 20.33), at most an hour; 0: no
	Moved      string        // outbound, 3xx: the URI of the first Contact (RFC 3261 section 8.1.3.4)
	Crossed    bool          // the peer's 2xx crossed our CANCEL; it was acknowledged and ended with BYE (RFC 3261 section 9.1)
}

func (Progress) event()    {}
func (Answered) event()    {}
func (Offered) event()     {}
func (Probed) event()      {}
func (Roamed) event()      {}
func (Told) event()        {}
func (Agreed) event()      {}
func (Disagreed) event()   {}
func (Digit) event()       {}
func (Referred) event()    {}
func (Identified) event()  {}
func (ReferStatus) event() {}
func (Ended) event()       {}
