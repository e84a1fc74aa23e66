package siptest

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

// Reply answers a received request. change, if not nil, sees the response before it goes out: to add a body or a Contact.
func (p *Phone) Reply(r *stack.Request, status int, change func(*stack.Response)) *stack.Response {
	p.t.Helper()
	resp := stack.NewResponse(r, status, "")
	if r.Method == "INVITE" && status > 100 && status < 300 {
		resp.SetContact(p.contact(""))
		for _, v := range r.Lines("Record-Route") {
			resp.Add("Record-Route", v)
		}
	}
	if change != nil {
		change(resp)
	}
	p.Send(resp)
	if p.Steady {
		p.said[transaction(r)] = resp
	}
	return resp
}

// Ack acknowledges a final response to an INVITE of this phone: within the transaction for a refusal, as a request of its own to the
// Contact for a 2xx (RFC 3261 sections 17.1.1.3 and 13.2.2.4).
func (p *Phone) Ack(invite *stack.Request, resp *stack.Response) {
	p.t.Helper()
	r := stack.NewRequest("ACK", invite.URI)
	r.Add("Via", invite.Get("Via"))
	if resp.Status/100 == 2 {
		r = p.InDialog("ACK", invite, resp)
	} else {
		for _, h := range []string{"From", "Call-ID"} {
			r.Add(h, invite.Get(h))
		}
		r.Add("To", resp.Get("To"))
	}
	n, _ := invite.CSeq()
	r.Set("CSeq", fmt.Sprintf("%d ACK", n))
	r.Set("Max-Forwards", "70")
	p.Send(r)
}

// Cancel cancels an INVITE of this phone.
func (p *Phone) Cancel(invite *stack.Request) {
	p.t.Helper()
	r := stack.NewRequest("CANCEL", invite.URI)
	for _, h := range []string{"Via", "From", "To", "Call-ID", "Max-Forwards"} {
		r.Add(h, invite.Get(h))
	}
	n, _ := invite.CSeq()
	r.Add("CSeq", fmt.Sprintf("%d CANCEL", n))
	p.Send(r)
}

// InDialog makes a request of the caller's side within the dialog that invite and its 2xx or reliable 1xx made. Its CSeq is one above
// the last that InDialog made on this invite.
func (p *Phone) InDialog(method string, invite *stack.Request, resp *stack.Response) *stack.Request {
	target := invite.URI
	if cs, err := resp.Contacts(); err == nil && len(cs) == 1 {
		target = cs[0].URI
	}
	r := p.within(method, target, invite, &resp.Headers)
	r.Add("From", invite.Get("From"))
	r.Add("To", resp.Get("To"))
	rr, _ := resp.RecordRoutes()
	for i := len(rr) - 1; i >= 0; i-- {
		r.Add("Route", rr[i].String())
	}
	return r
}

// FromCallee makes a request of the called side within the dialog of a received invite and the response that this phone gave.
func (p *Phone) FromCallee(method string, invite *stack.Request, resp *stack.Response) *stack.Request {
	target := invite.From().URI
	if cs, err := invite.Contacts(); err == nil && len(cs) == 1 {
		target = cs[0].URI
	}
	r := p.within(method, target, invite, &invite.Headers)
	r.Add("From", resp.Get("To"))
	r.Add("To", invite.Get("From"))
	for _, v := range invite.Lines("Record-Route") {
		r.Add("Route", v)
	}
	return r
}

func (p *Phone) within(method string, target sip.URI, invite *stack.Request, h *stack.Headers) *stack.Request {
	r := stack.NewRequest(method, target)
	r.Add("Via", p.via(p.Branch()))
	r.Add("Max-Forwards", "70")
	r.Add("Call-ID", h.CallID())
	p.count++
	n, _ := invite.CSeq()
	if method != "ACK" {
		n += uint32(p.count) // only has to grow
	}
	r.Add("CSeq", fmt.Sprintf("%d %s", n, method))
	r.SetContact(p.contact(method))
	return r
}

// Do sends a request and waits for its final response, answering one challenge if Auth is set; an INVITE's refusal is acknowledged.
// It returns the request that got the final response. Provisional responses are passed over.
func (p *Phone) Do(r *stack.Request) (*stack.Request, *stack.Response) {
	p.t.Helper()
	for attempt := 0; ; attempt++ {
		p.Send(r)
		resp := p.final(r.Method)
		if r.Method == "INVITE" && resp.Status >= 300 {
			p.Ack(r, resp)
		}
		if resp.Status != 401 && resp.Status != 407 || p.Auth == nil || attempt > 0 {
			return r, resp
		}
		r = p.Again(r)
		if err := p.Auth(r, resp); err != nil {
			p.t.Fatalf("%s: %v", p.Name, err)
		}
	}
}

func (p *Phone) final(method string) *stack.Response {
	p.t.Helper()
	for {
		m := p.next("a final response to " + method)
		if m.Response == nil {
			p.t.Fatalf("%s: waited for a final response to %s, got %s", p.Name, method, m)
		}
		if m.Response.Status >= 200 {
			return m.Response
		}
	}
}

// Register registers the phone for that many seconds and returns the 200; anything else fails the test.
func (p *Phone) Register(seconds int) *stack.Response {
	p.t.Helper()
	r := p.NewRequest("REGISTER", "")
	r.Add("Expires", fmt.Sprint(seconds))
	if _, resp := p.Do(r); resp.Status == 200 {
		return resp
	} else {
		p.t.Fatalf("%s: REGISTER: %d %s", p.Name, resp.Status, resp.Reason)
		return nil
	}
}

// Digest answers the first challenge whose algorithm is MD5 or SHA-256, with qop=auth (RFC 7616, RFC 8760). It is written apart from
// sip/auth on purpose.
func Digest(user, password string) func(*stack.Request, *stack.Response) error {
	return func(r *stack.Request, resp *stack.Response) error {
		in, out := "WWW-Authenticate", "Authorization"
		if resp.Status == 407 {
			in, out = "Proxy-Authenticate", "Proxy-Authorization"
		}
		for _, line := range resp.Lines(in) {
			scheme, rest, _ := strings.Cut(line, " ")
			ps := challengeParams(rest)
			algorithm := ps["algorithm"]
			var h func() hash.Hash
			switch strings.ToUpper(algorithm) {
			case "", "MD5":
				h = md5.New
			case "SHA-256":
				h = sha256.New
			}
			if !strings.EqualFold(scheme, "Digest") || h == nil {
				continue
			}
			sum := func(s string) string { d := h(); d.Write([]byte(s)); return hex.EncodeToString(d.Sum(nil)) }
			uri, nc, cnonce := r.URI.String(), "00000001", "c0ffee"
			ha1 := sum(user + ":" + ps["realm"] + ":" + password)
			answer := sum(ha1 + ":" + ps["nonce"] + ":" + nc + ":" + cnonce + ":auth:" + sum(r.Method+":"+uri))
			v := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", qop=auth, nc=%s, cnonce="%s"`,
				user, ps["realm"], ps["nonce"], uri, answer, nc, cnonce)
			if algorithm != "" {
				v += ", algorithm=" + algorithm
			}
			if o := ps["opaque"]; o != "" {
				v += `, opaque="` + o + `"`
			}
			r.Set(out, v)
			return nil
		}
		return errors.New("no challenge that Digest can answer")
	}
}

func challengeParams(s string) map[string]string {
	out := make(map[string]string)
	for _, e := range sip.SplitList(s) {
		name, value, _ := strings.Cut(e, "=")
		out[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return out
}
