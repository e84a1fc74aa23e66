package carrier

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Dial says how a call of ours is.
type Dial struct {
	URI      string // Request-URI
	From, To string // header values without tag; empty To: the URI
	Fields   []Field
	Late     bool // no offer: it comes with their 200
	// Ringing is told of each provisional response; nil: nobody.
	Ringing func(*Message)
	// Credentials answers a challenge with one header line, for the nth time; nil: the challenge is the end.
	Credentials func(challenge *Message, uri string, n int) Field
}

// Call dials. The call is returned with the final response; it is connected when that is a 2xx.
func (u *UA) Call(ctx context.Context, d Dial) (*Call, *Message, error) {
	l, err := u.way(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := &Call{u: u, Out: true, ID: word() + "@" + strings.Trim(u.opts.Host, "[]"), link: l, theirs: map[string]int{}, pracked: map[string]bool{}, seq: 100}
	if d.To == "" {
		d.To = "<" + d.URI + ">"
	}
	c.local, c.remote, c.target = d.From+";tag="+word(), d.To, d.URI
	u.mu.Lock()
	c.localTags = []string{tagOf(c.local)}
	u.calls[c.ID] = c
	u.mu.Unlock()
	var challenge *Message
	for n := 1; ; n++ {
		var extra []Field
		if challenge != nil {
			extra = append(extra, d.Credentials(challenge, d.URI, n-1))
		}
		resp, err := c.invite(ctx, d, extra)
		if err != nil {
			return c, nil, err
		}
		switch {
		case (resp.Status == 401 || resp.Status == 407) && d.Credentials != nil && challenge == nil:
			challenge = resp
		case resp.Status == 422 && n < 4: // RFC 4028 section 7.3
			d.Fields = slices.DeleteFunc(slices.Clone(d.Fields), func(f Field) bool { return f.Name == "Session-Expires" || f.Name == "Min-SE" })
			d.Fields = append(d.Fields, headers("Session-Expires", resp.Get("min-se"), "Min-SE", resp.Get("min-se"))...)
		default:
			return c, resp, u.concluded(ctx, c, d, resp)
		}
	}
}

func (c *Call) invite(ctx context.Context, d Dial, extra []Field) (*Message, error) {
	u := c.u
	u.mu.Lock()
	c.target, c.remote, c.routes = d.URI, d.To, nil
	m := c.draft("INVITE")
	if !d.Late {
		m.body = c.describe(nil)
	}
	u.mu.Unlock()
	m.fields = append(append(m.fields, d.Fields...), extra...)
	return u.ask(ctx, c.link, m, func(resp *Message) {
		if n, _ := resp.Number("rseq"); n > 0 && resp.Tagged("require", "100rel") {
			u.running.Go(func() {
				if _, err := c.Do(u.life, "PRACK", nil, headers("RAck", fmt.Sprintf("%d %d INVITE", n, resp.CSeq()))...); err != nil {
					u.fail(err)
				}
			})
		}
		if d.Ringing != nil {
			d.Ringing(resp)
		}
	})
}

// concluded acknowledges a 2xx. One that broke a rule is acknowledged and hung up: there is no other way to refuse it.
func (u *UA) concluded(ctx context.Context, c *Call, d Dial, resp *Message) error {
	if resp.Status >= 300 {
		u.mu.Lock()
		c.end("refused")
		u.mu.Unlock()
		return nil
	}
	u.mu.Lock()
	if v := resp.Get("session-expires"); v != "" {
		c.timer(v, true)
	}
	var body []byte
	if d.Late {
		body = c.describe(resp.sdp())
	}
	u.mu.Unlock()
	if err := c.sendAck(resp, body); err != nil {
		return err
	}
	u.mu.Lock()
	c.up()
	u.mu.Unlock()
	if resp.broken {
		if err := c.Hangup(ctx); err != nil {
			return err
		}
		return fmt.Errorf("%w: we refused their %s", ErrRefused, resp.Name())
	}
	return nil
}

// Ask sends a request outside any dialog, as OPTIONS and REGISTER are, and gives the final response.
func (u *UA) Ask(ctx context.Context, method, uri, from, to, callID string, seq int, fields ...Field) (*Message, error) {
	l, err := u.way(ctx)
	if err != nil {
		return nil, err
	}
	d := draft{name: method, start: method + " " + uri + " SP", fields: headers("From", from+";tag="+word(), "To", to, "Call-ID", callID,
		"CSeq", fmt.Sprintf("%d %s", seq, method))}
	d.start = method + " " + uri + " SIP/2.0"
	d.fields = append(append(d.fields, u.ours(method)...), fields...)
	return u.ask(ctx, l, d, nil)
}

// Cancel gives an INVITE of ours up that rings (RFC 3261 section 9.1), by a provisional response to it; the final one still arrives.
func (u *UA) Cancel(ctx context.Context, ringing *Message) (*Message, error) {
	u.mu.Lock()
	tx := u.asked[ringing.txKey()]
	u.mu.Unlock()
	if tx == nil || tx.request == nil {
		return nil, fmt.Errorf("%w: nothing to cancel", ErrSyntax)
	}
	r := tx.request
	d := draft{name: "CANCEL", start: "CANCEL " + r.URI + " SIP/2.0", fields: headers("From", r.Get("from"), "To", r.Get("to"), "Call-ID", r.Get("call-id"),
		"CSeq", fmt.Sprintf("%d CANCEL", r.CSeq()))}
	return u.askAs(ctx, tx.link, r.branch(), d, nil)
}
