package ua

import (
	"crypto/rand"
	"encoding/hex"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// Request takes what the switch sends: a call, or something within one.
func (p *Phone) Request(tx *stack.ServerTx) {
	if p.ua.Request(tx) {
		return
	}
	req := tx.Request()
	switch req.Method {
	case "INVITE":
		p.invited(tx)
	case "OPTIONS", "NOTIFY":
		_ = tx.Respond(stack.NewResponse(req, 200, ""))
	default:
		_ = tx.Respond(stack.NewResponse(req, 405, ""))
	}
}

// invited answers a call at once, or rings.
func (p *Phone) invited(tx *stack.ServerTx) {
	offer := tx.Request().Body
	var answer Answerer
	if p.cfg.Incoming != nil {
		answer = p.cfg.Incoming()
	}
	ended := make(chan struct{})
	var s *dialog.Session
	s, err := p.ua.Accept(tx, token(), func(ev dialog.Event) {
		switch ev := ev.(type) {
		case dialog.Offered:
			reply(s, answer, ev.SDP)
		case dialog.Ended:
			close(ended)
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.sessions, s)
		}
	})
	if err != nil {
		return // it is answered
	}
	if p.cfg.Rings {
		s.Ring(nil)
		return
	}
	if len(offer) == 0 || answer == nil {
		s.End(sip.StatusCause(488))
		return
	}
	body, err := answer(offer)
	if err != nil {
		s.End(sip.StatusCause(488))
		return
	}
	p.mu.Lock()
	p.sessions[s] = struct{}{}
	p.mu.Unlock()
	s.Answer(body)
	if p.cfg.Arrived != nil {
		p.cfg.Arrived(&Call{phone: p, session: s, ended: ended})
	}
}

// reply answers an offer within a call.
func reply(s *dialog.Session, answer Answerer, offer []byte) {
	if len(offer) == 0 || answer == nil {
		s.Refuse(sip.StatusCause(488))
		return
	}
	body, err := answer(offer)
	if err != nil {
		s.Refuse(sip.StatusCause(488))
		return
	}
	s.Reply(body)
}

// Ack, Cancel and StrayResponse are the dialogs' business.
func (p *Phone) Ack(req *stack.Request)             { p.ua.Ack(req) }
func (p *Phone) Cancel(tx *stack.ServerTx)          { p.ua.Cancel(tx) }
func (p *Phone) StrayResponse(resp *stack.Response) { p.ua.StrayResponse(resp) }
func (p *Phone) FlowClosed(f *stack.Flow)           { p.ua.FlowClosed(f) }

func token() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
