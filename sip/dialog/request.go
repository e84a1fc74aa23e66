package dialog

import (
	"cmp"
	"crypto/rand"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// nextSeq counts our requests; one space serves all early dialogs of an INVITE, which leaves gaps that RFC 3261 section 12.2.2 allows.
func (s *Session) nextSeq() uint32 {
	s.localSeq++
	return s.localSeq
}

// newRequest makes a request inside d (RFC 3261 section 12.2.1.1).
func (s *Session) newRequest(d *dialogState, method string, seq uint32) *stack.Request {
	uri, routes := d.target.WithoutHeaders(), d.routes
	if len(routes) > 0 && !routes[0].URI.Params.Has("lr") { // a strict router wants to be the Request-URI
		last := sip.Address{URI: uri}
		uri = routes[0].URI.WithoutHeaders()
		routes = append(append([]sip.Address(nil), routes[1:]...), last)
	}
	r := stack.NewRequest(method, uri)
	for _, a := range routes {
		r.Add("Route", sip.Address{URI: a.URI}.String())
	}
	if method == "INVITE" || method == "UPDATE" {
		s.rename(d)
	}
	r.Set("From", s.local)
	r.Set("To", d.remote)
	r.Set("Call-ID", s.callID)
	r.Set("CSeq", strconv.FormatUint(uint64(seq), 10)+" "+method)
	switch method {
	case "INVITE", "UPDATE":
		s.announce(r.Set)
		s.identify(r.Set)
		fallthrough
	case "REFER", "NOTIFY":
		r.Set("Contact", s.contact)
	}
	return r
}

// send starts a transaction inside d. on gets every response, provisional ones too, and at last a final one or an error. A challenge
// is answered once, if the session may (threats.md B13, B14).
func (s *Session) send(d *dialogState, method string, fill func(*stack.Request), on func(*stack.ClientTx, *stack.Response, error)) *stack.ClientTx {
	return s.sendAgain(d, method, fill, on, nil)
}

func (s *Session) sendAgain(d *dialogState, method string, fill func(*stack.Request),
	on func(*stack.ClientTx, *stack.Response, error), challenge *stack.Response) *stack.ClientTx {
	req := s.newRequest(d, method, s.nextSeq())
	if fill != nil {
		fill(req)
	}
	if challenge != nil {
		if err := s.authorize(req, challenge); err != nil {
			on(nil, challenge, nil)
			return nil
		}
		if method == "INVITE" {
			s.keepCredentials(req)
		}
	}
	return s.ua.st.Send(req, s.next(d), func(tx *stack.ClientTx, r stack.Result) {
		if r.Err == nil && challenged(r.Response) && s.authorize != nil && challenge == nil && (s.phase != phaseOver || method == "BYE") {
			s.sendAgain(d, method, fill, on, r.Response)
			return
		}
		on(tx, r.Response, r.Err)
	})
}

// keepCredentials: the ACK of a 2xx carries what the INVITE carried (RFC 3261 section 13.2.2.4).
func (s *Session) keepCredentials(req *stack.Request) {
	s.creds = nil
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, v := range req.Lines(name) {
			s.creds = append(s.creds, stack.Header{Name: name, Value: v})
		}
	}
}

// next is where requests of the dialog go: its flow, unless the peer has moved to another. One that we had dialled ourselves is dialled
// again when its connection has ended.
func (s *Session) next(d *dialogState) stack.Target {
	f := d.to.Flow
	if f == nil {
		return d.to
	}
	if reroute := s.ua.cfg.Reroute; reroute != nil {
		if to, ok := reroute(d.target, f); ok && (!f.Secure() || to.Flow != nil && to.Flow.Secure() || to.Transport == "tls") {
			return to
		}
	}
	if !f.Alive() && d.to.Addr.IsValid() {
		again := d.to
		again.Flow = nil
		return again
	}
	return stack.Target{Flow: f, Advertise: d.to.Advertise, OrTCP: d.to.OrTCP}
}

func challenged(r *stack.Response) bool { return r.Status == 401 || r.Status == 407 }

// reply answers a server transaction.
func (s *Session) reply(tx *stack.ServerTx, status int, fill func(*stack.Response)) *stack.Response {
	r := stack.NewResponse(tx.Request(), status, "")
	if fill != nil {
		fill(r)
	}
	respond(s.ua.log, tx, r)
	return r
}

func respond(log *slog.Logger, tx *stack.ServerTx, r *stack.Response) {
	if err := tx.Respond(r); err != nil {
		log.Debug("response not sent", slog.String("call_id", r.CallID()), slog.Int("status", r.Status), slog.Any("error", err))
	}
}

// fails tells whether a final answer to a request of ours ends the session (RFC 5057 section 5.1; RFC 3261 section 12.2.1.2).
func fails(method string, status int) bool {
	switch status {
	case 481:
		return method != "NOTIFY" && method != "PRACK"
	case 404, 408, 410, 416, 482, 483, 484, 485, 502, 604:
		return method == "INVITE" || method == "UPDATE"
	}
	return false
}

// Request takes every request with a To tag except ACK and CANCEL, and answers it; 481 where no dialog matches. False: it has no To
// tag and is not for the UA.
func (u *UA) Request(tx *stack.ServerTx) bool {
	req := tx.Request()
	tag := req.To().Tag()
	if tag == "" {
		return false
	}
	s := u.find(req.CallID(), tag)
	if s == nil {
		respond(u.log, tx, stack.NewResponse(req, 481, ""))
		return true
	}
	d := s.dialog(req.From().Tag())
	switch {
	case d == nil, s.phase == phaseOver: // right Call-ID and our tag are not enough (threats.md C13)
		s.reply(tx, 481, nil)
	case s.Secure() && !req.Flow.Secure(): // nobody moves a TLS dialog to clear text
		s.reply(tx, 403, nil)
	case s.elsewhere(req) && u.cfg.Admit != nil && !u.cfg.Admit(s.id, tx): // challenged, or refused
	default:
		s.request(d, tx)
	}
	return true
}

// dialog finds the dialog by the peer's tag: the confirmed one, or an early one of an outbound INVITE.
func (s *Session) dialog(tag string) *dialogState {
	if s.out == nil {
		if s.dlg.tag == tag {
			return &s.dlg
		}
		return nil
	}
	if s.out.now == nil || tag == "" {
		return nil
	}
	for _, d := range s.out.now.forks {
		if d.tag == tag {
			return d
		}
	}
	return nil
}

func (s *Session) request(d *dialogState, tx *stack.ServerTx) {
	req := tx.Request()
	seq, _ := req.CSeq()
	if d.seq != 0 && seq <= d.seq { // RFC 3261 section 12.2.2; an equal one that is no retransmission is merged
		s.reply(tx, 500, nil)
		return
	}
	d.seq = seq
	if req.Method == "INVITE" || req.Method == "UPDATE" { // its own name may change under the same tag (RFC 4916 section 4.3)
		d.remote = strings.Clone(req.Get("From"))
	}
	if f := d.to.Flow; f == nil || !f.Alive() || rebound(f, req.Flow) {
		s.follow(d, req.Flow)
	}
	if req.Method == "BYE" { // always possible
		s.peerBye(d, tx)
		return
	}
	if !s.alive() {
		s.reply(tx, 481, nil)
		return
	}
	if bad := s.ua.unsupported(req, s.knows); len(bad) > 0 {
		s.reply(tx, 420, func(r *stack.Response) { r.Set("Unsupported", joinTags(bad)) })
		return
	}
	switch req.Method {
	case "INVITE":
		s.peerReinvite(d, tx)
	case "UPDATE":
		s.peerUpdate(d, tx)
	case "PRACK":
		s.peerPrack(d, tx)
	case "INFO":
		s.peerInfo(tx)
	case "REFER":
		s.peerRefer(tx)
	case "NOTIFY":
		s.peerNotify(tx)
	case "OPTIONS":
		s.reply(tx, 200, s.capabilities)
	default:
		s.reply(tx, 405, func(r *stack.Response) { r.Set("Allow", s.ua.allow) })
	}
	s.publish()
}

// rebound: the same host over UDP from another port is a phone behind a NAT that forgot its mapping; Config.Admit has let it.
func rebound(old, now *stack.Flow) bool {
	return old.Transport() == "udp" && now.Transport() == "udp" && old.Remote() != now.Remote() && old.Remote().Addr() == now.Remote().Addr()
}

// announce writes what we can: what the peer's profile lets us say, which may be no extension at all, else Config's.
func (s *Session) announce(set func(name, value string)) {
	allow, supported := cmp.Or(s.allow, s.ua.allow), s.supported
	if s.allow == "" && supported == "" {
		supported = s.ua.supported
	}
	set("Allow", allow)
	if supported != "" {
		set("Supported", supported)
	}
}

func (s *Session) capabilities(r *stack.Response) {
	s.announce(r.Set)
	r.Set("Accept", s.accepts())
}

// refreshed takes over the Contact of a re-INVITE or UPDATE, or of its 2xx, and its flow (RFC 3261 section 12.2).
func (s *Session) refreshed(d *dialogState, h *stack.Headers, flow *stack.Flow) {
	if cs, err := h.Contacts(); err == nil && len(cs) == 1 && !cs[0].Wildcard() {
		d.target = cs[0].URI
	}
	if old := d.to.Flow; flow != nil && (old == nil || !old.Secure() || flow.Secure()) {
		s.follow(d, flow)
	}
	if h.Has("Allow") {
		d.update = has(h.All("Allow"), "UPDATE")
	}
	if h.Has("Supported") {
		d.fromChange, d.recordAware = has(h.Supported(), "from-change"), has(h.Supported(), "record-aware")
	}
}

// between draws a duration in steps of 10 ms, both ends included (RFC 3261 section 14.1).
func between(low, high time.Duration) time.Duration {
	return low + time.Duration(roll(int64((high-low)/(10*time.Millisecond))+1))*10*time.Millisecond
}

// roll draws from 0 to n-1.
func roll(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return 0 // crypto/rand does not fail on the systems Go runs on
	}
	return v.Int64()
}

// retryAfter is 0 to 10 seconds (RFC 3261 section 14.2).
func retryAfter(r *stack.Response) { r.Set("Retry-After", strconv.FormatInt(roll(11), 10)) }
