package carrier

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// clientTx is a request of ours.
type clientTx struct {
	request   *Message // as it was sent; nil when a test made it unreadable
	responses chan *Message
	ack       []byte // of a final response, sent again for each repetition
	link      link
	done      bool
}

// serverTx is a request of theirs.
type serverTx struct {
	request *Message
	last    []byte // what a repetition gets
	status  int
	tag     string // ours
}

// t1 and t2 of RFC 3261 section 17.1.1.1.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// branch of the topmost Via.
func (m *Message) branch() string {
	all := m.All("via")
	if len(all) == 0 {
		return ""
	}
	v, _ := param(strings.Split(all[0], ";"), "branch")
	return v
}

// txKey names the transaction of a message (RFC 3261 section 17.2.3).
func (m *Message) txKey() string {
	method := m.Method
	if method == "ACK" {
		method = "INVITE"
	}
	return m.branch() + "|" + method
}

// ask sends a request and gives the final response; each provisional one goes to early. A final response to an INVITE other than 2xx is
// acknowledged here.
func (u *UA) ask(ctx context.Context, l link, d draft, early func(*Message)) (*Message, error) {
	return u.askAs(ctx, l, "z9hG4bK"+word(), d, early)
}

// askAs is ask with the branch given: a CANCEL has that of its INVITE.
func (u *UA) askAs(ctx context.Context, l link, branch string, d draft, early func(*Message)) (*Message, error) {
	d.fields = append(headers("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", l.transport(), u.sentBy(), branch), "Max-Forwards", "70"), d.fields...)
	tx := &clientTx{responses: make(chan *Message, 64), link: l}
	b := u.text(d)
	tx.request, _ = ParseMessage(b)
	method, _, _ := strings.Cut(d.start, " ")
	u.mu.Lock()
	u.asked[branch+"|"+method] = tx
	u.mu.Unlock()
	if err := l.send(b); err != nil {
		return nil, err
	}
	resp, err := u.final(ctx, tx, b, early)
	if err == nil && method == "INVITE" && resp.Status >= 300 {
		ack := draft{name: "ACK", start: strings.Replace(d.start, "INVITE", "ACK", 1)}
		for _, f := range d.fields {
			switch f.Name {
			case "Via", "Max-Forwards", "From", "Call-ID", "Route":
				ack.fields = append(ack.fields, f)
			}
		}
		ack.fields = append(ack.fields, headers("To", resp.Get("to"), "CSeq", fmt.Sprintf("%d ACK", resp.CSeq()))...)
		text := u.text(ack)
		u.mu.Lock()
		tx.ack = text
		u.mu.Unlock()
		err = l.send(text)
	}
	return resp, err
}

// final repeats the request as RFC 3261 sections 17.1.1 and 17.1.2 want it, until the final response.
func (u *UA) final(ctx context.Context, tx *clientTx, b []byte, early func(*Message)) (*Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	wait := t1
	repeat := time.NewTimer(wait)
	defer repeat.Stop()
	for {
		select {
		case m := <-tx.responses:
			if m.Status >= 200 {
				return m, nil
			}
			repeat.Stop()
			if early != nil {
				early(m)
			}
		case <-repeat.C:
			if tx.link.transport() == "UDP" {
				if err := tx.link.send(b); err != nil {
					return nil, err
				}
			}
			wait = min(2*wait, t2)
			repeat.Reset(wait)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: final response to %.40q", ErrTimeout, b)
		case <-u.life.Done():
			return nil, fmt.Errorf("%w: closed", ErrTimeout)
		}
	}
}

// receive takes one message off the wire.
func (u *UA) receive(b []byte, from netip.AddrPort, tos int, l link) {
	if strings.Trim(string(b), "\r\n") == "" || b[0] < 4 { // keep-alive: CRLF, STUN
		return
	}
	m, err := ParseMessage(b)
	if err != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.refuse(Refusal{Peer: u.profile.Name, Rule: "syntax", Status: 400, Why: "RFC 3261 section 25", What: err.Error(), Message: string(b)})
		return
	}
	m.Source, m.TOS, m.Transport, m.link = from, tos, l.transport(), l
	if m.Status != 0 {
		u.response(m)
		return
	}
	u.mu.Lock()
	if tx := u.served[m.txKey()]; tx != nil && m.Method != "ACK" {
		last := tx.last
		u.mu.Unlock()
		if last != nil {
			_ = l.send(last)
		}
		return
	}
	s := &Seen{Message: m, UA: u, Call: u.callOf(m)}
	var tx *serverTx
	switch m.Method {
	case "ACK":
		s.Asked = u.acknowledged(s)
	case "CANCEL":
		if old := u.served[m.branch()+"|INVITE"]; old != nil {
			s.Asked = old.request
		}
		fallthrough
	default:
		tx = &serverTx{request: m, tag: word()}
		u.served[m.txKey()] = tx
	}
	broken, first := u.judge(s)
	if s.Method == "OPTIONS" {
		u.options = time.Now()
	}
	u.log = append(u.log, m)
	u.refuse(broken...)
	if s.Call != nil && s.tag("to") != "" && s.Method != "ACK" {
		s.Call.heard = max(s.Call.heard, s.CSeq())
	}
	u.mu.Unlock()
	u.serve(s, tx, first)
}

// acknowledged finds the INVITE that an ACK belongs to: by branch after a refusal, else by its dialog and CSeq; the lock is held.
func (u *UA) acknowledged(s *Seen) *Message {
	if tx := u.served[s.txKey()]; tx != nil {
		return tx.request
	}
	if s.Call == nil {
		return nil
	}
	for _, tx := range u.served {
		if tx.request.Method == "INVITE" && tx.request.CSeq() == s.CSeq() && tx.request.Get("call-id") == s.Get("call-id") {
			return tx.request
		}
	}
	return nil
}

// response gives a response to the request that it answers.
func (u *UA) response(m *Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := &Seen{Message: m, UA: u, Call: u.callOf(m)}
	tx := u.asked[m.txKey()]
	if tx != nil {
		s.Asked = tx.request
	}
	if tx != nil && tx.done { // repeated, or another 2xx
		if tx.ack != nil {
			_ = tx.link.send(tx.ack)
		}
		return
	}
	broken, _ := u.judge(s)
	m.broken = len(broken) > 0
	if c := s.Call; c != nil {
		c.heardResponse(s)
	}
	u.log = append(u.log, m)
	u.refuse(broken...)
	if tx == nil {
		return
	}
	tx.done = m.Status >= 200
	select {
	case tx.responses <- m:
	default:
		u.errs = append(u.errs, fmt.Errorf("%w: more responses than anybody takes", ErrSyntax))
	}
}

// reply answers a request.
func (u *UA) reply(s *Seen, tx *serverTx, status int, body []byte, fields ...Field) {
	u.replyAs(tx.tag, s, tx, status, body, fields...)
}

// replyAs answers with one of several To tags, as forks do.
func (u *UA) replyAs(tag string, s *Seen, tx *serverTx, status int, body []byte, fields ...Field) {
	d := draft{start: fmt.Sprintf("SIP/2.0 %d %s", status, phrase(status)), name: fmt.Sprintf("%d %s", status, s.Method), body: body}
	for _, f := range s.Fields {
		name := map[string]string{"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq", "record-route": "Record-Route"}[f.Name]
		if name == "" || name == "Record-Route" && (status/100 == 3 || status >= 400) {
			continue
		}
		if f.Name == "to" && s.tag("to") == "" && status > 100 {
			f.Value += ";tag=" + tag
		}
		if f.Name == "via" {
			f.Value = strings.Replace(f.Value, ";rport", fmt.Sprintf(";rport=%d;received=%s", s.Source.Port(), s.Source.Addr()), 1)
		}
		d.fields = append(d.fields, Field{Name: name, Value: f.Value})
	}
	dialog := s.Method == "INVITE" && status > 100 && status < 300
	if (dialog || s.Method == "UPDATE" && status/100 == 2 || s.Method == "OPTIONS") && !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == "Contact" }) {
		d.fields = append(d.fields, Field{Name: "Contact", Value: "<" + u.contactURI() + ">"})
	}
	if status/100 == 2 && (s.Method == "INVITE" || s.Method == "OPTIONS") || status == 405 {
		d.fields = append(d.fields, Field{Name: "Allow", Value: strings.Join(u.profile.Allow, ", ")})
	}
	if dialog && u.profile.RecordRoute {
		d.fields = append(d.fields, Field{Name: "Record-Route", Value: u.route()})
	}
	d.fields = append(d.fields, fields...)
	b := u.text(d)
	u.mu.Lock()
	for _, f := range fields {
		if f.Name == "Retry-After" {
			u.paused[s.Method+" "+s.URI] = time.Now().Add(time.Duration(number(f.Value)) * time.Second)
		}
	}
	if status > tx.status {
		tx.last, tx.status = b, status
	}
	u.mu.Unlock()
	_ = s.link.send(b) // a connection that is gone shows by what does not come
}

// phrase is the usual reason phrase.
func phrase(status int) string {
	p := map[int]string{100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
		401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 407: "Proxy Authentication Required", 420: "Bad Extension",
		422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
		486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error",
		503: "Service Unavailable", 603: "Decline"}[status]
	if p == "" {
		return "Status"
	}
	return p
}
