package carrier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"testing"
)

// stage is one simulator with a conforming client, and what they do together.
type stage struct {
	open func(*pair, func(name, text string) string)
	flow func(*pair) error
}

func newPair(t *testing.T) *pair { return &pair{T: t, ctx: t.Context} }

// both calls in both directions.
func both(p *pair, out, in Dial) error {
	if err := talks(p.ctx(), p.client, p.peer, out); err != nil {
		return fmt.Errorf("to the peer: %w", err)
	}
	if err := talks(p.ctx(), p.peer, p.client, in); err != nil {
		return fmt.Errorf("from the peer: %w", err)
	}
	return nil
}

var g711 = []string{"0 PCMU/8000", "8 PCMA/8000"}

// reliably rings with 100rel and early media, twice, before it answers.
func reliably(ctx context.Context, c *Call) error {
	if c.Asks.Tagged("supported", "100rel") {
		for range 2 {
			if err := c.Ring(ctx, 183, Ring{SDP: true, Reliable: true}); err != nil {
				return err
			}
		}
	}
	if err := c.Ring(ctx, 180, Ring{}); err != nil {
		return err
	}
	return c.Answer(ctx)
}

// fine wants a 200.
func fine(m *Message, err error) error {
	if err == nil && m.Status != 200 {
		err = fmt.Errorf("%w: %s", ErrRefused, m.Name())
	}
	return err
}

// renegotiates: an UPDATE, a re-INVITE with the same and one without an offer.
func renegotiates(p *pair, d Dial) error {
	c, resp, err := p.client.Call(p.ctx(), d)
	if err := fine(resp, err); err != nil {
		return err
	}
	for _, f := range []func() (*Message, error){
		func() (*Message, error) { return c.Do(p.ctx(), "UPDATE", nil) },
		func() (*Message, error) { return c.Reinvite(p.ctx()) },
		func() (*Message, error) { return c.Do(p.ctx(), "BYE", nil) },
	} {
		if err := fine(f()); err != nil {
			return err
		}
	}
	return nil
}

func stages() map[string]stage {
	return map[string]stage{
		"digest": {openDigest, flowDigest}, "ip": {openIP, flowIP}, "ngn": {openNGN, flowNGN}, "teams": {openTeams, flowTeams},
		"legacy": {openLegacy, flowLegacy}, "gin": {openGin, flowGin},
	}
}

func openDigest(p *pair, tamper func(string, string) string) {
	peer, r := DigestCarrier(account())
	p.registrar = r
	p.start(peer, plainClient(g711...), Options{Local: at(host()), Script: reliably}, Options{Local: at(host()), User: "x7k2p9", Tamper: tamper})
}

func flowDigest(p *pair) error {
	if err := p.register(headers("Expires", "300")...); err != nil {
		return err
	}
	a := account()
	d := newDigest(a.Domain, a.User, a.Password, a.Algorithm)
	out := Dial{URI: "sip:" + abroad + "@carrier.example", From: "<sip:" + did + "@carrier.example>", Fields: headers("Session-Expires", "90"),
		Credentials: func(challenge *Message, uri string, n int) Field { return d.answer(challenge, "INVITE", uri, n) }}
	return both(p, out, p.registrar.Dial(p.peer, did, abroad))
}

func openIP(p *pair, tamper func(string, string) string) {
	own := host()
	peer := IPCarrier(Contract{Sources: []netip.Prefix{netip.PrefixFrom(own, 32)}, Numbers: []string{did}})
	p.start(peer, plainClient(g711...), Options{Local: at(host())}, Options{Local: at(own), User: "pbx", Tamper: tamper})
}

func flowIP(p *pair) error {
	peer, client := p.peer.Addr(), p.client.Addr()
	out := Dial{URI: fmt.Sprintf("sip:+819098765432@%s", peer), From: fmt.Sprintf("<sip:+81312345678@%s>", client),
		Fields: headers("P-Asserted-Identity", fmt.Sprintf("<sip:+81312345678@%s>", client))}
	hidden := out
	hidden.From = `"Anonymous" <sip:anonymous@anonymous.invalid>`
	hidden.Fields = append(headers("Privacy", "id"), out.Fields...)
	if err := talks(p.ctx(), p.client, p.peer, hidden); err != nil {
		return err
	}
	p.forget()
	if err := both(p, out, Dial{URI: fmt.Sprintf("sip:+81312345678@%s", client), From: fmt.Sprintf("<sip:+819098765432@%s>", peer)}); err != nil {
		return err
	}
	if err := late(p, out); err != nil {
		return err
	}
	return cancels(p, out)
}

// forget takes past calls out of the way of the next.
func (p *pair) forget() {
	p.peer.forget()
	p.client.forget()
}

func (u *UA) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, c := range u.calls {
		if c.phase == phaseOver {
			delete(u.calls, id)
		}
	}
}

// late calls without an offer: the answer stands in the ACK.
func late(p *pair, d Dial) error {
	d.Late = true
	c, resp, err := p.client.Call(p.ctx(), d)
	if err := fine(resp, err); err != nil {
		return err
	}
	return c.Hangup(p.ctx())
}

// cancels gives a ringing call up, after an UPDATE in another.
func cancels(p *pair, d Dial) error {
	if err := renegotiates(p, d); err != nil {
		return err
	}
	p.peer.SetScript(func(ctx context.Context, c *Call) error { return c.Ring(ctx, 180, Ring{}) })
	d.Ringing = func(m *Message) {
		if m.Status == 180 {
			p.client.running.Go(func() {
				if _, err := p.client.Cancel(p.ctx(), m); err != nil {
					p.client.fail(err)
				}
			})
		}
	}
	_, resp, err := p.client.Call(p.ctx(), d)
	if err == nil && resp.Status != 487 {
		err = fmt.Errorf("%w: %d to a cancelled INVITE", ErrRefused, resp.Status)
	}
	return err
}

func openNGN(p *pair, tamper func(string, string) string) {
	p.ngn(tamper, func(*NGNLine, *Profile) {})
}

func flowNGN(p *pair) error {
	server := p.peer.Addr()
	out := Dial{URI: fmt.Sprintf("sip:%s@%s", abroad, server), To: fmt.Sprintf("<sip:%s@%s>", abroad, server.Addr()), From: fmt.Sprintf("<sip:%s@%s>", did, server.Addr()),
		Fields: headers("Session-Expires", "300", "Min-SE", "300")}
	if err := both(p, out, p.line.Dial(server.Addr(), "0312345679", abroad)); err != nil {
		return err
	}
	p.forget()
	if err := talks(p.ctx(), p.peer, p.client, p.line.Dial(server.Addr(), "0312345679", "")); err != nil {
		return err
	}
	return refreshes(p, out)
}

// refreshes by UPDATE, as the timer would.
func refreshes(p *pair, d Dial) error {
	c, resp, err := p.client.Call(p.ctx(), d)
	if err := fine(resp, err); err != nil {
		return err
	}
	if err := c.Refresh(p.ctx()); err != nil {
		return err
	}
	return c.Hangup(p.ctx())
}

func openTeams(p *pair, tamper func(string, string) string) {
	p.teams(tamper, sbc)
}

// teams opens a Teams point and an SBC whose certificate has the name.
func (p *pair) teams(tamper func(string, string) string, name string) {
	ca := certificate(p.T, "test CA", 0, nil)
	p.roots = x509.NewCertPool()
	p.roots.AddCert(ca.Leaf)
	p.points = NewPoints(Tenant{FQDN: sbc})
	server, client := MutualTLS(certificate(p.T, point, x509.ExtKeyUsageServerAuth, &ca), p.roots, sbc)
	own := certificate(p.T, name, x509.ExtKeyUsageServerAuth, &ca)
	sbcServer, sbcClient := MutualTLS(own, p.roots, point)
	sbcClient.Certificates = []tls.Certificate{own}
	audio := plainClient("0 PCMU/8000", "8 PCMA/8000")
	audio.Audio.Crypto, audio.Audio.Extra = []int{1}, "|2^31"
	p.start(p.points.Teams(), audio, Options{Local: at(host()), Transport: "tls", Host: point, ServerTLS: server, ClientTLS: client, Script: forks},
		Options{Local: at(host()), Transport: "tls", Host: sbc, User: "+81312345678", ServerTLS: sbcServer, ClientTLS: sbcClient, Tamper: tamper})
}

// forks rings with several To tags before one answers.
func forks(ctx context.Context, c *Call) error {
	for _, r := range []Ring{{Tag: "fork-a"}, {Tag: "fork-b", SDP: true}, {}} {
		if err := c.Ring(ctx, 180, r); err != nil {
			return err
		}
	}
	return c.Answer(ctx)
}

func flowTeams(p *pair) error {
	me := "<sip:" + sbc + ">"
	resp, err := p.client.Ask(p.ctx(), "OPTIONS", "sip:"+point+":5061", me, "<sip:"+point+">", word(), 1)
	if err := fine(resp, err); err != nil {
		return err
	}
	if resp, err = p.peer.Ask(p.ctx(), "OPTIONS", "sip:"+sbc, "<sip:"+point+">", me, word(), 1); fine(resp, err) != nil {
		return fine(resp, err)
	}
	out := Dial{URI: "sip:+819098765432@" + point + ";user=phone", From: "<sip:+81312345678@" + sbc + ">"}
	in := Dial{URI: "sip:+81312345678@" + sbc + ";user=phone", From: "<sip:+819098765432@" + point + ";user=phone>"}
	if err := both(p, out, in); err != nil {
		return err
	}
	by := "<sip:+819098765432@" + point + ";x-m=8:orgid:1;x-t=tenant>"
	p.points.Refers("<sip:"+point+":5061;transport=tls;x-m=8:orgid:2;x-t=tenant>", by)
	null := Dial{URI: "sip:" + point + ":5061;transport=tls;x-m=8:orgid:2;x-t=tenant", From: out.From, Fields: headers("Referred-By", by)}
	p.forget()
	return talks(p.ctx(), p.client, p.peer, null)
}

func openLegacy(p *pair, tamper func(string, string) string) {
	c := plainClient(g711...)
	c.Offers = nil
	p.start(LegacyPBX(OldPBX{Extensions: []string{"301"}}), c, Options{Local: at(host())}, Options{Local: at(host()), User: "201", Tamper: tamper})
}

func flowLegacy(p *pair) error {
	return both(p, Dial{URI: fmt.Sprintf("sip:301@%s", p.peer.Addr()), From: fmt.Sprintf("<sip:201@%s>", p.client.Addr())}, OldPBX{}.Dial(p.peer, "301", "201"))
}

func openGin(p *pair, tamper func(string, string) string) {
	peer, r := Bulk(account())
	p.registrar = r
	p.start(peer, plainClient(g711...), Options{Local: at(host()), Script: reliably}, Options{Local: at(host()), Tamper: tamper,
		Bulk: true})
}

func flowGin(p *pair) error {
	if err := p.register(headers("Expires", "300", "Require", "gin", "Proxy-Require", "gin", "Supported", "path")...); err != nil {
		return err
	}
	a := account()
	d := newDigest(a.Domain, a.User, a.Password, a.Algorithm)
	out := Dial{URI: "sip:+819098765432@carrier.example", From: "<sip:+81312345678@carrier.example>", Fields: headers("Session-Expires", "90"),
		Credentials: func(challenge *Message, uri string, n int) Field { return d.answer(challenge, "INVITE", uri, n) }}
	return both(p, out, p.registrar.DialBulk(p.peer, "+81312345678", "+819098765432"))
}

// A conforming client is refused by nobody, and finds nothing to refuse.
func TestConforming(t *testing.T) {
	for name, s := range stages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			s.open(p, nil)
			if err := s.flow(p); err != nil {
				t.Error(err)
			}
			for _, u := range []*UA{p.peer, p.client} {
				if err := u.Errors(); err != nil || len(u.Refusals()) > 0 {
					t.Errorf("%s: %v\n%s", u.profile.Name, err, told(u))
				}
			}
			if t.Failed() {
				t.Log(p.peer.Trace())
			}
		})
	}
}
