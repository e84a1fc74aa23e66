package relay

import (
	"net/netip"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/media/rtp"
	"naisen/media/sdp"
	"naisen/media/secure"
)

// endpoint is one leg. The upper part belongs to signalling (one caller at a time), the middle is what the two exchange, and leg is the
// shard's alone.
type endpoint struct {
	id      string
	ssrc    uint32 // of all that we send to the peer
	closing atomic.Bool
	serial  uint64
	engine  *Engine
	traits  traits
	post    func(media.Event)
	socks   pair
	neg     *sdp.Session
	web     *web // never nil: what few packets need, so that the endpoint stays in its allocator's size

	home    atomic.Pointer[shard] // where it shall live
	shard   atomic.Pointer[shard] // where it lives: the owner of leg
	bridge  atomic.Pointer[bridge]
	session atomic.Pointer[session] // what was negotiated; nil before
	route   atomic.Pointer[route]   // what the bridge says; nil outside
	remote  atomic.Pointer[netip.AddrPort]
	count   counters
	closed  chan struct{} // all is released

	gauge *gauge // its own, and all of it but shown the shard's
	leg   leg
}

// leg is the packet state of an endpoint, touched by its shard only.
type leg struct {
	slot int32 // in the shard's table; -1: not served
	gone bool  // closed
	// The three of the present negotiation stand here because an endpoint just fits a size that the allocator has.
	heardAny bool // FirstPacket was posted
	heardCtl bool // the peer sends RTCP

	session *session // adopted
	learn   learner
	to      address // of RTP
	toCtl   address // of RTCP
	ctlFrom netip.AddrPort

	stream    stream
	receiver  *rtp.Receiver
	events    *rtp.EventDetector
	stamp     *rtp.Restamper
	heard     int64  // the last authenticated packet, or the start of the negotiation
	told      int64  // when Timeout was posted last; 0: not since it was heard
	sentAt    int64  // the last RTP packet sent
	sent      uint32 // for our SR
	sentBytes uint32
	quota     int // packets that may still come before the next housekeeping

	trans *transcoder // what it hears, where that must be made; nil: nothing was yet
	echo  *echo       // the last digit made anew for it

	play *play
	keys *keys // digits being sent; nil: none was yet
}

// busy: something is to be sent by the pacer.
func (l *leg) busy() bool {
	return l.play != nil || l.keys != nil && (l.keys.now != nil || len(l.keys.waiting) > 0)
}

// traits are what an endpoint remembers of its profile.
type traits struct {
	local, peer netip.Addr
	quiet       time.Duration
	dscp        int
}

func newEndpoint(e *Engine, p media.Profile, post func(media.Event), socks pair) *endpoint {
	addr := p.Advertise
	if !addr.IsValid() {
		addr = p.Local
	}
	if p.Quiet == 0 {
		p.Quiet = 30 * time.Second
	}
	ep := &endpoint{
		id: randomID(), serial: e.serial.Add(1), engine: e, traits: traits{local: p.Local, peer: p.Peer, quiet: p.Quiet, dscp: p.DSCP}, post: post, socks: socks,
		closed: make(chan struct{}), web: &web{buried: make(chan struct{})},
		neg: sdp.New(sdp.Config{
			Browser: p.Browser, ICE: p.ICE && !p.Browser, Fingerprint: e.certificate.Fingerprint(),
			Addr: addr.Unmap(), Port: socks.port, Codecs: p.Codecs, SecureSIP: p.SecureSIP, Suites: suites(p.Suites),
			SessionID: uint64(random32())<<31 | uint64(random32()),
		}),
	}
	ep.ssrc, ep.gauge = random32(), &gauge{lull: p.Lull}
	ep.web.dscp.Store(int32(marking(p.DSCP, p.Class)))
	ep.leg = leg{
		slot: -1, receiver: rtp.NewReceiver(firstClock), events: rtp.NewEventDetector(firstClock),
		quota: e.cfg.PacketRate, stamp: rtp.NewRestamper(ep.ssrc, uint16(random32()), random32(), firstClock),
	}
	return ep
}

// peer is where the leg's signalling comes from; invalid: nobody knows.
func (e *endpoint) peer() netip.Addr {
	if at := e.web.peer.Load(); at != nil {
		return *at
	}
	return e.traits.peer
}

// Roamed implements media.Roamer.
func (e *endpoint) Roamed(peer netip.Addr) {
	if e.peer().IsValid() {
		e.web.peer.Store(&peer)
	}
}

// suites of a profile.
func suites(names []string) (out []secure.Suite) {
	for _, n := range names {
		out = append(out, secure.Suite(n))
	}
	return out
}

// settle gives a new endpoint to its first shard.
func (e *endpoint) settle(s *shard) {
	e.home.Store(s)
	e.shard.Store(s)
	s.load.Add(1)
	e.command(func(s *shard, e *endpoint, _ int64) { s.take(e) })
}

// rehome brings the endpoint to a shard: that of the bridge that it joins.
func (e *endpoint) rehome(to *shard) {
	old := e.home.Swap(to)
	if old == to {
		return
	}
	old.load.Add(-1)
	to.load.Add(1)
	e.command(func(s *shard, e *endpoint, _ int64) { s.move(e, to) })
}

// command has the endpoint's shard do something.
func (e *endpoint) command(do func(*shard, *endpoint, int64)) {
	e.shard.Load().post(&command{ep: e, do: do})
}

// ID of the endpoint: random, so that it tells nothing.
func (e *endpoint) ID() string { return e.id }

// Offer makes our offer.
func (e *endpoint) Offer(w media.Want) (media.SDP, error) {
	if e.closing.Load() {
		return nil, media.ErrClosed
	}
	return e.neg.Offer(w)
}

// Answer answers the peer's offer and puts the outcome in force at once: the peer may send as soon as it has our answer.
func (e *endpoint) Answer(offer media.SDP, w media.Want) (media.SDP, error) {
	if e.closing.Load() {
		return nil, media.ErrClosed
	}
	answer, agreed, err := e.neg.Answer(offer, w)
	if err != nil {
		return nil, err
	}
	return answer, e.publish(agreed)
}

// Accept takes the peer's answer and puts the outcome in force.
func (e *endpoint) Accept(answer media.SDP) error {
	if e.closing.Load() {
		return media.ErrClosed
	}
	agreed, err := e.neg.Accept(answer)
	if err != nil {
		return err
	}
	return e.publish(agreed)
}

// Allows tells which audio codecs of the peer's description this leg could use.
func (e *endpoint) Allows(d media.SDP) ([]media.Codec, error) { return e.neg.Allows(d) }

// Wishes implements media.Wisher.
func (e *endpoint) Wishes() media.Preference { return e.neg.Wishes() }

// Secures implements media.Guarded.
func (e *endpoint) Secures(d media.SDP) bool { return e.neg.Secures(d) }

// Fax implements media.Faxer.
func (e *endpoint) Fax(d media.SDP, security media.Security) (media.Fax, bool, error) {
	return e.neg.Fax(d, security)
}

// Rollback forgets our open offer. Nothing of it was in force.
func (e *endpoint) Rollback() { e.neg.Rollback() }

// publish puts an outcome in force. The same outcome again (18x, then 200) changes nothing but the time to learn an address.
func (e *endpoint) publish(a sdp.Agreed) error {
	e.web.mu.Lock()
	defer e.web.mu.Unlock()
	a = e.keyed(a)
	prev := e.session.Load()
	if prev != nil {
		same := prev.agreed
		same.SameKeys = a.SameKeys
		if same == a {
			e.command(func(_ *shard, e *endpoint, now int64) { e.confirmed(now) })
			return nil
		}
	}
	s, err := compile(a, prev)
	if err != nil {
		return err
	}
	e.enforce(s)
	return nil
}

// confirmed: the peer was told the same again. From another network it means another address, though its own is the same behind the NAT.
func (e *endpoint) confirmed(now int64) {
	l, window := &e.leg, e.engine.cfg.LearnWindow
	if s := e.current(now); s != nil && usable(s.remote) && l.learn.vouched != e.peer() {
		l.learn.renew(s.secure, s.remote, e.peer(), now, window)
		e.aim()
		l.ctlFrom = netip.AddrPort{}
		return
	}
	l.learn.extend(now, window)
}

// enforce puts a session in force. web.mu is held: keys and exchanges come from different goroutines.
func (e *endpoint) enforce(s *session) {
	e.session.Store(s)
	e.command(func(s *shard, e *endpoint, now int64) {
		e.current(now)
		s.repace(e)
	})
}

// Codec that was negotiated; empty before.
func (e *endpoint) Codec() media.Codec {
	if s := e.session.Load(); s != nil {
		return s.agreed.Codec
	}
	return ""
}

// PeerHolds says that the peer's last description was a hold.
func (e *endpoint) PeerHolds() bool {
	s := e.session.Load()
	return s != nil && s.agreed.PeerHolds
}

// SendDigit sends an RFC 4733 event; digits queue up. One that the peer did not agree to, or that finds the queue full, is counted and dropped.
func (e *endpoint) SendDigit(r rune) {
	if e.closing.Load() || !rtp.IsDigit(r) {
		return
	}
	e.command(func(s *shard, e *endpoint, now int64) { s.queueDigit(e, r) })
}

// Close leaves the bridge, ends what plays, releases sockets and keys and returns when the shard has let go: at most a few milliseconds.
// It must not be called from the endpoint's own event function.
func (e *endpoint) Close() error {
	if e.closing.CompareAndSwap(false, true) {
		if b := e.bridge.Load(); b != nil {
			b.Leave(e)
		}
		e.web.end()
		e.command(func(s *shard, e *endpoint, now int64) { s.bury(e, now) })
		<-e.web.buried
		e.engine.ports.close(e.socks, e.engine.Now()) // here, not on the shard: the allocator's lock is signalling's
		e.home.Load().load.Add(-1)
		e.engine.forget(e)
		close(e.closed)
	}
	<-e.closed
	return nil
}

// bury ends an endpoint's packets and drops its keys; nothing touches the sockets after it.
func (s *shard) bury(e *endpoint, now int64) {
	e.endPlay(false, now)
	s.goodbye(e, now)
	s.drop(e)
	if old := e.session.Load(); old != nil { // what it was stays to be told; the keys go
		e.session.Store(&session{secure: old.secure, suite: old.suite, agreed: sdp.Agreed{Codec: old.agreed.Codec}})
	}
	e.leg.gone, e.leg.session, e.leg.keys, e.leg.trans, e.leg.echo = true, nil, nil, nil, nil
	close(e.web.buried)
}

// current returns the session in force, adopting a new one first; nil before negotiation.
func (e *endpoint) current(now int64) *session {
	if e.leg.gone {
		return nil
	}
	s := e.session.Load()
	if s != e.leg.session && s != nil {
		e.adopt(s, now)
	}
	return s
}

// adopt starts a new negotiation's packet state. The stream towards the peer (SSRC, sequence, timestamps) goes on.
func (e *endpoint) adopt(s *session, now int64) {
	l := &e.leg
	l.session = s
	l.stamp.SetClock(s.clock)
	l.receiver.SetClock(s.clock)
	if c := s.agreed.EventClock; c != 0 && c != l.events.Clock() {
		l.events = rtp.NewEventDetector(c)
	}
	if usable(s.remote) || s.agreed.DTLS.Beside && !l.learn.secure { // a hold by 0.0.0.0 says nothing about where the peer is
		l.learn.renew(s.secure, s.remote, e.peer(), now, e.engine.cfg.LearnWindow)
		e.aim()
		l.ctlFrom, l.toCtl = netip.AddrPort{}, address{}
		if usable(s.remoteCtl) {
			l.toCtl = addressOf(s.remoteCtl)
		}
	}
	l.heard, l.told, l.heardAny = now, 0, false
	if g := e.gauge; g.reportAt == 0 {
		g.reportAt = now + int64(randomInterval(e.engine.cfg.ReportInterval))/2 // RFC 3550 section 6.2: the first one sooner
	}
}

// aim sets where RTP goes.
func (e *endpoint) aim() {
	target := e.leg.learn.target()
	e.leg.to = address{}
	if usable(target) {
		e.leg.to = addressOf(target)
	}
	e.remote.Store(&target)
}
