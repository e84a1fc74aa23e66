package stack

import (
	"strings"
	"time"
)

// Timers of RFC 3261 section 17 table 4. T1 is a property of the internet, not of an installation: not configurable.
const (
	t1       = 500 * time.Millisecond
	t2       = 4 * time.Second
	t4       = 5 * time.Second
	lifetime = 64 * t1                // Timers B, D, F, H, J, L, M
	trying   = 200 * time.Millisecond // 100 unless the TU answered (RFC 3261 section 17.2.1)
)

// serverKey matches requests to transactions (RFC 3261 section 17.2.3). ACK and CANCEL look up the INVITE.
type serverKey struct{ branch, sentBy, method string }

// mergeKey finds the same request that came by another path (RFC 3261 section 8.2.2.2).
type mergeKey struct {
	callID, fromTag, method string
	cseq                    uint32
}

type txState uint8

const (
	txProceeding txState = iota // also Trying
	txCompleted                 // a final was sent (server) or received (client)
	txConfirmed                 // INVITE server: the ACK came
	txAccepted                  // INVITE: a 2xx (RFC 6026)
	txEnded
)

// serverTx is what the shard keeps. After the final response it holds neither the request nor the TU's handle.
type serverTx struct {
	sh    *shard
	key   serverKey
	merge mergeKey // zero for a request within a dialog
	flow  *Flow
	state txState
	tx    *ServerTx // nil after a final
	last  []byte    // the response to repeat

	cancelled bool
	early     *alarm // the automatic 100; for a non-INVITE the end of waiting for the TU
	repeat    *alarm // Timer G
	over      *alarm // Timers H, I, J, L
	interval  time.Duration
}

// ServerTx is a server transaction as the TU sees it. Its methods are called on the shard of its Call-ID.
type ServerTx struct {
	req    *Request
	t      *serverTx
	sh     *shard
	reason []string
}

// CancelReason gives the Reason fields of the CANCEL, for Handler.Cancel (RFC 3326).
func (t *ServerTx) CancelReason() []string { return t.reason }

// Request is the request that made the transaction.
func (t *ServerTx) Request() *Request { return t.req }

func (k serverKey) invite() bool { return k.method == "INVITE" }

// request takes a request in its Call-ID's order.
func (sh *shard) request(r *Request) {
	v, err := r.topVia()
	if err != nil {
		return
	}
	switch r.Method {
	case "ACK":
		sh.ack(r, v)
		return
	case "CANCEL":
		sh.cancel(r, v)
		return
	}
	key := serverKey{r.transaction(v), r.sentBy(v), r.Method}
	if t := sh.servers.m[key]; t != nil {
		t.again()
		return
	}
	var merge mergeKey
	if r.To().Tag() == "" {
		n, _ := r.CSeq()
		merge = mergeKey{r.CallID(), r.From().Tag(), r.Method, n}
		if sh.merged.m[merge] != nil {
			sh.s.refuse(r, v, 482)
			return
		}
	}
	if sh.s.transactions.Load() >= int64(sh.s.limits.Transactions) {
		sh.s.stats.shed.Add(1)
		if r.Flow.reliable() {
			sh.s.refuse(r, v, 503, Header{"Retry-After", "5"})
		}
		return
	}
	sh.begin(r, key, merge)
}

func (sh *shard) begin(r *Request, key serverKey, merge mergeKey) {
	key.branch, key.sentBy = strings.Clone(key.branch), strings.Clone(key.sentBy)
	t := &serverTx{sh: sh, key: key, merge: merge, flow: r.Flow}
	t.tx = &ServerTx{req: r, t: t, sh: sh}
	sh.servers.set(key, t)
	if merge.callID != "" {
		sh.merged.set(merge, t)
	}
	sh.s.transactions.Add(1)
	tx := t.tx
	if !sh.guard(func() { sh.s.h.Request(tx) }) && t.state == txProceeding {
		_ = tx.Respond(NewResponse(r, 500, ""))
	}
	switch {
	case t.state != txProceeding || t.last != nil: // answered: most registrations need no timer
	case key.invite():
		t.early = sh.after(trying, func() { _ = tx.Respond(NewResponse(r, 100, "")) })
	default: // A TU that forgets to answer must not leak: past this nobody waits (RFC 4320 section 4.2).
		t.early = sh.after(lifetime, t.end)
	}
}

// again absorbs a retransmission (RFC 3261 section 17.2, RFC 6026 section 7.1).
func (t *serverTx) again() {
	t.sh.s.stats.duplicates.Add(1)
	if t.last != nil && (t.state == txProceeding || t.state == txCompleted) {
		t.sh.s.stats.retransmitted.Add(1)
		_ = t.flow.write(t.last)
	}
}

// Respond sends a provisional or final response. Retransmission of non-2xx finals, and their ACK, are the transaction's;
// retransmission of a 2xx is the TU's, which calls Respond again (RFC 6026). After a final non-2xx it returns ErrTerminated.
// Other errors: ErrInjection and ErrTooLarge, after which another response may be tried; ErrFlowGone, ErrTransport.
func (t *ServerTx) Respond(resp *Response) error {
	st := t.t
	final, success := resp.Status >= 200, resp.Status >= 200 && resp.Status < 300
	again := st.state == txAccepted && success // the TU repeats its 2xx
	if st.state != txProceeding && !again {
		return ErrTerminated
	}
	b, err := t.sh.s.serialise(resp)
	if err != nil {
		return err
	}
	t.sh.s.prove(t.req.Method, resp.Status, st.flow)
	err = st.flow.write(b)
	switch {
	case again:
		t.sh.s.stats.retransmitted.Add(1)
	case !final:
		if st.last = b; st.key.invite() {
			st.early.stop()
		}
	case resp.Status == 481 && t.req.To().Tag() != "":
		st.end() // no dialog, so anyone may have sent it: no state and no Timer G for him; a repeated request is judged anew
	case success && st.key.invite():
		st.final(txAccepted, nil, lifetime) // Timer L
	case st.key.invite():
		st.final(txCompleted, b, lifetime) // Timer H
		if !st.flow.reliable() {
			st.interval = t1
			st.repeat = t.sh.after(t1, st.timerG)
		}
	case st.flow.reliable():
		st.end() // Timer J is 0
	default:
		st.final(txCompleted, b, lifetime) // Timer J
	}
	if err != nil && final && !again {
		st.end() // RFC 3261 section 17.2.4
	}
	return err
}

// final drops what is no longer needed and arms the timer that ends the transaction.
func (t *serverTx) final(s txState, last []byte, after time.Duration) {
	t.early.stop()
	t.early, t.tx, t.state = nil, nil, s
	t.last = append([]byte(nil), last...)
	if t.over = t.sh.after(after, t.end); last == nil {
		t.last = nil
	}
}

func (t *serverTx) timerG() {
	t.sh.s.stats.retransmitted.Add(1)
	_ = t.flow.write(t.last)
	t.interval = min(2*t.interval, t2)
	t.repeat = t.sh.after(t.interval, t.timerG)
}

// end forgets the transaction.
func (t *serverTx) end() {
	if t.state == txEnded {
		return
	}
	t.early.stop()
	t.repeat.stop()
	t.over.stop()
	t.state, t.tx, t.last = txEnded, nil, nil
	t.sh.servers.delete(t.key)
	if t.sh.merged.m[t.merge] == t {
		t.sh.merged.delete(t.merge)
	}
	t.sh.s.transactions.Add(-1)
}

// Challenge answers with resp (a 401, 407 or other refusal) and keeps no state at all: nothing is retransmitted, a retransmitted
// request comes to the handler again, and the ACK of a refused INVITE is recognised by its To tag and absorbed. For an INVITE within a
// dialog it is the same as Respond, since the ACK carries the dialog's tag.
func (t *ServerTx) Challenge(resp *Response) error {
	st := t.t
	if st.state != txProceeding {
		return ErrTerminated
	}
	if st.key.invite() && t.req.To().Tag() != "" {
		return t.Respond(resp)
	}
	return t.Decline(resp)
}

// Decline is Challenge for whoever has proved nothing, in a dialog too: one packet, and nothing to repeat it. The ACK of an INVITE that
// names a dialog comes to the handler, which knows no such dialog. Over UDP the packet is not much larger than the request: see lean.
func (t *ServerTx) Decline(resp *Response) error {
	st := t.t
	if st.state != txProceeding {
		return ErrTerminated
	}
	v, err := t.req.topVia()
	if err != nil {
		return err
	}
	if t.req.To().Tag() == "" {
		resp.Set("To", t.req.Get("To"))
	}
	if err := t.sh.s.sendStateless(t.req, v, resp); err != nil {
		return err
	}
	st.end()
	return nil
}

// ack gives an ACK to the INVITE transaction it ends, or to the TU when it is that of a 2xx.
func (sh *shard) ack(r *Request, v Via) {
	t := sh.servers.m[serverKey{r.transaction(v), r.sentBy(v), "INVITE"}]
	switch {
	case t != nil && t.state == txCompleted && t.samePeer(r):
		t.repeat.stop()
		t.over.stop()
		if t.state = txConfirmed; t.flow.reliable() {
			t.end() // Timer I is 0
			return
		}
		t.over = sh.after(t4, t.end) // Timer I
	case t != nil && (t.state == txCompleted || t.state == txConfirmed || t.state == txProceeding):
		sh.s.stats.duplicates.Add(1)
	case sh.s.statelessAck(r, v):
	default: // RFC 6026 section 7.1: in Accepted too, an ACK goes to the TU
		sh.guard(func() { sh.s.h.Ack(r) })
	}
}

// cancel answers a CANCEL and tells the TU once (RFC 3261 section 9.2). Nothing is kept of it: a repeated one is answered again.
func (sh *shard) cancel(r *Request, v Via) {
	t := sh.servers.m[serverKey{r.transaction(v), r.sentBy(v), "INVITE"}]
	if t == nil || !t.samePeer(r) {
		sh.s.refuse(r, v, 481)
		return
	}
	b, err := sh.s.serialise(NewResponse(r, 200, ""))
	if err != nil {
		return
	}
	_ = r.Flow.write(b)
	if tx := t.tx; tx != nil && t.state == txProceeding && !t.cancelled {
		t.cancelled, tx.reason = true, r.Lines("Reason")
		if !sh.guard(func() { sh.s.h.Cancel(tx) }) && t.state == txProceeding {
			_ = tx.Respond(NewResponse(tx.req, 487, ""))
		}
	}
}

// samePeer: CANCEL and ACK are hop by hop, so one from another address is not our peer's, whatever it guessed.
func (t *serverTx) samePeer(r *Request) bool {
	return r.Flow.remote.Addr() == t.flow.remote.Addr() && r.Flow.transport == t.flow.transport
}

// prove lets a connection idle on for longer once its peer has been accepted for something: then a user is behind it.
func (s *Stack) prove(method string, status int, f *Flow) {
	if f.conn != nil && status >= 200 && status < 300 && (method == "REGISTER" || method == "INVITE" || method == "SUBSCRIBE") {
		f.conn.prove()
	}
}
