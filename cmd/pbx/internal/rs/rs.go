// Package rs owns recording sessions (RFC 7866), of both kinds: as a client it copies calls of ours to a recorder outside, as a server it records what
// another system sends us. Each session is one goroutine with one inbox. It never decides what is recorded, never looks into SDP, and nothing that
// becomes of a session does anything to a call.
package rs

import (
	"errors"
	"slices"
	"sync"
	"time"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/sip"
	"naisen/sip/multipart"
	"naisen/sip/siprec"
)

// Errors; callers use errors.Is.
var (
	ErrFull   = errors.New("rs: too many recording sessions")
	ErrClosed = errors.New("rs: closed")
	ErrNobody = errors.New("rs: no recorder outside takes the call")
)

// Session is one dialog; *dialog.Session implements it.
type Session interface {
	Answer(sdp []byte)
	OfferWith(sdp []byte, with ...multipart.Part)
	Reply(sdp []byte)
	Refuse(sip.Cause)
	End(sip.Cause)
}

const (
	inboxBound = 512              // events of one session that may wait
	maxStreams = 8                // of one session, as many as media/sdp reads
	guard      = 40 * time.Second // how long a session that is ended waits for its last event: a little more than 64*T1
)

// inbox is how everything outside reaches a session. Post never blocks.
type inbox struct {
	mu     sync.Mutex
	queue  []any
	closed bool
	full   bool          // something found no room: the session ends itself
	wake   chan struct{} // capacity 1
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) post(e any) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	if len(b.queue) >= inboxBound {
		b.full = true
	} else {
		b.queue = append(b.queue, e)
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take waits for what was posted; full says that something was lost.
func (b *inbox) take() (events []any, full bool) {
	<-b.wake
	b.mu.Lock()
	defer b.mu.Unlock()
	events, full = b.queue, b.full
	b.queue, b.full = nil, false
	return events, full
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue, b.closed = nil, true
}

// Events of a session's own timers.
type (
	again struct{ seq int } // try to find a recorder
	late  struct{}          // the last event of the dialog never came
)

// document is the part of a body that holds metadata.
func document(kind string, m siprec.Metadata) multipart.Part {
	return multipart.Part{Type: kind, Disposition: siprec.Disposition, Body: m.Document()}
}

// Metadata finds the metadata that came with a message; none, and no error, where there is none. siprec.ErrMetadata.
func Metadata(with []multipart.Part) (*siprec.Metadata, error) {
	for _, p := range with {
		if p.Type == siprec.XML || p.Type == siprec.Plain {
			m, err := siprec.Parse(p.Body)
			return &m, err
		}
	}
	return nil, nil
}

// offers makes one offer of all streams. On an error none is open.
func offers(j *sdp.Joiner, streams []media.Endpoint, labels []string, want func(int) media.Want) (media.SDP, error) {
	parts := make([]sdp.Part, 0, len(streams))
	for i, ep := range streams {
		d, err := ep.Offer(want(i))
		if err != nil {
			rollback(streams[:i])
			return nil, err
		}
		parts = append(parts, sdp.Part{Label: labels[i], SDP: d})
	}
	out, err := j.Join(parts...)
	if err != nil {
		rollback(streams)
	}
	return out, err
}

// accept takes the answer to it.
func accept(streams []media.Endpoint, answer media.SDP) error {
	parts, err := sdp.Split(answer)
	if err != nil {
		return err
	}
	if len(parts) != len(streams) {
		return media.ErrSDP
	}
	for i, ep := range streams {
		err = errors.Join(err, ep.Accept(parts[i].SDP))
	}
	return err
}

// answerable says why a leg could not answer an offer of one stream; nil: it could. It changes nothing.
func answerable(leg media.Endpoint, offer media.SDP, w media.Want) error {
	speaks, err := leg.Allows(offer)
	if err != nil {
		return err
	}
	if len(w.Prefer) > 0 && !slices.ContainsFunc(speaks, func(c media.Codec) bool { return slices.Contains(w.Prefer, c) }) {
		return media.ErrNoMatch
	}
	if g, ok := leg.(media.Guarded); ok && w.Security == media.SecurityRequired && !g.Secures(offer) {
		return media.ErrPolicy
	}
	return nil
}

// refusal is what a peer is told whose offer is not answered: 491 where one of ours is open (glare, RFC 3261 section 14.2).
func refusal(err error) sip.Cause {
	if errors.Is(err, media.ErrState) {
		return sip.StatusCause(491)
	}
	return sip.StatusCause(488)
}

func rollback(streams []media.Endpoint) {
	for _, ep := range streams {
		ep.Rollback()
	}
}
