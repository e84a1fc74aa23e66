package dialog

import (
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

const (
	maxReferredBy = 512             // bytes (Teams sends up to about 400)
	referPatience = 3 * time.Minute // without a NOTIFY a REFER of ours has failed
	notifyLimit   = 4 * time.Second // so long End waits for the last word on the peer's REFER to arrive
	fragType      = "message/sipfrag"
)

// subscription is the peer's REFER and what we tell it about the outcome (RFC 3515 section 2.4.4). One at a time.
type subscription struct {
	tx    *stack.ServerTx // until it is accepted or refused
	event string          // "refer", or with id= from the second REFER of a dialog on (section 2.4.6)
	quiet bool            // Refer-Sub: false (RFC 4488)
	busy  bool            // a NOTIFY is on its way: they must not overtake each other
	last  bool            // and it is the last one
	next  sip.Cause       // what to say after it; Status 0: nothing
}

// sentRefer is a REFER of ours whose outcome is awaited.
type sentRefer struct{ patience timer }

func (s *Session) dropRefers() {
	if s.refer != nil && s.refer.tx != nil {
		s.reply(s.refer.tx, 481, nil)
	}
	if s.sent != nil {
		s.sent.patience.clear()
	}
	s.refer, s.sent = nil, nil
}

// peerRefer takes a REFER. Whether it is allowed is the owner's to say.
func (s *Session) peerRefer(tx *stack.ServerTx) {
	req := tx.Request()
	lines := req.All("Refer-To")
	if s.phase != phaseUp || s.refer != nil {
		s.reply(tx, 491, nil)
		return
	}
	if len(lines) != 1 {
		s.reply(tx, 400, nil)
		return
	}
	to, err := sip.ParseAddress(lines[0])
	if err != nil {
		s.reply(tx, 400, nil)
		return
	}
	if m, ok := to.URI.Params.Get("method"); ok && !strings.EqualFold(m, "INVITE") {
		s.reply(tx, 603, nil)
		return
	}
	e := Referred{To: to.URI.WithoutHeaders().WithoutParam("method")}
	for _, h := range to.URI.Headers {
		if !strings.EqualFold(h.Name, "Replaces") {
			continue
		}
		r, ok := parseReplaces(h.Value)
		if !ok {
			s.reply(tx, 400, nil)
			return
		}
		e.ReplacesCallID, e.ReplacesTo, e.ReplacesFrom, e.ReplacesEarly = r.CallID, r.To, r.From, r.Early
	}
	if by := req.Get("Referred-By"); len(by) <= maxReferredBy {
		e.ReferredBy = by
	}
	s.refer = &subscription{tx: tx, event: "refer", quiet: strings.EqualFold(req.Get("Refer-Sub"), "false")}
	if s.referred {
		seq, _ := req.CSeq()
		s.refer.event += ";id=" + strconv.FormatUint(uint64(seq), 10)
	}
	s.referred = true
	s.on(e)
}

// ReferProgress accepts the peer's REFER, if that was not done, and tells it how far the new call is: a status below 200 is progress,
// anything else ends the report.
func (s *Session) ReferProgress(c sip.Cause) {
	s.do(func() {
		r := s.refer
		if r == nil {
			return
		}
		if r.tx != nil {
			s.reply(r.tx, 202, func(resp *stack.Response) {
				resp.Set("Contact", s.contact)
				if r.quiet {
					resp.Set("Refer-Sub", "false")
				}
			})
			r.tx = nil
		}
		if c.Status < 100 {
			c.Status = 100
		}
		if r.next.Status < 200 {
			r.next = c
		}
		s.notifyRefer(r)
	})
}

func (s *Session) notifyRefer(r *subscription) {
	if r.busy || r.next.Status == 0 || s.phase != phaseUp || s.refer != r {
		return
	}
	status := r.next.Status
	r.next, r.busy = sip.Cause{}, true
	r.last = status >= 200
	if r.quiet {
		r.busy = false
		s.reported(r)
		return
	}
	s.send(&s.dlg, "NOTIFY", func(req *stack.Request) {
		req.Set("Event", r.event)
		req.Set("Subscription-State", "active;expires=180")
		if status >= 200 {
			req.Set("Subscription-State", "terminated;reason=noresource")
		}
		req.SetBody(fragType+";version=2.0", []byte("SIP/2.0 "+strconv.Itoa(status)+" "+sip.StatusText(status)+"\r\n"))
	}, func(_ *stack.ClientTx, resp *stack.Response, err error) {
		if resp != nil && resp.Status < 200 {
			return
		}
		r.busy = false
		r.last = r.last || err != nil || resp.Status >= 300 // nobody listens
		s.reported(r)
		s.notifyRefer(r)
	})
}

// reported forgets a REFER after the last word on it, and ends the session if that was waiting: a BYE that overtook the NOTIFY would
// leave the referrer without the outcome (RFC 5589 section 6).
func (s *Session) reported(r *subscription) {
	if !r.last || s.refer != r {
		return
	}
	s.refer = nil
	if s.leaving.running() {
		s.leaving.clear()
		s.bye(s.end, false)
	}
}

// endReported ends the session once the peer knows what came of its REFER.
func (s *Session) endReported(c sip.Cause) bool {
	if r := s.refer; s.phase != phaseUp || r == nil || r.tx != nil || r.next.Status < 200 && !r.last {
		return false
	}
	if !s.leaving.running() {
		s.end = c
		s.leaving.set(s, notifyLimit, func() { s.bye(c, false) })
	}
	return true
}

// Refer asks the peer to call to; replaces, when not nil, is the session with to that the new call takes over (RFC 3515, RFC 3891).
// What comes of it arrives as ReferStatus.
func (s *Session) Refer(to sip.URI, replaces *Session) {
	value := ""
	if replaces != nil {
		value = replaces.replacing()
	}
	s.do(func() {
		if !s.alive() {
			return
		}
		if s.phase != phaseUp || s.sent != nil {
			s.on(ReferStatus{sip.StatusCause(491)})
			return
		}
		if value != "" {
			to = to.WithoutHeaders()
			to.Headers = sip.Params{{Name: "Replaces", Value: value}}
		}
		s.sent = &sentRefer{}
		s.sent.patience.set(s, referPatience, func() { s.referDone(sip.CauseTimeout) })
		s.send(&s.dlg, "REFER", func(r *stack.Request) {
			r.Set("Refer-To", sip.Address{URI: to}.String())
			if me, err := sip.ParseAddress(s.local); err == nil {
				r.Set("Referred-By", sip.Address{URI: me.URI}.String())
			}
		}, s.referAnswered)
	})
}

func (s *Session) referAnswered(_ *stack.ClientTx, resp *stack.Response, err error) {
	switch {
	case !s.alive() || resp != nil && resp.Status < 300: // NOTIFY tells the rest
	case err != nil:
		s.referDone(sip.CauseTimeout)
	case fails("REFER", resp.Status):
		s.bye(readCause(resp.Status, false, resp.Lines("Reason")), true)
	default:
		s.referDone(readCause(resp.Status, false, resp.Lines("Reason")))
	}
}

func (s *Session) referDone(c sip.Cause) {
	if s.sent == nil {
		return
	}
	s.sent.patience.clear()
	s.sent = nil
	s.on(ReferStatus{c})
}

// peerNotify takes the report on our REFER; there is no other subscription in this dialog.
func (s *Session) peerNotify(tx *stack.ServerTx) {
	req := tx.Request()
	event, _, _ := strings.Cut(req.Get("Event"), ";")
	status, ok := parseFrag(string(req.Body))
	switch {
	case !strings.EqualFold(strings.TrimSpace(event), "refer"):
		s.reply(tx, 489, func(r *stack.Response) { r.Set("Allow-Events", "refer") })
		return
	case s.sent == nil:
		s.reply(tx, 481, nil)
		return
	case len(req.Body) > 0 && (!mediaType(&req.Headers, fragType) || !ok):
		s.reply(tx, 415, unsupportedBody(fragType))
		return
	}
	s.reply(tx, 200, nil)
	state, _, _ := strings.Cut(req.Get("Subscription-State"), ";")
	switch {
	case status >= 200:
		s.referDone(sip.StatusCause(status))
	case strings.EqualFold(strings.TrimSpace(state), "terminated"): // gave up without saying how it went
		s.referDone(sip.CauseTimeout)
	case status >= 100:
		s.sent.patience.set(s, referPatience, func() { s.referDone(sip.CauseTimeout) })
		s.on(ReferStatus{sip.StatusCause(status)})
	}
}

// parseFrag reads the status of a message/sipfrag (RFC 3420): its first line is all that counts.
func parseFrag(body string) (int, bool) {
	line, _, _ := strings.Cut(body, "\n")
	version, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	code, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(code)
	if err != nil || !strings.EqualFold(version, "SIP/2.0") || n < 100 || n > 699 {
		return 0, false
	}
	return n, true
}
