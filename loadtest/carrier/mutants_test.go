package carrier

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// The flows and peers of mutations that are no change of one text.

// basic is the call that each peer takes.
func (p *pair) basic() Dial {
	switch server := p.peer.Addr(); p.peer.profile.Name {
	case "NGN":
		return Dial{URI: fmt.Sprintf("sip:%s@%s", abroad, server), To: fmt.Sprintf("<sip:%s@%s>", abroad, server.Addr()), From: fmt.Sprintf("<sip:%s@%s>", did, server.Addr()),
			Fields: headers("Session-Expires", "300", "Min-SE", "300")}
	case "Teams":
		return Dial{URI: "sip:+819098765432@" + point + ";user=phone", From: "<sip:+81312345678@" + sbc + ">"}
	case "legacy PBX":
		return Dial{URI: fmt.Sprintf("sip:301@%s", server), From: fmt.Sprintf("<sip:201@%s>", p.client.Addr())}
	default:
		client := p.client.Addr()
		return Dial{URI: fmt.Sprintf("sip:+819098765432@%s", server), From: fmt.Sprintf("<sip:+81312345678@%s>", client),
			Fields: headers("P-Asserted-Identity", fmt.Sprintf("<sip:+81312345678@%s>", client))}
	}
}

func flowPaced(p *pair) error {
	p.peer.SetScript(func(_ context.Context, c *Call) error {
		c.Reject(503, headers("Retry-After", "60")...)
		return nil
	})
	for range 2 {
		if _, _, err := p.client.Call(p.ctx(), p.basic()); err != nil {
			return err
		}
	}
	return nil
}

// flowPacedLine is the same with a registering peer.
func flowPacedLine(p *pair) error {
	if err := p.registerAs(word(), 1, p.lineFields()...); err != nil {
		return err
	}
	p.peer.SetScript(func(_ context.Context, c *Call) error {
		c.Reject(503, headers("Retry-After", "60")...)
		return nil
	})
	a := account()
	d := newDigest(a.Domain, a.User, a.Password, a.Algorithm)
	for range 2 {
		if _, _, err := p.client.Call(p.ctx(), Dial{URI: "sip:+819098765432@carrier.example", From: "<sip:" + did + "@carrier.example>",
			Credentials: func(challenge *Message, uri string, n int) Field { return d.answer(challenge, "INVITE", uri, n) }}); err != nil {
			return err
		}
	}
	return nil
}

// lineFields are on a REGISTER of the stage.
func (p *pair) lineFields() []Field {
	if p.client.opts.Bulk {
		return headers("Expires", "300", "Require", "gin", "Proxy-Require", "gin", "Supported", "path")
	}
	return headers("Expires", "300")
}

// in does something in a call.
func in(p *pair, f func(*Call) error) error {
	c, resp, err := p.client.Call(p.ctx(), p.basic())
	if err == nil && resp.Status == 200 {
		err = f(c)
	}
	return err
}

func flowMethod(method string) func(*pair) error {
	return func(p *pair) error {
		return in(p, func(c *Call) error { _, err := c.Do(p.ctx(), method, nil); return err })
	}
}

func flowReinvite(p *pair) error {
	return in(p, func(c *Call) error { _, err := c.Reinvite(p.ctx()); return err })
}

// flowSilent waits for the end of a call whose refresh is lost.
func flowSilent(p *pair) error {
	return in(p, func(c *Call) error { _, err := c.Over(p.ctx()); return err })
}

func flowLateTeams(p *pair) error  { return late(p, p.basic()) }
func flowLateLegacy(p *pair) error { return late(p, p.basic()) }

func flowDeclined(p *pair) error {
	p.peer.SetScript(func(_ context.Context, c *Call) error {
		p.points.Declined(c.Asks)
		c.Reject(603)
		return nil
	})
	for range 2 {
		if _, _, err := p.client.Call(p.ctx(), p.basic()); err != nil {
			return err
		}
	}
	return nil
}

// flowRefreshed registers twice with one Call-ID.
func flowRefreshed(p *pair) error {
	id := word()
	if err := p.registerAs(id, 1, p.lineFields()...); err != nil {
		return err
	}
	return p.registerAs(id, 3, p.lineFields()...)
}

// flowUnregistered calls although the registration has ended.
func flowUnregistered(p *pair) error {
	err := p.registerAs(word(), 1, headers("Expires", "0")...)
	if err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	a := account()
	d := newDigest(a.Domain, a.User, a.Password, a.Algorithm)
	_, _, err = p.client.Call(p.ctx(), Dial{URI: "sip:" + abroad + "@carrier.example", From: "<sip:" + did + "@carrier.example>",
		Credentials: func(challenge *Message, uri string, n int) Field { return d.answer(challenge, "INVITE", uri, n) }})
	return err
}

// flowPackets does something to the client's media before it talks.
func flowPackets(spoil func(*Call)) func(*pair) error {
	return func(p *pair) error {
		if p.registrar != nil {
			return flowSpoiled(p, spoil)
		}
		return in(p, func(c *Call) error { return talkSpoiled(p, c, spoil) })
	}
}

func talkSpoiled(p *pair, c *Call, spoil func(*Call)) error {
	p.client.mu.Lock()
	spoil(c)
	p.client.mu.Unlock()
	return c.Talk(p.ctx(), 5)
}

// flowSpoiled is the same with a registering peer, which calls.
func flowSpoiled(p *pair, spoil func(*Call)) error {
	dial := p.registrar.Dial
	if p.client.opts.Bulk {
		dial = p.registrar.DialBulk
	}
	if err := p.registerAs(word(), 1, p.lineFields()...); err != nil {
		return err
	}
	if _, _, err := p.peer.Call(p.ctx(), dial(p.peer, "+81312345678", "+819098765432")); err != nil {
		return err
	}
	c, err := p.client.Incoming(p.ctx())
	if err != nil {
		return err
	}
	return talkSpoiled(p, c, spoil)
}

// openElsewhere is a customer who calls from another address than the contract's.
func openElsewhere(p *pair, tamper func(string, string) string) {
	peer := IPCarrier(Contract{Sources: []netip.Prefix{netip.PrefixFrom(host(), 32)}, Numbers: []string{did}})
	p.start(peer, plainClient(g711...), Options{Local: at(host())}, Options{Local: at(host()), User: "pbx", Tamper: tamper})
}

// ngn opens a line with a client that does something wrong.
func (p *pair) ngn(tamper func(string, string) string, change func(*NGNLine, *Profile)) {
	client := plainClient("0 PCMU/8000")
	client.TOS, client.MediaTOS = 0x80, 0x80
	probe, err := New(Options{Local: at(host())}, client)
	if err != nil {
		p.Fatal(err)
	}
	port := probe.Addr()
	probe.Close()
	p.line = NGNLine{Customer: port, Numbers: []string{did, "0312345679"}}
	change(&p.line, &client)
	p.start(NGN(p.line), client, Options{Local: at(host()), Script: reliably}, Options{Local: port, User: did, Host: p.line.Customer.String(), Tamper: tamper})
}

// openOtherPort is a client that sends from another port than the line's.
func openOtherPort(p *pair, tamper func(string, string) string) {
	p.ngn(tamper, func(l *NGNLine, _ *Profile) { l.Customer = netip.AddrPortFrom(l.Customer.Addr(), l.Customer.Port()^1) })
}

func openUnmarked(p *pair, tamper func(string, string) string) {
	p.ngn(tamper, func(_ *NGNLine, c *Profile) { c.TOS = 0 })
}

func openUnmarkedMedia(p *pair, tamper func(string, string) string) {
	p.ngn(tamper, func(_ *NGNLine, c *Profile) { c.MediaTOS = 0 })
}

// openShort is a line whose sessions end after two seconds.
func openShort(p *pair, tamper func(string, string) string) {
	p.ngn(tamper, func(l *NGNLine, _ *Profile) { l.Interval = 2 })
}
