package bulk

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// answer times of one incoming call, as the called side sees them.
type answered struct {
	arrived time.Time // INVITE
	sent    time.Time // our 200
}

// Callee answers every call on its line at once with 180 and 200, and every BYE.
type Callee struct {
	line *Line
	sdp  []byte

	mu   sync.Mutex
	from map[string]answered // newest call of each caller
	n    uint64
}

// Answer makes a line answer. media is where its RTP would go; nobody talks.
func Answer(l *Line, media netip.AddrPort) *Callee {
	c := &Callee{line: l, sdp: describe(media), from: map[string]answered{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived = c.request
	return c
}

// Calls counts the INVITEs answered.
func (c *Callee) Calls() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *Callee) request(m message) {
	req := m.Request
	to := c.line.to
	switch req.Method {
	case "INVITE":
		ringing := stack.NewResponse(req, 180, "")
		ringing.SetContact(c.line.contact("callee"))
		ok := stack.NewResponse(req, 200, "")
		ok.SetContact(c.line.contact("callee"))
		ok.SetBody("application/sdp", c.sdp)
		if vias, err := req.Vias(); err == nil && len(vias) > 0 { // a direct call comes from a line, not from the switch
			if a, err := netip.ParseAddrPort(vias[0].SentBy()); err == nil {
				to = a
			}
		}
		_, _ = c.line.send(ringing, to)
		sent, _ := c.line.send(ok, to) // what does not arrive, the caller misses
		c.mu.Lock()
		defer c.mu.Unlock()
		c.from[req.From().URI.User] = answered{m.at, sent}
		c.n++
	case "ACK":
	default:
		if vias, err := req.Vias(); err == nil && len(vias) > 0 {
			if a, err := netip.ParseAddrPort(vias[0].SentBy()); err == nil {
				to = a
			}
		}
		_, _ = c.line.send(stack.NewResponse(req, 200, ""), to)
	}
}

func (c *Callee) times(caller string) answered {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from[caller]
}

// Call is one call that was made.
type Call struct {
	Setup time.Duration // INVITE with credentials until it reached the callee, and 200 of the callee until it reached the caller
	Total time.Duration // first INVITE to 200, the callee's own time included
}

// Call calls, holds and hangs up. The caller may have only one call at a time: the callee tells calls apart by who calls.
func (l *Line) Call(ctx context.Context, a Account, to string, callee *Callee, media netip.AddrPort, hold time.Duration) (Call, error) {
	id, in, end := l.talk()
	defer end()
	d := dialog{line: l, account: a, id: id, in: in, from: l.aor(a.User).WithTag(stack.NewTag()), to: l.aor(to), uri: l.aor(to).URI}
	first, sent, ok, err := d.invite(ctx, describe(media))
	if err != nil {
		return Call{}, err
	}
	t := callee.times(a.User)
	c := Call{Setup: t.arrived.Sub(sent) + ok.at.Sub(t.sent), Total: ok.at.Sub(first)}
	if err := d.hold(ctx, hold); err != nil {
		return c, err
	}
	return c, d.bye(ctx)
}

// dialog is one call's state at the caller.
type dialog struct {
	line     *Line
	account  Account
	id       string
	in       chan message
	from, to sip.Address
	uri      sip.URI
	seq      int
}

func (d *dialog) request(method string) *stack.Request {
	r := d.line.request(method, d.uri, d.from, d.to, d.id, d.seq)
	r.SetContact(d.line.contact(d.account.User))
	return r
}

// invite sends INVITE, answers the challenge and acknowledges: when the first one left, when the one with credentials left, and the 200.
func (d *dialog) invite(ctx context.Context, sdp []byte) (first, sent time.Time, ok message, err error) {
	var challenge *stack.Response
	for d.seq = 1; d.seq <= 2; d.seq++ {
		r := d.request("INVITE")
		r.SetBody("application/sdp", sdp)
		if challenge != nil {
			if err := authorize(r, challenge, d.account); err != nil {
				return first, sent, ok, err
			}
		}
		if sent, err = d.line.send(r, d.line.to); err != nil {
			return first, sent, ok, err
		}
		if first.IsZero() {
			first = sent
		}
		if ok, err = final(ctx, d.in, uint32(d.seq)); err != nil {
			return first, sent, ok, fmt.Errorf("INVITE: %w", err)
		}
		if ok.Response.Status == 200 {
			return first, sent, ok, d.accept(ok.Response)
		}
		if err := d.refused(r, ok.Response); err != nil {
			return first, sent, ok, err
		}
		if challenge = ok.Response; challenge.Status != 401 {
			break
		}
	}
	return first, sent, ok, fmt.Errorf("%w: INVITE: %d", ErrRefused, ok.Response.Status)
}

// refused acknowledges a final response that is no 2xx: same branch (RFC 3261 section 17.1.1.3).
func (d *dialog) refused(invite *stack.Request, resp *stack.Response) error {
	ack := d.request("ACK")
	ack.Set("Via", invite.Get("Via"))
	ack.SetTo(resp.To())
	_, err := d.line.send(ack, d.line.to)
	return err
}

// accept acknowledges the 200 and takes over the far side's tag and contact.
func (d *dialog) accept(ok *stack.Response) error {
	d.to = ok.To()
	if contacts, err := ok.Contacts(); err == nil && len(contacts) == 1 {
		d.uri = contacts[0].URI
	}
	_, err := d.line.send(d.request("ACK"), d.line.to)
	return err
}

// hold waits, and acknowledges again when the 200 comes again.
func (d *dialog) hold(ctx context.Context, length time.Duration) error {
	t := time.NewTimer(length)
	defer t.Stop()
	for {
		select {
		case m := <-d.in:
			switch {
			case m.Request != nil && m.Request.Method == "BYE":
				_, _ = d.line.send(stack.NewResponse(m.Request, 200, ""), d.line.to)
				return fmt.Errorf("%w: the switch hung up", ErrRefused)
			case m.Response != nil && m.Response.Status == 200:
				if err := d.accept(m.Response); err != nil {
					return err
				}
			}
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *dialog) bye(ctx context.Context) error {
	d.seq++
	if _, err := d.line.send(d.request("BYE"), d.line.to); err != nil {
		return err
	}
	m, err := final(ctx, d.in, uint32(d.seq))
	if err == nil && m.Response.Status != 200 {
		err = fmt.Errorf("%w: BYE: %d", ErrRefused, m.Response.Status)
	}
	return err
}

func describe(media netip.AddrPort) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0 101\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n", media.Addr(), media.Port())
}
