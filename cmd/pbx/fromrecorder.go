package main

import (
	"errors"
	"slices"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/route"
	"naisen/cmd/pbx/internal/rs"
	"naisen/media"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siprec"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// recordingSession takes the INVITE of a system that sends us its calls to record (RFC 7866); false: it is none, or from nobody whom we know as
// such. What such a trunk sends besides is no call.
func (s *signalling) recordingSession(tx *stack.ServerTx) bool {
	req := tx.Request()
	if s.srs == nil || !slices.Contains(req.Require(), siprec.Option) {
		return false
	}
	at, p, ok := s.recordingPeer(req)
	if !ok {
		return false
	}
	if s.draining.Load() || s.full(at) {
		s.refuse(tx, sip.CauseOverload)
		return true
	}
	if at.Trunk.RecordPolicy == "" {
		s.refuse(tx, sip.CauseForbidden)
		return true
	}
	sdp, with := dialog.Content(req, siprec.Types...)
	story, err := rs.Metadata(with)
	if err != nil {
		s.srs.Malformed()
		s.log.Warn("signalling: recording session refused", "trunk", at.Trunk.Name, "err", err)
		r := stack.NewResponse(req, 400, "Bad recording metadata")
		r.Add("Warning", `399 `+at.Domain+` "`+err.Error()+`"`)
		s.respond(tx, r)
		return true
	}
	in := s.incoming(req, at, p)
	in.Request = route.Request{Domain: at.Domain, Trunk: at.Trunk.Name}
	id := newID()
	err = s.srs.Begin(rs.Request{ID: id, CallID: req.CallID(), Offer: media.SDP(sdp), Metadata: story,
		Peer: rs.Peer{Domain: at.Domain, Trunk: at.Trunk.Name, Profile: in.Profile, Security: in.Security}}, s.acceptRecording(tx, id, in))
	var refused *dialog.Refused
	switch {
	case errors.As(err, &refused), errors.Is(err, dialog.ErrClosed): // answered already
		s.log.Info("signalling: recording session refused", "trunk", at.Trunk.Name, "err", err)
	case err != nil:
		s.log.Warn("signalling: recording session refused", "trunk", at.Trunk.Name, "err", err)
		s.refuse(tx, sip.CauseOverload)
	}
	return true
}

// acceptRecording makes the dialog of a recording session.
func (s *signalling) acceptRecording(tx *stack.ServerTx, id string, in call.Incoming) func(func(dialog.Event)) (rs.Session, error) {
	return func(on func(dialog.Event)) (rs.Session, error) {
		on, leave := s.arrived(in, on)
		m := s.manner(in)
		m.Features, m.Knows, m.Takes = sip.Params{{Name: siprec.Server, Flag: true}}, []string{siprec.Option}, siprec.Types
		session, err := s.ua.AcceptAs(tx, id, m, on)
		if err != nil {
			leave()
			return nil, err
		}
		return session, nil
	}
}

// recordingPeer is the trunk of that role which a request comes from, by its address and certificate as of any trunk.
func (s *signalling) recordingPeer(req *stack.Request) (directory.TrunkAt, *trunk.Profile, bool) {
	for _, at := range s.trunksOf(s.directory.Snapshot(), req.Flow) {
		if at.Trunk.Role != provisioning.RoleSIPREC {
			continue
		}
		if p, ok := s.proved(at, req.Flow); ok {
			return at, p, true
		}
	}
	return directory.TrunkAt{}, nil, false
}

// full says that a trunk has as many sessions as it may.
func (s *signalling) full(at directory.TrunkAt) bool {
	n := at.Trunk.MaxCalls
	return n > 0 && s.book != nil && s.book.Status(health.Key{Domain: at.Domain, Trunk: at.Trunk.Name}).Calls >= n
}

// recordingRule is how a system's call is recorded: it is the case of the first number of ours in it that is recorded, else of its trunk, and kept as the
// strictest of all of them demand; not at all where one of ours is never recorded.
func (s *signalling) recordingRule(p rs.Peer, numbers []string) (found rs.Rule) {
	snap := s.directory.Snapshot()
	for _, n := range numbers {
		if international := e164(n); international != "" {
			n = international
		}
		switch rule, ok := snap.PolicyOf(p.Domain, n); {
		case ok && rule.Record == provisioning.RecordNever:
			return rs.Rule{Never: n}
		case ok && rule.Record == provisioning.RecordAlways && found.Policy == "":
			found = ruleOf(rule)
			found.Number = n
		case ok && rule.Record == provisioning.RecordAlways:
			found = found.Strictest(ruleOf(rule))
		}
	}
	t, _ := snap.Trunk(p.Domain, p.Trunk)
	rule, ok := snap.Policy(p.Domain, t.RecordPolicy)
	if !ok { // the trunk was changed in this moment: kept without end rather than not at all
		rule.Name = t.RecordPolicy
	}
	if found.Policy == "" {
		return ruleOf(rule)
	}
	return found.Strictest(ruleOf(rule))
}

func ruleOf(p provisioning.RecordingPolicy) rs.Rule {
	return rs.Rule{Policy: p.Name, Retention: p.RetentionDays, Label: recorder.Label(p.Label.Or()), Refuse: p.OnFailure == "refuse"}
}
