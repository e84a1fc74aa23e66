package dialog

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/multipart"
	"naisen/sip/stack"
)

const (
	maxForks        = 32  // early dialogs of one INVITE; each To tag is one
	maxProvisionals = 500 // looked at for one INVITE
)

// Invite is an outbound call.
type Invite struct {
	ID           string           // name of the session, for logs
	URI          sip.URI          // Request-URI
	To, From     sip.Address      // a tag is taken off, ours is put on
	Targets      []stack.Target   // tried in order when one fails, stays silent or answers 430 or 503
	Others       []Place          // Request-URI and route set of Targets[1:], where they have their own
	Routes       []sip.Address    // preloaded route set: a Path, an outbound proxy
	Body         []byte           // the offer; required
	With         []multipart.Part // what goes with it
	Takes        []string         // media types of bodies beside SDP, as events tell them
	Features     sip.Params       // of our Contact (RFC 3840): +sip.src
	Headers      []stack.Header   // extra headers, those of allowedExtra only
	MaxForwards  int              // that of the inbound INVITE behind it, sent one lower; 0: a call of our own, 70
	ContactUser  string           // user part of our Contact; empty: Config.ContactUser
	Timeout      time.Duration    // until it must be answered; 0: Config.RingTimeout after the latest provisional (timer C)
	SessionTimer time.Duration    // Session-Expires asked for; 0: Config.SessionExpires; negative: none
	Silence      time.Duration    // until the last target must have said something, else it failed with 408; 0: Timer B
	Style        Style            // what the peer insists on

	// Authorize adds credentials for a challenge to req, or says why not. Nil: no challenge is ever answered (threats.md B13). It runs
	// on the shard and must not block.
	Authorize func(req *stack.Request, challenge *stack.Response) error
}

// Place is what differs between the targets of one Invite: each flow of a device was registered with a Contact and a Path of its own.
type Place struct {
	URI    sip.URI
	Routes []sip.Address
}

// Style is how a peer wants the requests of a session: data of its profile. The zero value is Config's own.
type Style struct {
	Allow     []string      // methods announced
	Supported []string      // option tags announced
	Require   []string      // option tags required in the INVITE (RFC 3261 section 20.32): "100rel"; "timer" (RFC 4028 section 7.1)
	MinSE     time.Duration // smallest interval accepted
	Refresher string        // "uac" or "uas" asked for; empty: the peer's choice
}

// allowedExtra are the headers that a caller of Invite may set; the others are the session's own.
var allowedExtra = map[string]bool{
	"P-Asserted-Identity": true, "P-Preferred-Identity": true, "Privacy": true, "Diversion": true, "History-Info": true, "Alert-Info": true,
	"Call-Info": true, "Referred-By": true, "Replaces": true, "P-Early-Media": true, "P-Charging-Vector": true, "Answer-Mode": true,
	"Subject": true, "Priority": true, "Identity": true, "Date": true, "Accept-Language": true, "User-To-User": true,
}

// outgoing is what an outbound INVITE needs until it is answered.
type outgoing struct {
	inv        Invite
	target     int
	now        *attempt
	challenges int
	interval   time.Duration // Session-Expires to ask for
	minSE      time.Duration
	asked      int // 422s
	last       Progress
}

// attempt is one INVITE request. A late answer to an earlier one finds its own attempt.
type attempt struct {
	s            *Session
	tx           *stack.ClientTx
	seq          uint32
	to           stack.Target
	heard        bool // some response came
	next         timer
	forks        []*dialogState
	killed       []string // To tags whose 2xx was ended with BYE
	provisionals int
}

// Invite starts an outbound session. It never fails at once: Ended tells.
func (u *UA) Invite(inv Invite, on func(Event)) *Session {
	s := &Session{ua: u, id: inv.ID, callID: rand.Text(), localTag: newTag(), on: on, authorize: inv.Authorize}
	s.local = inv.From.WithTag(s.localTag).String()
	s.dlg.remote = inv.To.WithTag("").String()
	s.dlg.target = inv.URI
	s.out = &outgoing{inv: inv, interval: u.cfg.SessionExpires, minSE: u.cfg.MinSE}
	if inv.SessionTimer != 0 {
		s.out.interval, s.se.never = inv.SessionTimer, inv.SessionTimer < 0
	}
	s.out.minSE = max(s.out.minSE, inv.Style.MinSE)
	s.allow, s.supported = strings.Join(inv.Style.Allow, ", "), strings.Join(inv.Style.Supported, ", ")
	s.features, s.knows, s.takes = inv.Features, inv.Style.Require, inv.Takes
	s.publish()
	err := u.add(s, inviteKey{})
	s.do(func() { s.start(err) })
	return s
}

func (s *Session) start(err error) {
	if s.phase != phaseInvite { // ended before it began
		return
	}
	inv := &s.out.inv
	fail := func(c sip.Cause) {
		s.ended(Ended{Cause: c})
		s.over()
	}
	switch {
	case err != nil:
		fail(sip.StatusCause(503).WithText("Shutting down"))
	case len(inv.Targets) == 0:
		fail(sip.CauseUnavailable)
	case len(inv.Body) == 0:
		fail(sip.CauseServerError.WithText("No offer"))
	case inv.MaxForwards == 1 || inv.MaxForwards < 0: // sent as 0 it could only come back refused
		fail(sip.StatusCause(483))
	default:
		s.invite(nil)
		s.timerC()
	}
}

// timerC ends an INVITE that nobody answers (RFC 3261 section 16.8).
func (s *Session) timerC() {
	if d := s.out.inv.Timeout; d <= 0 {
		s.ring.set(s, s.ua.cfg.RingTimeout, func() { s.cancel(sip.CauseNoAnswer, false) })
	} else if !s.ring.running() {
		s.ring.set(s, d, func() { s.cancel(sip.CauseNoAnswer, false) })
	}
}

// invite sends the INVITE to the target whose turn it is, answering a challenge if there is one.
func (s *Session) invite(challenge *stack.Response) {
	o := s.out
	a := &attempt{s: s, seq: s.nextSeq(), to: o.inv.Targets[o.target]}
	s.dlg.to = a.to
	user := o.inv.ContactUser
	if user == "" {
		user = s.ua.cfg.ContactUser
	}
	s.contact = s.contactFor(user, a.to)
	req := s.inviteRequest(a.seq)
	s.creds = nil
	if challenge != nil {
		if err := s.authorize(req, challenge); err != nil {
			s.ended(Ended{Cause: readCause(challenge.Status, false, challenge.Lines("Reason")), ByPeer: true})
			s.over()
			return
		}
		s.keepCredentials(req)
	}
	o.now = a
	s.sdp = o.inv.Body
	s.publish()
	a.tx = s.ua.st.Send(req, a.to, a.result)
	patience := s.ua.cfg.Failover
	if o.target+1 == len(o.inv.Targets) {
		patience = o.inv.Silence
	}
	if patience > 0 {
		a.next.set(s, patience, func() {
			if !a.heard && s.phase == phaseInvite && s.out != nil && s.out.now == a {
				a.tx.Cancel("")
				a.failed(stack.ErrTimeout)
			}
		})
	}
}

func (s *Session) inviteRequest(seq uint32) *stack.Request {
	o := s.out
	d := dialogState{target: o.inv.URI, routes: o.inv.Routes, remote: s.dlg.remote}
	if i := o.target - 1; i >= 0 && i < len(o.inv.Others) {
		d.target, d.routes = o.inv.Others[i].URI, o.inv.Others[i].Routes
	}
	req := s.newRequest(&d, "INVITE", seq)
	if n := o.inv.MaxForwards; n > 0 {
		req.Set("Max-Forwards", strconv.Itoa(min(n, 70)-1))
	}
	for _, h := range o.inv.Headers {
		if name := stack.CanonicalName(h.Name); allowedExtra[name] {
			req.Add(name, h.Value)
		} else {
			s.ua.log.Warn("header not allowed on an INVITE", slog.String("leg", s.id), slog.String("name", name))
		}
	}
	for _, tag := range o.inv.Style.Require {
		req.Add("Require", tag)
	}
	s.askTimer(req, o.interval, o.minSE, o.inv.Style.Refresher)
	if len(s.takes) > 0 {
		req.Set("Accept", s.accepts())
	}
	setBody(req, o.inv.Body, o.inv.With)
	return req
}

func (a *attempt) result(tx *stack.ClientTx, r stack.Result) {
	a.tx, a.heard = tx, true
	switch {
	case r.Err != nil:
		a.failed(r.Err)
	case r.Response.Status < 200:
		a.provisional(r.Response)
	case r.Response.Status < 300:
		a.answered(r.Response)
	default:
		a.rejected(r.Response)
	}
}

// stale tells whether the session has gone on to another attempt, or past its INVITE.
func (a *attempt) stale() bool { return a.s.out == nil || a.s.out.now != a }

// failed: nothing can come of this attempt any more.
func (a *attempt) failed(err error) {
	s := a.s
	if a.stale() {
		return
	}
	a.next.clear()
	if s.phase == phaseCancel {
		s.cancelled(false)
		return
	}
	if silent := s.ua.cfg.Silent; silent != nil && a.to.Flow == nil {
		silent(a.to)
	}
	if s.nextTarget() {
		return
	}
	c := sip.CauseTransport
	switch {
	case errors.Is(err, stack.ErrTimeout):
		c = sip.CauseTimeout
	case errors.Is(err, stack.ErrFlowGone):
		c = sip.StatusCause(430)
	}
	s.ended(Ended{Cause: c})
	s.over()
}

func (s *Session) nextTarget() bool {
	o := s.out
	if s.phase != phaseInvite || o.target+1 >= len(o.inv.Targets) {
		return false
	}
	o.target++
	s.invite(nil)
	return true
}

// fork finds or makes the early dialog of a response (RFC 3261 section 12.1.2); nil without a To tag or past the bound.
func (a *attempt) fork(resp *stack.Response) *dialogState {
	tag := resp.To().Tag()
	if tag == "" {
		return nil
	}
	if i := slices.IndexFunc(a.forks, func(d *dialogState) bool { return d.tag == tag }); i >= 0 {
		return a.forks[i]
	}
	if len(a.forks) >= maxForks {
		return nil
	}
	d := a.dialogOf(resp)
	a.forks = append(a.forks, d)
	return d
}

func (a *attempt) provisional(resp *stack.Response) {
	s := a.s
	a.provisionals++
	if a.stale() || s.phase != phaseInvite || resp.Status == 100 || a.provisionals > maxProvisionals {
		return
	}
	s.timerC()
	p := Progress{Status: resp.Status, Fork: resp.To().Tag()}
	d := a.fork(resp)
	if d == nil && p.Fork != "" {
		return
	}
	if d != nil {
		s.refreshed(d, &resp.Headers, resp.Flow)
		s.flow.Store(resp.Flow)
		reliable := has(resp.Require(), "100rel") && has(s.ua.cfg.Supported, "100rel")
		if reliable && !s.acknowledge(d, resp, a.seq) {
			return
		}
		if sdp, ok := description(&resp.Headers, resp.Body); ok && len(sdp) > 0 && !d.agreed {
			d.sdp, d.agreed, p.SDP = sdp, reliable, sdp
		}
	}
	if last := s.out.last; last.Status == p.Status && last.Fork == p.Fork && (p.SDP == nil || slices.Equal(last.SDP, p.SDP)) {
		return
	}
	if p.SDP != nil || s.out.last.Fork != p.Fork {
		s.out.last = p
	} else {
		s.out.last.Status = p.Status
	}
	s.publish()
	s.introduced(&resp.Headers)
	s.on(p)
	s.flushOffer()
}

// rejected takes a final failure; its ACK is the transaction's.
func (a *attempt) rejected(resp *stack.Response) {
	s := a.s
	if a.stale() {
		return
	}
	a.next.clear()
	o := s.out
	switch {
	case s.phase == phaseCancel:
		s.cancelled(false)
		return
	case challenged(resp) && s.authorize != nil && o.challenges < maxTry:
		o.challenges++
		s.invite(resp)
		return
	case resp.Status == 422 && o.asked < 2 && s.raise(resp):
		o.asked++
		s.invite(nil)
		return
	case (resp.Status == 503 || resp.Status == 430) && s.nextTarget(): // 430: RFC 5626 section 5.3
		return
	}
	s.ended(Ended{Cause: readCause(resp.Status, false, resp.Lines("Reason")), ByPeer: true, RetryAfter: readRetryAfter(resp), Moved: moved(resp)})
	s.over()
}

// moved is where a redirection sends us. Further choices are not tried: each would have to be judged.
func moved(resp *stack.Response) string {
	if resp.Status/100 != 3 {
		return ""
	}
	if cs, err := resp.Contacts(); err == nil && len(cs) > 0 && !cs[0].Wildcard() {
		return cs[0].URI.WithoutHeaders().String()
	}
	return ""
}

// maxRetryAfter bounds what a peer can close itself for.
const maxRetryAfter = time.Hour

// readRetryAfter reads Retry-After (RFC 3261 section 20.33); 0: none that can be read.
func readRetryAfter(resp *stack.Response) time.Duration {
	value, _, _ := strings.Cut(resp.Get("Retry-After"), ";")
	value, _, _ = strings.Cut(value, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}
