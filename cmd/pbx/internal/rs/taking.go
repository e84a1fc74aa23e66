package rs

import (
	"log/slog"
	"slices"
	"time"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/multipart"
	"naisen/sip/siprec"
)

// maxAsked bounds how often one session is asked for its metadata: a client that never tells all is recorded nevertheless.
const maxAsked = 5

// track is one m= line that a client sends: one voice of the recording.
type track struct {
	label   string
	leg     media.Endpoint // nil: we do not take it
	bridge  media.Bridge   // it is alone in it, so that nothing is played or sent to it
	speaker siprec.ID      // who the recording believes to speak; empty: nobody in particular
	there   bool           // the recording knows that somebody is there
}

// chronicle is a recording that keeps who left, and by which rules it is kept, as how confidential.
type chronicle interface {
	Left(endpoint string)
	Kept(days int, label recorder.Label)
}

// pauser is a recording that can keep a stretch empty, and says so.
type pauser interface {
	Pause(recorder.Order) bool
	Resume(recorder.Order)
}

// taking is one session that we record. All but inbox belongs to its goroutine, once it runs.
type taking struct {
	server  *Server
	request Request
	log     *slog.Logger
	inbox   *inbox
	session Session

	tracks    []*track
	joiner    sdp.Joiner
	story     siprec.Metadata
	rule      Rule
	recording recorder.Recording
	paused    bool
	offering  bool // an offer of ours is open
	asked     int
	ended     bool // End was called
	over      bool
	timer     *time.Timer
}

func newTaking(s *Server, r Request) *taking {
	t := &taking{server: s, request: r, inbox: newInbox(), log: s.cfg.Log.With("recording", r.ID, "domain", r.Peer.Domain, "trunk", r.Peer.Trunk)}
	if r.Metadata != nil {
		t.story = *r.Metadata
		t.story.Partial = false
	}
	return t
}

func (t *taking) run() {
	defer t.server.forget(t)
	defer t.inbox.close()
	defer t.release()
	t.begin()
	for !t.over {
		events, full := t.inbox.take()
		if full {
			t.log.Error("rs: a recording session was overrun by events and ends")
			t.end(sip.StatusCause(500))
		}
		for _, e := range events {
			t.take(e)
		}
	}
	if t.timer != nil {
		t.timer.Stop()
	}
}

func (t *taking) take(e any) {
	switch e := e.(type) {
	case dialog.Offered:
		t.offered(e)
	case dialog.Told:
		if m, err := Metadata(e.With); err != nil {
			t.refused(err)
			t.ask()
		} else if m != nil {
			t.learn(*m)
		}
	case dialog.Agreed:
		t.offering = false
		if err := accept(t.legs(), e.SDP); err != nil {
			t.log.Warn("rs: the client's answer is unusable", "err", err)
			rollback(t.legs())
		}
	case dialog.Disagreed:
		if t.offering {
			t.offering = false
			rollback(t.legs())
		}
	case dialog.Referred:
		t.session.Refuse(sip.StatusCause(603))
	case dialog.Ended:
		t.stop(e.Cause)
	case ending:
		t.end(e.cause)
	case captureFailed:
		t.failed(e.err)
	case late:
		t.log.Error("rs: a recording session never ended")
		t.over = true
	}
}

// captureFailed is an event: the recording cannot be kept.
type captureFailed struct{ err error }

// begin answers the INVITE and starts the recording.
func (t *taking) begin() {
	answer, err := t.answer(t.request.Offer)
	if err != nil {
		t.log.Warn("rs: the client's offer is unusable", "err", err)
		t.end(sip.StatusCause(488))
		return
	}
	if !t.record() {
		return
	}
	t.pause(sdp.Inactive(t.request.Offer))
	t.session.Answer(answer)
	t.server.sessions.Add(1)
	t.log.Info("rs: recording for another system", "streams", len(t.tracks), "policy", t.rule.Policy, "number", t.rule.Number)
}

// answer takes an offer: known streams as they are, more of them behind. At least one must be usable. On an error the session is as it was before the
// offer (RFC 3261 section 14.1).
func (t *taking) answer(offer media.SDP) (media.SDP, error) {
	if t.offering { // glare
		return nil, media.ErrState
	}
	parts, err := sdp.Split(offer)
	if err != nil {
		return nil, err
	}
	if len(parts) < len(t.tracks) { // RFC 3264 section 8: none may go
		return nil, media.ErrSDP
	}
	refusals := make([]media.SDP, len(parts))
	for i, p := range parts {
		if refusals[i], err = sdp.Refuse(p.SDP); err != nil {
			return nil, err
		}
	}
	tracks, usable := slices.Clone(t.tracks), 0
	for i, p := range parts {
		if i == len(tracks) {
			tracks = append(tracks, &track{})
		}
		if leg := tracks[i].leg; leg != nil && answerable(leg, p.SDP, t.want()) == nil {
			usable++
		}
	}
	for i, p := range parts { // what is new changes nothing for what is there
		if tr := tracks[i]; tr.leg == nil {
			if parts[i].SDP, err = t.hear(tr, p.SDP); err == nil {
				usable++
				refusals[i] = nil
				continue
			}
			t.drop(tr)
		}
	}
	if usable == 0 {
		return nil, media.ErrNoMatch
	}
	t.answerAll(tracks, parts, refusals)
	return t.joiner.Join(parts...)
}

// answerAll answers what was there before, and puts all in force. A stream that cannot be used goes.
func (t *taking) answerAll(tracks []*track, parts []sdp.Part, refusals []media.SDP) {
	t.tracks = tracks
	for i, tr := range tracks {
		tr.label = parts[i].Label
		switch {
		case refusals[i] == nil: // new
		case tr.leg == nil:
			parts[i].SDP = refusals[i]
		default:
			answer, err := tr.leg.Answer(parts[i].SDP, t.want())
			if err != nil {
				t.drop(tr)
				answer = refusals[i]
			}
			parts[i].SDP = answer
		}
	}
}

// hear makes what is needed for a stream that we do not take yet, and answers its offer.
func (t *taking) hear(tr *track, offer media.SDP) (media.SDP, error) {
	leg, err := t.server.cfg.Engine.Endpoint(t.request.Peer.Profile, func(media.Event) {}) // what a voice does is in the recording; a silent one is ended by its session
	if err != nil {
		return nil, err
	}
	tr.leg = leg
	tr.bridge = t.server.cfg.Engine.Bridge()
	if t.recording != nil {
		tr.bridge.Attach(t.recording.Tap())
	}
	if err := tr.bridge.Join(leg); err != nil {
		return nil, err
	}
	return leg.Answer(offer, t.want())
}

func (t *taking) want() media.Want {
	return media.Want{Security: t.request.Peer.Security, Direction: media.RecvOnly}
}

// drop gives a stream up.
func (t *taking) drop(tr *track) {
	if tr.leg == nil {
		return
	}
	t.leave(tr)
	if err := tr.bridge.Close(); err != nil {
		t.log.Error("rs: bridge", "err", err)
	}
	if err := tr.leg.Close(); err != nil {
		t.log.Error("rs: leg", "err", err)
	}
	tr.leg, tr.bridge = nil, nil
}

// legs that we have, in the order of the m= lines.
func (t *taking) legs() (out []media.Endpoint) {
	for _, tr := range t.tracks {
		if tr.leg != nil {
			out = append(out, tr.leg)
		}
	}
	return out
}

// offered answers a re-INVITE or UPDATE: other streams, a pause, other people.
func (t *taking) offered(e dialog.Offered) {
	m, err := Metadata(e.With)
	if err != nil {
		t.refused(err)
		t.session.Refuse(sip.StatusCause(400).WithText("Bad recording metadata"))
		return
	}
	if e.SDP == nil {
		t.reoffer(nil)
	} else {
		answer, err := t.answer(e.SDP)
		if err != nil {
			t.log.Warn("rs: the client's offer is unusable", "err", err)
			t.session.Refuse(refusal(err))
			return
		}
		t.pause(sdp.Inactive(e.SDP))
		t.session.Reply(answer)
	}
	if m != nil {
		t.learn(*m)
	} else {
		t.name()
	}
}

// reoffer makes an offer of ours: in answer to an INVITE without one, or with a question.
func (t *taking) reoffer(with []multipart.Part) {
	legs := t.legs()
	switch {
	case t.offering && with == nil:
		t.session.Refuse(refusal(media.ErrState))
		return
	case len(legs) != len(t.tracks) && with == nil: // a stream that we refused cannot be offered in its place
		t.session.Refuse(sip.StatusCause(488))
		return
	case t.offering, len(legs) != len(t.tracks):
		return
	}
	labels := make([]string, len(legs))
	for i, tr := range t.tracks {
		labels[i] = tr.label
	}
	offer, err := offers(&t.joiner, legs, labels, func(int) media.Want { return t.want() })
	switch {
	case err != nil && with == nil:
		t.session.Refuse(refusal(err))
	case err != nil:
		t.log.Warn("rs: no offer to the client", "err", err)
	case with == nil:
		t.offering = true
		t.session.Reply(offer)
	default:
		t.offering = true
		t.session.OfferWith(offer, with...)
	}
}

// ask wants all metadata (RFC 7866 section 7.1.3).
func (t *taking) ask() {
	if t.asked == maxAsked || t.ended {
		return
	}
	t.asked++
	t.server.asked.Add(1)
	t.reoffer([]multipart.Part{{Type: siprec.Request, Disposition: siprec.Disposition, Body: []byte("Metadata is missing\r\n")}})
}

func (t *taking) refused(err error) {
	t.server.malformed.Add(1)
	t.log.Warn("rs: metadata refused", "err", err)
}

// end ends the session; its last event follows.
func (t *taking) end(c sip.Cause) {
	if t.ended {
		return
	}
	t.ended = true
	t.session.End(c)
	t.timer = time.AfterFunc(guard, func() { t.inbox.post(late{}) })
}

// stop closes the recording as soon as the session is over.
func (t *taking) stop(c sip.Cause) {
	t.over = true
	if c.Text == "" {
		c = sip.StatusCause(c.Status)
	}
	if t.recording != nil {
		t.recording.Stop(t.server.cfg.Clock(), c.Text)
		t.recording = nil
	}
}

func (t *taking) release() {
	if t.recording != nil {
		t.recording.Stop(t.server.cfg.Clock(), "interrupted")
		t.recording = nil
	}
	for _, tr := range t.tracks {
		t.drop(tr)
	}
}
