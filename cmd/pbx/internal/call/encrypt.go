package call

import (
	"slices"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// securing is a question to a party that has plain RTP: somebody wants to send it where the class of numbers demands encryption. It talks on
// meanwhile, and nothing of what was wanted has happened.
type securing struct {
	asked *party
	then  func()          // it is encrypted now
	fail  func(sip.Cause) // it will not be
	asker asker           // owed an answer should the party go first; nil: nobody
}

// class is what the numbers of the call demand of each leg. Help is reached however it can be, by a carrier in the clear too.
func (c *Call) class() string {
	if c.urgent {
		return ""
	}
	return c.plan.Record.Media
}

// demands is the encryption of a leg whose device or trunk asks for s, in a call whose class of numbers may ask for more. What must be encrypted
// stays so whoever else forbids it: then the leg is refused with 488 (threats E12).
func (c *Call) demands(s media.Security) media.Security { return strictest(c.class(), s) }

func strictest(class string, s media.Security) media.Security {
	switch {
	case class == route.EncryptRequired && (s == media.SecurityPreferred || s == media.SecurityForbidden):
		return media.SecurityRequired
	case class == route.EncryptForbidden && s == media.SecurityPreferred:
		return media.SecurityForbidden
	}
	return s
}

// join the class of other numbers to that of the call: the stricter holds, for who is here from its next offer or answer on.
func (c *Call) joinClass(class string) {
	c.plan.Record.Media = route.Stricter(c.plan.Record.Media, class)
	for _, p := range []*party{c.caller, c.winner} {
		if p != nil {
			p.security = c.demands(p.security)
		}
	}
}

// inClear says that what a party says and hears is known not to be encrypted.
func (p *party) inClear() bool { return p.agreed && p.ep != nil && !p.ep.Stats().Secure }

// staysInClear says that p is not encrypted, or cannot be by the offer that it came with.
func (p *party) staysInClear() bool {
	if p.agreed || p.local != nil || p.offer == nil {
		return p.inClear()
	}
	ep, ok := p.ep.(media.Guarded)
	return ok && !ep.Secures(p.offer)
}

// mayBeInClear says the same of a party that still rings, by what it was offered.
func (p *party) mayBeInClear() bool {
	switch {
	case p.agreed:
		return p.inClear()
	case p.security == media.SecurityPreferred:
		return !p.dest.Profile.SecureSIP && !p.dest.Profile.Browser
	}
	return p.security == media.SecurityForbidden
}

// encryptFirst asks a party for encryption that a class demands and the party has not, before anything else is done; then is called when it
// agreed, fail when it did not, either later or at once. False: there is nothing to ask for.
func (c *Call) encryptFirst(class string, p *party, then func(), fail func(sip.Cause)) bool {
	if class != route.EncryptRequired || p == nil || !p.inClear() {
		return false
	}
	if c.securing != nil || c.aligning != nil || c.fax != nil { // another offer is on its way, or will be
		fail(sip.StatusCause(491))
		return true
	}
	want := c.want(p, withTwin([]media.Codec{p.ep.Codec()}))
	want.Security = media.SecurityRequired
	sdp, err := p.ep.Offer(want)
	if err != nil {
		c.log.Info("call: a party cannot be encrypted", "leg", p.id, "err", err)
		fail(mediaCause(err))
		return true
	}
	c.log.Info("call: asking for encryption", "leg", p.id)
	p.says(want)
	c.securing = &securing{asked: p, then: then, fail: fail}
	p.leg.Offer(sdp)
	return true
}

// encryptionAnswered looks what came of the question to p; false: it was not asked.
func (c *Call) encryptionAnswered(p *party) bool {
	e := c.securing
	if e == nil || e.asked != p {
		return false
	}
	c.securing = nil
	if p.inClear() {
		c.log.Info("call: a party stays in the clear", "leg", p.id)
		e.fail(sip.CauseNotAcceptable)
		return true
	}
	p.security = strictest(route.EncryptRequired, p.security) // a re-INVITE cannot take it back
	c.log.Info("call: encrypted", "leg", p.id, "bridge", c.bridge.String())
	e.then()
	return true
}

// encryptionLeft: p goes without an answer. Who hangs up with it hears of that.
func (c *Call) encryptionLeft(p *party) {
	e := c.securing
	if e == nil || e.asked != p {
		return
	}
	c.securing = nil
	if e.asker != nil {
		e.asker.reply(ErrState)
	}
}

// exposed says that somebody would talk in the clear where the class of numbers forbids it: whatever way led here, nobody does.
func (c *Call) exposed() bool {
	return c.class() == route.EncryptRequired && slices.ContainsFunc(c.talkers(), (*party).inClear)
}

// talks says that p and another talk, and that nothing else is happening to them.
func (c *Call) talks(p *party) bool {
	return c.phase == Talking && p.phase < PartyLeaving && c.other(p) != nil && c.surrender == nil
}

// encryptedToGive says that a call may have the legs: theirs and ours are as encrypted as both calls demand. False: the answer will come, or came.
func (c *Call) encryptedToGive(e Surrender, legs []*party) bool {
	if c.urgent { // the call that asks says the same by demanding nothing
		return true
	}
	if e.Clear && c.plan.Record.Media == route.EncryptRequired {
		e.To.Post(Kept{Cause: sip.CauseNotAcceptable, Class: c.plan.Record.Media})
		return false
	}
	for _, q := range legs {
		if e.Class == route.EncryptRequired && !q.agreed && q.mayBeInClear() { // too late to offer it another way
			e.To.Post(Kept{Cause: sip.CauseNotAcceptable})
			return false
		}
		before := c.securing
		if c.encryptFirst(e.Class, q, func() { c.onSurrender(e) }, func(cause sip.Cause) { e.To.Post(Kept{Cause: cause}) }) {
			if c.securing != before { // else it was refused already, and one answer is enough
				c.securing.asker = e
			}
			return false
		}
	}
	return true
}
