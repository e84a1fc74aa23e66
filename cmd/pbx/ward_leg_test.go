package main

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/media/sdp"
	"naisen/sip"
)

// wardLeg is one party's signalling in the ward, without SIP: what a phone or a carrier does, at the ward's time.
type wardLeg struct {
	w       *ward
	id      call.LegID
	ext     string // empty: outside
	inbound bool
	neg     *sdp.Session
	dice    *rand.Rand

	mu      sync.Mutex // guards the rest
	mailbox *call.Mailbox
	up      bool // answered
	over    bool // Ended was posted
}

func (w *ward) newLeg(id call.LegID, ext string, m *call.Mailbox, inbound bool) *wardLeg {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.legs++
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(w.legs >> 14), byte(w.legs >> 6)}), uint16(20000+2*(w.legs&63)))
	l := &wardLeg{w: w, id: id, ext: ext, mailbox: m, inbound: inbound, dice: rand.New(rand.NewPCG(w.seed, uint64(w.legs)))}
	l.neg = sdp.New(sdp.Config{Addr: at.Addr(), Port: int(at.Port()), Codecs: []media.Codec{media.PCMU}, SessionID: uint64(w.legs)})
	return l
}

func (l *wardLeg) post(e call.Event) {
	if l.mailbox != nil { // else it belongs to no call yet
		l.mailbox.Post(e)
	}
}

func (l *wardLeg) after(least, most time.Duration, f func()) {
	l.mu.Lock()
	d := least + time.Duration(l.dice.Int64N(int64(most-least)+1))
	l.mu.Unlock()
	time.AfterFunc(d, f)
}

// ended posts the last event, once.
func (l *wardLeg) ended(cause sip.Cause, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	l.w.gone(l)
	l.post(call.Ended{Leg: l.id, Cause: cause, Refused: refused})
}

func (l *wardLeg) ID() call.LegID          { return l.id }
func (l *wardLeg) Ring(media.SDP)          {}
func (l *wardLeg) Reply(media.SDP)         {}
func (l *wardLeg) Refuse(sip.Cause)        {}
func (l *wardLeg) ReferProgress(sip.Cause) {}
func (l *wardLeg) Digit(rune)              {}
func (l *wardLeg) Probe()                  {}
func (l *wardLeg) Show(route.Shown)        {}
func (l *wardLeg) Detach()                 { l.post(call.Detached{Leg: l.id}) }
func (l *wardLeg) Dialog() call.Dialog     { return call.Dialog{CallID: string(l.id), Inbound: l.inbound} }
func (l *wardLeg) End(c sip.Cause)         { l.after(0, 20*time.Millisecond, func() { l.ended(c, !l.isUp()) }) }
func (l *wardLeg) Attach(m *call.Mailbox)  { l.mu.Lock(); l.mailbox = m; l.mu.Unlock() }
func (l *wardLeg) Answer(media.SDP)        { l.mu.Lock(); l.up = true; l.mu.Unlock() }
func (l *wardLeg) isUp() bool              { l.mu.Lock(); defer l.mu.Unlock(); return l.up }
func (l *wardLeg) Offer(o media.SDP) {
	l.after(time.Millisecond, 20*time.Millisecond, func() {
		if s, _, err := l.neg.Answer(o, media.Want{Prefer: []media.Codec{media.PCMU}}); err == nil {
			l.post(call.Agreed{Leg: l.id, SDP: s})
		} else {
			l.post(call.Disagreed{Leg: l.id, Cause: sip.StatusCause(488)})
		}
	})
}

// rung is a called telephone: it rings, is answered by most people, and refuses while they talk.
func (l *wardLeg) rung(offer media.SDP, busy bool) {
	if busy {
		l.after(5*time.Millisecond, 50*time.Millisecond, func() { l.ended(sip.StatusCause(486), true) })
		return
	}
	l.after(20*time.Millisecond, 200*time.Millisecond, func() { l.post(call.Progress{Leg: l.id, Status: 180}) })
	l.mu.Lock()
	nobody := l.dice.IntN(8) == 0
	l.mu.Unlock()
	if nobody {
		return
	}
	l.after(2*time.Second, 15*time.Second, func() {
		s, _, err := l.neg.Answer(offer, media.Want{Prefer: []media.Codec{media.PCMU}})
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil || l.over || !l.w.pickUp(l) {
			return
		}
		l.up = true
		l.post(call.Answered{Leg: l.id, SDP: s})
	})
}
