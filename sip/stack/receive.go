package stack

import (
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"naisen/sip"
)

// datagram takes one UDP packet.
func (s *Stack) datagram(b []byte, f *Flow) {
	if s.swamped() && s.dispensable(b) {
		s.stats.received.Add(1)
		s.stats.queueFull.Add(1)
		s.stats.shed.Add(1)
		return
	}
	s.receive(b, f, false)
}

// stream takes one framed message; when its shard is full it waits, and with it the reading of that connection.
func (s *Stack) stream(b []byte, c *conn) { s.guard(func() { s.receive(b, c.flow, true) }) }

func (s *Stack) receive(b []byte, f *Flow, stream bool) {
	s.stats.received.Add(1)
	at := time.Now()
	req, resp, err := parse(b, stream && f.conn.ws == nil, s.limits.MessageBytes) // a WebSocket message ends by itself (RFC 7118 section 5.3)
	if req != nil {
		req.size = len(b)
	}
	if err != nil {
		s.stats.malformed.Add(1)
		s.sample("sip malformed message", f, errText(err))
		var pe *ParseError
		if req != nil && errors.As(err, &pe) && pe.Status != 0 {
			s.refuseMalformed(req, f, pe.Status)
		}
		return
	}
	if s.cfg.Trace != nil {
		s.traceIn(f, b, req, resp)
	}
	if resp != nil {
		s.incoming(resp, f, at, stream)
		return
	}
	v, _ := req.topVia()
	s.stamp(req, f, v)
	fresh := makesNew(req)
	urgent := fresh && s.cfg.Urgent != nil && s.cfg.Urgent(req)
	if fresh && !s.admit.request(f.remote.Addr(), urgent) {
		s.stats.shed.Add(1)
	} else if s.shard(req.CallID()).message(item{req: req, at: at}, req.CallID(), fresh && !urgent, stream) || !fresh {
		return
	}
	if stream {
		s.refuse(req, v, 503, Header{"Retry-After", "5"})
	}
}

// stamp sets what the receiving side adds: the flow, our To tag, and received and rport in the top Via (RFC 3261 section 18.2.1,
// RFC 3581 section 4). A received that the sender wrote himself is replaced: it may name a victim.
func (s *Stack) stamp(r *Request, f *Flow, v Via) {
	r.Flow = f
	r.transactionID, r.sentByID = v.transaction(r), v.SentBy()
	r.localTag = s.requestMark(markTag, r, v)
	ps := make(sip.Params, 0, len(v.Params)+1)
	source, rport := f.remote.Addr().WithZone("").String(), false
	for _, p := range v.Params {
		switch p.Name {
		case "received":
			continue
		case "rport":
			rport = true
			p = sip.Param{Name: "rport", Value: strconv.Itoa(int(f.remote.Port()))}
		}
		ps = append(ps, p)
	}
	if rport || v.Host != source {
		ps = append(ps, paramReceived(source))
	}
	v.Params = ps
	r.setTopVia(v)
}

// makesNew: a request outside a dialog could make new state (threats.md section 1). The rates apply to it, and it waits when others do.
func makesNew(r *Request) bool {
	return r.Method != "ACK" && r.Method != "CANCEL" && r.To().Tag() == ""
}

// incoming lets only responses to our own requests in: one Via, its branch made by us. One with a second Via would have to be forwarded,
// and we are no proxy (threats.md A17). The sent-by is compared with the request's on the shard.
func (s *Stack) incoming(resp *Response, f *Flow, at time.Time, stream bool) {
	vias, err := resp.Vias()
	if err != nil || len(vias) != 1 || !s.ourBranch(vias[0].Branch()) {
		s.stats.malformed.Add(1)
		s.sample("sip response is not for us", f, "")
		return
	}
	resp.Flow = f
	s.shard(resp.CallID()).message(item{resp: resp, at: at}, resp.CallID(), false, stream)
}

// refuseMalformed answers without state, within the source's rate. Of a header that must be single only the first is echoed.
func (s *Stack) refuseMalformed(r *Request, f *Flow, status int) {
	if r.Method == "ACK" || !s.admit.allow(f.remote.Addr()) {
		return
	}
	v, err := r.topVia()
	if err != nil {
		return
	}
	for _, name := range single {
		r.Set(name, r.Get(name))
	}
	s.stamp(r, f, v)
	var extra []Header
	if status == 415 {
		extra = append(extra, Header{"Accept-Encoding", "identity"})
	}
	s.refuse(r, v, status, extra...)
}

// refuse sends one final response of which nothing is kept. An ACK to it is recognised by its tag.
func (s *Stack) refuse(r *Request, v Via, status int, extra ...Header) {
	resp := NewResponse(r, status, "")
	for _, h := range extra {
		resp.Add(h.Name, h.Value)
	}
	_ = s.sendStateless(r, v, resp)
}

func (s *Stack) sendStateless(r *Request, v Via, resp *Response) error {
	if to := r.To(); to.URI.Scheme != "" && to.Tag() == "" {
		resp.Set("To", withTag(r.Get("To"), to, s.requestMark(markStateless, r, v)))
	}
	b, err := s.serialise(resp)
	if err == nil && !r.Flow.reliable() && !s.trusted(r.Flow.remote.Addr()) {
		b, err = lean(resp, b, r.size*3/2)
	}
	if err != nil {
		return err
	}
	if b == nil {
		s.stats.withheld.Add(1)
		return nil
	}
	return r.Flow.write(b)
}

// informative is what a refusal may do without.
var informative = []string{"Server", "Allow", "Allow-Events", "Accept", "Supported"}

// lean keeps a datagram to an address that nobody has proved from being more than the sender paid for: who writes another one's address
// into a request must not gain by it (threats D2). What only informs goes first, then all challenges but the first; b is nil if that is not
// enough, which takes a request shorter than any phone sends.
func lean(resp *Response, b []byte, most int) ([]byte, error) {
	if len(b) <= most {
		return b, nil
	}
	for _, name := range informative {
		resp.Del(name)
	}
	b, err := resp.Append(b[:0])
	if err != nil || len(b) <= most {
		return b, err
	}
	for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		if lines := resp.Lines(name); len(lines) > 1 {
			resp.Set(name, lines[0])
		}
	}
	if b, err = resp.Append(b[:0]); err == nil && len(b) > most {
		return nil, nil
	}
	return b, err
}

// serialise writes a response with our Server header.
func (s *Stack) serialise(resp *Response) ([]byte, error) {
	if !resp.Has("Server") {
		resp.Add("Server", s.cfg.UserAgent)
	}
	b, err := resp.Append(make([]byte, 0, 640+len(resp.Body)))
	if err == nil && len(b) > maxDatagram-64 {
		return nil, ErrTooLarge
	}
	return b, err
}

// sample logs about one malformed message per second and never its content (threats.md section 1: log flood, log injection).
func (s *Stack) sample(what string, f *Flow, why string) {
	if n, ok := s.sampler.next(); ok {
		s.log.Info(what, slog.String("why", why), "transport", f.transport, "remote", f.remote, "more", n)
	}
}

// errText keeps the peer's bytes out of the log: our own errors only, others by kind.
func errText(err error) string {
	var pe *ParseError
	if errors.As(err, &pe) {
		return pe.Text
	}
	return "failed"
}

func (s *Stack) trusted(a netip.Addr) bool { return s.cfg.Trusted != nil && s.cfg.Trusted(a) }
