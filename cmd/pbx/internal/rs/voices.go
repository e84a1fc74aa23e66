package rs

import (
	"strings"

	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/siprec"
)

// record starts the recording of the streams that there are; false: it must be one, and cannot.
func (t *taking) record() bool {
	p := t.request.Peer
	t.rule = t.server.cfg.Rule(p, t.numbers())
	if t.forbidden(t.rule) {
		return false
	}
	of := recorder.Case{ID: t.request.ID, Domain: p.Domain, Call: t.request.ID, DID: t.rule.Number, Direction: "siprec", Policy: t.rule.Policy,
		RetentionDays: t.rule.Retention, Label: t.rule.Label, Started: t.server.cfg.Clock(), Source: t.source()}
	for i, tr := range t.tracks {
		if tr.leg != nil {
			of.Parties = append(of.Parties, t.speaking(i, tr))
		}
	}
	rec, err := t.server.cfg.Recorder.Start(of)
	if err != nil {
		t.failed(err)
		t.end(sip.StatusCause(503)) // a session without a recording has no use
		return false
	}
	t.recording = rec
	rec.OnFailure(func(err error) { t.inbox.post(captureFailed{err}) })
	for _, tr := range t.tracks {
		if tr.bridge != nil {
			tr.bridge.Attach(rec.Tap())
		}
	}
	return true
}

// forbidden ends the session of a call in which somebody takes part who is never recorded.
func (t *taking) forbidden(r Rule) bool {
	if r.Never == "" {
		return false
	}
	t.log.Warn("rs: a number that is never recorded takes part", "number", r.Never)
	t.end(sip.CauseForbidden)
	return true
}

// source is where the recording comes from.
func (t *taking) source() *recorder.Source {
	s := &recorder.Source{Peer: t.request.Peer.Trunk, CallID: t.request.CallID}
	if len(t.story.Sessions) > 0 {
		first := t.story.Sessions[0]
		s.Session, s.Group = string(first.ID), string(first.Group)
		if len(first.SIPSessions) > 0 {
			s.SIPSession = first.SIPSessions[0]
		}
	}
	return s
}

// numbers are those of everybody that the metadata names.
func (t *taking) numbers() (out []string) {
	for _, p := range t.story.Participants {
		if n := numberOf(p); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// speaking is the party of a stream as the metadata has it, and notes that it is there. The first stream is the caller's, on the left.
func (t *taking) speaking(i int, tr *track) recorder.Party {
	role := "called"
	if i == 0 {
		role = "caller"
	}
	party := recorder.Party{Endpoint: tr.leg.ID(), Role: role}
	tr.there = true
	if s, ok := t.story.StreamOf(tr.label); ok {
		if p, ok := t.story.Speaker(s.ID); ok {
			party.Number, party.Name, tr.speaker = numberOf(p), p.Name, p.ID
			return party
		}
	}
	party.Name, tr.speaker = tr.label, "" // nobody said who it is
	return party
}

// learn takes a document over.
func (t *taking) learn(m siprec.Metadata) {
	complete := !m.Partial || t.story.Knows(m)
	if err := t.story.Apply(m); err != nil {
		t.refused(err)
		t.ask()
		return
	}
	r := t.server.cfg.Rule(t.request.Peer, t.numbers())
	if t.forbidden(r) {
		return
	}
	t.rule = t.rule.Strictest(r)
	if k, ok := t.recording.(chronicle); ok {
		k.Kept(t.rule.Retention, t.rule.Label)
	}
	t.name()
	if !complete {
		t.ask()
	}
}

// name tells the recording who speaks where from now on. Who only holds is still there.
func (t *taking) name() {
	if t.recording == nil {
		return
	}
	for i, tr := range t.tracks {
		if tr.leg == nil {
			continue
		}
		s, known := t.story.StreamOf(tr.label)
		p, speaks := t.story.Speaker(s.ID)
		switch {
		case !tr.there && (speaks || !known), known && speaks && p.ID != tr.speaker:
			t.recording.Party(t.speaking(i, tr))
		case tr.there && tr.speaker != "" && !speaks && t.story.Left(tr.speaker):
			t.leave(tr)
		}
	}
}

// leave tells the recording that nobody speaks in a stream any more.
func (t *taking) leave(tr *track) {
	if k, ok := t.recording.(chronicle); ok && tr.there {
		k.Left(tr.leg.ID())
	}
	tr.there, tr.speaker = false, ""
}

// pause marks the stretch in which the client sends nothing by its own wish: the manifest says why it is empty.
func (t *taking) pause(on bool) {
	p, ok := t.recording.(pauser)
	if !ok || t.paused == on {
		return
	}
	t.paused = on
	by := recorder.Order{By: t.request.Peer.Trunk, How: recorder.BySIPREC}
	if on {
		p.Pause(by)
		return
	}
	p.Resume(by)
}

// failed: the recording is not kept, or not wholly.
func (t *taking) failed(err error) {
	t.log.Error("rs: recording failed", "err", err, "refuse", t.rule.Refuse)
	t.server.cfg.Failed(t.request.Peer.Domain, t.request.Peer.Trunk)
	if t.rule.Refuse {
		t.end(sip.StatusCause(503))
	}
}

// numberOf is the user part of a participant's address; empty: it has none, or is anonymous.
func numberOf(p siprec.Participant) string {
	u, err := sip.ParseURI(p.AOR)
	if err != nil || strings.EqualFold(u.User, "anonymous") {
		return ""
	}
	return u.User
}
