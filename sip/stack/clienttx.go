package stack

import (
	"strconv"
	"time"
)

// clientKey matches responses to transactions (RFC 3261 section 17.1.3).
type clientKey struct{ branch, method string }

// ClientTx is a client transaction. Its fields belong to the shard of its Call-ID, but req, which is not written after Send.
type ClientTx struct {
	s     *Stack
	sh    *shard
	req   *Request
	to    Target
	on    func(*ClientTx, Result)
	key   clientKey
	state txState
	heard bool // a provisional came: Proceeding rather than Calling or Trying
	flow  *Flow
	sent  string // our sent-by
	udp   *Flow  // where to go on when TCP, tried for the size alone, fails; nil: not tried
	raw   []byte
	ack   []byte // what a repeated non-2xx final is answered with

	repeat   *alarm // Timers A, E
	over     *alarm // Timers B, D, F, K, M; after a CANCEL the end of waiting for the final
	interval time.Duration

	cancel phase
	reason string
}

// phase of a CANCEL.
type phase uint8

const (
	cancelNone phase = iota
	cancelWanted
	cancelSent
)

// Request is the request as it was sent. It may be read anywhere, and changed nowhere.
func (t *ClientTx) Request() *Request { return t.req }

func (t *ClientTx) invite() bool { return t.key.method == "INVITE" }

// Send starts a client transaction; results arrive on the request's Call-ID shard, the final one or an error last — but every 2xx to
// an INVITE is reported, from whatever fork, for 64*T1. Via, Max-Forwards (70 unless set), User-Agent and Content-Length are added to
// a copy of req. It may be called anywhere and never blocks. After Close nothing is ever reported.
func (s *Stack) Send(req *Request, to Target, on func(*ClientTx, Result)) *ClientTx {
	t := s.newClient(req, to, on, s.newBranch())
	t.sh.do(t.start)
	return t
}

func (s *Stack) newClient(req *Request, to Target, on func(*ClientTx, Result), branch string) *ClientTx {
	r := *req
	r.Headers = req.clone()
	r.Flow = nil
	return &ClientTx{s: s, sh: s.shard(r.CallID()), req: s.outbound(&r), to: to, on: on, key: clientKey{branch, r.Method}}
}

// outbound puts in what every request of ours carries; the Via comes once the flow is known.
func (s *Stack) outbound(r *Request) *Request {
	r.Del("Via")
	r.list = append(r.list, Header{})
	copy(r.list[1:], r.list)
	r.list[0] = Header{Name: "Via"}
	if !r.Has("Max-Forwards") {
		r.Add("Max-Forwards", "70")
	}
	if !r.Has("User-Agent") {
		r.Add("User-Agent", s.cfg.UserAgent)
	}
	return r
}

func (t *ClientTx) start() {
	if t.state == txEnded {
		return
	}
	t.sh.clients.set(t.key, t)
	t.over = t.sh.after(lifetime, func() { t.fail(ErrTimeout) }) // Timers B, F
	t.s.resolve(t.to, func(f *Flow, err error) {
		if f != nil && !f.reliable() {
			t.transmit(f)
			return
		}
		t.sh.do(func() { // from whatever goroutine connected
			switch {
			case t.state != txProceeding:
			case err != nil:
				t.fail(err)
			default:
				t.transmit(f)
			}
		})
	})
}

// resolve finds the flow to a target. then is called at once, or later from another goroutine after dialling.
func (s *Stack) resolve(to Target, then func(*Flow, error)) {
	switch {
	case to.Flow != nil && !to.Flow.Alive():
		then(nil, ErrFlowGone)
	case to.Flow != nil:
		then(to.Flow, nil)
	case !to.Addr.IsValid() || to.Addr.Port() == 0:
		then(nil, ErrTransport)
	case to.Transport == "tcp" || to.Transport == "tls":
		s.connect(to, then)
	case to.Transport == "udp" || to.Transport == "":
		if l := s.packetFor(to); l != nil {
			then(&Flow{transport: "udp", local: l.addr, remote: to.Addr, udp: l}, nil)
			return
		}
		then(nil, ErrTransport)
	default:
		then(nil, ErrTransport)
	}
}

func (t *ClientTx) transmit(f *Flow) {
	v := t.s.via(f, t.key.branch, t.to.Advertise)
	t.sent = v.SentBy()
	t.req.setVia(v)
	wire := t.req
	if t.s.peer(f.remote.Addr()).Compact {
		wire = wire.compact()
	}
	b, err := wire.Append(make([]byte, 0, 1024+len(t.req.Body)))
	if err == nil && len(b) > maxDatagram-64 {
		err = ErrTooLarge
	}
	if err == nil && len(b) > datagramRequest && t.udp == nil && t.s.mayTCP(t.to, f) {
		t.overTCP(f)
		return
	}
	if t.flow = f; err == nil {
		err = f.write(b)
	}
	switch {
	case err != nil && f.reliable() && t.udp != nil:
		t.backToUDP()
		return
	case err != nil:
		t.fail(err)
		return
	}
	if !f.reliable() {
		t.raw, t.interval = b, t1
		t.repeat = t.sh.after(t1, t.timerAE)
	}
}

// setVia fills the place that outbound made.
func (r *Request) setVia(v Via) { r.list[0].Value = v.String() }

// timerAE repeats the request: Timer A doubles, Timer E doubles up to T2 and is T2 once a provisional came.
func (t *ClientTx) timerAE() {
	t.s.stats.retransmitted.Add(1)
	_ = t.flow.write(t.raw)
	if t.interval *= 2; !t.invite() && (t.heard || t.interval > t2) {
		t.interval = t2
	}
	t.repeat = t.sh.after(t.interval, t.timerAE)
}

// response finds the transaction of a response.
func (sh *shard) response(resp *Response) {
	vias, err := resp.Vias()
	if err != nil || len(vias) == 0 {
		return
	}
	_, method := resp.CSeq()
	t := sh.clients.m[clientKey{vias[0].Branch(), method}]
	switch {
	case t != nil && t.flow != nil && t.req.CallID() == resp.CallID() && vias[0].SentBy() == t.sent: // RFC 3261 section 18.1.2
		t.receive(resp)
	case t != nil:
		sh.s.stats.malformed.Add(1)
	case method == "INVITE" && resp.Status/100 == 2:
		sh.guard(func() { sh.s.h.StrayResponse(resp) })
	default:
		sh.s.stats.duplicates.Add(1)
	}
}

func (t *ClientTx) receive(resp *Response) {
	t.s.prove(t.key.method, resp.Status, t.flow)
	final, success := resp.Status >= 200, resp.Status/100 == 2
	switch {
	case t.state == txAccepted && success: // RFC 6026: each goes up, from each fork and each time
		t.report(Result{Response: resp})
	case t.state == txCompleted && final && !success && t.invite():
		t.s.stats.duplicates.Add(1)
		_ = t.flow.write(t.ack)
	case t.state != txProceeding:
		t.s.stats.duplicates.Add(1)
	case !final:
		t.provisional(resp)
	case t.invite() && success:
		t.settle(txAccepted, lifetime) // Timer M
		t.report(Result{Response: resp})
	case t.invite():
		t.acknowledge(resp)
		t.settle(txCompleted, t.unless(lifetime)) // Timer D
		t.report(Result{Response: resp})
	default:
		t.settle(txCompleted, t.unless(t4)) // Timer K
		t.report(Result{Response: resp})
	}
}

func (t *ClientTx) provisional(resp *Response) {
	first := !t.heard
	if t.heard = true; t.invite() && first {
		t.repeat.stop()
		t.raw = nil
		t.over.stop() // Timer B covers Calling only; how long it may ring is the TU's (Timer C)
	}
	t.report(Result{Response: resp})
	if t.cancel == cancelWanted && t.state == txProceeding {
		t.sendCancel()
	}
}

// unless: a timer that only absorbs retransmissions is 0 where there are none.
func (t *ClientTx) unless(d time.Duration) time.Duration {
	if t.flow.reliable() {
		return 0
	}
	return d
}

// settle enters a state that only waits for its timer.
func (t *ClientTx) settle(s txState, d time.Duration) {
	t.stopAlarms()
	t.raw = nil
	if t.state = s; d == 0 {
		t.end()
		return
	}
	t.over = t.sh.after(d, t.end)
}

func (t *ClientTx) stopAlarms() {
	t.repeat.stop()
	t.over.stop()
}

func (t *ClientTx) end() {
	t.stopAlarms()
	t.state, t.raw, t.ack = txEnded, nil, nil
	t.sh.clients.delete(t.key)
}

func (t *ClientTx) fail(err error) {
	if t.state != txProceeding {
		return
	}
	t.end()
	t.report(Result{Err: err})
}

func (t *ClientTx) report(r Result) {
	if t.on != nil {
		t.sh.guard(func() { t.on(t, r) })
	}
}

// acknowledge sends the ACK of a non-2xx final: same branch, Request-URI and Route as the INVITE (RFC 3261 section 17.1.1.3).
func (t *ClientTx) acknowledge(resp *Response) {
	r := t.hopByHop("ACK")
	r.Set("To", resp.Get("To"))
	b, err := r.Append(make([]byte, 0, 512))
	if err != nil {
		return
	}
	t.ack = b
	_ = t.flow.write(b)
}

// hopByHop makes the ACK or CANCEL that belongs to an INVITE.
func (t *ClientTx) hopByHop(method string) *Request {
	r := NewRequest(method, t.req.URI)
	for _, h := range t.req.list {
		switch h.Name {
		case "Via", "From", "To", "Call-ID", "Route", "Max-Forwards", "User-Agent":
			r.list = append(r.list, h)
		}
	}
	n, _ := t.req.CSeq()
	r.Add("CSeq", strconv.FormatUint(uint64(n), 10)+" "+method)
	return r
}

// Cancel sends CANCEL once a provisional response has arrived (RFC 3261 section 9.1), with the given Reason header if not empty. The
// final response, usually 487, still arrives as a Result; if none does, ErrTimeout after 64*T1. It may be called anywhere.
func (t *ClientTx) Cancel(reason string) {
	t.sh.do(func() {
		if t.cancel != cancelNone || t.state != txProceeding || !t.invite() {
			return
		}
		t.cancel, t.reason = cancelWanted, reason
		if t.heard {
			t.sendCancel()
		}
	})
}

func (t *ClientTx) sendCancel() {
	t.cancel = cancelSent
	r := t.hopByHop("CANCEL")
	if t.reason != "" {
		r.Add("Reason", t.reason)
	}
	t.over.stop()
	t.over = t.sh.after(lifetime, func() { t.fail(ErrTimeout) }) // RFC 3261 section 9.1, last paragraph
	c := &ClientTx{s: t.s, sh: t.sh, req: r, to: Target{Flow: t.flow, Advertise: t.to.Advertise}, key: clientKey{t.key.branch, "CANCEL"}}
	c.start()
}

// flowGone ends the transactions that wait on a connection which has ended.
func (sh *shard) flowGone(f *Flow) {
	for _, t := range sh.clients.m {
		switch {
		case t.flow != f || t.state != txProceeding:
		case t.udp != nil && !t.heard: // it was taken and dropped: TCP is not meant seriously there
			t.backToUDP()
		default:
			t.fail(ErrFlowGone)
		}
	}
}

// SendAck sends an ACK for a 2xx outside any transaction; the TU repeats it for each repeated 2xx (RFC 3261 section 13.2.2.4). When a
// connection has to be dialled first, nil is returned and a failure is only logged.
func (s *Stack) SendAck(req *Request, to Target) error {
	r := *req
	r.Headers = req.clone()
	s.outbound(&r)
	result := make(chan error, 1)
	s.resolve(to, func(f *Flow, err error) {
		if err == nil {
			err = s.sendAck(&r, to, f)
		}
		if err != nil {
			s.log.Info("sip ack not sent", "err", err)
		}
		result <- err
	})
	select {
	case err := <-result:
		return err
	default:
		return nil
	}
}

func (s *Stack) sendAck(r *Request, to Target, f *Flow) error {
	branch := s.newBranch()
	write := func(f *Flow) (int, error) {
		r.setVia(s.via(f, branch, to.Advertise))
		b, err := r.Append(make([]byte, 0, 512+len(r.Body)))
		if err == nil && (len(b) <= datagramRequest || !s.mayTCP(to, f)) {
			err = f.write(b)
			return 0, err
		}
		return len(b), err
	}
	large, err := write(f)
	if err != nil || large == 0 {
		return err
	}
	to.Transport, to.Addr, to.Flow = "tcp", f.remote, nil
	s.connect(to, func(tcp *Flow, err error) {
		if err != nil {
			s.noTCP(f.remote)
			tcp = f
		}
		if _, err := write(tcp); err != nil {
			s.log.Info("sip ack not sent", "err", err)
		}
	})
	return nil
}
