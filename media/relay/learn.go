package relay

import (
	"net/netip"
	"time"
)

// Limits of learning on a plain leg.
const (
	probation      = 500 * time.Millisecond // a source that nothing vouches for must be alone for so long
	probationCount = 10                     // and must have sent so many packets
	vouchedCount   = 3                      // packets from the address that the signalling comes from
	candidateQuiet = 200 * time.Millisecond // a candidate silent for so long makes room for another
)

// verdict says what to do with a packet by its source.
type verdict int

const (
	stranger verdict = iota // drop and count
	early                   // drop: not yet trusted
	accept                  // trusted, as far as the source goes
)

// learner decides which source is the peer (symmetric RTP). It is a value without clock or socket.
//
// A secure leg follows any source that proves the key: an address is learned only from authenticated, new packets.
// A plain leg has nothing to prove, so the negotiated address is preferred. Another source is believed only when nothing came from the
// negotiated address, only within a window after (re)negotiation, and only after a probation in which it was alone: a stranger who
// sprays first is displaced as soon as the negotiated address speaks. After the window what was learned is pinned until the
// next negotiation, except against the negotiated address of the same host: whoever sends from its own address is not behind a translation that
// hides it, and another of its ports may be the telephone of a call that is over, which was not told so.
type learner struct {
	secure     bool
	negotiated netip.AddrPort
	vouched    netip.Addr // where the signalling comes from; invalid: unknown
	closes     int64      // monotonic nanoseconds: the window's end

	current   netip.AddrPort // the trusted source; invalid: none yet
	candidate netip.AddrPort
	ssrc      uint32 // of the candidate
	since     int64  // the candidate's first packet
	last      int64  // the candidate's last packet
	count     int
}

// renew starts a negotiation's learning. What was learned before stays if the negotiated address did not change: a re-INVITE
// for hold must not lose a peer behind NAT. In the clear it goes when the signalling comes from another host by now: then the NAT is another.
func (l *learner) renew(secure bool, negotiated netip.AddrPort, vouched netip.Addr, now int64, window time.Duration) {
	old := *l
	*l = learner{secure: secure, negotiated: negotiated, vouched: vouched, closes: now + int64(window)}
	if old.negotiated == negotiated && old.secure == secure && (secure || old.vouched == vouched) {
		l.current = old.current
	}
}

// target is where to send: the learned source, else the negotiated address.
func (l *learner) target() netip.AddrPort {
	if l.current.IsValid() {
		return l.current
	}
	return l.negotiated
}

// admit judges a plain leg's packet by its source. On a secure leg it accepts every source: the key decides, then authentic is called.
func (l *learner) admit(src netip.AddrPort, ssrc uint32, now int64) verdict {
	switch {
	case l.secure || src == l.current && src.IsValid():
		return accept
	case src == l.negotiated && (!l.current.IsValid() || now < l.closes || src.Addr() == l.current.Addr()):
		l.current = src
		return accept
	case !src.IsValid() || l.current.IsValid() || now >= l.closes || !l.plausible(src):
		return stranger
	}
	return l.try(src, ssrc, now)
}

// plausible: when the signalling's address is known, only that host may speak from elsewhere.
func (l *learner) plausible(src netip.AddrPort) bool {
	return !l.vouched.IsValid() || src.Addr() == l.vouched || src.Addr() == l.negotiated.Addr()
}

func (l *learner) try(src netip.AddrPort, ssrc uint32, now int64) verdict {
	if src != l.candidate || ssrc != l.ssrc {
		if l.candidate.IsValid() && now-l.last < int64(candidateQuiet) {
			l.since, l.count, l.last = now, 0, now // two at once: neither is alone
			return stranger
		}
		l.candidate, l.ssrc, l.since, l.count = src, ssrc, now, 0
	}
	l.count++
	l.last = now
	need, wait := probationCount, int64(probation)
	if src.Addr() == l.vouched && l.vouched != l.negotiated.Addr() { // SDP says one address, signalling another: plainly NAT
		need, wait = vouchedCount, 0
	}
	if l.count >= need && now-l.since >= wait {
		l.current = src
		return accept
	}
	return early
}

// authentic tells that a secure leg's packet proved the key and was newer than all before; it reports whether the target changed.
func (l *learner) authentic(src netip.AddrPort) bool {
	if !l.secure || src == l.current {
		return false
	}
	changed := l.target() != src
	l.current = src
	return changed
}

// extend reopens the window: the peer was told the same again (183, then 200) and may begin only now.
func (l *learner) extend(now int64, window time.Duration) {
	if !l.current.IsValid() {
		l.closes = max(l.closes, now+int64(window))
	}
}
