package dialog

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Accept makes a session of an inbound INVITE without To tag that was authenticated before. It sends 100, so that nobody retransmits
// while the call is thought about. An error means that the INVITE was answered: *Refused, or ErrClosed. The offer, if any, is the
// request's body; Ring, Answer and End go on from here.
func (u *UA) Accept(tx *stack.ServerTx, id string, on func(Event)) (*Session, error) {
	return u.AcceptAs(tx, id, Manner{}, on)
}

// Manner is how an inbound session is led where the peer's profile says so. The zero value is Config's own.
type Manner struct {
	Advertise    string        // host of our Contact, and of Via in requests of ours
	SessionTimer time.Duration // negative: none but what the peer asks for
	Style        Style         // Allow and Supported of it
	Trusted      bool          // it and we are of one trust domain: early media is announced where it asks for that (RFC 5009)
	Features     sip.Params    // of our Contact (RFC 3840): +sip.srs
	Knows        []string      // option tags that this session has beyond Config's: siprec
	Takes        []string      // media types of bodies beside SDP, as events tell them
}

// AcceptAs is Accept in the manner that a peer wants.
func (u *UA) AcceptAs(tx *stack.ServerTx, id string, m Manner, on func(Event)) (*Session, error) {
	req := tx.Request()
	respond(u.log, tx, stack.NewResponse(req, 100, ""))
	cs, contactErr := req.Contacts()
	routes, routeErr := req.RecordRoutes()
	offer, _, known := content(&req.Headers, req.Body, m.Takes)
	unsupported := u.unsupported(req, m.Knows)
	switch {
	case contactErr != nil || routeErr != nil || len(cs) != 1 || cs[0].Wildcard():
		return nil, u.refuse(tx, 400, nil)
	case req.MaxForwards() == 0: // every INVITE that we take may lead to another one (threats.md C21)
		return nil, u.refuse(tx, 483, nil)
	case len(unsupported) > 0:
		return nil, u.refuse(tx, 420, func(r *stack.Response) { r.Set("Unsupported", joinTags(unsupported)) })
	case !known:
		return nil, u.refuse(tx, 415, unsupportedBody(acceptOf(m.Takes)))
	case !takesSDP(&req.Headers):
		return nil, u.refuse(tx, 406, nil)
	}
	ask := readSessionExpires(&req.Headers)
	if ask.interval > 0 && ask.interval < u.cfg.MinSE {
		return nil, u.refuse(tx, 422, u.minSE)
	}

	from := req.From()
	seq, _ := req.CSeq()
	s := &Session{
		ua: u, id: id, callID: strings.Clone(req.CallID()), localTag: strings.Clone(req.LocalTag()), inbound: true, hops: req.MaxForwards(),
		on: on, in: tx,
		dlg: dialogState{
			tag: strings.Clone(from.Tag()), remote: strings.Clone(req.Get("From")), target: cs[0].URI, routes: routes,
			to: stack.Target{Flow: req.Flow, Advertise: m.Advertise}, seq: seq, sdp: offer, update: has(req.All("Allow"), "UPDATE"),
			fromChange: has(req.Supported(), "from-change"), recordAware: has(req.Supported(), "record-aware"),
		},
		routeSelf: req.Lines("Record-Route"),
	}
	s.local = strings.Clone(stack.NewResponse(req, 200, "").Get("To"))
	s.features, s.knows, s.takes = m.Features, m.Knows, m.Takes
	s.contact = s.contactFor(u.cfg.ContactUser, s.dlg.to)
	s.rel.init(u, req)
	s.se.ask, s.se.never = ask, m.SessionTimer < 0
	s.who.theirs = strings.Join(req.Lines("P-Asserted-Identity"), ",") + "\n" + strings.Join(req.Lines("Privacy"), ";") // the owner has read it
	s.allow, s.supported = strings.Join(m.Style.Allow, ", "), strings.Join(m.Style.Supported, ", ")
	s.gated = m.Trusted && slices.ContainsFunc(req.All("P-Early-Media"), func(v string) bool { return strings.EqualFold(v, "supported") })
	s.publish()
	switch err := u.add(s, inviteKey{s.callID, s.dlg.tag, seq}); err {
	case nil:
	case errMerged: // the same INVITE by another way (RFC 3261 section 8.2.2.2)
		return nil, u.refuse(tx, 482, nil)
	default:
		_ = u.refuse(tx, 503, func(r *stack.Response) { r.Set("Retry-After", "10") })
		return nil, err
	}
	u.log.Debug("session", slog.String("leg", id), slog.String("call_id", s.callID), slog.Bool("inbound", true), slog.String("phase", "invite"))
	return s, nil
}

// takesSDP: without Accept an INVITE takes SDP (RFC 3261 section 20.1); with one that leaves it out there is nothing to answer with.
func takesSDP(h *stack.Headers) bool {
	if !h.Has("Accept") {
		return true
	}
	for _, e := range h.All("Accept") {
		kind, _, _ := strings.Cut(e, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case typeSDP, "application/*", "*/*":
			return true
		}
	}
	return false
}

func (u *UA) refuse(tx *stack.ServerTx, status int, fill func(*stack.Response)) error {
	r := stack.NewResponse(tx.Request(), status, "")
	if fill != nil {
		fill(r)
	}
	respond(u.log, tx, r)
	return &Refused{sip.StatusCause(status)}
}

func (s *Session) contactFor(user string, to stack.Target) string {
	return sip.Address{URI: s.ua.st.Contact(user, to), Params: s.features}.String()
}

// refuseWith answers the open INVITE with a failure.
func (s *Session) refuseWith(c sip.Cause) {
	tx := s.in
	if tx == nil {
		return
	}
	s.in = nil
	s.reply(tx, finalStatus(c), func(r *stack.Response) {
		if v := responseReason(c); v != "" {
			r.Set("Reason", v)
		}
		if finalStatus(c) == 405 {
			r.Set("Allow", s.ua.allow)
		}
	})
}

// reject is End before the answer: a failure response.
func (s *Session) reject(c sip.Cause) {
	s.refuseWith(c)
	s.ended(Ended{Cause: c})
	s.over()
}

// keepRinging repeats the last provisional every minute: proxies on the way give up after three (RFC 3261 section 13.3.1.1).
func (s *Session) keepRinging() {
	s.ring.set(s, time.Minute, func() {
		if s.phase != phaseInvite || s.in == nil {
			return
		}
		if s.rel.waiting == nil && s.held() == nil {
			s.provisional(s.rel.last)
		}
		s.keepRinging()
	})
}
