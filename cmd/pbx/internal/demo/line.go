package demo

import (
	"naisen/media"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

var _ stack.Handler = (*phone)(nil)

// open gets the phone's line ready: an endpoint in a bridge of its own, where only the ear listens. Called with mu held.
func (p *phone) open() error {
	if p.line != nil {
		return errBusy
	}
	line, err := p.engine.Endpoint(media.Profile{Local: p.host, SecureSIP: p.tls != nil, Codecs: []media.Codec{media.PCMU}},
		func(media.Event) {})
	if err != nil {
		return err
	}
	b := p.engine.Bridge()
	if err := b.Join(line); err != nil {
		_ = line.Close()
		return err
	}
	b.Attach(p.ear)
	p.line, p.bridge = line, b
	return nil
}

func (p *phone) wants() media.Want { return media.Want{Security: p.security} }

// dial calls a number at the switch. What comes of it arrives as notes.
func (p *phone) dial(number string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return err
	}
	offer, err := p.line.Offer(p.wants())
	if err != nil {
		return err
	}
	to := sip.URI{Scheme: "sip", User: number, Host: p.proxy.Addr().String(), Port: int(p.proxy.Port())}
	p.session = p.ua.Invite(dialog.Invite{ID: p.name, URI: to, To: sip.Address{URI: to}, From: p.aor(), Targets: []stack.Target{p.target}, Body: offer,
		ContactUser: p.user}, p.event)
	return nil
}

// event takes what the dialog says, on its shard.
func (p *phone) event(e dialog.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case dialog.Progress:
		if len(e.SDP) > 0 {
			p.accept(e.SDP, early)
		}
	case dialog.Answered:
		p.accept(e.SDP, answered)
	case dialog.Offered:
		answer, err := p.line.Answer(e.SDP, p.wants())
		if err != nil {
			p.session.Refuse(sip.StatusCause(488))
			return
		}
		p.session.Reply(answer)
	case dialog.Ended:
		p.tell(note{what: ended, cause: e.Cause})
	}
}

// accept takes the answer to our offer. Called with mu held.
func (p *phone) accept(answer media.SDP, what string) {
	if err := p.line.Accept(answer); err != nil {
		p.tell(note{what: failed, err: err})
		return
	}
	p.tell(note{what: what})
}

// Request implements stack.Handler.
func (p *phone) Request(tx *stack.ServerTx) {
	if p.ua.Request(tx) {
		return
	}
	switch tx.Request().Method {
	case "INVITE":
		p.invited(tx)
	case "OPTIONS":
		_ = tx.Respond(stack.NewResponse(tx.Request(), 200, ""))
	default:
		_ = tx.Respond(stack.NewResponse(tx.Request(), 405, ""))
	}
}

// invited rings; the story answers.
func (p *phone) invited(tx *stack.ServerTx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != nil {
		_ = tx.Respond(stack.NewResponse(tx.Request(), 486, ""))
		return
	}
	session, err := p.ua.Accept(tx, p.name, p.event)
	if err != nil { // it is answered
		p.tell(note{what: failed, err: err})
		return
	}
	p.session = session
	if err = p.open(); err == nil {
		p.answer, err = p.line.Answer(tx.Request().Body, p.wants())
	}
	if err != nil {
		session.End(sip.StatusCause(488))
		p.tell(note{what: failed, err: err})
		return
	}
	session.Ring(nil)
	p.tell(note{what: ringing})
}

// pickUp answers the call that rings.
func (p *phone) pickUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session.Answer(p.answer)
}

// talk says the phone's tone until the call ends.
func (p *phone) talk() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line.Play(p.voice.Loop())
}

// hangUp ends the call.
func (p *phone) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session.End(sip.Cause{})
}

// stats of the media; there must be a call.
func (p *phone) stats() media.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line.Stats()
}

// Ack, Cancel, StrayResponse and FlowClosed implement stack.Handler: they are the dialogs' business.
func (p *phone) Ack(r *stack.Request)            { p.ua.Ack(r) }
func (p *phone) Cancel(tx *stack.ServerTx)       { p.ua.Cancel(tx) }
func (p *phone) StrayResponse(r *stack.Response) { p.ua.StrayResponse(r) }
func (p *phone) FlowClosed(f *stack.Flow)        { p.ua.FlowClosed(f) }
