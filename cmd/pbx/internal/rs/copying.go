package rs

import (
	"fmt"
	"log/slog"
	"time"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/multipart"
	"naisen/sip/siprec"
)

const (
	retryAfter  = 30 * time.Second // until recorders are asked again after all of them have failed
	holds       = 30 * time.Second // a session that ends before has failed: the recorder does not want the call, whatever it answered
	maxBackOff  = 4                // doublings of retryAfter, one for each such session
	maxAttempts = 100              // sessions of one call
)

// phase of a copy's dialog.
type phase uint8

const (
	phaseIdle    phase = iota // no dialog: before the first, or between two
	phaseCalling              // invited
	phaseUp
	phaseEnding // ended by us, or the call is over: the last event is awaited
)

// What a call says, as events.
type (
	partyCame struct {
		party recorder.Party
		voice media.Endpoint
	}
	partyLeft struct{ endpoint string }
	partyHeld struct {
		endpoint string
		held     bool
	}
	paused  struct{ on bool }
	stopped struct{}
	heard   struct { // from a dialog
		dialog int
		event  dialog.Event
	}
)

// copying is one recorded call on its way to a recorder outside. Everything below inbox belongs to its goroutine.
type copying struct {
	client    *Client
	of        recorder.Case
	recorders []Recorder
	failed    func(error)
	log       *slog.Logger
	inbox     *inbox

	phase    phase
	dialog   int // counts dialogs, so that events of an earlier one are known
	session  Session
	turn     int // index of the recorder that has it, or is asked next
	tried    int // recorders that failed since one had the call for a while
	attempts int
	since    time.Time // the recorder has the call since then; zero: it has not
	brief    int       // sessions in a row that recorders took and ended at once
	told     bool      // failed was called
	stopping bool
	paused   bool
	over     bool
	timer    *time.Timer

	arrived  int // times that a party came
	streams  []*stream
	people   []*person
	story    story
	joiner   sdp.Joiner
	offering bool            // an offer of ours is open
	lines    int             // m= lines that the recorder knows
	dirty    bool            // there is something to say that was not
	sent     siprec.Metadata // goes with the open offer
	known    siprec.Metadata // what the recorder knows; empty: nothing
}

func newCopying(c *Client, of recorder.Case, list []Recorder, failed func(error)) *copying {
	return &copying{client: c, of: of, recorders: list, failed: failed, inbox: newInbox(), story: newStory(of),
		log: c.cfg.Log.With("recording", of.ID, "domain", of.Domain)}
}

// Party implements call.Copies.
func (s *copying) Party(p recorder.Party, voice media.Endpoint) { s.inbox.post(partyCame{p, voice}) }

// Left implements call.Copies.
func (s *copying) Left(endpoint string) { s.inbox.post(partyLeft{endpoint}) }

// Hold implements call.Copies.
func (s *copying) Hold(endpoint string, held bool) { s.inbox.post(partyHeld{endpoint, held}) }

// Pause implements call.Copies.
func (s *copying) Pause(on bool) { s.inbox.post(paused{on}) }

// Stop implements call.Copies.
func (s *copying) Stop() { s.inbox.post(stopped{}) }

func (s *copying) run() {
	defer s.client.forget(s)
	defer s.inbox.close()
	for !s.over {
		events, full := s.inbox.take()
		if full {
			s.log.Error("rs: a copy was overrun by events and ends")
			s.client.lost.Add(1)
			s.stop()
		}
		for _, e := range events {
			s.take(e)
		}
		if !s.over {
			s.proceed()
		}
	}
	if s.timer != nil {
		s.timer.Stop()
	}
}

func (s *copying) take(e any) {
	switch e := e.(type) {
	case partyCame:
		s.came(e.party, e.voice)
	case partyLeft:
		s.left(e.endpoint)
	case partyHeld:
		if p := s.personAt(e.endpoint); p != nil && p.held != e.held {
			p.held, s.dirty = e.held, true
		}
	case paused:
		s.pause(e.on)
	case stopped:
		s.stop()
	case again:
		if e.seq == s.attempts && s.phase == phaseIdle {
			s.establish()
		}
	case late:
		if s.phase == phaseEnding {
			s.log.Error("rs: a recording session never ended")
			s.gone()
		}
	case heard:
		if e.dialog == s.dialog {
			s.hear(e.event)
		}
	}
}

// proceed does what a batch of events has led to, once.
func (s *copying) proceed() {
	switch {
	case s.phase == phaseIdle && s.attempts == 0 && !s.stopping && s.arrived >= max(len(s.of.Parties), 1): // those with whom it began come at once
		s.establish()
	case s.phase == phaseUp && s.dirty && !s.offering:
		s.update()
	}
}

func (s *copying) hear(e dialog.Event) {
	switch e := e.(type) {
	case dialog.Answered:
		s.answered(e.SDP)
	case dialog.Agreed:
		s.agreed(e)
	case dialog.Disagreed:
		if s.offering {
			s.log.Warn("rs: an update was refused by the recorder", "recorder", s.recorder().Name, "status", e.Cause.Status)
			s.offering = false
			rollback(s.endpoints())
		}
	case dialog.Offered:
		s.asked(e.With)
		s.offered(e.SDP)
	case dialog.Told:
		s.asked(e.With)
	case dialog.Ended:
		s.ended(e)
	case dialog.Progress, dialog.Digit, dialog.Referred, dialog.Identified, dialog.ReferStatus: // nothing of a recorder's business
		if _, is := e.(dialog.Referred); is {
			s.session.Refuse(sip.StatusCause(603))
		}
	}
}

func (s *copying) recorder() Recorder { return s.recorders[s.turn] }

// establish calls the recorder whose turn it is.
func (s *copying) establish() {
	s.attempts++
	r := s.recorder()
	offer, err := s.offer()
	if err == nil {
		s.sent, s.dirty = s.metadata(), false
		s.dialog++
		n := s.dialog
		s.session, err = s.client.cfg.Dial(Invitation{ID: fmt.Sprintf("%s-out%d", s.of.ID, n), Domain: s.of.Domain, Recorder: r.Name, Offer: offer,
			With: []multipart.Part{document(r.Metadata, s.sent)}}, func(e dialog.Event) { s.inbox.post(heard{n, e}) })
	}
	if err != nil {
		s.log.Warn("rs: recorder cannot be called", "recorder", r.Name, "err", err)
		s.release()
		s.fail("cannot be called", 0)
		return
	}
	s.phase = phaseCalling
}

// answered: the recorder takes the call.
func (s *copying) answered(answer media.SDP) {
	if err := accept(s.endpoints(), answer); err != nil {
		s.log.Warn("rs: the recorder's answer is unusable", "recorder", s.recorder().Name, "err", err)
		s.session.End(sip.StatusCause(488))
		return
	}
	s.known, s.lines, s.since = s.sent, len(s.endpoints()), s.client.cfg.Clock()
	s.client.sessions.Add(1)
	s.log.Info("rs: recorded outside", "recorder", s.recorder().Name, "streams", len(s.streams))
	if s.phase == phaseCalling {
		s.phase = phaseUp
	}
	s.flow()
}

func (s *copying) agreed(e dialog.Agreed) {
	if err := accept(s.endpoints(), e.SDP); err != nil {
		s.log.Warn("rs: the recorder's answer is unusable", "recorder", s.recorder().Name, "err", err)
		rollback(s.endpoints())
	} else if s.lines = len(s.endpoints()); s.offering {
		s.known = s.sent
	}
	if !e.Refresh {
		s.offering = false
	}
	s.flow()
}

// asked: the recorder wants all metadata anew (RFC 7866 section 7.1.3).
func (s *copying) asked(with []multipart.Part) {
	for _, p := range with {
		if p.Type == siprec.Request {
			s.known, s.dirty = siprec.Metadata{}, true
		}
	}
}

// update tells the recorder what has changed.
func (s *copying) update() {
	offer, err := s.offer()
	if err != nil {
		s.log.Error("rs: no offer to the recorder", "err", err)
		s.dirty = false
		return
	}
	s.offering, s.dirty, s.sent = true, false, s.metadata()
	say := s.sent
	if len(s.known.Sessions) > 0 {
		say = s.sent.Since(s.known)
	}
	if say.Empty() { // a pause changes the description alone
		s.session.OfferWith(offer)
		return
	}
	s.session.OfferWith(offer, document(s.recorder().Metadata, say))
}

// pause lets nothing leave: at once here, and so that the recorder knows why it hears nothing.
func (s *copying) pause(on bool) {
	if s.paused == on {
		return
	}
	s.paused, s.dirty = on, true
	s.flow()
}

// ended: the session is over, whoever ended it.
func (s *copying) ended(e dialog.Ended) {
	s.release()
	if s.stopping {
		s.gone()
		return
	}
	switch took := !s.since.IsZero(); {
	case took && s.client.cfg.Clock().Sub(s.since) >= holds:
		s.tried, s.brief = 0, 0
	case took:
		s.brief++
	}
	s.since = time.Time{}
	s.fail(fmt.Sprintf("%d %s", e.Cause.Status, e.Cause.Text), e.RetryAfter)
}

// fail goes on with the next recorder. When all have failed it is told, and after a while they are asked again: the later, the more often one of them
// took the call only to end it. There is a bound to all of it.
func (s *copying) fail(why string, wait time.Duration) {
	r := s.recorder()
	s.phase, s.session = phaseIdle, nil
	s.client.refused.Add(1)
	s.log.Warn("rs: a recorder does not take the call", "recorder", r.Name, "why", why)
	s.client.cfg.Alarm(s.of.Domain, r.Name, why)
	s.tried++
	s.turn = (s.turn + 1) % len(s.recorders)
	switch {
	case s.stopping:
		s.gone()
	case s.attempts >= maxAttempts:
		s.lost(why)
		s.client.abandoned.Add(1)
		s.client.cfg.Alarm(s.of.Domain, r.Name, fmt.Sprintf("given up after %d sessions for one call: %s", s.attempts, why))
	case s.tried < len(s.recorders):
		s.establish()
	default:
		s.lost(why)
		seq := s.attempts
		s.timer = time.AfterFunc(max(wait, retryAfter<<min(s.brief, maxBackOff)), func() { s.inbox.post(again{seq}) })
	}
}

// lost: no recorder has the call.
func (s *copying) lost(why string) {
	s.tried = 0
	s.client.lost.Add(1)
	if !s.told {
		s.told = true
		s.failed(fmt.Errorf("%w: %s", ErrNobody, why))
	}
}

// stop ends the session: the call is over.
func (s *copying) stop() {
	if s.stopping {
		return
	}
	s.stopping = true
	for _, st := range s.streams {
		st.silence()
	}
	if s.session == nil {
		s.gone()
		return
	}
	s.phase = phaseEnding
	s.session.End(sip.CauseNormal)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(guard, func() { s.inbox.post(late{}) })
}

func (s *copying) gone() {
	s.release()
	s.over = true
}
